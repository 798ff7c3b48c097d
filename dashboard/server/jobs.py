"""Long routines that sessions share: one table of jobs, bounded by bytes.

A job is a key, a generator, its newest result, and whether it has finished or failed. It computes only while somebody
follows it, one chunk at a time in the compute slot: no thread of its own, so a closed tab ends the computing, and a
reload that opens the same key finds what was reached and goes on. Several sessions may follow one job: one of them
advances it, the others see its newest result; where that one leaves, another takes over. What fails is told to all in
one sentence, is never taken for finished, and may be tried again.

    recipe = Maximize(...)                                      # hashable: the settings are the key
    if st.button("Run"):
        jobs.open(("filters", recipe), lambda: grown(recipe.frames())).go_on()
    if job := jobs.find(("filters", recipe)):                   # also after a reload, whose address has the settings
        st.button("Stop", on_click=job.stop)                    # for this session; others who follow it go on
        bar = st.progress(job.progress)
        for growth in job.follow(tell=lambda waiting: bar.progress(job.progress, waiting.sentence)):
            bar.progress(job.progress, f"Step {growth.frame.step}, about {job.seconds_left:.0f} s left")
        show(job.latest, partial=job.state is not State.FINISHED)     # a failure was raised as JobError, a ValueError

``open`` begins nothing: the first follower does. ``begin`` returns the generator and may raise ValueError; it runs in
the slot, and so do all its results. A job goes from the table when memory runs short and nobody uses it, the least
recently used first; a new one is refused where all that is there is in use. What is weighed is the newest result and
the arrays that the generator goes on from; those of a job which rests, and which nobody here has used lately, are
dropped after ten minutes, and the job begins anew.
"""

from __future__ import annotations

import enum
import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any, Generic, TypeVar

import streamlit as st
from streamlit.errors import StreamlitDuplicateElementKey

from dashboard.server import memory, sessions, slot
from dashboard.server.releasing import RELEASING

Result = TypeVar("Result")
Key = tuple[Any, ...]
LOG = logging.getLogger(__name__)
LATEST_KEPT = 6
SILENCE = 10.0
LIVE_SECONDS = 0.5
REST = 600.0
_END = object()


class State(enum.Enum):
    """Where a job is, as the session that asks sees it."""

    WAITING = "nobody follows it now; ``follow`` begins it or goes on"
    RUNNING = "somebody follows it"
    STOPPED = "this session has stopped it"
    FINISHED = "its latest result is the last one"
    FAILED = "``error`` says why"


class JobError(ValueError):
    """A job failed; the sentence says why."""


