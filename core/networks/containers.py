"""What a file is by its content, whatever its name: a network, a box with one in it, or something else with its advice.

Nothing is opened here but zip archives, whose directory is read and whose one network is copied out, up to a limit.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from core.networks.labels import LABEL_FILES, read_labels

MIB = 2**20
FILE_BYTES = 1024 * MIB
NETWORK_FILES = (
    *("keras", "h5", "hdf5", "model", "zip"),
    *("pb", "tflite", "onnx", "pt", "pth", "json", "weights", "ckpt", "safetensors", "pkl"),
)
"""Endings to offer in an uploader, without their dots: those that open, then those that get a sentence of their own."""

_SAVE = "model.save('network.keras')"
_LABEL_STEMS = ("labels", "label", "classes", "class_names", "class_indices", "labelmap", "names", "classnames")
_SAVED_MODEL = (
    "a SavedModel, which may run any code of TensorFlow: load it where it was trained, with the TensorFlow that wrote "
    f"it, and write one file with {_SAVE}"
)
_PYTORCH = "a network of PyTorch, which only PyTorch can open; export it to Keras first, or use a Keras network"
_TFLITE = "a TensorFlow Lite network, whose layers can no longer be looked into; open the Keras file it was made from"
_ONNX = "an ONNX network; convert it to Keras first (onnx2keras, for example), or open the Keras file it was made from"
_TFJS = "a TensorFlow.js network; in Teachable Machine choose Export, TensorFlow, Keras, or save the Keras model itself"


@dataclass(frozen=True)
class Box:
    """A network's file, found or unpacked, and the names of classes that lay beside it.

    Attributes:
        path: of the file with the network.
        kind: ``"keras"``, a zip archive of Keras, or ``"h5"``.
        labels: out of the same box or the same folder; empty where there are none.
        labels_from: the name of their file.
    """

    path: Path
    kind: str
    labels: tuple[str, ...] = ()
    labels_from: str = ""


@contextmanager
def opened(file: Path) -> Iterator[Box]:
    """The network in a file, unpacked if it lies in a box; what was unpacked goes when the context ends.

    Raises ValueError, with a sentence that says what the file is and what to do, where it is no network of Keras.
    """
    kind = identify(file)
    if kind != "box":
        yield Box(file, kind, *_labels_beside(file))
        return
    with tempfile.TemporaryDirectory(prefix="convscope-") as folder, _damage(file.name):
        with zipfile.ZipFile(file) as archive:
            member = _networks_in(archive)[0]
            inner = Path(folder) / PurePosixPath(member.filename).name
            _copy_out(archive, member, inner, file)
            labels = _labels_in(archive)
        yield Box(inner, _kind_inside(inner, file.name), *labels)


def identify(file: Path) -> str:
    """``"keras"`` (a zip archive of Keras), ``"h5"`` or ``"box"`` (a zip with one of them in it), by the content.

    Raises ValueError for everything else, with what it is and what to do.
    """
    wanted = f"Expected a whole network in one .keras or .h5 file, got {file.name}"
    if file.is_dir():
        raise ValueError(f"{wanted}, {_folder(file)}")
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            head = stream.read(4096)
    except OSError as error:
        raise ValueError(f"{wanted}, which cannot be read: {error.strerror}") from error
    if size > FILE_BYTES:
        raise ValueError(f"{wanted} of {size // MIB} MB; the most is {FILE_BYTES // MIB} MB")
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        if zipfile.is_zipfile(file):  # two readers would see two networks in it
            raise ValueError(f"{wanted}, whose contents are not what its name says: it is HDF5 and a zip at once")
        return "h5"
    if not head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        raise ValueError(f"{wanted}, {_foreign(head, file)}")
    with _damage(file.name), zipfile.ZipFile(file) as archive:
        what = _what_archive(archive)
    if what not in ("keras", "box"):
        raise ValueError(f"{wanted}, {what}")
    return what


def _kind_inside(inner: Path, outer: str) -> str:
    """What the network of a box is; a box in a box is none."""
    kind = identify(inner)
    if kind == "box":
        raise ValueError(f"Expected a network in {outer}, got a zip inside it; unpack it first")
    return kind


class _damage:  # noqa: N801 - reads as a word at its call
    """Whatever a damaged or hostile archive makes Python raise becomes one sentence."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        broken = (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, KeyError, zlib.error)
        if isinstance(error, broken):
            raise ValueError(f"Expected an undamaged file, got {self.name}, which is broken or cut off") from error


