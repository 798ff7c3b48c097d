"""Regularizers: what is done to parameters after each update, to keep pictures near to natural ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import tensorflow as tf

__all__ = ["Regularizer", "YosinskiRegularizer"]


class Regularizer(Protocol):
    """What is done to parameters after each update; a frozen dataclass."""

    def __call__(self, parameters: tf.Tensor, gradient: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """The parameters, nearer to a natural picture."""


@dataclass(frozen=True)
class YosinskiRegularizer:
    """The regularizers of Yosinski et al. (arXiv:1506.06579), for a ``Pixels`` parameterization; grey is their zero.

    Attributes:
        decay: fraction by which every pixel nears grey in a step; larger is flatter.
        blur: standard deviation in pixels of a Gaussian blur.
        blur_every: steps from one blur to the next.
        clip_small_norm: percentage of pixels, those nearest to grey, that are set to grey.
        clip_small_contribution: percentage of pixels, those whose absence would matter least, that are set to grey.
    """

    decay: float = 0.0
    blur: float = 0.0
    blur_every: int = 4
    clip_small_norm: float = 0.0
    clip_small_contribution: float = 0.0

    def __call__(self, parameters: tf.Tensor, gradient: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """Decay, blur, then the two kinds of clipping, as in yosinski/deep-visualization-toolbox."""
        x = (parameters - 0.5) * (1 - self.decay)
        if self.blur:
            x = tf.cond(tf.equal(step % self.blur_every, 0), lambda: _blurred(x, self.blur), lambda: x)
        if self.clip_small_norm:
            x = _without_least(x, tf.norm(x, axis=-1), self.clip_small_norm)
        if self.clip_small_contribution:
            x = _without_least(x, tf.abs(tf.reduce_sum(gradient * x, axis=-1)), self.clip_small_contribution)
        return x + 0.5


def _blurred(x: tf.Tensor, spread: float) -> tf.Tensor:
    """A Gaussian blur of (N, H, W, 3), reaching to four standard deviations, edges mirrored as far as there is room."""
    reach = max(1, round(4 * spread))
    line = np.exp(-0.5 * (np.arange(-reach, reach + 1) / spread) ** 2)
    kernel = np.tile((line / line.sum())[:, None, None, None], (1, 1, 3, 1)).astype(np.float32)
    for axis, shaped in ((1, kernel), (2, kernel.transpose(1, 0, 2, 3))):
        frame = [[reach, reach] if dimension == axis else [0, 0] for dimension in range(4)]
        x = tf.nn.depthwise_conv2d(tf.pad(x, frame, mode="SYMMETRIC"), shaped, (1, 1, 1, 1), "VALID")
    return x


def _without_least(x: tf.Tensor, worth: tf.Tensor, percentage: float) -> tf.Tensor:
    """Zero where the worth (N, H, W) of a pixel is below this percentile of its picture."""
    flat = tf.sort(tf.reshape(worth, (tf.shape(worth)[0], -1)), axis=1)
    place = tf.cast(tf.cast(tf.shape(flat)[1] - 1, tf.float32) * percentage / 100, tf.int32)
    return tf.where((worth < flat[:, place][:, None, None])[..., None], 0.0, x)
