"""The way of an answer through a network: from stage to stage through the strongest channels, down to the picture.

A channel's contribution is activation times gradient. The part of it that comes through a channel of an earlier stage
is that channel's activation times the gradient of the contribution, with the later gradient held as it is; where an
earlier stage is all that a later one depends on, these parts of all later channels sum to the earlier channel's own
contribution. With one channel let through and the picture as the earlier stage, this is conditional attribution
(Achtibat et al., arXiv:2206.03208) by gradients.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core import checks
from core.networks.classifiers import LOGITS, Classifier, stages
from core.networks.folding import fold
from core.networks.graphs import Graph
from core.networks.requirements import require_channels
from core.networks.segments import segment
from core.techniques.circuits.contributions import Target, asked_of
from core.types import Floats, Pictures

__all__ = ["River", "conditional_attribution", "river"]

MOST_STAGES, MOST_CHANNELS = 12, 32


@dataclass(frozen=True, eq=False)
class River:
    """What flows to an answer, stage by stage.

    Attributes:
        layers: the stages, shallow to deep.
        channels: for each stage the (k,) channels that give most to the answer, the most first.
        parts: for each stage what these give, (k,).
        totals: for each stage what all its channels give together.
        strands: for each stage but the first, (k before, k): how much of what a channel gives comes through each
            channel before.
        score: the logit, or the difference of two.
    """

    layers: tuple[str, ...]
    channels: tuple[npt.NDArray[np.int64], ...]
    parts: tuple[Floats, ...]
    totals: tuple[float, ...]
    strands: tuple[Floats, ...]
    score: float


def river(
    classifier: Classifier,
    picture: npt.ArrayLike,
    target: Target,
    *,
    layers: Sequence[str] | None = None,
    count: int = 5,
) -> River:
    """The strongest channels of each stage, and what flows from each to each of the next stage.

    Args:
        classifier: a network with classes, or numbers.
        picture: (1, H, W, 3) or (H, W, 3) RGB in [0, 1], of a size at which the network answers.
        target: a class, or a pair of them.
        layers: the stages, in running order, each of which depends on the one before; by default the last five stages
            of the network that do.
        count: how many channels of each stage.

    Raises:
        ValueError: layers that do not follow one another on the way to the answer, or what ``contributions`` refuses.
    """
    checks.whole("count", count, 1, MOST_CHANNELS)
    chosen = tuple(layers) if layers is not None else usual_stages(classifier)
    if not 1 <= len(chosen) <= MOST_STAGES:
        raise ValueError(f"Expected 1 to {MOST_STAGES} layers, got {len(chosen)}")
    for layer in chosen:
        one, weights = asked_of(classifier, picture, layer, target)
    for before, after in pairwise(chosen):
        if before not in classifier.before(after):
            raise ValueError(
                f"Expected layers that follow one another, got {after!r}, which does not depend on {before!r}"
            )
    graph = classifier.keep_aside(("river", chosen), lambda: fold(classifier.graph, (*chosen, LOGITS)))
    return _flow(classifier, graph, _Back.through(classifier, graph, one, weights, layers=chosen), count)


def usual_stages(classifier: Classifier, most: int = 5) -> tuple[str, ...]:
    """The last stages of a network that lie on one way to the answer, shallow to deep."""
    found: list[str] = []
    after = LOGITS
    for stage in reversed(stages(classifier)):
        if stage.layer in classifier.before(after) and classifier.layer(stage.layer).channels > 1:
            found.append(stage.layer)
            after = stage.layer
    return tuple(reversed(found[:most])) or (classifier.before(LOGITS)[-1],)


def conditional_attribution(
    classifier: Classifier, picture: npt.ArrayLike, layer: str, channel: int, *, target: Target
) -> Floats:
    """What of the picture comes into an answer through one channel: (H, W) float32, picture times gradient.

    Only the channel's own share of the gradient is let through its layer; positive speaks for the target. The maps of
    all channels of a layer sum to the map of picture times gradient, where the answer sees the picture through this
    layer alone. Arguments and errors as ``contributions``.
    """
    one, weights = asked_of(classifier, picture, layer, target)
    (chosen,) = require_channels(classifier, layer, [channel])
    graph = classifier.keep_aside(("river", (layer,)), lambda: fold(classifier.graph, (layer, LOGITS)))
    back = _Back.through(classifier, graph, one, weights, layers=(layer,), picture_too=True)
    only = tf.one_hot(chosen, back.maps[layer].shape[-1], dtype=back.slopes[layer].dtype)
    slope = back.tape.gradient(back.maps[layer], back.pixels, output_gradients=back.slopes[layer] * only)
    if slope is None:
        raise ValueError(f"Expected a layer that depends on the picture, got {layer!r}")
    found: Floats = np.asarray(tf.reduce_sum(back.pixels * slope, axis=-1)[0], np.float32)
    return found


@dataclass(frozen=True, eq=False)
class _Back:
    """One pass forth and back: maps and slopes of the score by layer."""

    pixels: tf.Tensor
    maps: Mapping[str, tf.Tensor]
    slopes: Mapping[str, tf.Tensor]
    score: float
    tape: Any
    known: Mapping[int, tf.Tensor]

    @classmethod
    def through(
        cls, classifier: Classifier, graph: Graph, picture: Pictures, weights: Floats, *,
        layers: tuple[str, ...], picture_too: bool = False,
    ) -> _Back:  # fmt: skip
        pixels = tf.constant(picture)
        maps: dict[str, tf.Tensor] = {}
        known: dict[int, tf.Tensor] = {}

        def note(name: str) -> Any:
            def keep(value: tf.Tensor) -> tf.Tensor:
                maps[name] = value
                known[id(graph.tensors[name])] = value
                return value

            return keep

        with tf.GradientTape(persistent=picture_too) as tape:
            tape.watch(pixels)
            prepared = classifier.preprocess(pixels)
            answers = graph.run(prepared, [LOGITS], change={name: note(name) for name in layers})
            score = tf.reduce_sum(answers[LOGITS] * weights)
        known[id(graph.input)] = prepared
        slopes = tape.gradient(score, maps, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return cls(pixels, maps, slopes, float(score), tape, known)


def _flow(classifier: Classifier, graph: Graph, back: _Back, count: int) -> River:
    layers = tuple(back.maps)
    every = [_over_places(back.maps[name] * back.slopes[name])[0] for name in layers]
    channels = [np.argsort(-np.abs(given), kind="stable")[:count] for given in every]
    strands = [
        _strands(graph, back, (before, after), chosen)[:, taken].T
        for before, after, taken, chosen in zip(layers, layers[1:], channels, channels[1:], strict=False)
    ]
    parts = tuple(given[chosen] for given, chosen in zip(every, channels, strict=True))
    totals = tuple(float(given.sum(dtype=np.float64)) for given in every)
    return River(layers, tuple(channels), parts, totals, tuple(strands), back.score)


def _strands(graph: Graph, back: _Back, ends: tuple[str, str], channels: npt.NDArray[np.int64]) -> Floats:
    """How much of what each of some channels gives comes through each channel of the layer before: (k, channels)."""
    before, after = ends
    part = segment(graph, graph.tensors[before], [after])
    maps, slopes = back.maps[before], back.slopes[after]
    only = tf.one_hot(channels, slopes.shape[-1], dtype=slopes.dtype)
    shape = (len(channels), *([1] * (slopes.shape.rank - 2)), slopes.shape[-1])
    beside = _beside(graph, back, part.beside)
    with tf.GradientTape() as tape:
        start = tf.repeat(maps, len(channels), axis=0)
        tape.watch(start)
        made = part.run(start, beside)[after]
    back_to = tape.gradient(
        made, start, output_gradients=slopes * tf.reshape(only, shape),
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )  # fmt: skip
    return _over_places(start * back_to)


def _beside(graph: Graph, back: _Back, wanted: Sequence[Any]) -> list[tf.Tensor]:
    """What a part of the network reads beside the layer that it starts with."""
    if not wanted:
        return []
    names = {f"(beside {index})": one for index, one in enumerate(wanted)}
    full = Graph(graph.input, graph.steps, {**graph.tensors, **names}, graph.layers, graph.ends)
    found = full.run(back.known[id(graph.input)], names)
    return [found[name] for name in names]


def _over_places(values: tf.Tensor) -> Floats:
    """(n, ..., channels) summed over all places: (n, channels)."""
    whole = tf.cast(values, tf.float32)
    found: Floats = tf.reduce_sum(whole, axis=list(range(1, whole.shape.rank - 1))).numpy()
    return found
