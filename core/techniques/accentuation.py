"""Feature accentuation: what in a photograph a unit likes, drawn into the photograph itself.

The unit is maximized from the photograph on, and the activations of an earlier layer hold the picture to it: what comes
out is the photograph with more of what the unit responded to there, and little else (Hamblin et al., arXiv:2402.10039).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core import checks
from core.networks.classifiers import LOGITS, Classifier, stages
from core.networks.nonlinearities import before_nonlinearity, with_inputs_of_activations
from core.networks.requirements import require_channels, require_finite_weights, require_size
from core.networks.steps import BEFORE
from core.optimize.ascent import Estimate, Frame, State, activation_bytes, ascend, batch_size, last
from core.optimize.objectives import Channel, FeatureReconstruction, Objective, Scaled
from core.optimize.parameterizations import Fourier, Parameterization, Pixels
from core.optimize.starts import alike, as_seen_by, require_state
from core.optimize.transforms import Chain, Roll, Scale
from core.optimize.updates import Adam
from core.pictures import images
from core.types import Floats

__all__ = ["ACCENTUATED", "accentuate", "estimate_accentuation", "holding_layer"]

MAX_STEPS = 5000
MIN_SIDE, MAX_SIDE = 32, 1024
MAX_UNITS = 64
ACCENTUATED: dict[str, tuple[Parameterization, Adam]] = {
    "waves": (Fourier(decay=1.2), Adam(0.02)),
    "pixels": (Pixels(), Adam(0.005)),
}
"""What is changed of the photograph, by name: its waves, all lengths alike, or its pixels, which makes finer marks."""
VIEWS = Chain((Roll(8), Scale(0.95, 1.05, 5)))


def accentuate(
    classifier: Classifier,
    picture: npt.ArrayLike,
    layer: str,
    channels: Sequence[int],
    *,
    hold: float = 10.0,
    held_by: str | None = None,
    changed: str = "waves",
    size: int | None = None,
    steps: int = 64,
    negative: bool = False,
    seed: int = 0,
    state: State | None = None,
) -> Iterator[Frame]:
    """A photograph with more of what each unit likes in it; yields frames about 0.2 seconds apart.

    The score is the unit's mean over its map, before its nonlinearity and in standard deviations of its layer, there
    too, on the photograph, less ``hold`` times the squared distance of the held layer's activations from the
    photograph's (1 is as far as none at all). Both pictures go through the same small random views.

    Args:
        classifier, layer: the network; one of its ``layers``, or ``LOGITS``.
        picture: (H, W, 3) or (1, H, W, 3) RGB in [0, 1], cut to the middle and resized to a square of ``size``.
        channels: 1 to 64 of the layer, or classes; one picture for each.
        hold: 0 to 100; more keeps the photograph, 0 lets the unit do what it likes.
        held_by: the layer that holds; where None, ``holding_layer``.
        changed: of ``ACCENTUATED``.
        size: side in pixels, 32 to 1024; the network's own size where None, or where it takes no other.
        steps: 1 to 5000.
        negative: less of the unit instead of more.
        seed: of the views.
        state: of a frame to go on from, with the same other settings; ``steps`` are then further ones.

    Yields:
        Frames with ``images`` (units, size, size, 3) RGB in [0, 1], or of the network's own height and width; the last
        one after all steps.

    Raises:
        ValueError: a layer, channel, picture or number that cannot be, or weights that are not finite. All before the
            work.
    """
    parameterization, update = checks.row("part to change", changed, ACCENTUATED)
    targets = require_channels(classifier, layer, channels)
    if not 1 <= len(targets) <= MAX_UNITS:
        raise ValueError(f"Expected 1 to {MAX_UNITS} units, got {len(targets)}")
    weight, count = checks.number("hold", hold, 0, 100), checks.whole("steps", steps, 1, MAX_STEPS)
    holder = held_by or holding_layer(classifier, layer)
    photo = _photo(classifier, picture, size, (layer, holder))
    goal, names = _goal(classifier, layer, holder, weight, negative)
    require_finite_weights(classifier, names)
    chosen = as_seen_by(classifier, parameterization)
    sides = (int(photo.shape[1]), int(photo.shape[2]))
    if state is not None:
        require_state(state, len(targets), *sides)
    pictures = tf.constant(photo)
    return ascend(
        classifier,
        goal,
        state or alike(chosen.encode(pictures), len(targets)),
        targets,
        update=update,
        steps=count,
        parameterization=chosen,
        transform=VIEWS if classifier.runs_at(names_of(layer, holder), 0, 0) else Chain((Roll(8),)),
        reference=alike(pictures, len(targets)),
        vectors=tf.fill((len(targets), 1), np.float32(1 / _spread(classifier, photo, layer))),
        seed=checks.seed(seed),
    )


def estimate_accentuation(
    classifier: Classifier, picture: npt.ArrayLike, layer: str, channels: Sequence[int], **settings: Any
) -> Estimate:
    """The cost of ``accentuate`` with the same settings, from a few steps of one batch; compiles what the run needs.

    Raises ValueError as ``accentuate`` does.
    """
    count = checks.whole("steps", settings.pop("steps", 64), 1, MAX_STEPS)
    layers = names_of(layer, settings.get("held_by") or holding_layer(classifier, layer))
    height, width = _photo(classifier, picture, settings.get("size"), layers).shape[1:3]
    batch = max(1, min(len(channels), batch_size(height, width)))
    few = list(channels)[:batch]
    last(accentuate(classifier, picture, layer, few, steps=1, **settings))
    since = time.monotonic()
    last(accentuate(classifier, picture, layer, few, steps=2, **settings))
    once = (time.monotonic() - since) / 3  # two steps, and the one that looks whether all is well
    memory = 2 * activation_bytes(classifier, layers, (height, width), batch)  # the picture's and the photograph's
    memory += 4 * 6 * 3 * len(channels) * height * width
    return Estimate(once * count * -(-len(channels) // batch), memory)


def holding_layer(classifier: Classifier, layer: str) -> str:
    """The layer that holds a picture where nobody says another: of the stages before the unit's the middle one.

    Of an even number it is the earlier of two; where no stage is before it, the same of all layers with maps that are;
    where none of these is, the layer itself.

    Raises ValueError for a layer that does not exist.
    """
    before = set(classifier.before(layer)) if layer != LOGITS or classifier.labels else set()
    if layer != LOGITS:
        classifier.layer(layer)
    able = [stage.layer for stage in stages(classifier) if stage.layer in before and stage.layer != layer]
    able = able or [name for name in classifier.layers if name in before and classifier.layers[name].spatial]
    return able[max(0, (len(able) - 1) // 2)] if able else layer


def names_of(*layers: str) -> tuple[str, ...]:
    """Layers, each once."""
    return tuple(dict.fromkeys(layers))


def _own(classifier: Classifier, layer: str) -> str:
    """Where the units are raised."""
    return LOGITS if layer == LOGITS else before_nonlinearity(classifier, layer)


def _goal(
    classifier: Classifier, layer: str, holder: str, weight: float, negative: bool
) -> tuple[Objective, tuple[str, ...]]:
    raised: Objective = Scaled(Channel(_own(classifier, layer)))
    raised = -raised if negative else raised
    goal = raised - weight * FeatureReconstruction(holder) if weight else raised
    return goal, tuple(name.removesuffix(BEFORE) for name in goal.layers)


def _photo(classifier: Classifier, picture: npt.ArrayLike, size: int | None, layers: tuple[str, ...]) -> Floats:
    one = checks.picture(picture)
    height, width = classifier.size
    if size is not None and classifier.runs_at(layers, 0, 0):
        height = width = checks.whole("size", size, MIN_SIDE, MAX_SIDE)
    require_size(classifier, layers, height, width)
    return images.fit(one, height=height, width=width)


def _spread(classifier: Classifier, photo: Floats, layer: str) -> float:
    """The standard deviation of a layer's units on a photograph, over units and places; 1 where there is none.

    Before their nonlinearity, as ``_goal`` raises them: behind it, one that is closed has none.
    """
    own = _own(classifier, layer)
    graph = with_inputs_of_activations(classifier, (own,))
    run = classifier.told([layer], lambda pictures: graph.run(classifier.preprocess(pictures), [own])[own])
    units = np.asarray(run(tf.constant(photo)), np.float32)
    spread = float(units.std())
    return spread if np.isfinite(spread) and spread > 1e-6 else 1.0
