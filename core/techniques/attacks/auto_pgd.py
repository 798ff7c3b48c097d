"""Auto-PGD: projected gradient descent that finds its own step size, on the cross-entropy or on the DLR loss."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core import checks
from core.networks import folding
from core.networks.classifiers import LOGITS, PICTURES, Classifier
from core.networks.requirements import require_classes
from core.optimize.ascent import CHUNK, Frame, batch_size, usable
from core.optimize.objectives import CrossEntropy, Objective
from core.techniques.attacks.arguments import MOST_STEPS, checked
from core.techniques.attacks.gradient import ProjectedStep, random_change, rounded_frame
from core.techniques.attacks.judge import Labels
from core.techniques.attacks.norms import NORMS, Radius, moved
from core.types import Floats, Pictures

__all__ = ["LOSSES", "DifferenceOfLogitsRatio", "auto_pgd", "auto_pgd_dlr"]

LOSSES = ("ce", "dlr")
MOMENTUM, RISES = 0.75, 0.75
FIRST, LESS, LEAST = 0.22, 0.03, 0.06
"""Of all steps: to the first checkpoint, how much shorter each stretch is than the one before, and the shortest."""


@dataclass(frozen=True)
class DifferenceOfLogitsRatio(Objective):
    """By how much the best other logit leads the label's, as a part of the span from the largest to the third largest.

    It does not vanish where a network is sure, and does not change when all logits are scaled or shifted.
    """

    layer: str = LOGITS

    def __call__(self, activations: Any, target: tf.Tensor) -> tf.Tensor:
        """The loss (N,)."""
        logits = activations[self.layer]
        top = tf.math.top_k(logits, 3).values
        own = tf.gather(logits, target, axis=1, batch_dims=1)
        best = tf.where(own >= top[:, 0], top[:, 1], top[:, 0])
        return (best - own) / (top[:, 0] - top[:, 2] + 1e-12)


def auto_pgd(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    labels: Labels,
    *,
    epsilon: Radius = 8 / 255,
    norm: str = "linf",
    steps: int = 100,
    loss: str = "ce",
    targeted: bool = False,
    on_grid: bool = True,
    seed: int = 0,
) -> Iterator[Frame]:
    """Auto-PGD (Croce and Hein, arXiv:2003.01690): nothing to tune but the number of steps.

    Steps with momentum, twice epsilon at first; at checkpoints that come ever sooner the step size of a picture is
    halved, and it goes on from its best point, where the loss rose in fewer than three quarters of the steps or has
    found no better point. A frame holds, of each picture, the newest point that fools, else the one of highest loss;
    its score is the margin by which that leads. Batches run one after the other: until the last one ends, a frame's
    step is the mean over the pictures, and scores of what is yet to come are NaN.

    Args:
        classifier, pictures, labels, epsilon, targeted, on_grid: as for ``fgsm``.
        norm: ``"linf"`` or ``"l2"``.
        steps: 1 to 20,000; the authors' 100.
        loss: ``"ce"``, cross-entropy, or ``"dlr"``, the difference of logits ratio, which needs three classes and no
            target.
        seed: of the random start.

    Raises:
        ValueError: as ``fgsm``; a target for ``"dlr"``; another norm or loss; with the first frame, a network through
            which no gradient reaches the picture.
    """
    origin, targets = checked(classifier, pictures, labels)
    checks.one_of("norm of Auto-PGD", norm, ("linf", "l2"))
    if checks.one_of("loss", loss, LOSSES) == "dlr":
        require_classes(classifier, least=3)
        if targeted:
            raise ValueError("Expected no target for the DLR loss, got one; the cross-entropy takes one")
    radii = np.broadcast_to(checks.positive("epsilon", epsilon), (len(origin),))
    total, seed = checks.whole("steps", steps, 1, MOST_STEPS), checks.seed(seed)
    goal: Objective = CrossEntropy(scale=classifier.scale) if loss == "ce" else DifferenceOfLogitsRatio()
    slope = _slope(classifier, goal, -1.0 if targeted else 1.0)
    batch = batch_size(*origin.shape[1:3])

    def search() -> Iterator[Frame]:
        found, since = origin.copy(), time.monotonic()
        curve = np.full((total, len(origin)), np.nan, np.float32)
        margins, starts = np.full(len(origin), np.nan, np.float32), range(0, len(origin), batch)
        for at, first in enumerate(starts):
            part = slice(first, first + batch)
            climb = _Climb(origin[part], radii[part], norm, slope, targets[part], classifier.grey, seed + at)
            for step in range(total):
                climb.step(step, total)
                found[part], margins[part], curve[step, part] = climb.found, climb.margins, climb.margins
                taken = (at * total + step + 1) // len(starts)
                if taken < total and time.monotonic() - since > CHUNK:
                    yield Frame(taken, total, *map(tf.constant, (found, margins, curve[:taken])))
                    since = time.monotonic()
        yield Frame.finished(found, curve)

    frames = search()
    return (rounded_frame(one, origin, radii, norm) for one in frames) if on_grid else frames


def auto_pgd_dlr(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    labels: Labels,
    *,
    epsilon: Radius = 8 / 255,
    norm: str = "linf",
    steps: int = 100,
    on_grid: bool = True,
    seed: int = 0,
) -> Iterator[Frame]:
    """Auto-PGD on the DLR loss; arguments and errors are those of ``auto_pgd``."""
    return auto_pgd(
        classifier, pictures, labels, epsilon=epsilon, norm=norm, steps=steps, loss="dlr", on_grid=on_grid, seed=seed
    )


def checkpoints(total: int) -> list[int]:
    """After which steps it is looked whether the step size still serves: section 3 of the paper."""
    stretch, least, shorter = (max(int(part * total), 1) for part in (FIRST, LEAST, LESS))
    found, at = [], stretch
    while at <= total:
        found.append(at)
        stretch = max(stretch - shorter, least)
        at += stretch
    return found


class _Climb:
    """A batch on its way: where it is, where it was, the best of it, and each picture's step size."""

    def __init__(
        self, origin: Pictures, radii: Floats, norm: str, slope: Any, labels: Any, grey: bool, seed: int
    ) -> None:
        self._origin, self._radius = tf.constant(origin), tf.constant(radii.reshape(-1, 1, 1, 1), tf.float32)
        self._norm, self._grey = NORMS[norm], grey
        self._slope, self._labels = slope, tf.constant(labels)
        update = ProjectedStep(norm, grey=grey)
        self._at = moved(self._origin, random_change(origin.shape, self._radius, update, seed), grey=grey).numpy()
        self._before = self._at.copy()
        self._gradient, self._loss, self.margins = self._ask(self._at)
        self.found, self._best, self._best_loss = self._at.copy(), self._at.copy(), self._loss.copy()
        self._best_gradient = self._gradient.copy()
        self._size = 2 * self._radius.numpy()
        self._rises = np.zeros(len(origin), int)
        self._last_best, self._halved, self._last_check = self._loss.copy(), np.ones(len(origin), bool), 0

    def step(self, number: int, total: int) -> None:
        """One step, and at a checkpoint a look back."""
        ahead = self._inside(self._at + self._size * self._norm.steepest(tf.constant(self._gradient)).numpy())
        if number:
            ahead = self._inside(self._at + MOMENTUM * (ahead - self._at) + (1 - MOMENTUM) * (self._at - self._before))
        self._before, self._at = self._at, ahead
        loss_before = self._loss
        self._gradient, self._loss, margins = self._ask(ahead)
        self._rises += self._loss > loss_before
        better, fools = self._loss > self._best_loss, margins > 0
        shown = fools | (better & (self.margins <= 0))
        self.found[shown], self.margins = ahead[shown], np.where(shown, margins, self.margins)
        self._best[better], self._best_gradient[better] = ahead[better], self._gradient[better]
        self._best_loss = np.where(better, self._loss, self._best_loss)
        if number + 1 in checkpoints(total):
            self._look_back(number + 1)

    def _look_back(self, number: int) -> None:
        stuck = self._rises <= RISES * (number - self._last_check)
        stuck |= ~self._halved & (self._last_best >= self._best_loss)
        self._size[stuck] /= 2
        self._at[stuck], self._gradient[stuck] = self._best[stuck], self._best_gradient[stuck]
        self._halved, self._last_best, self._last_check = stuck, self._best_loss.copy(), number
        self._rises[:] = 0

    def _ask(self, pictures: Pictures) -> tuple[Pictures, Floats, Floats]:
        """The gradient, the loss and the margin."""
        gradient, loss, margin = self._slope(tf.constant(pictures), self._labels)
        return np.array(gradient), np.array(loss), np.array(margin)

    def _inside(self, pictures: Pictures) -> Pictures:
        """The nearest pictures in the ball and in [0, 1]."""
        change = self._norm.project(tf.constant(pictures) - self._origin, self._radius)
        return np.array(moved(self._origin, change, grey=self._grey))


def _slope(classifier: Classifier, goal: Objective, sign: float) -> Any:
    """Compiled (pictures, labels) -> gradient, loss (N,) and margin (N,), all of ``sign`` times the goal."""

    def make() -> Any:
        forward = folding.forward(classifier, [LOGITS])

        @tf.function(input_signature=[PICTURES, tf.TensorSpec((None,), tf.int32)], autograph=False)
        def ask(pictures: tf.Tensor, labels: tf.Tensor) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(pictures)
                values = forward(pictures, labels)
                loss = sign * goal(values, labels)
            gradient = usable(tape.gradient(loss, pictures), goal)
            if classifier.grey:
                gradient = tf.reduce_mean(gradient, axis=-1, keepdims=True) + tf.zeros_like(gradient)
            logits = values[LOGITS]
            own = tf.gather(logits, labels, axis=1, batch_dims=1)
            others = tf.where(tf.one_hot(labels, tf.shape(logits)[1]) > 0, logits.dtype.min, logits)
            return gradient, loss, sign * (tf.reduce_max(others, axis=1) - own)

        return classifier.told([LOGITS], ask)

    return classifier.compiled(("auto_pgd", goal, sign), make)
