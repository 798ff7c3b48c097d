"""What is asked of a network: why this score of this picture? Checked once, for every method."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core import checks
from core.networks import folding
from core.networks.classifiers import LOGITS, PICTURES, Classifier
from core.networks.requirements import require_answers, require_size
from core.optimize.ascent import batch_size
from core.optimize.objectives import Channel
from core.pauses import each
from core.types import Floats, Pictures

Map = Floats
"""(H, W), larger where the score depends on the picture more."""

UNITS = tf.TensorSpec((2,), tf.int32)
"""``Question.units``."""


@dataclass(frozen=True, eq=False)
class Question:
    """Why does this unit answer so to this picture?

    Attributes:
        classifier: the network.
        picture: (1, H, W, 3) RGB in [0, 1], of a size at which the layer can be computed.
        target: the class, or the channel of ``layer``, whose mean over the map is then the score.
        layer: ``LOGITS``, or any layer.
        maps: the layer whose maps a method is to weigh; None for the last one with height and width before ``layer``.
        against: a class, or a channel, whose score is taken off: why this one rather than that? None for none.
    """

    classifier: Classifier
    picture: Pictures
    target: int
    layer: str = LOGITS
    maps: str | None = None
    against: int | None = None

    @property
    def units(self) -> npt.NDArray[np.int32]:
        """The target, and what it is held against, -1 for nothing."""
        return np.array([self.target, -1 if self.against is None else self.against], np.int32)

    def difference(self, values: Floats) -> Floats:
        """The scores (...,) of the values (..., units) of the layer: the target's, less that of what it is against."""
        own = values[..., self.target]
        return own if self.against is None else own - values[..., self.against]


def ask(
    classifier: Classifier,
    picture: npt.ArrayLike,
    target: int,
    *,
    layer: str = LOGITS,
    maps: str | None = None,
    against: int | None = None,
) -> Question:
    """The question, if it can be answered. Raises ValueError otherwise."""
    one = checks.picture(picture)
    if layer == LOGITS:
        require_answers(classifier)
    units = len(classifier.labels) if layer == LOGITS else classifier.layer(layer).channels
    chosen = checks.whole(f"a target of {layer}", target, 0, units - 1)
    other = None if against is None else checks.whole(f"what to hold {layer} against", against, 0, units - 1)
    if other == chosen:
        raise ValueError(f"Expected another unit to hold {chosen} against, got itself")
    require_size(classifier, [layer], *one.shape[1:3])
    return Question(classifier, one, chosen, layer, maps, other)


def score(activations: Mapping[str, tf.Tensor], layer: str, units: tf.Tensor) -> tf.Tensor:
    """The first unit's value (N,), the mean over its map where there is one, less the second's unless that is -1."""
    count, channel = tf.shape(activations[layer])[0], Channel(layer)
    own = channel(activations, tf.fill([count], units[0]))
    other = channel(activations, tf.fill([count], tf.maximum(units[1], 0)))
    return own - tf.where(units[1] >= 0, other, tf.zeros_like(other))


def folded(classifier: Classifier, layers: Sequence[str]) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Pictures -> {layer: activation}, without the work of BatchNormalization."""
    forward = folding.forward(classifier, layers)
    return lambda pictures: forward(pictures, tf.zeros(tf.shape(pictures)[:1], tf.int32))


def scores_of(question: Question, pictures: Floats) -> Floats:
    """The score (N,) of each of some pictures (N, H, W, 3)."""
    return question.difference(values_of(question, pictures))


def values_of(question: Question, pictures: Floats) -> Floats:
    """The values (N, units) of the layer of the score, for each of some pictures (N, H, W, 3)."""
    classifier, layer = question.classifier, question.layer

    def make() -> Any:
        forward = folded(classifier, [layer])
        compiled = tf.function(lambda x: flat(forward(x)[layer]), input_signature=[PICTURES], autograph=False)
        return classifier.told([layer], compiled)

    return np.asarray(classifier.compiled(("scores", layer), make)(tf.constant(pictures)))


def probabilities_of(question: Question, pictures: Floats) -> Floats:
    """The probability (N,) of the target, a class, for each of some pictures; pauses after each batch of them."""
    at_once = batch_size(*pictures.shape[1:3])
    parts = each(pictures[first : first + at_once] for first in range(0, len(pictures), at_once))
    values = np.concatenate([values_of(question, part) for part in parts])
    return np.asarray(question.classifier.probabilities(values)[:, question.target])


def flat(values: tf.Tensor) -> tf.Tensor:
    """(N, units): the mean of each map where there are maps."""
    return values if values.shape.rank == 2 else tf.reduce_mean(values, axis=(1, 2))
