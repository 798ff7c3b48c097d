"""Where every unit of a layer is excited most in a set of pictures: one look at the set serves all its units.

A technique that asks about units of real pictures can take the index as it is: which pictures excite a unit, how units
go along with one another, which never answer at all. A unit here is a channel of a layer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core import checks
from core.networks.classifiers import LOGITS, Classifier
from core.networks.requirements import require_answers
from core.pictures.sets import PictureSet
from core.types import Floats

__all__ = ["UnitIndex", "index_units", "index_values", "reduced", "require_own_size", "require_unit", "window_of"]

CHUNK = 0.2
BATCH, PIXELS_AT_ONCE = 64, 4 * 224 * 224  # 16 pictures of 224 are a tenth faster, and take 250 MiB more
MAX_TOP, MAX_EACH = 64, 1_000_000
ALIKE = 0.7

Reduced = tuple[tf.Tensor, tf.Tensor, tf.Tensor]
Run = Callable[[tf.Tensor], Mapping[str, Reduced]]


@dataclass(frozen=True, eq=False)
class UnitIndex:
    """Where every unit of a layer was excited most, over the first ``done`` pictures of a set.

    Attributes:
        layer: whose units they are.
        pictures: (channels, top) numbers of pictures in the set, the most exciting first; -1 where there are no more.
        rows: (channels, top) positions in the map of the layer; 0 for a layer without height and width.
        columns: the same.
        values: (channels, top) the activation there; -inf where there are no more pictures.
        means: (done, channels) mean activation over each picture.
        peaks: (done, channels) highest activation in each picture.
        total: how many pictures the set has.
        usual: the numbers of the pictures that stand for all, where the set holds the best ones of a larger one; None
            where every picture does.
        looked_at: how many pictures that larger set had; 0 where there is none.
    """

    layer: str
    pictures: npt.NDArray[np.int32]
    rows: npt.NDArray[np.int32]
    columns: npt.NDArray[np.int32]
    values: Floats
    means: Floats
    peaks: Floats
    total: int
    usual: npt.NDArray[np.int32] | None = None
    looked_at: int = 0

    @property
    def done(self) -> int:
        """How many pictures have been looked at."""
        return len(self.means)

    @property
    def progress(self) -> float:
        """The part of the set that has been looked at, 0 to 1."""
        return self.done / self.total

    @property
    def channels(self) -> int:
        """How many units the layer has."""
        return len(self.values)

    @property
    def usual_means(self) -> Floats:
        """``means`` of the pictures that stand for all."""
        return self.means if self.usual is None else self.means[self.usual]

    @property
    def usual_peaks(self) -> Floats:
        """``peaks`` of the pictures that stand for all."""
        return self.peaks if self.usual is None else self.peaks[self.usual]

    def correlations(self, channel: int) -> Floats:
        """How the mean activations of all units go along with this one's over the pictures: (channels,), -1 to 1.

        0 for a unit that is the same on every picture. Raises ValueError for a channel out of range.
        """
        require_unit(self, channel)
        means = self.usual_means
        spread = means - means.mean(axis=0, dtype=np.float64).astype(np.float32)
        lengths = np.sqrt(np.square(spread).sum(axis=0))
        together = spread.T @ spread[:, channel]
        scale = lengths * lengths[channel]
        return np.divide(together, scale, out=np.zeros_like(together), where=scale > 1e-12).clip(-1, 1)

    def nearest(self, channel: int, *, count: int = 6) -> list[tuple[int, float]]:
        """The units most like this one, as (channel, correlation), the nearest first."""
        found = self.correlations(channel)
        order = [int(other) for other in np.argsort(-found, kind="stable") if other != channel]
        return [(other, float(found[other])) for other in order[:count]]

    def selective(self, count: int = 8) -> list[int]:
        """Units that stand out: what excites them most does so far more than an ordinary picture, in several pictures.

        Ranked by how many standard deviations the top values lie above the usual highest value of a picture. Units
        inactive on most of the top, and units much like one before (correlation above 0.7), come last.
        """
        usual, spread = self.usual_peaks.mean(axis=0), self.usual_peaks.std(axis=0)
        top = np.where(np.isfinite(self.values), self.values, np.nan)
        score = (np.nanmean(top, axis=1) - usual) / np.maximum(spread, 1e-12)
        score[(spread < 1e-12) | (np.nanmin(top, axis=1) < 0.4 * top[:, 0])] = -np.inf
        chosen: list[int] = []
        rest: list[int] = []
        for channel in map(int, np.argsort(-score, kind="stable")):
            close = chosen and self.correlations(channel)[chosen].max() > ALIKE
            (rest if close or not np.isfinite(score[channel]) else chosen).append(channel)
            if len(chosen) == count:
                break
        return [*chosen, *rest][:count]


def index_units(
    classifier: Classifier,
    layers: Sequence[str],
    pictures: PictureSet,
    *,
    top: int = 9,
    each: int = 3,
) -> Iterator[dict[str, UnitIndex]]:
    """Look at every picture once, and note what excites each unit of the layers most.

    Yields {layer: index} about every 0.2 seconds, and at the end; each can be used.

    Args:
        classifier: the network; nothing deeper than the deepest layer runs.
        layers: of ``classifier.layers``, or ``LOGITS``, whose means are the network's answers to the pictures.
        pictures: a set of the network's own size.
        top: 1 to 64 pictures to keep for each unit. One picture counts once, at its most exciting place.
        each: at most this many of them from one source, so that tiles of one photograph do not fill the list; of no
            effect where every picture is its own source.

    Raises:
        ValueError: a layer that does not exist, pictures of another size, a setting that cannot be, or activations
            that are not finite.
    """
    names = tuple(dict.fromkeys(layers))
    if not names:
        raise ValueError("Expected at least one layer, got none")
    # compiling takes 0.8 s of Python once, and 65 pictures of EfficientNet-Lite0 then 0.7 s; step by step they take 2.3
    run = classifier.compiled(("units", names), lambda: _activations(classifier, names))
    return index_values(classifier, names, pictures, run, top=top, each=each)


def index_values(
    classifier: Classifier, layers: Sequence[str], pictures: PictureSet, run: Run, *, top: int = 9, each: int = 3
) -> Iterator[dict[str, UnitIndex]]:
    """``index_units`` of other values than activations: ``run`` makes them of 8-bit pictures, ``reduced``."""
    channels = {name: _units(classifier, name) for name in layers}
    require_own_size(classifier, pictures)
    checks.whole("top", top, 1, MAX_TOP)
    checks.whole("each", each, 1, MAX_EACH)
    tables = {name: _Table.begin(name, len(pictures), count, int(top)) for name, count in channels.items()}
    return _looked(tables, pictures, run, int(each))


def reduced(values: Mapping[str, tf.Tensor]) -> dict[str, Reduced]:
    """{layer: (n, h, w, channels) or (n, channels)} -> {layer: (maps, their highest, their mean (n, channels))}."""
    maps = {name: value if value.shape.rank == 4 else value[:, None, None] for name, value in values.items()}
    return {
        name: (value, tf.reduce_max(value, axis=(1, 2)), tf.reduce_mean(value, axis=(1, 2)))
        for name, value in maps.items()
    }


def require_own_size(classifier: Classifier, pictures: PictureSet) -> None:
    """The set has pictures, and they are of the network's own size. Raises ValueError otherwise."""
    if len(pictures) < 1 or pictures.size != classifier.size:
        own, got = ("{} x {}".format(*size) for size in (classifier.size, pictures.size))
        raise ValueError(f"Expected pictures of {own}, the size of {classifier.name}, got {len(pictures)} of {got}")


