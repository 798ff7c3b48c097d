"""TCAV: whether a class depends on a concept that a person gives as pictures, tested against random directions.

A concept's direction tells its pictures from others at a layer; a class is sensitive to it where its logit rises along
the direction. The score is the part of some pictures on which it does, and the same is asked of directions between
random halves of the other pictures: a concept counts where its scores differ from theirs (Kim et al.,
arXiv:1711.11279).
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import comb

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core import checks
from core.networks.classifiers import LOGITS, Classifier
from core.networks.looking import look
from core.networks.requirements import require_finite, require_size
from core.networks.tails import Tail, require_map, tail
from core.types import Floats, Pictures

__all__ = ["Tcav", "tcav"]

LEAST_EXAMPLES, LEAST_OTHERS = 4, 12
MOST_PICTURES = 2000
BATCH, PIXELS_AT_ONCE = 64, 4 * 224 * 224
CHUNK = 0.2
HELD_OUT = 1 / 3
DOUBT = 0.05


@dataclass(frozen=True, eq=False)
class Tcav:
    """How a class depends on a concept, as far as it is known.

    Attributes:
        layer, target: where, and which class.
        scores: (runs,) the part of the pictures whose logit rises along the concept's direction, 0 to 1; each run has
            other counterexamples.
        random: (runs,) the same along directions between random halves of the others.
        accuracy: (runs,) how many of held-out pictures the direction puts on the right side, 0 to 1; at 0.5 there is no
            such direction, and the score means nothing.
        slopes: (pictures,) how fast the logit rises along the mean direction, which has length 1, on each picture.
        direction: (channels,) the mean of the concept's directions, of length 1.
        progress: the part of the work that is done, 0 to 1.
    """

    layer: str
    target: int
    scores: Floats
    random: Floats
    accuracy: Floats
    slopes: Floats
    direction: Floats
    progress: float = 0.0

    @property
    def score(self) -> float:
        """The mean score; 0.5 where nothing is known yet."""
        return float(self.scores.mean()) if len(self.scores) else 0.5

    @property
    def p_value(self) -> float:
        """How likely such scores are if the concept is a random direction: Welch's test, two-sided; 1 if too few.

        Never below what a permutation test could say of so few runs: 2 in all ways to choose half of the scores, which
        is 0.33 for two runs and 0.029 for four.
        """
        if min(len(self.scores), len(self.random)) < 2:
            return 1.0
        least = 2 / comb(len(self.scores) + len(self.random), len(self.scores))
        spread = self.scores.std() + self.random.std()
        if spread < 1e-9:  # all runs agree on both sides: the test divides by zero
            return 1.0 if abs(self.scores.mean() - self.random.mean()) < 1e-9 else least
        from scipy.stats import ttest_ind

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # where all runs of one side agree
            both = (one.astype(np.float64) for one in (self.scores, self.random))
            return max(least, float(ttest_ind(*both, equal_var=False).pvalue))

    @property
    def significant(self) -> bool:
        """Whether the concept's scores differ from those of random directions (p below 0.05)."""
        return self.p_value < DOUBT


def tcav(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    layer: str,
    target: int,
    *,
    concept: npt.ArrayLike,
    others: npt.ArrayLike,
    runs: int = 20,
    seed: int = 0,
) -> Iterator[Tcav]:
    """Whether a class depends on a concept; yields what is known about every 0.2 seconds, and at the end.

    Directions are of the channels: the same at every place of the map, learned from its mean (the paper flattens it).
    Each run tells the concept's pictures from as many of the others, by logistic regression.

    Args:
        classifier: a network with classes, or numbers.
        pictures: (N, H, W, 3) RGB in [0, 1], best of the class, on which the slope is asked.
        layer: one with height and width, on the way to the answer.
        target: the class, by its number.
        concept: (n, H, W, 3) pictures that have the concept, at least 4.
        others: (m, H, W, 3) pictures of anything, at least 12.
        runs: 2 to 500 directions of the concept, and as many random ones.
        seed: which of the others a run takes.

    Raises:
        ValueError: a layer, class, number or pictures that cannot be; or, once it was looked at, activations that are
            not finite.
    """
    require_map(classifier, layer)
    behind = tail(classifier, layer)
    label = checks.whole("a class", target, 0, len(classifier.labels) - 1)
    sets = []
    for name, given, least in (
        ("pictures", pictures, 1), ("pictures of the concept", concept, LEAST_EXAMPLES),
        ("other pictures", others, LEAST_OTHERS),
    ):  # fmt: skip
        batch = checks.pictures(given, name=name)
        if not least <= len(batch) <= MOST_PICTURES:
            raise ValueError(f"Expected {least} to {MOST_PICTURES} {name}, got {len(batch)}")
        require_size(classifier, [LOGITS], *batch.shape[1:3])
        sets.append(batch)
    count = checks.whole("runs", runs, 2, 500)
    return _asked(behind, layer, label, sets, count, checks.seed(seed))


