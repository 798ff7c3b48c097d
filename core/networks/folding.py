"""The same network with less work: a graph rewritten for speed, and for what maximization asks of it.

``forward`` gives what ``Classifier.forward`` gives, but BatchNormalization is folded into the convolution before it; a
layer may be asked for before its own activation (``name:before``); and a layer may be narrowed to one wanted channel
for each picture, which is computed without its neighbours. The classifier's own graph and layers are left as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from core.networks.classifiers import Classifier
from core.networks.graphs import Graph, Step

__all__ = ["BEFORE", "before_nonlinearity", "fold", "forward"]

BEFORE = ":before"
"""Put behind the name of a layer with an activation of its own, it names what goes into that activation."""

Forward = Callable[[tf.Tensor, tf.Tensor], dict[str, tf.Tensor]]

_KERNELS = {"Conv2D": 0, "DepthwiseConv2D": 0, "SeparableConv2D": 1, "Dense": 0}  # which weight makes the channels
_NONLINEARITIES = frozenset(
    {"Activation", "ELU", "LeakyReLU", "PReLU", "ReLU", "Celu", "Elu", "Gelu", "HardSigmoid", "HardSilu", "LeakyRelu"}
    | {"Relu", "Relu6", "Selu", "Sigmoid", "Silu", "Tanh"}
)
_CHANNELWISE = frozenset({"Activation", "ELU", "LeakyReLU", "ReLU", "Relu", "Relu6", "LeakyRelu", "Silu"})
_PASSING = frozenset(
    {"Dropout", "SpatialDropout2D", "Identity", "GaussianNoise", "GaussianDropout", "ZeroPadding2D", "Cropping2D"}
    | {"MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D", "GlobalMaxPooling2D", "UpSampling2D"}
)


def forward(classifier: Classifier, layers: Iterable[str], *, narrow: Iterable[str] = ()) -> Forward:
    """(pictures (N, H, W, 3) in [0, 1], target (N,) int32) -> {layer: activation}, to be called in a ``tf.function``.

    Activations are (N, h, w, C) or (N, C); those of the layers in ``narrow`` are (N, h, w, 1) or (N, 1): the target's
    channel only. Where a layer narrowed is a rectifier, a picture whose gradient it blocks altogether gets the gradient
    of its input instead, so that a unit which is dead at the start can wake up.

    Weights are copied when this is called. Raises ValueError for a layer that does not exist.
    """
    layers, narrow = tuple(dict.fromkeys(layers)), frozenset(narrow)
    graph = _split(classifier, layers)
    plans = {name: _plan(graph, graph.tensors[name]) for name in layers if name in narrow}
    inputs = {f"(input {i})": t for i, t in enumerate(t for plan in plans.values() for t in plan.inputs)}
    graph = replace(graph, tensors={**graph.tensors, **inputs})
    names = tuple(name for name in layers if name not in narrow) + tuple(inputs)
    graph = fold(graph, names)

    def run(pictures: tf.Tensor, target: tf.Tensor) -> dict[str, tf.Tensor]:
        values = graph.run(classifier.preprocess(pictures), names)
        known = {id(inputs[name]): values[name] for name in inputs}
        return {name: plans[name].compute(known, target) if name in plans else values[name] for name in layers}

    return run


def ruled(classifier: Classifier, layers: Iterable[str], rectifier: Callable[..., Any]) -> Any:
    """Pictures -> {layer: activation}, with every rectifier (ReLU) exchanged for a function of the same values.

    Guided backprop and DeconvNet are such functions with a gradient of their own; a rectifier that is part of a
    convolution is taken out of it first. Weights are copied when this is called.
    """
    layers = tuple(layers)
    graph = _split(classifier, layers)
    steps = [half for step in graph.steps for half in (_halves(step) if _fused(step) else (step,))]
    exchanged = (_exchanged(step, rectifier) if _rectifies(step) else step for step in steps)
    graph = replace(graph, steps=tuple(exchanged))
    return lambda pictures: graph.run(classifier.preprocess(pictures), layers)


@tf.custom_gradient
def _guided(x: tf.Tensor) -> Any:
    """ReLU; its gradient passes where both it and the input are positive."""
    return tf.nn.relu(x), lambda g: tf.where((x > 0) & (g > 0), g, 0.0)


@tf.custom_gradient
def _deconvolved(x: tf.Tensor) -> Any:
    """ReLU; its gradient passes where it is positive itself."""
    return tf.nn.relu(x), lambda g: tf.nn.relu(g)


RECTIFIERS: Mapping[str, Callable[..., Any]] = MappingProxyType({"guided": _guided, "deconvnet": _deconvolved})
"""For ``ruled``: Springenberg et al., arXiv:1412.6806, and Zeiler and Fergus, arXiv:1311.2901."""


def _exchanged(step: Step, rectifier: Callable[..., Any]) -> Step:
    """A rectifier's step with the rectifier exchanged; one with a ceiling, such as ReLU6, keeps its values.

    The ceiling lets the gradient through: the rules know none, and what excites a unit most is often at it.
    """
    ceiling = 6 if _function(step) == "relu6" or _kind(step) == "Relu6" else getattr(step.operation, "max_value", None)
    if ceiling is None:
        return replace(step, operation=rectifier, kwargs={})

    def bounded(x: tf.Tensor) -> tf.Tensor:
        free = rectifier(x)
        return free - tf.stop_gradient(tf.nn.relu(free - tf.cast(ceiling, x.dtype)))

    return replace(step, operation=bounded, kwargs={})


def _rectifies(step: Step) -> bool:
    """Whether it is a ReLU, as a layer, an operation or a plain function."""
    plain = _function(step) in ("relu", "relu6") or _kind(step) in ("ReLU", "Relu", "Relu6")
    layer: Any = step.operation
    slope, offset = getattr(layer, "negative_slope", 0), getattr(layer, "threshold", 0)
    return plain and not slope and not offset and len(step.args) == 1


def halves(classifier: Classifier, cut: str, layer: str) -> tuple[Any, Any]:
    """(pictures -> the maps of ``cut``, those maps -> a layer after it), folded, to be called in a ``tf.function``.

    Weights are copied when this is called. Only where ``separates`` says so.
    """
    graph = fold(_split(classifier, (cut, layer)), (cut, layer))
    after = _after(graph, cut)
    first = lambda pictures: graph.run(classifier.preprocess(pictures), [cut])[cut]  # noqa: E731
    return first, lambda maps: after.run(maps, [layer])[layer]


def separates(classifier: Classifier, cut: str, layer: str) -> bool:
    """Whether a layer depends on the picture through the maps of ``cut`` alone."""
    graph = classifier.graph
    steps = _after(graph, cut).needed([layer])
    return not any(tensor is graph.input for step in steps for tensor in step.inputs)


def _after(graph: Graph, cut: str) -> Graph:
    """The graph that begins at the output of a layer."""
    start = graph.tensors[cut]
    rest = tuple(step for step in graph.steps if all(out is not start for out in step.outputs))
    return replace(graph, input=start, steps=rest)


def weighed(classifier: Classifier) -> list[str]:
    """The layers that have weights, in the order in which they run; one that runs twice is named once."""
    seen: set[int] = set()
    names = []
    for step in classifier.graph.steps:
        if getattr(step.operation, "get_weights", list)() and id(step.operation) not in seen:
            names.append(step.name)
            seen.add(id(step.operation))
    return names


def reweighed(classifier: Classifier, weights: Mapping[str, list[Any]], *, name: str) -> Classifier:
    """The same classifier with other weights in these layers; all other layers are shared, and ``network`` stays.

    Raises ValueError for a layer of a person's own that cannot be copied.
    """
    graph = classifier.graph
    copies: dict[int, Any] = {}
    for step in graph.steps:
        if step.name in weights:
            copies[id(step.operation)] = _copy(step, weights[step.name])
    steps = tuple(replace(step, operation=copies.get(id(step.operation), step.operation)) for step in graph.steps)
    return classifier.replaced(replace(graph, steps=steps), name=name)


def _copy(step: Step, weights: list[Any]) -> Any:
    """A layer with weights of its own, as the one of a step otherwise."""
    layer: Any = step.operation
    try:
        copy = type(layer).from_config(layer.get_config())
        copy(*step.args, **step.kwargs)  # builds it
        copy.set_weights(weights)
    except (NotImplementedError, TypeError, ValueError) as error:
        raise ValueError(
            f"Expected layers that Keras can copy, got {step.name!r}, whose get_config does not say how to make it"
        ) from error
    return copy


def before_nonlinearity(classifier: Classifier, layer: str) -> str:
    """The layer, or ``name:before``, where the same units have not been through their nonlinearity yet.

    From an activation to what feeds it, from a convolution on to its BatchNormalization (which may turn a unit's sign),
    and into a layer with an activation of its own. A layer without any of these is returned as it is.
    """
    graph = classifier.graph
    step = graph.producer(graph.tensors[layer])
    while step and _bends(step):
        source = graph.producer(next(step.inputs))
        if source is None or source.name not in classifier.layers:
            break
        step = source
    if step is None:
        return layer
    after = graph.readers(step.outputs[0])
    if len(after) == 1 and _kind(after[0]) == "BatchNormalization" and _kind(step) in _KERNELS:
        step = after[0]
    name = step.name if step.name in graph.tensors else layer
    return name + BEFORE if _fused(step) else name


def after_nonlinearity(classifier: Classifier, layer: str) -> str:
    """The activation that these units, and nothing else, go into; the layer itself where there is none."""
    graph = classifier.graph
    before = before_nonlinearity(classifier, layer)
    step = graph.producer(graph.tensors[before.removesuffix(BEFORE)])
    if step is None or before.endswith(BEFORE):
        return layer
    after = graph.readers(step.outputs[0])
    return next((other.name for other in after if _bends(other)), layer)


def picture_channels(classifier: Classifier) -> int:
    """1 for a network that sees grey, 3 for one that sees colours."""
    return 1 if classifier.grey else 3


def fold(graph: Graph, names: Iterable[str]) -> Graph:
    """A graph for these layers in which each BatchNormalization right behind a convolution is part of it.

    y = g (Wx + b - m) / s + o becomes W'x + b' with W' = W g / s. Only where nothing else looks at the convolution's
    own output. Outputs agree with the original within rounding.
    """
    names = tuple(names)
    rest = replace(graph, steps=tuple(graph.needed(names)))
    looks = Counter(id(graph.tensors[name]) for name in names)
    looks.update(id(tensor) for step in rest.steps for tensor in step.inputs)
    for norm in [step for step in rest.steps if _kind(step) == "BatchNormalization"]:
        before = rest.producer(next(norm.inputs))
        if before and looks[id(before.outputs[0])] == 1 and _foldable(before, norm):
            merged = replace(norm, operation=_merged(before, norm), args=before.args, kwargs={})
            rest = rest.replaced(norm).replaced(before, merged)
    return rest


# --------------------------------------------------------------------------------------------- folding


def _foldable(step: Step, norm: Step) -> bool:
    last = len(norm.outputs[0].shape) - 1
    axis: Any = getattr(norm.operation, "axis", -1)
    return _kind(step) in _KERNELS and not _fused(step) and axis in (-1, last) and _channels_last(step)


def _channels_last(step: Step) -> bool:
    return getattr(step.operation, "data_format", "channels_last") == "channels_last"


def _merged(step: Step, norm: Step) -> Any:
    """A copy of a convolution that does the work of the BatchNormalization behind it."""
    layer: Any = step.operation
    bn: Any = norm.operation
    copy = type(layer).from_config({**layer.get_config(), "use_bias": True})
    copy.build(next(step.inputs).shape)
    weights = [np.asarray(w) for w in layer.get_weights()]
    bias = weights.pop() if layer.use_bias else np.float32(0)
    gain = 1 / np.sqrt(np.asarray(bn.moving_variance) + bn.epsilon)
    gain = gain * np.asarray(bn.gamma) if bn.scale else gain
    shift = np.asarray(bn.beta) if bn.center else np.float32(0)
    index = _KERNELS[_kind(step)]
    kernel = weights[index]
    scaled = kernel * (gain.reshape(kernel.shape[2:]) if _kind(step) == "DepthwiseConv2D" else gain)
    weights[index] = scaled
    copy.set_weights([*weights, (bias - np.asarray(bn.moving_mean)) * gain + shift])
    copy.trainable = False
    return copy


# ------------------------------------------------------------------------- before a layer's own activation


def _split(classifier: Classifier, layers: tuple[str, ...]) -> Graph:
    """The classifier's graph with the tensors that are asked for as ``name:before``."""
    graph = classifier.graph
    for name in layers:
        own = name.removesuffix(BEFORE)
        if own not in graph.tensors:
            classifier.layer(own)
            raise ValueError(f"Expected a network with classes, got {classifier.name}, which ends in a feature map")
        step = graph.producer(graph.tensors[own])
        if name != own and step and _fused(step):
            linear, activation = _halves(step)
            graph = graph.replaced(step, linear, activation, tensors={name: linear.outputs[0]})
        elif name != own and name not in graph.tensors:
            raise ValueError(f"Expected a layer with an activation of its own before {BEFORE!r}, got {own!r}")
    return graph


def _halves(step: Step) -> tuple[Step, Step]:
    """A layer with an activation as two steps; its weights are shared, not copied."""
    layer: Any = step.operation
    linear = type(layer).from_config({**layer.get_config(), "activation": None})
    linear.build(next(step.inputs).shape)
    linear.set_weights(layer.get_weights())
    between = linear.compute_output_spec(*step.args)
    return (
        Step(step.name + BEFORE, linear, step.args, step.kwargs, (between,)),
        Step(step.name, layer.activation, (between,), {}, step.outputs),
    )


def _fused(step: Step) -> bool:
    """Whether the layer has weights and an activation other than the identity."""
    activation = getattr(step.operation, "activation", None)
    return _kind(step) in _KERNELS and getattr(activation, "__name__", "linear") != "linear"


def _bends(step: Step) -> bool:
    """Whether it is a nonlinearity on each unit alone."""
    return _kind(step) in _NONLINEARITIES and not _is_softmax(step)


def _function(step: Step) -> str:
    """The name of the plain function that it is, or that is its activation."""
    return str(getattr(getattr(step.operation, "activation", step.operation), "__name__", ""))


def _kind(step: Step) -> str:
    return type(step.operation).__name__


# --------------------------------------------------------------------------------------- one channel only


@dataclass(frozen=True)
class _Plan:
    """How to compute the target's channel of one tensor from other tensors, its inputs."""

    inputs: tuple[Any, ...]
    compute: Callable[[Mapping[int, tf.Tensor], tf.Tensor], tf.Tensor]


def _plan(graph: Graph, tensor: Any) -> _Plan:
    """Walk back from a layer through what treats each channel alone to the convolution that makes them."""
    step = graph.producer(tensor)
    if step and _fused(step) and _kind(step) == "Conv2D":
        linear, activation = _halves(step)
        return _wake(activation.operation, _plan(Graph(graph.input, (linear,), {}), linear.outputs[0]))
    if step and _kind(step) == "Conv2D" and _channels_last(step) and step.operation.groups == 1:  # type: ignore[attr-defined]
        return _convolution(step)
    if step and _kind(step) == "BatchNormalization":
        before = graph.producer(next(step.inputs))
        if before and _kind(before) == "Conv2D" and before.operation.groups == 1 and _foldable(before, step):  # type: ignore[attr-defined]
            return _convolution(replace(step, operation=_merged(before, step), args=before.args))
    if step and _kind(step) in _CHANNELWISE and not _is_softmax(step):
        return _wake(step.operation, _plan(graph, next(step.inputs)))
    if step and _kind(step) in _PASSING:
        return _apply(step, _plan(graph, next(step.inputs)))
    if step and _kind(step) == "Add":
        return _sum([_plan(graph, t) for t in step.inputs if hasattr(t, "shape")])
    return _Plan((tensor,), lambda known, target: _gather(known[id(tensor)], target))


def _is_softmax(step: Step) -> bool:
    return getattr(getattr(step.operation, "activation", None), "__name__", "") in ("softmax", "log_softmax")


def _apply(step: Step, plan: _Plan) -> _Plan:
    settings = {key: value for key, value in step.kwargs.items() if key == "training"}
    return _Plan(plan.inputs, lambda known, target: step.operation(plan.compute(known, target), **settings))


def _sum(plans: list[_Plan]) -> _Plan:
    inputs = tuple(t for plan in plans for t in plan.inputs)
    return _Plan(inputs, lambda known, target: tf.add_n([plan.compute(known, target) for plan in plans]))


def _gather(units: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """(N, ..., C) -> (N, ..., 1), the target's channel."""
    chosen = tf.one_hot(target, units.shape[-1], dtype=units.dtype)
    return tf.einsum("n...c,nc->n...", units, chosen)[..., None]


def _convolution(step: Step) -> _Plan:
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

    return _Plan((picture,), compute)


def _wake(activation: Any, plan: _Plan) -> _Plan:
    """The activation after a plan, with a gradient for pictures that it would shut out.

    Lucid's redirected ReLU (tensorflow/lucid, misc/redirected_relu_grad.py): where nothing of a picture's gradient gets
    through, what pushes upwards goes through all the same. It cannot disturb a unit that is awake.
    """

    @tf.custom_gradient
    def redirected(units: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(units)
            output = activation(units)

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            usual = tape.gradient(output, units, output_gradients=upstream)
            axes = tuple(range(1, len(units.shape)))
            asleep = tf.reduce_all(tf.equal(usual, 0), axis=axes, keepdims=True)
            return tf.where(asleep, tf.nn.relu(upstream), usual)

        return output, gradient

    return _Plan(plan.inputs, lambda known, target: redirected(plan.compute(known, target)))


def non_finite_weights(classifier: Classifier, layers: Iterable[str]) -> str | None:
    """The first layer with a NaN or an infinity among its weights that these layers depend on, if any."""
    names = [name.removesuffix(BEFORE) for name in layers]
    for step in classifier.graph.needed(names):
        if isinstance(step.operation, keras.layers.Layer):
            weights = step.operation.get_weights()
            if any(not np.isfinite(w).all() for w in weights if np.issubdtype(np.asarray(w).dtype, np.floating)):
                return step.name
    return None
