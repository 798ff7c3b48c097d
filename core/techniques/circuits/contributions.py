"""Which units made an answer: what each channel of a layer gives to a class, or to one class against another.

A contribution is activation times gradient, summed over the map: what the channel gives if the way from the layer to
the answer were the straight line that it is right here. Where that way is linear the contributions are exact. What is
lost when a channel is switched off (Morcos et al., arXiv:1803.06959) needs no such assumption, but a run for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core import checks
from core.networks.classifiers import LOGITS, Classifier
from core.networks.compiled import Compiled
from core.networks.requirements import require_answers, require_channels, require_on_the_way, require_size
from core.networks.tails import Begun, Tail, way_from
from core.pauses import each
from core.types import Floats, Pictures

__all__ = ["Completeness", "Target", "ablation_losses", "completeness", "contributions"]

Target = int | tuple[int, int]
"""A class, or a pair: the first one against the second."""

AT_ONCE, PIXELS_AT_ONCE = 32, 8 * 224 * 224
FEW = 4
"""Channels for which compiling the way to the answer would take longer than it saves."""


def contributions(classifier: Classifier, picture: npt.ArrayLike, layer: str, target: Target) -> Floats:
    """What each channel of a layer gives to an answer: activation times gradient, summed over the map.

    Args:
        classifier: a network with classes, or numbers.
        picture: (1, H, W, 3) or (H, W, 3) RGB in [0, 1], of a size at which the network answers.
        layer: any layer on the way to the answer.
        target: the index of a class, or a pair of them: (tabby, lynx) asks why the first and not the second.

    Returns:
        (channels,) float32, in units of the logit; positive speaks for the target. Where the way from the layer to the
        answer is linear they sum to the logit less what it is without the layer, its bias. Elsewhere that is an
        approximation, and ``completeness`` says how good it is.

    Raises:
        ValueError: a layer that is not on the way, or a class or picture that cannot be.
    """
    one, weights = asked_of(classifier, picture, layer, target)
    run = classifier.compiled(
        ("contributions", one.shape[1:3] == classifier.size), lambda: _everywhere(classifier, one)
    )
    found: Floats = run(tf.constant(one), tf.constant(weights))[layer].numpy()
    return found


def ablation_losses(
    classifier: Classifier, picture: npt.ArrayLike, layer: str, target: Target, *, channels: Sequence[int] | None = None
) -> Floats:
    """How much the answer loses when a channel of a layer is switched off, each alone; arguments as ``contributions``.

    Args:
        channels: which, all of them where None.

    Returns:
        (channels,) float32, in units of the logit, in the order asked for; positive where the answer needs the channel.
    """
    one, weights = asked_of(classifier, picture, layer, target)
    count = classifier.layer(layer).channels
    asked = list(range(count)) if channels is None else require_channels(classifier, layer, channels)
    scaled = _scaled(classifier, layer)
    begun, score = scaled.begin(one, weights)
    size = max(1, min(AT_ONCE, PIXELS_AT_ONCE // (one.shape[1] * one.shape[2])))
    run = scaled.compiled if len(asked) > FEW else scaled.scores
    parts = [asked[first : first + size] for first in range(0, len(asked), size)]
    kept = [1 - np.eye(count, dtype=np.float32)[part] for part in parts]
    scores = [run(begun, tf.constant(one), tf.constant(weights)).numpy() for one in each(kept)]
    return np.float32(score) - np.concatenate([np.zeros(0, np.float32), *scores])


@dataclass(frozen=True)
class Completeness:
    """How far contributions add up to the answer that they explain.

    Attributes:
        score: the logit, or the difference of two.
        without: the same with the whole layer at zero; the bias, where the way from the layer is linear.
        total: the sum of the contributions.
        linear: whether the way from the layer to the answer is linear, so that the contributions are exact.
    """

    score: float
    without: float
    total: float
    linear: bool

    @property
    def error(self) -> float:
        """What is missing or too much, as a part of what the layer gives: 0 is complete."""
        given = self.score - self.without
        return abs(self.total - given) / max(abs(given), 1e-12)


def completeness(
    classifier: Classifier, picture: npt.ArrayLike, layer: str, target: Target, *, found: Floats | None = None
) -> Completeness:
    """Whether the contributions of a layer's channels sum to what the layer gives; arguments as ``contributions``.

    ``found`` are these contributions, where somebody has them already.
    """
    found = contributions(classifier, picture, layer, target) if found is None else found
    one, weights = asked_of(classifier, picture, layer, target)
    scaled = _scaled(classifier, layer)
    begun, score = scaled.begin(one, weights)
    nothing = tf.zeros((1, classifier.layer(layer).channels))
    without = float(scaled.scores(begun, nothing, tf.constant(weights))[0])
    return Completeness(float(score), without, float(found.sum(dtype=np.float64)), scaled.way.segment.linear)


# ------------------------------------------------------------------------------------------------- what is asked


def weights_of(classifier: Classifier, target: Target) -> Floats:
    """What each logit counts in the score: (classes,). Raises ValueError for a class that does not exist."""
    require_answers(classifier)
    pair = tuple(target) if isinstance(target, (tuple, list)) else (target,)
    if len(pair) not in (1, 2):
        raise ValueError(f"Expected a class or a pair of classes, got {len(pair)} of them")
    chosen = [checks.whole("a class", one, 0, len(classifier.labels) - 1) for one in pair]
    if len(set(chosen)) < len(chosen):
        raise ValueError(f"Expected two different classes, got {chosen[0]} twice")
    weights = np.zeros(len(classifier.labels), np.float32)
    weights[chosen] = [1, -1][: len(chosen)]
    return weights


def asked_of(classifier: Classifier, picture: npt.ArrayLike, layer: str, target: Target) -> tuple[Pictures, Floats]:
    """The picture as a batch of one, and what each logit counts in the score. Raises ValueError."""
    one = checks.picture(picture)
    weights = weights_of(classifier, target)
    require_on_the_way(classifier, layer)
    require_size(classifier, [LOGITS], *one.shape[1:3])
    return one, weights


# ------------------------------------------------------------------------------------------------- what is run


def _everywhere(classifier: Classifier, picture: Pictures) -> Any:
    """(picture, weights of the logits) -> {layer: contributions of its channels}, of all layers in one pass back."""
    graph = classifier.graph
    tensors = {id(graph.tensors[name]): name for name in classifier.before(LOGITS)}
    tensors[id(graph.tensors[LOGITS])] = LOGITS
    layers = [name for name in classifier.layers if id(graph.tensors[name]) in tensors]
    sides = classifier.size if picture.shape[1:3] == classifier.size else (None, None)

    @tf.function(input_signature=[tf.TensorSpec((1, *sides, 3)), tf.TensorSpec((len(classifier.labels),))])
    def run(pixels: tf.Tensor, weights: tf.Tensor) -> dict[str, tf.Tensor]:
        made: dict[str, tf.Tensor] = {}

        def note(name: str) -> Any:
            return lambda value: made.setdefault(name, value)

        with tf.GradientTape() as tape:
            prepared = classifier.preprocess(pixels)
            tape.watch(prepared)
            answers = graph.run(prepared, [LOGITS], change={name: note(name) for name in layers})
            score = tf.reduce_sum(answers[LOGITS] * weights)
        slopes = tape.gradient(score, made, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        products = {name: tf.cast(made[name] * slopes[name], tf.float32) for name in made}
        return {name: tf.reduce_sum(one, axis=list(range(one.shape.rank - 1))) for name, one in products.items()}

    return run


@dataclass(frozen=True, eq=False)
class _Scaled:
    """The answer to a picture when the channels of a layer are scaled.

    Attributes:
        way: the network from the layer to its answer.
        compiled: ``scores``, compiled when it is first used.
    """

    way: Tail

    def begin(self, picture: Pictures, weights: Floats) -> tuple[Begun, float]:
        """What a picture is at the layer, and the score as it is."""
        begun = self.way.begin(tf.constant(picture))
        one = tf.ones((1, begun.maps.shape[-1]))
        return begun, float(self.scores(begun, one, tf.constant(weights))[0])

    def scores(self, begun: Begun, factors: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        """(a picture at the layer, factors (n, channels), weights of the logits) -> scores (n,)."""
        shape = (-1, *([1] * (begun.maps.shape.rank - 2)), begun.maps.shape[-1])
        logits = self.way.logits(begun, begun.maps * tf.reshape(factors, shape))
        return tf.linalg.matvec(logits, weights)

    @cached_property
    def compiled(self) -> Any:
        return Compiled(lambda: tf.function(self.scores, reduce_retracing=True))


def _scaled(classifier: Classifier, layer: str) -> _Scaled:
    way = way_from(classifier, layer)
    return classifier.keep(("scaled on the way", layer), lambda: _Scaled(way))
