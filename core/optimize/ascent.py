"""Gradient ascent on pictures: the one loop behind filter maximization, DeepDream and the attacks.

``ascend`` maximizes an objective by changing the parameters of a parameterization, and yields a ``Frame`` about every
0.2 seconds. One step (render, view, network, gradient, update) is one ``tf.function``, made once for each combination
of objective, parameterization, transform, update and regularizer, kept with the classifier, and traced once for all
units, batches and sizes.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core.networks import folding
from core.networks.classifiers import Classifier
from core.optimize.objectives import PICTURE, REFERENCE, VECTORS, Objective
from core.optimize.parameterizations import Parameterization, Pixels
from core.optimize.regularizers import Regularizer
from core.optimize.transforms import Chain, Transform
from core.optimize.updates import Memory, Update
from core.pauses import each

__all__ = ["Estimate", "Frame", "State", "activation_bytes", "ascend", "gradient", "last", "score", "usable"]

CHUNK = 0.2
BATCH = 16
PIXELS_AT_ONCE = BATCH * 128 * 128

Inputs = Mapping[str, tf.Tensor]
"""What a step is told of each picture: its ``target`` and, where there are some, its ``reference`` and ``vectors``."""


@dataclass(frozen=True)
class State:
    """All that ``ascend`` needs to go on: parameters and memory in batches, and how many batch steps are done."""

    parameters: tuple[tf.Tensor, ...]
    memory: tuple[Memory, ...]
    done: int = 0
    scores: tuple[tuple[tf.Tensor, ...], ...] = ()

    @property
    def step(self) -> int:
        """How many steps every picture has taken."""
        return self.done // len(self.parameters)


@dataclass(frozen=True)
class Frame:
    """The pictures at one moment of an ascent.

    Attributes:
        step: how many steps every picture has taken.
        total: how many it will have taken at the end.
        images: (N, H, W, 3) float32 RGB in [0, 1].
        score: (N,) the objective at the last step, on the random view that it saw.
        curve: (step, N) the same of every step.
        state: give it to ``ascend`` as parameters to go on from here; empty where a routine has a loop of its own.
    """

    step: int
    total: int
    images: tf.Tensor
    score: tf.Tensor
    curve: tf.Tensor
    state: State = field(default_factory=lambda: State((), ()), repr=False)

    @property
    def progress(self) -> float:
        """The part of the work that is done, 0 to 1."""
        return self.step / self.total

    @classmethod
    def finished(cls, images: npt.ArrayLike, curve: npt.ArrayLike) -> Self:
        """The last frame of a run of which pictures (N, H, W, 3) and scores (steps, N) were kept; none can go on."""
        scores = tf.constant(curve, tf.float32)
        return cls(len(scores), len(scores), tf.constant(images, tf.float32), scores[-1], scores)


@dataclass(frozen=True)
class Estimate:
    """What a run will cost: seconds on this machine as busy as it is now, and bytes of memory at the peak."""

    seconds: float
    bytes: int


_PICTURES = tf.TensorSpec((None, None, None, 3), tf.float32)
_TARGET = tf.TensorSpec((None,), tf.int32)
_TOLD = {"target": _TARGET, "reference": _PICTURES, "vectors": tf.TensorSpec((None, None), tf.float32)}
_SEED = tf.TensorSpec((2,), tf.int32)
_STEP = tf.TensorSpec((), tf.int32)


def ascend(
    classifier: Classifier,
    objective: Objective,
    parameters: tf.Tensor | State,
    target: Iterable[int],
    *,
    update: Update,
    steps: int,
    parameterization: Parameterization = Pixels(),  # noqa: B008 - frozen
    transform: Transform = Chain(),  # noqa: B008 - frozen
    regularizer: Regularizer | None = None,
    memory: Memory | None = None,
    reference: tf.Tensor | None = None,
    vectors: tf.Tensor | None = None,
    seed: int = 0,
    batch: int | None = None,
) -> Iterator[Frame]:
    """Maximize an objective for every picture, ``steps`` times.

    Args:
        classifier: the network.
        objective: what to maximize.
        parameters: of the parameterization, (N, H, W, 3), or the ``state`` of a frame to go on from.
        target: one channel or class for each picture; tensors, so another one costs nothing.
        update: how a gradient changes the parameters.
        steps: how many there are to go.
        parameterization: what the parameters mean.
        transform: through which random view the network sees the pictures, another one at every step.
        regularizer: what is done to the parameters after each update.
        memory: what the update remembers at the start, where it is more than ``update.start`` knows: (N, ...) tensors.
        reference: pictures (N, H, W, 3) with which the objective compares the parameterization's: they go through the
            same views and layers. Tensors, so another one costs nothing.
        vectors: (N, n) what the objective is told of each picture beside its target, such as a direction; tensors, too.
        seed: of the random views. The views of a step depend on it and the step only.
        batch: how many pictures run through the network together; more need more memory. By size where None: 16 of
            128 x 128. All pictures advance together, batch by batch.

    Yields:
        A frame after about every 0.2 seconds, and at the end.

    Raises:
        ValueError: a layer that does not exist, or an objective that no change of the picture can change.
    """
    targets = tf.constant(np.asarray(list(target)), tf.int32)
    state = parameters if isinstance(parameters, State) else _begin(parameters, update, memory, objective, batch)
    parts = _inputs(state, targets, reference, vectors)
    advance = _compiled_step(classifier, objective, parameterization, transform, update, regularizer, (state, parts[0]))
    looked = (
        "fits",
        objective,
        parameterization,
        transform,
        update,
        regularizer,
        tuple(parts[0]),
        *state.parameters[0].shape[1:3],
    )
    classifier.keep_aside(looked, lambda: _probe(state, parts[0], advance, objective))
    render = classifier.compiled(
        ("render", parameterization), lambda: tf.function(parameterization.render, input_signature=[_PICTURES])
    )
    return _frames(state, parts, steps, _told(advance, classifier, objective), render, seed % 2**31)


def _told(advance: Any, classifier: Classifier, objective: Objective) -> Any:
    """The step, which says in a sentence what the network cannot compute, such as a view that is too small."""

    def run(parameters: tf.Tensor, *others: Any) -> Any:
        try:
            return advance(parameters, *others)
        except tf.errors.OpError as error:
            raise ValueError(classifier.refusal(objective.layers, parameters.shape, error)) from error

    return run


def _inputs(state: State, targets: tf.Tensor, reference: tf.Tensor | None, vectors: tf.Tensor | None) -> list[Inputs]:
    """What the step is told of each batch: its targets and, where there are some, its part of reference and vectors."""
    sizes = [len(part) for part in state.parameters]
    given = {"reference": reference, "vectors": vectors}
    told = {name: tf.convert_to_tensor(one, tf.float32) for name, one in given.items() if one is not None}
    parts = {name: tf.split(one, sizes) for name, one in {"target": targets, **told}.items()}
    return [{name: part[index] for name, part in parts.items()} for index in range(len(sizes))]


def _begin(
    parameters: tf.Tensor, update: Update, memory: Memory | None, objective: Objective, batch: int | None
) -> State:
    """Cut parameters and memory into batches that hold whole groups."""
    parameters = tf.convert_to_tensor(parameters, tf.float32)
    count, height, width = parameters.shape[:3]
    size = batch or batch_size(height, width)
    size = max(1, size // objective.group) * objective.group
    cuts = [slice(first, first + size) for first in range(0, count, size)]
    remembered = update.start(parameters) if memory is None else memory
    return State(tuple(parameters[cut] for cut in cuts), tuple(tuple(m[cut] for m in remembered) for cut in cuts))


def batch_size(height: int, width: int) -> int:
    """How many pictures of a size run together: 16 of 128 x 128, fewer where they are larger."""
    return min(BATCH, max(1, PIXELS_AT_ONCE // (height * width)))


def _frames(state: State, inputs: list[Inputs], steps: int, advance: Any, render: Any, seed: int) -> Iterator[Frame]:
    """Advance batch after batch; a frame whenever a chunk of time is full."""
    count = len(inputs)
    parameters, memory = list(state.parameters), list(state.memory)
    scores = [list(part) for part in state.scores] or [[] for _ in inputs]
    images = [render(part) for part in parameters]
    end, first, since, stale = state.step + steps, state.done, time.monotonic(), set()
    for done in range(first, end * count):
        step, part = divmod(done, count)
        pair = tf.constant([seed, step], tf.int32)
        parameters[part], memory[part], value = advance(
            parameters[part], memory[part], inputs[part], pair, tf.constant(step, tf.int32)
        )
        scores[part].append(value.numpy())  # waits until the step is computed, so the clock tells the truth
        stale.add(part)
        everyone = done + 1 >= count
        if done + 1 == end * count or (everyone and time.monotonic() - since > CHUNK):
            for index in stale:
                images[index] = render(parameters[index])
            now = State(tuple(parameters), tuple(memory), done + 1, tuple(map(tuple, scores)))
            yield _frame(now, end, images)
            since, stale = time.monotonic(), set()


def _probe(state: State, inputs: Inputs, advance: Any, objective: Objective) -> None:
    """One step of the first pictures, thrown away: it traces the step, and finds out whether there is a score."""
    few = objective.group
    parameters, memory = state.parameters[0][:few], tuple(m[:few] for m in state.memory[0])
    try:
        told = {name: one[:few] for name, one in inputs.items()}
        *_, value = advance(parameters, memory, told, tf.zeros((2,), tf.int32), tf.constant(0))
        fits = np.isfinite(value.numpy()).all()
    except tf.errors.OpError:  # a convolution that is larger than what is left of the picture
        fits = False
    if not fits:
        size = "{} x {}".format(*parameters.shape[1:3])
        raise ValueError(
            f"Expected pictures large enough for {', '.join(objective.layers)}, got {size}, which gives no finite score"
        )


def _frame(state: State, total: int, images: list[tf.Tensor]) -> Frame:
    curve = tf.concat([tf.stack(part[: state.step]) for part in state.scores], axis=1)
    score = tf.concat([part[-1] for part in state.scores], axis=0)
    return Frame(state.step, total, tf.concat(images, axis=0), score, curve, state)


def _compiled_step(
    classifier: Classifier,
    objective: Objective,
    parameterization: Parameterization,
    transform: Transform,
    update: Update,
    regularizer: Regularizer | None,
    example: tuple[State, Inputs],
) -> Any:
    """One step as a function (parameters, memory, inputs, seed, step) -> (parameters, memory, score)."""
    remembered = example[0].memory[0]

    def make() -> Any:
        measure = _measure(classifier, objective, parameterization, transform)

        def step(parameters: Any, memory: Any, inputs: Any, seed: Any, number: Any) -> Any:
            beside = (inputs.get(name) for name in ("reference", "vectors"))
            slope, value = measure(parameters, inputs["target"], seed, *beside)
            moved, memory = update(parameters, slope, memory, number)
            if regularizer is not None:
                moved = regularizer(moved, slope, number)
            return parameterization.project(moved), memory, value

        memories = tuple(tf.TensorSpec([None] * len(m.shape), m.dtype) for m in remembered)
        signature = [_PICTURES, memories, {name: _TOLD[name] for name in example[1]}, _SEED, _STEP]
        return tf.function(step, input_signature=signature, autograph=False)

    kinds = (tuple(example[1]), *((len(m.shape), m.dtype) for m in remembered))
    return classifier.compiled(("step", objective, parameterization, transform, update, regularizer, kinds), make)


def _measure(
    classifier: Classifier, objective: Objective, parameterization: Parameterization, transform: Transform
) -> Any:
    """(parameters, target, seed, reference, vectors) -> (gradient, score); to be called while tracing."""
    activations = folding.forward(classifier, objective.layers, narrow=objective.narrow)

    def measure(
        parameters: tf.Tensor,
        target: tf.Tensor,
        seed: tf.Tensor,
        reference: tf.Tensor | None = None,
        vectors: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        beside = {} if vectors is None else {VECTORS: vectors}
        if reference is not None:
            codes = activations(transform(reference, seed), target)
            beside |= {name + REFERENCE: code for name, code in codes.items()}
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(parameters)
            pictures = parameterization.render(parameters)
            value = objective({**beside, PICTURE: pictures, **activations(transform(pictures, seed), target)}, target)
        return usable(tape.gradient(value, parameters), objective), value

    return measure


def usable(slope: tf.Tensor | None, objective: Objective) -> tf.Tensor:
    """The gradient of an objective with 0 for what is not finite. Raises ValueError where there is none."""
    if slope is None:
        names = ", ".join(objective.layers)
        raise ValueError(f"Expected layers through which a gradient reaches the picture, got {names}")
    # where the sum is finite, which costs little to know, all is
    kept = lambda: tf.where(tf.math.is_finite(slope), slope, 0.0)  # noqa: E731
    return tf.cond(tf.math.is_finite(tf.reduce_sum(slope)), lambda: slope, kept)


def gradient(
    classifier: Classifier,
    objective: Objective,
    *,
    parameterization: Parameterization = Pixels(),  # noqa: B008 - frozen
    transform: Transform = Chain(),  # noqa: B008 - frozen
) -> Any:
    """Compiled (parameters (N, H, W, 3), target (N,), seed (2,)) -> (gradient, score (N,)), kept with the classifier.

    Raises ValueError as ``ascend`` does, at the first call.
    """

    def make() -> Any:
        measure = _measure(classifier, objective, parameterization, transform)
        compiled = tf.function(
            lambda parameters, target, seed: measure(parameters, target, seed),
            input_signature=[_PICTURES, _TARGET, _SEED], autograph=False,
        )  # fmt: skip
        return classifier.told(objective.layers, compiled)

    return classifier.compiled(("gradient", objective, parameterization, transform), make)


def score(classifier: Classifier, objective: Objective, pictures: Any, target: Iterable[int]) -> tf.Tensor:
    """The objective (N,) of pictures (N, H, W, 3) as they are, without a random view."""

    def make() -> Any:
        activations = folding.forward(classifier, objective.layers, narrow=objective.narrow)
        compiled = tf.function(lambda x, t: objective(activations(x, t), t), input_signature=[_PICTURES, _TARGET])
        return classifier.told(objective.layers, compiled)

    targets = tf.constant(np.asarray(list(target)), tf.int32)
    return classifier.compiled(("score", objective), make)(tf.convert_to_tensor(pictures, tf.float32), targets)


def activation_bytes(classifier: Classifier, layers: Iterable[str], size: tuple[int, int], batch: int) -> int:
    """About how much memory activations and their gradients need, up to the deepest of these layers."""
    scale = size[0] * size[1] / (classifier.size[0] * classifier.size[1])
    names = list(classifier.layers)
    depth = max((names.index(layer) + 1 if layer in names else len(names)) for layer in layers)
    units = sum(float(np.prod(classifier.layers[name].shape)) for name in names[:depth])
    return int(4 * 2 * batch * units * scale)


def last(frames: Iterable[Frame]) -> Frame:
    """Run to the end, with a pause after each frame; the last frame. Raises ValueError where there is none."""
    frame = None
    for frame in each(frames):  # noqa: B007
        pass
    if frame is None:
        raise ValueError("Expected at least one frame, got none")
    return frame
