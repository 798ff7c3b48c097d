"""Trials of network files in forks of one process that has TensorFlow already: an import for each costs five seconds.

A fork has the limits, the files and the code of ``trial.child``; only its start differs from the program's. Run as a
program, this file is that process: it reads a line of JSON for each trial, and answers with one.
"""

from __future__ import annotations

import functools
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[1]


class Trials:
    """Stands in for the module ``subprocess`` in ``core.networks.trial``."""

    TimeoutExpired = subprocess.TimeoutExpired

    def __init__(self):
        self.count = 0
        self._turn = threading.Lock()

    @functools.cached_property
    def _server(self):
        """Begun when it is first asked."""
        paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        settings = {"PYTHONPATH": paths, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
        return subprocess.Popen(
            [sys.executable, __file__], env={**os.environ, **settings},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def run(self, command, *, timeout, **_):
        """What ``subprocess.run`` gives for the program's own command."""
        assert command[:2] == [sys.executable, "-c"] and command[2].endswith("; trial.child()"), "another command"
        with self._turn:
            self._server.stdin.write(json.dumps({"arguments": command[3:], "timeout": timeout}) + "\n")
            self._server.stdin.flush()
            said = json.loads(self._server.stdout.readline())
            self.count += 1
        if said["code"] is None:
            raise subprocess.TimeoutExpired(command, timeout)
        return SimpleNamespace(returncode=said["code"], stdout=said["output"].encode())

    def close(self):
        if not self.count:
            return
        self._server.stdin.close()
        self._server.wait(30)
        self._server.stdout.close()


def _trial(arguments, timeout):
    """Fork, and let the fork do what the program's child does; its exit code (None: too late), and its words."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _be_the_child(arguments, reading, writing)
    os.close(writing)
    end, output = time.monotonic() + timeout, b""
    while (left := end - time.monotonic()) > 0 and select.select([reading], [], [], left)[0]:
        part = os.read(reading, 65536)
        if not part:
            break
        output += part
    late = time.monotonic() >= end
    os.close(reading)
    if late:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return (None if late else os.waitstatus_to_exitcode(status)), output


def _be_the_child(arguments, reading, writing):
    code = 1
    try:
        os.close(reading)
        os.dup2(writing, 1)
        sys.argv = ["-c", *arguments]
        sys.stdout = os.fdopen(1, "w", closefd=False)
        sys.modules["core.networks.trial"].child()
        sys.stdout.flush()
        code = 0
    finally:
        os._exit(code)


def _serve():
    import core.networks.trial  # noqa: F401 - what the forks have

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    for line in sys.stdin:
        asked = json.loads(line)
        code, output = _trial(asked["arguments"], asked["timeout"])
        answers.write(json.dumps({"code": code, "output": output.decode(errors="replace")}) + "\n")
        answers.flush()


if __name__ == "__main__":
    _serve()
