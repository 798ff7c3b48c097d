"""The concepts of a layer over a stream of pictures, by scikit-learn's MiniBatchNMF.

A factorization depends on the order of its rows, so it is no merge itself. What is merged is a sample of the rows: of
every picture a few places of the map, of all of them those with the lowest hashes. The factorization goes through this
sample in the order of the pictures' numbers, so any order of parts gives the same concepts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from core import checks
from core.networks.classifiers import Classifier
from core.networks.looking import look
from core.networks.streamed import Looked, StreamWork, as_stream, looked, over_stream
from core.networks.tails import require_map
from core.parts.work import Arrays
from core.pauses import each
from core.pictures.images import to_float
from core.pictures.streams import Batch, PictureStream, hashed
from core.types import Floats

__all__ = ["StreamConcepts", "stream_concepts"]

PLACES = 8
"""Rows of each picture."""
MOST_ROWS, MEMORY = 50_000, 64 * 2**20
ROWS_AT_ONCE, PASSES = 1024, 4


@dataclass(frozen=True, eq=False)
class StreamConcepts(Looked):
    """The concepts of a layer over the parts that are done.

    Attributes:
        layer: whose they are.
        directions: (count, channels), not negative, each of length 1, the strongest first; none before the last part.
        unexplained: the part of the sampled activations above zero that is no sum of them, as a squared length.
        rows: how many rows the sample has.
    """

    layer: str
    directions: Floats
    unexplained: float
    rows: int


@dataclass(frozen=True)
class RowsWork(StreamWork):
    """The sample of rows."""

    layer: str
    most: int

    def seen(self, net: Classifier, batch: Batch) -> Arrays:
        """That of a batch: the places of each picture are drawn by its number."""
        maps = np.asarray(look(net, to_float(batch.pixels), [self.layer])[self.layer], np.float32)
        if not np.isfinite(maps).all():
            raise ValueError(f"Expected finite activations, got NaN or infinity at {self.layer}")
        flat = np.maximum(maps.reshape(len(maps), -1, maps.shape[-1]), 0)
        numbers = np.repeat(batch.numbers, PLACES) * PLACES + np.tile(np.arange(PLACES), len(maps))
        keys = hashed(numbers)
        places = (keys % np.uint64(flat.shape[1])).astype(np.intp)
        rows = flat[np.repeat(np.arange(len(maps)), PLACES), places]
        return self._fewest({"numbers": numbers, "rows": rows})

    def united(self, one: Arrays, other: Arrays) -> Arrays:
        """That of both."""
        return self._fewest({name: np.concatenate([one[name], other[name]]) for name in ("numbers", "rows")})

    def _fewest(self, found: Arrays) -> Arrays:
        order = np.lexsort((found["numbers"], hashed(found["numbers"])))[: self.most]
        order = order[np.argsort(found["numbers"][order])]
        return {name: values[order] for name, values in found.items()}


def stream_concepts(
    classifier: Classifier,
    pictures: PictureStream | str | Path,
    layer: str,
    *,
    count: int = 8,
    seed: int = 0,
    cluster: Any = None,
    folder: str | Path | None = None,
    order: list[int] | None = None,
) -> Iterator[StreamConcepts]:
    """The concepts of a layer in the pictures of a stream; yields after every part, the concepts with the last.

    Args:
        classifier, layer, seed: as for ``concepts``.
        pictures, cluster, folder, order: as for ``core.top_patches``.
        count: 1 to 32 concepts, never more than the layer has channels.

    Raises:
        ValueError: as ``concepts`` and ``core.top_patches`` do; a layer that is nowhere above zero.
    """
    require_map(classifier, layer)
    channels = classifier.layer(layer).channels
    chosen = checks.whole(f"count of concepts of {layer}", count, 1, min(32, channels))
    work = RowsWork(layer, min(MOST_ROWS, MEMORY // (4 * channels)))
    checks.seed(seed)
    reached = over_stream(classifier, work, as_stream(pictures), cluster=cluster, folder=folder, order=order)

    def told() -> Iterator[StreamConcepts]:
        for one in reached:
            rows = one.state.get("rows", np.zeros((0, channels), np.float32))
            done = one.done == one.total
            directions, rest = _factorized(rows, chosen, seed) if done else (np.zeros((0, channels), np.float32), 1.0)
            yield StreamConcepts(layer, directions, rest, len(rows), **looked(one))

    return told()


def _factorized(rows: Floats, count: int, seed: int) -> tuple[Floats, float]:
    """Directions, the strongest first, and the part of the rows that is no sum of them."""
    from sklearn.decomposition import MiniBatchNMF  # here, since it takes a second to import

    if not rows.any():
        raise ValueError("Expected a layer that is above zero somewhere, got one that is not on these pictures")
    scale = float(rows.mean())
    with threadpool_limits(1, user_api="openmp"):
        made = MiniBatchNMF(count, init="random", batch_size=ROWS_AT_ONCE, random_state=seed, forget_factor=1.0)
        cuts = [rows[first : first + ROWS_AT_ONCE] / scale for first in range(0, len(rows), ROWS_AT_ONCE)]
        for _ in range(max(PASSES, -(-PASSES * 20 // len(cuts)))):
            for cut in each(cuts):
                made.partial_fit(cut)
        parts = np.concatenate([made.transform(cut) for cut in each(cuts)])
    rest = rows / scale - parts @ made.components_
    lengths = np.linalg.norm(made.components_, axis=1, keepdims=True)
    strength = (parts * lengths.T).mean(axis=0)
    unit = np.divide(made.components_, lengths, out=np.zeros_like(made.components_), where=lengths > 0)
    unexplained = float(np.square(rest).sum() / np.square(rows / scale).sum())
    return unit[np.argsort(-strength, kind="stable")].astype(np.float32), unexplained
