"""Adversarial examples: small changes of a picture that change a network's answer.

Every attack works on logits, takes pictures (N, H, W, 3) in [0, 1] and one label for each, and yields ``Frame``s. FGSM,
BIM, PGD and MI-FGSM are starts and updates around ``ascend``; a norm is a row of ``NORMS``. DeepFool, Carlini & Wagner,
few-pixel and Square attacks have loops of their own around the same compiled gradient or the logits alone.

A picture that is saved has 8 bits a channel. So, unless told otherwise, the last frame of an attack lies on the lattice
of 1/255 *and* inside the ball: rounding afterwards would leave one or the other. Epsilon has the unit of the pictures:
8/255 is 8 of 255 steps in ``linf``; in ``l2`` and ``l1`` it is the length of the whole change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core.networks import folding
from core.networks.classifiers import LOGITS, Classifier
from core.networks.requirements import require_finite_weights
from core.optimize import ascent, transforms
from core.optimize.ascent import Frame, State, ascend
from core.optimize.objectives import CrossEntropy, Logit, Margin, Objective
from core.optimize.parameterizations import Pixels
from core.optimize.updates import Adam, Memory
from core.pictures import images, samples

__all__ = ["ATTACKS", "NORMS", "Attack", "attack", "bim", "carlini_wagner", "deepfool", "distance", "epsilon_curve"]
__all__ += [
    "few_pixels",
    "fgsm",
    "fools",
    "logits_of",
    "mifgsm",
    "minimal_epsilon",
    "patch",
    "pgd",
    "rounded",
    "square",
]
__all__ += ["universal"]

BATCH = 16
MAX_STEPS = 20_000
SLACK = 1e-6
LEVELS = 200

Pictures = npt.NDArray[np.float32]
Radius = float | npt.NDArray[np.floating[Any]]
Weights = npt.NDArray[np.float64]
Labels = Sequence[int] | npt.NDArray[np.integer[Any]]


# --------------------------------------------------------------------------------------------------- norms


@dataclass(frozen=True)
class Norm:
    """A way to measure a change (N, H, W, 3), as three functions.

    Attributes:
        steepest: a gradient -> the change of length 1 that raises most.
        project: a change and a radius (N, 1, 1, 1) -> the nearest change that is no longer than it.
        length: a change -> (N,).
    """

    steepest: Callable[[tf.Tensor], tf.Tensor]
    project: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    length: Callable[[tf.Tensor], tf.Tensor]


_PICTURE = (1, 2, 3)


def _unit(change: tf.Tensor) -> tf.Tensor:
    return tf.math.divide_no_nan(change, tf.sqrt(tf.reduce_sum(tf.square(change), _PICTURE, keepdims=True)))


def _within_l2(change: tf.Tensor, radius: tf.Tensor) -> tf.Tensor:
    length = tf.sqrt(tf.reduce_sum(tf.square(change), _PICTURE, keepdims=True))
    return change * tf.minimum(1.0, tf.math.divide_no_nan(radius, length))


def _largest_percent(gradient: tf.Tensor) -> tf.Tensor:
    """The signs of the largest hundredth of the entries (Tramer and Boneh, arXiv:1904.13000, q = 99 %)."""
    flat = tf.reshape(tf.abs(gradient), (tf.shape(gradient)[0], -1))
    count = tf.maximum(1, tf.shape(flat)[1] // 100)
    least = tf.math.top_k(flat, count).values[:, -1][:, None, None, None]
    chosen = tf.where(tf.abs(gradient) >= least, tf.sign(gradient), 0.0)
    return tf.math.divide_no_nan(chosen, tf.reduce_sum(tf.abs(chosen), _PICTURE, keepdims=True))


def _within_l1(change: tf.Tensor, radius: tf.Tensor) -> tf.Tensor:
    """Duchi et al. 2008, "Efficient projections onto the l1-ball": every entry shrinks by one amount, down to zero."""
    flat = tf.reshape(tf.abs(change), (tf.shape(change)[0], -1))
    ordered = tf.sort(flat, axis=1, direction="DESCENDING")
    excess = tf.cumsum(ordered, axis=1) - tf.reshape(radius, (-1, 1))
    ranks = tf.cast(tf.range(1, tf.shape(flat)[1] + 1), tf.float32)
    count = tf.reduce_sum(tf.cast(ordered * ranks > excess, tf.int32), axis=1, keepdims=True)
    place = tf.maximum(count - 1, 0)
    shrink = tf.gather(excess, place, axis=1, batch_dims=1) / tf.cast(place + 1, tf.float32)
    shrink = tf.reshape(tf.maximum(shrink, 0.0), (-1, 1, 1, 1))
    return tf.sign(change) * tf.maximum(tf.abs(change) - shrink, 0.0)


NORMS: Mapping[str, Norm] = MappingProxyType(
    {
        "linf": Norm(
            tf.sign,
            lambda change, radius: tf.clip_by_value(change, -radius, radius),
            lambda change: tf.reduce_max(tf.abs(change), _PICTURE),
        ),
        "l2": Norm(_unit, _within_l2, lambda change: tf.sqrt(tf.reduce_sum(tf.square(change), _PICTURE))),
        "l1": Norm(_largest_percent, _within_l1, lambda change: tf.reduce_sum(tf.abs(change), _PICTURE)),
    }
)


def distance(pictures: npt.ArrayLike, origin: npt.ArrayLike, norm: str) -> npt.NDArray[np.float32]:
    """How far pictures (N, H, W, 3) are from their origins: (N,). ``norm``: linf, l2, l1, or l0 (changed pixels)."""
    change = np.asarray(pictures, np.float32) - np.asarray(origin, np.float32)
    if norm == "l0":
        pixels: npt.NDArray[np.float32] = (np.abs(change) > SLACK).any(axis=-1).sum(axis=(1, 2)).astype(np.float32)
        return pixels
    length: npt.NDArray[np.float32] = _norm(norm).length(tf.constant(change)).numpy()
    return length


# ------------------------------------------------------------------------------------------------- updates


@dataclass(frozen=True)
class Within:
    """A step along the steepest direction of a norm, then back into the ball around the origin.

    It remembers the origin (N, H, W, 3), the ball's radius and the step's length, both (N, 1, 1, 1): tensors, so that
    other values cost no compilation, and each picture may have its own.

    Attributes:
        norm: a name of ``NORMS``.
        momentum: how much of the earlier directions stays (Dong et al., arXiv:1710.06081), or None for no momentum.
        together: all pictures get the same change, along the mean of their gradients.
    """

    norm: str = "linf"
    momentum: float | None = None
    together: bool = False

    def start(self, parameters: tf.Tensor) -> Memory:
        """There is no usual origin."""
        raise ValueError("Expected origin, radius and rate as memory, got none")

    def __call__(
        self, parameters: tf.Tensor, gradient: tf.Tensor, memory: Memory, step: tf.Tensor
    ) -> tuple[tf.Tensor, Memory]:
        """One step."""
        origin, radius, rate, kept = memory
        if self.together:
            gradient = tf.reduce_mean(gradient, axis=0, keepdims=True)
        if self.momentum is not None:
            size = tf.reduce_mean(tf.abs(gradient), _PICTURE, keepdims=True)
            gradient = kept = self.momentum * kept + tf.math.divide_no_nan(gradient, size)
        norm = NORMS[self.norm]
        before = kept if self.together else parameters - origin
        change = norm.project(before + rate * norm.steepest(gradient), radius)
        return origin + change, (origin, radius, rate, change if self.together else kept)


# ------------------------------------------------------------------------------------- attacks with gradients


def fgsm(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    labels: Labels,
    *,
    epsilon: Radius = 8 / 255,
    norm: str = "linf",
    targeted: bool = False,
    lattice: bool = True,
) -> Iterator[Frame]:
    """One step as long as the ball is wide, up the loss (Goodfellow et al., arXiv:1412.6572).

    Args:
        classifier, pictures: the network; (N, H, W, 3) RGB in [0, 1], of a size at which it runs.
        labels: (N,) the classes to lead away from; with ``targeted``, those to lead to.
        epsilon: above 0: how far a picture may be moved, one for all pictures or one for each (N,). More fools more,
            and is seen more.
        norm: how that is measured, a name of ``NORMS``.
        targeted: whether labels are goals.
        lattice: end on multiples of 1/255 inside the ball, where pictures come from 8 bits.

    Raises:
        ValueError: a label, picture, norm or epsilon that cannot be, a network without classes, or NaN weights.
    """
    return pgd(
        classifier, pictures, labels, epsilon=epsilon, norm=norm, steps=1, rate=epsilon, random_start=False,
        targeted=targeted, lattice=lattice,
    )  # fmt: skip


def bim(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    labels: Labels,
    *,
    epsilon: Radius = 8 / 255,
    norm: str = "linf",
    targeted: bool = False,
    lattice: bool = True,
) -> Iterator[Frame]:
    """Small steps from the picture itself (Kurakin et al., arXiv:1607.02533): 1/255 each, min(e + 4, 1.25 e) of them.

    e is epsilon * 255, and at least one step is made; in another norm than ``linf`` the ball takes ten steps to cross.
    Arguments and errors are those of ``fgsm``.
    """
    radius = _epsilon(epsilon)
    levels = 255 * float(radius.max())
    steps, rate = min(MAX_STEPS, max(1, int(min(levels + 4, 1.25 * levels)))), np.minimum(radius, 1 / 255)
    if norm != "linf":
        steps, rate = 20, radius / 10
    return pgd(
        classifier, pictures, labels, epsilon=epsilon, norm=norm, steps=steps, rate=rate,
        random_start=False, targeted=targeted, lattice=lattice,
    )  # fmt: skip


def pgd(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    labels: Labels,
    *,
    epsilon: Radius = 8 / 255,
    norm: str = "linf",
    steps: int = 40,
    rate: Radius | None = None,
    random_start: bool = True,
    targeted: bool = False,
    lattice: bool = True,
    seed: int = 0,
) -> Iterator[Frame]:
    """Projected gradient descent from a random point of the ball (Madry et al., arXiv:1706.06083).

    Arguments and errors are those of ``fgsm``, and:

    Args:
        steps: 1 to 20,000.
        rate: length of a step; a thirtieth of epsilon where None (Foolbox 3.3.4: 0.01 / 0.3).
        random_start: begin at a random point of the ball, else at the picture.
        seed: of the random point.
    """
    _whole("seed", seed, 0, 2**31 - 1)
    return _iterate(
        classifier, pictures, labels, Within(norm), epsilon=epsilon, steps=steps, rate=rate, lattice=lattice,
        targeted=targeted, seed=seed if random_start else None,
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
    lattice: bool = True,
) -> Iterator[Frame]:
    """Iterated FGSM with momentum, for pictures that fool other networks too (Dong et al., arXiv:1710.06081).

    Ten steps of epsilon / 10, each gradient divided by its mean absolute value and added to what is kept of the earlier
    ones. Arguments and errors are those of ``pgd``; ``momentum`` is 0 to 1.
    """
    _number("momentum", momentum, 0, 1)
    _whole("steps", steps, 1, MAX_STEPS)
    return _iterate(
        classifier, pictures, labels, Within(norm, momentum=float(momentum)), epsilon=epsilon, steps=steps,
        rate=_epsilon(epsilon) / max(steps, 1), lattice=lattice, targeted=targeted, seed=None,
    )  # fmt: skip


def universal(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    labels: Labels,
    *,
    epsilon: Radius = 10 / 255,
    norm: str = "linf",
    steps: int = 60,
    rate: float | None = None,
    targeted: bool = False,
    lattice: bool = True,
) -> Iterator[Frame]:
    """One change that fools the network on many pictures at once (Moosavi-Dezfooli et al., arXiv:1610.08401).

    Epsilon is theirs; the search is PGD along the mean gradient of all pictures (Shafahi et al., arXiv:1811.11304),
    which needs no DeepFool for each. The frames hold every picture with the same change, clipped to [0, 1]. Arguments
    and errors are those of ``pgd``.
    """
    return _iterate(
        classifier, pictures, labels, Within(norm, together=True), epsilon=epsilon, steps=steps, rate=rate,
        lattice=lattice, targeted=targeted, seed=None,
    )  # fmt: skip


def _iterate(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    labels: Labels,
    update: Within,
    *,
    epsilon: Radius,
    steps: int,
    rate: Radius | None,
    targeted: bool,
    lattice: bool,
    seed: int | None,
) -> Iterator[Frame]:
    """The attacks that are an update of ``ascend``; a random start where there is a seed."""
    origin, targets = _checked(classifier, pictures, labels)
    _norm(update.norm)
    radii = np.broadcast_to(_epsilon(epsilon), (len(origin),)).astype(np.float32)
    rates = radii / 30 if rate is None else np.broadcast_to(_epsilon(rate, "rate"), radii.shape).astype(np.float32)
    origin = images.to_float(images.to_uint8(origin)) if lattice else origin
    radius, pace = (tf.constant(values.reshape(-1, 1, 1, 1)) for values in (radii, rates))
    start = origin if seed is None else np.clip(origin + _inside(origin.shape, radius, update.norm, seed), 0, 1)
    goal: Objective = CrossEntropy(scale=classifier.scale)
    frames = ascend(
        classifier,
        -goal if targeted else goal,
        start,
        targets,
        update=update,
        steps=_whole("steps", steps, 1, MAX_STEPS),
        memory=(tf.constant(origin), radius, pace, tf.zeros_like(tf.constant(origin))),
        batch=len(origin) if update.together else BATCH,
    )
    return (_settled(frame, origin, radii, update.norm, lattice) for frame in frames)


def _inside(shape: tuple[int, ...], radius: tf.Tensor, norm: str, seed: int) -> Pictures:
    """A random point of each ball: uniform in ``linf``, else in a random direction at a uniform share of the radius."""
    pair = tf.constant([seed % 2**31, 1], tf.int32)
    if norm == "linf":
        uniform: Pictures = (radius * tf.random.stateless_uniform(shape, pair, -1.0, 1.0)).numpy()
        return uniform
    normal = tf.random.stateless_normal(shape, pair)
    share = tf.random.stateless_uniform((shape[0], 1, 1, 1), pair + 1)
    length = tf.reshape(NORMS[norm].length(normal), (-1, 1, 1, 1))
    point: Pictures = (radius * share * normal / length).numpy()
    return point


def _settled(frame: Frame, origin: Pictures, radii: Pictures, norm: str, lattice: bool) -> Frame:
    """The frame with its pictures rounded: whoever stops here has pictures that keep the promise too."""
    if not lattice:
        return frame
    return replace(frame, images=tf.constant(rounded(frame.images.numpy(), origin, norm=norm, epsilon=radii)))


def rounded(pictures: npt.ArrayLike, origin: npt.ArrayLike, *, norm: str, epsilon: Radius) -> Pictures:
    """Pictures (N, H, W, 3) on the lattice of 1/255, no further than epsilon from origins that lie on it.

    Every number is rounded to the nearest step; where that leaves the ball, those that were rounded outward by most are
    taken one step back, until it does not.
    """
    _norm(norm)
    whole = np.rint(np.asarray(origin, np.float64) * 255)
    exact = (np.asarray(pictures, np.float64) * 255) - whole
    radius = np.broadcast_to(np.asarray(epsilon, np.float64) * 255, (len(whole),)) + 255 * SLACK
    change = np.stack([_back(*pair, norm) for pair in zip(exact, radius, strict=True)])
    return ((whole + change) / 255).clip(0, 1).astype(np.float32)


def _back(exact: npt.NDArray[np.float64], radius: float, norm: str) -> npt.NDArray[np.float64]:
    """One change (H, W, 3) in steps, rounded inside the ball."""
    if norm == "linf":
        return np.rint(exact).clip(-np.floor(radius), np.floor(radius))
    power = 2 if norm == "l2" else 1
    change = np.rint(exact)
    excess = (np.abs(change) ** power).sum() - radius**power
    while excess > 0 and change.any():
        size = np.abs(change)
        gain = np.where(size > 0, size**power - (size - 1) ** power, 0).ravel()
        order = np.argsort(np.where(size > 0, np.abs(exact) - size, np.inf), axis=None)
        order = order[: max(1, int(np.searchsorted(np.cumsum(gain[order]), excess)) + 1)]
        np.put(change, order, np.sign(change.ravel()[order]) * np.maximum(size.ravel()[order] - 1, 0))
        excess = (np.abs(change) ** power).sum() - radius**power
    return change


# ------------------------------------------------------------------------------ attacks that find the nearest


def deepfool(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    labels: Labels,
    *,
    norm: str = "l2",
    steps: int = 50,
    candidates: int = 10,
    overshoot: float = 0.02,
    lattice: bool = True,
) -> Iterator[Frame]:
    """To the nearest border between classes, as if the network were linear, again and again (arXiv:1511.04599).

    Args:
        classifier, pictures, labels, lattice: as for ``fgsm``. There is no target: any other class will do.
        norm: ``"l2"`` or ``"linf"``.
        steps: at most.
        candidates: 2 to 1000 classes, the likeliest ones, whose borders are looked at.
        overshoot: how far beyond the border to go, as a share of the way.

    Raises:
        ValueError: as ``fgsm``.
    """
    origin, targets = _checked(classifier, pictures, labels)
    if norm not in ("l2", "linf"):
        raise ValueError(f"Expected norm 'l2' or 'linf' for DeepFool, got {norm!r}")
    steps = _whole("steps", steps, 1, MAX_STEPS)
    _number("overshoot", overshoot, 0, 10)
    count = min(_whole("candidates", candidates, 2, 1000), len(classifier.labels))
    origin = images.to_float(images.to_uint8(origin)) if lattice else origin
    slope = ascent.gradient(classifier, Logit())
    ranks = np.argsort(-logits_of(classifier, origin), axis=1)[:, :count]
    others = np.stack([np.append(label, row[row != label][: count - 1]) for row, label in zip(ranks, targets)])  # noqa: B905

    def search() -> Iterator[Frame]:
        change = np.zeros_like(origin)
        scores: list[npt.NDArray[np.float32]] = []
        for step in range(steps):
            now = (origin + (1 + overshoot) * change).clip(0, 1)
            margin = _margins(classifier, now, targets)
            scores.append(margin)
            open_ = np.flatnonzero(margin <= 0)
            yield _own_frame(now, scores, (step + 1, steps))
            if not len(open_):
                break
            change[open_] += _to_border(slope, now[open_], others[open_], norm)
        now = (origin + (1 + overshoot) * change).clip(0, 1)
        now = _pushed(classifier, now, origin, targets) if lattice else now
        yield _own_frame(now, [*scores, _margins(classifier, now, targets)], (steps, steps))

    return search()


def _to_border(slope: Any, pictures: Pictures, classes: npt.NDArray[np.int64], norm: str) -> Pictures:
    """The smallest change that would reach a border if logits were linear; the first class of each row is left."""
    count, many = classes.shape
    slopes, values = [], []
    for first in range(0, count * many, BATCH):
        chosen = np.arange(first, min(first + BATCH, count * many))
        batch = tf.constant(pictures[chosen // many])
        one, value = slope(batch, tf.constant(classes.ravel()[chosen], tf.int32), tf.zeros((2,), tf.int32))
        slopes.append(one.numpy())
        values.append(value.numpy())
    rows = np.concatenate(slopes).reshape(count, many, *pictures.shape[1:])
    scores = np.concatenate(values).reshape(count, many)
    ways, gaps = rows[:, 1:] - rows[:, :1], np.abs(scores[:, 1:] - scores[:, :1]) + 1e-6
    power = 2 if norm == "l2" else 1
    sizes = (np.abs(ways) ** power).sum(axis=(2, 3, 4)) ** (1 / power) + 1e-12
    nearest = np.argmin(gaps / sizes, axis=1)
    way = np.take_along_axis(ways, nearest[:, None, None, None, None], axis=1)[:, 0]
    size = np.take_along_axis(sizes, nearest[:, None], axis=1).reshape(-1, 1, 1, 1)
    gap = np.take_along_axis(gaps, nearest[:, None], axis=1).reshape(-1, 1, 1, 1)
    step: Pictures = (gap / size * (way / size if norm == "l2" else np.sign(way))).astype(np.float32)
    return step


@dataclass(frozen=True)
class Tanh(Pixels):
    """Pictures as (tanh(w) + 1) / 2: no change can leave [0, 1] (Carlini and Wagner, arXiv:1608.04644)."""

    def decode(self, parameters: tf.Tensor) -> tf.Tensor:
        """In (0, 1)."""
        return (tf.tanh(parameters) + 1) / 2

    def encode(self, pictures: tf.Tensor) -> tf.Tensor:
        """Its inverse."""
        return tf.atanh((tf.convert_to_tensor(pictures, tf.float32) * 2 - 1) * 0.999999)

    def project(self, parameters: tf.Tensor) -> tf.Tensor:
        """As they are."""
        return parameters


def carlini_wagner(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    labels: Labels,
    *,
    steps: int = 10_000,
    searches: int = 9,
    rate: float = 0.01,
    confidence: float = 0.0,
    constant: float = 1e-3,
    targeted: bool = False,
    lattice: bool = True,
) -> Iterator[Frame]:
    """The smallest change in L2 that the network falls for (Carlini and Wagner, arXiv:1608.04644; code: l2_attack.py).

    It lowers |change|² + c max(0, confidence - margin) by Adam, and finds the best c by bisection.

    Args:
        classifier, pictures, labels, targeted, lattice: as for ``fgsm``.
        steps: of each search; 10,000 are the authors', a few hundred are near enough to see.
        searches: how many values of c are tried; 9 are the authors'.
        rate: of Adam.
        confidence: by how much the wrong class shall lead, in logits. More is seen more and transfers better.
        constant: the first c.

    Raises:
        ValueError: as ``fgsm``.
    """
    origin, targets = _checked(classifier, pictures, labels)
    for name, value in (("rate", rate), ("constant", constant)):
        _number(name, value, 1e-9, 1e9)
    _number("confidence", confidence, 0, 1000)
    searches = _whole("searches", searches, 1, 20)
    steps = _whole("steps", steps, 1, MAX_STEPS)
    origin = images.to_float(images.to_uint8(origin)) if lattice else origin
    step = _carlini_step(classifier, float(rate), targeted)

    def search() -> Iterator[Frame]:
        count = len(origin)
        low, high, weight = np.zeros(count), np.full(count, 1e10), np.full(count, constant)
        best, nearest = origin.copy(), np.full(count, np.inf)
        scores: list[npt.NDArray[np.float32]] = []
        for number in range(searches):
            reached = np.zeros(count, bool)
            w = Tanh().encode(origin)
            memory = Adam().start(w)
            limit = tf.constant(np.float32(confidence)), tf.constant(weight.astype(np.float32).reshape(-1, 1, 1, 1))
            last = np.inf
            for index in range(steps):
                moved, memory, now, margin, far = step(w, memory, tf.constant(origin), targets, *limit, index)
                margin, far = margin.numpy(), far.numpy()
                fooled = margin > confidence
                closer = fooled & (far < nearest)
                if closer.any():
                    best[closer], nearest[closer] = now.numpy()[closer], far[closer]
                reached |= fooled
                w = moved
                done = number * steps + index + 1
                if index % 5 == 4 or index == steps - 1:
                    scores.append(
                        _margins(classifier, best, targets, targeted) if closer.any() or not scores else scores[-1]
                    )
                    yield _own_frame(best, scores, (min(done, searches * steps - 1), searches * steps))
                cost = float((far + weight * np.maximum(confidence - margin, 0)).sum())
                if index % max(100, steps // 10) == 0:
                    if cost > 0.9999 * last:
                        break
                    last = cost
            low, high, weight = _bisected(low, high, weight, reached)
        final = _pushed(classifier, best, origin, targets, targeted) if lattice else best
        yield _own_frame(final, [*scores, _margins(classifier, final, targets, targeted)], (1, 1))

    return search()


def _bisected(
    low: Weights, high: Weights, weight: Weights, reached: npt.NDArray[np.bool_]
) -> tuple[Weights, Weights, Weights]:
    """Bounds and next value of c: halved between the bounds, ten times as much as long as there is no upper one."""
    high = np.where(reached, np.minimum(high, weight), high)
    low = np.where(reached, low, np.maximum(low, weight))
    return low, high, np.where(high < 1e9, (low + high) / 2, weight * 10)


def _carlini_step(classifier: Classifier, rate: float, targeted: bool) -> Any:
    """(w, memory, origin, target, confidence, c, step) -> (w, memory, picture, margin, squared distance), compiled."""

    def make() -> Any:
        goal: Objective = -Margin() if targeted else Margin()
        activations = folding.forward(classifier, goal.layers, narrow=())

        @tf.function(reduce_retracing=True)
        def step(w: Any, memory: Any, origin: Any, target: Any, confidence: Any, weight: Any, number: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(w)
                now = Tanh().decode(w)
                margin = goal(activations(now, target), target)
                far = tf.reduce_sum(tf.square(now - origin), _PICTURE)
                value = -far - tf.reshape(weight, (-1,)) * tf.maximum(confidence - margin, 0.0)
            moved, memory = Adam(rate)(w, tape.gradient(value, w), memory, number)
            return moved, memory, now, margin, far

        return lambda w, memory, origin, target, confidence, weight, number: step(
            w, memory, origin, tf.constant(target, tf.int32), confidence, weight, tf.constant(number)
        )

    return classifier.keep(("carlini", rate, targeted), make)


def _pushed(
    classifier: Classifier, pictures: Pictures, origin: Pictures, targets: npt.NDArray[np.int32], targeted: bool = False
) -> Pictures:
    """Pictures on the lattice that still fool, each pushed no further from its origin than that takes."""
    best = rounded(pictures, origin, norm="l2", epsilon=1e9)
    for factor in (1.02, 1.05, 1.1, 1.2, 1.4, 1.7, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 40.0, 80.0):
        left = np.flatnonzero(_margins(classifier, best, targets, targeted) <= 0)
        if not len(left):
            break
        further = (origin[left] + factor * (pictures[left] - origin[left])).clip(0, 1)
        best[left] = rounded(further, origin[left], norm="l2", epsilon=1e9)
    return best


# ------------------------------------------------------------------------------- attacks without gradients


def few_pixels(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    labels: Labels,
    *,
    pixels: int = 1,
    population: int = 400,
    steps: int = 75,
    targeted: bool = False,
    seed: int = 0,
) -> Iterator[Frame]:
    """Change one pixel, or a few, found by differential evolution (Su et al., arXiv:1710.08864).

    Population, steps and full recombination follow Hyperparticle/one-pixel-attack-keras. Always on the lattice.

    Args:
        classifier, pictures, labels, targeted: as for ``fgsm``; one picture after the other.
        pixels: 1 to 100; 1, 3 and 5 are the authors'.
        population: 8 to 2000 candidates in each generation.
        steps: generations, at most.
        seed: of the evolution.

    Raises:
        ValueError: as ``fgsm``.
    """
    origin, targets = _checked(classifier, pictures, labels)
    _whole("pixels", pixels, 1, 100)
    _whole("population", population, 8, 2000)
    _whole("seed", seed, 0, 2**31 - 1)
    _whole("steps", steps, 1, MAX_STEPS)
    origin = images.to_float(images.to_uint8(origin))

    def search() -> Iterator[Frame]:
        found, scores = origin.copy(), [_margins(classifier, origin, targets, targeted)]
        for index in range(len(origin)):
            for step, (best, margin) in enumerate(_evolve(classifier, origin[index], targets[index], seed + index)):
                found[index] = best
                scores.append(np.where(np.arange(len(origin)) == index, margin, scores[-1]))
                done = index * (steps + 1) + step + 1
                yield _own_frame(found, scores, (done, len(origin) * (steps + 1)))
        yield _own_frame(found, scores, (1, 1))

    def _evolve(net: Classifier, picture: Pictures, label: int, start: int) -> Iterator[tuple[Pictures, float]]:
        rng = np.random.default_rng(start)
        sides = np.array([*picture.shape[:2], 255, 255, 255], np.float32)
        genes = np.concatenate([rng.random((population, pixels, 2)), rng.normal(0.5, 0.5, (population, pixels, 3))], 2)
        genes = genes.clip(0, 1).astype(np.float32)
        fitness = _pixel_margins(net, picture, genes * sides, label, targeted)
        for step in range(steps + 1):
            best = int(np.argmax(fitness))
            yield _with_pixels(picture, genes[best : best + 1] * sides)[0], float(fitness[best])
            if fitness[best] > 0 or step == steps:
                return
            first, second, third = (genes[rng.permutation(population)] for _ in range(3))
            children = (first + 0.5 * (second - third)).clip(0, 1)
            grown = _pixel_margins(net, picture, children * sides, label, targeted)
            better = grown > fitness
            genes, fitness = np.where(better[:, None, None], children, genes), np.where(better, grown, fitness)

    return search()


def _with_pixels(picture: Pictures, genes: npt.NDArray[np.float32]) -> Pictures:
    """Copies of a picture (H, W, 3), one for each row of genes (n, pixels, (row, column, r, g, b))."""
    copies = np.repeat(picture[None], len(genes), axis=0)
    rows = np.minimum(genes[..., 0].astype(int), picture.shape[0] - 1)
    columns = np.minimum(genes[..., 1].astype(int), picture.shape[1] - 1)
    copies[np.arange(len(genes))[:, None], rows, columns] = np.rint(genes[..., 2:]) / 255
    return copies


def _pixel_margins(
    classifier: Classifier, picture: Pictures, genes: npt.NDArray[np.float32], label: int, targeted: bool
) -> npt.NDArray[np.float32]:
    parts = [genes[first : first + 100] for first in range(0, len(genes), 100)]
    margins = [_margins(classifier, _with_pixels(picture, part), np.full(len(part), label), targeted) for part in parts]
    return np.concatenate(margins)


def square(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    labels: Labels,
    *,
    epsilon: float = 8 / 255,
    steps: int = 1000,
    share: float = 0.3,
    targeted: bool = False,
    seed: int = 0,
) -> Iterator[Frame]:
    """Try squares of +- epsilon at random, and keep what helps: no gradient, only answers (arXiv:1912.00049).

    In ``linf``: vertical stripes first, then squares that shrink as in the authors' schedule.

    Args:
        classifier, pictures, labels, epsilon, targeted: as for ``fgsm``. The result is on the lattice.
        steps: 1 to 20,000 questions to the network for each picture.
        share: of the picture that the first squares cover; 0.05 (ImageNet) to 0.8 (ART), above 0, at most 1.
        seed: of all probabilities.

    Raises:
        ValueError: as ``fgsm``.
    """
    origin, targets = _checked(classifier, pictures, labels)
    radius = _number("epsilon", epsilon, 1e-9, 1)
    _whole("steps", steps, 1, MAX_STEPS)
    _whole("seed", seed, 0, 2**31 - 1)
    _number("share", share, 1e-6, 1)
    origin = images.to_float(images.to_uint8(origin))
    radius = np.floor(radius * 255 + 255 * SLACK) / 255

    def search() -> Iterator[Frame]:
        rng = np.random.default_rng(seed)
        count, height, width, _ = origin.shape
        stripes = rng.choice([-radius, radius], (count, 1, width, 3))
        best = (origin + stripes).clip(0, 1).astype(np.float32)
        margin = _margins(classifier, best, targets, targeted)
        scores = [margin]
        for step in range(steps):
            left = np.flatnonzero(margin <= 0)
            if not len(left):
                break
            side = max(1, round(np.sqrt(share * _shrinking(step / steps) * height * width)))
            side = min(side, height, width)
            tried = best[left].copy()
            for place, index in enumerate(left):
                top, right = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
                region = np.s_[top : top + side, right : right + side]
                tried[place][region] = origin[index][region] + rng.choice([-radius, radius], (1, 1, 3))
            tried = tried.clip(0, 1)
            now = _margins(classifier, tried, targets[left], targeted)
            better = now > margin[left]
            best[left[better]] = tried[better]
            margin = margin.copy()
            margin[left[better]] = now[better]
            scores.append(margin)
            if step % 10 == 9:
                yield _own_frame(best, scores, (step + 1, steps + 1))
        yield _own_frame(images.to_float(images.to_uint8(best)), scores, (1, 1))

    return search()


def _shrinking(done: float) -> float:
    """How much of the first share is left: halved at the authors' times, for a run of any length."""
    times = np.array([10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000]) / 10_000
    return float(0.5 ** np.count_nonzero(done > times))