def require_unit(index: UnitIndex, channel: int) -> None:
    """The channel is one of the layer's. Raises ValueError otherwise."""
    checks.whole(f"a channel of {index.layer}", channel, 0, index.channels - 1)


def window_of(classifier: Classifier, layer: str, row: int, column: int) -> tuple[int, int, int, int]:
    """What the unit at a place sees of a picture of the network's own size, moved inside of it."""
    (height, width), info = classifier.size, None if layer == LOGITS else classifier.layer(layer)
    field = info.receptive_field if info and info.spatial else None
    if field is None:
        return 0, 0, height, width
    top, left, *_ = field.window(row, column)
    high, wide = min(field.size[0], height), min(field.size[1], width)
    top, left = min(max(top, 0), height - high), min(max(left, 0), width - wide)
    return top, left, top + high, left + wide


def _units(classifier: Classifier, layer: str) -> int:
    """How many units a layer, or ``LOGITS``, has. Raises ValueError for a layer that does not exist."""
    if layer != LOGITS:
        return classifier.layer(layer).channels
    require_answers(classifier)
    return len(classifier.labels)


@dataclass
class _Table:
    """An index that grows; ``means`` and ``peaks`` have room for the whole set."""

    index: UnitIndex
    means: Floats
    peaks: Floats

    @classmethod
    def begin(cls, layer: str, total: int, channels: int, top: int) -> _Table:
        means, peaks = (np.empty((total, channels), np.float32) for _ in range(2))
        none, low = np.full((channels, top), -1, np.int32), np.full((channels, top), -np.inf, np.float32)
        zero = np.zeros_like(none)
        return cls(UnitIndex(layer, none, zero, zero, low, means[:0], peaks[:0], total), means, peaks)

    def take(self, activation: Floats, peaks: Floats, means: Floats, pictures: PictureSet, *, each: int) -> None:
        """Take in a batch of activations (n, places, channels), ``peaks`` and ``means`` (n, channels)."""
        first, end = self.index.done, self.index.done + len(peaks)
        if not np.isfinite(peaks).all():
            raise ValueError(f"Expected finite activations, got NaN or infinity at {self.index.layer}")
        self.means[first:end], self.peaks[first:end] = means, peaks
        values, chosen = _best(self.index, peaks, pictures.sources, each)
        old = np.concatenate([self.index.pictures, np.tile(np.arange(first, end), (len(values), 1))], axis=1)
        numbers = np.take_along_axis(old, chosen, axis=1).astype(np.int32)
        numbers[~np.isfinite(values)] = -1
        grown = replace(self.index, values=values, pictures=numbers)
        self._place(grown, activation, chosen, first)

    def _place(self, grown: UnitIndex, activation: Floats, chosen: npt.NDArray[np.intp], first: int) -> None:
        """Find where in the map what is new lies; only these columns of the activation are searched."""
        top = grown.values.shape[1]
        kept = np.minimum(chosen, top - 1)
        rows, columns = (np.take_along_axis(old, kept, axis=1) for old in (grown.rows, grown.columns))
        units, ranks = np.nonzero((chosen >= top) & (grown.pictures >= 0))
        if len(units):
            _, height, width, _ = activation.shape
            flat = activation.reshape(len(activation), height * width, -1)
            positions = flat[grown.pictures[units, ranks] - first, :, units].argmax(axis=1)
            rows[units, ranks], columns[units, ranks] = positions // width, positions % width
        end = first + len(activation)
        self.index = replace(grown, rows=rows, columns=columns, means=self.means[:end], peaks=self.peaks[:end])


