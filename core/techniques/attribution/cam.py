"""Class activation maps: the maps of a layer, weighted by what the score owes to each."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from core.networks.classifiers import PICTURES, Classifier
from core.techniques.attribution.question import WHOLE, Map, Question, folded, score

MOST_ASKED = 24


def grad_cam(question: Question) -> Map:
    """Grad-CAM (Selvaraju et al., arXiv:1610.02391): each map weighted by its mean gradient."""
    return _cam(question, plus=False)


def grad_cam_plus(question: Question) -> Map:
    """Grad-CAM++ (Chattopadhyay et al., arXiv:1710.11063)."""
    return _cam(question, plus=True)


def last_maps(classifier: Classifier, layer: str) -> str:
    """The last layer with a map of more than one place that this one depends on."""
    before = classifier.before(layer) or [layer]
    spatial = [name for name in before if classifier.layers[name].spatial]
    wide = [name for name in spatial if max(classifier.layers[name].shape[:2]) > 1]
    if not spatial:
        raise ValueError(f"Expected a network with maps before {layer}, got {classifier.name}, which has none")
    found = wide or spatial
    map_of = classifier.graph.token_map(found[-1])
    if map_of and map_of.lead:
        return classifier.keep(("last maps", layer), lambda: _last_asked(classifier, layer, found))
    return found[-1]


def _last_asked(classifier: Classifier, layer: str, names: list[str]) -> str:
    """The last of these layers whose places the unit depends on: behind the last attention only its class token does.

    Seen on noise, at the network's own size.
    """
    few = names[-MOST_ASKED:]
    noise = tf.random.stateless_uniform((1, *classifier.size, 3), (0, 0))
    with tf.GradientTape() as tape:
        tape.watch(noise)
        values = classifier.forward([*few, layer])(noise)
        total = tf.reduce_sum(tf.square(values[layer]))
    slopes = tape.gradient(total, [values[name] for name in few], unconnected_gradients=tf.UnconnectedGradients.ZERO)
    asked = [name for name, slope in zip(few, slopes, strict=True) if tf.reduce_any(slope != 0)]
    return (asked or few)[-1]


def _cam(question: Question, *, plus: bool) -> Map:
    """Grad-CAM, with the weights of Grad-CAM++ where ``plus``."""
    classifier, layer = question.classifier, question.layer
    chosen = last_maps(classifier, layer) if question.maps is None else question.maps
    if not classifier.layer(chosen).spatial:
        raise ValueError(f"Expected maps with height and width, got the layer {chosen!r}")

    def make() -> Any:
        forward = folded(classifier, [chosen, layer])

        @tf.function(input_signature=[PICTURES, WHOLE], autograph=False)
        def weigh(x: tf.Tensor, unit: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                tape.watch(x)
                values = forward(x)
                value = score(values, layer, unit)
            units = values[chosen]
            slope = tape.gradient(value, units, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            weights = tf.reduce_mean(slope, axis=(1, 2), keepdims=True)
            if plus:
                squares, cubes = slope**2, slope**3
                total = tf.reduce_sum(units, axis=(1, 2), keepdims=True)
                alphas = tf.math.divide_no_nan(squares, 2 * squares + total * cubes)
                weights = tf.reduce_sum(alphas * tf.nn.relu(slope), axis=(1, 2), keepdims=True)
            coarse = tf.nn.relu(tf.reduce_sum(weights * units, axis=-1, keepdims=True))
            return tf.nn.relu(tf.image.resize(coarse, tf.shape(x)[1:3], method="bicubic"))[0, ..., 0]

        return classifier.told([layer], weigh)

    weigh = classifier.keep(("cam", chosen, layer, plus), make)
    return np.asarray(weigh(tf.constant(question.picture), tf.constant(question.target)))
