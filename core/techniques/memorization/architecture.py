"""The small network that learns or memorizes, and one step of its training, compiled once for all runs.

Two convolutions of 5 x 5 with pooling, a dense layer, and the logits: large enough to memorize a thousand pictures, and
small enough to do so in seconds. Weights are arguments of the compiled functions, not variables in them, so that any
number of runs (two networks in turn, a sweep, retraining) shares one trace.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from core.networks.compiled import Compiled
from core.optimize.updates import Adam, Memory, Update
from core.types import Floats

__all__ = ["OPTIMIZERS", "Architecture", "Functions", "build", "compiled", "initial"]

KERNEL, MOMENTUM, PADDING = 5, 0.8, 8
DENSE = 4
"""The dense layer has so many times as many units as the first convolution."""


@dataclass(frozen=True)
class Momentum:
    """Gradient descent with momentum 0.9, as the paper trains; an ``Update``, so it goes along what it is given."""

    step_size: float = 0.01

    def start(self, parameters: tf.Tensor) -> Memory:
        """No speed."""
        return (tf.zeros_like(parameters),)

    def __call__(self, parameters: tf.Tensor, gradient: tf.Tensor, memory: Memory, step: Any) -> Any:
        """Faster along the gradient, slower by a tenth."""
        speed = 0.9 * memory[0] + gradient
        return parameters + self.step_size * speed, (speed,)


OPTIMIZERS: dict[str, tuple[str, Callable[[Any], Update]]] = {
    "adam": ("Adam", Adam),
    "momentum": ("SGD with momentum 0.9", Momentum),
}
"""{name: (title, step size -> how a gradient changes weights)}."""

Values = tuple[Any, ...]


@dataclass(frozen=True)
class Architecture:
    """What is compiled once.

    Attributes:
        size: height, width and channels of the pictures.
        classes: how many logits.
        width: channels of the first convolution; the second has twice, the dense layer four times as many.
        batch_norm: whether batch normalization follows every convolution and the dense layer.
        dropout: the probability with which a unit of the dense layer is dropped in training.
        augment: whether pictures are cropped at random and flipped in training.
        optimizer: of ``OPTIMIZERS``.
        mean, deviation: of the pixels to train on; the network itself takes one from them and divides by the other.
    """

    size: tuple[int, int, int]
    classes: int
    width: int = 32
    batch_norm: bool = False
    dropout: float = 0.0
    augment: bool = False
    optimizer: str = "adam"


def build(
    one: Architecture, *, mean: float = 0.0, deviation: float = 1.0, name: str = "memorizer", quick: bool = False
) -> keras.Model:
    """The network: pictures in [0, 1] in, probabilities out; the layer ``logits`` comes before them.

    It takes ``mean`` from the pixels and divides by ``deviation`` itself. A ``quick`` one has the same weights, values
    and gradients, and its rectifiers after the pooling instead of before it, where they have a quarter of the work.
    """
    x = image = keras.Input(one.size, name="image")
    x = layers.Rescaling(1 / deviation, offset=-mean / deviation, name="normalize")(x)
    for stage, width in enumerate((one.width, 2 * one.width), 1):
        x = layers.Conv2D(width, KERNEL, padding="same", name=f"conv{stage}")(x)
        x = _normalized(one, x, f"conv{stage}")
        both = [layers.ReLU(name=f"conv{stage}_relu"), layers.MaxPooling2D(2, name=f"pool{stage}")]
        for layer in reversed(both) if quick else both:
            x = layer(x)
    x = layers.Dense(DENSE * one.width, name="dense")(layers.Flatten(name="flat")(x))
    x = layers.ReLU(name="dense_relu")(_normalized(one, x, "dense"))
    if one.dropout:
        x = layers.Dropout(one.dropout, name="drop", seed=0)(x)
    x = layers.Dense(one.classes, name="logits")(x)
    return keras.Model(image, layers.Activation("softmax", name="predictions")(x), name=name)


def _normalized(one: Architecture, x: Any, name: str) -> Any:
    if not one.batch_norm:
        return x
    # a short memory: an epoch has few steps, and averages that lag would look like forgetting
    return layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_bn")(x)


@dataclass(frozen=True, eq=False)
class Functions:
    """The functions of an architecture; all take and return weights as tuples of arrays or tensors.

    Attributes:
        step: (trained, kept, memory, pictures, labels, told) -> (trained, kept, memory); ``told`` are the step size,
            the weight decay, the number of the step, a seed, and for each weight whether it may change (1 or 0).
        logits: (trained, kept, pictures) -> logits, in inference mode.
        trained, kept, memory: where each comes from: shapes of what is trained, of what is kept beside it (averages of
            batch normalization, seeds) and of what the optimizer remembers, and their values at the start.
        layers: the layer of each trained weight.
    """

    step: Any
    logits: Any
    trained: Values
    kept: Values
    memory: Values
    layers: tuple[str, ...]

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(int(np.prod(one.shape)) for one in self.trained)


@lru_cache(maxsize=6)
def compiled(one: Architecture) -> Functions:
    """The functions of an architecture, made once; they are traced when they are first called."""
    network = build(one, quick=True)
    inner = keras.Model(network.input, network.get_layer("logits").output)
    update = OPTIMIZERS[one.optimizer][1]
    paths = [variable.path.split("/") for variable in inner.trainable_variables]
    decayed = [float(path[-1] == "kernel") for path in paths]

    def step(trained: Values, kept: Values, memory: Values, pictures: Any, labels: Any, told: Any) -> Any:
        size, decay, number, seed, free = told
        pictures = _augmented(pictures, tf.stack([seed, number])) if one.augment else pictures
        with tf.GradientTape() as tape:
            tape.watch(trained)
            logits, now = inner.stateless_call(list(trained), list(kept), pictures, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
            loss += decay * tf.add_n([on * tf.nn.l2_loss(w) for on, w in zip(decayed, trained, strict=True)])
        slopes, parts = tape.gradient(loss, trained), tf.unstack(free, len(trained))
        moved = [
            update(size)(weight, -part * slope, held, number)
            for weight, slope, held, part in zip(trained, slopes, memory, parts, strict=True)
        ]
        return tuple(weight for weight, _ in moved), tuple(now), tuple(held for _, held in moved)

    def logits(trained: Values, kept: Values, pictures: Any) -> Any:
        return inner.stateless_call(list(trained), list(kept), pictures, training=False)[0]

    trained, kept = (
        tuple(variable.numpy() for variable in those)
        for those in (inner.trainable_variables, inner.non_trainable_variables)
    )
    memory = tuple(tuple(held.numpy() for held in update(0.0).start(weight)) for weight in trained)
    specs = [tf.nest.map_structure(tf.TensorSpec.from_tensor, tf.nest.map_structure(tf.constant, those))
             for those in (trained, kept, memory)]  # fmt: skip
    batch, number = tf.TensorSpec((None, *one.size), tf.float32), tf.TensorSpec((), tf.float32)
    whole = tf.TensorSpec((), tf.int32)
    told = (number, number, whole, whole, tf.TensorSpec((len(trained),), tf.float32))
    signature = [*specs, batch, tf.TensorSpec((None,), tf.int32), told]
    return Functions(
        Compiled(lambda: tf.function(step, input_signature=signature, autograph=False)),
        Compiled(lambda: tf.function(logits, input_signature=[*specs[:2], batch], autograph=False)),
        trained, kept, memory, tuple(path[-2] for path in paths),
    )  # fmt: skip


def _augmented(pictures: Any, seed: Any) -> Any:
    """A random crop of each picture, moved by up to an eighth of its side, and every second one flipped."""
    shape = tf.shape(pictures)
    count, height, width = shape[0], pictures.shape[1], pictures.shape[2]
    pads = [max(1, side // PADDING) for side in (height, width)]
    padded = tf.pad(pictures, [[0, 0], [pads[0]] * 2, [pads[1]] * 2, [0, 0]], mode="SYMMETRIC")
    draws = tf.random.stateless_uniform((3, count), seed)
    rows, columns = (
        tf.range(side) + tf.cast(draw * (2 * pad + 1), tf.int32)[:, None]
        for side, pad, draw in zip((height, width), pads, tf.unstack(draws[:2]), strict=True)
    )
    columns = tf.where(draws[2][:, None] < 0.5, columns, columns[:, ::-1])
    return tf.gather(tf.gather(padded, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)


def initial(one: Architecture, seed: int) -> tuple[Floats, ...]:
    """Weights to begin with: kernels by Glorot and Bengio (2010), everything else as Keras begins."""
    made, found = compiled(one), []
    for index, weight in enumerate(made.trained):
        if weight.ndim > 1:
            draw = keras.initializers.GlorotUniform(seed=(1000 * seed + index) % 2**31)
            weight = np.asarray(draw(weight.shape, dtype="float32"))
        found.append(weight)
    return tuple(found)


def filled(network: keras.Model, trained: Sequence[Floats], kept: Sequence[Floats]) -> keras.Model:
    """The network with these weights."""
    for variables, values in ((network.trainable_variables, trained), (network.non_trainable_variables, kept)):
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
    return network
