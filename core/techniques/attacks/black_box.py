"""Attacks that never see a gradient, only answers: few pixels, and Square."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core import checks
from core.networks.classifiers import Classifier
from core.optimize.ascent import Frame
from core.techniques.attacks.arguments import MOST_STEPS, checked
from core.techniques.attacks.judge import Labels, margin_frame, margins
from core.techniques.attacks.norms import moved
from core.techniques.attacks.rounding import rounded
from core.types import Floats, Pictures

__all__ = ["few_pixels", "square"]

AT_ONCE = 100


# -------------------------------------------------------------------------------------------------- few pixels


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

    Population, steps and full recombination follow Hyperparticle/one-pixel-attack-keras. The new pixels lie on the
    8-bit grid; all others stay as they are.

    Args:
        classifier, pictures, labels, targeted: as for ``fgsm``; one picture after the other.
        pixels: 1 to 100; 1, 3 and 5 are the authors'.
        population: 8 to 2000 candidates in each generation.
        steps: generations, at most.
        seed: of the evolution.

    Raises:
        ValueError: as ``fgsm``.
    """
    origin, targets = checked(classifier, pictures, labels)
    size = (checks.whole("population", population, 8, 2000), checks.whole("pixels", pixels, 1, 100))
    seed, steps = checks.seed(seed), checks.whole("steps", steps, 1, MOST_STEPS)

    def search() -> Iterator[Frame]:
        found, scores = origin.copy(), [margins(classifier, origin, targets, targeted=targeted)]
        for index, (picture, target) in enumerate(zip(origin, targets, strict=True)):
            one = _Pixels(classifier, picture, int(target), targeted)
            for step, (best, margin) in enumerate(one.evolve(size, steps, seed + index)):
                found[index] = best
                scores.append(np.where(np.arange(len(origin)) == index, margin, scores[-1]))
                done = index * (steps + 1) + step + 1
                yield margin_frame(found, scores, (done, len(origin) * (steps + 1)))
        yield margin_frame(found, scores, (1, 1))

    return search()


@dataclass(frozen=True, eq=False)
class _Pixels:
    """One picture (H, W, 3) whose pixels are to be changed.

    Genes are (n, pixels, 5) in [0, 1]: row, column, red, green and blue; a network that sees grey heeds red only.
    """

    classifier: Classifier
    picture: Pictures
    label: int
    targeted: bool

    def evolve(self, size: tuple[int, int], steps: int, seed: int) -> Iterator[tuple[Pictures, float]]:
        """The best picture of every generation and its margin, until one fools.

        DE/rand/1 with F = 0.5 and full recombination: each child is one candidate plus half the difference of two
        others, and takes its parent's place where it is better.
        """
        rng = np.random.default_rng(seed)
        genes = np.concatenate([rng.random((*size, 2)), rng.normal(0.5, 0.5, (*size, 3))], axis=2)
        genes = genes.clip(0, 1).astype(np.float32)
        fitness = self.margins(genes)
        for step in range(steps + 1):
            best = int(np.argmax(fitness))
            yield self.painted(genes[best : best + 1])[0], float(fitness[best])
            if fitness[best] > 0 or step == steps:
                return
            first, second, third = (genes[rng.permutation(size[0])] for _ in range(3))
            children = (first + 0.5 * (second - third)).clip(0, 1)
            grown = self.margins(children)
            better = grown > fitness
            genes, fitness = np.where(better[:, None, None], children, genes), np.where(better, grown, fitness)

    def margins(self, genes: Floats) -> Floats:
        """By how much each candidate fools (n,)."""
        parts = [genes[first : first + AT_ONCE] for first in range(0, len(genes), AT_ONCE)]
        return np.concatenate(
            [
                margins(self.classifier, self.painted(part), np.full(len(part), self.label), targeted=self.targeted)
                for part in parts
            ]
        )

    def painted(self, genes: Floats) -> Pictures:
        """Copies of the picture (n, H, W, 3) with the pixels of each candidate."""
        copies = np.repeat(self.picture[None], len(genes), axis=0)
        rows, columns = (
            np.minimum((genes[..., axis] * self.picture.shape[axis]).astype(int), self.picture.shape[axis] - 1)
            for axis in (0, 1)
        )
        copies[np.arange(len(genes))[:, None], rows, columns] = self.colours(
            self.picture[rows, columns], genes[..., 2:]
        )
        return copies

    def colours(self, before: Floats, wanted: Floats) -> Floats:
        """New colours (n, pixels, 3) on the 8-bit grid; a grey change keeps the differences between the channels."""
        if not self.classifier.grey:
            return np.rint(wanted * np.float32(255)) / np.float32(255)
        above = before - before.min(axis=-1, keepdims=True)
        room = 1 - above.max(axis=-1, keepdims=True)
        return above + np.rint(wanted[..., :1] * room * 255) / np.float32(255)


