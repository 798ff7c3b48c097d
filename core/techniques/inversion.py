"""Feature inversion: what a layer has kept of a picture, drawn again from its activations alone.

``invert`` looks for a picture with the same code (Mahendran and Vedaldi, arXiv:1412.0035), ``caricature`` for one that
has more of everything in it (Lucid). Both begin with grey and see nothing of the original but its code, so a shallow
layer gives the photograph back, and a deep one only what it is a picture of.

The project's own recipe draws with waves and looks through small shifts, where the paper draws pixel by pixel: on the
bundled networks the deep layers then give shapes instead of coloured noise, and every layer comes nearer to the
photograph's pixels (``INVERSIONS["mahendran"]`` is there to compare).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core import checks
from core.networks.classifiers import Classifier
from core.networks.requirements import require_finite_weights, require_size
from core.optimize import ascent
from core.optimize.ascent import Estimate, Frame, State, ascend
from core.optimize.objectives import AlphaNorm, FeatureDotProduct, FeatureReconstruction, Objective, TotalVariation
from core.optimize.parameterizations import Fourier, Parameterization, Pixels
from core.optimize.starts import as_seen_by, require_state
from core.optimize.transforms import Chain, Roll, Scale
from core.optimize.updates import Adam, Update

__all__ = ["INVERSIONS", "Inversion", "caricature", "estimate_inversion", "feature_distance", "invert"]
__all__ += ["pixel_distance"]

MAX_STEPS = 5000
MIN_SIDE, MAX_SIDE = 16, 1024
MAX_LAYERS = 64
CHUNK = 0.2


@dataclass(frozen=True)
class Inversion:
    """A recipe.

    Attributes:
        title: what to call it.
        source: the paper or code that it follows, and what differs.
        parameterization: what is optimized.
        update: how a gradient changes it.
        steps: how many where nothing else is said.
        transform: through which random views the network sees it, and the picture beside it.
        dot_product: maximize the dot product of the codes (a caricature) instead of minimizing their distance.
        power: of the cosine beside that product.
        total_variation: weight of ``TotalVariation``, with ``beta``; more is smoother.
        beta: of the total variation.
        alpha_norm: weight of ``AlphaNorm``, with ``alpha`` 6; more is greyer.
    """

    title: str
    source: str
    parameterization: Parameterization
    update: Update
    steps: int
    transform: Chain = Chain()  # noqa: RUF009 - frozen
    dot_product: bool = False
    power: float = 0.0
    total_variation: float = 0.0
    beta: float = 2.0
    alpha_norm: float = 0.0

    def objective(self, layer: str) -> Objective:
        """What is maximized for one layer."""
        goal: Objective = FeatureDotProduct(layer, self.power) if self.dot_product else -FeatureReconstruction(layer)
        if self.total_variation:
            goal = goal - self.total_variation * TotalVariation(self.beta)
        return goal - self.alpha_norm * AlphaNorm() if self.alpha_norm else goal


INVERSIONS: Mapping[str, Inversion] = MappingProxyType(
    {
        "convscope": Inversion(
            "Convscope",
            "Mahendran and Vedaldi's distance and total variation; waves instead of pixels, and network and picture "
            "are seen through the same small shifts.",
            Fourier(decay=1.2),
            Adam(0.05),
            96,
            Chain((Roll(4),)),
            total_variation=1.0,
        ),
        "mahendran": Inversion(
            "Mahendran and Vedaldi",
            "arXiv:1412.0035: pixels, total variation (beta 2) and alpha-norm (alpha 6). Weights are for means over "
            "pixels in [0, 1], found by eye, and Adam takes the steps instead of momentum with a falling rate.",
            Pixels(),
            Adam(0.02),
            200,
            total_variation=1.0,
            alpha_norm=0.001,
        ),
        "caricature": Inversion(
            "Caricature",
            "tensorflow/lucid recipes/caricature.py: dot product with the picture's code, waves, random views; both "
            "pictures have the same view, the cosine counts once, smoother waves that are never too loud, "
            "and some total variation.",
            Fourier(decay=1.2, max_std=2.5),
            Adam(0.05),
            64,
            Chain((Roll(4), Scale(0.9, 1.1, 5))),
            dot_product=True,
            power=1.0,
            total_variation=2.0,
        ),
    }
)


def invert(
    classifier: Classifier,
    picture: npt.ArrayLike,
    layers: Sequence[str],
    *,
    steps: int | None = None,
    seed: int = 0,
    preset: str | Inversion = "convscope",
    state: State | None = None,
) -> Iterator[Frame]:
    """For each layer the picture that has the same code there; yields frames about 0.2 seconds apart.

    All layers advance together, so that every frame is a row from the first to the last.

    Args:
        classifier, picture: the network; (H, W, 3) or (1, H, W, 3) RGB in [0, 1], 16 to 1024 pixels a side or of the
            network's own size.
        layers: 1 to 64 of the network's ``layers``, or ``LOGITS``; one picture for each, in this order.
        steps: 1 to 5000; the preset's where None. More come nearer.
        seed: of the start and the views; another one gives other pictures of the same code.
        preset: a name of ``INVERSIONS``, or a recipe of one's own.
        state: of a frame to go on from, with the same other settings; ``steps`` are then further ones.

    Yields:
        Frames with ``images`` (layers, H, W, 3); ``score`` is minus the distance, minus what smoothness costs.

    Raises:
        ValueError: a layer that does not exist or cannot run at this size, steps, picture or preset that cannot be, or
            weights that are NaN. All before the work.
    """
    recipe = checks.row("preset", preset, INVERSIONS)
    names = _layers(classifier, layers)
    wanted = _picture(classifier, picture, names)
    count = checks.whole("steps", recipe.steps if steps is None else steps, 1, MAX_STEPS)
    recipe = replace(recipe, parameterization=as_seen_by(classifier, recipe.parameterization))
    if state is not None:
        require_state(state, len(names), *wanted.shape[1:3])
    start = state or _start(recipe.parameterization, wanted, len(names), seed)
    return _rounds(classifier, recipe, wanted, names, start=start, steps=count, seed=seed)


def caricature(
    classifier: Classifier,
    picture: npt.ArrayLike,
    layers: Sequence[str],
    *,
    power: float = 1.0,
    steps: int | None = None,
    seed: int = 0,
    state: State | None = None,
) -> Iterator[Frame]:
    """For each layer a picture that has more of what the layer sees in this one; frames as ``invert``.

    Args:
        classifier, picture, layers, steps, seed, state: as for ``invert``.
        power: 0 to 10, of the cosine between the codes: 0 exaggerates freely (Lucid), 2 and more stay near
            the picture.

    Raises:
        ValueError: as ``invert``, or a power out of its range. All before the work.
    """
    recipe = replace(INVERSIONS["caricature"], power=checks.number("power", power, 0, 10))
    return invert(classifier, picture, layers, steps=steps, seed=seed, preset=recipe, state=state)


def feature_distance(
    classifier: Classifier, picture: npt.ArrayLike, layer: str, pictures: npt.ArrayLike
) -> npt.NDArray[np.float32]:
    """How far the codes of pictures (N, H, W, 3) are from that of one picture of the same size, at one layer: (N,).

    The squared distance divided by the squared length of the picture's code: 0 is the same, 1 as far as no code at all.
    Raises ValueError as ``invert`` does.
    """
    (name,) = _layers(classifier, [layer])
    wanted, others = _picture(classifier, picture, [name]), tf.convert_to_tensor(pictures, tf.float32)
    if others.shape.rank != 4 or others.shape[1:] != wanted.shape[1:]:
        raise ValueError(f"Expected pictures of shape (N, {wanted.shape[1]}, {wanted.shape[2]}, 3), got {others.shape}")
    tap = classifier.tap([name])
    code, codes = (tf.reshape(tap(one)[name], (len(one), -1)) for one in (wanted, others))
    length = tf.reduce_sum(tf.square(code)) + 1e-12
    distances: npt.NDArray[np.float32] = (tf.reduce_sum(tf.square(codes - code), axis=1) / length).numpy()
    return distances


def pixel_distance(picture: npt.ArrayLike, pictures: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """The root mean square difference of pictures (N, H, W, 3) from one picture of the same size: (N,), in [0, 1].

    Raises ValueError for other shapes.
    """
    wanted, others = np.asarray(picture, np.float32), np.asarray(pictures, np.float32)
    if others.ndim != 4 or wanted.shape[-3:] != others.shape[1:] or wanted.size != others[0].size:
        raise ValueError(f"Expected one picture and others of its size, got shapes {wanted.shape} and {others.shape}")
    distances: npt.NDArray[np.float32] = np.sqrt(np.square(others - wanted).mean(axis=(1, 2, 3)))
    return distances


def estimate_inversion(
    classifier: Classifier, picture: npt.ArrayLike, layers: Sequence[str], **settings: Any
) -> Estimate:
    """The cost of ``invert`` with the same settings, from a few steps; compiles what the run needs.

    Raises ValueError as ``invert`` does.
    """
    recipe = checks.row("preset", settings.get("preset", "convscope"), INVERSIONS)
    count = checks.whole("steps", settings.pop("steps", None) or recipe.steps, 1, MAX_STEPS)
    wanted = _picture(classifier, picture, _layers(classifier, layers))
    ascent.last(invert(classifier, wanted, layers, steps=1, **settings))
    since = time.monotonic()
    ascent.last(invert(classifier, wanted, layers, steps=2, **settings))
    once = (time.monotonic() - since) / 2
    size = (int(wanted.shape[1]), int(wanted.shape[2]))
    memory = 2 * ascent.activation_bytes(classifier, layers, size, 1) + 4 * 6 * 3 * len(layers) * size[0] * size[1]
    return Estimate(once * count, memory)


# ---------------------------------------------------------------------------------------------- the rounds


def _rounds(
    classifier: Classifier,
    recipe: Inversion,
    wanted: tf.Tensor,
    layers: tuple[str, ...],
    *,
    start: State,
    steps: int,
    seed: int,
) -> Iterator[Frame]:
    """Every layer some steps, then a frame of all of them; as many steps at a time as take about 0.2 seconds."""
    state, end, stride = start, start.step + steps, 1
    while state.step < end:
        since, ahead = time.monotonic(), min(stride, end - state.step)
        row = [
            ascent.last(
                ascend(
                    classifier,
                    recipe.objective(layer),
                    _part(state, index, recipe.update),
                    [0],
                    update=recipe.update,
                    steps=ahead,
                    parameterization=recipe.parameterization,
                    transform=recipe.transform,
                    reference=wanted,
                    seed=seed,
                )
            )
            for index, layer in enumerate(layers)
        ]
        state = _joined([frame.state for frame in row])
        yield _frame(row, state, end)
        stride = max(1, round(CHUNK * ahead / (time.monotonic() - since)))


def _start(parameterization: Parameterization, wanted: tf.Tensor, count: int, seed: int) -> State:
    """The same grey noise for every layer, so that layers can be compared."""
    noise = parameterization.start(1, int(wanted.shape[1]), int(wanted.shape[2]), seed)
    return State((noise,) * count, ((),) * count)


def _part(state: State, index: int, update: Update) -> State:
    """What ``ascend`` needs to go on with one layer."""
    parameters = state.parameters[index]
    memory = state.memory[index] or update.start(parameters)
    return State((parameters,), (memory,), state.step, state.scores[index : index + 1])


def _joined(states: list[State]) -> State:
    """The states of all layers, each a batch of one picture, as one."""
    parameters, memory, scores = (
        tuple(getattr(state, name)[0] for state in states) for name in ("parameters", "memory", "scores")
    )
    return State(parameters, memory, states[0].done * len(states), scores)


def _frame(row: list[Frame], state: State, total: int) -> Frame:
    images, score = (tf.concat([getattr(frame, name) for frame in row], axis=0) for name in ("images", "score"))
    return Frame(state.step, total, images, score, tf.concat([frame.curve for frame in row], axis=1), state)


# ---------------------------------------------------------------------------------------------- the checks


def _layers(classifier: Classifier, layers: Sequence[str]) -> tuple[str, ...]:
    """The layers, all there and of finite weights."""
    names = (layers,) if isinstance(layers, str) else tuple(layers)
    if not 1 <= len(names) <= MAX_LAYERS:
        raise ValueError(f"Expected 1 to {MAX_LAYERS} layers, got {len(names)}")
    for name in names:
        classifier.forward([name])
        require_finite_weights(classifier, [name])
    return names


def _picture(classifier: Classifier, picture: npt.ArrayLike, layers: Sequence[str]) -> tf.Tensor:
    """(1, H, W, 3), in [0, 1] and of a size at which the layers run."""
    pixels = checks.picture(picture)
    height, width = pixels.shape[1:3]
    if (height, width) != classifier.size and not all(MIN_SIDE <= side <= MAX_SIDE for side in (height, width)):
        raise ValueError(f"Expected {MIN_SIDE} to {MAX_SIDE} pixels a side, got {height} x {width}")
    require_size(classifier, layers, height, width)
    return tf.constant(pixels)
