"""A person's own network file, looked at before Keras sees it, and opened first in a process that may die of it.

A file that asks Keras to build things is a program. So ``inspect`` reads the description of a ``.keras`` archive
with the standard library alone and refuses what is not on a list of layers; then a child process with a limit on its
memory opens the file, checks its HDF5 links, builds the network and runs it once. Only then does ``open_network`` let
this process open it, with Keras's safe mode on. A SavedModel or a pickle may run any code and is never opened.
"""

from __future__ import annotations

import io
import json
import math
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from core.networks.classifiers import LOGITS, classifier

try:
    import resource
except ImportError:  # Windows has none
    resource = None  # type: ignore[assignment]

MIB = 2**20
FILE_BYTES = 1024 * MIB
CONFIG_BYTES = 8 * MIB
MEMORY = 3072 * MIB
SECONDS = 120
MOST_PARAMETERS = 500_000_000
MOST_LAYERS = 5_000
OPEN_SIDE = 224
"""The height and width at which a network with an open input is tried."""


@dataclass(frozen=True)
class Report:
    """What opening the file in a child process has shown.

    Attributes:
        layers, parameters: how many it has.
        input_shape: (height, width, channels), None where it is open.
        bytes: how much more memory the child had after it had run one picture.
    """

    layers: int
    parameters: int
    input_shape: tuple[int | None, ...]
    bytes: int


def open_network(path: str | os.PathLike[str], *, memory: int = MEMORY) -> keras.Model:
    """Inspect a file, then open it, with safe mode on. Arguments and errors are those of ``inspect``."""
    inspect(path, memory=memory)
    network: keras.Model = keras.models.load_model(path, compile=False, safe_mode=True)
    return network


def inspect(path: str | os.PathLike[str], *, memory: int = MEMORY) -> Report:
    """Look at a network file without opening it in this process.

    Args:
        path: a ``.keras`` or ``.h5`` file with a whole model.
        memory: bytes that a child process may use to build the network and run it on one picture.

    Raises:
        ValueError: what is wrong, in one sentence: not such a file, damaged, too large, made of layers that are not
            Keras's own or that may run code, or needing more memory or time than it may have.
    """
    file = Path(path)
    kind = _kind(file)
    if kind == "keras":
        with _damage(file), zipfile.ZipFile(file) as archive:
            _check_archive(archive, file)
    return _in_a_child(file, kind, memory)


# ----------------------------------------------------------------------------------- what the bytes say


def _kind(file: Path) -> str:
    """``"keras"`` or ``"h5"``, by the first bytes. Raises ValueError for anything else."""
    wanted = f"Expected a whole network in one .keras or .h5 file, got {file.name}"
    if file.is_dir():
        raise ValueError(f"{wanted}, a folder; a SavedModel may run any code, so save the network as .keras instead")
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            head = stream.read(8)
    except OSError as error:
        raise ValueError(f"{wanted}, which cannot be read: {error.strerror}") from error
    if size > FILE_BYTES:
        raise ValueError(f"{wanted} of {size // MIB} MB; the most is {FILE_BYTES // MIB} MB")
    found = "h5" if head == b"\x89HDF\r\n\x1a\n" else "keras" if head.startswith(b"PK\x03\x04") else ""
    named = {".keras": "keras", ".h5": "h5", ".hdf5": "h5"}.get(file.suffix, "")
    if found and (found != named or (found == "h5" and zipfile.is_zipfile(file))):
        raise ValueError(f"{wanted}, whose contents are not what its name says")  # Keras goes by the name
    if found:
        return found
    what = "a pickle, which may run any code" if head[:1] == b"\x80" else "which is neither a zip archive nor HDF5"
    raise ValueError(f"{wanted}, {what}")


class _damage:  # noqa: N801 - reads as a word at its call
    """Whatever a damaged or hostile archive makes Python raise becomes one sentence."""

    def __init__(self, file: Path) -> None:
        self.name = file.name

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, KeyError)):
            raise ValueError(f"Expected an undamaged file, got {self.name}, which is broken or cut off") from error


_ENTRIES = frozenset({"config.json", "metadata.json", "model.weights.h5"})


