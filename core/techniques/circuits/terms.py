"""How one number of a layer is made of numbers of the layers before it: values, weights, and where they come from.

``terms`` takes one call of a layer apart at one place. Convolutions of all kinds, dense layers, pooling and merges are
done by their own arithmetic in double precision; any other call by its gradient, with what is left over as a number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core.networks.graphs import Step
from core.networks.steps import channels_last, kind

__all__ = ["PICTURE", "Place", "Taken", "Terms", "as_map", "called", "symbols", "terms"]

Doubles = npt.NDArray[np.float64]
Place = tuple[int, int, int]
"""Row, column and channel."""

PICTURE = "(picture)"
"""What the picture is called where a layer's name is expected."""


@dataclass(frozen=True, eq=False)
class Terms:
    """The numbers of which one number is made: a row for each channel before it.

    Attributes:
        layers: (n,) the layer that each row comes from; ``PICTURE`` for the picture as the network takes it.
        channels: (n,) its channel there.
        rows: (kh,) rows of the patch in the map before; those outside of the map lie in the padding.
        columns: (kw,) its columns.
        values: (n, kh, kw) the numbers there; 0 in the padding.
        weights: (n, kh, kw) what each is multiplied by.
        inside: (kh, kw) False in the padding.
        products: (n,) what each row gives; as a rule the sum of values times weights.
    """

    layers: tuple[str, ...]
    channels: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    values: Doubles
    weights: Doubles
    inside: npt.NDArray[np.bool_]
    products: Doubles

    def __len__(self) -> int:
        return len(self.channels)

    def strongest(self, count: int | None = 12) -> list[int]:
        """The rows that give most, whatever their sign, the strongest first; all of them where ``count`` is None."""
        return [int(row) for row in np.argsort(-np.abs(self.products), kind="stable")[:count]]

    def place(self, row: int) -> tuple[int, int]:
        """Row and column in the map before where a row of these gives most."""
        size = np.where(self.inside, np.abs(self.values[row] * self.weights[row]), -1.0)
        down, across = np.unravel_index(int(size.argmax()), size.shape)
        return int(self.rows[down]), int(self.columns[across])


@dataclass(frozen=True, eq=False)
class Taken:
    """One call taken apart: how its terms make a number, and what is added to that.

    Attributes:
        operation: ``"products"`` (a weighted sum), ``"sum"``, ``"mean"``, ``"maximum"``, ``"minimum"``, ``"product"``,
            ``"copy"``, or ``"function"`` (only its slope is known).
        terms: None where nothing before it plays a part, as in padding.
        value: what the terms give together.
        bias: what is added, or None.
        rest: what a ``"function"`` gives beyond its slope, or None.
    """

    operation: str
    terms: Terms | None
    value: float
    bias: float | None = None
    rest: float | None = None


def symbols(step: Step) -> list[Any]:
    """The symbolic tensors that go into a call, without its constants."""
    return [one for one in step.inputs if isinstance(one, keras.KerasTensor)]


