"""Which method should be believed, for this picture and for this network? Every method by every measure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from core import checks
from core.networks.classifiers import LOGITS, Classifier
from core.networks.requirements import require_classes
from core.techniques.attribution.catalogue import METHODS, emptiness, settled
from core.techniques.attribution.metrics import METRICS, Box, Trial
from core.techniques.attribution.question import ask
from core.techniques.attribution.sanity import randomized, same_map
from core.techniques.attribution.sharing import Results

Values = Mapping[str, float]
QUESTION = ("layer", "maps", "against")
"""Of what ``attribute`` takes by name: no settings of a method."""


@dataclass(frozen=True)
class Comparison:
    """Methods by measures, as far as they are known.

    Attributes:
        rows: {method: {metric: value}}; of several pictures the means.
        ranks: {method: mean rank}, 1 for the best, over the metrics that vote and the pictures that are finished; of
            the methods that have a finite value of each.
        refused: {method: why it has no row}.
        pictures: how many pictures are finished.
        progress: the part that is done, 0 to 1.
    """

    rows: Mapping[str, Values] = field(default_factory=dict)
    ranks: Values = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    pictures: int = 0
    progress: float = 0.0

    @property
    def order(self) -> list[str]:
        """The ranked methods, the best first."""
        return sorted(self.ranks, key=lambda method: self.ranks[method])


def compare_methods(
    classifier: Classifier,
    picture: npt.ArrayLike,
    target: int,
    methods: Sequence[str],
    *,
    settings: Mapping[str, Any] | None = None,
    box: npt.ArrayLike | None = None,
    shuffled: Classifier | None = None,
    once: bool = True,
    seed: int = 0,
) -> Iterator[Comparison]:
    """Every method on one picture by every measure of ``METRICS``, a value more at a time.

    Args:
        classifier, picture, target: as for ``attribute``; a class.
        methods: names of ``METHODS``, in the order in which they are measured.
        settings: of the methods, as for ``attribute``.
        box: (H, W) Booleans, where the thing is; without one the pointing game is left out.
        shuffled: the network with its weights shuffled; made where None.
        once: whether this network is asked about this picture only, and so is not worth compiling.
        seed: of everything drawn at random.

    Raises:
        ValueError: as ``attribute`` does of the picture, the target and the methods' settings, before any work; no
            method; a box of another size.
    """
    one, chosen = ask(classifier, picture, target).picture, checked_methods(methods, settings)
    where = None if box is None else _box(box, one.shape[1:3])
    checks.seed(seed)
    require_classes(classifier, least=2)
    other, shared = shuffled or randomized(classifier, seed=seed), Results()

    def trial(method: str) -> Trial:
        return Trial(classifier, one, target, method, other, dict(settings or {}), where, seed, once, shared)

    return _measured({method: trial(method) for method in chosen})


def rank_methods(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    methods: Sequence[str],
    *,
    settings: Mapping[str, Any] | None = None,
    shuffled: Classifier | None = None,
    seed: int = 0,
) -> Iterator[Comparison]:
    """The same over a set of pictures (N, H, W, 3), each for the network's own answer: which method is best here?

    Methods are ranked on each picture by each metric that votes, ties sharing their mean rank; the mean of these ranks
    is what they are ordered by. Yields what is known after every value; errors are those of ``compare_methods``.
    """
    batch, chosen = checks.pictures(pictures), checked_methods(methods, settings)
    require_classes(classifier, least=2)
    ask(classifier, batch[:1], 0)
    other = shuffled or randomized(classifier, seed=checks.seed(seed))

    def over_all() -> Iterator[Comparison]:
        done: list[Comparison] = []
        for at, picture in enumerate(batch):
            answer = int(np.argmax(classifier.tap([LOGITS])(picture[None])[LOGITS][0]))
            found = Comparison()
            for found in compare_methods(
                classifier, picture, answer, chosen, settings=settings, shuffled=other, once=False, seed=seed
            ):
                if found.progress < 1:
                    yield _together([*done, found], len(done), (at + found.progress) / len(batch))
            done.append(found)
            yield _together(done, len(done), len(done) / len(batch))

    return over_all()


def _measured(trials: Mapping[str, Trial]) -> Iterator[Comparison]:
    """The table, growing by one value at a time."""
    rows: dict[str, dict[str, float]] = {}
    refused: dict[str, str] = {}
    boxed = next(iter(trials.values())).box is not None
    metrics = {name: one for name, one in METRICS.items() if boxed or not one.boxed}
    for at, (method, trial) in enumerate(trials.items()):
        try:
            if empty := emptiness(method, trial.attribution):
                refused[method] = empty
                continue
            same = next((one for one in rows if same_map(trials[one].attribution, trial.attribution)), None)
            for done, (name, metric) in enumerate(metrics.items(), start=1):
                value = rows[same][name] if same and metric.of_map else metric.measure(trial)
                rows = {**rows, method: {**rows.get(method, {}), name: value}}
                if at + 1 < len(trials) or done < len(metrics):
                    yield Comparison(rows, _ranks(rows), dict(refused), 0, (at + done / len(metrics)) / len(trials))
        except ValueError as error:
            refused[method] = str(error)
            rows = {name: values for name, values in rows.items() if name != method}
    yield Comparison(rows, _ranks(rows), refused, 1, 1.0)


def _ranks(rows: Mapping[str, Values]) -> dict[str, float]:
    """The mean rank of each method that has every value that votes, all of them finite."""
    voting = [name for name, one in METRICS.items() if one.votes]
    known = {method: [values.get(name, np.nan) for name in voting] for method, values in rows.items()}
    whole = [method for method, values in known.items() if np.isfinite(values).all()]
    if not whole:
        return {}
    ranked = [
        rankdata([(-1 if METRICS[name].higher else 1) * rows[method][name] for method in whole]) for name in voting
    ]
    return dict(zip(whole, np.mean(ranked, axis=0).tolist(), strict=True))


def _together(found: Sequence[Comparison], finished: int, progress: float) -> Comparison:
    """Means over pictures."""
    methods = dict.fromkeys(method for one in found for method in one.rows)
    rows = {}
    for method in methods:
        own = [one.rows[method] for one in found if method in one.rows]
        names = dict.fromkeys(name for values in own for name in values)
        rows[method] = {name: float(np.mean([one[name] for one in own if name in one])) for name in names}
    whole = found[:finished]
    ranks = {
        method: float(np.mean([one.ranks[method] for one in whole if method in one.ranks]))
        for method in methods
        if any(method in one.ranks for one in whole)
    }
    refused = {method: why for one in found for method, why in one.refused.items() if method not in rows}
    return Comparison(rows, ranks, refused, finished, progress)


def checked_methods(names: Sequence[str], settings: Mapping[str, Any] | None) -> list[str]:
    """The methods, each once. Raises ValueError for one that there is not, and for settings that none can have."""
    chosen = list(dict.fromkeys(names))
    if not chosen:
        raise ValueError("Expected at least one method, got none")
    own = {name: value for name, value in (settings or {}).items() if name not in QUESTION}
    for name in chosen:
        settled(METHODS[checks.one_of("method", name, METHODS)], own)
    return chosen


def _box(box: npt.ArrayLike, size: tuple[int, ...]) -> Box:
    found = np.asarray(box, bool)
    if found.shape != size or not found.any():
        raise ValueError(f"Expected a box of shape {size} with a pixel in it, got shape {found.shape}")
    return found
