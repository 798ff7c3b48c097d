"""Random views of pictures, which make ascent find what survives them: robust shapes instead of noise.

A transform is a function ``(pictures, seed) -> pictures``: (N, H, W, 3) and an int32 seed (2,), the same view for all
pictures of the batch, differentiable, and without state: the same seed gives the same view. Those that change the size
of a picture say so. Transforms are frozen dataclasses: values that compare and hash.

Why: Olah et al., "Feature Visualization", Distill 2017, doi:10.23915/distill.00007.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

__all__ = ["Chain", "Crop", "Jitter", "Noise", "Pad", "Resize", "Roll", "Rotate", "Scale", "Transform"]

Transform = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


@dataclass(frozen=True)
class Chain:
    """One transform after the other, each with a seed of its own; without any, the pictures as they are."""

    transforms: tuple[Transform, ...] = ()

    def __call__(self, pictures: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """The pictures after all transforms."""
        for index, transform in enumerate(self.transforms):
            pictures = transform(pictures, tf.random.fold_in(seed, index))
        return pictures


@dataclass(frozen=True)
class Pad:
    """Put a frame around the pictures, so that what jitter cuts off is not the picture's own edge.

    Attributes:
        pixels: on each side.
        value: grey of the frame (0.5 in Lucid), or None to mirror the picture (which must be larger than the frame).
    """

    pixels: int
    value: float | None = 0.5

    def __call__(self, pictures: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """(N, H + 2 pixels, W + 2 pixels, 3)."""
        frame = [[0, 0], [self.pixels, self.pixels], [self.pixels, self.pixels], [0, 0]]
        if self.value is None:
            return tf.pad(pictures, frame, mode="REFLECT")
        return tf.pad(pictures, frame, constant_values=self.value)


@dataclass(frozen=True)
class Jitter:
    """Cut ``pixels`` off each dimension, at a random place: a shift by up to ``pixels`` without new edges (Lucid)."""

    pixels: int

    def __call__(self, pictures: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """(N, H - pixels, W - pixels, 3)."""
        top, left = tf.unstack(tf.random.stateless_uniform((2,), seed, 0, self.pixels + 1, tf.int32))
        size = tf.shape(pictures)
        return pictures[:, top : size[1] - self.pixels + top, left : size[2] - self.pixels + left]


@dataclass(frozen=True)
class Roll:
    """Shift by up to ``pixels`` either way; what leaves on one side comes back on the other (google/deepdream).

    With None, by any amount: no place of the picture is nearer to the network's zero padding than another, so pictures
    grow no frame, and what leaves at one edge goes on at the opposite one.
    """

    pixels: int | None = None

    def __call__(self, pictures: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """(N, H, W, 3)."""
        fraction = tf.random.stateless_uniform((2,), seed, -1.0, 1.0)
        reach = tf.shape(pictures)[1:3] / 2 if self.pixels is None else float(self.pixels)
        return tf.roll(pictures, tf.cast(tf.round(fraction * tf.cast(reach, tf.float32)), tf.int32), axis=(1, 2))


@dataclass(frozen=True)
class Scale:
    """Resize by a random factor (bilinear).

    Attributes:
        low: the smallest factor.
        high: the largest.
        steps: how many factors there are between them, both included: few picture sizes keep a CPU's kernels warm.
    """

    low: float = 0.9
    high: float = 1.1
    steps: int = 11

    def __call__(self, pictures: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """(N, H factor, W factor, 3), rounded."""
        choice = tf.random.stateless_uniform((), seed, 0, self.steps, tf.int32)
        factor = self.low + (self.high - self.low) * tf.cast(choice, tf.float32) / max(self.steps - 1, 1)
        size = tf.cast(tf.shape(pictures)[1:3], tf.float32) * factor
        return tf.image.resize(pictures, tf.cast(tf.round(size), tf.int32))


@dataclass(frozen=True)
class Rotate:
    """Rotate around the middle by a random angle (bilinear); the corners that come in mirror the picture.

    Attributes:
        degrees: the largest angle either way.
        steps: how many angles there are, both ends included.
    """

    degrees: float = 10.0
    steps: int = 21

    def __call__(self, pictures: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """(N, H, W, 3)."""
        choice = tf.random.stateless_uniform((), seed, 0, self.steps, tf.int32)
        fraction = 2 * tf.cast(choice, tf.float32) / max(self.steps - 1, 1) - 1
        return rotate(pictures, fraction * math.radians(self.degrees))


@dataclass(frozen=True)
class Crop:
    """Cut a random part out and enlarge it to the picture's size: the views of MaCo (arXiv:2306.06805).

    Attributes:
        fraction: mean side of the part, as a fraction of the picture's; smaller ones draw finer detail.
        spread: its standard deviation.
        centre: standard deviation of the part's centre; 0.15 there.
    """

    fraction: float = 0.5
    spread: float = 0.05
    centre: float = 0.15

    def __call__(self, pictures: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """(N, H, W, 3)."""
        draw = tf.random.stateless_normal((3,), seed)
        side = tf.clip_by_value(self.fraction + self.spread * draw[0], 0.05, 1.0)
        middle = tf.clip_by_value(0.5 + self.centre * draw[1:], side / 2, 1 - side / 2)
        corners = tf.concat([middle - side / 2, middle + side / 2], axis=0)
        size, count = tf.shape(pictures), tf.shape(pictures)[0]
        return tf.image.crop_and_resize(pictures, tf.tile(corners[None], (count, 1)), tf.range(count), size[1:3])


@dataclass(frozen=True)
class Noise:
    """Add normal noise of standard deviation ``spread``; the pictures may leave [0, 1] by it."""

    spread: float = 0.08

    def __call__(self, pictures: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """(N, H, W, 3)."""
        return pictures + self.spread * tf.random.stateless_normal(tf.shape(pictures)[1:], seed)


@dataclass(frozen=True)
class Resize:
    """Bring the pictures to one size (bilinear), for a network that takes no other."""

    height: int
    width: int

    def __call__(self, pictures: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """(N, height, width, 3)."""
        return tf.image.resize(pictures, (self.height, self.width))


def rotate(pictures: tf.Tensor, angle: tf.Tensor) -> tf.Tensor:
    """Rotate (N, H, W, 3) around the middle by an angle in radians, anticlockwise; outside, the picture is mirrored.

    Bilinear, by gathering rows of all pictures at once: on a CPU faster than TensorFlow's projective transform, and
    with the exact gradient.
    """
    count, height, width = tf.unstack(tf.shape(pictures)[:3])
    rows = tf.cast(tf.range(height), tf.float32) - tf.cast(height - 1, tf.float32) / 2
    columns = tf.cast(tf.range(width), tf.float32) - tf.cast(width - 1, tf.float32) / 2
    cosine, sine = tf.cos(angle), tf.sin(angle)
    down = rows[:, None] * cosine + columns[None] * sine + tf.cast(height - 1, tf.float32) / 2
    across = columns[None] * cosine - rows[:, None] * sine + tf.cast(width - 1, tf.float32) / 2
    places = tf.reshape(tf.transpose(pictures, (1, 2, 0, 3)), (height * width, count * 3))
    turned = tf.add_n([_corner(places, down, across, corner, (height, width)) for corner in _CORNERS])
    return tf.transpose(tf.reshape(turned, (height, width, count, 3)), (2, 0, 1, 3))


_CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))


def _corner(
    places: tf.Tensor, down: tf.Tensor, across: tf.Tensor, corner: tuple[int, int], size: tuple[tf.Tensor, tf.Tensor]
) -> tf.Tensor:
    """What one of the four neighbours adds to the bilinear value at each place (H W, values)."""
    index, weight = tf.constant(0), tf.constant(1.0)
    for place, far, side in zip((down, across), corner, size, strict=True):
        low = tf.floor(place)
        weight *= place - low if far else 1 - (place - low)
        index = index * side + _mirror(tf.cast(low, tf.int32) + far, side)
    return tf.gather(places, tf.reshape(index, (-1,))) * tf.reshape(weight, (-1, 1))


def _mirror(index: tf.Tensor, side: tf.Tensor) -> tf.Tensor:
    """Indices outside 0 ... side - 1 as in a mirror at the edge."""
    index = tf.math.floormod(index, 2 * side)
    return tf.minimum(index, 2 * side - 1 - index)
