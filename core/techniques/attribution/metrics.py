"""Measures of one map: how far may it be believed? Each is a row of ``METRICS``; none asks what people expect to see.

A measure is a function of a ``Trial``: the map, and what is needed to make it again from another picture, for another
class or by a shuffled network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.integrate import trapezoid

from core import checks
from core.networks.classifiers import Classifier
from core.networks.compiled import uncompiled
from core.pauses import each
from core.techniques.attribution import catalogue
from core.techniques.attribution.catalogue import attribute
from core.techniques.attribution.imputation import NOISE, imputed
from core.techniques.attribution.question import Map, ask, probabilities_of
from core.techniques.attribution.sanity import insertion_deletion, similarity
from core.techniques.attribution.sharing import Results, sharing
from core.types import Pictures

PERCENTAGES = tuple(range(10, 100, 10))
QUICK_PERCENTAGES, QUICK_STEPS, COPIES, RADIUS = (10, 30, 50), 10, 3, 0.02

Box = npt.NDArray[np.bool_]
"""(H, W): where the thing is."""


def road(
    classifier: Classifier,
    picture: npt.ArrayLike,
    target: int,
    attribution: Map,
    *,
    percentages: Sequence[float] = PERCENTAGES,
    noise: float = NOISE,
    seed: int = 0,
) -> float:
    """ROAD: what the class loses when important pixels are imputed, less what it loses when unimportant ones are.

    Remove and debias (Rong et al., arXiv:2202.00449): the ``percentages`` most important pixels are replaced by noisy
    linear imputation, then the least important ones; half the difference of the two probabilities, averaged over the
    percentages, as pytorch-grad-cam's ``ROADCombined`` has it. From -0.5 to 0.5, larger is better; chance is 0.

    Arguments and errors are those of ``insertion_deletion``; and of ``percentages``, at least one, above 0 and below
    100. Pauses after each imputation, and after each batch of pictures.
    """
    question = ask(classifier, picture, target)
    one = _same_size(question.picture, attribution)
    if not len(percentages):
        raise ValueError("Expected at least one percentage, got none")
    for percentage in percentages:
        checks.number("a percentage", percentage, 0.1, 99.9)
    order = np.argsort(-np.asarray(attribution).ravel(), kind="stable")
    stages = []
    for chosen in (order, order[::-1]):
        for percentage in each(percentages):
            removed = np.zeros(order.size, bool)
            removed[chosen[: round(order.size * percentage / 100)]] = True
            stages.append(imputed(one, removed.reshape(one.shape[1:3]), noise=noise, seed=seed))
    sure = probabilities_of(question, np.concatenate(stages)).reshape(2, -1)
    return float((sure[1] - sure[0]).mean() / 2)


def sparseness(attribution: Map) -> float:
    """The Gini coefficient of a map's absolute values: 0 where all are alike, 1 where one pixel has everything.

    Chalasani et al., arXiv:1810.06583. Raises ValueError for a map without values.
    """
    values = np.sort(np.abs(np.asarray(attribution, np.float64)).ravel())
    if not values.size:
        raise ValueError("Expected a map with values, got none")
    places = 2 * np.arange(1, values.size + 1) - values.size - 1
    return float((places * values).sum() / max(values.size * values.sum(), 1e-300))


def pointing(attribution: Map, box: npt.ArrayLike) -> float:
    """1 where the largest value of a map lies in the box (H, W), else 0 (Zhang et al., arXiv:1608.00507).

    Raises ValueError for a box of another size, or an empty one.
    """
    inside = _box(attribution, box)
    return float(inside.ravel()[int(np.argmax(attribution))])


def inside_total(attribution: Map, box: npt.ArrayLike) -> float:
    """The part of a map's positive values that lies in the box (H, W): 0 to 1 (Kohlbrenner et al., arXiv:1910.09840).

    Raises ValueError as ``pointing`` does.
    """
    inside, positive = _box(attribution, box), np.maximum(np.asarray(attribution, np.float64), 0)
    return float(positive[inside].sum() / max(positive.sum(), 1e-300))


def _box(attribution: Map, box: npt.ArrayLike) -> Box:
    found = np.asarray(box, bool)
    if found.shape != np.shape(attribution) or not found.any():
        raise ValueError(f"Expected a box of shape {np.shape(attribution)} with a pixel in it, got {found.shape}")
    return found


def _same_size(picture: Pictures, attribution: Map) -> Pictures:
    if np.shape(attribution) != picture.shape[1:3]:
        raise ValueError(f"Expected an attribution of shape {picture.shape[1:3]}, got {np.shape(attribution)}")
    return picture


@dataclass(frozen=True, eq=False)
class Trial:
    """A map that is measured.

    Attributes:
        classifier, picture, target, method, settings: how ``attribute`` makes it.
        shuffled: the same network with all of its weights shuffled.
        box: (H, W), where the thing is; None where nobody says.
        once: whether this picture is the only one, so that compiling a quick method would take longer than it saves.
        seed: of everything drawn at random.
        shared: what methods have in common.
    """

    classifier: Classifier
    picture: Pictures
    target: int
    method: str
    shuffled: Classifier
    settings: Mapping[str, Any] = field(default_factory=dict)
    box: Box | None = None
    seed: int = 0
    once: bool = False
    shared: Results = field(default_factory=dict)

    @cached_property
    def attribution(self) -> Map:
        """The map itself."""
        return self._found(self.classifier, self.picture, self.target)

    @cached_property
    def curves(self) -> tuple[Any, Any]:
        """Insertion and deletion."""
        return insertion_deletion(self.classifier, self.picture, self.target, self.attribution, steps=QUICK_STEPS)

    def by_chance(self) -> Map:
        """The map of this picture by the shuffled network."""
        return self._found(self.shuffled, self.picture, self.target)

    def another(self, target: int) -> Map:
        """The map of this picture for another class."""
        return self._found(self.classifier, self.picture, target)

    def of_noisy(self, picture: Pictures) -> Map:
        """The map of another picture."""
        return self._found(self.classifier, picture, self.target)

    def _found(self, classifier: Classifier, picture: Pictures, target: int) -> Map:
        few = self.once and catalogue.METHODS[self.method].quick
        with uncompiled() if few else nullcontext(), sharing(self.shared):
            return attribute(classifier, picture, target, method=self.method, **self.settings)


def _area(curve: npt.NDArray[np.float32]) -> float:
    return float(trapezoid(curve, dx=1 / (len(curve) - 1)))


def _sensitivity(trial: Trial) -> float:
    rng, own = np.random.default_rng(trial.seed), trial.attribution
    changes = []
    for _ in range(COPIES):
        noise = rng.uniform(-RADIUS, RADIUS, trial.picture.shape)
        noisy = np.clip(trial.picture + noise, 0, 1).astype(np.float32)
        changes.append(float(np.linalg.norm(trial.of_noisy(noisy) - own)))
    return float(np.mean(changes)) / max(float(np.linalg.norm(own)), 1e-30)


def _another_class(trial: Trial) -> float:
    classes = len(trial.classifier.labels)
    if classes < 2:
        raise ValueError("Expected at least two classes, got one")
    drawn = int(np.random.default_rng(trial.seed).integers(classes - 1))
    return similarity(trial.attribution, trial.another(drawn + (drawn >= trial.target)))


@dataclass(frozen=True)
class Metric:
    """A measure of maps.

    Attributes:
        title: its name on the screen.
        says: a sentence or two, with the paper.
        measure: a ``Trial`` -> its value.
        higher: whether a larger value is better.
        of_map: whether it depends on the map alone, and not on the method that made it.
        votes: whether it says something of truth, and so takes part in the ranking of methods.
        boxed: whether it needs the box.
    """

    title: str
    says: str
    measure: Callable[[Trial], float]
    higher: bool = True
    of_map: bool = True
    votes: bool = True
    boxed: bool = False


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "insertion": Metric(
            "Insertion",
            "Area under the probability while pixels come into a blurred picture, the most important first "
            "([Petsiuk et al., 2018](https://arxiv.org/abs/1806.07421)).",
            lambda trial: _area(trial.curves[0]),
        ),
        "deletion": Metric(
            "Deletion",
            "The same while pixels are turned grey, the most important first: a true map falls fast.",
            lambda trial: _area(trial.curves[1]), higher=False,
        ),
        "road": Metric(
            "ROAD",
            "What is lost without the important 10, 30 and 50 % of the pixels, less what is lost without the "
            "unimportant ones. Removed pixels are imputed, so that the gap is no cue "
            "([Rong et al., 2022](https://arxiv.org/abs/2202.00449)).",
            lambda trial: road(
                trial.classifier, trial.picture, trial.target, trial.attribution, percentages=QUICK_PERCENTAGES,
                seed=trial.seed,
            ),
        ),
        "sensitivity": Metric(
            "Change by noise",
            "How far the map moves, as a part of itself, when noise of 2 % that nobody sees is added to the picture "
            "([Yeh et al., 2019](https://arxiv.org/abs/1901.09392)).",
            _sensitivity, higher=False, of_map=False,
        ),
        "network": Metric(
            "Random network",
            "How similar the map stays when all weights are shuffled: it should not "
            "([Adebayo et al., 2018](https://arxiv.org/abs/1810.03292)). 1 is identical.",
            lambda trial: similarity(trial.attribution, trial.by_chance()), higher=False, of_map=False,
        ),
        "label": Metric(
            "Random label",
            "How similar the map of a class drawn at random is: a map that stays does not know the class "
            "([Sixt et al., 2020](https://arxiv.org/abs/1912.09818)). 1 is identical.",
            _another_class, higher=False, of_map=False,
        ),
        "sparseness": Metric(
            "Sparseness",
            "The Gini coefficient: 1 where few pixels have everything. Easy to read, which does not make it true, so "
            "it has no vote ([Chalasani et al., 2020](https://arxiv.org/abs/1810.06583)).",
            lambda trial: sparseness(trial.attribution), votes=False,
        ),
        "pointing": Metric(
            "Points into the box",
            "The pointing game: 1 where the largest value lies in the box that you painted "
            "([Zhang et al., 2016](https://arxiv.org/abs/1608.00507)). It asks what you expect, so it has no vote.",
            lambda trial: pointing(trial.attribution, trial.box), votes=False, boxed=True,  # type: ignore[arg-type]
        ),
        "inside": Metric(
            "Inside the box",
            "The part of all positive values that lies in the box "
            "([Kohlbrenner et al., 2020](https://arxiv.org/abs/1910.09840)).",
            lambda trial: inside_total(trial.attribution, trial.box), votes=False, boxed=True,  # type: ignore[arg-type]
        ),
    }
)  # fmt: skip
