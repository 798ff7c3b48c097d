"""What excites a unit: the patches of real pictures that it answers to most, and what it does for the answer.

``index_units`` looks at a set of pictures once and notes, for every unit of its layers at the same time, where it was
excited most (Zeiler and Fergus, arXiv:1311.2901, figure 2). ``patches`` cuts those places at the receptive field,
``projection`` shows what in them excited the unit, ``ablate`` switches units off. A unit here is a channel of a layer.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core.networks.classifiers import LOGITS, PICTURES, Classifier
from core.networks.gradient_overrides import GRADIENT_OVERRIDES, overridden
from core.pictures.sets import PictureSet

__all__ = ["PROJECTIONS", "Patches", "UnitIndex", "ablate", "around_grey", "index_units", "patches", "projection"]

Array = npt.NDArray[np.float32]
Prediction = list[tuple[str, float]]

PROJECTIONS = ("deconvnet", "guided", "gradient")
CHUNK = 0.2
BATCH, PIXELS_AT_ONCE = 64, 16 * 224 * 224
MAX_TOP = 64
ALIKE = 0.7


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
    """

    layer: str
    pictures: npt.NDArray[np.int32]
    rows: npt.NDArray[np.int32]
    columns: npt.NDArray[np.int32]
    values: Array
    means: Array
    peaks: Array
    total: int

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

    def correlations(self, channel: int) -> Array:
        """How the mean activations of all units go along with this one's over the pictures: (channels,), -1 to 1.

        0 for a unit that is the same on every picture. Raises ValueError for a channel out of range.
        """
        _require_channel(self, channel)
        spread = self.means - self.means.mean(axis=0)
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
        silent on most of the top, and units much like one before (correlation above 0.7), come last.
        """
        usual, spread = self.peaks.mean(axis=0), self.peaks.std(axis=0)
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
        layers: of ``classifier.layers``.
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
    for name in names:
        classifier.layer(name)
    _require_size(classifier, pictures)
    if not isinstance(top, (int, np.integer)) or not 1 <= top <= MAX_TOP:
        raise ValueError(f"Expected to keep 1 to {MAX_TOP} pictures of each unit, got {top!r}")
    if not isinstance(each, (int, np.integer)) or each < 1:
        raise ValueError(f"Expected to keep at least 1 picture of each source, got {each!r}")
    tables = {name: _Table.begin(classifier, name, len(pictures), int(top)) for name in names}
    return _looked(classifier, tables, pictures, int(each))


@dataclass(frozen=True, eq=False)
class Patches:
    """What excites one unit most, the strongest first.

    Attributes:
        channel: the unit.
        which: (n,) numbers of the pictures in their set.
        pictures: (n, H, W, 3) float32 in [0, 1], whole.
        positions: (n, 2) row and column in the map of the layer.
        windows: (n, 4) top, left, bottom and right of what the unit sees, in pixels.
        values: (n,) activations.
    """

    channel: int
    which: npt.NDArray[np.int32]
    pictures: Array
    positions: npt.NDArray[np.int32]
    windows: npt.NDArray[np.int32]
    values: Array

    def __len__(self) -> int:
        return len(self.which)

    def cut(self, arrays: npt.ArrayLike | None = None) -> Array:
        """The windows of the pictures, or of other arrays (n, H, W, 3) such as projections: (n, h, w, 3)."""
        whole = self.pictures if arrays is None else np.asarray(arrays, np.float32)
        if whole.shape[:3] != self.pictures.shape[:3]:
            raise ValueError(f"Expected arrays of shape {self.pictures.shape[:3]}, got {whole.shape}")
        parts = zip(whole, self.windows, strict=True)
        return np.stack([one[top:bottom, left:right] for one, (top, left, bottom, right) in parts])


def patches(classifier: Classifier, index: UnitIndex, pictures: PictureSet, channel: int) -> Patches:
    """The pictures of a set that excite a unit most, with the window that the unit sees.

    The window has the size of the receptive field, or of the picture where the field is larger or unknown. Where it
    would hang over the edge it is moved inside: so it holds all that the unit sees, and no pixels that are not there.
    Fewer than the index's ``top`` only where the set has fewer pictures.

    Raises:
        ValueError: a channel out of range, a set that is not the index's, or pictures of another size.
    """
    _require_channel(index, channel)
    _require_size(classifier, pictures)
    if len(pictures) != index.total:
        raise ValueError(f"Expected the set of {index.total} pictures that was indexed, got one of {len(pictures)}")
    there = index.pictures[channel] >= 0
    which = index.pictures[channel][there]
    positions = np.stack([index.rows[channel][there], index.columns[channel][there]], axis=1)
    windows = np.array([_window(classifier, index.layer, *position) for position in positions.tolist()], np.int32)
    values = index.values[channel][there]
    return Patches(int(channel), which, pictures.pictures(which), positions, windows, values)


def projection(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    layer: str,
    channel: int,
    *,
    positions: npt.ArrayLike | None = None,
    method: str = "deconvnet",
) -> Array:
    """What in each picture excites one unit at one place: its activation carried back to the pixels.

    Args:
        classifier: the network.
        pictures: (N, H, W, 3) float in [0, 1].
        layer: of ``classifier.layers``.
        channel: of the layer.
        positions: (N, 2) row and column in the map of the layer; where the unit is excited most, where None.
        method: ``"deconvnet"`` (Zeiler and Fergus, arXiv:1311.2901), ``"guided"`` (Springenberg et al.,
            arXiv:1412.6806), or the plain ``"gradient"``; they differ in what rectifiers let through.

    Returns:
        (N, H, W, 3) float32, positive where more of that colour excites the unit more; ``around_grey`` makes pictures
        of it. 0 outside of the receptive field.

    Raises:
        ValueError: a method, layer, channel, place or size that cannot be.
    """
    batch = np.asarray(pictures, np.float32)
    _check_projection(classifier, batch, layer, channel, method)
    run = classifier.keep(("projection", layer, method), lambda: _projector(classifier, layer, method))
    chosen = _strongest(classifier, batch, layer, channel) if positions is None else np.asarray(positions, np.int32)
    _require_positions(classifier, layer, chosen, batch)
    parts = [slice(first, first + BATCH // 2) for first in range(0, len(batch), BATCH // 2)]
    return np.concatenate(
        [run(tf.constant(batch[part]), tf.constant(channel), tf.constant(chosen[part])).numpy() for part in parts]
    )


def around_grey(gradients: npt.ArrayLike) -> Array:
    """Gradients (N, H, W, 3) as pictures in [0, 1]: 0.5 is none, and each uses the whole range.

    The range ends at the 97th percentile of the absolute values that are not zero, so that single pixels do not hide
    the rest. Raises ValueError for another shape.
    """
    values = np.asarray(gradients, np.float32)
    if values.ndim != 4 or 0 in values.shape:
        raise ValueError(f"Expected gradients of shape (N, H, W, 3), got {values.shape}")
    sizes = np.abs(values).reshape(len(values), -1)
    ends = [np.percentile(one[one > 0], 97) if one.any() else 0 for one in sizes]
    reach = np.array(ends, np.float32)[:, None, None, None]
    shares = np.divide(values, 2 * reach, out=np.zeros_like(values), where=reach > 0)
    return np.clip(shares + 0.5, 0, 1).astype(np.float32)


def ablate(
    classifier: Classifier, pictures: npt.ArrayLike, layer: str, channels: Sequence[int], *, top: int = 5
) -> list[Prediction]:
    """What the network says when channels of a layer are switched off: zero at every place.

    Morcos et al., arXiv:1803.06959, ask in this way how much a network depends on single units.

    Args:
        classifier: a network with classes.
        pictures: (N, H, W, 3) float in [0, 1], of a size at which it answers.
        layer: any layer on the way to the answer.
        channels: which to switch off; none changes nothing.
        top: how many classes to tell, the likeliest first.

    Returns:
        For each picture [(label, probability), ...].

    Raises:
        ValueError: a layer, channel, size or count that cannot be, or a network without classes.
    """
    info, batch = classifier.layer(layer), np.asarray(pictures, np.float32)
    if not classifier.labels:
        raise ValueError(f"Expected a network with classes, got {classifier.name}, which ends in a feature map")
    _require_pictures(classifier, batch, LOGITS)
    if top < 1:
        raise ValueError(f"Expected to be asked for at least one class, got {top}")
    kept = np.ones(info.channels, np.float32)
    for channel in channels:
        _require_whole(f"a channel of {layer}", channel, info.channels - 1)
        kept[channel] = 0
    run = classifier.keep(("ablate", layer), lambda: _ablated(classifier, layer))
    parts = [batch[first : first + BATCH] for first in range(0, len(batch), BATCH)]
    probabilities = np.concatenate([run(tf.constant(part), tf.constant(kept)).numpy() for part in parts])
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]
    return [
        [(classifier.labels[i], float(row[i])) for i in best] for row, best in zip(probabilities, order, strict=True)
    ]


# ----------------------------------------------------------------------------------------------- the one pass


@dataclass
class _Table:
    """An index that grows; ``means`` and ``peaks`` have room for the whole set."""

    index: UnitIndex
    means: Array
    peaks: Array

    @classmethod
    def begin(cls, classifier: Classifier, layer: str, total: int, top: int) -> _Table:
        channels = classifier.layer(layer).channels
        means, peaks = (np.empty((total, channels), np.float32) for _ in range(2))
        none, low = np.full((channels, top), -1, np.int32), np.full((channels, top), -np.inf, np.float32)
        zero = np.zeros_like(none)
        return cls(UnitIndex(layer, none, zero, zero, low, means[:0], peaks[:0], total), means, peaks)

    def take(self, activation: Array, peaks: Array, means: Array, pictures: PictureSet, *, each: int) -> None:
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

    def _place(self, grown: UnitIndex, activation: Array, chosen: npt.NDArray[np.intp], first: int) -> None:
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
    index: UnitIndex, peaks: Array, sources: npt.NDArray[np.int32], each: int
) -> tuple[Array, npt.NDArray[np.intp]]:
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


def _looked(
    classifier: Classifier, tables: dict[str, _Table], pictures: PictureSet, each: int
) -> Iterator[dict[str, UnitIndex]]:
    names = tuple(tables)
    run = classifier.keep(("units", names), lambda: _reduced(classifier, names))
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


def _reduced(classifier: Classifier, layers: tuple[str, ...]) -> Any:
    """8-bit pictures -> {layer: (activation (n, h, w, channels), highest (n, channels), mean (n, channels))}."""
    forward = classifier.forward(layers)

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8)])
    def run(pixels: tf.Tensor) -> dict[str, Any]:
        values = forward(tf.cast(pixels, tf.float32) / 255)
        maps = {name: value if value.shape.rank == 4 else value[:, None, None] for name, value in values.items()}
        return {
            name: (value, tf.reduce_max(value, axis=(1, 2)), tf.reduce_mean(value, axis=(1, 2)))
            for name, value in maps.items()
        }

    return run


# ------------------------------------------------------------------------------------------ back to the pixels


def _projector(classifier: Classifier, layer: str, method: str) -> Any:
    rule = GRADIENT_OVERRIDES.get(method)
    forward = overridden(classifier, [layer], rule) if rule else classifier.forward([layer])
    signature = [PICTURES, tf.TensorSpec((), tf.int32), tf.TensorSpec((None, 2), tf.int32)]

    @tf.function(input_signature=signature)
    def run(pictures: tf.Tensor, channel: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(pictures)
            units = tf.gather(forward(pictures)[layer], channel, axis=-1)
            if units.shape.rank == 3:
                units = tf.gather_nd(units, positions, batch_dims=1)
        return tape.gradient(units, pictures, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    return run


def _strongest(classifier: Classifier, pictures: Array, layer: str, channel: int) -> npt.NDArray[np.int32]:
    """Row and column (N, 2) where the unit is excited most in each picture."""
    units = classifier.tap([layer])(tf.constant(pictures))[layer].numpy()[..., channel]
    maps = units if units.ndim == 3 else units[:, None, None]
    flat = maps.reshape(len(maps), -1).argmax(axis=1)
    return np.stack(np.unravel_index(flat, maps.shape[1:]), axis=1).astype(np.int32)


def _ablated(classifier: Classifier, layer: str) -> Any:
    probabilities = tf.nn.softmax if classifier.scale == "softmax" else tf.sigmoid

    @tf.function(input_signature=[PICTURES, tf.TensorSpec((None,), tf.float32)])
    def run(pictures: tf.Tensor, kept: tf.Tensor) -> tf.Tensor:
        forward = classifier.forward([LOGITS], change={layer: lambda value: value * kept})
        return probabilities(forward(pictures)[LOGITS])

    return run


# ------------------------------------------------------------------------------------------------- small parts


def _window(classifier: Classifier, layer: str, row: int, column: int) -> tuple[int, int, int, int]:
    """What the unit at a place sees of a picture of the network's own size, moved inside of it."""
    field, (height, width) = classifier.layer(layer).receptive_field, classifier.size
    if field is None or not classifier.layer(layer).spatial:
        return 0, 0, height, width
    top, left, *_ = field.window(row, column)
    high, wide = min(field.size[0], height), min(field.size[1], width)
    top, left = min(max(top, 0), height - high), min(max(left, 0), width - wide)
    return top, left, top + high, left + wide


