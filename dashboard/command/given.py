"""What was given on the command line: pictures, networks and sets, looked at first and then taken in.

``look`` needs the standard library alone, so what is not there is said at once; ``take_in`` opens it as an upload would
be. Both raise ValueError with one sentence.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from dashboard.command import terminal

HDF5, ZIP = b"\x89HDF\r\n\x1a\n", (b"PK\x03\x04", b"PK\x05\x06")
NETWORKS = (".keras", ".h5", ".hdf5", ".pb", ".tflite", ".onnx", ".pt", ".pth", ".safetensors", ".json")
PICTURES = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".avif")
MANIFEST = "manifest.json"
WANTED = "Expected a picture, a network or a folder of pictures, got"


@dataclass(frozen=True)
class Given:
    """One of them.

    ``kind`` is ``"picture"``, ``"network"``, ``"set"``, ``"index"``, or ``"name"``: of a network or a sample.
    """

    kind: str
    path: Path


def look(words: Sequence[str]) -> list[Given]:
    """What each of these is, by its content. Raises ValueError where it is not there or cannot be read."""
    return [Given(_kind(Path(word).expanduser(), word), Path(word).expanduser()) for word in words]


def _kind(path: Path, word: str) -> str:
    if path.is_dir():
        if _says_index(path / MANIFEST):
            return "index"
        if any(path.rglob("*.pb")):
            return "network"  # whose sentence says what to do with it
        if not any(one.suffix.lower() in PICTURES for one in path.rglob("*")):
            raise ValueError(f"{WANTED} {word}, a folder without pictures.")
        return "set"
    try:
        with path.open("rb") as stream:
            head = stream.read(16)
    except FileNotFoundError as error:
        if path.name == word and not path.suffix:
            return "name"
        raise ValueError(f"{WANTED} {word}, which does not exist.") from error
    except (OSError, ValueError) as error:
        raise ValueError(f"{WANTED} {word}, which cannot be read: {getattr(error, 'strerror', error)}.") from error
    if not head:
        raise ValueError(f"{WANTED} {word}, an empty file.")
    if head.startswith(ZIP):
        return "index" if _holds_index(path) else "set" if _holds_pictures_only(path) else "network"
    return "network" if head.startswith(HDF5) or path.suffix.lower() in NETWORKS else "picture"


def _says_index(path: Path) -> bool:
    """Whether a manifest is that of an index of pictures; what else is in it, its opening tells."""
    try:
        with path.open("rb") as file:
            return b'"convscope index"' in file.read(200)
    except OSError:
        return False


def _holds_index(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {Path(name).name for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError):
        return False
    return {MANIFEST, "units.parquet"} <= names


def _holds_pictures_only(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            endings = {Path(name).suffix.lower() for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError):
        return False
    return bool(endings & set(PICTURES)) and not endings & set(NETWORKS)


def take_in(given: Sequence[Given]) -> str:
    """Open them, for everyone who comes; returns the end of the address that shows them. Raises ValueError."""
    if not given:
        return ""
    from dashboard.server import given as shelf

    terminal.without_a_page()
    shown: dict[str, str] = {}
    for one in given:
        for what, name in shelf.take_in(one.kind, one.path).items():
            shown.setdefault(what, name)
    page = "units" if "index" in {one.kind for one in given} else "map" if "set" in shown else ""
    return f"{page}?{urlencode(shown)}"
