"""Networks that people brought, in local mode: their files, and what the person says of each.

A file does not say what its classes are called nor how its pictures are normalized. So an own network is a file and
three answers, and its name in addresses is made of all four: another answer is another network, the file is the same.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import psutil
import streamlit as st

import core
from dashboard import words
from dashboard.server.brought import Brought
from dashboard.server.loaded import NETWORKS
from dashboard.server.slot import SLOT

ROOM = 2**31
CHUNK = 2**20
_FOLDERS: list[tempfile.TemporaryDirectory[str]] = []
_FOLDERS_LOCK = threading.Lock()


@dataclass(frozen=True)
class Own:
    """A file and what its person says of it.

    ``labels`` are empty for class numbers; ``normalization``, ``output`` (which of several answers) and ``kind`` (what
    it is taken for) are empty, and ``side`` 0, where nothing has been said. ``held`` are the inputs beside the picture
    by name, each with one number or as many as it has.
    """

    path: Path
    title: str
    digest: str
    labels: tuple[str, ...] = ()
    normalization: str = ""
    side: int = 0
    output: str = ""
    kind: str = ""
    held: tuple[tuple[str, tuple[float, ...]], ...] = ()

    @property
    def name(self) -> str:
        """Its name in addresses, which nobody can guess."""
        said = json.dumps([self.digest, self.labels, self.normalization, self.side, self.output, self.kind, self.held])
        return "own-" + hashlib.sha256(said.encode()).hexdigest()[:16]

    def classifier(self) -> core.Classifier:
        """The network. Raises ValueError for a file that is refused, and for labels of another number."""
        opened = NETWORKS.load(self.file, self._opened)
        normalization = core.NORMALIZATIONS.get(self.normalization)
        if self.output or self.kind or len(self.labels) not in (0, len(opened.labels)):
            opened = opened.answering(output=self.output, kind=self.kind, labels=self.labels or None)
        return opened.prepared(
            preprocess=normalization,
            labels=self.labels or None,
            facts={"title": self.title} | ({"normalization": self.normalization} if normalization else {}),
        )

    @property
    def file(self) -> tuple[Any, ...]:
        """What networks that differ only in what is said of them have in common."""
        return "file", str(self.path), self.side, self.held

    def _opened(self) -> core.Classifier:
        with SLOT.paused(), st.spinner("Trying the file in a process of its own…", show_time=True):
            size = (self.side, self.side) if self.side else None
            return core.load_file(str(self.path), size=size, held=dict(self.held))

    def script(self) -> str:
        """Code that loads it."""
        options = [f"normalization={self.normalization!r}"] if self.normalization else []
        options += [f"size=({self.side}, {self.side})"] if self.side else []
        options += [f"{name}={getattr(self, name)!r}" for name in ("output", "kind") if getattr(self, name)]
        if self.held:
            options.append(f"held={dict(self.held)!r}")
        if self.labels:
            options.append('labels=core.read_labels(Path("labels.txt").read_bytes())')
        return f"core.load({', '.join([repr(self.title), *options])})"


MODELS = Brought(lambda: ROOM, lambda: ROOM, dropped=lambda own: _forget(own))
"""The networks that people brought, by name; their files' bytes are counted, where they were uploaded."""


def folder() -> Path:
    """Where uploaded files lie: one temporary folder, which goes with the server."""
    with _FOLDERS_LOCK:
        if not _FOLDERS:
            _FOLDERS.append(tempfile.TemporaryDirectory(prefix="convscope-"))
        return Path(_FOLDERS[0].name)


def end() -> None:
    """The server ends: no file of it stays, and no process in which a file is being tried (``python -c``)."""
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if child.cmdline()[:2] == [sys.executable, "-c"]:
                child.kill()
    with _FOLDERS_LOCK:
        while _FOLDERS:
            _FOLDERS.pop().cleanup()


def get(name: str) -> Own | None:
    """The network of that name, where it is still here."""
    found: Own | None = MODELS.get(name)
    return found


def put(own: Own) -> str:
    """Open it and keep it. Returns its name. Raises ValueError for a file that is refused, or where all is in use."""
    own.classifier()
    return MODELS.add(own.name, own, own.path.stat().st_size if _uploaded(own) else 0)


def _uploaded(own: Own) -> bool:
    return bool(_FOLDERS) and own.path.parent == folder()


def _forget(own: Own) -> None:
    others = (other for _, other in MODELS.items(Own))
    if _uploaded(own) and all(other.path != own.path for other in others):
        own.path.unlink(missing_ok=True)


def bring(data: bytes, title: str) -> str:
    """Take in an uploaded file; returns its network's name. Raises ValueError, also where the disk is full."""
    digest = hashlib.sha256(data).hexdigest()
    suffix = PurePath(title).suffix.lower()
    suffix = suffix if suffix.lstrip(".") in core.NETWORK_FILES else ".keras"
    path = folder() / f"{digest[:24]}{suffix}"
    title = words.harmless(title)
    known = path.exists()  # it may be open: then it stays, whatever happens to this trial
    if not known:
        _write(path, data)
    try:
        return put(Own(path, title, digest))
    except ValueError as error:  # the file's name here is a digest
        raise ValueError(str(error).replace(path.name, title).replace(path.stem, title)) from error
    finally:
        if not known and all(own.path != path for _, own in MODELS.items(Own)):
            path.unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all. Raises ValueError."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        raise ValueError(
            f"Expected {len(data) / 2**20:.0f} MB of room in this server's temporary folder, got less: {error.strerror}"
        ) from error
    finally:
        part.unlink(missing_ok=True)


def bring_path(text: str) -> str:
    """Open a file of this machine where it lies; returns its network's name. Raises ValueError."""
    path = Path(text.strip().strip("'\"")).expanduser()
    if not path.is_file():
        raise ValueError(f"Expected the path of a .keras or .h5 file on this machine, got {words.harmless(text)}")
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return put(Own(path, words.harmless(path.name), digest.hexdigest()))