# --------------------------------------------------------------------------------------------------- a patch


@dataclass(frozen=True, eq=False)
class Paste:
    """A round patch as large as the shorter side, turned, scaled and put somewhere, another way at every step.

    Attributes:
        backgrounds: (N, H, W, 3), one for each patch.
        scales: least and greatest diameter, as a share of the shorter side.
        turn: degrees, at most.
    """

    backgrounds: Pictures
    scales: tuple[float, float] = (0.3, 0.6)
    turn: float = 22.5

    def __call__(self, patches: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """(N, H, W, 3) pictures with the patches (N, h, h, 3)."""
        draw = tf.random.stateless_uniform((4,), seed)
        height, width = self.backgrounds.shape[1:3]
        scale = self.scales[0] + (self.scales[1] - self.scales[0]) * draw[0]
        side = tf.cast(scale * min(height, width), tf.int32)
        angle = (2 * draw[1] - 1) * np.float32(np.deg2rad(self.turn))
        count = tf.shape(patches)[0]
        round_ = tf.tile(_disc(min(height, width))[None], (count, 1, 1, 1))
        turned = transforms.rotate(patches, angle) * round_
        top = tf.cast(draw[2] * tf.cast(height - side, tf.float32), tf.int32)
        left = tf.cast(draw[3] * tf.cast(width - side, tf.float32), tf.int32)
        frame = [[0, 0], [top, height - side - top], [left, width - side - left], [0, 0]]
        put, hidden = (tf.pad(tf.image.resize(one, (side, side)), frame) for one in (turned, round_))
        return tf.constant(self.backgrounds)[:count] * (1 - hidden) + put


def _disc(side: int) -> tf.Tensor:
    """(side, side, 1): 1 inside the circle that touches the sides, 0 outside."""
    line = (np.arange(side) + 0.5) / side * 2 - 1
    return tf.constant((line[:, None] ** 2 + line**2 <= 1).astype(np.float32)[..., None])


@dataclass(frozen=True)
class Alike:
    """Adam on the mean gradient: all patches stay the same one."""

    rate: float = 5 / 255

    def start(self, parameters: tf.Tensor) -> Memory:
        """As Adam's."""
        return Adam().start(parameters)

    def __call__(
        self, parameters: tf.Tensor, gradient: tf.Tensor, memory: Memory, step: tf.Tensor
    ) -> tuple[tf.Tensor, Memory]:
        """One step."""
        mean = tf.reduce_mean(gradient, axis=0, keepdims=True) + tf.zeros_like(gradient)
        return Adam(self.rate)(parameters, mean, memory, step)


def patch(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    labels: Labels,
    *,
    steps: int = 500,
    rate: float = 5 / 255,
    scales: tuple[float, float] = (0.3, 0.6),
    turn: float = 22.5,
    seed: int = 0,
) -> Iterator[Frame]:
    """A sticker that says what the network shall see, wherever it lies (Brown et al., arXiv:1712.09665).

    Rotate, rate and steps are ART's. The frames hold the pictures with the patch on them, in one place each; the patch
    itself is ``frame.state.parameters[0][0]``, (h, h, 3).

    Args:
        classifier, pictures: as for ``fgsm``; the patch learns on all of these pictures.
        labels: (N,) the class that the patch shall mean, the same for all.
        steps, rate: of Adam.
        scales: least and greatest diameter, as a share of the shorter side, 0.1 to 1.
        turn: degrees, at most, 0 to 180.
        seed: of the start and of all places.

    Raises:
        ValueError: as ``fgsm``.
    """
    origin, targets = _checked(classifier, pictures, labels)
    if len(scales) != 2 or not 0.1 <= scales[0] <= scales[1] <= 1:
        raise ValueError(f"Expected scales from 0.1 to 1, got {scales!r}")
    _number("turn", turn, 0, 180)
    _number("rate", rate, 1e-9, 1)
    _whole("seed", seed, 0, 2**31 - 1)
    steps = _whole("steps", steps, 1, MAX_STEPS)
    side = min(origin.shape[1:3])
    start = Pixels(spread=0.2).start(1, side, side, seed)
    paste = Paste(origin, (float(scales[0]), float(scales[1])), float(turn))
    frames = ascend(
        classifier, -CrossEntropy(scale=classifier.scale), tf.tile(start, (len(origin), 1, 1, 1)), targets,
        update=Alike(float(rate)), steps=steps, transform=paste, seed=seed, batch=len(origin),
    )  # fmt: skip
    where = tf.constant([seed % 2**31, 7], tf.int32)

    def stuck(frame: Frame) -> Frame:
        pictures = paste(frame.state.parameters[0], where).numpy().clip(0, 1)
        return replace(frame, images=tf.constant(images.to_float(images.to_uint8(pictures))))

    return (stuck(frame) for frame in frames)


# ------------------------------------------------------------------------------------------------ questions


def logits_of(classifier: Classifier, pictures: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """The logits (N, classes) of pictures (N, H, W, 3), a batch at a time."""
    tap = classifier.tap([LOGITS])
    array = np.asarray(pictures, np.float32)
    parts = [tap(tf.constant(array[first : first + 100]))[LOGITS].numpy() for first in range(0, len(array), 100)]
    return np.concatenate(parts)


def fools(
    classifier: Classifier, pictures: npt.ArrayLike, labels: Labels, *, targeted: bool = False
) -> npt.NDArray[np.bool_]:
    """Whether each picture gets another answer than its label; with ``targeted``, just that answer."""
    answers = logits_of(classifier, pictures).argmax(axis=1)
    same: npt.NDArray[np.bool_] = answers == np.asarray(labels)
    return same if targeted else ~same


def minimal_epsilon(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    labels: Labels,
    *,
    norm: str = "linf",
    steps: int = 40,
    most: float | None = None,
    targeted: bool = False,
    seed: int = 0,
) -> npt.NDArray[np.float32]:
    """The smallest epsilon (N,) at which PGD still fools, found by bisection; infinite where ``most`` does not do.

    All pictures are halved together. In ``linf`` the answer is a multiple of 1/255, in other norms it is exact to 5 %.
    ``most`` is 32/255 where None, or as much as that is for every number of the picture. The rounded picture counts.
    """
    origin, targets = _checked(classifier, pictures, labels)
    size = float(np.prod(origin.shape[1:]))
    _norm(norm)
    usual = 32 / 255 * {"linf": 1.0, "l2": size**0.5, "l1": size}[norm]
    top = _number("most", usual if most is None else most, 1e-9, 1e9)
    most_level = max(1, int(top * 255 + 255 * SLACK)) if norm == "linf" else LEVELS
    low, high = np.zeros(len(origin), int), np.full(len(origin), most_level)

    def radii(levels: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        exact = np.asarray(levels, np.float64)
        return exact / 255 if norm == "linf" else np.asarray(top * 1.05 ** (exact - LEVELS))

    def tried(levels: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        settings: dict[str, Any] = {"norm": norm, "steps": steps, "targeted": targeted, "seed": seed}
        sizes = radii(np.maximum(levels, 1))
        found = ascent.last(pgd(classifier, origin, targets, epsilon=sizes, **settings)).images.numpy()
        return fools(classifier, found, targets, targeted=targeted) & (levels > 0)

    already = fools(classifier, images.to_float(images.to_uint8(origin)), targets, targeted=targeted)
    possible = tried(high)
    while (high - low > 1).any():
        middle = (low + high) // 2
        works = tried(middle)
        high, low = np.where(works, middle, high), np.where(works, low, middle)
    answer = np.where(possible, radii(high), np.inf)
    return np.where(already, 0.0, answer).astype(np.float32)


def epsilon_curve(
    classifier: Classifier,
    picture: npt.ArrayLike,
    label: int,
    epsilons: Sequence[float],
    *,
    norm: str = "linf",
    names: Sequence[str] = ("fgsm", "bim", "pgd", "mifgsm"),
    targeted: bool = False,
) -> dict[str, npt.NDArray[np.float32]]:
    """How sure the network stays of a label while epsilon grows: {attack: probabilities}, one for each epsilon.

    All epsilons of an attack run as one batch; what is asked is the rounded picture (1, H, W, 3). Raises ValueError as
    the attacks do, and for an attack without an epsilon for each picture.
    """
    wrong = [name for name in names if name not in ("fgsm", "bim", "pgd", "mifgsm")]
    if wrong:
        raise ValueError(f"Expected attacks among fgsm, bim, pgd and mifgsm, got {wrong[0]!r}")
    origin, targets = _checked(classifier, picture, [label])
    radii = np.asarray(epsilons, np.float32)
    copies, labels = np.repeat(origin, len(radii), axis=0), np.repeat(targets, len(radii))
    curves = {}
    for name in names:
        frames = ATTACKS[name].run(classifier, copies, labels, epsilon=radii, norm=norm, targeted=targeted)
        logits = logits_of(classifier, ascent.last(frames).images.numpy())
        curves[name] = classifier.probabilities(logits)[:, int(label)]
    return curves


# --------------------------------------------------------------------------------------------- the catalogue


@dataclass(frozen=True)
class Attack:
    """An attack as the page offers it.

    Attributes:
        title: its name.
        says: two sentences, with the paper.
        norms: in which an epsilon can be asked for; empty where there is none.
        targeted: whether it can be led to a chosen class; None where it must be.
        run: the function.
        quick: settings that make it answer within seconds, where the published ones do not.
        many: whether it works on many pictures at once, and needs them.
    """

    title: str
    says: str
    run: Callable[..., Iterator[Frame]]
    norms: tuple[str, ...] = ()
    targeted: bool | None = True
    quick: Mapping[str, Any] = field(default_factory=dict)
    many: bool = False


ATTACKS: Mapping[str, Attack] = MappingProxyType(
    {
        "fgsm": Attack(
            "FGSM",
            "One step: every pixel moves by epsilon in the direction that raises the loss. The first fast attack, and "
            "a sign that networks are too linear ([Goodfellow et al., 2014](https://arxiv.org/abs/1412.6572)).",
            fgsm, ("linf", "l2", "l1"),
        ),
        "bim": Attack(
            "BIM",
            "FGSM in many steps of 1/255, never further than epsilon from the picture. Its authors printed the result, "
            "photographed it, and it still fooled ([Kurakin et al., 2016](https://arxiv.org/abs/1607.02533)).",
            bim, ("linf", "l2", "l1"),
        ),
        "pgd": Attack(
            "PGD",
            "Like BIM, but from a random point of the ball. The standard test of robustness: networks that are trained "
            "against it are hard to fool by any other ([Madry et al., 2017](https://arxiv.org/abs/1706.06083)).",
            pgd, ("linf", "l2", "l1"),
        ),
        "mifgsm": Attack(
            "MI-FGSM",
            "Steps that keep their momentum, so that they do not get stuck in what one network alone falls for. Its "
            "pictures fool other networks more often ([Dong et al., 2017](https://arxiv.org/abs/1710.06081)).",
            mifgsm, ("linf", "l2", "l1"),
        ),
        "deepfool": Attack(
            "DeepFool",
            "Goes straight to the nearest border between two classes, as if the network were linear, and again from "
            "there. It measures how near that border is "
            "([Moosavi-Dezfooli et al., 2015](https://arxiv.org/abs/1511.04599)).",
            deepfool, targeted=False,
        ),
        "carlini_wagner": Attack(
            "Carlini & Wagner",
            "Looks for the smallest change at all that fools, weighing size against success. It broke the defences of "
            "its time ([Carlini & Wagner, 2016](https://arxiv.org/abs/1608.04644)); here in fewer steps than theirs.",
            carlini_wagner, quick={"steps": 150, "searches": 4, "constant": 1.0, "rate": 0.002},
        ),
        "few_pixels": Attack(
            "Few pixels",
            "Changes a few pixels and leaves all others as they are. It asks the network only for answers, and lets "
            "candidates evolve ([Su et al., 2017](https://arxiv.org/abs/1710.08864)).",
            few_pixels, quick={"population": 200, "steps": 40},
        ),
        "square": Attack(
            "Square",
            "Puts squares of plus or minus epsilon at random places and keeps what helps. It never sees a gradient, so "
            "hiding gradients is no defence ([Andriushchenko et al., 2019](https://arxiv.org/abs/1912.00049)).",
            square, ("linf",),
        ),
        "universal": Attack(
            "Universal",
            "One change for all pictures: here it is learned on the samples and on yours. That it exists says that "
            "weaknesses belong to the network, not to a picture "
            "([Moosavi-Dezfooli et al., 2016](https://arxiv.org/abs/1610.08401)).",
            universal, ("linf", "l2"), many=True,
        ),
        "patch": Attack(
            "Patch",
            "A sticker that means one class wherever it lies: it does not hide, it shouts. It is learned on all "
            "samples, turned, scaled and moved ([Brown et al., 2017](https://arxiv.org/abs/1712.09665)).",
            patch, targeted=None, quick={"steps": 150}, many=True,
        ),
    }
)  # fmt: skip


def attack(
    classifier: Classifier, name: str, pictures: npt.ArrayLike, labels: Labels, **settings: Any
) -> Iterator[Frame]:
    """Any attack of ``ATTACKS`` by name, with its quick settings where ``settings`` say nothing else.

    An attack that learns on many pictures gets the samples beside the first one given: frames then hold that one first.
    Raises ValueError as the attack itself does.
    """
    if name not in ATTACKS:
        raise ValueError(f"There is no attack {name!r}; there is {', '.join(ATTACKS)}")
    chosen = ATTACKS[name]
    settings = {**chosen.quick, **settings}
    if not chosen.many:
        return chosen.run(classifier, pictures, labels, **settings)
    origin, targets = _checked(classifier, pictures, labels)
    height, width = origin.shape[1:3]
    photos = [images.fit(samples.load(sample), height=height, width=width) for sample in samples.names()]
    everything = np.concatenate([origin, *photos])
    own = logits_of(classifier, np.concatenate(photos)).argmax(axis=1)
    goals = np.full(len(own), targets[0]) if name == "patch" or settings.get("targeted") else own
    return chosen.run(classifier, everything, np.concatenate([targets, goals]), **settings)


# ---------------------------------------------------------------------------------------------- the checks


def _checked(classifier: Classifier, pictures: npt.ArrayLike, labels: Labels) -> tuple[Pictures, npt.NDArray[np.int32]]:
    """Pictures and labels as arrays. Raises ValueError with one sentence."""
    array = np.array(pictures, np.float32)
    if array.ndim != 4 or array.shape[-1] != 3 or not len(array):
        raise ValueError(f"Expected pictures (N, H, W, 3), got shape {array.shape}")
    if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
        raise ValueError("Expected pictures of finite values from 0 to 1, got others")
    if len(classifier.labels) < 2:
        raise ValueError(f"Expected a network with classes, got {classifier.name}, which has none to choose between")
    if not classifier.runs_at([LOGITS], *array.shape[1:3]):
        own, got = ("{} x {}".format(*size) for size in (classifier.size, array.shape[1:3]))
        raise ValueError(f"Expected pictures of {own}, the only size at which {classifier.name} answers, got {got}")
    targets = np.asarray(labels)
    if targets.shape != (len(array),) or targets.dtype.kind not in "iu":
        raise ValueError(f"Expected {len(array)} labels, got {labels!r}")
    outside = [int(label) for label in targets if not 0 <= label < len(classifier.labels)]
    if outside:
        raise ValueError(f"Expected labels from 0 to {len(classifier.labels) - 1}, got {outside[0]}")
    require_finite_weights(classifier, [LOGITS])
    try:
        classifier.tap([LOGITS])(tf.constant(array[:1]))
    except tf.errors.OpError as error:
        size = "{} x {}".format(*array.shape[1:3])
        raise ValueError(f"Expected pictures large enough for {classifier.name}, got {size}") from error
    return array, targets.astype(np.int32)


def _norm(norm: str) -> Norm:
    if not isinstance(norm, str) or norm not in NORMS:
        raise ValueError(f"There is no norm {norm!r}; there is {', '.join(NORMS)}")
    return NORMS[norm]


def _epsilon(epsilon: Any, name: str = "epsilon") -> npt.NDArray[np.float32]:
    numbers = np.asarray(epsilon).dtype.kind in "iuf"
    values = np.asarray(epsilon if numbers else np.nan, np.float32)
    if not (np.isfinite(values).all() and (values > 0).all()):
        raise ValueError(f"Expected {name} above 0, got {epsilon!r}")
    return values


def _number(name: str, value: float, least: float, most: float) -> float:
    if not isinstance(value, (int, float, np.number)) or not least <= value <= most:
        raise ValueError(f"Expected {name} from {least:g} to {most:g}, got {value!r}")
    return float(value)


def _whole(name: str, value: int, least: int, most: int) -> int:
    if not isinstance(value, (int, np.integer)) or not least <= value <= most:
        raise ValueError(f"Expected {name} from {least} to {most}, got {value!r}")
    return int(value)


def _margins(
    classifier: Classifier, pictures: Pictures, labels: npt.ArrayLike, targeted: bool = False
) -> npt.NDArray[np.float32]:
    """By how much the best other class leads (N,); with ``targeted``, by how much the label does. Above 0 it fools."""
    logits, rows = logits_of(classifier, pictures), np.arange(len(pictures))
    own = logits[rows, np.asarray(labels)].copy()
    logits[rows, np.asarray(labels)] = -np.inf
    margin: npt.NDArray[np.float32] = logits.max(axis=1) - own
    return -margin if targeted else margin


def _own_frame(pictures: Pictures, scores: Sequence[npt.NDArray[np.float32]], at: tuple[int, int]) -> Frame:
    """A frame of an attack that has a loop of its own; its score is the margin."""
    curve = np.stack(scores)
    return Frame(at[0], at[1], tf.constant(pictures), tf.constant(curve[-1]), tf.constant(curve), State((), ()))
