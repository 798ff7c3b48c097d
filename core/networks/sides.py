"""At which heights and widths does a network run? A U-Net joins maps that were halved and doubled with others.

Every layer is a little arithmetic on the length of a side, so all lengths are followed through the network at once,
without running it. Where two maps that are joined would differ, the length does not fit. What fits is a multiple of
something plus a rest, and a picture is made to fit by repeating its last row and column.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core.networks.graphs import Graph, Step
from core.networks.steps import kind

LONGEST = 512
"""Multiples are looked for up to a quarter of this."""

Lengths = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sides:
    """The lengths of a side that fit: ``multiple`` * n + ``rest``."""

    multiple: int = 1
    rest: int = 0

    def fits(self, length: int) -> bool:
        """Whether a side of this length fits."""
        return length % self.multiple == self.rest

    def snap(self, length: int) -> int:
        """The next length that fits, this one or a longer one."""
        return length + (self.rest - length) % self.multiple


def sides(graph: Graph) -> tuple[Sides, Sides]:
    """Which heights and which widths fit, the network's own among them."""
    return _sides(graph, 0), _sides(graph, 1)


def padded(pictures: tf.Tensor, fitting: tuple[Sides, Sides]) -> tf.Tensor:
    """Pictures (N, H, W, C) with their last row and column repeated until both sides fit; differentiable."""
    for axis, one in enumerate(fitting, start=1):
        if one.multiple > 1:
            length = tf.shape(pictures)[axis]
            wanted = length + (one.rest - length) % one.multiple
            pictures = tf.gather(pictures, tf.minimum(tf.range(wanted), length - 1), axis=axis)
    return pictures


# -------------------------------------------------------------------------------------------- the arithmetic


def _sides(graph: Graph, axis: int) -> Sides:
    own = int(graph.input.shape[1 + axis])
    fits = _fitting(graph, axis, np.arange(own, own + LONGEST))
    if fits.all() or not fits[0]:
        return Sides()
    for multiple in range(2, LONGEST // 4 + 1):
        if fits[::multiple].all():
            return Sides(multiple, own % multiple)
    return Sides()


def _fitting(graph: Graph, axis: int, lengths: Lengths) -> npt.NDArray[np.bool_]:
    """For each length of the picture's side, whether all maps that are joined are alike."""
    known: dict[int, Lengths | None] = {id(graph.input): lengths}
    fits = np.ones(len(lengths), bool)
    for step in graph.steps:
        maps = [one for one in step.inputs if id(one) in known and len(one.shape) == 4]
        found = [known[id(one)] for one in maps]
        if len(found) > 1 and kind(step) in _JOINS:
            fits &= _alike([one for one in found if one is not None], broadcast=kind(step) != "Concatenate")
        after = _after(step, axis, found)
        known.update((id(one), after if len(one.shape) == 4 else None) for one in step.outputs)
    return fits


_JOINS = frozenset(
    {"Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract", "Divide", "TrueDivide", "Where"}
)


def _alike(found: list[Lengths], *, broadcast: bool) -> Any:
    """Where all lengths are the same; or one, which is repeated."""
    longest = np.max(found, axis=0) if found else np.zeros(1)
    return np.all([(one == longest) | (broadcast & (one == 1)) for one in found], axis=0) if found else True


def _after(step: Step, axis: int, found: list[Lengths | None]) -> Lengths | None:
    """The lengths behind a layer; None where that is not known."""
    known = [one for one in found if one is not None]
    if not known or len(known) < len(found):
        return None
    before: Lengths = np.max(known, axis=0)
    rule = _RULES.get(kind(step))
    if rule is not None:
        return rule(step.operation, axis, before)
    sizes = {one.shape[1 + axis] for one in step.inputs if len(getattr(one, "shape", ())) == 4}
    after = step.outputs[0].shape[1 + axis] if len(step.outputs[0].shape) == 4 else None
    if after == 1 and max(sizes) > 1:
        return np.ones_like(before)  # a mean over the whole map, of whatever size
    return before if after == max(sizes) else None


def _pick(value: Any, axis: int) -> Any:
    return value[axis] if isinstance(value, (tuple, list)) else value


def _windowed(layer: Any, axis: int, before: Lengths) -> Lengths:
    window = _pick(getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", 1), axis)
    stride = _pick(layer.strides or window, axis)
    reach = (window - 1) * _pick(getattr(layer, "dilation_rate", 1), axis) + 1
    return -(-before // stride) if layer.padding == "same" else np.maximum((before - reach) // stride + 1, 0)


def _transposed(layer: Any, axis: int, before: Lengths) -> Lengths:
    window, stride = _pick(layer.kernel_size, axis), _pick(layer.strides, axis)
    extra = getattr(layer, "output_padding", None)
    if extra is not None:
        inner = window if layer.padding == "valid" else window - 2 * (window // 2)
        return (before - 1) * stride + inner + _pick(extra, axis)
    return before * stride if layer.padding == "same" else before * stride + max(window - stride, 0)


def _resized(layer: Any, axis: int, before: Lengths) -> Lengths:
    return np.full_like(before, (layer.height, layer.width)[axis])


_RULES: Mapping[str, Callable[[Any, int, Lengths], Lengths]] = {
    **dict.fromkeys(("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "MaxPooling2D", "AveragePooling2D"), _windowed),
    "Conv2DTranspose": _transposed,
    "UpSampling2D": lambda layer, axis, before: before * _pick(layer.size, axis),
    "ZeroPadding2D": lambda layer, axis, before: before + sum(layer.padding[axis]),
    "Cropping2D": lambda layer, axis, before: np.maximum(before - sum(layer.cropping[axis]), 0),
    "Resizing": _resized,
    "CenterCrop": _resized,
}
