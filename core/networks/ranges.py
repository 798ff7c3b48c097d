"""In which range does a network want its pictures, as it tells itself?

Two places tell. What stands between the input and the first kernel, a ``Rescaling``, a ``Normalization``, divisions,
subtractions and flips of channels, is run on a few plain colours: it is a scale and a shift of each channel, and
pictures are expected to lie around what it brings to zero. And the first ``BatchNormalization`` behind a convolution
remembers the mean and the variance of what that convolution answered to in training, from which the mean and the
deviation of the pictures follow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core.networks.graphs import Graph, Step
from core.networks.preprocessing import NORMALIZATIONS
from core.networks.steps import KERNELS, kind

Values = npt.NDArray[np.float64]

FIRST = "(first)"
_MEANS = np.array([0.485, 0.456, 0.406])  # of ImageNet's pictures; the other families' means are near these
_NEIGHBOURS = 0.95  # correlation of pixels side by side, and about that of the colours of one pixel


@dataclass(frozen=True)
class RangeFinding:
    """The range of numbers that a network tells.

    Attributes:
        name: of ``core.NORMALIZATIONS``.
        sure: whether nothing else fits.
        why: the evidence, as a sentence.
        ordered: whether the means tell the order of the channels too.
    """

    name: str
    sure: bool
    why: str
    ordered: bool = False


def told_range(graph: Graph) -> RangeFinding | None:
    """What the network tells of the range of its pictures; None where it tells nothing. Runs its first layers only."""
    first = next((step for step in graph.steps if kind(step) in KERNELS or kind(step) == "EinsumDense"), None)
    entrance = _entrance(graph, first) if first else None
    if first is None or entrance is None:
        return None
    return _by_entrance(entrance) or _by_statistics(graph, first, entrance)


# --------------------------------------------------------------------------------- what stands before the first kernel


@dataclass(frozen=True)
class _Entrance:
    """What the first kernel sees: ``gain * picture[channel] + shift``, for each of its input channels."""

    gain: Values
    shift: Values
    channel: npt.NDArray[np.intp]

    @property
    def zero(self) -> Values:
        """The value of a pixel that becomes zero."""
        return -self.shift / self.gain

    @property
    def unit(self) -> Values:
        """How far from it a pixel becomes one."""
        return 1 / np.abs(self.gain)


def _entrance(graph: Graph, first: Step) -> _Entrance | None:
    """Found by running those steps on plain colours; None where they are no scale and shift of each channel."""
    seen = replace(graph, tensors={**graph.tensors, FIRST: next(first.inputs)})
    count = int(graph.input.shape[-1])
    colours = np.concatenate(
        [np.zeros((1, count)), np.eye(count), np.full((1, count), 0.5), np.full((1, count), 255.0)]
    )
    plain = np.broadcast_to(colours[:, None, None], (len(colours), *graph.input.shape[1:]))
    values = np.asarray(seen.run(tf.constant(plain, tf.float32), [FIRST])[FIRST], np.float64)
    told = _inside(values, count)
    depth = told.shape[-1]
    matrix, shift = told[1 : 1 + count] - told[0], told[0]
    affine = all(np.allclose(told[row], colours[row] @ matrix + shift, rtol=1e-3, atol=1e-3) for row in (-2, -1))
    channel = np.abs(matrix).argmax(axis=0)
    gain = matrix[channel, np.arange(depth)]
    alone = np.allclose(np.abs(matrix).sum(axis=0), np.abs(gain), rtol=1e-3)
    if not (affine and alone and np.isfinite(told).all() and (gain != 0).all()):
        return None
    return _Entrance(gain, shift, channel)


def _inside(values: Values, channels: int) -> Values:
    """A place of each picture (N, channels) that zero padding does not reach; also of pictures that are flat."""
    places = values.reshape(len(values), -1, values.shape[-1] if values.ndim == 4 else channels)
    responses = np.abs(places - places[0]).sum(axis=(0, -1))
    return places[:, int(responses.argmax())]


def _by_entrance(entrance: _Entrance) -> RangeFinding | None:
    """The range around what becomes zero."""
    zero, unit = entrance.zero, float(entrance.unit.mean())
    middle = float(zero.mean())
    why = f"Its first layers bring {_number(middle)} to 0 and {_number(middle + unit)} to 1."
    if np.allclose(zero, 0, atol=1e-6) and 0.9 < unit < 1.1:
        return None
    if zero.min() > 2 or (unit > 2 and zero.min() > -1e-3):
        return _ordered("bytes", why, entrance)
    if -1.1 < middle < -1e-3:
        return RangeFinding("symmetric", True, why)
    if 1e-6 < middle < 0.05 and 0.3 < unit < 1:  # what lies in [0, 1] cannot have such a mean and deviation
        return RangeFinding("symmetric", False, why)
    if -1e-3 <= middle <= 1 and unit < 1.05:
        return _ordered("unit", why, entrance)
    return None


def _ordered(name: str, why: str, entrance: _Entrance) -> RangeFinding:
    """The finding with the order of channels, where what becomes zero is ImageNet's means."""
    if sorted(entrance.channel) != [0, 1, 2]:
        return RangeFinding(name, True, why)
    order = _order(entrance.zero[np.argsort(entrance.channel)] / (255 if name == "bytes" else 1))
    return RangeFinding(f"{name}_bgr" if order == "bgr" else name, True, why, bool(order))


