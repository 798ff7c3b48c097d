"""A function that is compiled when it is first called: that takes seconds of Python's time, so it is done aside."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import tensorflow as tf

from core.pauses import aside, staying

__all__ = ["FEW", "Compiled", "is_uncompiled", "uncompiled"]

FEW = 2
"""Calls that run step by step, of what is asked of many layers and of each a few times."""
_eager: ContextVar[bool] = ContextVar("eager", default=False)


@contextmanager
def uncompiled() -> Iterator[None]:
    """Inside, what is made with ``Classifier.told`` runs step by step, in this thread, unless it is compiled already.

    For what runs once or twice: compiling takes longer than that.
    """
    before = _eager.set(True)
    try:
        with staying():
            yield
    finally:
        _eager.reset(before)


def is_uncompiled() -> bool:
    """Whether this runs inside ``uncompiled``."""
    return _eager.get()


class Compiled:
    """What ``make`` gives, a ``tf.function``; it is made, traced and called for the first time by ``aside``.

    Where several threads call it first, one of them makes it. Inside of another function that is being compiled, or of
    ``uncompiled``, it is made there, and the first call is yet to come.

    The first ``plain`` calls run step by step instead, where what is made can do so (``Classifier.told``): for what
    most people ask for once, and which takes longer to trace than to run.
    """

    def __init__(self, make: Callable[[], Any], *, plain: int = 0) -> None:
        self._make: Callable[[], Any] | None = make
        self._plain = plain
        self._function: Any = None
        self._ready = False
        self._lock = threading.RLock()

    def __call__(self, *args: Any) -> Any:
        """Call it. Raises what ``make`` or the function raises."""
        if self._ready and is_uncompiled():  # it is compiled: nothing is quicker
            before = _eager.set(False)
            try:
                return self._made()(*args)
            finally:
                _eager.reset(before)
        if self._ready or is_uncompiled() or not tf.executing_eagerly():
            return self._made()(*args)
        if self._plain > 0:
            self._plain -= 1
            with uncompiled():
                return self._made()(*args)
        return aside(lambda: self._first(*args))

    def experimental_get_tracing_count(self) -> int:
        """How often it was traced."""
        return int(self._function.experimental_get_tracing_count()) if self._function else 0

    def _first(self, *args: Any) -> Any:
        with self._lock:
            found = self._made()(*args)
            self._ready = True
        return found

    def _made(self) -> Any:
        if self._function is None:
            with self._lock:
                if self._function is None and self._make is not None:
                    self._function, self._make = self._make(), None
        return self._function
