"""A patch: a sticker that means one class, wherever it lies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core import checks
from core.networks.classifiers import Classifier
from core.optimize import transforms
from core.optimize.ascent import Frame, ascend
from core.optimize.objectives import CrossEntropy
from core.optimize.parameterizations import Pixels
from core.optimize.updates import Adam, Memory
from core.pictures import images
from core.techniques.attacks.arguments import MOST_STEPS, checked
from core.techniques.attacks.judge import Labels
from core.types import Pictures

__all__ = ["patch"]


@dataclass(frozen=True, eq=False)
class Paste:
    """A round patch as large as the shorter side, rotated, scaled and put somewhere, another way at every step.

    Attributes:
        backgrounds: (N, H, W, 3), one for each patch.
        scales: least and greatest diameter, as a fraction of the shorter side.
        rotation: degrees, at most.
    """

    backgrounds: Pictures
    scales: tuple[float, float] = (0.3, 0.6)
    rotation: float = 22.5

    def __call__(self, patches: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """(N, H, W, 3) pictures with the patches (N, h, h, 3)."""
        draw = tf.random.stateless_uniform((4,), seed)
        height, width = self.backgrounds.shape[1:3]
        scale = self.scales[0] + (self.scales[1] - self.scales[0]) * draw[0]
        side = tf.cast(scale * min(height, width), tf.int32)
        angle = (2 * draw[1] - 1) * np.float32(np.deg2rad(self.rotation))
        count = tf.shape(patches)[0]
        round_ = tf.tile(_disc(min(height, width))[None], (count, 1, 1, 1))
        rotated = transforms.rotate(patches, angle) * round_
        top = tf.cast(draw[2] * tf.cast(height - side, tf.float32), tf.int32)
        left = tf.cast(draw[3] * tf.cast(width - side, tf.float32), tf.int32)
        frame = [[0, 0], [top, height - side - top], [left, width - side - left], [0, 0]]
        put, hidden = (tf.pad(tf.image.resize(one, (side, side)), frame) for one in (rotated, round_))
        return tf.constant(self.backgrounds)[:count] * (1 - hidden) + put


def _disc(side: int) -> tf.Tensor:
    """(side, side, 1): 1 inside the circle that touches the sides, 0 outside."""
    line = (np.arange(side) + 0.5) / side * 2 - 1
    return tf.constant((line[:, None] ** 2 + line**2 <= 1).astype(np.float32)[..., None])


@dataclass(frozen=True)
class Alike:
    """Adam on the mean gradient: all patches stay the same one, and grey ones stay grey."""

    step_size: float = 5 / 255
    grey: bool = False

    def start(self, parameters: tf.Tensor) -> Memory:
        """As Adam's."""
        return Adam().start(parameters)

    def __call__(
        self, parameters: tf.Tensor, gradient: tf.Tensor, memory: Memory, step: tf.Tensor
    ) -> tuple[tf.Tensor, Memory]:
        """One step."""
        mean = tf.reduce_mean(gradient, axis=(0, 3) if self.grey else 0, keepdims=True) + tf.zeros_like(gradient)
        return Adam(self.step_size)(parameters, mean, memory, step)


def patch(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    labels: Labels,
    *,
    steps: int = 500,
    step_size: float = 5 / 255,
    scales: tuple[float, float] = (0.3, 0.6),
    rotation: float = 22.5,
    seed: int = 0,
) -> Iterator[Frame]:
    """A sticker that says what the network is to see, wherever it lies (Brown et al., arXiv:1712.09665).

    Rotation, step size and steps are ART's. The frames hold the pictures with the patch on them, in one place each, on
    the 8-bit grid; the patch itself is ``frame.state.parameters[0][0]``, (h, h, 3).

    Args:
        classifier, pictures: as for ``fgsm``; the patch learns on all of these pictures.
        labels: (N,) the class that the patch is to mean, the same for all.
        steps, step_size: of Adam.
        scales: least and greatest diameter, as a fraction of the shorter side, 0.1 to 1.
        rotation: degrees, at most, 0 to 180.
        seed: of the start and of all places.

    Raises:
        ValueError: as ``fgsm``.
    """
    origin, targets = checked(classifier, pictures, labels)
    if len(scales) != 2 or not 0.1 <= scales[0] <= scales[1] <= 1:
        raise ValueError(f"Expected scales from 0.1 to 1, got {scales!r}")
    paste = Paste(origin, (float(scales[0]), float(scales[1])), checks.number("rotation", rotation, 0, 180))
    update = Alike(checks.number("step_size", step_size, 1e-9, 1), classifier.grey)
    steps, seed = checks.whole("steps", steps, 1, MOST_STEPS), checks.seed(seed)
    side = min(origin.shape[1:3])
    start = Pixels(spread=0.2).start(1, side, side, seed)
    start = tf.repeat(start[..., :1], 3, axis=-1) if classifier.grey else start
    frames = ascend(
        classifier, -CrossEntropy(scale=classifier.scale), tf.tile(start, (len(origin), 1, 1, 1)), targets,
        update=update, steps=steps, transform=paste, seed=seed, batch=len(origin),
    )  # fmt: skip
    where = tf.constant([seed, 7], tf.int32)

    def stuck(frame: Frame) -> Frame:
        pictures = paste(frame.state.parameters[0], where).numpy().clip(0, 1)
        return replace(frame, images=tf.constant(images.to_float(images.to_uint8(pictures))))

    return (stuck(frame) for frame in frames)
