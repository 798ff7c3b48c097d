"""The scores of pictures of which a square is hidden, computed where possible from crops around the square.

A square changes only a part of the maps of an early layer: the units whose receptive field meets it. ``_crop`` finds
the layer up to which computing just that part saves most; the unchanged rest is that of the whole picture. Padding can
make a crop tell something else, so it is tried on noise first (``_tells_the_same``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from core.networks import folding
from core.networks.classifiers import PICTURES, Classifier, ReceptiveField
from core.networks.compiled import Compiled
from core.techniques.attribution.question import folded


@dataclass(frozen=True)
class _Crop:
    """Which part of a picture is enough to know how a square changes the maps of a layer, rows and columns alike.

    Attributes:
        layer: its name.
        field: what one of its units sees.
        cells: height and width of its maps.
        changed: how many of its rows and columns a square can change.
        lead: how many rows and columns before those the crop begins.
        kept: rows and columns of the crop's own maps.
    """

    layer: str
    field: ReceptiveField
    cells: tuple[int, int]
    changed: tuple[int, int]
    lead: tuple[int, int]
    kept: tuple[int, int]


@dataclass(frozen=True)
class Hiding:
    """``before``: a picture -> what all hidden pictures have in common; ``scores``: the units of hidden pictures."""

    before: Any
    scores: Any


def hiding(classifier: Classifier, layer: str, size: tuple[int, int], side: int) -> Hiding:
    """Occlusion compiled, where possible so that the first layers only see the surroundings of the square."""
    crop = _crop(classifier, layer, size, side)
    if crop:
        first, rest = folding.halves(classifier, crop.layer, layer)
        before = classifier.told([layer], tf.function(first, input_signature=[PICTURES], autograph=False))
        if _tells_the_same(crop, before, size):
            scores = _scored(lambda *given: rest(_patched(crop, first, side, *given)))
            return Hiding(before, Compiled(lambda: classifier.told([layer], scores)))
    forward = folded(classifier, [layer])

    def whole(picture: tf.Tensor, filled: tf.Tensor, corners: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
        rows, columns = (tf.range(length)[None] for length in size)
        return forward(_covered(picture, filled, corners, side, rows, columns))[layer]

    return Hiding(tf.identity, Compiled(lambda: classifier.told([layer], _scored(whole))))


def _scored(units: Any) -> Any:
    """Units (N, ..., C) of hidden pictures, compiled, and their means over the map."""
    signature = [PICTURES, PICTURES, tf.TensorSpec((None, 2), tf.int32), tf.TensorSpec(None, tf.float32)]

    @tf.function(input_signature=signature, autograph=False)
    def scores(picture: tf.Tensor, filled: tf.Tensor, corners: tf.Tensor, own: tf.Tensor) -> tf.Tensor:
        found = units(picture, filled, corners, own)
        return found if found.shape.rank == 2 else tf.reduce_mean(found, axis=(1, 2))

    return scores


def _covered(
    picture: tf.Tensor, filled: tf.Tensor, corners: tf.Tensor, side: int, rows: tf.Tensor, columns: tf.Tensor
) -> tf.Tensor:
    """The picture where no square lies, ``filled`` where one does; ``rows`` and ``columns`` are those of the pixels."""
    top, left = corners[:, :1], corners[:, 1:]
    high, wide = (rows >= top) & (rows < top + side), (columns >= left) & (columns < left + side)
    return tf.where((high[:, :, None] & wide[:, None, :])[..., None], filled, picture)


def _patched(
    crop: _Crop, first: Any, side: int, picture: tf.Tensor, filled: tf.Tensor, corners: tf.Tensor, own: tf.Tensor
) -> tf.Tensor:
    """The maps of ``crop.layer`` of all hidden pictures: ``own``, those of the picture, but for what squares change."""
    field, size = crop.field, [n * s for n, s in zip(crop.cells, crop.field.stride, strict=True)]
    begins = tf.math.floordiv(corners - field.start - field.size, field.stride) + 1
    starts = tf.clip_by_value(begins - crop.lead, 0, tf.constant(crop.cells) - crop.kept)
    pixels, inside, places = [], [], []
    for axis in range(2):
        start, begin = starts[:, axis : axis + 1], begins[:, axis : axis + 1]
        stride, cells = field.stride[axis], tf.range(crop.cells[axis])[None]
        pixels.append(start * stride + tf.range(crop.kept[axis] * stride)[None])
        inside.append((cells >= begin) & (cells < begin + crop.changed[axis]))
        places.append(tf.clip_by_value(cells - start, 0, crop.kept[axis] - 1))
    seen = [
        _at(tf.ensure_shape(tf.broadcast_to(one, [tf.shape(corners)[0], *size, 3]), (None, *size, 3)), *pixels)
        for one in (picture, filled)
    ]
    cells = _at(first(_covered(seen[0], seen[1], corners, side, pixels[0], pixels[1])), *places)
    own = tf.ensure_shape(own, (1, *crop.cells, cells.shape[-1]))
    return tf.where((inside[0][:, :, None] & inside[1][:, None, :])[..., None], cells, own)


def _at(maps: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """These rows (N, r) and columns (N, c) of maps (N, h, w, C)."""
    return tf.gather(tf.gather(maps, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)


def _crop(classifier: Classifier, layer: str, size: tuple[int, int], side: int) -> _Crop | None:
    """The layer before which crops save most, by the count of units; None where none does."""
    best, most, units = None, 0.0, 0
    for name in classifier.before(layer) if size == classifier.size else []:
        info = classifier.layers[name]
        units += int(np.prod(info.shape))
        field, whole = info.receptive_field, info.shape[:2]
        if field is None or not info.spatial or info.fixed:
            continue
        ends = [-(-(a + n) // s) for a, n, s in zip(field.start, field.size, field.stride, strict=True)]
        lead = [max(0, -(a // s)) for a, s in zip(field.start, field.stride, strict=True)]
        changed = [(side + n - 2) // s + 1 for n, s in zip(field.size, field.stride, strict=True)]
        kept = [before + count - 1 + max(1, end) for before, count, end in zip(lead, changed, ends, strict=True)]
        divides = all(n * s == length for n, s, length in zip(whole, field.stride, size, strict=True))
        saved = units * (1 - np.prod(kept) / np.prod(whole))
        smaller = all(k < n for k, n in zip(kept, whole, strict=True))
        if divides and smaller and saved > most and folding.separates(classifier, name, layer):
            pairs = [(int(one), int(other)) for one, other in (whole, changed, lead, kept)]
            best, most = _Crop(name, field, *pairs), saved
    return best


def _tells_the_same(crop: _Crop, first: Any, size: tuple[int, int]) -> bool:
    """Whether crops give the maps of the whole picture: padding may be against it."""
    noise = np.random.default_rng(0).random((1, *size, 3), dtype=np.float32)
    whole = np.asarray(first(noise))
    for far in (0.0, 0.5, 1.0):
        starts = [round(far * (n - k)) for n, k in zip(crop.cells, crop.kept, strict=True)]
        slices = [
            slice(at * s, (at + k) * s) for at, k, s in zip(starts, crop.kept, crop.field.stride, strict=True)
        ]  # fmt: skip
        part = np.asarray(first(noise[:, slices[0], slices[1]]))
        if part.shape[1:3] != crop.kept:
            return False
        safe = [
            slice(before if at else 0, k if at + k == n else before + count)
            for at, k, n, before, count in zip(starts, crop.kept, crop.cells, crop.lead, crop.changed, strict=True)
        ]
        own = whole[:, starts[0] : starts[0] + crop.kept[0], starts[1] : starts[1] + crop.kept[1]]
        if not np.allclose(
            part[:, safe[0], safe[1]], own[:, safe[0], safe[1]], rtol=1e-3, atol=1e-4 * np.abs(whole).max()
        ):
            return False
    return True