class Job(Generic[Result]):
    """One long routine; see the module.

    Attributes:
        key: what it is, for the table.
        latest: its newest result, None where there is none yet.
        progress: the part that is done, 0 to 1.
        error: the sentence of its failure, or "".
    """

    def __init__(self, key: Key, begin: Callable[[], Iterator[Result]], progress: Callable[[Result], float]):
        self.key, self.latest, self.progress, self.error = key, None, 0.0, ""
        self.size = 0
        self._begin: Callable[[], Iterator[Result]] | None = begin
        self._progress = progress
        self._results: Iterator[Result] | None = None
        self._finished, self._version = False, 0
        self._advancing = threading.Lock()
        self._news = threading.Condition()
        self._followers: dict[str, float] = {}
        self._stopped: set[str] = set()
        self._left = time.monotonic()
        self._first: tuple[float, float] | None = None
        self._spent = 0.0

    latest: Result | None

    @property
    def state(self) -> State:
        """Where it is, as this session sees it."""
        if self.error:
            return State.FAILED
        if self._finished:
            return State.FINISHED
        if sessions.current() in self._stopped:
            return State.STOPPED
        return State.RUNNING if self.followed else State.WAITING

    @property
    def followed(self) -> bool:
        """Whether somebody follows it."""
        now = time.monotonic()
        return any(now - last < SILENCE for last in list(self._followers.values()))

    @property
    def seconds_left(self) -> float:
        """About how long it will go on, at its pace so far; 0 where nothing can be said yet."""
        if self._first is None or self.progress <= self._first[1]:
            return 0.0
        return (self._spent - self._first[0]) * (1 - self.progress) / (self.progress - self._first[1])

    def stop(self) -> None:
        """Follow it no longer in this session; it rests unless another one follows."""
        self._stopped.add(sessions.current())

    def go_on(self) -> None:
        """Let this session follow it again."""
        self._stopped.discard(sessions.current())

    def follow(self, *, tell: Callable[[slot.Waiting], object] | None = None) -> Iterator[Result]:
        """Every newest result, until it is over or this session stops it; a result may be skipped.

        Touches Streamlit about every 0.2 seconds, and calls ``tell`` while others are before it.

        Raises:
            JobError: it failed.
        """
        session, seen = sessions.current(), 0
        with self._following(session):
            while not self._over and session not in self._stopped:
                if self._advancing.acquire(blocking=False):
                    try:
                        self._advance(tell)
                    finally:
                        self._advancing.release()
                else:
                    with self._news:
                        self._news.wait(slot.CHUNK)
                sessions.touch()
                self._followers[session] = time.monotonic()
                if seen != self._version and not self.error:
                    seen = self._version
                    yield self.latest  # type: ignore[misc]
        if self.error:
            raise JobError(self.error)
        if self._finished and seen != self._version:
            yield self.latest  # type: ignore[misc]

    @property
    def _over(self) -> bool:
        return self._finished or bool(self.error)

    @contextmanager
    def _following(self, session: str) -> Iterator[None]:
        self._followers[session] = time.monotonic()
        try:
            yield
        finally:
            self._followers.pop(session, None)
            self._left = time.monotonic()

    def rest(self) -> None:
        """Drop what the next chunk would go on from, where nobody has followed for ten minutes; it begins anew then."""
        if time.monotonic() - self._left > REST and self._advancing.acquire(blocking=False):
            try:
                if not self.followed:
                    self._results = self._first = None
                    self.size = memory.weigh(self.latest)
            finally:
                self._advancing.release()

    def _advance(self, tell: Callable[[slot.Waiting], object] | None) -> None:
        """One chunk. A generator that is interrupted inside is dead, and the next chunk begins anew.

        So it may be only before its first result, when it gets ready or compiles: little is lost then.
        """
        inside = False
        since = time.monotonic()
        try:
            with slot.SLOT.turn(tell=tell):
                if self._over or self._begin is None:
                    return
                inside = True
                with sessions.undisturbed() if self._version else nullcontext():
                    self._results = self._results or iter(self._begin())
                    result = next(self._results, _END)
                inside = False
        except Exception as error:
            self._fail(error)
        except BaseException:
            self._results = None if inside else self._results
            raise
        else:
            self._take(result, time.monotonic() - since)

    def _take(self, result: Any, seconds: float) -> None:
        self._spent += seconds
        if result is _END and self._version == 0:
            self._fail(ValueError("Expected a result, got none"))
        elif result is _END:
            self._end()
            self._finished, self.progress = True, 1.0
            self.size = memory.weigh(self.latest)
        else:
            self.latest, self._version = result, self._version + 1
            self.progress = min(max(float(self._progress(result)), 0.0), 1.0)
            self._first = self._first or (self._spent, self.progress)  # what came before was mostly getting ready
            self.size = memory.weigh_run(result, self._results)
        self._tell_all()

    def _fail(self, error: Exception) -> None:
        self._end()
        if isinstance(error, ValueError):
            self.error = str(error) or "Expected something else."
        else:
            LOG.error("A job failed: %s", self.key, exc_info=error)
            self.error = (
                "Something went wrong here, through no fault of yours; please try again, or try other settings."
            )
        self._tell_all()

    def _end(self) -> None:
        self._results = self._begin = None  # they hold the pictures and the network

    def _tell_all(self) -> None:
        with self._news:
            self._news.notify_all()


