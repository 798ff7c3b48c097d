"""The parts that a layer sees in pictures: its maps as sums of a few directions, each with a map of its own.

At every place of the map the activations above zero (places, channels) are taken for U H, both non-negative: the rows
of H are concepts, directions in the space of channels, and U says how strongly each is there. Lucid does so for one
picture (``ChannelReducer``; Olah et al., "The Building Blocks of Interpretability", doi:10.23915/distill.00010), CRAFT
for crops of many (Fel et al., arXiv:2211.10154); here the places of the map are the crops.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core import checks
from core.networks.classifiers import Classifier
from core.networks.looking import look
from core.networks.requirements import require_finite, require_finite_weights, require_size
from core.networks.tails import require_map
from core.pictures.images import to_float
from core.pictures.sets import PictureSet
from core.techniques.concepts.model import Model, cuts, projected, projecting
from core.types import Floats, Pictures

__all__ = ["ConceptCrops", "Concepts", "concept_crops", "concept_maps", "concepts", "most_concept_pictures"]

MOST_COUNT = 32
MEMORY = 256 * 2**20
"""Bytes of all maps together."""
BATCH, PIXELS_AT_ONCE = 64, 4 * 224 * 224
LIVE = 0.7
FAINTEST, PER_SOURCE = 1 / 3, 3
LARGEST_CROP = 0.3
"""A crop's longest side, as a part of the picture's: deep units see everything, but most of it is near their place."""


@dataclass(frozen=True, eq=False)
class Concepts:
    """The concepts of a layer over the first ``done`` of ``total`` pictures, the strongest first.

    Attributes:
        layer: whose maps they are parts of.
        directions: (count, channels), not negative, each of length 1, or 0 where there are fewer concepts.
        maps: (done, h, w, count), not negative: how much of each is at each place, in units of activation.
        unexplained: the part of the activations above zero that is no sum of concepts, as a squared length, 0 to 1.
        negative: the part of the activations that is below zero, and so left out, as a squared length, 0 to 1.
        total: how many pictures there are.
        progress: the part of the work that is done, 0 to 1.
    """

    layer: str
    directions: Floats
    maps: Floats
    unexplained: float
    negative: float
    total: int
    progress: float

    @property
    def done(self) -> int:
        """How many pictures are in it."""
        return len(self.maps)

    @property
    def count(self) -> int:
        """How many concepts there are."""
        return len(self.directions)

    def scaled(self, maps: Floats) -> Floats:
        """Maps (..., h, w, count) of these or other pictures in [0, 1]: 1 where a concept is strongest anywhere."""
        highest = np.maximum(self.maps.max(axis=(0, 1, 2)), maps.max(axis=tuple(range(maps.ndim - 1))))
        return np.divide(maps, highest, out=np.zeros_like(maps), where=highest > 0)


def concepts(
    classifier: Classifier,
    pictures: PictureSet | npt.ArrayLike,
    layer: str,
    *,
    count: int = 8,
    seed: int = 0,
) -> Iterator[Concepts]:
    """The concepts of a layer in pictures; yields about every 0.2 seconds, something new every 0.7 and at the end.

    Activations below zero are left out; ``Concepts.negative`` says how much that is.

    Args:
        classifier: the network.
        pictures: a set, or (N, H, W, 3) RGB in [0, 1]: one picture, or many, up to ``most_concept_pictures``.
        layer: one with height and width.
        count: 1 to 32 concepts; more are finer parts. Never more than the layer has channels.
        seed: of the start of the factorization.

    Raises:
        ValueError: a layer, count or pictures that cannot be, weights that are not finite, or a layer that is nowhere
            above zero on these pictures (this last one only once it was looked at).
    """
    require_map(classifier, layer)
    channels = classifier.layer(layer).channels
    most = min(MOST_COUNT, channels)
    chosen = checks.whole(f"count of concepts of {layer}", count, 1, most)
    checks.seed(seed)
    batches = _Batches(pictures)
    require_size(classifier, [layer], *batches.size)
    require_finite_weights(classifier, [layer])
    fitting = most_concept_pictures(classifier, layer, *batches.size)
    if len(batches) > fitting:
        raise ValueError(
            f"Expected at most {fitting} pictures, whose maps of {layer} fit into {MEMORY // 2**20} MiB, "
            f"got {len(batches)}; a deeper layer has smaller maps"
        )
    return _found(classifier, batches, layer, chosen, seed)


def most_concept_pictures(
    classifier: Classifier, layer: str, height: int | None = None, width: int | None = None
) -> int:
    """How many pictures of a size, the network's own where None, ``concepts`` takes for a layer."""
    own = classifier.size
    scale = (height or own[0]) * (width or own[1]) / (own[0] * own[1])
    return max(1, int(MEMORY / (4 * float(np.prod(classifier.layer(layer).shape)) * scale)))


