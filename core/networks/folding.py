"""The same network with less work: a graph rewritten for speed.

``forward`` gives what ``Classifier.forward`` gives, but BatchNormalization is folded into the convolution before it,
and some steps are exchanged for others that cost less (``faster_steps``); a layer may be asked for before its own
activation (``name:before``); and a layer may be narrowed to one wanted channel for each picture, which is computed
without its neighbours. The classifier's own graph and layers are left as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from core.networks.classifiers import Classifier
from core.networks.faster_steps import faster
from core.networks.graphs import Graph, Step
from core.networks.narrowing import narrowed
from core.networks.nonlinearities import with_inputs_of_activations
from core.networks.segments import segment
from core.networks.steps import KERNELS, channels_last, has_activation, kind, shared_copy

Forward = Callable[[tf.Tensor, tf.Tensor], dict[str, tf.Tensor]]


def forward(classifier: Classifier, layers: Iterable[str], *, narrow: Iterable[str] = ()) -> Forward:
    """(pictures (N, H, W, 3) in [0, 1], target (N,) int32) -> {layer: activation}, to be called in a ``tf.function``.

    Activations are (N, h, w, C) or (N, C); those of the layers in ``narrow`` are (N, h, w, 1) or (N, 1): the target's
    channel only. Where a layer narrowed is a rectifier, a picture whose gradient it blocks altogether gets the gradient
    of its input instead, so that a unit which is inactive at the start can become active.

    Weights are copied when this is called. Raises ValueError for a layer that does not exist.
    """
    layers, narrow = tuple(dict.fromkeys(layers)), frozenset(narrow)
    graph = fold(with_inputs_of_activations(classifier, layers), layers)
    plans = {name: narrowed(graph, graph.tensors[name]) for name in layers if name in narrow}
    inputs = {f"(input {i})": t for i, t in enumerate(t for plan in plans.values() for t in plan.inputs)}
    graph = faster(replace(graph, tensors={**graph.tensors, **inputs}))
    names = tuple(name for name in layers if name not in narrow) + tuple(inputs)

    def run(pictures: tf.Tensor, target: tf.Tensor) -> dict[str, tf.Tensor]:
        values = graph.run(classifier.preprocess(pictures), names)
        known = {id(inputs[name]): values[name] for name in inputs}
        own = {name: plan.compute(known, target) for name, plan in plans.items()}
        maps = {name: graph.token_map(name) for name in own}
        shown = {name: found.to_map(own[name]) for name, found in maps.items() if found}
        found = {**values, **own, **shown}
        return {name: found[name] for name in layers}

    return run


def fold(graph: Graph, names: Iterable[str]) -> Graph:
    """A graph for these layers in which each BatchNormalization right behind a convolution is part of it.

    y = g (Wx + b - m) / s + o becomes W'x + b' with W' = W g / s. Only where nothing else looks at the convolution's
    own output. Outputs agree with the original within rounding.
    """
    names = tuple(names)
    rest = replace(graph, steps=tuple(graph.needed(names)))
    looks = Counter(id(graph.tensors[name]) for name in names)
    looks.update(id(tensor) for step in rest.steps for tensor in step.inputs)
    for norm in [step for step in rest.steps if kind(step) == "BatchNormalization"]:
        before = rest.producer(next(norm.inputs))
        if before and looks[id(before.outputs[0])] == 1 and _foldable(before, norm):
            merged = replace(norm, operation=_merged(before, norm), args=before.args, kwargs={})
            rest = rest.replaced(norm).replaced(before, merged)
    return rest


def _foldable(step: Step, norm: Step) -> bool:
    last = len(norm.outputs[0].shape) - 1
    axis: Any = getattr(norm.operation, "axis", -1)
    return kind(step) in KERNELS and not has_activation(step) and axis in (-1, last) and channels_last(step)


def _merged(step: Step, norm: Step) -> Any:
    """A copy of a convolution that does the work of the BatchNormalization behind it."""
    layer: Any = step.operation
    bn: Any = norm.operation
    weights = [np.asarray(w) for w in layer.get_weights()]
    bias = weights.pop() if layer.use_bias else np.float32(0)
    gain = 1 / np.sqrt(np.asarray(bn.moving_variance) + bn.epsilon)
    gain = gain * np.asarray(bn.gamma) if bn.scale else gain
    shift = np.asarray(bn.beta) if bn.center else np.float32(0)
    index = KERNELS[kind(step)]
    kernel = weights[index]
    scaled = kernel * (gain.reshape(kernel.shape[2:]) if kind(step) == "DepthwiseConv2D" else gain)
    weights[index] = scaled
    return shared_copy(step, [*weights, (bias - np.asarray(bn.moving_mean)) * gain + shift], use_bias=True)


def halves(classifier: Classifier, cut: str, layer: str) -> tuple[Any, Any]:
    """(pictures -> the maps of ``cut``, those maps -> a layer after it), folded, to be called in a ``tf.function``.

    Weights are copied when this is called. Only where ``separates`` says so.
    """
    graph = faster(fold(with_inputs_of_activations(classifier, (cut, layer)), (cut, layer)))
    rest, tokens = segment(graph, graph.tensors[cut], [layer]), graph.token_map(layer)

    def first(pictures: tf.Tensor) -> tf.Tensor:
        return graph.run(classifier.preprocess(pictures), [cut])[cut]

    def second(maps: tf.Tensor) -> tf.Tensor:
        made = rest.run(maps, [])[layer]
        return tokens.to_map(made) if tokens else made

    return first, second


def separates(classifier: Classifier, cut: str, layer: str) -> bool:
    """Whether a layer depends on the picture through the maps of ``cut`` alone."""
    graph = classifier.graph
    return cut in classifier.before(layer) and segment(graph, graph.tensors[cut], [layer]).separates
