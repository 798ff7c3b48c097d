"""The end of a network: from what it says, which may be probabilities, to logits.

A softmax or sigmoid is taken off wherever what follows it changes nothing of its meaning: an activation that is linear,
a change of type or shape, a mean over one place. Where probabilities cannot be undone, as the mean of two networks,
their logarithm serves: it has the same softmax.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from core.networks.graphs import END, Graph, Step
from core.networks.steps import function_name, kind, linear_copy

LOGITS = "(logits)"
"""The name under which ``tap`` and ``forward`` give the logits, whatever the network calls its last layer."""

_SAME = frozenset({"Identity", "Dropout", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "Cast"})
_SHAPES = frozenset({"Flatten", "Reshape", "Squeeze", "ExpandDims"})
_MEANS = frozenset({"GlobalAveragePooling2D", "GlobalMaxPooling2D", "AveragePooling2D", "MaxPooling2D", "Mean"})
_FUNCTIONS = frozenset({"Softmax", "Sigmoid", "Tanh", "Relu"})  # as layers or operations
_LEAST = 1e-12  # what is added to probabilities before their logarithm: 0 is possible in single precision


SCALES: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {"softmax": tf.nn.softmax, "sigmoid": tf.sigmoid, "tanh": tf.tanh, "relu": tf.nn.relu, "linear": tf.identity}
)
"""What makes answers of logits: probabilities of classes, and what a network says where it gives numbers."""

_OF_CLASSES, _OF_NUMBERS = ("softmax", "sigmoid"), ("sigmoid", "tanh", "relu")


def with_logits(graph: Graph, kind: str = "classes", *, scale: str = "") -> tuple[Graph, str]:
    """The graph with logits under ``LOGITS`` in place of ``END``, and what makes answers of them, of ``SCALES``.

    Of ``"classes"`` that is a softmax, also where the network has none and ``scale`` names nothing else, or a sigmoid.
    One sigmoid, or one unit that is said to be ``"binary"``, is two classes: (-z / 2, z / 2) has the softmax that z has
    as sigmoid, and both can move. Of ``"numbers"`` and of an ``"embedding"`` an activation at the end that saturates is
    taken off, so that they can be moved wherever they are. An end with a height and a width has no logits.
    """
    output = graph.tensors[END]
    if len(output.shape) != 2:
        return _ended(graph, []), "softmax"
    classes = kind in ("classes", "binary")
    chain, last = behind(graph, output)
    activation = _activation(last) if last else ""
    wanted = _OF_CLASSES if classes else _OF_NUMBERS
    if last and activation in wanted and _transparent(graph, last, chain, activation):
        graph = _taken_off(graph, last)
    else:
        activation, undo = _undone(graph) if classes else ("", None)
        graph = _appended(graph, undo) if undo else graph
    if output.shape[-1] == 1 and (kind == "binary" or (classes and activation == "sigmoid")):
        return _ended(_appended(graph, _both), [LOGITS]), "softmax"
    return _ended(graph, [LOGITS]), activation or scale or ("softmax" if classes else "linear")


def ending(graph: Graph) -> str:
    """What stands at the end: ``"softmax"`` or ``"sigmoid"``, however made, another function's name, or nothing."""
    chain, last = behind(graph, graph.tensors[END])
    activation = _activation(last) if last else ""
    if last and activation in _OF_CLASSES and _transparent(graph, last, chain, activation):
        return activation
    if len(graph.tensors[END].shape) == 2 and (mixed := _undone(graph)[0]):
        return mixed
    return "" if activation in ("linear", *_OF_CLASSES) else activation


def _ended(graph: Graph, names: list[str]) -> Graph:
    """The graph with the end under these names instead of ``END``."""
    tensors = {name: tensor for name, tensor in graph.tensors.items() if name != END}
    return replace(graph, tensors={**tensors, **dict.fromkeys(names, graph.tensors[END])})


def behind(graph: Graph, tensor: Any) -> tuple[list[Step], Step | None]:
    """The steps at the end that may change nothing, the last one first, and the one before them."""
    chain: list[Step] = []
    step = graph.producer(tensor)
    while step and (kind(step) in _SAME | _SHAPES | _MEANS or _linear(step)):
        chain.append(step)
        step = graph.producer(next(step.inputs))
    return chain, step


def _linear(step: Step) -> bool:
    return kind(step) == "Activation" and function_name(step) == "linear"


