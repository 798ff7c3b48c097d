"""Read the tensors of a file in PyTorch's legacy format, without PyTorch and without running what a pickle says.

Such a file (``torch.save`` before version 1.6) is five pickles, one after another (a magic number, the version of the
format, facts about the machine, the tensors by name, the keys of the storages), and then the storages themselves: for
each key eight bytes that say how many numbers it has, and the numbers. A tensor is a window on a storage: an offset, a
shape and a stride for each axis.

A pickle is a program that may call anything. Here it can call two things, each of our own making: what builds an
ordered dictionary and what notes a tensor down. Every other name is refused before it is looked up.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt

__all__ = ["read_tensors"]

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
TYPES: Mapping[str, str] = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "|b1",
}
"""The numbers of a storage, by the name of its class in the module ``torch``."""

Array = npt.NDArray[Any]

_FAULTS = (
    *(pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, LookupError),
    *(OverflowError, MemoryError, RecursionError),
)


def read_tensors(path: str | os.PathLike[str], *, sha256: str) -> dict[str, Array]:
    """The tensors of a file by name, in its order, as read-only windows on one buffer: nothing is copied.

    Args:
        path: of a file that PyTorch wrote in its legacy format, such as a ``.pth`` of 2020.
        sha256: the digest that the whole file must have, 64 hexadecimal digits. Nothing in it is read before.

    Raises:
        ValueError: no such file, another digest, not this format, a name that a pickle has no business with, a tensor
            that reaches out of its storage, or a file that is cut off.
    """
    content = _verified(Path(path), sha256)
    stream = io.BytesIO(content)
    try:
        _check_header(stream)
        noted, keys = _unpickled(stream), _unpickled(stream)
        storages = _storages(content, stream.tell(), _wanted(noted), keys)
        return {name: _window(name, tensor, storages[tensor.storage.key]) for name, tensor in noted.items()}
    except _FAULTS as error:
        raise ValueError(f"Expected a file in PyTorch's legacy format, got {path}: {error}") from error


def _verified(path: Path, sha256: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"Expected a file of weights, got {path}, which cannot be read: {error.strerror}") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256.lower():
        raise ValueError(f"Expected a file with the SHA-256 {sha256}, got {path} with {digest}")
    return content


def _check_header(stream: io.BytesIO) -> None:
    magic, version, machine = (_unpickled(stream) for _ in range(3))
    if magic != MAGIC or version != VERSION:
        raise ValueError(f"its magic number and version are {magic!r} and {version!r}")
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise ValueError("it does not come from a little-endian machine")


# ------------------------------------------------------------------------------------------------ the pickles


class _Storage(NamedTuple):  # not a dataclass: a pickle can set attributes, whatever ``frozen`` says
    key: str
    numbers: np.dtype[Any]
    size: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Names(dict[str, Any]):
    """An ordered dictionary; the attributes that a pickle would hang on it (``_metadata``) are not kept."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        """Nothing: an attribute could hide a method."""


class _Rebuilder:
    """What a pickle calls in the place of ``torch._utils._rebuild_tensor_v2``; it only notes the tensor down."""

    __slots__ = ()

    def __call__(self, storage: Any, offset: Any, shape: Any, strides: Any, *rest: Any) -> _Tensor:
        """Note the window down. ``rest`` is whether it takes gradients, and its hooks."""
        if not isinstance(storage, _Storage) or not isinstance(shape, tuple) or not isinstance(strides, tuple):
            raise pickle.UnpicklingError("it describes a tensor without storage, shape or strides")
        if len(shape) != len(strides) or not all(_natural(size) for size in (offset, *shape, *strides)):
            raise pickle.UnpicklingError(f"it has a tensor of shape {shape}, strides {strides} at offset {offset}")
        return _Tensor(storage, offset, shape, strides)

    def __setstate__(self, state: object) -> NoReturn:
        raise pickle.UnpicklingError("it would change the reader")


class _Unpickler(pickle.Unpickler):
    """Knows ordered dictionaries, tensors and storages, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """What stands for a global name of a pickle; nothing is imported."""
        if (module, name) == ("collections", "OrderedDict"):
            return _Names
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Rebuilder()
        if module == "torch" and name in TYPES:
            return name
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no file of weights needs")

    def persistent_load(self, pid: Any) -> _Storage:
        """The storage that a tensor lies in; its numbers come after the pickles."""
        if not isinstance(pid, tuple) or len(pid) not in (5, 6) or pid[0] != "storage":
            raise pickle.UnpicklingError("it refers to something other than a storage")
        _, kind, key, _, count, *view = pid
        if kind not in TYPES or not isinstance(key, str) or not _natural(count) or view not in ([], [None]):
            raise pickle.UnpicklingError(f"it describes a storage {key!r} of {count!r} numbers of kind {kind!r}")
        return _Storage(key, np.dtype(TYPES[kind]), count)


def _unpickled(stream: io.BytesIO) -> Any:
    return _Unpickler(stream, encoding="utf-8").load()


def _natural(value: Any) -> bool:
    return type(value) is int and value >= 0


# ----------------------------------------------------------------------------------------------- the numbers


def _wanted(noted: Any) -> dict[str, _Storage]:
    """The storages that the tensors lie in, by key."""
    if not isinstance(noted, _Names) or not all(isinstance(name, str) for name in noted):
        raise ValueError("it holds no tensors by name")
    wanted: dict[str, _Storage] = {}
    for name, tensor in noted.items():
        if not isinstance(tensor, _Tensor):
            raise ValueError(f"{name!r} is no tensor")
        if wanted.setdefault(tensor.storage.key, tensor.storage) != tensor.storage:
            raise ValueError(f"it describes the storage {tensor.storage.key!r} in two ways")
    return wanted


def _storages(content: bytes, at: int, wanted: Mapping[str, _Storage], keys: Any) -> dict[str, Array]:
    """The numbers of every storage, which follow one another from ``at`` on in the order of ``keys``."""
    if not isinstance(keys, list) or len(keys) != len(wanted) or set(keys) != set(wanted):
        raise ValueError("its list of storages is not that of its tensors")
    found = {}
    for key in keys:
        storage = wanted[key]
        count, start = int.from_bytes(content[at : at + 8], "little"), at + 8
        at = start + count * storage.numbers.itemsize
        if count != storage.size:
            raise ValueError(f"the storage {key!r} has {count} numbers where {storage.size} were announced")
        if at > len(content):
            raise ValueError(f"it ends within the storage {key!r}")
        found[key] = np.frombuffer(content, storage.numbers, count, start)
    if at != len(content):
        raise ValueError(f"{len(content) - at} bytes follow its last storage")
    return found


def _window(name: str, tensor: _Tensor, numbers: Array) -> Array:
    """The tensor as a window on its storage; strides of the file count numbers, those of NumPy bytes."""
    empty = 0 in tensor.shape
    last = tensor.offset + sum((size - 1) * step for size, step in zip(tensor.shape, tensor.strides, strict=True))
    if tensor.offset > len(numbers) or (last >= len(numbers) and not empty):
        raise ValueError(f"the tensor {name!r} reaches to {last} in a storage of {len(numbers)} numbers")
    if np.prod([float(size) for size in tensor.shape]) > len(numbers):
        raise ValueError(f"the tensor {name!r} has more numbers than its storage")
    if empty:
        return np.empty(tensor.shape, numbers.dtype)
    steps = [step * numbers.itemsize for step in tensor.strides]
    return np.lib.stride_tricks.as_strided(numbers[tensor.offset :], tensor.shape, steps, writeable=False)
