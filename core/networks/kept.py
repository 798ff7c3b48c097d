"""What was made once for a network, such as compiled functions: a bounded table that many threads share."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any

from core.pauses import staying


@dataclass(eq=False)
class _Making:
    """Held by whoever makes a value, and waited for by those who want the same one."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    users: int = 0


class Kept:
    """Values by key, each made once; the latest ``most`` are kept.

    While one thread makes a value, those that want the same value wait for it, and nobody else does. A ``make`` that
    fails is told to its caller only; whoever waited then tries for himself. A ``make`` may ask for other keys.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Hashable, Any] = OrderedDict()
        self._making: dict[Hashable, _Making] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Hashable]:
        """The keys, the least used first."""
        with self._lock:
            return iter([*self._values])

    def __contains__(self, key: Hashable) -> bool:
        return key in self._values

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The value of a key, from ``make`` where there is none yet."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
            making = self._making.setdefault(key, _Making())
            making.users += 1
        try:
            with making.lock, staying():
                return self._values[key] if key in self._values else self._made(key, make())
        finally:
            with self._lock:
                making.users -= 1
                if not making.users:
                    del self._making[key]

    def _made(self, key: Hashable, value: Any) -> Any:
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return value