def _activation(step: Step) -> str:
    """``"softmax"``, ``"sigmoid"``, or whatever the layer ends with."""
    return kind(step).lower() if kind(step) in _FUNCTIONS else function_name(step)


def _transparent(graph: Graph, last: Step, chain: list[Step], activation: str) -> bool:
    """Whether the activation can be taken off: nobody else looks at it, and what follows commutes with it.

    A softmax over the only axis that is longer than one commutes with anything that keeps or means the others. Each
    sigmoid stands for itself, so it may be shaped in any way, but the mean of several is not that of their logits.
    """
    tensors = [last.outputs[0], *(step.outputs[0] for step in chain)]
    if any(len(graph.readers(tensor)) > 1 for tensor in tensors):
        return False
    sizes = [int(n or 0) for n in last.outputs[0].shape[1:]]
    axis = getattr(last.operation, "axis", -1)
    alone = np.prod(sizes) == sizes[axis - 1 if isinstance(axis, int) and axis > 0 else -1]
    shaped = any(kind(step) in _SHAPES for step in chain) or len(sizes) > 1
    pooled = any(kind(step) in _MEANS for step in chain)
    return bool(alone or (activation != "softmax" and not pooled) or not (shaped or pooled))


def _taken_off(graph: Graph, step: Step) -> Graph:
    """A softmax or sigmoid is left out; a layer that has one of its own is replaced by a linear copy."""
    if kind(step) not in _FUNCTIONS | {"Activation"}:
        return graph.replaced(step, replace(step, operation=linear_copy(step)))
    before, after = next(step.inputs), step.outputs[0]

    def without(tensor: Any) -> Any:
        return before if tensor is after else tensor

    steps = (
        replace(
            one,
            args=keras.tree.map_structure(without, one.args),
            kwargs=keras.tree.map_structure(without, dict(one.kwargs)),
        )
        for one in graph.steps
        if one is not step
    )
    tensors = {name: without(tensor) for name, tensor in graph.tensors.items() if name != step.name}
    layers = {name: info for name, info in graph.layers.items() if name != step.name}
    return Graph(graph.input, tuple(steps), tensors, layers)


def _appended(graph: Graph, operation: Callable[[Any], Any]) -> Graph:
    """The graph with one more operation at its end."""
    before = graph.tensors[END]
    after = operation(before)
    step = Step(LOGITS, operation, (before,), {}, (after,))
    return replace(graph, steps=(*graph.steps, step), tensors={**graph.tensors, END: after})


def _both(z: Any) -> Any:
    return keras.ops.concatenate([-z / 2, z / 2], axis=-1)


def _logarithm(probabilities: Any) -> Any:
    return keras.ops.log(keras.ops.cast(probabilities, "float32") + _LEAST)


def _logit(probabilities: Any) -> Any:
    p = keras.ops.cast(probabilities, "float32")
    return keras.ops.log(p + _LEAST) - keras.ops.log(1 - p + _LEAST)


def _undone(graph: Graph) -> tuple[str, Callable[[Any], Any] | None]:
    """How probabilities at the end that are mixed of others are made logits; ``""`` and None where there are none.

    The network is run, on noise, only where the last steps with weights or activations may give probabilities.
    """
    sources = {_activation(step) for step in _sources(graph)}
    if not sources & {"softmax", "exp", "exponential", "sigmoid"}:
        return "", None
    noise = np.random.default_rng(0).random((2, *graph.input.shape[1:]), dtype=np.float32)
    values = np.asarray(graph.run(tf.constant(noise), [END])[END])
    if not (values >= 0).all() or not (values <= 1).all():
        return "", None
    if values.shape[-1] > 1 and np.allclose(values.sum(axis=-1), 1, atol=1e-3):
        return "softmax", _logarithm
    return ("sigmoid", _logit) if sources == {"sigmoid"} else ("", None)


def _sources(graph: Graph) -> Iterator[Step]:
    """The steps behind which only operations without weights stand."""
    seen: set[int] = set()
    waiting = [graph.tensors[END]]
    while waiting:
        step = graph.producer(waiting.pop())
        if step is None or id(step) in seen:
            continue
        seen.add(id(step))
        if getattr(step.operation, "weights", None) or _activation(step) in ("softmax", "sigmoid"):
            yield step
        elif kind(step) == "Exp":
            yield replace(step, operation=tf.exp)
        else:
            waiting += step.inputs
