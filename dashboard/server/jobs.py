"""Long routines that sessions share."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import streamlit as st

from dashboard.server import slot

Anything = TypeVar("Anything")
WORKS_KEPT = 48


@dataclass
class Work:
    """A long routine that any session may go on with, and its newest result."""

    results: Iterator[Any]
    latest: Any = None
    finished: bool = False


@st.cache_resource
def works() -> OrderedDict[tuple[Any, ...], Work]:
    """The latest long routines of this server, by what they work on."""
    return OrderedDict()


def pursue(
    key: tuple[Any, ...],
    begin: Callable[[], Iterator[Any]],
    *,
    say: Callable[[Any], str],
    share: Callable[[Any], float] = lambda result: float(result.progress),
) -> Any:
    """Go on with a routine where it was left, to its end; its newest result, None where there is none yet.

    It is begun when nobody has. Any click interrupts it and leaves the rest for the next run; after Stop it rests until
    ``go_on``, and what was reached is returned. Raises ValueError as the routine does.
    """
    if key not in works():
        works()[key] = Work(begin())
    work = works()[key]
    works().move_to_end(key)
    while len(works()) > WORKS_KEPT:
        works().popitem(last=False)
    if not work.finished and key not in st.session_state.get("halted", ()):
        _pursue(key, work, say, share)
    return work.latest


def _pursue(key: tuple[Any, ...], work: Work, say: Callable[[Any], str], share: Callable[[Any], float]) -> None:
    place = st.empty()
    with place.container():
        bar = st.progress(0.0, "Getting ready…")
        st.button("Stop", icon=":material/stop:", key=f"stop {key}", on_click=_halt, args=(key,))
    began: float | None = None
    done = 0.0
    try:
        while (one := _next(work.results, bar)) is not None:
            work.latest, part = one, min(share(one), 1.0)
            if began is None:  # what came before the first result was mostly getting ready
                began, done = time.monotonic(), part
            left = (time.monotonic() - began) * (1 - part) / max(part - done, 1e-3)
            bar.progress(part, say(one) + (f", about {left:.0f} s left" if left >= 1 else ""))
    except ValueError:
        works().pop(key, None)
        raise
    work.finished, work.results = True, iter(())
    place.empty()


def _halt(key: tuple[Any, ...]) -> None:
    st.session_state.halted = {*st.session_state.get("halted", ()), key}


def halted() -> bool:
    """Whether this session has stopped a routine and not gone on."""
    return any(key in works() and not works()[key].finished for key in st.session_state.get("halted", ()))


def go_on() -> None:
    """Take up what was stopped."""
    st.session_state.halted = set()


def _next(frames: Iterator[Anything], bar: Any) -> Anything | None:
    """The next frame, computed in the compute slot; while others hold it, says so."""
    while not slot.compute_slot().acquire(timeout=0.2):
        bar.progress(0.0, "Waiting for the machine: somebody else's picture is being made…")
    try:
        return next(frames, None)
    finally:
        slot.compute_slot().release()
