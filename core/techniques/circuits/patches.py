"""Where in a set of pictures every unit of a layer gives most to an answer; being excited is not the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from core.networks.classifiers import LOGITS, Classifier
from core.networks.requirements import require_on_the_way
from core.networks.unit_index import UnitIndex, index_values, reduced
from core.pictures.sets import PictureSet
from core.techniques.circuits.contributions import Target, weights_of

__all__ = ["index_contributions"]


def index_contributions(
    classifier: Classifier, layer: str, pictures: PictureSet, target: Target, *, top: int = 9, each: int = 3
) -> Iterator[UnitIndex]:
    """Look at every picture once, and note where each unit of a layer gives most to an answer.

    What a unit gives at a place is its activation there times the slope of the answer in it, as in ``contributions``.
    ``patches`` cuts the places as it does those of ``index_units``.

    Yields an index about every 0.2 seconds, and at the end; its ``values``, ``peaks`` and ``means`` are contributions,
    in units of the logit; a mean times the number of places is the unit's contribution to that picture's answer.

    Args:
        classifier: a network with classes, or numbers.
        layer: any layer on the way to the answer.
        pictures: a set of the network's own size.
        target: a class, or a pair: the first one against the second.
        top, each: as for ``index_units``.

    Raises:
        ValueError: what ``contributions`` or ``index_units`` refuse.
    """
    weights = tf.constant(weights_of(classifier, target))
    require_on_the_way(classifier, layer)
    run = classifier.compiled(("contributed", layer), lambda: _contributed(classifier, layer))
    found = index_values(classifier, [layer], pictures, lambda pixels: run(pixels, weights), top=top, each=each)
    return (one[layer] for one in found)


def _contributed(classifier: Classifier, layer: str) -> Any:
    """(8-bit pictures, weights of the logits) -> what each channel gives at each place, reduced."""
    graph = classifier.graph

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8), tf.TensorSpec((None,), tf.float32)])
    def run(pixels: tf.Tensor, weights: tf.Tensor) -> dict[str, Any]:
        made: list[tf.Tensor] = []
        with tf.GradientTape(watch_accessed_variables=False) as tape:

            def note(value: tf.Tensor) -> tf.Tensor:
                tape.watch(value)
                made.append(value)
                return value

            prepared = classifier.preprocess(tf.cast(pixels, tf.float32) / 255)
            logits = graph.run(prepared, [LOGITS], change={layer: note})[LOGITS]
            score = tf.reduce_sum(tf.cast(logits, tf.float32) * weights)
        slope = tape.gradient(score, made[0], unconnected_gradients=tf.UnconnectedGradients.ZERO)
        given = tf.cast(made[0] * slope, tf.float32)
        return reduced({layer: given})

    return classifier.told([LOGITS], run)
