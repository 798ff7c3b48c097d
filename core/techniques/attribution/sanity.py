"""May an explanation be believed? Shuffled networks, likeness of maps, and what its pixels do to the answer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from skimage.metrics import structural_similarity

from core import checks
from core.networks.classifiers import Classifier
from core.networks.reweighting import reweighted, weighted_layers
from core.techniques.attribution.occlusion import filled
from core.techniques.attribution.question import Map, ask, probabilities_of
from core.types import Floats


def randomized(classifier: Classifier, *, fraction: float = 1.0, seed: int = 0) -> Classifier:
    """The same network with the weights of its last layers shuffled: does an explanation notice?

    Adebayo et al., arXiv:1810.03292, re-initialize from the top down; shuffling keeps each layer's own spread. Layers
    that are not shuffled are shared, and a larger fraction shuffles the last ones just as a smaller one does.

    Args:
        classifier: a network of any style; its own ``network`` stays as it is, and so does that of what is returned.
        fraction: of the layers that have weights, from the last one on, above 0 and up to 1; one layer at the least.
        seed: of the shuffling.

    Raises:
        ValueError: another fraction, or a layer of a person's own that Keras cannot copy.
    """
    if checks.number("fraction", fraction, 0, 1) == 0:
        raise ValueError("Expected a fraction above 0, got 0")
    checks.seed(seed)
    layers = weighted_layers(classifier)
    chosen = layers[len(layers) - max(1, round(fraction * len(layers))) :]
    rng = np.random.default_rng(seed)
    weights = {
        name: [rng.permuted(weight.ravel()).reshape(weight.shape) for weight in classifier.weights(name)]
        for name in reversed(chosen)
    }
    return reweighted(classifier, weights, name=f"{classifier.name}, shuffled")


def similarity(one: Map, other: Map) -> float:
    """How alike two maps are (structural similarity, each brought to [0, 1] first): 1 is the same, 0 is chance."""
    scaled = [(values - values.min()) / max(float(np.ptp(values)), 1e-12) for values in (one, other)]
    side = min(7, min(one.shape) // 2 * 2 - 1)
    return float(structural_similarity(*scaled, data_range=1.0, win_size=side))


def same_map(one: Map, other: Map) -> bool:
    """Whether two maps are the same to rounding: before global average pooling those of several methods must be."""
    return bool(np.allclose(one, other, rtol=1e-4, atol=1e-5 * float(np.abs(one).max())))


def insertion_deletion(
    classifier: Classifier, picture: npt.ArrayLike, target: int, attribution: Map, *, steps: int = 20
) -> tuple[Floats, Floats]:
    """The probability of a class while its most important pixels come into a blurred picture, or go to grey.

    A map that tells the truth rises fast and falls fast (Petsiuk et al., arXiv:1806.07421). Two curves (steps + 1,).
    Pauses after each batch of pictures. Raises ValueError as ``attribute`` does.
    """
    question = ask(classifier, picture, target)
    one = question.picture
    checks.whole("steps", steps, 1, 1000)
    if np.shape(attribution) != one.shape[1:3]:
        raise ValueError(f"Expected an attribution of shape {one.shape[1:3]}, got {np.shape(attribution)}")
    order = np.argsort(-np.asarray(attribution).ravel(), kind="stable")
    curves = []
    for start, end in ((filled(one, "blurred"), one), (one, filled(one, "grey"))):
        stages = np.repeat(start.reshape(1, -1, 3), steps + 1, axis=0)
        for step in range(steps + 1):
            chosen = order[: round(len(order) * step / steps)]
            stages[step, chosen] = end.reshape(-1, 3)[chosen]
        curves.append(probabilities_of(question, stages.reshape(-1, *one.shape[1:])))
    return curves[0], curves[1]