def _check_archive(archive: zipfile.ZipFile, file: Path) -> None:
    """Refuse entries that a network does not need or that are not what they say, then its description."""
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    strange = sorted(set(names) - _ENTRIES)
    if strange or len(names) != len(set(names)):
        shown = repr(strange[0][:60]) if strange else "a name that occurs twice"
        raise ValueError(f"Expected nothing but a network's description and weights in {file.name}, got {shown}")
    if missing := sorted({"config.json", "model.weights.h5"} - set(names)):
        raise ValueError(f"Expected a whole network in {file.name}, got an archive without {missing[0]}")
    unpacked, size = sum(entry.file_size for entry in entries), file.stat().st_size
    if unpacked > min(FILE_BYTES, 64 * MIB + 4 * size):
        raise ValueError(f"Expected an honest archive, got {file.name}: {size:,} bytes that unpack to {unpacked:,}")
    if archive.getinfo("config.json").file_size > CONFIG_BYTES:
        raise ValueError(
            f"Expected a description of at most {CONFIG_BYTES // MIB} MB in {file.name}, "
            f"got {archive.getinfo('config.json').file_size // MIB} MB"
        )
    declared = _check_config(archive.read("config.json"), file.name)
    weights = archive.getinfo("model.weights.h5").file_size
    if declared > weights:
        raise ValueError(
            f"Expected the weights of all layers in {file.name}, got a description with {declared:,} parameters and "
            f"{weights:,} bytes of weights"
        )


# ---------------------------------------------------------------------------- what the description says

_LAYERS = frozenset(
    {"Activation", "ActivityRegularization", "Add", "AlphaDropout", "Attention", "AutoContrast", "Average"}
    | {"BatchNormalization", "CenterCrop", "Concatenate", "Conv1D", "Dense", "Dot", "Dropout", "ELU", "EinsumDense"}
    | {"Equalization", "Flatten", "GaussianDropout", "GaussianNoise", "GroupNormalization", "Identity", "InputLayer"}
    | {"LayerNormalization", "LeakyReLU", "Maximum", "Minimum", "MultiHeadAttention", "Multiply", "Normalization"}
    | {"PReLU", "Permute", "RMSNormalization", "ReLU", "RepeatVector", "Rescaling", "Reshape", "Resizing", "Softmax"}
    | {"Solarization", "SpatialDropout1D", "SpatialDropout2D", "SpectralNormalization", "StochasticDepth", "Subtract"}
    | {"UnitNormalization", "LayerScale", "AdditiveAttention", "GroupQueryAttention"}
    | {"Conv2D", "Conv2DTranspose", "DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"}
    | {f"{kind}Pooling{d}D" for kind in ("Average", "Max", "AdaptiveAverage", "AdaptiveMax") for d in (1, 2)}
    | {f"Global{kind}Pooling{d}D" for kind in ("Average", "Max") for d in (1, 2)}
    | {f"{kind}{d}D" for kind in ("Cropping", "UpSampling", "ZeroPadding") for d in (1, 2)}
    | {f"Random{what}" for what in ("Brightness", "ColorDegeneration", "ColorJitter", "Contrast", "Crop", "Erasing")}
    | {f"Random{what}" for what in ("ElasticTransform", "Flip", "GaussianBlur", "Grayscale", "Hue", "Invert")}
    | {f"Random{what}" for what in ("Perspective", "Posterization", "Rotation", "Saturation", "Sharpness", "Shear")}
    | {f"Random{what}" for what in ("Translation", "Zoom")}
)
_MODELS = frozenset({"Functional", "Model", "Sequential"})
_VALUES = frozenset(
    {"__keras_tensor__", "__tensor__", "__numpy__", "__slice__", "__ellipsis__", "slice", "TensorShape"}
)
_RUNS_CODE = frozenset({"Lambda", "TFSMLayer", "JaxLayer", "FlaxLayer", "TorchModuleWrapper", "__lambda__"})
_CALLS_BACK = frozenset({"AssociativeScan", "Cond", "ForiLoop", "Map", "Operation", "Scan", "Switch"}) | {
    "VectorizedMap",
    "WhileLoop",
}
_OPERATIONS = ("numpy", "nn", "math", "image", "core")


def _check_config(text: bytes | str, name: str) -> int:
    """Refuse a description with anything that is not listed; returns how many parameters it declares."""
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"Expected a network's description in {name}, got one that cannot be read") from error
    if not isinstance(config, dict) or "class_name" not in config:
        raise ValueError(f"Expected a network's description in {name}, got something else")
    config.pop("compile_config", None)  # Keras is told to leave it aside
    entries = list(_entries(config))
    if len(entries) > 20 * MOST_LAYERS:
        raise ValueError(f"Expected at most {MOST_LAYERS} layers in {name}, got a description of {len(entries)} parts")
    for entry in entries:
        _check_entry(entry, name)
    declared = sum(map(_declared, entries))
    if declared > MOST_PARAMETERS:
        raise ValueError(f"Expected at most {MOST_PARAMETERS:,} parameters, got {declared:,} declared in {name}")
    return declared


