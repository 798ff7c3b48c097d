"""What people brought, while somebody who is here brought it or opened its address; bounded by bytes.

A name is made of a digest that nobody can guess, so an address with one shows the thing to those who were given the
address. What nobody here uses stays as long as there is room. A full server refuses the next one in a sentence: it
never drops what somebody uses.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from dashboard.server import memory, sessions

MIB = memory.MIB


@dataclass(eq=False)
class _Thing:
    value: Any
    size: int
    owner: str
    users: set[str] = field(default_factory=set)
    held: bool = False

    def used(self) -> bool:
        self.users = {one for one in list(self.users) if sessions.here(one)}
        return self.held or bool(self.users)


class Brought:
    """Things by name; see the module."""

    def __init__(self, room: Callable[[], int], each: Callable[[], int], *, dropped: Callable[[Any], object] = id):
        """``room`` is the most bytes in all, ``each`` those of one session; ``dropped`` is told what goes."""
        self._room, self._each, self._dropped = room, each, dropped
        self._lock = threading.Lock()
        self._things: OrderedDict[str, _Thing] = OrderedDict()

    def add(self, name: str, value: Any, size: int) -> str:
        """Keep something of so many bytes; returns its name. Raises ValueError where there is no room for it."""
        session = sessions.current()
        with self._lock:
            if name in self._things:
                self._things[name].users.add(session)
                self._things.move_to_end(name)
                return name
            self._check_own(session, size)
            gone = self._make_room(size)
            self._things[name] = _Thing(value, size, session, {session})
        for one in gone:
            self._dropped(one)
        return name

    def get(self, name: str) -> Any:
        """What has this name, None where it is not here; this session uses it from now on."""
        with self._lock:
            thing = self._things.get(name)
            if thing is None:
                return None
            thing.users.add(sessions.current())
            return thing.value

    def used(self, name: str) -> bool:
        """Whether something is here, and somebody who is here, too, has brought or opened it."""
        with self._lock:
            thing = self._things.get(name)
            return thing is not None and thing.used()

    def hold(self, name: str) -> None:
        """Keep something as long as the server: whoever started it brought it, for everyone."""
        with self._lock:
            self._things[name].held = True

    def held(self, kind: type) -> list[str]:
        """The names of those of one kind that stay as long as the server."""
        with self._lock:
            return [name for name, one in self._things.items() if one.held and isinstance(one.value, kind)]

    def items(self, kind: type) -> Iterator[tuple[str, Any]]:
        """All of one kind, by name."""
        with self._lock:
            return iter([(name, one.value) for name, one in self._things.items() if isinstance(one.value, kind)])

    def forget(self, name: str = "") -> None:
        """Drop one, or all."""
        with self._lock:
            gone = [self._things.pop(one) for one in list(self._things) if name in ("", one)]
        for one in gone:
            self._dropped(one.value)

    @property
    def size(self) -> int:
        """Bytes of all that is here."""
        return sum(one.size for one in list(self._things.values()))

    def __contains__(self, name: str) -> bool:
        return name in self._things

    def _check_own(self, session: str, size: int) -> None:
        most = self._each()
        own = sum(one.size for one in self._things.values() if one.owner == session)
        if own + size > most:
            raise ValueError(
                f"Expected at most {most // MIB} MB of one person's own files at a time, got "
                f"{-(-(own + size) // MIB)} MB with this one; reload the page to start again"
            )

    def _make_room(self, size: int) -> list[Any]:
        """Drop what nobody uses, the oldest first, until there is room; what was dropped."""
        free = self._room() - self.size
        unused = [(name, one) for name, one in self._things.items() if not one.used()]
        if free + sum(one.size for _, one in unused) < size:
            raise ValueError(
                "Expected room for one more file, got a server full of other people's; please try again later"
            )
        gone = []
        for name, one in unused:
            if free >= size:
                break
            free += one.size
            gone.append(self._things.pop(name).value)
        return gone
