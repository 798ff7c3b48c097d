"""What makes a network quick, done in one thread beside the first looks at it.

A network that was just opened answers at once, layer by layer (``core.networks.looking``). Meanwhile its functions are
compiled here, outside of the compute slot, since that is work for Python, and the garbage collector is told to leave it
alone: otherwise the two collections of each of Streamlit's script runs take 0.8 s. Where no thread serves (in a test,
in a script), only the latter is done, at once.
"""

from __future__ import annotations

import gc
import logging
import queue
import weakref

import core

LOG = logging.getLogger(__name__)


class Behind:
    """The networks that wait to be made quick; a network that is gone meanwhile is left out."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[weakref.ref[core.Classifier]] = queue.SimpleQueue()
        self.served = False

    def ask(self, classifier: core.Classifier) -> None:
        """Make this network quick, soon."""
        if self.served:
            self._waiting.put(weakref.ref(classifier))
        else:
            leave_alone()

    def serve(self, *, forever: bool = True) -> None:
        """Do what was asked for, in this thread."""
        self.served = True
        while forever or not self._waiting.empty():
            _make_quick(self._waiting.get())


def _make_quick(asked: weakref.ref[core.Classifier]) -> None:
    classifier = asked()
    if classifier is None:
        return
    try:
        core.prepare(classifier)
    except ValueError as error:  # who looks at it is told
        LOG.info("Not compiled: %s", error)
    del classifier
    leave_alone()


def leave_alone() -> None:
    """Collect what is garbage; the garbage collector looks no more at what is left."""
    gc.collect()
    gc.freeze()


BEHIND = Behind()
