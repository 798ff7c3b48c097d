"""Class activation maps without gradients: what a score loses without a map, or keeps of the picture under it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core.networks import folding
from core.networks.class_maps import enlarged
from core.networks.classifiers import PICTURES, Classifier
from core.optimize.ascent import batch_size
from core.pauses import each
from core.settings import Setting
from core.techniques.attribution.cam import maps_of, own_maps
from core.techniques.attribution.question import Map, Question, flat, scores_of
from core.types import Floats

CHANNELS = Setting(
    "channels", "Channels", 64, (16, 64, 256), 1, 4096,
    "How many of the strongest maps are tried. All of them are often too slow.",
)  # fmt: skip
MOST_NUMBERS = 2**23
"""Of maps that are computed at once: 32 MiB."""


def ablation_cam(question: Question) -> Map:
    """Ablation-CAM (Desai and Ramaswamy, WACV 2020): each map weighted by what the score loses without it.

    The loss is a fraction of the score itself, as in the paper.
    """
    classifier, chosen = question.classifier, maps_of(question)
    maps = own_maps(question)
    scores = _without(classifier, chosen, question, maps)
    own = float(scores(np.ones((1, maps.shape[-1]), np.float32))[0])
    silent = np.abs(maps).max(axis=(0, 1, 2)) == 0
    weights = np.zeros(maps.shape[-1], np.float32)
    chosen_channels = np.flatnonzero(~silent)
    for part in each(_parts(chosen_channels, max(1, MOST_NUMBERS // maps.size))):
        kept = np.ones((len(part), maps.shape[-1]), np.float32)
        kept[np.arange(len(part)), part] = 0
        weights[part] = own - scores(kept)
    return _together(question, maps, weights / (abs(own) or 1.0))


def score_cam(question: Question, *, channels: int) -> Map:
    """Score-CAM (Wang et al., arXiv:1910.01279): each map weighted by the score of the picture seen through it.

    The ``channels`` strongest maps only; the weights are the softmax of these scores, as in the paper's algorithm.
    """
    maps = own_maps(question)
    order = np.argsort(-maps[0].max(axis=(0, 1)), kind="stable")[:channels]
    size = question.picture.shape[1:3]
    scores = []
    for part in each(_parts(order, batch_size(*size))):
        masks = tf.image.resize(tf.constant(np.moveaxis(maps[0][..., part], -1, 0)[..., None]), size).numpy()
        low, high = (edge(masks, axis=(1, 2), keepdims=True) for edge in (np.min, np.max))
        through = (masks - low) / np.maximum(high - low, 1e-8) * question.picture
        scores.append(scores_of(question, through.astype(np.float32)))
    values = np.concatenate(scores).astype(np.float64)
    share = np.exp(values - values.max())
    weights = np.zeros(maps.shape[-1], np.float32)
    weights[order] = share / share.sum()
    return _together(question, maps, weights)


def _together(question: Question, maps: Floats, weights: Floats) -> Map:
    coarse = tf.constant(maps @ weights)
    return np.asarray(enlarged(coarse, tf.constant(question.picture)))


def _parts(numbers: npt.NDArray[np.intp], count: int) -> Iterator[npt.NDArray[np.intp]]:
    return (numbers[first : first + count] for first in range(0, len(numbers), count))


def _without(classifier: Classifier, chosen: str, question: Question, maps: Floats) -> Any:
    """What is kept of each map (N, channels), 0 or 1, -> the scores (N,).

    Only what comes behind the maps is computed, where nothing else leads from the picture to the score.
    """
    layer = question.layer
    apart = classifier.graph.token_map(chosen) is None and folding.separates(classifier, chosen, layer)

    def make() -> Any:
        if apart:
            _, rest = folding.halves(classifier, chosen, layer)

        def behind(picture: tf.Tensor, own: tf.Tensor, kept: tf.Tensor) -> tf.Tensor:
            if apart:
                return flat(rest(own * kept[:, None, None]))
            forward = classifier.forward([layer], change={chosen: lambda value: value * kept[:, None, None]})
            return flat(forward(tf.repeat(picture, tf.shape(kept)[0], axis=0))[layer])

        several = tf.TensorSpec((None, None), tf.float32)
        signature = [PICTURES, tf.TensorSpec((None, None, None, None), tf.float32), several]

        def fixed(picture: tf.Tensor, own: tf.Tensor, kept: tf.Tensor) -> tf.Tensor:
            return behind(picture, tf.ensure_shape(own, (None, None, None, maps.shape[-1])), kept)

        return classifier.told([layer], tf.function(fixed, input_signature=signature, autograph=False))

    run = classifier.compiled(("ablated maps", chosen, layer), make)
    picture, own = tf.constant(question.picture), tf.constant(maps)
    return lambda kept: question.difference(run(picture, own, tf.constant(kept)).numpy())
