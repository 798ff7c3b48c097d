"""Published recipes of DeepDream and the project's own; which layers of another network stand for a recipe's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from core import checks
from core.networks.classifiers import Classifier
from core.optimize.updates import GradientAscent

MAX_STEPS, MAX_OCTAVES = 500, 20
NONLINEAR = ("ReLU", "Activation", "Concatenate", "Add", "Swish", "Gelu", "Silu", "Elu", "Multiply")


@dataclass(frozen=True)
class DreamPreset:
    """A recipe.

    Attributes:
        title: what to call it.
        source: the paper or code that it follows, and what differs.
        layers: what to maximize, as (name in the source's network, depth from 0 to 1, weight); another network is asked
            for its layer at that depth (``dream_layers``).
        step_size: length of a step, pictures in [0, 1].
        normalize: how long the gradient is taken to be (``GradientAscent``).
        steps: how many at each octave.
        octaves: how many sizes.
        ratio: from one size to the next.
        above: how many octaves are larger than the picture itself.
        objective: ``"energy"``, the mean square of a layer, or ``"mean"``, its mean.
        border: units of a map left out on each side.
        ceiling: an octave ends where the score exceeds this.
        jitter: in pixels; the picture lies elsewhere on the network's grid at every step.
        wrap: jitter moves the picture around its edges; without, it lies in a mirrored frame of random width.
        reinject: put the photograph's own detail back at each octave.
        level: take the mean off the gradient, so that the picture neither brightens nor darkens.
        blurs: standard deviations in pixels; the gradient is blurred by each, and their mean is taken, all of one
            length. Long waves, which a gradient has few of, grow as well as short ones: larger things, less fine noise.
            What normalizing the levels of a Laplacian pyramid does in tensorflow/examples, deepdream.ipynb.
    """

    title: str
    source: str
    layers: tuple[tuple[str, float, float], ...]
    step_size: float
    normalize: str
    steps: int
    octaves: int
    ratio: float
    above: int = 0
    objective: str = "energy"
    border: int = 0
    ceiling: float | None = None
    jitter: int = 0
    wrap: bool = False
    reinject: bool = True
    level: bool = False
    blurs: tuple[float, ...] = ()


DREAMS: Mapping[str, DreamPreset] = MappingProxyType(
    {
        "convscope": DreamPreset(
            "Convscope",
            "Google's octaves with gentler steps in a mirrored frame, the gradient smoothed at four scales, its mean "
            "taken off: the photograph stays, without borders or fine noise, as bright as it was.",
            (("conv4_2_relu", 0.6, 1.0), ("conv5_2_relu", 0.85, 1.0)),
            step_size=2 / 255,
            normalize="mean",
            steps=12,
            octaves=4,
            ratio=1.4,
            jitter=32,
            level=True,
            blurs=(0.0, 1.0, 2.0, 4.0),
        ),
        "google": DreamPreset(
            "Google 2015",
            "google/deepdream, dream.ipynb: L2 of inception_4c/output, steps of 1.5/255 by mean absolute gradient, "
            "jitter 32, 10 steps at 4 octaves of 1.4, detail carried along.",
            (("inception_4c/output", 0.55, 1.0),),
            step_size=1.5 / 255,
            normalize="mean",
            steps=10,
            octaves=4,
            ratio=1.4,
            jitter=32,
            wrap=True,
        ),
        "keras": DreamPreset(
            "Keras example",
            "keras.io, Deep Dream: InceptionV3 mixed4 to mixed7, weights 1, 1.5, 2, 2.5, steps of 0.01 in [-1, 1], 20 "
            "steps at 3 octaves of 1.4, an octave ends at a loss of 15.",
            (("mixed4", 0.42, 1.0), ("mixed5", 0.53, 1.5), ("mixed6", 0.63, 2.0), ("mixed7", 0.73, 2.5)),
            step_size=0.005,
            normalize="mean",
            steps=20,
            octaves=3,
            ratio=1.4,
            border=2,
            ceiling=15.0,
        ),
        "tensorflow": DreamPreset(
            "TensorFlow tutorial",
            "tensorflow.org, DeepDream: mean of InceptionV3 mixed3 and mixed5, steps of 0.01 in [-1, 1] by the "
            "gradient's standard deviation, 50 steps at 5 octaves of 1.3, two of them above the picture's size.",
            (("mixed3", 0.32, 1.0), ("mixed5", 0.53, 1.0)),
            step_size=0.005,
            normalize="std",
            steps=50,
            octaves=5,
            ratio=1.3,
            above=2,
            objective="mean",
            wrap=True,
            reinject=False,
        ),
    }
)


def dream_layers(classifier: Classifier, preset: str | DreamPreset = "convscope") -> dict[str, float]:
    """The layers of this network that stand for those of the preset's source, and their weights.

    A layer that has the source's name is that layer; otherwise it is the one, among the outputs of nonlinearities and
    of blocks, that lies nearest to the same depth. For the project's own preset, a network's card may name them.
    """
    chosen: dict[str, float] = {}
    recipe = checks.row("dream preset", preset, DREAMS)
    if recipe is DREAMS["convscope"] and "dream" in classifier.card:
        return {str(layer): float(weight) for layer, weight in classifier.card["dream"].items()}
    names = list(classifier.layers)
    maps = [name for name in names if classifier.layers[name].spatial]
    ends = [name for name in maps if any(kind in classifier.layers[name].kind for kind in NONLINEAR)] or maps
    for name, depth, weight in recipe.layers:
        place = depth * (len(names) - 1)
        best = name if name in names else min(ends, key=lambda end: abs(names.index(end) - place))
        chosen[best] = chosen.get(best, 0.0) + weight
    return chosen


def changed(preset: str | DreamPreset, **settings: Any) -> DreamPreset:
    """The preset with the settings that are not None: steps, octaves, ratio, step_size, normalize, jitter.

    Raises ValueError for a preset that does not exist, or a setting out of its range.
    """
    recipe = checks.row("dream preset", preset, DREAMS)
    given: dict[str, Any] = {name: _CHECKS[name](value) for name, value in settings.items() if value is not None}
    recipe = replace(recipe, **given)
    return replace(recipe, above=min(recipe.above, (recipe.octaves - 1) // 2)) if "octaves" in given else recipe


_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "steps": lambda value: checks.whole("steps", value, 1, MAX_STEPS),
    "octaves": lambda value: checks.whole("octaves", value, 1, MAX_OCTAVES),
    "ratio": lambda value: checks.number("ratio", value, 1.05, 3.0),
    "step_size": lambda value: checks.number("step_size", value, 1e-6, 0.5),
    "normalize": lambda value: GradientAscent(normalize=value).normalize,
    "jitter": lambda value: checks.whole("jitter", value, 0, 256),
}
