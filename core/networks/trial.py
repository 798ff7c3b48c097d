"""A network file opened first in a process that may die of it: its memory, its time and its files are limited."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from core.networks import saved_models
from core.networks.classifiers import LOGITS, classifier

try:
    import resource
except ImportError:  # Windows has none
    resource = None  # type: ignore[assignment]

LOG = logging.getLogger(__name__)

MIB = 2**20
MEMORY = 3072 * MIB
SECONDS = 120
OPEN_SIDE = 224
"""The height and width at which a network with an open input is tried."""


@dataclass(frozen=True)
class Report:
    """What opening the file in a child process has shown.

    Attributes:
        layers, parameters: how many it has.
        input_shape: (height, width, channels), None where it is open.
        bytes: how much more memory the child had after it had run one picture.
        notes: what was changed to open it, one sentence each.
    """

    layers: int
    parameters: int
    input_shape: tuple[int | None, ...]
    bytes: int
    notes: tuple[str, ...] = ()


_ENDS_WITH_PARENT = "import ctypes, sys; sys.platform != 'linux' or ctypes.CDLL(None).prctl(1, 9)"
"""Code by which a child asks Linux to be killed when its parent dies (PR_SET_PDEATHSIG)."""


def in_a_child(file: Path, kind: str, memory: int, name: str) -> Report:
    """Open the file in a process of its own, which may use so much memory. Raises ValueError with its sentence."""
    root = str(Path(__file__).resolve().parents[2])
    paths = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    settings = {"PYTHONPATH": paths, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    code = f"{_ENDS_WITH_PARENT}; from core.networks import trial; trial.child()"
    try:
        run = subprocess.run(  # noqa: S603 - our own code, and a path that no shell reads
            [sys.executable, "-c", code, str(file.resolve()), kind, str(memory)],
            env={**os.environ, **settings}, capture_output=True, timeout=SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"Expected a network that opens within {SECONDS} seconds, got {name}") from error
    words = run.stdout.decode(errors="replace").splitlines()
    said = json.loads(words[-1]) if run.returncode == 0 and words else {}
    if "refused" in said:
        if said.get("cause"):
            LOG.warning("%s was refused: %s", name, said["cause"])
        raise ValueError(str(said["refused"]).replace(file.name, name))
    if not said:
        raise ValueError(
            f"Expected a network that opens and runs within {memory // MIB} MB of memory, got {name}, which did not"
        )
    return Report(**said | {"input_shape": tuple(said["input_shape"]), "notes": tuple(said["notes"])})


def child() -> None:
    """What the child process does: prints a ``Report`` or a refusal as one line of JSON."""
    path, kind, memory = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    limit(memory)
    try:
        said: dict[str, Any] = asdict(try_file(path, kind))
    except ValueError as error:
        said = {"refused": sentence(error), "cause": str(error.__cause__ or "")[:2000]}
    except (MemoryError, tf.errors.ResourceExhaustedError):
        said = {}
    except Exception as error:  # whatever a damaged file makes a library raise: it has ended here, not in the server
        said = {"refused": damaged(path, error)}
    sys.stdout.write("\n" + json.dumps(said) + "\n")


def sentence(error: ValueError) -> str:
    """A refusal as one line."""
    return " ".join(str(error).split())[:480]


def damaged(path: Path, error: Exception) -> str:
    """The sentence for a file that made a library raise something else than a refusal."""
    return f"Expected an undamaged file, got {path.name}, which is damaged ({type(error).__name__})"


def limit(memory: int, *, files: bool = False) -> None:
    """Let this process use so many bytes more, no more processor time than it may take, and write ``files`` or none."""
    statm = Path("/proc/self/statm")
    if not statm.exists():  # only Linux counts addresses; elsewhere the time limit has to do
        return
    used = int(statm.read_text().split()[0]) * resource.getpagesize()
    for kind, most in ((resource.RLIMIT_AS, used + memory), (resource.RLIMIT_CPU, 4 * SECONDS)):
        resource.setrlimit(kind, (most, most))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    if not files:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _memory() -> int:
    """The most bytes that this process has had in RAM so far, where the system tells."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss if resource else 0


def try_file(path: Path, kind: str) -> Report:
    """Check the links and sizes inside the weights, build the network, and run it on one grey picture."""
    before = _memory()
    network, notes, _ = saved_models.build(path, kind)
    shape = tuple(keras.tree.flatten(network.inputs)[0].shape[1:])
    _run_once(network, path)
    return Report(len(network.layers), network.count_params(), shape, _memory() - before, notes)


def _run_once(network: keras.Model, path: Path) -> None:
    """Make a classifier of it and run that to its end, compiled: what fails here would fail on every page."""
    if not all(np.isfinite(weight).all() for weight in network.get_weights()):
        raise ValueError(f"Expected weights that are numbers, got {path.name} with some that are not")
    own = classifier(network, name=path.stem, size=(OPEN_SIDE, OPEN_SIDE))
    if not own.layers:
        raise ValueError(f"Expected layers with channels, got {path.name}, which has none")
    wanted = LOGITS if own.labels else list(own.layers)[-1]
    try:
        answer = own.tap([wanted])(np.full((1, *own.size, 3), 0.5, np.float32))[wanted]
    except Exception as error:
        size = "{} x {}".format(*own.size)
        raise ValueError(
            f"Expected a network that runs, got {path.name}, which fails on a picture of {size}"
        ) from error
    if not np.isfinite(answer).all():
        raise ValueError(
            f"Expected a network that answers with numbers, got {path.name}, which answers NaN or infinity"
        )
