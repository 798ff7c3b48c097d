"""Filter maximization: the picture that a unit likes most, for many units at once.

``maximize`` grows a wall of pictures from noise, grey or a person's own picture; ``PRESETS`` are published recipes and
the project's own, each a value that can be changed with ``dataclasses.replace``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core import checks
from core.networks.classifiers import LOGITS, Classifier
from core.networks.looking import look
from core.networks.nonlinearities import after_nonlinearity, before_nonlinearity
from core.networks.requirements import require_channels, require_finite_weights
from core.networks.steps import BEFORE
from core.optimize import ascent
from core.optimize.ascent import Estimate, Frame, State, ascend
from core.optimize.objectives import Channel, Diversity, Neuron, Objective
from core.optimize.parameterizations import Fourier, MaCo, Parameterization, Pixels
from core.optimize.regularizers import Regularizer, YosinskiRegularizer
from core.optimize.starts import alike, as_seen_by, require_state
from core.optimize.transforms import Chain, Crop, Jitter, Noise, Pad, Resize, Roll, Rotate, Scale
from core.optimize.updates import Adam, GradientAscent, Update
from core.pictures import images, samples

__all__ = ["PRESETS", "Preset", "active_units", "estimate", "maximize", "unit_objective"]

MAX_STEPS = 5000
MIN_SIDE, MAX_SIDE = 16, 1024
MAX_UNITS = 4096
DIVERSITY = 1.0

Size = int | tuple[int, int]


@dataclass(frozen=True)
class Preset:
    """A recipe.

    Attributes:
        title: what to call it.
        source: the paper or code that it follows, and what differs.
        parameterization: what is optimized.
        transform: through which random views the network sees it.
        update: how a gradient changes it.
        steps: how many the source takes.
        regularizer: what is done after each step.
        border: units of the map left out on each side.
        contrast: standard deviation to which finished pictures are brought around grey, or None to show them as they
            are.
    """

    title: str
    source: str
    parameterization: Parameterization
    update: Update
    steps: int
    transform: Chain = Chain()  # noqa: RUF009 - frozen
    regularizer: Regularizer | None = None
    border: int = 0
    contrast: float | None = None


_YOSINSKI = "Yosinski et al., arXiv:1506.06579, set {} (deep-visualization-toolbox, doc/running-optimize-image.md). {}"
_YOSINSKI_STEP = "Its steps on raw gradients fit CaffeNet only: here a step has a fixed root mean square, found by eye."
_LUCID_VIEWS = Chain((Pad(12), Jitter(8), Scale(0.9, 1.1, 11), Rotate(10, 21), Jitter(4)))


def _yosinski(number: int, steps: int, step_size: float, regularizer: YosinskiRegularizer) -> Preset:
    source = _YOSINSKI.format(number, _YOSINSKI_STEP)
    parameterization, update = Pixels(spread=10 / 255, normal=True), GradientAscent(step_size, "rms")
    return Preset(f"Yosinski {number}", source, parameterization, update, steps, regularizer=regularizer)


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "convscope": Preset(
            "Convscope",
            "Lucid's parameterization and optimizer with smoother waves, none too loud to be shown; shifts around the "
            "edges instead of frames: no borders.",
            Fourier(decay=1.2, max_std=4.0),
            Adam(0.05),
            128,
            Chain((Roll(), Scale(0.85, 1.15, 9))),
        ),
        "lucid": Preset(
            "Lucid",
            "Olah et al., doi:10.23915/distill.00007; tensorflow/lucid optvis/render.py and transform.py.",
            Fourier(),
            Adam(0.05),
            512,
            _LUCID_VIEWS,
        ),
        "keras": Preset(
            "Keras example",
            "keras.io, Visualizing what convnets learn; pixels stay in [0, 1], and nothing is cut off at the end.",
            Pixels(),
            GradientAscent(5.0, "l2"),
            30,
            border=2,
            contrast=0.15,
        ),
        "yosinski-1": _yosinski(1, 500, 0.02, YosinskiRegularizer(blur=0.5, blur_every=4, clip_small_norm=50)),
        "yosinski-2": _yosinski(2, 750, 0.08, YosinskiRegularizer(decay=0.3, clip_small_norm=20)),
        "yosinski-3": _yosinski(3, 1000, 0.02, YosinskiRegularizer(decay=0.0001, blur=1.0, blur_every=4)),
        "yosinski-4": _yosinski(4, 1000, 0.06, YosinskiRegularizer(blur=0.5, blur_every=4, clip_small_contribution=90)),
        "maco": Preset(
            "MaCo",
            "Fel et al., arXiv:2306.06805; one view in a step instead of 32, of three quarters of the side, anywhere; "
            "steps of 0.3 instead of 1, because a phase here is the difference of two parameters.",
            MaCo(),
            Adam(0.3, nesterov=True),
            256,
            Chain((Roll(), Crop(0.75), Noise(0.08))),
        ),
    }
)


def maximize(
    classifier: Classifier,
    layer: str,
    channels: Sequence[int],
    *,
    size: Size | None = None,
    steps: int | None = None,
    seed: int = 0,
    preset: str | Preset = "convscope",
    start: str | npt.NDArray[np.float32] = "noise",
    negative: bool = False,
    position: tuple[int, int] | str | None = None,
    facets: int = 1,
    objective: Objective | None = None,
    state: State | None = None,
) -> Iterator[Frame]:
    """The pictures that maximize units of a layer; yields frames about 0.2 seconds apart.

    A unit's picture depends on settings and seed and, but for rounding, not on the units beside it. It is maximized
    before its nonlinearity where there is one: after it, many units would have no gradient at first.

    Args:
        classifier, layer: the network; one of its ``layers``, or ``LOGITS``.
        channels: of the layer, or classes; one picture for each, in this order.
        size: side, or (height, width), 16 to 1024 or the network's own; 128 where None, or the only size that will do.
            Larger ones show more of a deep unit's surroundings, at the price of time.
        steps: 1 to 5000; the preset's where None. More are sharper and, in the end, only more contrasted.
        seed: another one gives other pictures of the same units.
        preset: a name of ``PRESETS``, or a preset of one's own.
        start: ``"noise"``, ``"grey"``, or a picture (H, W, 3) or (1, H, W, 3) in [0, 1], which is cut to size.
        negative: minimize the unit instead: what it hates.
        position: (row, column) in its map, or ``"middle"``; the whole map where None.
        facets: how many different pictures to make of each unit, side by side (Diversity).
        objective: an objective to use instead; ``channels`` are its targets, and ``layer`` only what is checked.
        state: of a frame to go on from, with the same other settings; ``steps`` are then further ones.

    Raises:
        ValueError: a layer that does not exist or has no gradient to the picture, a channel or a position out of range,
            steps, size, facets, preset or start that cannot be, or weights that are NaN. All before the work.
    """
    chosen, targets = checks.row("preset", preset, PRESETS), _targets(classifier, layer, channels, facets)
    sides = _size(classifier, layer, size)
    count = checks.whole("steps", chosen.steps if steps is None else steps, 1, MAX_STEPS)
    settings: dict[str, Any] = {"negative": negative, "position": position, "facets": facets, "border": chosen.border}
    goal = objective or unit_objective(classifier, layer, **settings)
    _check(classifier, layer, goal, position, state, (len(targets), *sides))
    parameterization = _suited(classifier, chosen.parameterization)
    frames = ascend(
        classifier,
        goal,
        state or _start(parameterization, start, len(targets), facets, sides, seed),
        targets,
        update=chosen.update,
        steps=count,
        parameterization=parameterization,
        transform=_views(classifier, layer, chosen.transform),
        regularizer=chosen.regularizer,
        seed=seed,
    )
    return frames if chosen.contrast is None else (_shown(frame, chosen.contrast) for frame in frames)


def unit_objective(
    classifier: Classifier,
    layer: str,
    *,
    negative: bool = False,
    position: tuple[int, int] | str | None = None,
    facets: int = 1,
    border: int = 0,
) -> Objective:
    """What ``maximize`` maximizes for these settings; the channel is the target's. Raises ValueError as it does."""
    before = LOGITS if layer == LOGITS else before_nonlinearity(classifier, layer)
    if position is None:
        goal: Objective = Channel(before, border=border)
    else:
        goal = Neuron(before, *_position(classifier, layer, position))
    goal = -goal if negative else goal
    return goal + DIVERSITY * Diversity(_style(classifier, before), facets) if facets > 1 else goal


