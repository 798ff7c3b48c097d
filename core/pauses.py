"""Where long routines let others in.

A routine that answers only at its end (a bisection, an average over many windows) cannot be left in the middle as a
generator can. So it calls ``pause`` about every 0.2 seconds, where nothing is half done; what happens then is up to the
program: nothing, or what it asked for with ``pausing``. An exception from there ends the routine.

What takes seconds of Python's time rather than of the machine's cores, such as compiling, is done by ``aside``: the
program may have it done elsewhere, and let others compute meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

__all__ = ["aside", "each", "pause", "pausing", "staying"]

Item = TypeVar("Item")
Result = TypeVar("Result")
Elsewhere = Callable[[Callable[[], Any]], Any]
"""Does some work, in whatever thread, and gives its result."""

_between: ContextVar[Callable[[], None] | None] = ContextVar("between", default=None)
_elsewhere: ContextVar[Elsewhere | None] = ContextVar("elsewhere", default=None)


@contextmanager
def pausing(between: Callable[[], None], *, elsewhere: Elsewhere | None = None) -> Iterator[None]:
    """Call ``between`` at every pause of the routines that run inside, in this thread.

    What they compile is done by ``elsewhere``, where that is given.

    >>> with core.pausing(lambda: print("still at it")):
    ...     core.minimal_epsilon(net, photo, [label])
    """
    before, done = _between.set(between), _elsewhere.set(elsewhere)
    try:
        yield
    finally:
        _between.reset(before)
        _elsewhere.reset(done)


def pause() -> None:
    """Let others in, where the program wants it."""
    between = _between.get()
    if between is not None:
        between()


def each(items: Iterable[Item]) -> Iterator[Item]:
    """Every item, with a pause after the work on each."""
    for item in items:
        yield item
        pause()


def aside(work: Callable[[], Result]) -> Result:
    """The result of some work for Python, done elsewhere where the program wants it: not under a lock, nor a tape."""
    elsewhere = _elsewhere.get()
    found: Result = work() if elsewhere is None else elsewhere(work)
    return found


@contextmanager
def staying() -> Iterator[None]:
    """What runs inside stays in this thread: for who holds a lock."""
    before = _elsewhere.set(None)
    try:
        yield
    finally:
        _elsewhere.reset(before)
