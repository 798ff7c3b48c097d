"""What a dream maximizes: layers or channels of them, or likeness to a guide; checked and compiled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core import checks
from core.networks.classifiers import Classifier
from core.networks.requirements import require_channels, require_finite_weights
from core.optimize import ascent
from core.optimize.objectives import Direction, Energy, FeatureMatch, Objective, Sum
from core.pictures import images
from core.techniques.dream.presets import DreamPreset
from core.types import Pictures

MIN_SIDE = 32
GUIDE_SIDE = 224


def compiled_gradient(
    classifier: Classifier,
    layers: Mapping[str, float],
    channels: Sequence[int],
    recipe: DreamPreset,
    *,
    guide: npt.ArrayLike | None,
) -> Any:
    """The compiled gradient of the weighted sum over layers, as ``ascent.gradient`` gives it.

    Raises ValueError for layers, weights, channels or a guide that cannot be.
    """
    for layer, weight in layers.items():
        _require_map(classifier, layer)
        if not isinstance(weight, (int, float, np.number)) or not np.isfinite(weight):
            raise ValueError(f"Expected finite weights of layers, got {weight!r} for {layer!r}")
        require_channels(classifier, layer, channels)
    require_finite_weights(classifier, layers)
    chosen = tuple(channels)
    seen = None if guide is None else images.shrink(large_picture(guide, name="guide"), max_side=GUIDE_SIDE)
    terms = [(float(weight), _term(classifier, layer, chosen, recipe, seen)) for layer, weight in layers.items()]
    return ascent.gradient(classifier, Sum(tuple(terms)))


def large_picture(picture: npt.ArrayLike, *, name: str = "picture") -> Pictures:
    """One picture (1, H, W, 3), at least 32 pixels a side. Raises ValueError."""
    array = checks.picture(picture, name=name)
    if min(array.shape[1:3]) < MIN_SIDE:
        size = "{} x {}".format(*array.shape[1:3])
        raise ValueError(f"Expected a {name} of at least {MIN_SIDE} pixels a side, got {size}")
    return array


def _require_map(classifier: Classifier, layer: str) -> None:
    info = classifier.layer(layer)
    if not info.spatial:
        raise ValueError(f"Expected layers with height and width to dream with, got {layer!r}")
    if info.fixed:
        raise ValueError(f"Expected layers that run at any size to dream with, got {layer!r}, which has one only")


def _term(
    classifier: Classifier, layer: str, channels: tuple[int, ...], recipe: DreamPreset, guide: Pictures | None
) -> Objective:
    if guide is not None:
        return _likeness(classifier, layer, channels, guide)
    if recipe.objective == "mean":
        count = classifier.layer(layer).channels
        chosen = set(channels) or set(range(count))
        return Direction(layer, tuple(1 / len(chosen) if channel in chosen else 0.0 for channel in range(count)))
    return Energy(layer, recipe.border, channels, whole=recipe.border > 0)


def _likeness(classifier: Classifier, layer: str, channels: tuple[int, ...], guide: Pictures) -> FeatureMatch:
    """Likeness to the guide at one layer; kept, since every ``FeatureMatch`` costs a compilation."""

    def make() -> FeatureMatch:
        try:
            features = classifier.tap([layer])(tf.constant(guide))[layer].numpy()
        except ValueError:  # nothing is left of the guide at this layer
            features = np.zeros((0, 1), np.float32)
        if not features.size:
            size = "{} x {}".format(*guide.shape[1:3])
            raise ValueError(f"Expected a guide large enough for {layer}, got one that is {size} when shrunk")
        return FeatureMatch(layer, features.reshape(-1, features.shape[-1]), channels)

    return classifier.keep_aside(("guide", layer, channels, images.digest(guide)), make)
