"""Layer calls rewritten to cost less on a CPU; the same values and gradients but for rounding.

A convolution over the three colours has a slow gradient to the picture: kernels for CPUs work on 16 channels at a time,
and find 3. ``_PictureConvolution`` computes the gradient of a whole block of pixels at each place instead, as one
convolution with 4 or more times as many channels, and lays the blocks out as pixels (``tf.nn.depth_to_space``).

Where zeros are put around maps for a depthwise convolution of stride 2 (the MobileNets), that copies the largest maps
of the network once forward and once back. On maps of even height and width the convolution's own "same" padding is
just that, and needs no copy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core.networks.custom_gradients import custom_gradient
from core.networks.graphs import Graph, Step
from core.networks.steps import channels_last, kind

MOST_COLOURS = 4
Kernel = npt.NDArray[np.float32]


def faster(graph: Graph) -> Graph:
    """The graph with every step that can be had for less exchanged. Weights are copied."""
    for step in graph.steps:
        if _over_colours(step):
            graph = graph.replaced(step, replace(step, operation=_PictureConvolution.of(step.operation), kwargs={}))
        elif _padded_for(graph, step):
            before = graph.producer(next(step.inputs))
            if before is not None:
                made = replace(step, operation=_PaddedDepthwise.of(step.operation), args=before.args, kwargs={})
                graph = graph.replaced(step, made)
    return graph


def _over_colours(step: Step) -> bool:
    """Whether it is a plain convolution over few channels."""
    layer: Any = step.operation
    if kind(step) != "Conv2D" or not channels_last(step) or layer.groups != 1 or layer.compute_dtype != "float32":
        return False
    rows, columns = layer.kernel_size
    one = rows == columns and layer.strides[0] == layer.strides[1] <= rows and tuple(layer.dilation_rate) == (1, 1)
    return one and rows > 1 and layer.kernel.shape[2] <= MOST_COLOURS and layer.padding in ("same", "valid")


def _padded_for(graph: Graph, step: Step) -> bool:
    """Whether it is a depthwise convolution of stride 2 and side 3 over maps with zeros below and to the right."""
    layer: Any = step.operation
    before = graph.producer(next(step.inputs, None))
    if kind(step) != "DepthwiseConv2D" or before is None or kind(before) != "ZeroPadding2D":
        return False
    pads: Any = before.operation
    plain = channels_last(step) and channels_last(before) and layer.compute_dtype == "float32"
    plain = plain and layer.padding == "valid" and tuple(layer.dilation_rate) == (1, 1)
    sides = tuple(layer.kernel_size) == (3, 3) and tuple(layer.strides) == (2, 2)
    return plain and sides and tuple(map(tuple, pads.padding)) == ((0, 1), (0, 1))


@dataclass(frozen=True, eq=False)
class _Weights:
    """Kernel, bias (or None) and activation (or None) of a layer, as they are now."""

    kernel: Kernel
    bias: Kernel | None
    activation: Any

    def finished(self, sums: tf.Tensor) -> tf.Tensor:
        """With bias and activation."""
        sums = sums if self.bias is None else tf.nn.bias_add(sums, self.bias)
        return sums if self.activation is None else self.activation(sums)


def _weights(layer: Any) -> _Weights:
    kernel, *bias = (np.asarray(one, np.float32) for one in layer.get_weights())
    linear = getattr(layer.activation, "__name__", "") == "linear"
    return _Weights(kernel, bias[0] if bias else None, None if linear else layer.activation)


@dataclass(frozen=True, eq=False)
class _PictureConvolution:
    """A convolution over colours whose gradient to them is computed by blocks of pixels."""

    weights: _Weights
    stride: int
    padding: str

    @classmethod
    def of(cls, layer: Any) -> _PictureConvolution:
        """Of a Keras ``Conv2D``."""
        return cls(_weights(layer), layer.strides[0], layer.padding.upper())

    def __call__(self, pictures: tf.Tensor) -> tf.Tensor:
        """(N, H, W, colours) -> (N, h, w, C)."""

        @custom_gradient
        def convolved(x: tf.Tensor) -> Any:
            sums = tf.nn.conv2d(x, self.weights.kernel, self.stride, self.padding)
            return sums, lambda upstream: self._gradient(upstream, tf.shape(x))

        return self.weights.finished(convolved(pictures))

    def _gradient(self, upstream: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        """The gradient to pictures of ``size``.

        A pixel b q + r of the padded picture (block q, place r in it) gets kernel row a from unit i where
        s i + a = b q + r. With b = s m the units of block q are m q - (t - 1) ... m q + m - 1, t = ceil(side / s): a
        convolution of stride m.
        """
        side, several = len(self.weights.kernel), _several(self.stride)
        before = -(-side // self.stride) - 1
        pads = [before, before + 1 + several]
        blocks = tf.nn.conv2d(
            upstream, _backwards(self.weights.kernel, self.stride), several, [[0, 0], pads, pads, [0, 0]]
        )
        pixels = tf.nn.depth_to_space(blocks, self.stride * several)
        top, left = (self._padded(tf.shape(upstream)[axis], size[axis]) for axis in (1, 2))
        inside = pixels[:, top : top + size[1], left : left + size[2]]
        return tf.ensure_shape(inside, (None, None, None, self.weights.kernel.shape[2]))

    def _padded(self, units: tf.Tensor, pixels: tf.Tensor) -> tf.Tensor:
        """How many rows of zeros "same" padding puts above."""
        if self.padding == "VALID":
            return tf.constant(0)
        return tf.maximum((units - 1) * self.stride + len(self.weights.kernel) - pixels, 0) // 2


def _several(stride: int) -> int:
    """How many units a block of pixels is wide: two of stride 1, so that it has 4 pixels at least."""
    return 2 if stride == 1 else 1


def _backwards(kernel: Kernel, stride: int) -> Kernel:
    """The kernel (e, e, C, b b colours) of the convolution that gives blocks of pixels, see ``_gradient``."""
    side, _, colours, channels = kernel.shape
    several, before = _several(stride), -(-side // stride) - 1
    block, extent = stride * several, before + several
    result = np.zeros((extent, extent, channels, block, block, colours), np.float32)
    for e in range(extent):
        for f in range(extent):
            for r in range(block):
                for t in range(block):
                    a, b = r - stride * (e - before), t - stride * (f - before)
                    if 0 <= a < side and 0 <= b < side:
                        result[e, f, :, r, t] = kernel[a, b].T
    return result.reshape(extent, extent, channels, block * block * colours)


@dataclass(frozen=True, eq=False)
class _PaddedDepthwise:
    """A row and a column of zeros, then a depthwise convolution of side 3 and stride 2."""

    weights: _Weights

    @classmethod
    def of(cls, layer: Any) -> _PaddedDepthwise:
        """Of a Keras ``DepthwiseConv2D`` behind a ``ZeroPadding2D``."""
        return cls(_weights(layer))

    def __call__(self, maps: tf.Tensor) -> tf.Tensor:
        """(N, H, W, C) -> (N, H // 2, W // 2, C)."""
        even = tf.reduce_all(tf.equal(tf.shape(maps)[1:3] % 2, 0))
        return self.weights.finished(tf.cond(even, lambda: self._convolved(maps, "SAME"), lambda: self._copied(maps)))

    def _copied(self, maps: tf.Tensor) -> tf.Tensor:
        return self._convolved(tf.pad(maps, [[0, 0], [0, 1], [0, 1], [0, 0]]), "VALID")

    def _convolved(self, maps: tf.Tensor, padding: str) -> tf.Tensor:
        return tf.nn.depthwise_conv2d(maps, self.weights.kernel, [1, 2, 2, 1], padding)
