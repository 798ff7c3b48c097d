"""Attacks that look for the nearest picture that fools: DeepFool, and Carlini and Wagner's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core import checks
from core.networks import folding
from core.networks.classifiers import Classifier
from core.optimize import ascent
from core.optimize.ascent import Frame
from core.optimize.objectives import Logit, Margin, Objective
from core.optimize.updates import Adam
from core.pauses import each
from core.pictures import images
from core.techniques.attacks.arguments import MOST_STEPS, Targets, checked
from core.techniques.attacks.judge import Labels, logits_of, margin_frame, margins
from core.techniques.attacks.norms import AXES, moved
from core.techniques.attacks.rounding import rounded
from core.types import Floats, Pictures

__all__ = ["carlini_wagner", "deepfool"]

BATCH = 16

Weights = npt.NDArray[np.float64]
"""The c of Carlini and Wagner's cost, one for each picture (N,)."""


@dataclass(frozen=True, eq=False)
class _Search:
    """One search of Carlini and Wagner's attack: its settings and the c of each picture."""

    weight: Weights
    confidence: float
    step_size: float
    steps: int
    targeted: bool


# ----------------------------------------------------------------------------------------------------- DeepFool


def deepfool(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    labels: Labels,
    *,
    norm: str = "l2",
    steps: int = 50,
    candidates: int = 10,
    overshoot: float = 0.02,
    on_grid: bool = True,
) -> Iterator[Frame]:
    """To the nearest border between classes, as if the network were linear, again and again (arXiv:1511.04599).

    Args:
        classifier, pictures, labels: as for ``fgsm``. There is no target: any other class will do.
        norm: ``"l2"`` or ``"linf"``.
        steps: at most.
        candidates: 2 to 1000 classes, the likeliest ones, whose borders are looked at.
        overshoot: how far beyond the border to go, as a fraction of the way.
        on_grid: end on the 8-bit grid; a picture beside it is rounded first.

    Raises:
        ValueError: as ``fgsm``.
    """
    origin, targets = checked(classifier, pictures, labels)
    if norm not in ("l2", "linf"):
        raise ValueError(f"Expected norm 'l2' or 'linf' for DeepFool, got {norm!r}")
    steps = checks.whole("steps", steps, 1, MOST_STEPS)
    beyond = 1 + checks.number("overshoot", overshoot, 0, 10)
    count = min(checks.whole("candidates", candidates, 2, 1000), len(classifier.labels))
    origin = images.to_float(images.to_uint8(origin)) if on_grid else origin
    ranks = np.argsort(-logits_of(classifier, origin), axis=1)[:, :count]
    others = np.stack([np.append(label, row[row != label][: count - 1]) for row, label in zip(ranks, targets)])  # noqa: B905

    def search() -> Iterator[Frame]:
        change = np.zeros_like(origin)
        scores: list[Floats] = []
        for step in range(steps):
            now = moved(origin, beyond * change, grey=classifier.grey).numpy()
            margin = margins(classifier, now, targets)
            scores.append(margin)
            yield margin_frame(now, scores, (step + 1, steps))
            left = np.flatnonzero(margin <= 0)
            if not len(left):
                break
            change[left] += _to_border(classifier, now[left], others[left], norm)
        now = moved(origin, beyond * change, grey=classifier.grey).numpy()
        now = _pushed(classifier, now, origin, targets) if on_grid else now
        yield margin_frame(now, [*scores, margins(classifier, now, targets)], (steps, steps))

    return search()


def _to_border(classifier: Classifier, pictures: Pictures, classes: npt.NDArray[np.integer], norm: str) -> Pictures:
    """The smallest change that would reach a border if logits were linear; the first class of each row is left.

    The border to class k is |f_k| / ||w_k|| away, where f_k is the gap between the logits, w_k its gradient, and the
    length is taken in the dual norm; the way there is w_k itself in L2, and its signs in Linf.
    """
    rows, scores = _slopes(classifier, pictures, classes)
    if classifier.grey:  # the gradient among grey changes only
        rows = np.broadcast_to(rows.mean(axis=-1, keepdims=True), rows.shape)
    ways, gaps = rows[:, 1:] - rows[:, :1], np.abs(scores[:, 1:] - scores[:, :1]) + 1e-6
    dual = 2 if norm == "l2" else 1
    sizes = (np.abs(ways) ** dual).sum(axis=(2, 3, 4)) ** (1 / dual) + 1e-12
    nearest = np.argmin(gaps / sizes, axis=1)
    each = np.arange(len(pictures))
    way = ways[each, nearest]
    size, gap = (one[each, nearest].reshape(-1, 1, 1, 1) for one in (sizes, gaps))
    step: Pictures = (gap / size * (way / size if norm == "l2" else np.sign(way))).astype(np.float32)
    return step