def _order(means: Values) -> str:
    """``"rgb"`` or ``"bgr"`` for means near ImageNet's of pictures in [0, 1]; else empty. Photographs are more red."""
    near = {"rgb": np.abs(means - _MEANS).max(), "bgr": np.abs(means - _MEANS[::-1]).max()}
    best = min(near, key=lambda order: near[order])
    return best if near[best] < 0.03 and abs(means[0] - means[2]) > 0.04 else ""


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) > 1e-6 else "0"


# ----------------------------------------------------------------------------- what the first batch normalization knows


def _by_statistics(graph: Graph, first: Step, entrance: _Entrance) -> RangeFinding | None:
    """The range whose pictures have the mean and the deviation that the first batch normalization remembers."""
    readers = graph.readers(first.outputs[0])
    norm: Any = readers[0].operation if len(readers) == 1 and kind(readers[0]) == "BatchNormalization" else None
    if norm is None or kind(first) != "Conv2D":
        return None
    variance = np.asarray(norm.moving_variance, np.float64)
    means = np.asarray(norm.moving_mean, np.float64)
    if np.allclose(variance, 1) and np.allclose(means, 0):
        return None  # as they are made: never trained
    mean, deviation = _statistics(first.operation, means, variance)
    scores = {name: _misfit(entrance, name, mean, deviation) for name in _told_apart(len(entrance.gain))}
    best, second, *_ = sorted(scores, key=lambda name: scores[name])
    if scores[best] > 1.5:
        return None
    numbers = f"a mean of {_number(float(mean.mean()))} and a deviation of {_number(deviation)}"
    why = f"Its first batch normalization remembers pictures with {numbers}."
    order = _order(_back(entrance, best, mean)) if len(mean) == 3 and best not in ("standard", "caffe") else ""
    clear = scores[second] - scores[best] > 0.5
    return RangeFinding(f"{best}_bgr" if order == "bgr" else best, clear, why, bool(order))


def _told_apart(channels: int) -> tuple[str, ...]:
    return ("unit", "symmetric", "bytes") if channels == 1 else ("unit", "symmetric", "bytes", "standard", "caffe")


def _statistics(layer: Any, means: Values, variance: Values) -> tuple[Values, float]:
    """The mean of each channel and the common deviation of the pictures that gave these answers.

    The mean answer of a kernel is the sum of its weights times the mean; all kernels together tell the mean, by least
    squares. Its variance is that of a weighted sum of pixels, whose correlation falls with their distance.
    """
    kernel = np.asarray(layer.kernel, np.float64)
    bias = np.asarray(layer.bias, np.float64) if layer.use_bias else 0.0
    sums = kernel.sum(axis=(0, 1)).T
    spread = np.sqrt(np.maximum(variance, 1e-12))
    ridge = 1e-3 * np.abs(sums / spread[:, None]).max() * np.eye(sums.shape[1])
    known = np.concatenate([sums / spread[:, None], ridge])
    mean, *_ = np.linalg.lstsq(known, np.concatenate([(means - bias) / spread, np.zeros(len(ridge))]), rcond=None)
    rows, columns = np.divmod(np.arange(kernel.shape[0] * kernel.shape[1]), kernel.shape[1])
    distance = np.hypot(rows[:, None] - rows, columns[:, None] - columns)
    flat = kernel.reshape(len(rows), kernel.shape[2], -1)
    between = np.einsum("pck,pq,qdk,cd->k", flat, _NEIGHBOURS**distance, flat, _colours(kernel.shape[2]), optimize=True)
    strong = np.abs(sums).sum(axis=1) >= np.median(np.abs(sums).sum(axis=1))  # fine detail follows the model less
    return mean, float(np.sqrt(np.median(variance[strong] / np.maximum(between[strong], 1e-12))))


def _colours(count: int) -> Values:
    """How the colours of one pixel are correlated."""
    return np.where(np.eye(count) > 0, 1.0, _NEIGHBOURS)


def _back(entrance: _Entrance, name: str, mean: Values) -> Values:
    """The mean of the pictures in [0, 1], where they were brought into this range."""
    own, count = NORMALIZATIONS[name], len(mean)
    brought = (mean - entrance.shift) / entrance.gain
    back: Values = (brought * own.deviation[:count] + np.asarray(own.mean[:count])) / own.scale
    return back


def _misfit(entrance: _Entrance, name: str, mean: Values, deviation: float) -> float:
    """How unlike pictures in [0, 1] it would be, brought back from this range: 0 is like photographs.

    Values in [0, 1] with a mean m deviate by at most sqrt(m (1 - m)).
    """
    own = NORMALIZATIONS[name]
    scale = np.asarray(own.deviation[: len(mean)]) / own.scale
    back = _back(entrance, name, mean)
    spread = deviation * float((entrance.unit * scale).mean())
    middle = float(back.mean())
    outside = max(0.0, -middle, middle - 1) + float(np.maximum(np.maximum(-back, back - 1), 0).max())
    most = float(np.sqrt(max(middle * (1 - middle), 1e-4)))
    beyond = max(0.0, np.log(spread / (1.15 * most)))
    return float(abs(np.log(spread / 0.26)) + 4 * beyond + 8 * max(0.0, outside - 0.02))
