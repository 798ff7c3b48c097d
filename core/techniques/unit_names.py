"""What to call a unit: the label, or the group of labels, that its best patches share, and how purely.

The patches of a ``UnitIndex`` are cut from pictures, and each picture has a label: the network's own answer to it, or
what a person says. Network dissection (Bau et al., arXiv:1704.05796) asks the same of labelled pixels; here whole
pictures are enough. A name is no more than what is counted: it comes with how many of the patches bear it, and how many
of all pictures do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from core.networks.cards import imagenet_labels
from core.networks.classifiers import LOGITS, Classifier
from core.networks.imagenet_groups import imagenet_group
from core.networks.requirements import require_classes
from core.networks.unit_index import UnitIndex

__all__ = ["UnitName", "answers_of", "name_units"]

LEAST_PART, LEAST_EVIDENCE = 0.4, 2.0
"""Of the patches, and of the log likelihood ratio: less would come about by chance in one of twenty."""


@dataclass(frozen=True)
class UnitName:
    """What the patches that excite a unit most have in common.

    Attributes:
        name: a label or, where that is too fine, the group to which several belong; empty where nothing is shared.
        hits: how many of the patches bear it.
        count: how many patches there are: those of the index in which the unit is above zero.
        usual: the part of all pictures that bear it, 0 to 1.
        group: whether it is a group of labels.
    """

    name: str = ""
    hits: int = 0
    count: int = 0
    usual: float = 0.0
    group: bool = False

    @property
    def purity(self) -> float:
        """The part of the patches that bear it, 0 to 1."""
        return self.hits / self.count if self.count else 0.0


def answers_of(classifier: Classifier, index: UnitIndex) -> tuple[str, ...]:
    """The network's own answer to every picture that was looked at, as labels of these.

    Args:
        classifier: a network with classes.
        index: of ``LOGITS``, from ``index_units``, over the pictures.

    Returns:
        (pictures,) one for each that was looked at, in order; of a network with one class, it or ``"not ..."``.

    Raises:
        ValueError: a network without classes, or the index of another layer.
    """
    require_classes(classifier)
    if index.layer != LOGITS or index.channels != len(classifier.labels):
        raise ValueError(f"Expected an index of {LOGITS!r} of {classifier.name}, got one of {index.layer!r}")
    if len(classifier.labels) == 1:
        (one,) = classifier.labels
        return tuple(one if logit > 0 else f"not {one}" for logit in index.means[:, 0])
    return tuple(classifier.labels[int(label)] for label in index.means.argmax(axis=1))


def name_units(index: UnitIndex, labels: Sequence[str]) -> tuple[UnitName, ...]:
    """A name for every unit of a layer, by what the pictures of its best patches are.

    Of all labels, and all groups of ImageNet's labels (dogs, birds, food, ...), it is the one whose frequency among a
    unit's patches differs most from its frequency among all pictures: by the likelihood ratio, hits and misses counted.
    One that fewer than two patches bear, or fewer than two fifths of them, or no more than chance
    would have it, is no name.

    Args:
        index: of the layer.
        labels: one for each picture that was looked at, in order; empty where it is not known.

    Returns:
        For each channel a ``UnitName``.

    Raises:
        ValueError: another number of labels than of pictures.
    """
    if len(labels) != index.done:
        raise ValueError(f"Expected {index.done} labels, one for each picture that was looked at, got {len(labels)}")
    groups = _groups()
    borne = [{(label, False), (groups.get(label, ""), True)} - {("", False), ("", True)} for label in labels]
    usual, total = Counter(one for names in borne for one in names), len(labels)
    if index.usual is not None:  # a sample: what it happens to lack counts as one more, for it is somewhere
        sample = Counter(one for picture in index.usual.tolist() for one in borne[picture])
        usual, total = Counter({one: sample[one] + 1 for one in usual}), len(index.usual) + 1
    there = (index.pictures >= 0) & (index.values > 0)
    return tuple(
        _named([borne[picture] for picture in pictures[good].tolist()], usual, total)
        for pictures, good in zip(index.pictures, there, strict=True)
    )


def _named(borne: Sequence[set[tuple[str, bool]]], usual: Counter[tuple[str, bool]], total: int) -> UnitName:
    count = len(borne)
    found = Counter(one for names in borne for one in names)
    enough = [(one, hits) for one, hits in found.items() if hits >= max(2, LEAST_PART * count)]
    told = {one: _evidence(hits, count, usual[one] / total) for one, hits in enough}
    told = {one: evidence for one, evidence in told.items() if evidence >= LEAST_EVIDENCE}
    if not told:
        return UnitName(count=count)
    name, group = max(told, key=lambda one: (told[one], not one[1], one[0]))
    return UnitName(name, found[name, group], count, usual[name, group] / total, group)


def _evidence(hits: int, count: int, usual: float) -> float:
    """How far ``hits`` of ``count`` are above what is usual, as a log likelihood ratio; 0 where they are not."""
    part = hits / count
    if part <= usual:
        return 0.0
    rest = (1 - part) * log((1 - part) / (1 - usual)) if part < 1 else 0.0
    return count * (part * log(part / usual) + rest)


def _groups() -> dict[str, str]:
    """ImageNet's labels -> the group of each, but for things, which is all the rest and says nothing."""
    found = {label: imagenet_group(index) for index, label in enumerate(imagenet_labels())}
    return {label: group for label, group in found.items() if group != "things"}