class Jobs:
    """The table; see the module."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._lock = threading.Lock()
        self._jobs: OrderedDict[Key, Job[Any]] = OrderedDict()
        self._latest: dict[str, deque[Key]] = {}

    def open(
        self, key: Key, begin: Callable[[], Iterator[Result]], *, progress: Callable[[Result], float] | None = None
    ) -> Job[Result]:
        """The job of a key: one that is there, unless it failed, or a new one. Raises ValueError where all is in use.

        ``progress`` says how much of it a result is, 0 to 1; by default the result's ``progress``.
        """
        with self._lock:
            job = self._jobs.get(key)
            if job is None or job.error:
                self._make_room()
                job = self._jobs[key] = Job(key, begin, progress or (lambda result: float(result.progress)))
            self._used(job)
            return job

    def find(self, key: Key) -> Job[Any] | None:
        """The job of a key, where there is one."""
        with self._lock:
            job = self._jobs.get(key)
            if job is not None:
                self._used(job)
            return job

    def all(self) -> list[Job[Any]]:
        """All of them."""
        with self._lock:
            return list(self._jobs.values())

    @property
    def size(self) -> int:
        """Bytes of all newest results."""
        return sum(job.size for job in self.all())

    def forget(self, belongs: Callable[[Key], bool] = lambda key: True) -> None:
        """Drop the jobs of keys for which ``belongs`` is true; who follows one sees it through."""
        with self._lock:
            for key in [key for key in self._jobs if belongs(key)]:
                del self._jobs[key]

    def _used(self, job: Job[Any]) -> None:
        self._jobs.move_to_end(job.key)
        mine = self._latest.setdefault(sessions.current(), deque(maxlen=LATEST_KEPT))
        if job.key in mine:
            mine.remove(job.key)
        mine.append(job.key)

    def rest(self) -> None:
        """Drop what jobs that nobody here has used lately would go on from."""
        with self._lock:
            self._rest()

    def _rest(self) -> set[Key]:
        self._latest = {session: keys for session, keys in self._latest.items() if session and sessions.here(session)}
        used = {key for keys in self._latest.values() for key in keys}
        for key, job in self._jobs.items():
            if key not in used:
                job.rest()
        return used

    def _make_room(self) -> None:
        """Drop what nobody uses, the least recently used first, until there is room."""
        used = self._rest()
        size = sum(job.size for job in self._jobs.values())
        for key, job in list(self._jobs.items()):
            if size < self.budget:
                return
            if key not in used and not job.followed:
                size -= self._jobs.pop(key).size
        mine = set(self._latest.get(sessions.current(), ()))
        for key, job in list(self._jobs.items()):  # then what this session itself has left behind
            if size >= self.budget and key in mine and not job.followed:
                size -= self._jobs.pop(key).size
        if size >= self.budget:
            raise ValueError("Expected free memory for one more result, got a server full of other people's; try later")


TABLE = Jobs(memory.budget(0.08, least=96 * memory.MIB, most=384 * memory.MIB))
open, find = TABLE.open, TABLE.find
RELEASING.also(TABLE.rest)


def follow(
    key: Key,
    begin: Callable[[], Iterator[Result]],
    *,
    say: Callable[[Result], str],
    progress: Callable[[Result], float] | None = None,
    show: Callable[[Any, Result], object] | None = None,
) -> Result | None:
    """Open a job and follow it to its end, with a progress bar and Stop; its newest result, None where there is none.

    ``show`` draws a result on its way into a place of the page, at most twice a second. After Stop the job rests; in
    its place the page says that what was reached is a part, and has a button to go on. Raises ValueError as the routine
    does.
    """
    job = open(key, begin, progress=progress)
    place = st.empty()
    if job.state not in (State.FINISHED, State.STOPPED):
        with place.container():
            _follow(job, say, show)
    if job.state is State.STOPPED:
        with place.container(horizontal=True, vertical_alignment="center"):
            _offer_to_go_on(job)
    else:
        place.empty()
    return job.latest


def _offer_to_go_on(job: Job[Any]) -> None:
    st.caption(f"Stopped at {job.progress:.0%}.", width="content")
    with suppress(StreamlitDuplicateElementKey):  # a page may ask for one job in two places
        st.button("Go on", icon=":material/resume:", key=f"go on {job.key}", on_click=job.go_on)


def _follow(job: Job[Result], say: Callable[[Result], str], show: Callable[[Any, Result], object] | None) -> None:
    bar = st.progress(job.progress, "Getting ready…")
    st.button("Stop", icon=":material/stop:", key=f"stop {job.key}", on_click=job.stop)
    picture, since, drawn = st.empty(), -LIVE_SECONDS, None
    for result in job.follow(tell=lambda waiting: bar.progress(job.progress, waiting.sentence)):
        left = job.seconds_left
        bar.progress(job.progress, say(result) + (f", about {left:.0f} s left" if left >= 1 else ""))
        if show and result is not drawn and time.monotonic() - since > LIVE_SECONDS:
            show(picture, result)
            since, drawn = time.monotonic(), result