def _entries(config: Any) -> Iterator[dict[str, Any]]:
    """Every part of a description that names a class, at any depth, without recursion."""
    waiting = [config]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if "class_name" in one:
                yield one
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def _check_entry(entry: dict[str, Any], name: str) -> None:
    """Refuse one part whose class is not listed."""
    kind, module = entry["class_name"], entry.get("module") or "keras"
    if not isinstance(kind, str) or not isinstance(module, str):
        raise ValueError(f"Expected a network's description in {name}, got one whose classes have no names")
    if kind == "function":
        kind, listed = str(entry.get("config")), module in ("builtins", "keras") or module.startswith("keras.activ")
        if listed and kind in vars(keras.activations):
            return
    elif kind in _VALUES or (module.split(".")[0] == "keras" and _listed(kind, module)):
        return
    if kind in _RUNS_CODE:
        what = "code of its own" if kind in ("Lambda", "__lambda__") else "foreign code"
        raise ValueError(
            f"Expected layers without code in them, got {name} with {kind.strip('_')}, which runs {what}; replace it "
            "by Keras layers (Rescaling, Activation, keras.ops) and save again"
        )
    raise ValueError(
        f"Expected Keras's own layers for pictures, got {name} with {kind[:60]!r}, whose code this file does not hold "
        "or which is not among them"
    )


def _listed(kind: str, module: str) -> bool:
    """Whether a class of Keras is one that a network for pictures may be made of."""
    if kind in _LAYERS or kind in _MODELS:
        return True
    compiled = (keras.optimizers, keras.losses, keras.metrics)  # of a compiled network inside this one
    spaces = (keras.initializers, keras.regularizers, keras.constraints, keras.dtype_policies, *compiled)
    if any(isinstance(vars(space).get(kind), type) for space in spaces):
        return True
    operations = (getattr(keras.src.ops, part) for part in _OPERATIONS)
    found = next((vars(space)[kind] for space in operations if kind in vars(space)), None)
    is_operation = isinstance(found, type) and issubclass(found, keras.Operation) and kind not in _CALLS_BACK
    return is_operation and (module == "keras" or ".ops" in module)


def _declared(entry: dict[str, Any]) -> int:
    """About how many numbers of a kernel a part declares; 0 where it says too little."""
    config, build = entry.get("config"), entry.get("build_config")
    if not isinstance(config, dict):
        return 0
    shape = build.get("input_shape") if isinstance(build, dict) else None
    before = shape[-1] if isinstance(shape, list) and shape else 1
    kernel, groups = config.get("kernel_size", 1), config.get("groups", 1)
    parts = [config.get("units", config.get("filters", 0)), before, groups]
    parts += kernel if isinstance(kernel, list) and len(kernel) <= 3 else [kernel]
    if not all(isinstance(part, int) and 0 <= part < 2**31 for part in parts):
        return 0
    units, before, groups, *sides = map(int, parts)
    if str(entry["class_name"]).startswith("Separable"):
        return before * math.prod(sides) + before * units
    return units * before * math.prod(sides) // max(1, groups)


# -------------------------------------------------------------------------------------- the child process


_ENDS_WITH_PARENT = "import ctypes, sys; sys.platform != 'linux' or ctypes.CDLL(None).prctl(1, 9)"
"""Code by which a child asks Linux to be killed when its parent dies (PR_SET_PDEATHSIG)."""


