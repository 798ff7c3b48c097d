"""What is asked of a network: why this score of this picture? Checked once, for every method."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy.typing as npt
import tensorflow as tf

from core import checks
from core.networks import folding
from core.networks.classifiers import LOGITS, Classifier
from core.networks.requirements import require_answers, require_size
from core.optimize.objectives import Channel
from core.types import Floats, Pictures

Map = Floats
"""(H, W), larger where the score depends on the picture more."""

WHOLE = tf.TensorSpec((), tf.int32)


@dataclass(frozen=True, eq=False)
class Question:
    """Why does this unit answer so to this picture?

    Attributes:
        classifier: the network.
        picture: (1, H, W, 3) RGB in [0, 1], of a size at which the layer can be computed.
        target: the class, or the channel of ``layer``, whose mean over the map is then the score.
        layer: ``LOGITS``, or any layer.
        maps: the layer whose maps a method is to weigh; None for the last one with height and width before ``layer``.
    """

    classifier: Classifier
    picture: Pictures
    target: int
    layer: str = LOGITS
    maps: str | None = None


def ask(
    classifier: Classifier, picture: npt.ArrayLike, target: int, *, layer: str = LOGITS, maps: str | None = None
) -> Question:
    """The question, if it can be answered. Raises ValueError otherwise."""
    one = checks.picture(picture)
    if layer == LOGITS:
        require_answers(classifier)
    units = len(classifier.labels) if layer == LOGITS else classifier.layer(layer).channels
    chosen = checks.whole(f"a target of {layer}", target, 0, units - 1)
    require_size(classifier, [layer], *one.shape[1:3])
    return Question(classifier, one, chosen, layer, maps)


def score(activations: Mapping[str, tf.Tensor], layer: str, unit: tf.Tensor) -> tf.Tensor:
    """The unit's value (N,), the mean over its map where there is one."""
    return Channel(layer)(activations, tf.fill([tf.shape(activations[layer])[0]], unit))


def folded(classifier: Classifier, layers: Sequence[str]) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Pictures -> {layer: activation}, without the work of BatchNormalization."""
    forward = folding.forward(classifier, layers)
    return lambda pictures: forward(pictures, tf.zeros(tf.shape(pictures)[:1], tf.int32))
