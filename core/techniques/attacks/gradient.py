"""FGSM, BIM, PGD, MI-FGSM and the universal change: starts and updates around ``ascend``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core import checks
from core.networks.classifiers import Classifier
from core.optimize.ascent import Frame, ascend
from core.optimize.objectives import CrossEntropy, Objective
from core.optimize.updates import Memory
from core.techniques.attacks.arguments import MOST_STEPS, checked
from core.techniques.attacks.judge import Labels
from core.techniques.attacks.norms import AXES, NORMS, Radius, moved, norm_named
from core.techniques.attacks.rounding import rounded
from core.types import Floats, Pictures

__all__ = ["bim", "fgsm", "mifgsm", "pgd", "random_change", "rounded_frame", "universal"]

BATCH = 16


@dataclass(frozen=True)
class ProjectedStep:
    """A step along the steepest direction of a norm, then back into the ball around the origin.

    It remembers the origin (N, H, W, 3), the ball's radius and the step size, both (N, 1, 1, 1): tensors, so that
    other values cost no compilation, and each picture may have its own.

    Attributes:
        norm: a name of ``NORMS``.
        momentum: how much of the earlier directions stays (Dong et al., arXiv:1710.06081), or None for no momentum.
        together: all pictures get the same change, along the mean of their gradients.
        grey: the change is the same in red, green and blue, along the mean of their gradients.
    """

    norm: str = "linf"
    momentum: float | None = None
    together: bool = False
    grey: bool = False

    def start(self, parameters: tf.Tensor) -> Memory:
        """There is no usual origin."""
        raise ValueError("Expected origin, radius and step size as memory, got none")

    def __call__(
        self, parameters: tf.Tensor, gradient: tf.Tensor, memory: Memory, step: tf.Tensor
    ) -> tuple[tf.Tensor, Memory]:
        """One step."""
        origin, radius, step_size, kept = memory
        if self.grey:
            gradient = tf.reduce_mean(gradient, axis=-1, keepdims=True) + tf.zeros_like(gradient)
        if self.together:
            gradient = tf.reduce_mean(gradient, axis=0, keepdims=True)
        if self.momentum is not None:
            size = tf.reduce_mean(tf.abs(gradient), AXES, keepdims=True)
            gradient = kept = self.momentum * kept + tf.math.divide_no_nan(gradient, size)
        norm = NORMS[self.norm]
        before = kept if self.together else parameters - origin
        change = norm.project(before + step_size * norm.steepest(gradient), radius)
        kept = change if self.together else kept
        return moved(origin, change, grey=self.grey), (origin, radius, step_size, kept)


def fgsm(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    labels: Labels,
    *,
    epsilon: Radius = 8 / 255,
    norm: str = "linf",
    targeted: bool = False,
    on_grid: bool = True,
) -> Iterator[Frame]:
    """One step as long as the ball is wide, up the loss (Goodfellow et al., arXiv:1412.6572).

    Args:
        classifier, pictures: the network; (N, H, W, 3) RGB in [0, 1], of a size at which it runs.
        labels: (N,) the classes to lead away from; with ``targeted``, those to lead to. Of numbers:
            which one to lower; with ``targeted``, to raise.
        epsilon: above 0: how far a picture may be moved, one for all pictures or one for each (N,). More fools more,
            and is seen more.
        norm: how that is measured, a name of ``NORMS``.
        targeted: whether labels are goals.
        on_grid: end on the 8-bit grid, wherever a picture of it is inside the ball, so that saving changes nothing.

    Raises:
        ValueError: a label, picture, norm or epsilon that cannot be, a network without classes, or NaN weights.
    """
    return pgd(
        classifier, pictures, labels, epsilon=epsilon, norm=norm, steps=1, step_size=epsilon, random_start=False,
        targeted=targeted, on_grid=on_grid,
    )  # fmt: skip


def bim(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    labels: Labels,
    *,
    epsilon: Radius = 8 / 255,
    norm: str = "linf",
    targeted: bool = False,
    on_grid: bool = True,
) -> Iterator[Frame]:
    """Small steps from the picture itself (Kurakin et al., arXiv:1607.02533): 1/255 each, min(e + 4, 1.25 e) of them.

    e is epsilon * 255, and at least one step is made; in another norm than ``linf`` the ball takes ten steps to cross.
    Arguments and errors are those of ``fgsm``.
    """
    radius = checks.positive("epsilon", epsilon)
    levels = 255 * float(radius.max())
    steps, step_size = min(MOST_STEPS, max(1, int(min(levels + 4, 1.25 * levels)))), np.minimum(radius, 1 / 255)
    if norm != "linf":
        steps, step_size = 20, radius / 10
    return pgd(
        classifier, pictures, labels, epsilon=epsilon, norm=norm, steps=steps, step_size=step_size,
        random_start=False, targeted=targeted, on_grid=on_grid,
    )  # fmt: skip


def pgd(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    labels: Labels,
    *,
    epsilon: Radius = 8 / 255,
    norm: str = "linf",
    steps: int = 40,
    step_size: Radius | None = None,
    random_start: bool = True,
    targeted: bool = False,
    on_grid: bool = True,
    seed: int = 0,
) -> Iterator[Frame]:
    """Projected gradient descent from a random point of the ball (Madry et al., arXiv:1706.06083).

    Arguments and errors are those of ``fgsm``, and:

    Args:
        steps: 1 to 20,000.
        step_size: length of a step; a thirtieth of epsilon where None (Foolbox 3.3.4: 0.01 / 0.3).
        random_start: begin at a random point of the ball, else at the picture.
        seed: of the random point.
    """
    checks.seed(seed)
    return _iterate(
        classifier, pictures, labels, ProjectedStep(norm), epsilon=epsilon, steps=steps, step_size=step_size,
        targeted=targeted, on_grid=on_grid, seed=seed if random_start else None,
    )  # fmt: skip


def mifgsm(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    labels: Labels,
    *,
    epsilon: Radius = 16 / 255,
    norm: str = "linf",
    steps: int = 10,
    momentum: float = 1.0,
    targeted: bool = False,
    on_grid: bool = True,
) -> Iterator[Frame]:
    """Iterated FGSM with momentum, for pictures that fool other networks too (Dong et al., arXiv:1710.06081).

    Ten steps of epsilon / 10, each gradient divided by its mean absolute value and added to what is kept of the earlier
    ones. Arguments and errors are those of ``pgd``; ``momentum`` is 0 to 1.
    """
    kept = checks.number("momentum", momentum, 0, 1)
    step_size = checks.positive("epsilon", epsilon) / checks.whole("steps", steps, 1, MOST_STEPS)
    return _iterate(
        classifier, pictures, labels, ProjectedStep(norm, momentum=kept), epsilon=epsilon, steps=steps,
        step_size=step_size, targeted=targeted, on_grid=on_grid, seed=None,
    )  # fmt: skip


def universal(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    labels: Labels,
    *,
    epsilon: Radius = 10 / 255,
    norm: str = "linf",
    steps: int = 60,
    step_size: float | None = None,
    targeted: bool = False,
    on_grid: bool = True,
) -> Iterator[Frame]:
    """One change that fools the network on many pictures at once (Moosavi-Dezfooli et al., arXiv:1610.08401).

    Epsilon is theirs; the search is PGD along the mean gradient of all pictures (Shafahi et al., arXiv:1811.11304),
    which needs no DeepFool for each. The frames hold every picture with the same change, clipped to [0, 1]. Arguments
    and errors are those of ``pgd``.
    """
    return _iterate(
        classifier, pictures, labels, ProjectedStep(norm, together=True), epsilon=epsilon, steps=steps,
        step_size=step_size, targeted=targeted, on_grid=on_grid, seed=None,
    )  # fmt: skip


def _iterate(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    labels: Labels,
    update: ProjectedStep,
    *,
    epsilon: Radius,
    steps: int,
    step_size: Radius | None,
    targeted: bool,
    on_grid: bool,
    seed: int | None,
) -> Iterator[Frame]:
    """The attacks that are an update of ``ascend``; a random start where there is a seed."""
    origin, targets = checked(classifier, pictures, labels, numbers=True)
    norm_named(update.norm)
    radii = np.broadcast_to(checks.positive("epsilon", epsilon), (len(origin),))
    sizes = radii / 30 if step_size is None else np.broadcast_to(checks.positive("step_size", step_size), radii.shape)
    radius, size = (tf.constant(values.reshape(-1, 1, 1, 1), tf.float32) for values in (radii, sizes))
    update = replace(update, grey=classifier.grey)
    first = tf.zeros_like(origin) if seed is None else random_change(origin.shape, radius, update, seed)
    goal: Objective = CrossEntropy(scale=classifier.scale)
    frames = ascend(
        classifier,
        -goal if targeted else goal,
        moved(tf.constant(origin), first, grey=update.grey),
        targets,
        update=update,
        steps=checks.whole("steps", steps, 1, MOST_STEPS),
        memory=(tf.constant(origin), radius, size, tf.zeros_like(origin)),
        batch=len(origin) if update.together else BATCH,
    )
    return (rounded_frame(frame, origin, radii, update.norm) for frame in frames) if on_grid else frames


def random_change(shape: tuple[int, ...], radius: tf.Tensor, update: ProjectedStep, seed: int) -> tf.Tensor:
    """To a random point of each ball: uniform in ``linf``, else some way from 0 to the radius in a random direction."""
    pair, channels = tf.constant([seed, 1], tf.int32), 1 if update.grey else shape[-1]
    drawn, repeats = (*shape[:-1], channels), (1, 1, 1, shape[-1] // channels)
    if update.norm == "linf":
        return radius * tf.tile(tf.random.stateless_uniform(drawn, pair, -1.0, 1.0), repeats)
    normal = tf.tile(tf.random.stateless_normal(drawn, pair), repeats)
    fraction = tf.random.stateless_uniform((shape[0], 1, 1, 1), pair + 1)
    return radius * fraction * normal / tf.reshape(NORMS[update.norm].length(normal), (-1, 1, 1, 1))


def rounded_frame(frame: Frame, origin: Pictures, radii: Floats, norm: str) -> Frame:
    """The frame with its pictures rounded: whoever stops here has pictures that keep the promise too."""
    return replace(frame, images=tf.constant(rounded(frame.images.numpy(), origin, norm=norm, epsilon=radii)))