def _asked(behind: Tail, layer: str, label: int, sets: list[Pictures], runs: int, seed: int) -> Iterator[Tcav]:
    asked, examples, others = sets
    nothing = np.zeros(0, np.float32)
    now = Tcav(layer, label, nothing, nothing, nothing, nothing, np.zeros(0, np.float32))
    work = sum(map(len, sets)) + len(asked) + runs
    slopes: list[Floats] = []
    codes: list[list[Floats]] = [[], []]
    done, since = 0, time.monotonic()
    for part in _parts(asked):
        slopes.append(_slopes(behind, part, label))
        done += 2 * len(part)
        if time.monotonic() - since > CHUNK:
            yield replace(now, progress=done / work)
            since = time.monotonic()
    for found, batch in zip(codes, (examples, others), strict=True):
        for part in _parts(batch):
            maps = np.asarray(look(behind.classifier, part, [layer])[layer], np.float32)
            require_finite(maps, layer)
            found.append(maps.mean(axis=(1, 2)))
            done += len(part)
            if time.monotonic() - since > CHUNK:
                yield replace(now, progress=done / work)
                since = time.monotonic()
    rises = np.concatenate(slopes)
    mine, theirs = (np.concatenate(found) for found in codes)
    rows = []
    for run in range(runs):
        rows.append(_run(mine, theirs, rises, np.random.default_rng((seed, run))))
        done += 1
        if time.monotonic() - since > CHUNK or run + 1 == runs:
            yield _told(now, rows, rises, done / work)
            since = time.monotonic()


def _told(now: Tcav, rows: list[tuple[float, float, float, Floats]], rises: Floats, progress: float) -> Tcav:
    scores, random, accuracy = (np.array([row[at] for row in rows], np.float32) for at in range(3))
    mean = np.mean([row[3] for row in rows], axis=0)
    mean = (mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(np.float32)
    return replace(
        now, scores=scores, random=random, accuracy=accuracy, slopes=rises @ mean, direction=mean,
        progress=min(progress, 1.0),
    )  # fmt: skip


def _parts(batch: Pictures) -> Iterator[Pictures]:
    size = max(1, min(BATCH, PIXELS_AT_ONCE // (batch.shape[1] * batch.shape[2])))
    return (batch[first : first + size] for first in range(0, len(batch), size))


def _slopes(behind: Tail, pictures: Pictures, label: int) -> Floats:
    """How fast the logit rises with each channel, summed over the places: (N, channels)."""
    begun = behind.begin(tf.constant(pictures))
    with tf.GradientTape() as tape:
        tape.watch(begun.maps)
        score = tf.reduce_sum(behind.logits(begun, begun.maps)[:, label])
    slope = tape.gradient(score, begun.maps, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return np.asarray(tf.reduce_sum(tf.cast(slope, tf.float32), axis=(1, 2)))


def _run(mine: Floats, theirs: Floats, slopes: Floats, rng: np.random.Generator) -> tuple[float, float, float, Floats]:
    """Score of the concept against some of the others, score of two halves of them, accuracy, direction."""
    count = min(len(mine), len(theirs) // 2)
    order = rng.permutation(len(theirs))
    ours = mine[rng.permutation(len(mine))]
    direction, accuracy = separating(ours[:count], theirs[order[:count]])
    control, _ = separating(theirs[order[count : 2 * count]], theirs[order[:count]])
    return _score(slopes, direction), _score(slopes, control), accuracy, direction


def _score(slopes: Floats, direction: Floats) -> float:
    return float((slopes @ direction > 0).mean())


def separating(ours: Floats, others: Floats) -> tuple[Floats, float]:
    """The direction (channels,), of length 1, from ``others`` to ``ours`` (n, channels), and its held-out accuracy."""
    held = max(1, round(HELD_OUT * len(ours)))
    vector, bias = _boundary(ours[held:], others[held:])
    right = np.concatenate([ours[:held] @ vector + bias > 0, others[:held] @ vector + bias <= 0])
    return _boundary(ours, others)[0], float(right.mean())


def _boundary(ours: Floats, others: Floats) -> tuple[Floats, float]:
    """The plane between two groups (n, channels): the direction across it, of length 1, and the offset."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    rows = np.concatenate([ours, others]).astype(np.float64)
    middle, scale = rows.mean(axis=0), max(float(rows.std()), 1e-12)
    sides = np.repeat([1, 0], [len(ours), len(others)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=0.1, max_iter=300).fit((rows - middle) / scale, sides)
    vector = model.coef_[0]
    length = max(float(np.linalg.norm(vector)), 1e-30)
    bias = float(model.intercept_[0]) * scale / length - float(vector @ middle) / length
    return (vector / length).astype(np.float32), bias
