"""Memory that nobody uses goes back to the system, from one place: a thread that looks every two seconds.

glibc keeps what was freed for whoever asks next, in an arena for each thread: some hundred MiB after a run. Where
nothing has been computed for a few seconds, all of it is given back, which takes 20 milliseconds; while something
always is, as with a live camera, once a minute. When a session has ended, and every five minutes, what is garbage is
collected first, also of what the collector was told to leave alone (see ``compiling``): half a second.

Code that only TensorFlow's import needed, about 300 MiB of mapped files, is unmapped once. What is needed of it comes
back from the system's cache by itself.

Linux with glibc only: elsewhere, nothing is done.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import mmap
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

LOG = logging.getLogger(__name__)
EVERY, QUIET, AT_LEAST, COLLECTS, GONE = 2.0, 4.0, 60.0, 300.0, 130.0
"""Seconds between two looks, of rest before memory is given back, after which it is while something computes, between
two collections of all garbage while nobody leaves, and after which a session that has left does not come back."""
WORK = 0.1
"""Which part of a processor counts as computing."""
SMAPS = Path("/proc/self/smaps")
MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ (\d+)\s+(/.*)?")
DONT_NEED = getattr(mmap, "MADV_DONTNEED", None)


def _function(name: str) -> Callable[..., int] | None:
    """A function of the C library, where it has that."""
    try:
        found: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError, TypeError):
        return None
    return found


def give_back() -> bool:
    """Give what is free in glibc's arenas back to the system; whether there was anything, False without glibc."""
    trim = _function("malloc_trim")
    return trim is not None and bool(trim(0))


def unmap_code() -> int:
    """Unmap the code and the constants of libraries until they are needed again; the bytes that were in memory."""
    advise = _function("madvise")
    if advise is None or DONT_NEED is None or not SMAPS.exists():
        return 0
    gone = 0
    for start, end, resident in _clean(SMAPS.read_text()):
        if advise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), DONT_NEED) == 0:
            gone += resident
    return gone


def _clean(smaps: str) -> Iterator[tuple[int, int, int]]:
    """Start, end and resident bytes of each mapping of a library that is as its file is: read-only, never written."""
    for part in re.split(r"\n(?=[0-9a-f]+-[0-9a-f]+ )", smaps):
        head = MAPPING.match(part)
        sizes = {name: 1024 * int(size) for name, size in re.findall(r"^(\w+):\s+(\d+) kB", part, re.M)}
        written = any(sizes.get(name, 1) for name in ("Anonymous", "Private_Dirty", "Shared_Dirty", "Locked"))
        if head and head[3] in ("r-xp", "r--p") and ".so" in (head[5] or "") and not written:
            yield int(head[1], 16), int(head[2], 16), sizes["Rss"]


class Releasing:
    """The thread; see the module."""

    def __init__(self, give_back: Callable[[], object] = give_back) -> None:
        self._give_back = give_back
        self._begun = threading.Lock()
        self._drops: list[Callable[[], object]] = []
        self._left, self._worked = threading.Event(), False
        self._now = self._last = self._rests_since = self._collected = time.monotonic()
        self._spent, self._gone = 0.0, float("inf")

    def begin(self) -> None:
        """Look from now on; only the first call does anything."""
        if _function("malloc_trim") is not None and self._begun.acquire(blocking=False):
            threading.Thread(target=self._run, name="releasing", daemon=True).start()

    def also(self, drop: Callable[[], object]) -> None:
        """Call this, too, before memory is given back: it drops what nobody uses."""
        self._drops.append(drop)

    def session_left(self) -> None:
        """A session has ended: what is garbage is looked for as soon as nothing is computed."""
        self._gone = time.monotonic() + GONE
        self._left.set()

    def look(self, now: float, spent: float) -> bool:
        """One look at a time, with the seconds of the processor spent so far; whether memory was given back."""
        busy = spent - self._spent > WORK * (now - self._now)
        self._now, self._spent = now, spent
        if busy:
            self._worked, self._rests_since = True, now
        if now >= self._gone:  # what was theirs only is nobody's now
            self._gone = float("inf")
            self._left.set()
        rests, due = now - self._rests_since >= QUIET, now - self._last >= AT_LEAST
        if not (self._worked or self._left.is_set()) or not (rests or due):
            return False
        for drop in self._drops:
            drop()
        if rests and (self._left.is_set() or now - self._collected >= COLLECTS):
            self._left.clear()
            self._collected = now
            collect()
        self._give_back()
        self._worked, self._last = not rests, now
        return True

    def _run(self) -> None:
        unmapped = False
        while True:
            time.sleep(EVERY)
            try:
                if self.look(time.monotonic(), time.process_time()) and not unmapped:
                    unmapped = True
                    unmap_code()
            except Exception:
                LOG.exception("Memory could not be given back")


def collect() -> None:
    """Collect all garbage; the collector leaves alone what is left."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


RELEASING = Releasing()
