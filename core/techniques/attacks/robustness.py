"""Robust accuracy: how many pictures of a set a network still names right under attacks of several strengths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from core import checks
from core.networks.classifiers import Classifier
from core.optimize.ascent import Frame, batch_size
from core.techniques.attacks.arguments import checked
from core.techniques.attacks.catalogue import ATTACKS
from core.techniques.attacks.judge import Labels, logits_of
from core.techniques.attacks.norms import norm_named
from core.types import Floats

__all__ = ["ROBUSTNESS", "RobustAccuracy", "robust_accuracy"]

ROBUSTNESS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "fgsm": {"on_grid": False},
        "pgd": {"on_grid": False, "steps": 20},
        "apgd_ce": {"on_grid": False, "steps": 20},
        "apgd_dlr": {"on_grid": False, "steps": 20},
        "square": {"on_grid": False, "steps": 200},
    }
)
"""The attacks of this test, and what each is run with: fewer steps than published, so that a person can wait."""
WAY = 2.5
"""How far all steps of PGD lead together, as a part of epsilon: they can cross the ball, whatever their number."""


@dataclass(frozen=True, eq=False)
class RobustAccuracy:
    """What is known so far.

    Attributes:
        epsilons: 0 for the pictures as they are, then the radii, rising, in the unit of pictures.
        labels: (N,) what each picture is.
        right: {attack: (epsilons, N)}: 1 where the network still says so, 0 where not, NaN where nobody has tried.
        sure: the same of the label's probability.
        progress: the part that is done, 0 to 1.
    """

    epsilons: tuple[float, ...]
    labels: npt.NDArray[np.int32]
    right: Mapping[str, Floats]
    sure: Mapping[str, Floats]
    progress: float

    def accuracy(self, attack: str) -> Floats:
        """The part of the pictures (epsilons,) that is still right; NaN where not all have been tried."""
        return np.asarray(self.right[attack].mean(axis=1), np.float32)

    def confidence(self, attack: str) -> Floats:
        """The mean probability of the labels (epsilons,); NaN where not all have been tried."""
        return np.asarray(self.sure[attack].mean(axis=1), np.float32)

    @property
    def together(self) -> Floats:
        """The part (epsilons,) that no attack fools: the worst case; NaN where not every attack has tried all."""
        return np.asarray(np.min([*self.right.values()], axis=0).mean(axis=1), np.float32)

    def by_class(self) -> dict[int, tuple[int, Floats]]:
        """{class: (how many pictures, the part of them (epsilons,) that no attack fools)}."""
        worst = np.min([*self.right.values()], axis=0)
        found = {}
        for label in np.unique(self.labels):
            own = self.labels == label
            found[int(label)] = int(own.sum()), np.asarray(worst[:, own].mean(axis=1), np.float32)
        return found


def robust_accuracy(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    labels: Labels,
    epsilons: Sequence[float],
    *,
    attacks: Sequence[str] | None = None,
    norm: str = "linf",
    steps: int | None = None,
    seed: int = 0,
) -> Iterator[RobustAccuracy]:
    """The accuracy of a network as it is and under attacks, for rising epsilons; a point more at a time.

    A picture that is wrong as it is stays wrong, and one that an attack has fooled counts as fooled by it at every
    larger epsilon, since the larger ball holds the same picture: neither is attacked again. Pictures are judged as
    they are, not rounded to 8 bits (``attack`` rounds), as in the literature: below 1/255 no other picture of that grid
    is inside the ball.

    Args:
        classifier, pictures: the network; (N, H, W, 3) RGB in [0, 1].
        labels: (N,) the class of each picture: the true one, or the network's own answer.
        epsilons: above 0, rising.
        attacks: names of ``ROBUSTNESS``; where None all that know the norm, ``"apgd_dlr"`` from three classes on.
        norm: a name of ``NORMS``; Square knows ``"linf"`` only.
        steps: 1 to 20,000 of each attack that takes several; as in ``ROBUSTNESS`` where None.
        seed: of everything drawn at random.

    Raises:
        ValueError: as the attacks do, before any work; epsilons that do not rise; an attack that is not among these.
    """
    origin, targets = checked(classifier, pictures, labels)
    norm_named(norm)
    radii = rising(epsilons)
    chosen = chosen_attacks(classifier, norm, attacks)
    given: dict[str, dict[str, Any]] = {name: _settings(name, norm, steps, checks.seed(seed)) for name in chosen}
    return _points(classifier, (origin, targets), (0.0, *radii), given)


def rising(epsilons: Sequence[float]) -> tuple[float, ...]:
    """The epsilons, which rise from above 0. Raises ValueError."""
    checks.positive("epsilons", list(epsilons))
    radii = tuple(float(one) for one in epsilons)
    if not radii or tuple(sorted(set(radii))) != radii:
        raise ValueError(f"Expected epsilons that rise, got {', '.join(f'{one:g}' for one in epsilons) or 'none'}")
    return radii


def chosen_attacks(classifier: Classifier, norm: str, attacks: Sequence[str] | None) -> list[str]:
    """The attacks that are meant. Raises ValueError."""
    able, classes = [name for name in ROBUSTNESS if norm in ATTACKS[name].norms], len(classifier.labels)
    if attacks is None:
        return [name for name in able if name != "apgd_dlr" or classes >= 3]
    chosen = [checks.one_of(f"attack in {norm}", name, able) for name in attacks]
    if not chosen:
        raise ValueError("Expected at least one attack, got none")
    if "apgd_dlr" in chosen and classes < 3:
        raise ValueError(f"Expected three classes or more for apgd_dlr, got {classifier.name} with {classes}")
    return chosen


def _settings(name: str, norm: str, steps: int | None, seed: int) -> dict[str, Any]:
    row, found = ATTACKS[name], dict(ROBUSTNESS[name])
    if len(row.norms) > 1:
        found["norm"] = norm
    if row.setting("seed"):
        found["seed"] = seed
    if steps is not None and (setting := row.setting("steps")):
        found["steps"] = setting.check(steps)
    return found


def _points(
    classifier: Classifier, batch: tuple[Any, Any], epsilons: tuple[float, ...], given: Mapping[str, dict[str, Any]]
) -> Iterator[RobustAccuracy]:
    origin, targets = batch
    right, sure = ({name: np.full((len(epsilons), len(origin)), np.nan, np.float32) for name in given} for _ in "ab")
    own, probabilities = _judged(classifier, origin, targets)
    for name in given:
        right[name][0], sure[name][0] = own, probabilities
    points, at_once = (len(epsilons) - 1) * len(given), batch_size(*origin.shape[1:3])

    def reached(done: float) -> RobustAccuracy:
        still, confident = ({name: values.copy() for name, values in one.items()} for one in (right, sure))
        return RobustAccuracy(epsilons, targets, still, confident, min(done / points, 1.0))

    yield reached(0)
    for at, epsilon in enumerate(epsilons[1:], start=1):
        for order, (name, settings) in enumerate(given.items()):
            done = (at - 1) * len(given) + order
            right[name][at], sure[name][at] = right[name][at - 1], sure[name][at - 1]
            own_step = {"step_size": WAY * epsilon / settings["steps"]} if name == "pgd" else {}
            left = np.flatnonzero(right[name][at - 1])
            right[name][at, left] = np.nan
            for first in range(0, len(left), at_once):
                part = left[first : first + at_once]
                last: Frame | None = None
                given_now = {"epsilon": epsilon, **settings, **own_step}
                for last in ATTACKS[name].run(classifier, origin[part], targets[part], **given_now):
                    if ATTACKS[name].margins and (np.asarray(last.score) > 0).all():
                        break
                    yield reached(done + (first + len(part) * 0.99 * last.progress) / max(1, len(left)))
                found = origin[part] if last is None else np.asarray(last.images)
                right[name][at, part], sure[name][at, part] = _judged(classifier, found, targets[part])
            yield reached(done + 1)


def _judged(classifier: Classifier, pictures: Any, targets: Any) -> tuple[Floats, Floats]:
    """1 where the network says the label, else 0; and the label's probability."""
    logits = logits_of(classifier, pictures)
    sure = classifier.probabilities(logits)[np.arange(len(pictures)), targets]
    return (logits.argmax(axis=1) == targets).astype(np.float32), sure