damage = _damage


# ------------------------------------------------------------------------------------------------ archives


def _what_archive(archive: zipfile.ZipFile) -> str:
    """``"keras"``, ``"box"``, or a sentence's end about what else lies in it."""
    names = archive.namelist()
    last = {PurePosixPath(name).name.lower() for name in names}
    if "config.json" in names or "model.weights.h5" in names:
        return "keras"
    networks = _networks_in(archive)
    if len(networks) == 1:
        return "box"
    if networks:
        shown = ", ".join(PurePosixPath(one.filename).name[:40] for one in networks[:4])
        return f"a zip with {len(networks)} networks ({shown}); unpack it and open one of them"
    for sign, what in (("saved_model.pb", _SAVED_MODEL), ("data.pkl", _PYTORCH), ("model.json", _TFJS)):
        if sign in last:
            return what
    if {"config.json", "model.weights.h5"} <= last:
        return "a zip with an unpacked .keras in a folder; zip the files themselves, without the folder"
    endings = {PurePosixPath(name).suffix for name in last}
    for ending, what in ((".tflite", _TFLITE), (".onnx", _ONNX), (".pt", _PYTORCH), (".pth", _PYTORCH)):
        if ending in endings:
            return what
    if endings and endings <= {".npy"}:
        return f"weights only, as NumPy arrays; save the whole network with {_SAVE}"
    if endings & {".jpg", ".jpeg", ".png"}:
        return "a zip of pictures; a network is one .keras or .h5 file"
    return "a zip without a network in it" if names else "an empty zip"