def _best(
    index: UnitIndex, peaks: Floats, sources: npt.NDArray[np.int32], each: int
) -> tuple[Floats, npt.NDArray[np.intp]]:
    """The best of what is kept and of a batch: values (channels, top), and which of kept + batch they are."""
    top, first = index.values.shape[1], index.done
    values = np.concatenate([index.values, peaks.T], axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    if each < top:
        new = np.tile(sources[first : first + len(peaks)], (len(values), 1))
        of = np.concatenate([np.where(index.pictures < 0, -1, sources[index.pictures]), new], axis=1)
        of = np.take_along_axis(of, order, axis=1)
        before = np.tril(of[:, :, None] == of[:, None, :], k=-1).sum(axis=2)
        many = (before >= each) & (of >= 0)
        np.put_along_axis(values, order, np.where(many, -np.inf, np.take_along_axis(values, order, axis=1)), axis=1)
        order = np.argsort(-values, axis=1, kind="stable")
    chosen = order[:, :top]
    return np.take_along_axis(values, chosen, axis=1), chosen


def _looked(tables: dict[str, _Table], pictures: PictureSet, run: Run, each: int) -> Iterator[dict[str, UnitIndex]]:
    batch = max(1, min(BATCH, PIXELS_AT_ONCE // (pictures.size[0] * pictures.size[1])))
    repeated = len(pictures.titles) < len(pictures)
    limit = each if repeated else MAX_TOP
    since = time.monotonic()
    for first in range(0, len(pictures), batch):
        found = run(tf.constant(pictures.pixels[first : first + batch]))
        for name, table in tables.items():
            activation, peaks, means = (np.asarray(value, np.float32) for value in found[name])
            table.take(activation, peaks, means, pictures, each=limit)
        if time.monotonic() - since > CHUNK or first + batch >= len(pictures):
            yield {name: table.index for name, table in tables.items()}
            since = time.monotonic()


def _activations(classifier: Classifier, layers: tuple[str, ...]) -> Any:
    """8-bit pictures -> activations of the layers, reduced."""
    forward = classifier.forward(layers)

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8)])
    def run(pixels: tf.Tensor) -> dict[str, Reduced]:
        return reduced(forward(tf.cast(pixels, tf.float32) / 255))

    return classifier.told(layers, run)
