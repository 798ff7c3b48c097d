"""From pictures to a folder that can be looked at, in one go; a run that was stopped goes on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.networks.classifiers import Classifier
from core.networks.streamed import Looked, as_stream
from core.parts.store import RUN, clear
from core.pictures.streams import PictureStream
from core.techniques.indexing.folder import MANIFEST, write_index
from core.techniques.indexing.patches import TopPatches, top_patches

PARTS = "parts"
LOOKING = 0.95
"""The part of the time that looking takes, and writing does not."""


@dataclass(frozen=True, eq=False)
class Indexing(Looked):
    """How far it is.

    Attributes:
        written: the part of the folder that is written, 0 to 1.
    """

    written: float = 0.0

    @property
    def progress(self) -> float:
        """The part of the work that is done, 0 to 1."""
        return LOOKING * self.done / self.total + (1 - LOOKING) * self.written


def index_pictures(
    classifier: Classifier,
    pictures: PictureStream | str | Path,
    folder: str | Path,
    layers: Sequence[str] = (),
    *,
    top: int = 9,
    cluster: Any = None,
) -> Iterator[Indexing]:
    """Look at all pictures and write the index: ``top_patches``, then ``write_index``; yields how far it is.

    Finished parts are kept in ``folder``, so that the same call goes on where it was stopped; they go at the end.

    Args:
        classifier, pictures, layers, top, cluster: as for ``top_patches``.
        folder: a new one, an empty one, or one in which this index was begun.

    Raises:
        ValueError: as both do; a folder with a finished index, or with anything else in it.
    """
    root = Path(folder)
    if (root / MANIFEST).exists():
        raise ValueError(f"Expected a new folder for the index, got {root}, which holds a finished one")
    begun = (root / PARTS / RUN).exists()
    if root.exists() and not begun and (not root.is_dir() or any(root.iterdir())):
        raise ValueError(f"Expected a new folder for the index, got {root}, which holds something else")
    stream = as_stream(pictures)
    looking = top_patches(classifier, stream, layers, top=top, cluster=cluster, folder=root / PARTS)
    return _indexed(classifier, stream, root, looking)


def _indexed(
    classifier: Classifier, stream: PictureStream, root: Path, looking: Iterator[TopPatches]
) -> Iterator[Indexing]:
    found = None
    for found in looking:
        yield Indexing(**_looked(found))
    if found is None or not found.pictures:
        raise ValueError(f"Expected pictures in {stream.address}, got files of which none is one")
    for written in write_index(classifier, stream, found, root):
        yield Indexing(written, **_looked(found))
    clear(root / PARTS)


def _looked(found: TopPatches) -> dict[str, Any]:
    return {"pictures": found.pictures, "bad": found.bad, "done": found.done, "total": found.total}