def as_map(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A batch of one, (1, ..., channels), as a map (h, w, channels)."""
    one = values[0]
    return one.reshape((1,) * (3 - one.ndim) + one.shape)


def terms(step: Step, inputs: Sequence[Doubles], names: Sequence[str], place: Place) -> Taken:
    """Take one call of a layer apart at one place of its output.

    Args:
        step: the call.
        inputs: what goes in, one picture: (h, w, channels) each; (1, 1, channels) where there is no extent.
        names: the layer that each comes from.
        place: in the output.
    """
    constants = any(isinstance(one, (int, float)) and not isinstance(one, bool) for one in step.args)
    take = None if constants or not channels_last(step) else _TAKEN.get(kind(step))
    found = take(step, inputs, names, place) if take else None
    return found or _by_gradient(step, inputs, names, place)


# ------------------------------------------------------------------------------------------------- weighted sums


def _convolution(step: Step, inputs: Sequence[Doubles], names: Sequence[str], place: Place) -> Taken:
    layer: Any = step.operation
    kernel, *bias = (np.asarray(one, np.float64) for one in layer.get_weights())
    row, column, channel = place
    each, outward = kernel.shape[2], kernel.shape[3]
    first = channel // (outward // layer.groups) * each
    channels = np.arange(first, first + each)
    return _weighted(
        _patch(inputs[0], channels, (row, column), _Window.of(layer)), names[0], channels,
        np.moveaxis(kernel[..., channel], -1, 0), bias, channel,
    )  # fmt: skip


def _depthwise(step: Step, inputs: Sequence[Doubles], names: Sequence[str], place: Place) -> Taken:
    layer: Any = step.operation
    kernel, *bias = (np.asarray(one, np.float64) for one in layer.get_weights())
    row, column, channel = place
    own, which = divmod(channel, kernel.shape[3])
    channels = np.array([own])
    patch = _patch(inputs[0], channels, (row, column), _Window.of(layer))
    return _weighted(patch, names[0], channels, kernel[None, :, :, own, which], bias, channel)


def _separable(step: Step, inputs: Sequence[Doubles], names: Sequence[str], place: Place) -> Taken:
    layer: Any = step.operation
    depth, point, *bias = (np.asarray(one, np.float64) for one in layer.get_weights())
    row, column, channel = place
    each = point[0, 0, :, channel].reshape(depth.shape[2:])
    kernel = np.einsum("hwcm,cm->chw", depth, each)
    channels = np.arange(depth.shape[2])
    patch = _patch(inputs[0], channels, (row, column), _Window.of(layer))
    return _weighted(patch, names[0], channels, kernel, bias, channel)


def _dense(step: Step, inputs: Sequence[Doubles], names: Sequence[str], place: Place) -> Taken | None:
    layer: Any = step.operation
    weights = [np.asarray(one, np.float64) for one in layer.get_weights()]
    if len(weights) > 2 or weights[0].ndim != 2:
        return None
    kernel, *bias = weights
    row, column, channel = place
    channels = np.arange(len(kernel))
    patch = _patch(inputs[0], channels, (row, column), _Window())
    return _weighted(patch, names[0], channels, kernel[:, channel, None, None], bias, channel)


def _weighted(
    patch: _Patch, name: str, channels: npt.NDArray[np.int64], weights: Doubles, bias: Sequence[Doubles], channel: int
) -> Taken:
    found = patch.terms([name] * len(channels), channels, weights)
    return Taken("products", found, float(found.products.sum()), float(bias[0][channel]) if bias else None)


# ------------------------------------------------------------------------------------------------------- pooling


def _pooling(step: Step, inputs: Sequence[Doubles], names: Sequence[str], place: Place) -> Taken:
    layer: Any = step.operation
    row, column, channel = place
    window = _Window(_two(layer.pool_size), _two(layer.strides or layer.pool_size), (1, 1), layer.padding)
    patch = _patch(inputs[0], np.array([channel]), (row, column), window)
    return _pooled(patch, names[0], channel, "maximum" if kind(step).startswith("Max") else "mean")


def _global_pooling(step: Step, inputs: Sequence[Doubles], names: Sequence[str], place: Place) -> Taken:
    channel, size = place[2], inputs[0].shape[:2]
    patch = _patch(inputs[0], np.array([channel]), (0, 0), _Window(size, size))
    return _pooled(patch, names[0], channel, "maximum" if "Max" in kind(step) else "mean")


def _pooled(patch: _Patch, name: str, channel: int, operation: str) -> Taken:
    weights = np.zeros(patch.values.shape)
    if operation == "mean":
        weights[:, patch.inside] = 1 / patch.inside.sum()
    else:
        winner = np.where(patch.inside, patch.values[0], -np.inf).argmax()
        weights.reshape(-1)[winner] = 1
    found = patch.terms([name], np.array([channel]), weights)
    return Taken(operation, found, float(found.products.sum()))


# -------------------------------------------------------------------------------------------------------- merges


def _merge(operation: str) -> Callable[..., Taken | None]:
    def take(step: Step, inputs: Sequence[Doubles], names: Sequence[str], place: Place) -> Taken | None:
        if len(inputs) < 2:
            return None
        at = [tuple(min(i, n - 1) for i, n in zip(place, one.shape, strict=True)) for one in inputs]
        values = np.array([one[where] for one, where in zip(inputs, at, strict=True)])
        value, weights = _MERGED[operation](values)
        found = Terms(
            tuple(names), np.array([where[2] for where in at]), np.array([place[0]]), np.array([place[1]]),
            values[:, None, None], weights[:, None, None], np.ones((1, 1), bool), values * weights,
        )  # fmt: skip
        return Taken(operation, found, float(value))

    return take


def _one_hot(index: int, count: int) -> Doubles:
    return np.eye(count)[index]


_MERGED: Mapping[str, Callable[[Doubles], tuple[float, Doubles]]] = MappingProxyType(
    {
        "sum": lambda x: (x.sum(), np.ones(len(x))),
        "difference": lambda x: (x[0] - x[1], np.array([1.0, -1.0])),
        "mean": lambda x: (x.mean(), np.full(len(x), 1 / len(x))),
        "product": lambda x: (x.prod(), np.ones(len(x))),
        "maximum": lambda x: (x.max(), _one_hot(int(x.argmax()), len(x))),
        "minimum": lambda x: (x.min(), _one_hot(int(x.argmin()), len(x))),
    }
)
"""Numbers -> what they are together, and the weight of each in it."""


# ------------------------------------------------------------------------------------------------- any other call

_COPIES = frozenset(
    {"Concatenate", "Cropping2D", "ExpandDims", "Flatten", "Permute", "Reshape", "Squeeze", "Transpose"}
    | {"UpSampling2D", "ZeroPadding2D", "Cast", "Identity"}
)


def _by_gradient(step: Step, inputs: Sequence[Doubles], names: Sequence[str], place: Place) -> Taken:
    """The slope of the number in everything that goes in, which is all of it where the call is linear."""
    tensors = [tf.constant(_shaped(one, symbol)) for one, symbol in zip(inputs, symbols(step), strict=True)]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        output = called(step, tensors)
        value = _at(output, place)
    slopes = tape.gradient(value, tensors, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    parts = [
        found
        for one, slope, name in zip(inputs, slopes, names, strict=True)
        if (found := _sloped(one, np.asarray(slope, np.float64).reshape(one.shape), name))
    ]
    got = float(np.asarray(value, np.float64))
    if not parts:
        return Taken("copy" if kind(step) in _COPIES else "function", None, got)
    found = _joined(parts)
    total = float(found.products.sum())
    if kind(step) in _COPIES:
        one_of_one = len(found) == 1 and np.array_equal(found.weights.reshape(-1), [1.0])
        return Taken("copy" if one_of_one else "products", found, total)
    rest, close = got - total, 1e-6 * max(1.0, np.abs(found.products).sum())
    if abs(rest) <= close:
        return Taken("products", found, total)
    at_zero = float(np.asarray(_at(called(step, [tf.zeros_like(one) for one in tensors]), place), np.float64))
    if abs(rest - at_zero) <= close:
        return Taken("products", found, total, bias=rest)
    return Taken("function", found, total, rest=rest)


def _sloped(values: Doubles, slope: Doubles, name: str) -> Terms | None:
    """Terms of the box in which a slope is not zero."""
    there = np.nonzero(slope)
    if not len(there[0]):
        return None
    rows, columns = (np.arange(one.min(), one.max() + 1) for one in there[:2])
    channels = np.unique(there[2])
    box = np.ix_(rows, columns, channels)
    own, weights = (np.moveaxis(one[box], -1, 0) for one in (values, slope))
    inside = np.ones((len(rows), len(columns)), bool)
    return Terms(
        (name,) * len(channels), channels, rows, columns, own, weights, inside, (own * weights).sum(axis=(1, 2))
    )


def _joined(parts: Sequence[Terms]) -> Terms:
    """Terms of several inputs as one; patches of different sizes are laid into the one that holds them all."""
    if len(parts) == 1:
        return parts[0]
    rows, columns = (
        np.arange(min(int(x.min()) for x in sides), max(int(x.max()) for x in sides) + 1)
        for sides in ([one.rows for one in parts], [one.columns for one in parts])
    )
    size = (sum(map(len, parts)), len(rows), len(columns))
    values, weights, first = np.zeros(size), np.zeros(size), 0
    for one in parts:
        box = np.ix_(np.arange(first, first + len(one)), one.rows - rows[0], one.columns - columns[0])
        values[box], weights[box] = one.values, one.weights
        first += len(one)
    return Terms(
        tuple(name for one in parts for name in one.layers), np.concatenate([one.channels for one in parts]), rows,
        columns, values, weights, np.ones(size[1:], bool), np.concatenate([one.products for one in parts]),
    )  # fmt: skip


def called(step: Step, tensors: Sequence[tf.Tensor]) -> tf.Tensor:
    """The first output of a call for other tensors."""
    known = {id(symbol): tensor for symbol, tensor in zip(symbols(step), tensors, strict=True)}
    args, kwargs = keras.tree.map_structure(lambda one: known.get(id(one), one), (step.args, dict(step.kwargs)))
    return keras.tree.flatten(step.operation(*args, **kwargs))[0]


def _shaped(value: Doubles, symbol: Any) -> npt.NDArray[Any]:
    """A map (h, w, channels) as a batch of one, of the rank that a symbolic tensor has."""
    rank = len(symbol.shape)
    shape = (1, *value.shape) if rank == 4 else (1, value.shape[-1]) if rank == 2 else (1, *value.shape[1:])
    return value.reshape(shape).astype(symbol.dtype if "float" in str(symbol.dtype) else np.float32)


def _at(output: tf.Tensor, place: Place) -> tf.Tensor:
    if len(output.shape) == 4:
        return output[0, place[0], place[1], place[2]]
    return output[0, place[1], place[2]] if len(output.shape) == 3 else output[0, place[2]]


# ------------------------------------------------------------------------------------------------------- patches


@dataclass(frozen=True)
class _Window:
    """A window that slides over a map."""

    size: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: str = "valid"

    @classmethod
    def of(cls, layer: Any) -> _Window:
        return cls(_two(layer.kernel_size), _two(layer.strides), _two(layer.dilation_rate), layer.padding)

    def along(self, axis: int, length: int, at: int) -> npt.NDArray[np.int64]:
        """Positions along an axis of a map of this length, for the output position ``at``."""
        size, stride, dilation = self.size[axis], self.stride[axis], self.dilation[axis]
        reach = (size - 1) * dilation + 1
        before = max((-(-length // stride) - 1) * stride + reach - length, 0) // 2 if self.padding == "same" else 0
        return at * stride - before + dilation * np.arange(size)


@dataclass(frozen=True, eq=False)
class _Patch:
    """Part of a map: values (n, kh, kw), where it lies, and what of it is inside."""

    values: Doubles
    rows: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    inside: npt.NDArray[np.bool_]

    def terms(self, names: Sequence[str], channels: npt.NDArray[np.int64], weights: Doubles) -> Terms:
        products = (self.values * weights).sum(axis=(1, 2))
        return Terms(tuple(names), channels, self.rows, self.columns, self.values, weights, self.inside, products)


def _patch(values: Doubles, channels: npt.NDArray[np.int64], at: tuple[int, int], window: _Window) -> _Patch:
    rows, columns = (window.along(axis, values.shape[axis], at[axis]) for axis in (0, 1))
    good = [(one >= 0) & (one < length) for one, length in zip((rows, columns), values.shape, strict=False)]
    inside = good[0][:, None] & good[1][None]
    clipped = [np.clip(one, 0, length - 1) for one, length in zip((rows, columns), values.shape, strict=False)]
    found = np.moveaxis(values[np.ix_(*clipped, channels)], -1, 0) * inside
    return _Patch(found, rows, columns, inside)


def _two(value: Any) -> tuple[int, int]:
    first, second = (value, value) if isinstance(value, int) else value
    return int(first), int(second)


_TAKEN: Mapping[str, Callable[[Step, Sequence[Doubles], Sequence[str], Place], Taken | None]] = MappingProxyType(
    {
        "Conv2D": _convolution,
        "DepthwiseConv2D": _depthwise,
        "SeparableConv2D": _separable,
        "Dense": _dense,
        "MaxPooling2D": _pooling,
        "AveragePooling2D": _pooling,
        "GlobalAveragePooling2D": _global_pooling,
        "GlobalMaxPooling2D": _global_pooling,
        "Add": _merge("sum"),
        "Subtract": _merge("difference"),
        "Average": _merge("mean"),
        "Multiply": _merge("product"),
        "Maximum": _merge("maximum"),
        "Minimum": _merge("minimum"),
    }
)
"""Kinds of calls with an arithmetic of their own here."""
