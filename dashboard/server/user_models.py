"""Networks that people brought, in local mode: their files, and what the person says of each.

A file does not say what its classes are called nor how its pictures are normalized. So an own network is a file and
three answers, and its name in addresses is made of all four: another answer is another network, the file is the same.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

import core
from dashboard import words
from dashboard.server.loaded import NETWORKS
from dashboard.server.slot import SLOT

KEPT = 8
CHUNK = 2**20


@dataclass(frozen=True)
class Own:
    """A file and what its person says of it.

    ``labels`` are empty for class numbers; ``normalization`` is empty, and ``side`` 0, where nothing has been said.
    """

    path: Path
    title: str
    digest: str
    labels: tuple[str, ...] = ()
    normalization: str = ""
    side: int = 0

    @property
    def name(self) -> str:
        """Its name in addresses, which nobody can guess."""
        said = json.dumps([self.digest, self.labels, self.normalization, self.side])
        return "own-" + hashlib.sha256(said.encode()).hexdigest()[:16]

    def classifier(self) -> core.Classifier:
        """The network. Raises ValueError for a file that is refused, and for labels of another number."""
        opened = NETWORKS.load(self.file, self._opened)
        normalization = core.NORMALIZATIONS.get(self.normalization)
        return opened.prepared(
            preprocess=normalization,
            labels=self.labels or None,
            facts={"title": self.title} | ({"normalization": self.normalization} if normalization else {}),
        )

    @property
    def file(self) -> tuple[str, str, int]:
        """What networks that differ only in what is said of them have in common."""
        return "file", str(self.path), self.side

    def _opened(self) -> core.Classifier:
        with SLOT.paused(), st.spinner("Trying the file in a process of its own…", show_time=True):
            return core.load_file(str(self.path), size=(self.side, self.side) if self.side else None)

    def script(self) -> str:
        """Code that loads it."""
        options = [f"normalization={self.normalization!r}"] if self.normalization else []
        options += [f"size=({self.side}, {self.side})"] if self.side else []
        if self.labels:
            options.append('labels=core.read_labels(Path("labels.txt").read_bytes())')
        return f"core.load({', '.join([repr(self.title), *options])})"


@st.cache_resource
def _shelf() -> OrderedDict[str, Own]:
    """The latest networks that people brought, by name."""
    return OrderedDict()


@st.cache_resource
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Where uploaded files lie; gone with the server."""
    return tempfile.TemporaryDirectory(prefix="convscope-")


def get(name: str) -> Own | None:
    """The network of that name, where it is still here."""
    return _shelf().get(name)


def put(own: Own) -> str:
    """Open it, keep it, forget the oldest one when there are too many. Returns its name. Raises ValueError."""
    own.classifier()
    _shelf()[own.name] = own
    while len(_shelf()) > KEPT:
        _forget(_shelf().popitem(last=False)[1])
    return own.name


def _forget(own: Own) -> None:
    uploaded = own.path.parent == Path(_folder().name)
    if uploaded and all(other.path != own.path for other in _shelf().values()):
        own.path.unlink(missing_ok=True)


def bring(data: bytes, title: str) -> str:
    """Take in an uploaded file; returns its network's name. Raises ValueError."""
    digest = hashlib.sha256(data).hexdigest()
    suffix = ".h5" if title.lower().endswith((".h5", ".hdf5")) else ".keras"
    path = Path(_folder().name) / f"{digest[:24]}{suffix}"
    path.write_bytes(data)
    title = words.harmless(title)
    try:
        return put(Own(path, title, digest))
    except ValueError as error:  # the file's name here is a digest
        path.unlink(missing_ok=True)
        raise ValueError(str(error).replace(path.name, title).replace(path.stem, title)) from error


def bring_path(text: str) -> str:
    """Open a file of this machine where it lies; returns its network's name. Raises ValueError."""
    path = Path(text.strip().strip("'\"")).expanduser()
    if not path.is_file() or path.suffix.lower() not in (".keras", ".h5", ".hdf5"):
        raise ValueError(f"Expected the path of a .keras or .h5 file on this machine, got {words.harmless(text)}")
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return put(Own(path, words.harmless(path.name), digest.hexdigest()))
