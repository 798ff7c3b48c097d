"""What live pictures need, compiled in one thread beside them.

Compiling takes a second or two of Python's time, and frames come twenty times a second: so it is done outside of the
compute slot, and meanwhile a frame is looked at as well as that is possible without.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from weakref import WeakKeyDictionary

import core

Key = tuple[str, ...]


class Ready:
    """Whether something is compiled for a network; see the module."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="ready")
        self._made: WeakKeyDictionary[core.Classifier, dict[Key, Future[object]]] = WeakKeyDictionary()

    def ask(self, classifier: core.Classifier, key: Key, make: Callable[[], object], *, wait: bool = False) -> bool:
        """Whether ``make`` was done for this key and network; it is begun where it was not, and ``wait`` waits for it.

        One that failed counts as done: who then does the same is told why.
        """
        with self._lock:
            own = self._made.setdefault(classifier, {})
            if key not in own:
                own[key] = self._pool.submit(make)
            found = own[key]
        if wait:
            found.exception()
        return found.done()


READY = Ready()
