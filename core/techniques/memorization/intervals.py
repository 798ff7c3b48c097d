"""How sure an accuracy is that was found on so many pictures, and what guessing alone would reach."""

from __future__ import annotations

import math

from core import checks

__all__ = ["accuracy_interval", "chance_interval"]

SPREAD = 1.959964
"""Standard deviations on each side that hold 95 % of a normal distribution."""


def accuracy_interval(accuracy: float, count: int) -> tuple[float, float]:
    """The 95 % interval of an accuracy (0 to 1) found on ``count`` pictures (Wilson, 1927).

    Two accuracies on 450 pictures that differ by a few points are no difference that one may rely on: 9.3 % and 11 %
    have the intervals 7.0 to 12.4 % and 8.4 to 14.2 %. Raises ValueError for what is no accuracy, or no count.
    """
    checks.number("accuracy", accuracy, 0, 1)
    checks.whole("count", count, 1, 10**9)
    square = SPREAD**2 / count
    middle = (accuracy + square / 2) / (1 + square)
    reach = SPREAD / (1 + square) * math.sqrt(accuracy * (1 - accuracy) / count + square / (4 * count))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def chance_interval(classes: int, count: int) -> tuple[float, float]:
    """Between which accuracies somebody who guesses among ``classes`` stays 95 times of 100, on ``count`` pictures.

    For ten classes and 450 pictures: 10 % plus or minus 2.8. Raises ValueError for fewer than two classes.
    """
    checks.whole("classes", classes, 2, 10**6)
    checks.whole("count", count, 1, 10**9)
    chance = 1 / classes
    reach = SPREAD * math.sqrt(chance * (1 - chance) / count)
    return max(0.0, chance - reach), min(1.0, chance + reach)