def _networks_in(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The entries that are networks by their names, without what macOS adds and what are weights alone."""
    found = []
    for entry in archive.infolist():
        path = PurePosixPath(entry.filename)
        hidden = path.name.startswith(".") or "__MACOSX" in path.parts or path.name.endswith(".weights.h5")
        if path.suffix.lower() in (".keras", ".h5", ".hdf5") and not hidden and not entry.is_dir():
            found.append(entry)
    return found


def _copy_out(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, file: Path) -> None:
    """Unpack one entry, no more of it than an honest one has."""
    most = min(FILE_BYTES, 64 * MIB + 20 * file.stat().st_size)
    if member.file_size > most:
        raise ValueError(f"Expected an honest archive, got {file.name}, which unpacks to {member.file_size:,} bytes")
    if member.flag_bits & 1:
        raise ValueError(f"Expected an archive without a password, got {file.name}; unpack it first")
    with archive.open(member) as packed, target.open("wb") as stream:
        shutil.copyfileobj(packed, stream, MIB)


def _labels_in(archive: zipfile.ZipFile) -> tuple[tuple[str, ...], str]:
    """The names of classes in a box: Teachable Machine's ``labels.txt``."""
    for entry in archive.infolist():
        path = PurePosixPath(entry.filename)
        if _may_be_labels(path.name) and "__MACOSX" not in path.parts and entry.file_size < MIB:
            try:
                return read_labels(archive.read(entry), path.name), path.name
            except ValueError:
                continue
    return (), ""


def _labels_beside(file: Path) -> tuple[tuple[str, ...], str]:
    """The names of classes that lie in the same folder, as a loose ``keras_model.h5`` and its ``labels.txt`` do."""
    folder, stem = file.parent, file.stem
    for candidate in (f"{stem}_labels.txt", f"{stem}.labels.txt", f"{stem}.txt", "labels.txt", "class_indices.json"):
        path = folder / candidate
        try:
            if path.is_file() and path.stat().st_size < MIB:
                return read_labels(path.read_bytes(), path.name), path.name
        except (OSError, ValueError):
            continue
    return (), ""


def _may_be_labels(name: str) -> bool:
    stem, _, ending = name.lower().rpartition(".")
    return ending in LABEL_FILES and stem.replace("-", "_") in _LABEL_STEMS


# --------------------------------------------------------------------------------------- neither of the two


def _folder(file: Path) -> str:
    """What a folder is, as a sentence's end."""
    names = {one.name for one in file.iterdir()} if file.is_dir() else set()
    if {"config.json", "model.weights.h5"} <= names:
        return "a folder with an unpacked .keras; zip its files and name the zip network.keras"
    if inside := sorted(name for name in names if name.lower().endswith((".keras", ".h5", ".hdf5"))):
        return f"a folder; choose the file in it, {inside[0][:60]}"
    what = " (this is one)" if "saved_model.pb" in names else ""
    return f"a folder; a SavedModel may run any code{what}: where it was trained, write one file with {_SAVE}"


_HEADS = (
    (b"\x89PNG\r\n", "a picture; open it as your own picture instead"),
    (b"\xff\xd8\xff", "a picture; open it as your own picture instead"),
    (b"GIF8", "a picture; open it as your own picture instead"),
    (b"GGUF", "a language model, which takes no pictures"),
    (b"\x93NUMPY", f"a NumPy array; save the whole network with {_SAVE}"),
    (b"\x1f\x8b", "a packed archive; unpack it and open the .keras or .h5 file in it"),
    (b"7z\xbc\xaf", "a packed archive; unpack it and open the .keras or .h5 file in it"),
    (b"Rar!", "a packed archive; unpack it and open the .keras or .h5 file in it"),
    (b"BZh", "a packed archive; unpack it and open the .keras or .h5 file in it"),
    (b"\xfd7zXZ", "a packed archive; unpack it and open the .keras or .h5 file in it"),
    (b"\x80", f"a pickle, which may run any code (PyTorch and joblib write them); save a Keras network with {_SAVE}"),
)
_ENDINGS = {
    ".pb": "a graph of TensorFlow without Keras's layers, part of a SavedModel perhaps, which may run any code; where "
    f"it was trained, write one file with {_SAVE}",
    ".onnx": _ONNX, ".pt": _PYTORCH, ".pth": _PYTORCH, ".tflite": _TFLITE, ".caffemodel": "a network of Caffe",
    ".weights": "weights of Darknet without their layers; convert them to Keras first",
    ".mlmodel": "a network of Core ML",
    ".index": f"a checkpoint, which holds weights only; save the whole network with {_SAVE}",
    ".ckpt": f"a checkpoint, which holds weights only; save the whole network with {_SAVE}",
}  # fmt: skip


def _foreign(head: bytes, file: Path) -> str:
    """What a file is that is neither a zip archive nor HDF5, as a sentence's end; its name helps only here."""
    if not head:
        return "which is empty: neither a zip archive nor HDF5; copy or download it again"
    if head.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS instead of the file itself; fetch it with 'git lfs pull', or download it by hand"
    if head[4:8] == b"TFL3":
        return _TFLITE
    for sign, what in _HEADS:
        if head.startswith(sign):
            return what
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 100 * MIB:
        return "weights in safetensors, without their layers; save the whole network with " + _SAVE
    if re.match(rb"\s*<(!doctype|html|\?xml)", head, re.IGNORECASE):
        return "a web page instead of the file; download it again, with the button for the raw file"
    if head.lstrip()[:1] in (b"{", b"["):
        return _description_alone(file)
    if head[:1] == b"\x08" and (b"pytorch" in head or b"onnx" in head.lower() or b"ir_version" in head):
        return _ONNX
    if head.startswith(b"\x08\x01\x12") and file.suffix != ".onnx":
        return _SAVED_MODEL
    if file.suffix.lower() in _ENDINGS:
        return _ENDINGS[file.suffix.lower()]
    if ".data-0000" in file.name:
        return _ENDINGS[".ckpt"]
    return f"which is neither a zip archive nor HDF5; save the whole network with {_SAVE}"


def _description_alone(file: Path) -> str:
    """What a JSON file is."""
    try:
        found = json.loads(file.read_bytes()) if file.stat().st_size < 64 * MIB else None
    except (OSError, ValueError, RecursionError):
        found = None
    if isinstance(found, dict) and "modelTopology" in found:
        return _TFJS
    if isinstance(found, dict) and "class_name" in found:
        return f"the layers of a network without their weights; save both in one file with {_SAVE}"
    return f"a text that is neither a zip archive nor HDF5; save the whole network with {_SAVE}"
