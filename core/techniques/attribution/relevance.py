"""Layer-wise relevance propagation: a score handed back from layer to layer, in parts that add up to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from core import checks
from core.networks import folding
from core.networks.classifiers import LOGITS, PICTURES, Classifier
from core.networks.compiled import FEW
from core.networks.custom_gradients import custom_gradient
from core.networks.graphs import Step
from core.networks.nonlinearities import is_nonlinearity, with_inputs_of_activations
from core.networks.steps import (
    KERNELS,
    channels_last,
    function_name,
    has_activation,
    kind,
    unfilled_copy,
    without_activation,
)
from core.settings import Setting
from core.techniques.attribution.cam import maps_of
from core.techniques.attribution.question import UNITS, Map, Question, score

COMPOSITE, EPSILON, PLUS = "EpsilonPlusFlat", "epsilon", "z+"
RULE = Setting(
    "rule", "Rule", COMPOSITE, (COMPOSITE, EPSILON, PLUS),
    help="How a layer hands its relevance back: by all that went in (epsilon), or by what raised it (z+). "
    "EpsilonPlusFlat: epsilon in dense layers, z+ in convolutions, equal parts in the first one.",
)  # fmt: skip

Rule = Callable[..., Any]
SMALL, TINY = 1e-6, 1e-30

_KERNELS = frozenset({"Conv2D", "DepthwiseConv2D", "Conv2DTranspose", "Dense", "Conv1D"})
_PROPORTIONAL = frozenset(
    {"Add", "Average", "AveragePooling2D", "GlobalAveragePooling2D", "GlobalAveragePooling1D", "UpSampling2D", "Mean"}
    | {"Resizing"}
)
_PLACED = frozenset(
    {
        "Concatenate",
        "Flatten",
        "Reshape",
        "Permute",
        "ZeroPadding2D",
        "Cropping2D",
        "MaxPooling2D",
        "GlobalMaxPooling2D",
    }
    | {"Maximum", "GetItem", "Squeeze", "ExpandDims", "Transpose", "BroadcastTo"}
)
_SCALED = frozenset(
    {"BatchNormalization", "Rescaling", "Normalization", "LayerScale", "Dropout", "SpatialDropout2D", "Identity"}
    | {"GaussianNoise", "GaussianDropout", "StochasticDepth", "Divide", "TrueDivide", "Subtract", "Softmax", "Clip"}
)

_RECTIFIERS = frozenset({"relu", "relu6", "sigmoid", "hard_sigmoid", "softplus", "softmax"})
"""Functions that give nothing below zero."""


def lrp(question: Question, *, rule: str) -> Map:
    """LRP (Bach et al., 2015, doi:10.1371/journal.pone.0130140) on the network with its batch normalization folded.

    The composite is EpsilonPlusFlat of zennit (Anders et al., arXiv:2106.13200). Biases take no part in z+ and flat:
    what nothing but its bias raised hands back in equal parts, so nothing is lost; in epsilon they keep their share. A
    sum hands back in proportion to its parts, a product to its larger factor (squeeze-and-excitation), a pooling to
    what it took.

    Where the question names a layer of ``maps``, it is the relevance that arrives there, summed over its channels and
    spread evenly over the pixels of each place. Around a skip connection only a part of the score does.

    Raises:
        ValueError: a network with layers for which there is no rule, such as attention; ``maps`` without height and
            width, or that do not lead to the score.
    """
    checks.one_of("rule", rule, RULE.choices or ())
    classifier, layer, arrived = question.classifier, question.layer, _place(question)
    compiled = classifier.compiled(
        ("relevance", layer, rule, arrived), lambda: _compiled(classifier, layer, rule, arrived), plain=FEW
    )
    height, width = question.picture.shape[1:3]
    found = compiled(tf.constant(question.picture), tf.constant(question.units)).numpy()[0].sum(axis=-1)
    if not arrived:
        return np.asarray(found[:height, :width], np.float32)
    every = found.size / (height * width)
    return np.asarray(tf.image.resize(found[..., None] * every, (height, width))[..., 0], np.float32)


def _place(question: Question) -> str:
    """The layer at which relevance is to be seen; empty for the picture. Raises ValueError."""
    if question.maps is None:
        return ""
    if question.maps not in question.classifier.before(question.layer):
        raise ValueError(f"Expected maps of a layer before {question.layer}, got those of {question.maps!r}")
    return maps_of(question)


def _compiled(classifier: Classifier, layer: str, rule: str, arrived: str) -> Any:
    layers = tuple(dict.fromkeys([layer, *([arrived] if arrived else [])]))
    graph = folding.fold(with_inputs_of_activations(classifier, layers), layers)
    steps = [half for step in graph.steps for half in (_halves(step))]
    first = next((step for step in steps if kind(step) in _KERNELS), None)
    nowhere_negative = _nowhere_negative(steps)
    graph = replace(
        graph,
        steps=tuple(
            _ruled(step, rule, flat=step is first, positive=id(next(iter(step.inputs), None)) in nowhere_negative)
            for step in steps
        ),
    )

    @tf.function(input_signature=[PICTURES, UNITS], autograph=False)
    def relevance(pictures: tf.Tensor, units: tf.Tensor) -> tf.Tensor:
        entered = classifier.preprocess(pictures)
        with tf.GradientTape() as tape:
            tape.watch(entered)
            values = graph.run(entered, layers)
            with tape.stop_recording():
                handed = _handed(values[layer], layer, units)
        where = values[arrived] if arrived else entered
        return tape.gradient(
            values[layer], where, output_gradients=handed, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )

    return classifier.told([layer], relevance)


def _handed(values: tf.Tensor, layer: str, units: tf.Tensor) -> tf.Tensor:
    """What is handed back from the layer itself: the unit's values, less those of what it is held against."""
    with tf.GradientTape() as tape:
        tape.watch(values)
        total = score({layer: values}, layer, units)
    return values * tape.gradient(total, values)


