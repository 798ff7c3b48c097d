"""A file that has been looked at, as a network: description and weights, checked, translated, and put together.

Both the child process that tries a file first and the process that opens it afterwards come through ``build``.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras

from core.networks import descriptions, inputs, saved_weights
from core.networks.containers import FILE_BYTES, damage

MIB = 2**20
_ENTRIES = frozenset({"config.json", "metadata.json", "model.weights.h5"})


def check_archive(file: Path) -> None:
    """Look at a ``.keras`` archive with the standard library alone. Raises ValueError."""
    with damage(file.name), zipfile.ZipFile(file) as archive:
        _check_entries(archive, file)
        _, declared = descriptions.checked(archive.read("config.json"), file.name, version=_version(archive))
        weights = archive.getinfo("model.weights.h5").file_size
    if declared > weights:
        raise ValueError(
            f"Expected the weights of all layers in {file.name}, got a description with {declared:,} parameters and "
            f"{weights:,} bytes of weights"
        )


def _check_entries(archive: zipfile.ZipFile, file: Path) -> None:
    """Refuse entries that a network does not need or that are not what they say."""
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
    for name in ("config.json", "metadata.json"):
        if name in names and archive.getinfo(name).file_size > descriptions.CONFIG_BYTES:
            raise ValueError(
                f"Expected a description of at most {descriptions.CONFIG_BYTES // MIB} MB in {file.name}, "
                f"got {archive.getinfo(name).file_size // MIB} MB"
            )


def build(file: Path, kind: str, *, held: inputs.Values | None = None) -> inputs.Adapted:
    """The network of a file, and what was changed to open it, one sentence each.

    Args:
        file: its path.
        kind: ``"keras"`` or ``"h5"``, as ``containers.identify`` says.
        held: at what to hold inputs beside the picture, by name.

    Raises:
        ValueError: what is wrong with the file, in one sentence.
    """
    text, version, weights = _parts(file, kind)
    translation, _ = descriptions.checked(text, file.name, version=version)
    with weights:
        saved_weights.check(weights, file.name)
        original = descriptions.read(text, file.name)
        network = _deserialized(translation.description, file.name)
        with _misfit(file.name):
            _put(weights, network, original, file.name)
        return inputs.adapted(network, file.name, notes=translation.notes, held=held)


def _parts(file: Path, kind: str) -> tuple[bytes | str, str, Any]:
    """Description, version of Keras and open weights of a file. Raises ValueError where it has them not."""
    with _misfit(file.name):
        if kind == "keras":
            with damage(file.name), zipfile.ZipFile(file) as archive:
                text, version, data = archive.read("config.json"), _version(archive), archive.read("model.weights.h5")
            return text, version, h5py.File(io.BytesIO(data), "r")
        opened = h5py.File(file, "r")
        if "model_config" not in opened.attrs:
            raise ValueError(_without_description(opened, file.name))
        written = opened.attrs.get("keras_version", b"")
        written = written.decode(errors="replace") if isinstance(written, bytes) else str(written)
        return opened.attrs["model_config"], written, opened


def _without_description(opened: Any, name: str) -> str:
    """What an HDF5 file without a network's description is."""
    weights = "layer_names" in opened.attrs or any(key in opened for key in ("layers", "vars", "model_weights"))
    top = [key for key in opened if isinstance(opened[key], h5py.Group)]
    if weights or any("weight_names" in opened[key].attrs for key in top):
        return (
            f"Expected a whole network, got {name}, which holds weights only; save it with model.save('network.keras')"
        )
    return f"Expected a whole network, got {name}, an HDF5 file with data and without a network in it"


class _misfit:  # noqa: N801 - reads as a word at its call
    """What broken HDF5 makes h5py raise becomes one sentence."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (OSError, RuntimeError, KeyError, TypeError, AttributeError)):
            raise ValueError(f"Expected an undamaged file, got {self.name}, which is broken or cut off") from error


def _deserialized(description: dict[str, Any], name: str) -> keras.Model:
    """The network without its weights, in Keras's safe mode. Raises ValueError, whatever Keras raises."""
    try:
        network = keras.saving.deserialize_keras_object(description, safe_mode=True)
    except MemoryError as error:
        raise ValueError(f"Expected a network that fits into the memory it may have, got {name}") from error
    except Exception as error:
        raise ValueError(
            f"Expected a file that Keras can open, got {name}, whose layers Keras {keras.__version__} cannot build"
        ) from error
    if not isinstance(network, keras.Model):
        raise ValueError(f"Expected a network in {name}, got a single {type(network).__name__}")
    return network


def _put(weights: Any, network: keras.Model, original: dict[str, Any], name: str) -> None:
    """Put the weights into the network, with the file's name in what is said of those that do not fit."""
    try:
        saved_weights.put(weights, network, original)
    except ValueError as error:
        raise ValueError(f"Expected the weights of all layers in {name}, got {first_words(error)}") from error


def _version(archive: zipfile.ZipFile) -> str:
    """The version of Keras that wrote an archive; empty where it does not say."""
    try:
        said = json.loads(archive.read("metadata.json"))
    except (KeyError, ValueError, RecursionError):
        return ""
    return str(said.get("keras_version", ""))[:12] if isinstance(said, dict) else ""


def first_words(error: Exception) -> str:
    """What an error says in one line of at most 200 characters: its cause, where Keras wraps it in a description."""
    text = str(error)
    if "Exception encountered:" in text:
        text = text.rpartition("Exception encountered:")[2]
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [type(error).__name__]
    words = lines[-1 if lines[0].startswith("in user code") else 0]
    return words if len(words) <= 200 else words[:200].rpartition(" ")[0] + " ..."