def _in_a_child(file: Path, kind: str, memory: int) -> Report:
    """Open the file in a process of its own, which may use so much memory. Raises ValueError with its sentence."""
    root = str(Path(__file__).resolve().parents[2])
    paths = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    settings = {"PYTHONPATH": paths, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    code = f"{_ENDS_WITH_PARENT}; from core import files; files.child()"
    try:
        run = subprocess.run(  # noqa: S603 - our own code, and a path that no shell reads
            [sys.executable, "-c", code, str(file.resolve()), kind, str(memory)],
            env={**os.environ, **settings}, capture_output=True, timeout=SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"Expected a network that opens within {SECONDS} seconds, got {file.name}") from error
    words = run.stdout.decode(errors="replace").splitlines()
    said = json.loads(words[-1]) if run.returncode == 0 and words else {}
    if "refused" in said:
        raise ValueError(said["refused"])
    if not said:
        raise ValueError(
            f"Expected a network that opens and runs within {memory // MIB} MB of memory, got {file.name}, "
            "which did not"
        )
    return Report(**said | {"input_shape": tuple(said["input_shape"])})


def child() -> None:
    """What the child process does: prints a ``Report`` or a refusal as one line of JSON."""
    path, kind, memory = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    _limit(memory)
    try:
        said = asdict(_try(path, kind))
    except ValueError as error:
        said = {"refused": str(error)}
    sys.stdout.write(json.dumps(said) + "\n")


def _limit(memory: int) -> None:
    """Let this process use so many bytes more, no more processor time than it may take, and write no file."""
    statm = Path("/proc/self/statm")
    if not statm.exists():  # only Linux counts addresses; elsewhere the time limit has to do
        return
    used = int(statm.read_text().split()[0]) * resource.getpagesize()
    for kind, most in ((resource.RLIMIT_AS, used + memory), (resource.RLIMIT_CPU, 4 * SECONDS)):
        resource.setrlimit(kind, (most, most))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _memory() -> int:
    """The most bytes that this process has had in RAM so far, where the system tells."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss if resource else 0


def _try(path: Path, kind: str) -> Report:
    """Check the links and sizes inside the weights, build the network, and run it on one grey picture."""
    before = _memory()
    _check_weights(path, kind)
    try:
        network = keras.models.load_model(path, compile=False, safe_mode=True)
        shape = tuple(keras.tree.flatten(network.inputs)[0].shape[1:])
    except MemoryError as error:
        raise ValueError(f"Expected a network that fits into the memory it may have, got {path.name}") from error
    except Exception as error:
        raise ValueError(f"Expected a file that Keras can open, got {path.name}: {_first_words(error)}") from error
    _run_once(network, path)
    return Report(len(network.layers), network.count_params(), shape, _memory() - before)


def _run_once(network: keras.Model, path: Path) -> None:
    """Make a classifier of it and run that to its end, compiled: what fails here would fail on every page."""
    if not all(np.isfinite(weight).all() for weight in network.get_weights()):
        raise ValueError(f"Expected weights that are numbers, got {path.name} with some that are not")
    own = classifier(network, name=path.stem, size=(OPEN_SIDE, OPEN_SIDE))
    if not own.layers:
        raise ValueError(f"Expected layers with channels, got {path.name}, which has none")
    try:
        own.tap([LOGITS] if own.labels else [list(own.layers)[-1]])(np.full((1, *own.size, 3), 0.5, np.float32))
    except Exception as error:
        raise ValueError(f"Expected a network that runs, got {path.name}: {_first_words(error)}") from error


def _check_weights(path: Path, kind: str) -> None:
    """Refuse HDF5 that points to other files or declares more than it holds; for ``.h5`` also its description."""
    source: Any = path if kind == "h5" else io.BytesIO(zipfile.ZipFile(path).read("model.weights.h5"))
    try:
        with h5py.File(source, "r") as file:
            _check_links(file, path.name)
            if kind == "h5":
                if "model_config" not in file.attrs:
                    raise ValueError(
                        f"Expected a whole network, got {path.name}, which holds weights only; save it with model.save"
                    )
                _check_config(file.attrs["model_config"], path.name)
    except (OSError, RuntimeError, KeyError, TypeError) as error:
        raise ValueError(f"Expected an undamaged file, got {path.name}, which is broken or cut off") from error


def _check_links(file: Any, name: str) -> None:
    links: list[Any] = []
    file.visititems_links(lambda _, link: links.append(link))
    if any(not isinstance(link, h5py.HardLink) for link in links):
        raise ValueError(f"Expected weights inside {name}, got a link to somewhere else")
    datasets: list[Any] = []
    file.visititems(lambda _, item: datasets.append(item) if isinstance(item, h5py.Dataset) else None)
    if any(item.external or item.is_virtual for item in datasets):
        raise ValueError(f"Expected weights inside {name}, got a link to another file")
    declared = sum(item.nbytes for item in datasets)
    held = sum(item.id.get_storage_size() for item in datasets)
    if declared > 64 * MIB + 20 * held:
        raise ValueError(f"Expected weights inside {name}, got {held:,} bytes that declare {declared:,}")


def _first_words(error: Exception) -> str:
    """The first line of what an error says, or the last where the first says only where it was."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return lines[-1 if lines[0].startswith("in user code") else 0][:300]