def concept_maps(classifier: Classifier, found: Concepts, pictures: npt.ArrayLike) -> Floats:
    """How much of each concept is at each place of other pictures (N, H, W, 3): (N, h, w, count), not negative.

    Raises ValueError for pictures that cannot be, and for another network's concepts.
    """
    batch = checks.pictures(pictures)
    _require_own(classifier, found)
    require_size(classifier, [found.layer], *batch.shape[1:3])
    maps = _positive(np.asarray(look(classifier, batch, [found.layer])[found.layer], np.float32), found.layer)
    return projected(maps.reshape(-1, maps.shape[-1]), found.directions).reshape(*maps.shape[:3], -1)


@dataclass(frozen=True, eq=False)
class ConceptCrops:
    """Where a concept is strongest, the strongest first.

    Attributes:
        which: (n,) numbers of the pictures.
        windows: (n, 4) top, left, bottom and right, in pixels; all of one size.
        values: (n,) how much of the concept is in the middle.
    """

    which: npt.NDArray[np.int32]
    windows: npt.NDArray[np.int32]
    values: Floats

    def cut(self, pictures: PictureSet | npt.ArrayLike) -> Pictures:
        """The crops (n, h, w, 3) of the pictures in which the concepts were found."""
        batches = _Batches(pictures)
        if not len(self.which):
            return np.zeros((0, *batches.size, 3), np.float32)
        parts = zip(self.which.tolist(), self.windows.tolist(), strict=True)
        return np.concatenate(
            [batches.cut(which, which + 1)[:, top:bottom, left:right] for which, (top, left, bottom, right) in parts]
        )


