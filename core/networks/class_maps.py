"""The maps that a class activation map weighs, Grad-CAM's weights, and how the sum comes to the picture's size."""

from __future__ import annotations

import tensorflow as tf

from core.networks.classifiers import Classifier

MOST_ASKED = 24


def last_maps(classifier: Classifier, layer: str) -> str:
    """The last layer with a map of more than one place that this one depends on. Raises ValueError where none is."""
    found = found_maps(classifier, layer)
    if not found:
        raise ValueError(f"Expected a network with maps before {layer}, got {classifier.name}, which has none")
    return found


def found_maps(classifier: Classifier, layer: str) -> str:
    """As ``last_maps``; empty where there is no map."""
    before = classifier.before(layer) or [layer]
    spatial = [name for name in before if classifier.layers[name].spatial]
    wide = [name for name in spatial if max(classifier.layers[name].shape[:2]) > 1]
    if not spatial:
        return ""
    found = wide or spatial
    map_of = classifier.graph.token_map(found[-1])
    if map_of and map_of.lead:
        return classifier.keep_aside(("last maps", layer), lambda: _last_asked(classifier, layer, found))
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


def weighted(maps: tf.Tensor, slope: tf.Tensor) -> tf.Tensor:
    """Maps and their gradients (1, h, w, C) -> (1, h, w): each map times its mean gradient (arXiv:1610.02391)."""
    return tf.reduce_sum(tf.reduce_mean(slope, axis=(1, 2), keepdims=True) * maps, axis=-1)


def enlarged(coarse: tf.Tensor, pictures: tf.Tensor) -> tf.Tensor:
    """A map (1, h, w) without what is negative, in the size of the picture: (H, W)."""
    positive = tf.nn.relu(coarse)[..., None]
    return tf.nn.relu(tf.image.resize(positive, tf.shape(pictures)[1:3], method="bicubic"))[0, ..., 0]
