"""Where the nonlinearities of a network are, and what its units are before and after them."""

from __future__ import annotations

from core.networks.classifiers import Classifier
from core.networks.graphs import Graph, Step
from core.networks.steps import BEFORE, KERNELS, has_activation, is_softmax, kind, without_activation

_NONLINEARITIES = frozenset(
    {"Activation", "ELU", "LeakyReLU", "PReLU", "ReLU", "Celu", "Elu", "Gelu", "HardSigmoid", "HardSilu", "LeakyRelu"}
    | {"Relu", "Relu6", "Selu", "Sigmoid", "Silu", "Tanh"}
)


def before_nonlinearity(classifier: Classifier, layer: str) -> str:
    """The layer, or ``name:before``, where the same units have not been through their nonlinearity yet.

    From an activation to what feeds it, from a convolution on to its BatchNormalization (which may turn a unit's sign),
    and into a layer with an activation of its own. A layer without any of these is returned as it is.
    """
    graph = classifier.graph
    step = graph.producer(graph.tensors[layer])
    while step and is_nonlinearity(step):
        source = graph.producer(next(step.inputs))
        if source is None or source.name not in classifier.layers:
            break
        step = source
    if step is None:
        return layer
    after = graph.readers(step.outputs[0])
    if len(after) == 1 and kind(after[0]) == "BatchNormalization" and kind(step) in KERNELS:
        step = after[0]
    name = step.name if step.name in graph.tensors else layer
    return name + BEFORE if has_activation(step) else name


def after_nonlinearity(classifier: Classifier, layer: str) -> str:
    """The activation that these units, and nothing else, go into; the layer itself where there is none."""
    graph = classifier.graph
    before = before_nonlinearity(classifier, layer)
    step = graph.producer(graph.tensors[before.removesuffix(BEFORE)])
    if step is None or before.endswith(BEFORE):
        return layer
    after = graph.readers(step.outputs[0])
    return next((other.name for other in after if is_nonlinearity(other)), layer)


def with_inputs_of_activations(classifier: Classifier, layers: tuple[str, ...]) -> Graph:
    """The classifier's graph with the tensors that are asked for as ``name:before``.

    Raises ValueError for a layer that does not exist, or has no activation of its own.
    """
    graph = classifier.graph
    for name in layers:
        own = name.removesuffix(BEFORE)
        if own not in graph.tensors:
            classifier.layer(own)
            raise ValueError(f"Expected a network with classes, got {classifier.name}, which ends in a feature map")
        step = graph.producer(graph.tensors[own])
        if name != own and step and has_activation(step):
            linear, activation = without_activation(step)
            graph = graph.replaced(step, linear, activation, tensors={name: linear.outputs[0]})
        elif name != own and name not in graph.tensors:
            raise ValueError(f"Expected a layer with an activation of its own before {BEFORE!r}, got {own!r}")
    return graph


def is_nonlinearity(step: Step) -> bool:
    """Whether it is a nonlinearity on each unit alone."""
    return kind(step) in _NONLINEARITIES and not is_softmax(step)
