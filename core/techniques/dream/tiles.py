"""The gradient of a picture of any size, computed window by window: memory grows as the picture itself does.

Why no seam is seen: a unit near the edge of a window sees the network's zero padding there instead of the picture, so
its gradient is wrong. Each window is therefore computed with a halo of pixels around it, as wide as what a unit of the
layer sees (64 pixels at most), and only its inside is kept. What little difference is left is averaged away, because
the cuts lie elsewhere at every step. Cuts and frames fall on multiples of 32 pixels: so a network's strides sample the
same pixels whether or not the picture is cut, and windows come in few sizes, which a CPU's kernels like.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from core.networks.classifiers import Classifier
from core.types import Pictures

TILE = 512
ALIGN = 32
MOST_HALO = 64

NO_TARGET, NO_SEED = tf.zeros((1,), tf.int32), tf.zeros((2,), tf.int32)

Frame = tuple[tuple[int, int], tuple[int, int]]


def halo_of(classifier: Classifier, layer: str) -> int:
    """How far windows overlap: what a unit of the layer sees, as far as that can be afforded; in pixels."""
    field = classifier.layer(layer).receptive_field
    return MOST_HALO if field is None else min(MOST_HALO, -(-max(field.size) // ALIGN) * ALIGN)


def jittered(size: tuple[int, ...], jitter: int, wrap: bool, rng: np.random.Generator) -> tuple[tuple[int, int], Frame]:
    """How far a picture of ``size`` is moved around its edges, and how wide a mirrored frame its four sides get.

    A frame fills the picture up to multiples of 32.
    """
    down, right = (int(pixels) for pixels in rng.integers(-jitter, jitter + 1, 2))
    if wrap or not jitter:
        return (down, right), ((0, 0), (0, 0))
    first = [jitter // 2 + abs(pixels) // 2 for pixels in (down, right)]
    last = [ALIGN - (start + side) % ALIGN for start, side in zip(first, size, strict=True)]
    return (0, 0), ((first[0], last[0]), (first[1], last[1]))


def cuts(side: int, tile: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Where one side is cut, elsewhere each time: pieces of about half to one and a half tiles, or one piece."""
    if side <= 1.5 * tile:
        return [(0, side)]
    ends = [0, ALIGN * int(rng.integers(tile // (2 * ALIGN), tile // ALIGN + 1))]
    while side - ends[-1] > 1.5 * tile:
        ends.append(ends[-1] + tile // ALIGN * ALIGN)
    return list(zip(ends, [*ends[1:], side], strict=True))


def gradients(
    measure: Any,
    picture: Pictures,
    *,
    shift: tuple[int, int],
    frame: Frame,
    tile: int,
    halo: int,
    rng: np.random.Generator,
) -> Iterator[tuple[Pictures | None, float]]:
    """The gradient (1, H, W, 3) of the whole picture and its score; before it, (None, 0) after each window.

    ``measure`` is what ``ascent.gradient`` compiles: the gradient and the score of one window. Gradients are for the
    sum over the picture, so that windows of different sizes fit together; the score is the mean by area.
    """  # fmt: skip
    moved = np.roll(picture, shift, (1, 2)) if any(shift) else picture
    padded = np.pad(moved, ((0, 0), *frame, (0, 0)), "symmetric") if any(map(any, frame)) else moved
    height, width = padded.shape[1:3]
    slope, score = np.empty_like(padded), 0.0
    for top, bottom in cuts(height, tile, rng):
        for left, right in cuts(width, tile, rng):
            above, before = max(top - halo, 0), max(left - halo, 0)
            window = padded[:, above : bottom + halo, before : right + halo]
            own, value = measure(tf.constant(window), NO_TARGET, NO_SEED)
            inner = own[:, top - above : bottom - above, left - before : right - before]
            slope[:, top:bottom, left:right] = inner.numpy() * (window.shape[1] * window.shape[2])
            score += float(value[0]) * (bottom - top) * (right - left) / (height * width)
            yield None, 0.0
    slope = slope[:, frame[0][0] : height - frame[0][1], frame[1][0] : width - frame[1][1]]
    yield (np.roll(slope, tuple(-pixels for pixels in shift), (1, 2)) if any(shift) else slope), score
