"""What a technique may require of a network before it begins, each with its sentence; every one raises ValueError."""

from __future__ import annotations

from collections.abc import Iterable

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core.networks.classifiers import LOGITS, Classifier
from core.networks.steps import BEFORE


def require_answers(classifier: Classifier) -> None:
    """The network gives scores of classes, or numbers."""
    if not classifier.labels:
        raise ValueError(f"Expected a network with classes, got {classifier.name}, which ends in a feature map")


def require_classes(classifier: Classifier, *, least: int = 1) -> None:
    """The network gives scores of classes, of so many at least."""
    require_answers(classifier)
    if not classifier.has_classes:
        raise ValueError(f"Expected a network with classes, got {classifier.name}, which gives numbers")
    if len(classifier.labels) < least:
        raise ValueError(
            f"Expected a network with classes to choose between, got {classifier.name} with {len(classifier.labels)}"
        )


def require_labels(classifier: Classifier, labels: npt.ArrayLike, count: int) -> npt.NDArray[np.int32]:
    """These are classes of the network by number, one for each of ``count`` pictures; as (count,) int32."""
    targets = np.asarray(labels)
    if targets.shape != (count,) or targets.dtype.kind not in "iu":
        raise ValueError(f"Expected {count} labels, got {labels!r}")
    outside = [int(label) for label in targets if not 0 <= label < len(classifier.labels)]
    if outside:
        raise ValueError(f"Expected labels from 0 to {len(classifier.labels) - 1}, got {outside[0]}")
    return targets.astype(np.int32)


def require_finite_weights(classifier: Classifier, layers: Iterable[str]) -> None:
    """No layer that these depend on has a NaN or an infinity among its weights; looked up once."""
    names = tuple(layers)
    broken = classifier.keep(("finite", names), lambda: _non_finite_weights(classifier, names))
    if broken:
        raise ValueError(f"Expected finite weights, got NaN or infinity in layer {broken!r} of {classifier.name}")


def require_size(classifier: Classifier, layers: Iterable[str], height: int, width: int) -> None:
    """These layers (or ``LOGITS``) can be computed for pictures of this size."""
    if not classifier.runs_at(layers, height, width):
        own, got = ("{} x {}".format(*size) for size in (classifier.size, (height, width)))
        raise ValueError(f"Expected pictures of {own}, the only size at which {classifier.name} answers, got {got}")


def require_on_the_way(classifier: Classifier, layer: str) -> None:
    """The layer exists, and the answer of the network, which has one, depends on it."""
    classifier.layer(layer)
    if (
        layer not in classifier.before(LOGITS)
        and classifier.graph.tensors[layer] is not classifier.graph.tensors[LOGITS]
    ):
        raise ValueError(f"Expected a layer on the way to the answer of {classifier.name}, got {layer!r}, which is not")


def require_finite(values: npt.NDArray[np.floating], layer: str) -> None:
    """What a layer gave has no NaN or infinity in it."""
    if not np.isfinite(values).all():
        raise ValueError(f"Expected finite activations, got NaN or infinity at {layer}")


def require_large_enough(classifier: Classifier, layer: str, height: int, width: int) -> None:
    """No convolution on the way to this layer (or ``LOGITS``) is larger than what is left of a picture of this size."""
    classifier.tap([layer])(tf.fill((1, height, width, 3), 0.5))


def require_channels(classifier: Classifier, layer: str, channels: Iterable[int]) -> list[int]:
    """These are channels of a layer, or classes where it is ``LOGITS``; as plain integers."""
    if layer == LOGITS:
        require_answers(classifier)
    count = len(classifier.labels) if layer == LOGITS else classifier.layer(layer).channels
    chosen = list(channels)
    for channel in chosen:
        if isinstance(channel, bool) or not isinstance(channel, (int, np.integer)) or not 0 <= channel < count:
            raise ValueError(f"Expected channels of {layer} from 0 to {count - 1}, got {channel!r}")
    return [int(channel) for channel in chosen]


def _non_finite_weights(classifier: Classifier, layers: Iterable[str]) -> str | None:
    """The first layer with a NaN or an infinity among its weights that these layers depend on, if any."""
    names = [name.removesuffix(BEFORE) for name in layers]
    for step in classifier.graph.needed(names):
        if isinstance(step.operation, keras.layers.Layer):
            weights = step.operation.get_weights()
            if any(not np.isfinite(w).all() for w in weights if np.issubdtype(np.asarray(w).dtype, np.floating)):
                return step.name
    return None
