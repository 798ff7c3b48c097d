"""What is said on a terminal: progress on stderr where somebody watches, and nothing of what frameworks say."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

WIDTH = 24


class Progress:
    """A bar on stderr, drawn over itself; quiet where stderr is no terminal."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._seen, self._began, self._first = sys.stderr.isatty(), time.monotonic(), 0.0

    def __enter__(self) -> Self:
        self.tell(0.0)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._seen:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()

    def tell(self, part: float, what: str = "") -> None:
        """How much is done, 0 to 1, and in words what."""
        if not self._seen:
            return
        spent = time.monotonic() - self._began
        if part and not self._first:
            self._first, self._began, spent = part, time.monotonic(), 0.0  # what came before was mostly getting ready
        left = spent * (1 - part) / (part - self._first) if part > self._first > 0 else 0.0
        bar = "█" * round(WIDTH * part) + "░" * (WIDTH - round(WIDTH * part))
        told = f", about {left:.0f} s left" if left >= 1 else ""
        line = f"{self.title} {bar} {part:4.0%} {what}{told}"
        sys.stderr.write("\r\033[K" + line[: shutil.get_terminal_size().columns - 1])
        sys.stderr.flush()


@contextmanager
def hushed() -> Iterator[None]:
    """Nothing on stderr, from libraries in C++ either: TensorFlow greets there before anybody can tell it not to."""
    sys.stderr.flush()
    before = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(nowhere)


def without_a_page() -> None:
    """Let Streamlit not complain that no page is here; its level is set anew by whatever it reads."""
    logger = logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context")
    logger.addFilter(lambda record: "missing ScriptRunContext" not in record.getMessage())


def quiet() -> None:
    """Import what is heavy without a word, and let no framework talk later."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CONVSCOPE_MODE", "local")
    without_a_page()
    with hushed():
        import tensorflow as tf

        tf.config.list_physical_devices()
    tf.get_logger().setLevel(logging.ERROR)
