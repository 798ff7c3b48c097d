"""What is done once, where a server's process starts: settings for TensorFlow, and its import beside everything else.

TensorFlow takes seconds to import and a network takes one more to open. Both happen in a thread of their own while the
server starts and a browser opens; pages show what needs neither, and wait for the rest (``wait``). Only the standard
library is imported here.
"""

from __future__ import annotations

import gc
import importlib.abc
import importlib.machinery
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType

CHUNK = 0.1
_imported = threading.Event()
_lock = threading.Lock()
_threads: list[threading.Thread] = []


def prepare(*, log_level: str = "2") -> None:
    """Set what TensorFlow reads when it is imported, unless the person has. Call it before that."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", log_level)
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # without it, they are on for some processors only


def begin() -> None:
    """Import TensorFlow and open the first network in a thread of their own; only the first call does anything."""
    with _lock:
        if not _threads:
            prepare()
            _threads.append(threading.Thread(target=_begin, name="opening", daemon=True))
            _threads[0].start()


def wait(touch: Callable[[], object]) -> None:
    """Wait for TensorFlow, calling ``touch`` ten times a second; where nobody has begun to import it, do it here."""
    if not _threads:
        prepare()
        _import()
    while not _imported.wait(CHUNK):
        touch()


def ready() -> bool:
    """Whether TensorFlow is imported."""
    return _imported.is_set()


def _begin() -> None:
    try:
        _import()
        _open_first()
    except Exception:  # whoever opens a page meets the same, and is told
        logging.getLogger(__name__).exception("The first network could not be opened")
    finally:
        _imported.set()


def _import() -> None:
    """TensorFlow and Keras, without the garbage collector, which would look through all of it again and again."""
    collects = gc.isenabled()
    gc.disable()
    try:
        with without("sklearn"):
            import keras  # noqa: F401
        from dashboard.server import networks

        networks.spare_keras()
    finally:
        gc.freeze()  # what was imported stays; each full collection would look through all of it
        if collects:
            gc.enable()
    _imported.set()


def _open_first() -> None:
    """Open the network that a newcomer meets, and make it quick; then import what the other pages need."""
    import core
    from dashboard.server import networks
    from dashboard.server.compiling import COMPILING
    from dashboard.server.releasing import RELEASING

    COMPILING.serving = True
    networks.network(core.available()[0])
    COMPILING.after()
    for name in core.__all__:
        getattr(core, name)
    RELEASING.begin()


@contextmanager
def without(package: str) -> Iterator[None]:
    """In this thread, the package cannot be imported.

    Keras wraps scikit-learn where it finds it, which is a fifth of the time of its import; nothing here uses that.
    """
    finder = _Without(package, threading.get_ident())
    if package not in sys.modules:
        sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)


class _Without(importlib.abc.MetaPathFinder):
    """Refuses one package in one thread."""

    def __init__(self, package: str, thread: int) -> None:
        self._package, self._thread = package, thread

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Raises ModuleNotFoundError for the package, and leaves all others to whoever comes next."""
        if fullname == self._package and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None
