"""Accuracy, and robust accuracy, over a stream of labelled pictures: counts, which add up in any order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core import checks
from core.networks.classifiers import LOGITS, Classifier
from core.networks.requirements import require_classes
from core.networks.streamed import Looked, StreamWork, as_stream, looked, over_stream
from core.parts.run import Reached
from core.parts.work import Arrays, added
from core.pictures.images import to_float
from core.pictures.streams import Batch, PictureStream
from core.techniques.attacks.norms import norm_named
from core.techniques.attacks.robustness import chosen_attacks, rising, robust_accuracy
from core.types import Floats

__all__ = ["StreamAccuracy", "stream_accuracy"]

TOP = 5


@dataclass(frozen=True, eq=False)
class StreamAccuracy(Looked):
    """What is counted, over the parts that are done.

    Attributes:
        of_class: (classes,) pictures of each class.
        right: (classes,) of these, how many the network names right.
        among: (classes,) of these, how many have their class among the likeliest five.
        epsilons: 0, then those of the attacks.
        robust: {attack: (epsilons,)} pictures that are still right; ``"together"`` under every attack.
        unlabelled: pictures whose label is no class of the network: they are not counted.
    """

    of_class: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    among: npt.NDArray[np.int64]
    epsilons: tuple[float, ...]
    robust: dict[str, npt.NDArray[np.int64]]
    unlabelled: int

    @property
    def counted(self) -> int:
        """How many pictures have a class."""
        return int(self.of_class.sum())

    @property
    def accuracy(self) -> float:
        """The part of them that is right; NaN where none is counted."""
        return float(self.right.sum() / self.counted) if self.counted else float("nan")

    def robust_accuracy(self, attack: str = "together") -> Floats:
        """The part of them (epsilons,) that an attack, or every one together, does not fool."""
        return np.asarray(self.robust[attack] / max(1, self.counted), np.float32)


@dataclass(frozen=True)
class AccuracyWork(StreamWork):
    """The counts."""

    labels: tuple[str, ...]
    epsilons: tuple[float, ...]
    attacks: tuple[str, ...]
    norm: str
    steps: int | None
    seed: int

    def seen(self, net: Classifier, batch: Batch) -> Arrays:
        """Those of a batch."""
        classes = np.array([_class_of(label, self.labels) for label in batch.labels])
        known = classes >= 0
        truth, count = classes[known], len(self.labels)
        found: Arrays = {"unlabelled": np.array([(~known).sum()], np.int64)}
        none = np.zeros(count, np.int64)
        if not len(truth):
            return {**found, "of_class": none, "right": none, "among": none}
        pictures = to_float(batch.pixels[known])
        logits = np.asarray(net.tap([LOGITS])(pictures)[LOGITS])
        ranked = np.argsort(-logits, axis=1, kind="stable")[:, :TOP]
        hits = ranked == truth[:, None]
        tables = (("of_class", np.ones(len(truth), bool)), ("right", hits[:, 0]), ("among", hits.any(axis=1)))
        found |= {name: np.bincount(truth[one], minlength=count).astype(np.int64) for name, one in tables}
        if not self.epsilons:
            return found
        seed = int((self.seed + int(batch.numbers[0])) % checks.MOST_SEED)
        how: dict[str, Any] = {"attacks": self.attacks, "norm": self.norm, "steps": self.steps, "seed": seed}
        *_, robust = robust_accuracy(net, pictures, truth, self.epsilons, **how)
        still = {**robust.right, "together": np.min([*robust.right.values()], axis=0)}
        return {**found, **{f"robust/{name}": one.sum(axis=1).astype(np.int64) for name, one in still.items()}}

    def united(self, one: Arrays, other: Arrays) -> Arrays:
        """Both counts."""
        return added(one, other)


def _class_of(label: str, labels: Sequence[str]) -> int:
    """The class of a label, which is its name or its number; -1 where it is neither."""
    if label in labels:
        return labels.index(label)
    return int(label) if label.isdecimal() and int(label) < len(labels) else -1


def stream_accuracy(
    classifier: Classifier,
    pictures: PictureStream | str | Path,
    epsilons: Sequence[float] = (),
    *,
    attacks: Sequence[str] | None = None,
    norm: str = "linf",
    steps: int | None = None,
    seed: int = 0,
    cluster: Any = None,
    folder: str | Path | None = None,
    order: list[int] | None = None,
) -> Iterator[StreamAccuracy]:
    """How many pictures of a stream a network names right, and under attacks; yields the counts after every part.

    A picture's label (its folder, WebDataset's ``.cls``, Parquet's column) is the name or the number of its class.

    Args:
        classifier: a network of classes.
        pictures, cluster, folder, order: as for ``core.top_patches``.
        epsilons, attacks, norm, steps: as for ``robust_accuracy``; without epsilons nothing is attacked.
        seed: of everything drawn at random, together with the number of the first picture of a batch.

    Raises:
        ValueError: as ``robust_accuracy`` and ``core.top_patches`` do.
    """
    require_classes(classifier)
    radii: tuple[float, ...] = ()
    chosen: tuple[str, ...] = ()
    if len(epsilons):
        norm_named(norm)
        radii = rising(epsilons)
        chosen = tuple(chosen_attacks(classifier, norm, attacks))
    work = AccuracyWork(classifier.labels, radii, chosen, norm, steps, checks.seed(seed))
    reached = over_stream(classifier, work, as_stream(pictures), cluster=cluster, folder=folder, order=order)
    return (_told(work, one) for one in reached)


def _told(work: AccuracyWork, reached: Reached) -> StreamAccuracy:
    state, none = reached.state, np.zeros(len(work.labels), np.int64)
    robust = {name.removeprefix("robust/"): value for name, value in state.items() if name.startswith("robust/")}
    return StreamAccuracy(
        of_class=state.get("of_class", none),
        right=state.get("right", none),
        among=state.get("among", none),
        epsilons=(0.0, *work.epsilons),
        robust=robust,
        unlabelled=int(state["unlabelled"][0]) if "unlabelled" in state else 0,
        **looked(reached),
    )
