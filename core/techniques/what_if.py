"""What if a network had other units: channels of a layer switched off or turned up, and what becomes of its answers.

A channel is multiplied by a factor at every place: 0 switches it off (Morcos et al., arXiv:1803.06959, ask in this way
how much a network depends on single units), 1 leaves it alone, more turns it up. Everything behind it sees the change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core import checks
from core.networks.class_maps import found_maps
from core.networks.classifiers import LOGITS, PICTURES, Classifier
from core.networks.compiled import FEW
from core.networks.requirements import require_answers, require_channels, require_on_the_way, require_size
from core.pauses import each
from core.types import Floats, Pictures

__all__ = ["MOST_FACTOR", "WhatIf", "ablate", "scaled_logits", "what_if"]

Prediction = list[tuple[str, float]]

PIXELS_AT_ONCE = 16 * 224 * 224
MOST_FACTOR = 100.0
MOST_CLASSES = 1_000_000


@dataclass(frozen=True, eq=False)
class WhatIf:
    """What a network makes of one picture when units are scaled.

    Attributes:
        answers: (classes,) probabilities, or the numbers that it gives.
        score: the logit of the class that was asked about.
        evidence: (h, w) what each place of the network's last map, as ``class_maps`` finds it, gives to that logit:
            activation times gradient, over all channels (HiRes-CAM, arXiv:2011.08891); positive speaks for it. None
            where it has no maps.
    """

    answers: Floats
    score: float
    evidence: Floats | None


def what_if(
    classifier: Classifier, picture: npt.ArrayLike, layer: str, factors: Mapping[int, float], *, target: int
) -> WhatIf:
    """The answer, and the map of where it comes from, when units of a layer are scaled.

    Args:
        classifier: a network with classes, or numbers.
        picture: (1, H, W, 3) or (H, W, 3) RGB in [0, 1], of a size at which the network answers.
        layer: any layer on the way to the answer.
        factors: {channel: factor}, 0 to 100; channels that are not named stay as they are.
        target: the class whose logit is asked about.

    Raises:
        ValueError: a layer, channel, factor, class or size that cannot be.
    """
    one = checks.picture(picture)
    scale = _scale(classifier, layer, factors)
    require_size(classifier, [LOGITS], *one.shape[1:3])
    wanted = checks.whole("a class", target, 0, len(classifier.labels) - 1)
    where = found_maps(classifier, LOGITS)
    run = classifier.compiled(("what if", layer), lambda: _explained(classifier, layer, where), plain=FEW)
    logits, score, evidence = run(tf.constant(one), tf.constant(scale), tf.constant(wanted))
    answers = classifier.probabilities(logits.numpy())[0]
    return WhatIf(answers, float(score), evidence.numpy() if evidence.shape.rank == 2 else None)


def scaled_logits(classifier: Classifier, pictures: npt.ArrayLike, layer: str, factors: Mapping[int, float]) -> Floats:
    """The logits (N, classes) of pictures (N, H, W, 3) when units of a layer are scaled; else as ``what_if``."""
    scale = _scale(classifier, layer, factors)
    batch = _runnable(classifier, pictures)
    run = classifier.compiled(("scaled", layer), lambda: _scaling(classifier, layer))
    size = max(1, PIXELS_AT_ONCE // (batch.shape[1] * batch.shape[2]))
    parts = [batch[first : first + size] for first in range(0, len(batch), size)]
    return np.concatenate([run(tf.constant(part), tf.constant(scale)).numpy() for part in each(parts)])


def ablate(
    classifier: Classifier, pictures: npt.ArrayLike, layer: str, channels: Sequence[int], *, top: int = 5
) -> list[Prediction]:
    """What the network says when channels of a layer are switched off: zero at every place.

    Args:
        classifier: a network with classes.
        pictures: (N, H, W, 3) float in [0, 1], of a size at which it answers.
        layer: any layer on the way to the answer.
        channels: which to switch off; none changes nothing.
        top: how many classes to tell, the likeliest first.

    Returns:
        For each picture [(label, probability), ...].

    Raises:
        ValueError: a layer, channel, size or count that cannot be, or a network without classes.
    """
    off = dict.fromkeys(channels, 0.0)
    _scale(classifier, layer, off)
    _runnable(classifier, pictures)
    checks.whole("top", top, 1, MOST_CLASSES)
    probabilities = classifier.probabilities(scaled_logits(classifier, pictures, layer, off))
    return [classifier.ranked(row, top) for row in probabilities]


# ------------------------------------------------------------------------------------------------- what is asked


def _scale(classifier: Classifier, layer: str, factors: Mapping[int, float]) -> Floats:
    """What each channel of a layer is multiplied by: (channels,). Raises ValueError."""
    require_answers(classifier)
    require_on_the_way(classifier, layer)
    scale = np.ones(classifier.layer(layer).channels, np.float32)
    chosen = require_channels(classifier, layer, factors)
    scale[chosen] = [checks.number("a factor", one, 0.0, MOST_FACTOR) for one in factors.values()]
    return scale


def _runnable(classifier: Classifier, pictures: npt.ArrayLike) -> Pictures:
    batch = checks.pictures(pictures)
    require_size(classifier, [LOGITS], *batch.shape[1:3])
    return batch


# --------------------------------------------------------------------------------------------------- what is run


def _times(value: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """In the precision in which the network computes."""
    return value * tf.cast(scale, value.dtype)


def _scaling(classifier: Classifier, layer: str) -> Any:
    @tf.function(input_signature=[PICTURES, tf.TensorSpec((None,), tf.float32)])
    def run(pictures: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
        return classifier.forward([LOGITS], change={layer: lambda value: _times(value, scale)})(pictures)[LOGITS]

    return classifier.told([LOGITS], run)


def _explained(classifier: Classifier, layer: str, where: str) -> Any:
    """(picture, factors, class) -> logits (1, classes), the class's logit, and its map (h, w), empty where none is."""

    @tf.function(input_signature=[PICTURES, tf.TensorSpec((None,), tf.float32), tf.TensorSpec((), tf.int32)])
    def run(picture: tf.Tensor, scale: tf.Tensor, target: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        made: list[tf.Tensor] = []

        def note(value: tf.Tensor) -> tf.Tensor:
            made.append(_times(value, scale) if where == layer else value)
            return made[-1]

        change = {layer: lambda value: _times(value, scale)} | ({where: note} if where else {})
        with tf.GradientTape() as tape:
            prepared = classifier.preprocess(picture)
            tape.watch(prepared)
            logits = classifier.graph.run(prepared, [LOGITS], change=change)[LOGITS]
            score = tf.gather(logits[0], target)
        if not made:
            return logits, score, tf.zeros((0,))
        slope = tape.gradient(score, made[-1], unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return logits, score, tf.reduce_sum(tf.cast(made[-1] * slope, tf.float32), axis=-1)[0]

    return classifier.told([LOGITS], run)
