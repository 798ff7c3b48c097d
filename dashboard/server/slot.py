"""The compute slot: who computes holds it, for about 0.2 seconds at a time.

First come, first served; short work (a prediction, the activations of a layer) goes before long work, but four short
turns in a row are followed by a long one. Whoever waits is told how many are before him, touches Streamlit every 0.2
seconds and so can be interrupted. The slot is the innermost of all locks: nobody waits for anything else while he
holds it, but leaves it with ``SLOT.paused()`` for that time. What core compiles inside is compiled without it
(``compiling``).

    with SLOT.turn(short=True):
        found = core.predict(net, picture)
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import core
from dashboard.server import sessions
from dashboard.server.compiling import COMPILING

CHUNK = 0.2
SHORT_IN_A_ROW = 4
Result = TypeVar("Result")


@dataclass(frozen=True)
class Waiting:
    """How many are before somebody, and for about how many seconds."""

    before: int
    seconds: float

    @property
    def sentence(self) -> str:
        """For the page."""
        who = "one other person is" if self.before == 1 else f"{self.before} others are"
        return f"Waiting for the machine: {who} before you, about {max(1, round(self.seconds))} s…"


@dataclass(eq=False)
class _Ticket:
    short: bool
    granted: threading.Event = field(default_factory=threading.Event)


class Slot:
    """See the module."""

    def __init__(self, chunk: float = CHUNK) -> None:
        self._chunk = chunk
        self._lock = threading.Lock()
        self._short: deque[_Ticket] = deque()
        self._long: deque[_Ticket] = deque()
        self._holder: _Ticket | None = None
        self._since = 0.0
        self._in_a_row = 0
        self._usual = {True: 0.05, False: chunk}
        self._mine = threading.local()

    @contextmanager
    def turn(self, *, short: bool = False, tell: Callable[[Waiting], object] | None = None) -> Iterator[None]:
        """Hold the slot, and give way at the pauses of what runs inside; no effect where this thread holds it."""
        if self.mine:
            yield
            return
        self._take(short, tell)
        try:
            with core.pausing(self.give_way, elsewhere=self.compiled):
                yield
        finally:
            self._leave()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the slot, where this thread holds it, while something else is waited for."""
        ticket = self._leave()
        try:
            yield
        except Exception:
            self._take_again(ticket)
            raise
        self._take_again(ticket)  # not where the script run is ended: that computes no more

    def compiled(self, work: Callable[[], Result]) -> Result:
        """What some work of core's gives that compiles: done in the thread for that, while others have the slot."""
        with self.paused():
            return COMPILING.done(work)

    def give_way(self) -> None:
        """Let others go first, where they wait and this thread has had its 0.2 seconds."""
        sessions.touch()
        ticket = self._ticket
        if ticket is not None and self.waiting and time.monotonic() - self._since >= self._chunk:
            self._leave()
            self._take(ticket.short, None)

    @property
    def mine(self) -> bool:
        """Whether this thread holds it."""
        return self._ticket is not None

    @property
    def waiting(self) -> int:
        """How many wait for it."""
        return len(self._short) + len(self._long)

    @property
    def held(self) -> bool:
        """Whether anybody holds it."""
        return self._holder is not None

    @property
    def _ticket(self) -> _Ticket | None:
        return getattr(self._mine, "ticket", None)

    def _take(self, short: bool, tell: Callable[[Waiting], object] | None) -> None:
        ticket = _Ticket(short)
        with self._lock:
            (self._short if short else self._long).append(ticket)
            if self._holder is None:
                self._hand_on()
        try:
            while not ticket.granted.wait(CHUNK):
                sessions.touch()
                if tell is not None:
                    tell(self._before(ticket))
        except BaseException:
            self._withdraw(ticket)
            raise
        self._mine.ticket = ticket

    def _take_again(self, ticket: _Ticket | None) -> None:
        if ticket is not None:
            with sessions.undisturbed():  # whatever comes, it must hold the slot
                self._take(ticket.short, None)

    def _leave(self) -> _Ticket | None:
        ticket = self._ticket
        if ticket is not None:
            self._mine.ticket = None
            self._withdraw(ticket)
        return ticket

    def _withdraw(self, ticket: _Ticket) -> None:
        """Out of the queue, or out of the slot where it had just been granted."""
        with self._lock:
            if self._holder is ticket:
                took = time.monotonic() - self._since
                self._usual[ticket.short] += 0.2 * (took - self._usual[ticket.short])
                self._hand_on()
            else:
                (self._short if ticket.short else self._long).remove(ticket)

    def _hand_on(self) -> None:
        """The slot goes to the next one directly, so that nobody pushes in."""
        short = bool(self._short) and not (self._long and self._in_a_row >= SHORT_IN_A_ROW)
        queue = self._short if short else self._long
        self._in_a_row = self._in_a_row + 1 if short else 0
        self._holder = queue.popleft() if queue else None
        if self._holder is not None:
            self._since = time.monotonic()
            self._holder.granted.set()

    def _before(self, ticket: _Ticket) -> Waiting:
        with self._lock:
            queues = [self._short] if ticket.short else [self._short, self._long]
            ahead = [one for queue in queues for one in queue]
            ahead = ahead[: ahead.index(ticket)] if ticket in ahead else ahead
            ahead += [self._holder] if self._holder not in (None, ticket) else []
            return Waiting(len(ahead), sum(self._usual[one.short] for one in ahead if one is not None))


SLOT = Slot()
ASIDE = Slot()
"""For work that cannot give way and needs no TensorFlow, such as t-SNE: one at a time beside what the slot does."""
