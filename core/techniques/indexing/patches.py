"""The pictures of a stream that excite every unit most: the merge of the best of every part.

Parts may come in any order: of equal activations the picture with the lower number counts, and in it the place that
comes first, row by row. Beside the best, a sample of all pictures is noted, those with the lowest hashes of their
numbers: what is usual for a unit is told from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core import checks
from core.networks.classifiers import LOGITS, Classifier, stages
from core.networks.requirements import require_answers
from core.networks.streamed import Looked, StreamWork, as_stream, looked, over_stream
from core.networks.unit_index import MAX_TOP, index_units
from core.parts.run import Reached
from core.parts.work import Arrays
from core.pictures.streams import Batch, PictureStream, hashed
from core.types import Floats

SAMPLE = 500
COLUMNS = ("values", "numbers", "rows", "columns")
NOBODY = np.iinfo(np.int64).max
"""The number of a picture that is not there: it comes behind all others."""


@dataclass(frozen=True, eq=False)
class TopPatches(Looked):
    """What excites every unit of some layers most, over the parts that are done.

    Attributes:
        layers: whose units they are.
        values: {layer: (channels, top)} activations, the highest first; -inf where there are no more pictures.
        numbers: {layer: (channels, top)} of the pictures in the stream; the largest int64 where there are no more.
        rows: {layer: (channels, top)} positions in the map of the layer; 0 for a layer without height and width.
        columns: the same.
        sample: (n,) numbers of some pictures that stand for all, rising.
    """

    layers: tuple[str, ...]
    values: dict[str, Floats]
    numbers: dict[str, npt.NDArray[np.int64]]
    rows: dict[str, npt.NDArray[np.int32]]
    columns: dict[str, npt.NDArray[np.int32]]
    sample: npt.NDArray[np.int64]


@dataclass(frozen=True)
class PatchesWork(StreamWork):
    """The map and the merge."""

    layers: tuple[str, ...]
    top: int
    sample: int = SAMPLE

    def seen(self, net: Classifier, batch: Batch) -> Arrays:
        """The best of a batch."""
        *_, last = index_units(net, self.layers, batch.as_set(), top=self.top, each=self.top)
        found: Arrays = {}
        for at, name in enumerate(self.layers):
            index = last[name]
            there = index.pictures >= 0
            found[f"{at}/values"] = index.values
            found[f"{at}/numbers"] = np.where(there, batch.numbers[index.pictures], NOBODY)
            found[f"{at}/rows"], found[f"{at}/columns"] = index.rows, index.columns
        return {**found, **_sampled(batch.numbers, self.sample)}

    def united(self, one: Arrays, other: Arrays) -> Arrays:
        """The best of both."""
        found: Arrays = {}
        for at in range(len(self.layers)):
            both = {name: np.concatenate([one[f"{at}/{name}"], other[f"{at}/{name}"]], axis=1) for name in COLUMNS}
            keys = (both["columns"], both["rows"], both["numbers"], -both["values"])
            order = np.lexsort(keys, axis=-1)[:, : self.top]
            found |= {f"{at}/{name}": np.take_along_axis(both[name], order, axis=1) for name in COLUMNS}
        return {**found, **_sampled(np.concatenate([one["sample"], other["sample"]]), self.sample)}


def _sampled(numbers: npt.NDArray[np.int64], most: int) -> Arrays:
    """The numbers with the lowest hashes: the same ones whoever chooses, and as good as drawn by lot."""
    order = np.lexsort((numbers, hashed(numbers)))[:most]
    return {"sample": np.sort(numbers[order])}


def top_patches(
    classifier: Classifier,
    pictures: PictureStream | str | Path,
    layers: Sequence[str] = (),
    *,
    top: int = 9,
    cluster: Any = None,
    folder: str | Path | None = None,
    order: list[int] | None = None,
) -> Iterator[TopPatches]:
    """Look at every picture of a stream once; yields what is known after every part, and at the end.

    Args:
        classifier: the network.
        pictures: a stream, or its address (``core.stream``).
        layers: of ``classifier.layers``, or ``LOGITS``; the last layers of its stages where none are named.
        top: 1 to 64 pictures to keep for each unit; each counts once, at its most exciting place.
        cluster: None for this process, the address of a Dask scheduler, or a Dask cluster or client.
        folder: where finished parts are kept, so that a run that was stopped goes on.
        order: in which to look at the parts; the result is the same.

    Raises:
        ValueError: as ``core.stream`` does; a layer that does not exist; a folder with another run's parts; a cluster
            that does not answer; activations that are not finite.
    """
    names = tuple(dict.fromkeys(layers)) or tuple(stage.layer for stage in stages(classifier))
    for name in names:
        require_answers(classifier) if name == LOGITS else classifier.layer(name)
    work = PatchesWork(names, checks.whole("top", top, 1, MAX_TOP))
    found = as_stream(pictures)
    reached = over_stream(classifier, work, found, cluster=cluster, folder=folder, order=order)
    return (_told(work, one) for one in reached)


def _told(work: PatchesWork, reached: Reached) -> TopPatches:
    state = reached.state

    def of(column: str) -> dict[str, Any]:
        return {name: state[f"{at}/{column}"] for at, name in enumerate(work.layers) if f"{at}/{column}" in state}

    sample = state.get("sample", np.zeros(0, np.int64))
    tables: dict[str, Any] = {column: of(column) for column in COLUMNS}
    return TopPatches(layers=work.layers, sample=sample, **tables, **looked(reached))
