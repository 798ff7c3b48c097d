"""One wanted channel of a layer for each picture, computed without its neighbours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from core.networks.custom_gradients import custom_gradient
from core.networks.graphs import Graph, Step
from core.networks.steps import channels_last, has_activation, is_softmax, kind, without_activation

_CHANNELWISE = frozenset({"Activation", "ELU", "LeakyReLU", "ReLU", "Relu", "Relu6", "LeakyRelu", "Silu"})
_PASSING = frozenset(
    {"Dropout", "SpatialDropout2D", "Identity", "GaussianNoise", "GaussianDropout", "ZeroPadding2D", "Cropping2D"}
    | {"MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D", "GlobalMaxPooling2D", "UpSampling2D"}
)


@dataclass(frozen=True)
class Narrowed:
    """How to compute the target's channel of one tensor from other tensors, its inputs."""

    inputs: tuple[Any, ...]
    compute: Callable[[Mapping[int, tf.Tensor], tf.Tensor], tf.Tensor]


def narrowed(graph: Graph, tensor: Any) -> Narrowed:
    """Walk back from a layer through what treats each channel alone to the convolution that makes them.

    The graph is folded already (``folding.fold``): a BatchNormalization ends the walk.
    """
    step = graph.producer(tensor)
    if step and has_activation(step) and kind(step) == "Conv2D":
        linear, activation = without_activation(step)
        return _activated(activation.operation, narrowed(Graph(graph.input, (linear,), {}), linear.outputs[0]))
    if step and kind(step) == "Conv2D" and channels_last(step) and step.operation.groups == 1:  # type: ignore[attr-defined]
        return _convolution(step)
    if step and kind(step) in _CHANNELWISE and not is_softmax(step):
        return _activated(step.operation, narrowed(graph, next(step.inputs)))
    if step and kind(step) in _PASSING:
        return _apply(step, narrowed(graph, next(step.inputs)))
    if step and kind(step) == "Add":
        return _sum([narrowed(graph, t) for t in step.inputs if hasattr(t, "shape")])
    return Narrowed((tensor,), lambda known, target: _gather(known[id(tensor)], target))


def _activated(activation: Any, plan: Narrowed) -> Narrowed:
    """The activation after a plan."""
    override = redirected(activation)
    return Narrowed(plan.inputs, lambda known, target: override(plan.compute(known, target)))


def _apply(step: Step, plan: Narrowed) -> Narrowed:
    settings = {key: value for key, value in step.kwargs.items() if key == "training"}
    return Narrowed(plan.inputs, lambda known, target: step.operation(plan.compute(known, target), **settings))


def _sum(plans: list[Narrowed]) -> Narrowed:
    inputs = tuple(t for plan in plans for t in plan.inputs)
    return Narrowed(inputs, lambda known, target: tf.add_n([plan.compute(known, target) for plan in plans]))


def _gather(units: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """(N, ..., C) -> (N, ..., 1), the target's channel."""
    chosen = tf.one_hot(target, units.shape[-1], dtype=units.dtype)
    return tf.einsum("n...c,nc->n...", units, chosen)[..., None]


def _convolution(step: Step) -> Narrowed:
    """Each picture with its own kernel: all kernels on all pictures, of which the diagonal is kept."""
    layer: Any = step.operation
    picture = next(step.inputs)
    kernel, *bias = (tf.constant(w) for w in layer.get_weights())
    settings = {"strides": layer.strides, "padding": layer.padding.upper(), "dilations": layer.dilation_rate}

    def compute(known: Mapping[int, tf.Tensor], target: tf.Tensor) -> tf.Tensor:
        x = known[id(picture)]
        chosen = tf.gather(kernel, target, axis=-1)
        if layer.kernel_size == (1, 1):
            down, across = layer.strides
            units = tf.einsum("nhwc,cn->nhw", x[:, ::down, ::across], chosen[0, 0])[..., None]
        else:
            every = tf.nn.convolution(x, chosen, **settings)
            own = tf.eye(tf.shape(target)[0], dtype=every.dtype)[:, None, None]
            units = tf.reduce_sum(every * own, axis=-1, keepdims=True)
        return units + tf.gather(bias[0], target)[:, None, None, None] if bias else units

    return Narrowed((picture,), compute)


def redirected(activation: Callable[[tf.Tensor], tf.Tensor]) -> Callable[[tf.Tensor], tf.Tensor]:
    """The activation, with a gradient for pictures that it would shut out.

    Lucid's redirected ReLU (tensorflow/lucid, misc/redirected_relu_grad.py): where nothing of a picture's gradient gets
    through, what pushes upwards goes through all the same. It does not disturb a unit that is active.
    """

    @custom_gradient
    def override(units: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(units)
            output = activation(units)

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            usual = tape.gradient(output, units, output_gradients=upstream)
            axes = tuple(range(1, len(units.shape)))
            blocked = tf.reduce_all(tf.equal(usual, 0), axis=axes, keepdims=True)
            return tf.where(blocked, tf.nn.relu(upstream), usual)

        return output, gradient

    return override