def _halves(step: Step) -> tuple[Step, ...]:
    return without_activation(step) if has_activation(step) and kind(step) in KERNELS else (step,)


# ----------------------------------------------------------------------------- steps whose gradient is their relevance


def _nowhere_negative(steps: list[Step]) -> set[int]:
    """The ids of the symbolic tensors that rectifiers, and steps that only move their values, give."""
    found: set[int] = set()
    for step in steps:
        plain = kind(step) == "ReLU" and not _setting(step, "negative_slope")
        rectified = plain or function_name(step) in _RECTIFIERS
        moved = kind(step) in _PLACED and all(id(one) in found for one in step.inputs)
        if rectified or moved:
            found.update(id(one) for one in step.outputs)
    return found


def _setting(step: Step, name: str) -> Any:
    """An attribute of the layer of a step."""
    return getattr(step.operation, name)


def _ruled(step: Step, rule: str, *, flat: bool, positive: bool) -> Step:
    """The step with the same values, whose gradient hands relevance back.

    ``flat`` is the first layer of weights; ``positive``: nothing that goes in is below zero.
    """
    what = kind(step)
    if what in _KERNELS and not has_activation(step):
        return replace(step, operation=_kernel_rule(step, rule, flat=flat, positive=positive))
    inputs = [one for one in step.inputs if isinstance(one, keras.KerasTensor)]
    if what in _PLACED:
        return step
    if what in _PROPORTIONAL:
        return replace(step, operation=_in_proportion(step.operation))
    if what == "Multiply" and len(inputs) == 2:
        return replace(step, operation=_to_the_larger(step.operation))
    alone = len(inputs) == 1 and tuple(inputs[0].shape) == tuple(step.outputs[0].shape)
    if alone and (what in _SCALED or is_nonlinearity(step) or what == "function" or what.startswith("Random")):
        return replace(step, operation=_as_it_is(step.operation))
    if step.name == LOGITS and len(inputs) == 1:  # one unit that tells two classes apart
        return replace(step, operation=_in_proportion(step.operation))
    raise ValueError(f"Expected a network for whose layers LRP has rules, got the layer {step.name!r}, a {what}")