# ------------------------------------------------------------------------------------------------------ Square


def square(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    labels: Labels,
    *,
    epsilon: float = 8 / 255,
    steps: int = 1000,
    fraction: float = 0.3,
    targeted: bool = False,
    on_grid: bool = True,
    seed: int = 0,
) -> Iterator[Frame]:
    """Try squares of +- epsilon at random, and keep what helps: no gradient, only answers (arXiv:1912.00049).

    In ``linf``: vertical stripes first, then squares that shrink as in the authors' schedule.

    Args:
        classifier, pictures, labels, targeted: as for ``fgsm``.
        epsilon: as for ``fgsm``, one for all pictures.
        steps: 1 to 20,000 questions to the network for each picture.
        fraction: of the picture that the first squares cover; 0.05 (ImageNet) to 0.8 (ART), above 0, at most 1.
        on_grid: every candidate is on the 8-bit grid, wherever a picture of it is inside the ball. Below 1/255 that is
            the picture itself, where it is on the grid.
        seed: of all that is drawn.

    Raises:
        ValueError: as ``fgsm``.
    """
    origin, targets = checked(classifier, pictures, labels)
    radius = checks.number("epsilon", epsilon, 1e-9, 1)
    steps, seed = checks.whole("steps", steps, 1, MOST_STEPS), checks.seed(seed)
    checks.number("fraction", fraction, 1e-6, 1)

    def search() -> Iterator[Frame]:
        rng = np.random.default_rng(seed)
        low, high = (_corner(origin, way * radius, on_grid=on_grid, grey=classifier.grey) for way in (-1, 1))
        channels = 1 if classifier.grey else 3
        best = np.where(rng.choice([-1, 1], (len(origin), 1, origin.shape[2], channels)) > 0, high, low)
        margin = margins(classifier, best, targets, targeted=targeted)
        scores = [margin]
        for step in range(steps):
            left = np.flatnonzero(margin <= 0)
            if not len(left):
                break
            tried = best[left].copy()
            side = _side(fraction * _shrinking(step / steps), origin.shape[1:3])
            for picture, index in zip(tried, left, strict=True):
                region = _region(rng, side, origin.shape[1:3])
                up = rng.choice([-1, 1], (1, 1, channels)) > 0
                picture[region] = np.where(up, high[index][region], low[index][region])
            now = margins(classifier, tried, targets[left], targeted=targeted)
            better = now > margin[left]
            best[left[better]] = tried[better]
            margin = margin.copy()
            margin[left[better]] = now[better]
            scores.append(margin)
            if step % 10 == 9:
                yield margin_frame(best, scores, (step + 1, steps + 1))
        yield margin_frame(best, scores, (1, 1))

    return search()


def _corner(origin: Pictures, change: float, *, on_grid: bool, grey: bool) -> Pictures:
    """Every number as far as it may go one way: all candidates are made of two such pictures."""
    far: Pictures = moved(origin, np.full_like(origin, change), grey=grey).numpy()
    return far if not on_grid else rounded(far, origin, norm="linf", epsilon=abs(change))


def _region(rng: np.random.Generator, side: int, size: tuple[int, ...]) -> tuple[slice, slice]:
    """A square at a random place of a picture (H, W)."""
    top, left = (int(rng.integers(0, length - side + 1)) for length in size)
    return slice(top, top + side), slice(left, left + side)


def _side(fraction: float, size: tuple[int, ...]) -> int:
    """The side of a square that covers this fraction of a picture (H, W), as far as it fits."""
    return min(max(1, round(float(np.sqrt(fraction * size[0] * size[1])))), *size)


def _shrinking(done: float) -> float:
    """How much of the first fraction is left: halved at the authors' times, for a run of any length.

    Their schedule is for 10,000 questions. Large squares move the answer while little is won yet; later ones would undo
    what fits, so they shrink, often at first and ever more rarely.
    """
    times = np.array([10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000]) / 10_000
    return float(0.5 ** np.count_nonzero(done > times))
