"""Updates: how a gradient changes parameters, uphill.

An update is a frozen dataclass, a value that compares and hashes; what it remembers from step to step (``Memory``) is
handed in and out, so that one compiled step serves every run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import tensorflow as tf

__all__ = ["Adam", "GradientAscent", "Memory", "Update"]

Memory = tuple[tf.Tensor, ...]


class Update(Protocol):
    """How a gradient changes parameters; a frozen dataclass. What it remembers has the shape of the parameters."""

    def start(self, parameters: tf.Tensor) -> Memory:
        """What it remembers before the first step."""

    def __call__(
        self, parameters: tf.Tensor, gradient: tf.Tensor, memory: Memory, step: tf.Tensor
    ) -> tuple[tf.Tensor, Memory]:
        """Parameters and memory after step number ``step`` (from 0), uphill along ``gradient``."""


@dataclass(frozen=True)
class GradientAscent:
    """Plain steps uphill.

    Attributes:
        step_size: length of a step, measured as ``normalize`` says; larger is faster and rougher.
        normalize: what each picture's gradient is divided by: ``"mean"`` absolute value (google/deepdream),
            ``"std"`` (TensorFlow's DeepDream tutorial), ``"rms"`` (Keras example of 2016), ``"l2"`` norm (Keras example
            of today), or ``"none"``.
    """

    step_size: float = 0.01
    normalize: str = "mean"

    def __post_init__(self) -> None:
        if self.normalize not in _LENGTHS:
            raise ValueError(f"Expected normalize to be one of {', '.join(_LENGTHS)}, got {self.normalize!r}")

    def start(self, parameters: tf.Tensor) -> Memory:
        """Nothing."""
        return ()

    def __call__(
        self, parameters: tf.Tensor, gradient: tf.Tensor, memory: Memory, step: tf.Tensor
    ) -> tuple[tf.Tensor, Memory]:
        """One step along the gradient."""
        return parameters + tf.math.divide_no_nan(self.step_size, self.length(gradient)) * gradient, memory

    def length(self, gradient: Any) -> tf.Tensor:
        """How long each gradient (N, H, W, 3) is, (N, 1, 1, 1)."""
        return _LENGTHS[self.normalize](gradient)


_PICTURE = (1, 2, 3)
_LENGTHS = {
    "mean": lambda g: tf.reduce_mean(tf.abs(g), _PICTURE, keepdims=True),
    "std": lambda g: tf.math.reduce_std(g, _PICTURE, keepdims=True),
    "rms": lambda g: tf.sqrt(tf.reduce_mean(tf.square(g), _PICTURE, keepdims=True)),
    "l2": lambda g: tf.sqrt(tf.reduce_sum(tf.square(g), _PICTURE, keepdims=True)),
    "none": lambda g: tf.ones_like(g[:, :1, :1, :1]),
}


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma and Ba, arXiv:1412.6980), uphill; every parameter moves at a speed of its own.

    Attributes:
        step_size: about how far a parameter moves in one step; larger is faster and harsher.
        beta_1: how slowly the running mean of gradients forgets.
        beta_2: how slowly the running mean of squares forgets.
        epsilon: what keeps the division finite.
        nesterov: look ahead along the momentum (Nadam, Dozat 2016).
    """

    step_size: float = 0.05
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    nesterov: bool = False

    def start(self, parameters: tf.Tensor) -> Memory:
        """The two running means, zero."""
        return tf.zeros_like(parameters), tf.zeros_like(parameters)

    def __call__(
        self, parameters: tf.Tensor, gradient: tf.Tensor, memory: Memory, step: tf.Tensor
    ) -> tuple[tf.Tensor, Memory]:
        """One step, with the running means corrected for their start at zero."""
        count = tf.cast(step + 1, tf.float32)
        mean = self.beta_1 * memory[0] + (1 - self.beta_1) * gradient
        square = self.beta_2 * memory[1] + (1 - self.beta_2) * tf.square(gradient)
        ahead = mean / (1 - self.beta_1 ** (count + 1 if self.nesterov else count))
        if self.nesterov:
            ahead = self.beta_1 * ahead + (1 - self.beta_1) / (1 - self.beta_1**count) * gradient
        scale = tf.sqrt(square / (1 - self.beta_2**count)) + self.epsilon
        return parameters + self.step_size * ahead / scale, (mean, square)