def _require_size(classifier: Classifier, pictures: PictureSet) -> None:
    if len(pictures) < 1 or pictures.size != classifier.size:
        own, got = ("{} x {}".format(*size) for size in (classifier.size, pictures.size))
        raise ValueError(f"Expected pictures of {own}, the size of {classifier.name}, got {len(pictures)} of {got}")


def _require_channel(index: UnitIndex, channel: int) -> None:
    _require_whole(f"a channel of {index.layer}", channel, index.channels - 1)


def _require_whole(what: str, value: int, most: int) -> None:
    if not isinstance(value, (int, np.integer)) or not 0 <= value <= most:
        raise ValueError(f"Expected {what} from 0 to {most}, got {value!r}")


def _require_pictures(classifier: Classifier, batch: Array, layer: str) -> None:
    if batch.ndim != 4 or batch.shape[-1] != 3 or 0 in batch.shape:
        raise ValueError(f"Expected pictures of shape (N, H, W, 3), got {batch.shape}")
    if not np.isfinite(batch).all() or batch.min() < 0 or batch.max() > 1:
        raise ValueError("Expected pictures of finite values from 0 to 1, got others")
    if not classifier.runs_at([layer], *batch.shape[1:3]):
        own, got = ("{} x {}".format(*size) for size in (classifier.size, batch.shape[1:3]))
        raise ValueError(f"Expected pictures of {own}, the only size at which {classifier.name} runs, got {got}")


def _check_projection(classifier: Classifier, batch: Array, layer: str, channel: int, method: str) -> None:
    if method not in PROJECTIONS:
        raise ValueError(f"There is no projection {method!r}; there is {', '.join(PROJECTIONS)}")
    _require_whole(f"a channel of {layer}", channel, classifier.layer(layer).channels - 1)
    _require_pictures(classifier, batch, layer)


def _require_positions(classifier: Classifier, layer: str, positions: npt.NDArray[np.int32], batch: Array) -> None:
    if positions.shape != (len(batch), 2) or positions.min() < 0:
        raise ValueError(f"Expected a row and a column for each of {len(batch)} pictures, got shape {positions.shape}")
    if classifier.layer(layer).spatial:
        own = batch.shape[1:3] == classifier.size
        shape = classifier.layer(layer).shape if own else classifier.tap([layer])(batch[:1])[layer].shape[1:]
        rows, columns = shape[:2]
        if positions[:, 0].max() >= rows or positions[:, 1].max() >= columns:
            raise ValueError(
                f"Expected positions within the {rows} x {columns} map of {layer}, got {positions.max(axis=0)}"
            )
