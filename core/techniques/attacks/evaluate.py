"""How much epsilon is needed, and how the answer fades while it grows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from core import checks
from core.networks.classifiers import Classifier
from core.optimize import ascent
from core.techniques.attacks.arguments import checked
from core.techniques.attacks.catalogue import ATTACKS
from core.techniques.attacks.gradient import pgd
from core.techniques.attacks.judge import Labels, fools, logits_of
from core.techniques.attacks.norms import norm_named
from core.types import Floats

__all__ = ["epsilon_curve", "minimal_epsilon"]

LEVELS = 200
FINENESS = 1.05
"""From one level to the next, where an epsilon is not a whole number of steps."""


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
) -> Floats:
    """The smallest epsilon (N,) at which PGD still fools, found by bisection; infinite where ``most`` does not do.

    All pictures are halved together. In ``linf`` the answer is a multiple of 1/255, in other norms it is exact to 5 %.
    ``most`` is 32/255 where None, or as much as that is for every number of the picture. The rounded picture counts.
    """
    origin, targets = checked(classifier, pictures, labels)
    measure = norm_named(norm)
    usual = 32 / 255 * float(np.prod(origin.shape[1:])) ** (1 / measure.power)
    top = checks.number("most", usual if most is None else most, 1e-9, 1e9)
    whole = not np.isfinite(measure.power)
    most_level = max(1, int(top * 255 + 1e-3)) if whole else LEVELS
    low, high = np.zeros(len(origin), int), np.full(len(origin), most_level)
    settings: dict[str, Any] = {"norm": norm, "steps": steps, "targeted": targeted, "seed": seed}

    def radii(levels: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        exact = np.asarray(levels, np.float64)
        return exact / 255 if whole else np.asarray(top * FINENESS ** (exact - LEVELS))

    def tried(levels: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        sizes = radii(np.maximum(levels, 1))
        found = ascent.last(pgd(classifier, origin, targets, epsilon=sizes, **settings)).images.numpy()
        return fools(classifier, found, targets, targeted=targeted) & (levels > 0)

    already = fools(classifier, origin, targets, targeted=targeted)
    possible = tried(high)
    # all pictures run as one batch, each between bounds of its own, until the last pair of bounds are neighbours
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
    names: Sequence[str] | None = None,
    targeted: bool = False,
) -> dict[str, Floats]:
    """How sure the network stays of a label while epsilon grows: {attack: probabilities}, one for each epsilon.

    All epsilons of an attack run as one batch; what is asked is the rounded picture (1, H, W, 3). ``names`` are attacks
    that take an epsilon for each picture; all of those where None. Raises ValueError as the attacks do, and for another
    attack.
    """
    able = [name for name, one in ATTACKS.items() if one.own_epsilon]
    chosen = able if names is None else list(names)
    wrong = [name for name in chosen if name not in able]
    if wrong:
        raise ValueError(f"Expected attacks among {', '.join(able[:-1])} and {able[-1]}, got {wrong[0]!r}")
    origin, targets = checked(classifier, picture, [label])
    radii = np.asarray(epsilons, np.float32)
    copies, labels = np.repeat(origin, len(radii), axis=0), np.repeat(targets, len(radii))
    curves = {}
    for name in chosen:
        frames = ATTACKS[name].run(classifier, copies, labels, epsilon=radii, norm=norm, targeted=targeted)
        logits = logits_of(classifier, ascent.last(frames).images.numpy())
        curves[name] = classifier.probabilities(logits)[:, int(label)]
    return curves
