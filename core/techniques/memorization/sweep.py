"""Figure 1 of the paper (arXiv:1611.03530): time to fit and test error against the fraction of corrupted labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from core import checks
from core.pictures.labelled import LabelledSet
from core.techniques.memorization.intervals import accuracy_interval
from core.techniques.memorization.training import EPOCHS, memorize

__all__ = ["CORRUPTIONS", "CorruptionPoint", "CorruptionSweep", "corruption_sweep"]

CORRUPTIONS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class CorruptionPoint:
    """One finished run.

    Attributes:
        corruption: with which probability each label was drawn anew.
        epochs: after how many epochs everything was fit, 0 where that did not happen; ``steps``: after how many steps
            that was so for the first time.
        test_error: at the end, 0 to 1; ``interval`` is its 95 % interval.
        seed: of the run.
    """

    corruption: float
    epochs: int
    steps: int
    test_error: float
    interval: tuple[float, float]
    seed: int


@dataclass(frozen=True)
class CorruptionSweep:
    """What has been found so far: finished ``points``, and where the present run is."""

    points: tuple[CorruptionPoint, ...]
    corruption: float
    epoch: int
    train_accuracy: float
    total: int

    @property
    def progress(self) -> float:
        """The part of the runs that has ended, with a guess at the present one, 0 to 1."""
        return min(1.0, (len(self.points) + (0.0 if len(self.points) == self.total else 0.9 * self._part)) / self.total)

    @property
    def _part(self) -> float:
        return self.train_accuracy if self.epoch else 0.0


def corruption_sweep(
    data: LabelledSet,
    *,
    corruptions: Sequence[float] = CORRUPTIONS,
    seeds: Sequence[int] = (0,),
    epochs: int = EPOCHS,
    **settings: Any,
) -> Iterator[CorruptionSweep]:
    """Train a network for each fraction of corrupted labels until it has fit them, true labels first.

    Args:
        data: pictures and labels.
        corruptions: 0 to 1, 1 to 50 of them.
        seeds: of each point, 1 to 20 of them.
        epochs, settings: as for ``memorize``.

    Yields:
        After each epoch, the points so far.

    Raises:
        ValueError: as ``memorize``, or too many or no points.
    """
    checks.whole("points", len(corruptions) * len(seeds), 1, 1000)
    runs = [(checks.number("corruption", part, 0, 1), checks.seed(seed)) for part in corruptions for seed in seeds]
    waiting = [
        memorize(data, "partly_corrupted", corruption=part, seed=seed, epochs=epochs, **settings) for part, seed in runs
    ]

    def sweep() -> Iterator[CorruptionSweep]:
        points: tuple[CorruptionPoint, ...] = ()
        for (part, seed), run in zip(runs, waiting, strict=True):
            for frame in run:
                if frame.progress == 1:
                    low, high = accuracy_interval(frame.test_accuracy, frame.test_pictures)
                    found = CorruptionPoint(
                        part, frame.fitted, frame.fitted_steps, 1 - frame.test_accuracy, (1 - high, 1 - low), seed
                    )
                    points = (*points, found)
                yield CorruptionSweep(points, part, frame.epoch, frame.train_accuracy, len(runs))

    return sweep()