def _as_it_is(operation: Any) -> Rule:
    """Relevance goes through unchanged: a unit alone makes each."""

    def call(*args: Any, **kwargs: Any) -> Any:
        @custom_gradient
        def passed(x: tf.Tensor) -> Any:
            return operation(*_with(args, x), **kwargs), lambda handed: tf.cast(handed, x.dtype)

        return passed(_tensor(args))

    return call


def _in_proportion(operation: Any) -> Rule:
    """Relevance goes to what went in, in proportion to its part of what came out, which is linear in it."""

    def call(*args: Any, **kwargs: Any) -> Any:
        nested = isinstance(args[0], (list, tuple))

        @custom_gradient
        def shared(*parts: tf.Tensor) -> Any:
            with tf.GradientTape(persistent=False) as tape:
                tape.watch(parts)
                made = operation(list(parts) if nested else parts[0], *args[1:], **kwargs)

            def back(handed: tf.Tensor) -> Any:
                slopes = tape.gradient(made, parts, output_gradients=handed / _stable(made))
                return [part * slope for part, slope in zip(parts, slopes, strict=True)]

            return tf.identity(made), back

        return shared(*(args[0] if nested else args[:1]))

    return call


def _to_the_larger(operation: Any) -> Rule:
    """Relevance of a product goes to its larger factor; the smaller one is a gate. To both alike where both are."""

    def call(*args: Any, **kwargs: Any) -> Any:
        nested = isinstance(args[0], (list, tuple))
        factors = list(args[0]) if nested else list(args)

        @custom_gradient
        def gated(one: tf.Tensor, other: tf.Tensor) -> Any:
            made = operation([one, other], **kwargs) if nested else operation(one, other, **kwargs)

            def back(handed: tf.Tensor) -> Any:
                larger = tf.cast(tf.size(one), tf.float32), tf.cast(tf.size(other), tf.float32)
                first = tf.where(larger[0] > larger[1], 1.0, tf.where(larger[0] < larger[1], 0.0, 0.5))
                return [_to_shape(handed * first, one), _to_shape(handed * (1 - first), other)]

            return made, back

        return gated(*factors)

    return call


def _to_shape(handed: tf.Tensor, part: tf.Tensor) -> tf.Tensor:
    """What was broadcast, summed again."""
    summed, _ = tf.raw_ops.BroadcastGradientArgs(s0=tf.shape(part), s1=tf.shape(handed))
    return tf.reshape(tf.reduce_sum(handed, axis=summed), tf.shape(part))


# ---------------------------------------------------------------------------------------------------- layers of weights


def _kernel_rule(step: Step, rule: str, *, flat: bool, positive: bool) -> Rule:
    """A layer of weights by its rule: epsilon, z+, or flat, which gives equal parts to all that it sees."""
    operation = step.operation
    dense = kind(step) == "Dense"
    if rule == EPSILON or (rule == COMPOSITE and dense):
        return _epsilon(operation)
    layer: Any = step.operation
    kernel, with_kernel = np.asarray(layer.get_weights()[0]), _with_kernels(step)
    equal = _equal_parts(step, kernel, with_kernel)
    if rule == COMPOSITE and flat:
        ones = with_kernel(tf.ones(kernel.shape))
        return _handing(operation, lambda x: [(tf.ones_like(x), ones)], equal)
    plus, minus = (with_kernel(tf.constant(one)) for one in (np.maximum(kernel, 0), np.minimum(kernel, 0)))
    if positive:
        return _handing(operation, lambda x: [(x, plus)], equal)
    return _handing(operation, lambda x: [(tf.nn.relu(x), plus), (-tf.nn.relu(-x), minus)], equal)


