"""What a network is asked to believe: true labels, corrupted ones, or pictures whose pixels mean nothing any more.

The conditions of Zhang et al., "Understanding deep learning requires rethinking generalization" (arXiv:1611.03530).
Everything is drawn once, before training, from the seed; the data themselves are never changed, and the labels of the
test pictures are always the true ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core import checks
from core.pictures.labelled import LabelledSet
from core.types import Floats

__all__ = ["CONDITIONS", "Condition", "MemorizationTask", "memorization_task"]

Labels = npt.NDArray[np.int32]
HALF = 0.5


@dataclass(frozen=True, eq=False)
class MemorizationTask:
    """What a network is trained on, and tested with.

    Attributes:
        pictures: (N, H, W, channels) float32, 1 channel where the data have no colour. In [0, 1], but for Gaussian
            pixels, which may lie outside.
        labels: (N,) what the network is told.
        true: (N,) what the pictures are; for pictures without meaning, what they were.
        test_pictures: the test pictures, treated as those to train on are.
        test_labels: their true labels.
        names: of the classes.
    """

    pictures: Floats
    labels: Labels
    true: Labels
    test_pictures: Floats
    test_labels: Labels
    names: tuple[str, ...]

    @property
    def changed(self) -> npt.NDArray[np.bool_]:
        """(N,) which labels are not the true ones: a label that was drawn anew may be the true one by chance."""
        return self.labels != self.true

    @property
    def grey(self) -> bool:
        """Whether its pictures have one channel."""
        return self.pictures.shape[-1] == 1

    @property
    def shown(self) -> Floats:
        """Its pictures fit to be looked at, (N, H, W, 3) in [0, 1]: values outside are cut off."""
        return _seen(self.pictures)

    @property
    def shown_test(self) -> Floats:
        """The same of the test pictures."""
        return _seen(self.test_pictures)


def _seen(pictures: Floats) -> Floats:
    return np.broadcast_to(pictures.clip(0, 1), (*pictures.shape[:3], 3))


Pair = tuple[Floats, Floats]


@dataclass(frozen=True)
class Condition:
    """One of the paper's conditions, as a row of ``CONDITIONS``.

    Attributes:
        title: what to call it.
        says: what the network is given, in a sentence.
        corruption: the usual probability with which a label is drawn anew.
        corruptible: whether that probability can be set.
        pixels: (pictures to train on, test pictures, rng) -> the same, with other pixels.
    """

    title: str
    says: str
    corruption: float = 0.0
    corruptible: bool = False
    pixels: Callable[[Floats, Floats, np.random.Generator], Pair] | None = None


def _shuffled(train: Floats, test: Floats, rng: np.random.Generator) -> Pair:
    """One permutation of the places, the same for every picture, test pictures too."""
    order = rng.permutation(train.shape[1] * train.shape[2])
    return _flat(train)[:, order].reshape(train.shape), _flat(test)[:, order].reshape(test.shape)


def _each_shuffled(train: Floats, test: Floats, rng: np.random.Generator) -> Pair:
    """Another permutation of the places for each picture."""
    return _places(train, rng), _places(test, rng)


def _places(pictures: Floats, rng: np.random.Generator) -> Floats:
    """Places permuted, another way for each picture, all channels of a place together."""
    flat = _flat(pictures)
    order = rng.permuted(np.tile(np.arange(flat.shape[1]), (len(flat), 1)), axis=1)
    moved: Floats = np.take_along_axis(flat, order[..., None], axis=1).reshape(pictures.shape)
    return moved


def _gaussian(train: Floats, test: Floats, rng: np.random.Generator) -> Pair:
    """Normally distributed pixels with mean and variance of the data, channel by channel."""
    mean, deviation = train.mean(axis=(0, 1, 2)), train.std(axis=(0, 1, 2))
    noise = [rng.normal(mean, deviation, one.shape).astype(np.float32) for one in (train, test)]
    return noise[0], noise[1]


def _flat(pictures: Floats) -> Floats:
    return pictures.reshape(len(pictures), -1, pictures.shape[-1])


CONDITIONS = {
    "true_labels": Condition("True labels", "The pictures and their labels as they are."),
    "partly_corrupted": Condition(
        "Partly corrupted labels",
        "Each label is drawn anew with this probability; one in so many of these, by chance, is the true one again.",
        HALF, corruptible=True,
    ),
    "random_labels": Condition("Random labels", "Every label is drawn anew: nothing in the picture tells it.", 1.0),
    "shuffled_pixels": Condition(
        "Shuffled pixels", "The places of the pixels are permuted, in the same way in every picture.", pixels=_shuffled
    ),
    "random_pixels": Condition(
        "Random pixels", "The places of the pixels are permuted, in another way in each picture.", pixels=_each_shuffled
    ),
    "gaussian": Condition(
        "Gaussian pixels", "Every picture is noise with the mean and the variance of the data.", pixels=_gaussian
    ),
}  # fmt: skip
"""The conditions of the paper by their names."""


def memorization_task(
    data: LabelledSet, condition: str = "random_labels", *, corruption: float | None = None, seed: int = 0
) -> MemorizationTask:
    """What a network is trained on under a condition.

    Args:
        data: the pictures; they are not changed.
        condition: of ``CONDITIONS``.
        corruption: 0 to 1, the probability with which a label is replaced by one that is drawn uniformly from all
            classes; 0.5 for ``"partly_corrupted"`` and 1 for ``"random_labels"`` where None. With the same seed, the
            labels that a smaller one replaces are among those of a larger one.
        seed: the same seed draws the same.

    Raises:
        ValueError: no such condition, or a corruption that it does not have.
    """
    row = CONDITIONS[checks.one_of("condition", condition, CONDITIONS)]
    part = row.corruption if corruption is None else checks.number("corruption", corruption, 0, 1)
    if part != row.corruption and not row.corruptible:
        raise ValueError(f"Expected corruption with the condition 'partly_corrupted', got it with {condition!r}")
    rng = np.random.default_rng((checks.seed(seed), 1))
    replaced = rng.random(len(data)) < part
    drawn = rng.integers(0, len(data.names), len(data)).astype(np.int32)
    channels = 1 if data.grey else 3
    pictures, test = data.pictures[..., :channels].copy(), data.test_pictures[..., :channels].copy()
    if row.pixels is not None:
        pictures, test = row.pixels(pictures, test, np.random.default_rng((seed, 2)))
    labels = np.where(replaced, drawn, data.labels).astype(np.int32)
    return MemorizationTask(pictures, labels, data.labels.copy(), test, data.test_labels.copy(), data.names)
