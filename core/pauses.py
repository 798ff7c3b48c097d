"""Where long routines let others in.

A routine that answers only at its end (a bisection, an average over many windows) cannot be left in the middle as a
generator can. So it calls ``pause`` about every 0.2 seconds, where nothing is half done; what happens then is up to the
program: nothing, or what it asked for with ``pausing``. An exception from there ends the routine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

__all__ = ["each", "pause", "pausing"]

Item = TypeVar("Item")

_between: ContextVar[Callable[[], None] | None] = ContextVar("between", default=None)


@contextmanager
def pausing(between: Callable[[], None]) -> Iterator[None]:
    """Call ``between`` at every pause of the routines that run inside, in this thread.

    >>> with core.pausing(lambda: print("still at it")):
    ...     core.minimal_epsilon(net, photo, [label])
    """
    before = _between.set(between)
    try:
        yield
    finally:
        _between.reset(before)


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
