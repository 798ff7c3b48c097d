"""A side of a benchmark: a process of its own that does one piece of work again and again, when it is told to.

The parent (``Side``) starts ``python -m benchmarks.sides MODULE FUNCTION SETTINGS``. There the function of a
``bench_*`` module makes the network and gives back the work, a function; each line that comes in runs it once and
times it. So every side has the environment that its users would have, imports nothing of the others, and all of them
take turns.

Not ``tests.benchmarks``: Xplique installs a package of the name ``tests``, which would be found instead of ours.
"""

from __future__ import annotations

import importlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MARK = "@convscope "
OURS = {"TF_ENABLE_ONEDNN_OPTS": "1"}
"""What the program sets where it starts, unless the person did."""
LEFT_ALONE = ("TF_ENABLE_ONEDNN_OPTS",)
"""What of this process's environment a peer does not inherit."""


class Failed(Exception):  # noqa: N818 - a side's, not this program's
    """What went wrong on a side, in one line."""


class Side:
    """A process that has made its network and waits for ``run``."""

    def __init__(self, python: str, where: str, settings: dict[str, Any], *, own: bool, seconds: float) -> None:
        environment = {key: value for key, value in os.environ.items() if key not in LEFT_ALONE}
        environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": f"{ROOT / 'tests'}{os.pathsep}{ROOT}"} | (
            OURS if own else {}
        )
        module, function = where.split(":")
        command = [python, "-u", "-m", "benchmarks.sides", module, function, json.dumps(settings)]
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115 - open as long as the process
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, env=environment, cwd=ROOT,
            text=True,
        )  # fmt: skip
        self._seconds = seconds
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self.start = self._answer()
        except Failed:
            self.close()
            raise

    def run(self, **arguments: Any) -> dict[str, Any]:
        """One run of its work: ``{"seconds": ..., ...}``. Raises Failed."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(arguments) + "\n")
            self._process.stdin.flush()
        except OSError:
            raise Failed(self._last_words()) from None
        return self._answer()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(MARK):
                self._lines.put(line.removeprefix(MARK))
        self._lines.put("")

    def _answer(self) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=self._seconds)
        except queue.Empty:
            raise Failed(f"no answer after {self._seconds:.0f} s") from None
        if not line:
            raise Failed(self._last_words())
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _last_words(self) -> str:
        self._process.wait()
        self._said.seek(0)
        lines = deque((line.strip() for line in self._said if line.strip()), maxlen=1)
        return lines[0][:200] if lines else f"ended with {self._process.returncode}"


def _serve(module: str, function: str, settings: dict[str, Any]) -> None:
    """Make the work; run it once for each line that comes in."""
    since = time.perf_counter()
    work = getattr(importlib.import_module(module), function)(**settings)
    _say({"seconds": time.perf_counter() - since, **versions()})
    for line in sys.stdin:
        arguments = json.loads(line)
        since = time.perf_counter()
        found = work(**arguments)
        took = time.perf_counter() - since
        _say({"seconds": took, **(found if isinstance(found, dict) else {})})


def versions() -> dict[str, Any]:
    """Which TensorFlow this process has, if any."""
    tensorflow = sys.modules.get("tensorflow")
    return {"tensorflow": getattr(tensorflow, "__version__", "none")}


def _say(what: dict[str, Any]) -> None:
    print(MARK + json.dumps(what), flush=True)


if __name__ == "__main__":
    _serve(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
