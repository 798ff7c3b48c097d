"""The one thread that compiles, outside of the compute slot: for Python that is work, for the machine's cores hardly.

- What a run, a map or a layer needs first is compiled while its session waits without the slot, so that others compute
  meanwhile, and can be ended there (``done``; ``slot`` has core's routines do it).
- A network that was just opened answers at once, layer by layer (``core.networks.looking``); meanwhile its functions
  are compiled (``soon``). Then the garbage collector is told to leave it alone: otherwise the two collections of each
  of Streamlit's script runs take 0.8 s. In a test or a script, where nothing is ``serving``, only the latter is done.
- Live pictures come twenty times a second, and are looked at as well as that is possible without what is being compiled
  for them (``ask``).
"""

from __future__ import annotations

import gc
import logging
import threading
import time
import weakref
from collections.abc import Callable
from concurrent import futures
from functools import partial
from typing import Any, TypeVar

import core
from dashboard.server import sessions

LOG = logging.getLogger(__name__)
CHUNK = 0.1
LATER = 3.0
"""Seconds that making a network quick waits at most for the pages that are being drawn, which need no compiling."""
Key = tuple[str, ...]
Result = TypeVar("Result")


class Compiling:
    """See the module."""

    def __init__(self) -> None:
        self.serving = False
        self._lock = threading.Lock()
        self._wanted: set[futures.Future[Any]] = set()
        self._thread = futures.ThreadPoolExecutor(1, thread_name_prefix="compiling")
        self._asked: weakref.WeakKeyDictionary[core.Classifier, dict[Key, futures.Future[object]]]
        self._asked = weakref.WeakKeyDictionary()

    def done(self, work: Callable[[], Result]) -> Result:
        """The result of some work, done here; raises what it raises. Who waits can be interrupted.

        What has begun is ended all the same, and found there by whoever wants it next.
        """
        future = self._thread.submit(work)
        with self._lock:
            self._wanted.add(future)
        try:
            while not futures.wait([future], CHUNK).done:
                sessions.touch()
        except BaseException:
            future.cancel()
            raise
        finally:
            with self._lock:
                self._wanted.discard(future)
        return future.result()

    def after(self) -> None:
        """Wait until what was asked for so far is done."""
        self._thread.submit(lambda: None).result()

    def soon(self, classifier: core.Classifier) -> None:
        """Make a network quick; one that is gone meanwhile is left out."""
        if self.serving:
            self._thread.submit(self._make_quick, weakref.ref(classifier))
        else:
            leave_alone()

    def _make_quick(self, asked: weakref.ref[core.Classifier]) -> None:
        end = time.monotonic() + LATER
        while sessions.drawing() and not self._wanted and time.monotonic() < end:
            time.sleep(0.02)
        classifier = asked()
        if classifier is None:
            return
        _tried(partial(core.prepare, classifier))
        del classifier
        leave_alone()

    def ask(self, classifier: core.Classifier, key: Key, make: Callable[[], object], *, wait: bool = False) -> bool:
        """Whether ``make`` was done for this key and network; it is begun where it was not, and ``wait`` waits for it.

        One that failed counts as done: who then does the same is told why. Its error is not kept, since the
        frames where it was raised hold the network.
        """
        with self._lock:
            own = self._asked.setdefault(classifier, {})
            if key not in own:
                own[key] = self._thread.submit(_tried, make)
            found = own[key]
        if wait:
            futures.wait([found])
        return found.done()


def _tried(make: Callable[[], object]) -> None:
    try:
        make()
    except ValueError as error:  # who looks at it is told
        LOG.info("Not compiled: %s", error)
    except Exception:
        LOG.exception("Something could not be compiled")


def leave_alone() -> None:
    """Collect what is garbage; the garbage collector looks no more at what is left."""
    gc.collect()
    gc.freeze()


COMPILING = Compiling()