def _with_kernels(step: Step) -> Callable[[Any], Callable[[tf.Tensor], tf.Tensor]]:
    """A kernel -> what the layer does with it, without bias and activation."""
    layer: Any = step.operation
    if kind(step) == "Conv2D" and channels_last(step):
        return lambda kernel: lambda x: layer.convolution_op(x, kernel)
    if kind(step) == "DepthwiseConv2D" and channels_last(step):
        given = {"strides": layer.strides, "padding": layer.padding, "dilation_rate": layer.dilation_rate}
        return lambda kernel: lambda x: keras.ops.depthwise_conv(x, kernel, data_format="channels_last", **given)
    copy: Any = unfilled_copy(step, use_bias=False, activation=None, trainable=True)
    return lambda kernel: lambda x: copy.stateless_call([kernel], [], x)[0]


def _equal_parts(step: Step, kernel: Any, with_kernel: Any) -> tuple[Callable[[Any], Any], Callable[[Any], Any], int]:
    """What hands back in equal parts: (ones as what goes in, a layer that adds them, how many channels one stands for).

    A convolution adds the same ones for every unit: one channel stands for all that go in, and for all that come out.
    It is 0 where every channel stands for itself.
    """
    ones = with_kernel(tf.ones(kernel.shape))
    if kind(step) == "Conv2D" and channels_last(step) and _setting(step, "groups") == 1:
        box = with_kernel(tf.ones((*kernel.shape[:2], 1, 1)))
        return lambda x: tf.ones_like(x[..., :1]), box, kernel.shape[2]
    return tf.ones_like, ones, 0


def _epsilon(operation: Any) -> Rule:
    """In proportion to each product of weight and input; the bias keeps its share."""

    def call(x: tf.Tensor, **kwargs: Any) -> Any:
        @custom_gradient
        def handing(x: tf.Tensor) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                made = operation(x, **kwargs)

            def back(handed: tf.Tensor, variables: Any = None) -> Any:
                found = x * tape.gradient(made, x, output_gradients=handed / _stable(made))
                return (found, [None] * len(variables)) if variables is not None else found

            return tf.identity(made), back

        return handing(x)

    return call


def _handing(operation: Any, parts: Callable[[tf.Tensor], list[tuple[tf.Tensor, Any]]], equal: Any) -> Rule:
    """In proportion to other parts than those that made the value: (inputs, layer), and what they would make.

    A unit that nothing raised but its bias hands back in equal parts, as ``_equal_parts`` says: so nothing is lost.
    """
    ones_of, box, count = equal

    def call(x: tf.Tensor, **kwargs: Any) -> Any:
        @custom_gradient
        def handing(x: tf.Tensor) -> Any:
            def back(handed: tf.Tensor, variables: Any = None) -> Any:
                chosen, ones = parts(x), ones_of(x)
                inputs = [one for one, _ in chosen]
                with tf.GradientTape() as tape:
                    tape.watch([*inputs, ones])
                    made = tf.add_n([layer(one) for one, layer in chosen])
                    every = box(ones)
                    with tape.stop_recording():
                        raised = tf.cast(made > 0, made.dtype)
                        share = raised * handed / tf.maximum(made, TINY)
                        left = (1 - raised) * handed
                        left = tf.reduce_sum(left, axis=-1, keepdims=True) if count else left
                        rest = left / (every * (count or 1))
                slopes = tape.gradient([made, every], [*inputs, ones], output_gradients=[share, rest])
                found = tf.add_n([one * slope for one, slope in zip(inputs, slopes, strict=False)]) + slopes[-1]
                return (found, [None] * len(variables)) if variables is not None else found

            return operation(x, **kwargs), back

        return handing(x)

    return call


def _stable(value: tf.Tensor) -> tf.Tensor:
    """The value, a little further from zero."""
    return value + tf.where(value >= 0, SMALL, -SMALL)


def _tensor(args: Any) -> tf.Tensor:
    """The one tensor among the arguments of an operation."""
    return next(one for one in tf.nest.flatten(args) if tf.is_tensor(one))


def _with(args: Any, x: tf.Tensor) -> Any:
    """The arguments with another tensor in the place of theirs."""
    return tf.nest.map_structure(lambda one: x if tf.is_tensor(one) else one, args)
