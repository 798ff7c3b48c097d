"""Class activation maps: the maps of a layer, weighted by what the score owes to each.

Every method gives a map (H, W) float32 of the picture's size, 0 and above: what would be below is cut off before the
layer's map is enlarged. Every one raises ValueError where the layer whose maps are weighed has no height and width, or
no layer before the score has any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import tensorflow as tf

from core.networks.class_maps import enlarged, last_maps, weighted
from core.networks.classifiers import PICTURES, stages
from core.networks.compiled import FEW
from core.networks.looking import look
from core.techniques.attribution.question import UNITS, Map, Question, folded, score
from core.techniques.attribution.sharing import shared
from core.types import Floats


def grad_cam(question: Question) -> Map:
    """Grad-CAM (Selvaraju et al., arXiv:1610.02391): each map weighted by its mean gradient; (H, W), 0 and above."""
    return _cam(question, "cam")


def grad_cam_plus(question: Question) -> Map:
    """Grad-CAM++ (Chattopadhyay et al., arXiv:1710.11063): weighted by positive gradients; (H, W), 0 and above."""
    return _cam(question, "plus")


def hires_cam(question: Question) -> Map:
    """HiRes-CAM (Draelos and Carin, arXiv:2011.08891): each place of each map times its own gradient.

    Before global average pooling the gradient is the same at every place, so it is Grad-CAM there. (H, W), 0 and above.
    """
    return _cam(question, "hires")


def layer_cam(question: Question) -> Map:
    """Layer-CAM (Jiang et al., 2021, doi:10.1109/TIP.2021.3089943): each place times its positive gradient.

    (H, W), 0 and above.
    """
    return _cam(question, "layer")


def xgrad_cam(question: Question) -> Map:
    """XGrad-CAM (Fu et al., arXiv:2008.02312): gradients weighted by the map's own fraction at each place.

    (H, W), 0 and above.
    """
    return _cam(question, "xgrad")


def fused_cam(question: Question) -> Map:
    """Layer-CAM of the last layer of every stage before the score, put together as in section V of its paper.

    Each map is divided by its maximum and goes through tanh(2 x); what counts at a place is the largest of them.
    (H, W), 0 to tanh(2), which is 0.96.
    """
    chosen = stage_ends(question)
    size = tf.constant(question.picture)
    found = [enlarged(_positive(*one), size).numpy() for one in maps_and_slopes(question, chosen)]
    scaled = [np.tanh(2 * one / one.max()) if one.max() > 0 else one for one in found]
    return np.asarray(np.max(scaled, axis=0), np.float32)


def stage_ends(question: Question) -> tuple[str, ...]:
    """The last layer of every stage up to the maps that are weighed by default, and those themselves."""
    classifier, last = question.classifier, maps_of(question)
    names = list(classifier.layers)
    before = set(classifier.before(question.layer) or names)
    ends = [stage.layer for stage in stages(classifier)]
    ends = [one for one in ends if one in before and classifier.layers[one].spatial]
    return tuple(dict.fromkeys([one for one in ends if names.index(one) < names.index(last)] + [last]))


def eigen_cam(question: Question) -> Map:
    """Eigen-CAM (Muhammad and Yeasin, arXiv:2008.00299): the first principal component of the maps.

    It asks for no class: it shows what stands out in the maps, above their mean, as pytorch-grad-cam does. Its sign,
    which the paper leaves open, is that with which it agrees with the mean of the maps. (H, W), 0 and above.
    """
    maps = own_maps(question)[0]
    flat = maps.reshape(-1, maps.shape[-1]).astype(np.float64)
    spread = flat - flat.mean(axis=0)
    if len(spread) < spread.shape[1]:  # fewer places than channels: their products are the smaller matrix
        axis = spread.T @ np.linalg.eigh(spread @ spread.T)[1][:, -1]
    else:
        axis = np.linalg.eigh(spread.T @ spread)[1][:, -1]
    found = spread @ (axis / max(float(np.linalg.norm(axis)), 1e-30))
    found *= 1.0 if np.dot(found, flat.mean(axis=1)) >= 0 else -1.0
    coarse = tf.constant(found.reshape(1, *maps.shape[:2]), tf.float32)
    return np.asarray(enlarged(coarse, tf.constant(question.picture)))


def _cam(question: Question, name: str) -> Map:
    """The maps of a layer put together by a rule of ``_RULES``, brought to the picture's size."""
    ((maps, slope),) = maps_and_slopes(question, (maps_of(question),))
    return np.asarray(enlarged(_RULES[name](maps, slope), tf.constant(question.picture)))


def maps_and_slopes(question: Question, layers: tuple[str, ...]) -> list[tuple[tf.Tensor, tf.Tensor]]:
    """The maps of some layers, and the gradients of the score with respect to them: (1, h, w, C) each.

    One compiled function serves every rule that puts them together.
    """
    classifier, layer = question.classifier, question.layer

    def make() -> Any:
        forward = folded(classifier, [*layers, layer])

        @tf.function(input_signature=[PICTURES, UNITS], autograph=False)
        def found(x: tf.Tensor, units: tf.Tensor) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                values = forward(x)
                value = score(values, layer, units)
            maps = [values[one] for one in layers]
            return maps, tape.gradient(value, maps, unconnected_gradients=tf.UnconnectedGradients.ZERO)

        return classifier.told([layer], found)

    key, given = ("maps and slopes", layers, layer), (question.picture, question.units)
    found = classifier.compiled(key, make, plain=FEW)
    maps, slopes = shared(classifier, key, given, lambda: found(*map(tf.constant, given)))
    return list(zip(maps, slopes, strict=True))


def maps_of(question: Question) -> str:
    """The layer whose maps are weighed. Raises ValueError for one without height and width."""
    chosen = last_maps(question.classifier, question.layer) if question.maps is None else question.maps
    if not question.classifier.layer(chosen).spatial:
        raise ValueError(f"Expected maps with height and width, got the layer {chosen!r}")
    return chosen


def own_maps(question: Question) -> Floats:
    """These maps of the picture: (1, h, w, C)."""
    chosen = maps_of(question)
    return np.asarray(look(question.classifier, question.picture, [chosen])[chosen], np.float32)


# ------------------------------------------------------------ rules: maps and their gradients (1, h, w, C) -> (1, h, w)


def _weighted_plus(maps: tf.Tensor, slope: tf.Tensor) -> tf.Tensor:
    squares, cubes = slope**2, slope**3
    total = tf.reduce_sum(maps, axis=(1, 2), keepdims=True)
    alphas = tf.math.divide_no_nan(squares, 2 * squares + total * cubes)
    return tf.reduce_sum(tf.reduce_sum(alphas * tf.nn.relu(slope), axis=(1, 2), keepdims=True) * maps, axis=-1)


def _everywhere(maps: tf.Tensor, slope: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(slope * maps, axis=-1)


def _positive(maps: tf.Tensor, slope: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.nn.relu(slope) * maps, axis=-1)


def _by_fraction(maps: tf.Tensor, slope: tf.Tensor) -> tf.Tensor:
    total = tf.reduce_sum(maps, axis=(1, 2), keepdims=True)
    weights = tf.reduce_sum(slope * maps, axis=(1, 2), keepdims=True) / (total + 1e-7)
    return tf.reduce_sum(weights * maps, axis=-1)


_RULES: Mapping[str, Callable[[tf.Tensor, tf.Tensor], tf.Tensor]] = MappingProxyType(
    {"cam": weighted, "plus": _weighted_plus, "hires": _everywhere, "layer": _positive, "xgrad": _by_fraction}
)
