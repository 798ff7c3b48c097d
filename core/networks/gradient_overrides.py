"""The same values with other gradients: rules for going back through a rectifier (ReLU).

Guided backprop and DeconvNet change what a rectifier lets through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import tensorflow as tf

from core.networks.classifiers import Classifier
from core.networks.custom_gradients import custom_gradient
from core.networks.faster_steps import faster
from core.networks.folding import fold
from core.networks.graphs import Step
from core.networks.nonlinearities import with_inputs_of_activations
from core.networks.steps import function_name, has_activation, kind, without_activation


@custom_gradient
def _guided(x: tf.Tensor) -> Any:
    """ReLU; its gradient passes where both it and the input are positive."""
    return tf.nn.relu(x), lambda g: tf.where((x > 0) & (g > 0), g, 0.0)


@custom_gradient
def _deconvolved(x: tf.Tensor) -> Any:
    """ReLU; its gradient passes where it is positive itself."""
    return tf.nn.relu(x), lambda g: tf.nn.relu(g)


GRADIENT_OVERRIDES: Mapping[str, Callable[..., Any]] = MappingProxyType({"guided": _guided, "deconvnet": _deconvolved})
"""For ``overridden``: Springenberg et al., arXiv:1412.6806, and Zeiler and Fergus, arXiv:1311.2901."""


def overridden(classifier: Classifier, layers: Iterable[str], rectifier: Callable[..., Any]) -> Any:
    """Pictures -> {layer: activation}, with every rectifier (ReLU) exchanged for a function of the same values.

    Guided backprop and DeconvNet are such functions with a gradient of their own; a rectifier that is part of a
    convolution is taken out of it first. What is linear is folded and made to cost less. Weights are copied when this
    is called.
    """
    layers = tuple(layers)
    graph = with_inputs_of_activations(classifier, layers)
    steps = [half for step in graph.steps for half in (without_activation(step) if has_activation(step) else (step,))]
    exchanged = (_exchanged(step, rectifier) if _rectifies(step) else step for step in steps)
    graph = faster(fold(replace(graph, steps=tuple(exchanged)), layers))
    return lambda pictures: graph.run(classifier.preprocess(pictures), layers)


def _exchanged(step: Step, rectifier: Callable[..., Any]) -> Step:
    """A rectifier's step with the rectifier exchanged; one with a ceiling, such as ReLU6, keeps its values.

    The ceiling lets the gradient through: the rules know none, and what excites a unit most is often at it.
    """
    ceiling = (
        6 if function_name(step) == "relu6" or kind(step) == "Relu6" else getattr(step.operation, "max_value", None)
    )
    if ceiling is None:
        return replace(step, operation=rectifier, kwargs={})

    def bounded(x: tf.Tensor) -> tf.Tensor:
        free = rectifier(x)
        return free - tf.stop_gradient(tf.nn.relu(free - tf.cast(ceiling, x.dtype)))

    return replace(step, operation=bounded, kwargs={})


def _rectifies(step: Step) -> bool:
    """Whether it is a ReLU, as a layer, an operation or a plain function."""
    plain = function_name(step) in ("relu", "relu6") or kind(step) in ("ReLU", "Relu", "Relu6")
    layer: Any = step.operation
    slope, offset = getattr(layer, "negative_slope", 0), getattr(layer, "threshold", 0)
    return plain and not slope and not offset and len(step.args) == 1