def concept_crops(
    classifier: Classifier, found: Concepts, concept: int, *, count: int = 6, sources: npt.ArrayLike | None = None
) -> ConceptCrops:
    """Where a concept is strongest in the pictures in which it was found.

    Crops of one picture do not overlap by more than half, and where there are pictures enough, each gives one.

    Args:
        classifier, found: the network and what ``concepts`` found; its pictures of the network's own size.
        concept: its number, from 0.
        count: 1 to 64; fewer come back where there are fewer places with a third of the most that there is of it.
        sources: (N,) for each picture the photograph that it was cut from; none gives more than three crops, or than
            its part of ``count``.

    Raises:
        ValueError: a concept that there is not, a count that cannot be, or concepts of pictures of another size.
    """
    _require_own(classifier, found)
    if found.maps.shape[1:3] != classifier.layer(found.layer).shape[:2]:
        own, got = ("{} x {}".format(*one) for one in (classifier.layer(found.layer).shape, found.maps.shape[1:3]))
        raise ValueError(f"Expected concepts of pictures of the network's own size, with maps of {own}, got {got}")
    which = checks.whole("concept", concept, 0, found.count - 1)
    checks.whole("count", count, 1, 64)
    maps = found.maps[..., which]
    cut_from = np.arange(len(maps)) if sources is None else np.asarray(sources)[: len(maps)]
    each, per_source = -(-count // len(maps)), max(PER_SOURCE, -(-count // len(np.unique(cut_from))))
    least = FAINTEST * maps.max()
    taken: list[tuple[int, tuple[int, int, int, int], float]] = []
    for spot in np.argsort(-maps, axis=None, kind="stable"):
        picture, row, column = (int(one) for one in np.unravel_index(spot, maps.shape))
        if len(taken) == count or maps[picture, row, column] <= least:
            break
        window = crop_window(classifier, found.layer, (row, column), maps.shape[1:])
        same = [box for one, box, _ in taken if one == picture]
        near = sum(cut_from[one] == cut_from[picture] for one, *_ in taken)
        if (
            len(same) < each
            and (sources is None or near < per_source)
            and not any(_overlap(window, box) for box in same)
        ):
            taken.append((picture, window, float(maps[picture, row, column])))
    return ConceptCrops(
        np.array([one for one, *_ in taken], np.int32),
        np.array([box for _, box, _ in taken], np.int32).reshape(-1, 4),
        np.array([value for *_, value in taken], np.float32),
    )


def crop_window(
    classifier: Classifier, layer: str, place: tuple[int, int], places: tuple[int, ...]
) -> tuple[int, int, int, int]:
    """What is cut out around a place of a map of so many rows and columns, from a picture of the network's own size.

    As large as what a unit sees, but at least three places and at most three tenths of the picture.
    """
    field = classifier.layer(layer).receptive_field
    edges = []
    for at, count, side, seen in zip(
        place, places, classifier.size, field.size if field else classifier.size, strict=False
    ):
        length = min(side, max(round(3 * side / count), min(seen, round(LARGEST_CROP * side))))
        start = round((at + 0.5) * side / count - length / 2)
        edges.append((min(max(start, 0), side - length), length))
    (top, high), (left, wide) = edges
    return top, left, top + high, left + wide


def _overlap(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    """Whether two windows share more than half of their pixels."""
    high = min(one[2], other[2]) - max(one[0], other[0])
    wide = min(one[3], other[3]) - max(one[1], other[1])
    return max(high, 0) * max(wide, 0) > 0.5 * (one[2] - one[0]) * (one[3] - one[1])


# ---------------------------------------------------------------------------------------------- the work


class _Batches:
    """Pictures of one size, from a set or an array, as floats when they are wanted."""

    def __init__(self, pictures: PictureSet | npt.ArrayLike) -> None:
        self._pixels: Any = pictures.pixels if isinstance(pictures, PictureSet) else checks.pictures(pictures)
        if not len(self._pixels):
            raise ValueError("Expected at least one picture, got none")
        self.size: tuple[int, int] = (int(self._pixels.shape[1]), int(self._pixels.shape[2]))

    def __len__(self) -> int:
        return len(self._pixels)

    def cut(self, first: int, end: int) -> Pictures:
        part = self._pixels[first:end]
        return to_float(part) if part.dtype == np.uint8 else part


def _found(classifier: Classifier, batches: _Batches, layer: str, count: int, seed: int) -> Iterator[Concepts]:
    """Look at every picture, with what is found so far; then factorize them all."""
    maps: Floats = np.zeros(0, np.float32)
    model, sums, since, wait = Model(count, seed), np.zeros(2), time.monotonic(), LIVE
    latest: list[Concepts] = []
    size = max(1, min(BATCH, PIXELS_AT_ONCE // (batches.size[0] * batches.size[1])))
    for first in range(0, len(batches), size):
        found = look(classifier, batches.cut(first, first + size), [layer])[layer]
        whole = np.asarray(found, np.float32)
        if not first:  # whole at once: parts and their concatenation would take twice the memory
            maps = np.empty((len(batches), *whole.shape[1:]), np.float32)
        done = min(first + size, len(batches))
        maps[first:done] = part = _positive(whole, layer)
        sums += (np.square(part, dtype=np.float64).sum(), np.square(whole, dtype=np.float64).sum())
        model.learn(part)
        if done < len(batches) and model.directions is not None and time.monotonic() - since > wait:
            begun = time.monotonic()
            yield from _shown(
                latest, _sorted(layer, model.directions, maps[:done], sums, len(batches), 0.8 * done / len(batches))
            )
            since = time.monotonic()
            wait = max(LIVE, 3 * (since - begun))  # to look at what is there costs more and more
        yield from latest
    if not sums[0]:
        raise ValueError(f"Expected activations above zero, got none at {layer} on these pictures")
    for progress in model.finish(maps):
        if time.monotonic() - since > LIVE:
            yield from _shown(latest, _sorted(layer, model.directions, maps, sums, len(batches), 0.8 + 0.2 * progress))
            since = time.monotonic()
        yield from latest
    yield from _shown(latest, _sorted(layer, model.directions, maps, sums, len(batches), 1.0))


def _shown(latest: list[Concepts], found: Iterator[Concepts | None]) -> Iterator[Concepts]:
    """What was there before, so that one may stop here, while the next is being found; then that."""
    for one in found:
        latest[:] = [one] if one is not None else latest
        yield from latest


def _positive(maps: Floats, layer: str) -> Floats:
    """What is above zero. Raises ValueError where there is no number."""
    require_finite(maps, layer)
    return np.maximum(maps, 0)


def _sorted(
    layer: str, directions: Any, maps: Floats, sums: Any, total: int, progress: float
) -> Iterator[Concepts | None]:
    """The concepts of maps (n, h, w, channels), each of length 1, the one with the most activation first.

    None about every 0.2 seconds before.
    """
    lengths = np.linalg.norm(directions, axis=1, keepdims=True)
    unit = np.divide(directions, lengths, out=np.zeros_like(directions), where=lengths > 0)
    rows = maps.reshape(-1, maps.shape[-1])
    amounts = np.zeros(0, np.float32)
    for amounts in projecting(rows, unit):  # noqa: B007
        yield None
    order = np.argsort(-np.square(amounts).sum(axis=0), kind="stable")
    unit, amounts = unit[order], np.ascontiguousarray(amounts[:, order])
    pairs = zip(cuts(rows), cuts(amounts), strict=True)
    missing = sum(float(np.square(part - some @ unit).sum()) for part, some in pairs)
    yield Concepts(
        layer, unit, amounts.reshape(*maps.shape[:3], -1), min(1.0, missing / max(float(sums[0]), 1e-30)),
        float(1 - sums[0] / max(float(sums[1]), 1e-30)), total, progress,
    )  # fmt: skip


def _require_own(classifier: Classifier, found: Concepts) -> None:
    channels = classifier.layer(found.layer).channels
    if found.directions.shape[1] != channels:
        raise ValueError(f"Expected concepts of {channels} channels, got some of {found.directions.shape[1]}")