def active_units(
    classifier: Classifier, layer: str, channels: Sequence[int], pictures: npt.ArrayLike
) -> npt.NDArray[np.bool_]:
    """Which units are active on their pictures (N, H, W, 3), one channel for each: (N,) bool.

    A unit is inactive where, after its nonlinearity, it is zero at every place of the map.
    """
    after = after_nonlinearity(classifier, layer)
    maps = np.asarray(look(classifier, np.asarray(pictures, np.float32), [after])[after])
    own = np.stack([maps[index, ..., channel] for index, channel in enumerate(channels)])
    alive: npt.NDArray[np.bool_] = np.any(own.reshape(len(own), -1), axis=1)
    return alive


def estimate(classifier: Classifier, layer: str, channels: Sequence[int], **settings: Any) -> Estimate:
    """The cost of ``maximize`` with the same settings, from one step of one batch; compiles what the run needs.

    Raises ValueError as ``maximize`` does.
    """
    preset = checks.row("preset", settings.get("preset", "convscope"), PRESETS)
    steps = checks.whole("steps", settings.pop("steps", None) or preset.steps, 1, MAX_STEPS)
    height, width = _size(classifier, layer, settings.get("size"))
    count = len(channels) * settings.get("facets", 1)
    batch = min(count, ascent.batch_size(height, width))
    few = list(channels)[: max(1, batch // settings.get("facets", 1))]
    ascent.last(maximize(classifier, layer, few, steps=1, **settings))
    since = time.monotonic()
    ascent.last(maximize(classifier, layer, few, steps=2, **settings))
    once = (time.monotonic() - since) / 3  # two steps, and the one that looks whether all is well
    memory = ascent.activation_bytes(classifier, [layer], (height, width), batch) + 4 * 6 * 3 * count * height * width
    return Estimate(once * steps * -(-count // batch), memory)


# ---------------------------------------------------------------------------------------------- the checks


def _targets(classifier: Classifier, layer: str, channels: Sequence[int], facets: int) -> list[int]:
    """Every channel ``facets`` times."""
    checks.whole("facets", facets, 1, ascent.BATCH)
    if not 1 <= len(channels) * facets <= MAX_UNITS:
        raise ValueError(f"Expected 1 to {MAX_UNITS} pictures, got {len(channels) * facets}")
    return [channel for channel in require_channels(classifier, layer, channels) for _ in range(facets)]


def _size(classifier: Classifier, layer: str, size: Size | None) -> tuple[int, int]:
    free = classifier.runs_at([layer], 0, 0)
    if size is None:
        return (128, 128) if free else classifier.size
    sides = size if isinstance(size, tuple) else (size, size)
    whole = all(isinstance(side, (int, np.integer)) and MIN_SIDE <= side <= MAX_SIDE for side in sides)
    if len(sides) != 2 or not (whole or sides == classifier.size):
        raise ValueError(f"Expected a size of {MIN_SIDE} to {MAX_SIDE} pixels a side, got {size!r}")
    if not free and sides != classifier.size:
        own = "{} x {}".format(*classifier.size)
        raise ValueError(
            f"Expected size {own}, the only one at which {layer} of {classifier.name} runs, got {sides[0]} x {sides[1]}"
        )
    return int(sides[0]), int(sides[1])


def _check(
    classifier: Classifier, layer: str, goal: Any, position: Any, state: State | None, shape: tuple[int, int, int]
) -> None:
    """What takes a little work to find out."""
    if not isinstance(goal, Objective):
        raise ValueError(f"Expected an objective, got {type(goal).__name__}")
    require_finite_weights(classifier, [layer])
    if isinstance(position, tuple):
        _require_inside(classifier, layer, position, shape[1:])
    if state is not None:
        require_state(state, *shape)


def _position(
    classifier: Classifier, layer: str, position: tuple[int, int] | str
) -> tuple[int, int] | tuple[None, None]:
    if layer == LOGITS or not classifier.layer(layer).spatial:
        raise ValueError(f"Expected a layer with height and width for a position, got {layer!r}")
    if position == "middle":
        return None, None
    row, column = position if isinstance(position, tuple) and len(position) == 2 else (-1, -1)
    if not isinstance(row, int) or not isinstance(column, int) or min(row, column) < 0:
        raise ValueError(f"Expected a position (row, column) or 'middle', got {position!r}")
    return row, column


def _require_inside(classifier: Classifier, layer: str, position: tuple[int, int], size: tuple[int, int]) -> None:
    """Run one picture to see how large the map is."""
    rows, columns = classifier.tap([layer])(tf.fill((1, *size, 3), 0.5))[layer].shape[1:3]
    if position[0] >= rows or position[1] >= columns:
        raise ValueError(
            f"Expected a position within the {rows} x {columns} map of {layer},"
            f" got row {position[0]}, column {position[1]}"
        )


# ------------------------------------------------------------------------------------------- the beginning


def _suited(classifier: Classifier, parameterization: Parameterization) -> Parameterization:
    """The parameterization as the network sees it; where it needs the spectrum of pictures, that of the samples.

    MaCo keeps the magnitudes of natural pictures and changes phases only. Its authors fetch the mean spectrum of
    ImageNet; that of a few photographs has the same slope, which is what matters.
    """
    if isinstance(parameterization, MaCo) and not parameterization.spectrum:
        parameterization = replace(parameterization, spectrum=_natural_spectrum())
    return as_seen_by(classifier, parameterization)


@cache
def _natural_spectrum() -> tuple[tuple[float, float, float], ...]:
    photos = [images.fit(samples.load(name), height=256, width=256) for name in samples.names()]
    return MaCo.like(np.concatenate(photos)).spectrum


def _start(
    parameterization: Parameterization, start: Any, count: int, facets: int, size: tuple[int, int], seed: int
) -> tf.Tensor:
    """The same start for every unit, so that a unit's picture does not depend on its neighbours; facets differ."""
    noise = parameterization.start(facets, *size, seed)
    if isinstance(start, str):
        if start not in ("noise", "grey"):
            raise ValueError(f"Expected to start from 'noise', 'grey' or a picture, got {start!r}")
        one = noise if start == "noise" else parameterization.encode(tf.fill((1, *size, 3), 0.5))
    else:
        picture = checks.picture(start, name="picture to start from")
        one = parameterization.encode(tf.constant(images.fit(picture, height=size[0], width=size[1])))
    own = one if len(one) == facets else one + (noise - tf.reduce_mean(noise, 0, keepdims=True))
    return alike(own, count)


def _views(classifier: Classifier, layer: str, transform: Chain) -> Chain:
    """The views, brought back to the network's size where it takes no other."""
    if classifier.runs_at([layer], 0, 0) or not transform.transforms:
        return transform
    return Chain((*transform.transforms, Resize(*classifier.size)))


def _style(classifier: Classifier, layer: str) -> str:
    """The layer itself, or for one without height and width the last one before it that has them."""
    own = layer.removesuffix(BEFORE)
    if own in classifier.layers and classifier.layers[own].spatial:
        return layer
    return [name for name, info in classifier.layers.items() if info.spatial][-1]


def _shown(frame: Frame, contrast: float) -> Frame:
    """The frame with every picture brought to one contrast around grey, as the Keras example shows them."""
    mean, variance = tf.nn.moments(frame.images, axes=(1, 2, 3), keepdims=True)
    pictures = (frame.images - mean) / (tf.sqrt(variance) + 1e-5) * contrast + 0.5
    return replace(frame, images=tf.clip_by_value(pictures, 0.0, 1.0))