def _slopes(
    classifier: Classifier, pictures: Pictures, classes: npt.NDArray[np.integer]
) -> tuple[npt.NDArray[np.float32], Floats]:
    """Gradients (N, k, H, W, 3) and values (N, k) of the logits of ``classes`` (N, k), each picture's own."""
    count, many = classes.shape
    slope = ascent.gradient(classifier, Logit())
    slopes, values = [], []
    for first in each(range(0, count * many, BATCH)):
        chosen = np.arange(first, min(first + BATCH, count * many))
        batch = tf.constant(pictures[chosen // many])
        one, value = slope(batch, tf.constant(classes.ravel()[chosen], tf.int32), tf.zeros((2,), tf.int32))
        slopes.append(one.numpy())
        values.append(value.numpy())
    return (
        np.concatenate(slopes).reshape(count, many, *pictures.shape[1:]),
        np.concatenate(values).reshape(count, many),
    )


# ------------------------------------------------------------------------------------------- Carlini and Wagner


def carlini_wagner(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    labels: Labels,
    *,
    steps: int = 10_000,
    searches: int = 9,
    step_size: float = 0.01,
    confidence: float = 0.0,
    constant: float = 1e-3,
    targeted: bool = False,
    on_grid: bool = True,
) -> Iterator[Frame]:
    """The smallest change in L2 that the network falls for (Carlini and Wagner, arXiv:1608.04644; code: l2_attack.py).

    It lowers |change|² + c max(0, confidence - margin) by Adam, and finds the best c by bisection.

    Args:
        classifier, pictures, labels, targeted: as for ``fgsm``.
        steps: of each search; 10,000 are the authors', a few hundred are near enough to see.
        searches: how many values of c are tried; 9 are the authors'.
        step_size: of Adam.
        confidence: by how much the wrong class is to lead, in logits. More is seen more and transfers better.
        constant: the first c.
        on_grid: end on the 8-bit grid; a picture beside it is rounded first.

    Raises:
        ValueError: as ``fgsm``.
    """
    origin, targets = checked(classifier, pictures, labels)
    first = _Search(
        np.full(len(origin), checks.number("constant", constant, 1e-9, 1e9)),
        checks.number("confidence", confidence, 0, 1000),
        checks.number("step_size", step_size, 1e-9, 1e9),
        checks.whole("steps", steps, 1, MOST_STEPS),
        targeted,
    )
    searches = checks.whole("searches", searches, 1, 20)
    origin = images.to_float(images.to_uint8(origin)) if on_grid else origin

    def search() -> Iterator[Frame]:
        count, total, weight = len(origin), searches * steps, first.weight
        low, high = np.zeros(count), np.full(count, 1e10)
        best, nearest = origin.copy(), np.full(count, np.inf)
        scores, stale = [margins(classifier, origin, targets, targeted=targeted)], False
        for number in range(searches):
            reached = np.zeros(count, bool)
            for index, now, margin, far in _descend(classifier, origin, targets, replace(first, weight=weight)):
                fooled = margin > first.confidence
                closer = fooled & (far < nearest)
                best[closer], nearest[closer] = now[closer], far[closer]
                reached |= fooled
                stale |= bool(closer.any())
                if index % 5 == 4 or index == steps - 1:
                    scores.append(margins(classifier, best, targets, targeted=targeted) if stale else scores[-1])
                    stale = False
                    yield margin_frame(best, scores, (min(number * steps + index + 1, total - 1), total))
            low, high, weight = _bisected(low, high, weight, reached)
        final = _pushed(classifier, best, origin, targets, targeted=targeted) if on_grid else best
        yield margin_frame(final, [*scores, margins(classifier, final, targets, targeted=targeted)], (1, 1))

    return search()


def _descend(
    classifier: Classifier, origin: Pictures, targets: Targets, search: _Search
) -> Iterator[tuple[int, Pictures, Floats, Floats]]:
    """One search: index, pictures, margins and squared distances of each step of Adam.

    It ends where the cost has stopped falling, which the authors' code asks ten times in a search.
    """
    step = _carlini_step(classifier, search.step_size, search.targeted)
    start = tf.constant(origin)
    hidden = _hidden(*_room(start, classifier.grey))
    memory, last = Adam().start(hidden), np.inf
    told = start, tf.constant(targets), tf.constant(search.confidence), tf.constant(search.weight, tf.float32)
    for index in range(search.steps):
        hidden, memory, *seen = step(hidden, memory, told, tf.constant(index))
        now, margin, far = (one.numpy() for one in seen)
        yield index, now, margin, far
        if index % max(100, search.steps // 10) == 0:
            cost = float((far + search.weight * np.maximum(search.confidence - margin, 0)).sum())
            if cost > 0.9999 * last:
                return
            last = cost


def _bisected(
    low: Weights, high: Weights, weight: Weights, reached: npt.NDArray[np.bool_]
) -> tuple[Weights, Weights, Weights]:
    """Bounds and next value of c, where a greater c gives up nearness for success.

    A c that fooled is the new upper bound, one that did not the new lower. The next one is halfway between; as long as
    nothing has fooled there is no upper bound to halve from, and c grows tenfold, as in the authors' code.
    """
    high = np.where(reached, np.minimum(high, weight), high)
    low = np.where(reached, low, np.maximum(low, weight))
    return low, high, np.where(high < 1e9, (low + high) / 2, weight * 10)


def _room(origin: tf.Tensor, grey: bool) -> tuple[tf.Tensor, tf.Tensor]:
    """The least and the greatest change of each number that stays in [0, 1]; of each pixel where changes are grey."""
    if not grey:
        return -origin, 1 - origin
    return -tf.reduce_min(origin, axis=-1, keepdims=True), 1 - tf.reduce_max(origin, axis=-1, keepdims=True)


def _hidden(least: tf.Tensor, most: tf.Tensor) -> tf.Tensor:
    """The w of no change."""
    return tf.atanh((tf.math.divide_no_nan(-least, most - least) * 2 - 1) * 0.999999)


def _carlini_step(classifier: Classifier, step_size: float, targeted: bool) -> Any:
    """(w, memory, (origin, target, confidence, c), step) -> (w, memory, picture, margin, squared distance), compiled.

    What moves is w, of which tanh(w) runs through all the room that a change has: none can leave [0, 1], and no step is
    wasted on a border.
    """

    def make() -> Any:
        goal: Objective = -Margin() if targeted else Margin()
        activations = folding.forward(classifier, goal.layers, narrow=())

        @tf.function(reduce_retracing=True)
        def step(w: Any, memory: Any, told: Any, number: Any) -> Any:
            origin, target, confidence, weight = told
            least, most = _room(origin, classifier.grey)
            with tf.GradientTape() as tape:
                tape.watch(w)
                now = origin + least + (most - least) * (tf.tanh(w) + 1) / 2
                margin = goal(activations(now, target), target)
                far = tf.reduce_sum(tf.square(now - origin), AXES)
                value = -far - weight * tf.maximum(confidence - margin, 0.0)
            moved_w, memory = Adam(step_size)(w, tape.gradient(value, w), memory, number)
            return moved_w, memory, tf.clip_by_value(now, 0.0, 1.0), margin, far

        return classifier.told(goal.layers, step)

    return classifier.compiled(("carlini", step_size, targeted), make)


# --------------------------------------------------------------------------------------------------- both of them


def _pushed(
    classifier: Classifier, pictures: Pictures, origin: Pictures, targets: Targets, *, targeted: bool = False
) -> Pictures:
    """Pictures on the 8-bit grid that still fool, each pushed no further from its origin than that takes.

    Rounding may undo a change that was just enough; a little more of the same change survives it.
    """
    best = rounded(pictures, origin, norm="l2", epsilon=np.inf)
    for factor in (1.02, 1.05, 1.1, 1.2, 1.4, 1.7, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 40.0, 80.0):
        left = np.flatnonzero(margins(classifier, best, targets, targeted=targeted) <= 0)
        if not len(left):
            break
        change = np.float32(factor) * (pictures[left] - origin[left])
        further = moved(origin[left], change, grey=classifier.grey).numpy()
        best[left] = rounded(further, origin[left], norm="l2", epsilon=np.inf)
    return best
