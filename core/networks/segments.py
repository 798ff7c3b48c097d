"""The part of a network from the output of a layer to later layers, to be run again and again from there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import tensorflow as tf

from core.networks.graphs import Graph, Step
from core.networks.steps import has_activation, kind

__all__ = ["Segment", "is_linear", "named", "segment"]

_LINEAR = frozenset({  # layers that are linear where they have no activation
    "Add", "Average", "AveragePooling2D", "BatchNormalization", "Concatenate", "Conv2D", "Conv2DTranspose",
    "Cropping2D", "Dense", "DepthwiseConv2D", "Dropout", "Flatten", "GaussianDropout", "GaussianNoise",
    "GlobalAveragePooling2D", "Identity", "LayerScale", "Mean", "Normalization", "Permute", "Rescaling", "Reshape",
    "SeparableConv2D", "SpatialDropout2D", "Squeeze", "StochasticDepth", "Subtract", "UpSampling2D", "ZeroPadding2D",
})  # fmt: skip


def is_linear(step: Step) -> bool:
    """Whether a call is known to be linear in what goes in, but for a constant."""
    return kind(step) in _LINEAR and not has_activation(step)


@dataclass(frozen=True, eq=False)
class Segment:
    """The calls that depend on one tensor and lead to others.

    Attributes:
        start: the symbolic tensor that it begins with.
        beside: what else it reads: symbolic tensors that do not depend on ``start``, as of a skip connection around it.
        steps: the calls, in order.
        ends: the symbolic tensors that it leads to, by name.
    """

    start: Any
    beside: tuple[Any, ...]
    steps: tuple[Step, ...]
    ends: Mapping[str, Any]

    @property
    def linear(self) -> bool:
        """Whether every call is linear, so that parts of ``start`` give parts of the ends."""
        return all(map(is_linear, self.steps))

    @property
    def separates(self) -> bool:
        """Whether the ends depend on the picture through ``start`` alone."""
        return not self.beside

    def run(self, start: tf.Tensor, beside: Sequence[tf.Tensor]) -> dict[str, tf.Tensor]:
        """The ends by name; what stands beside has a batch of one, or of the start's size."""
        count = tf.shape(start)[0]
        known = {id(self.start): start}
        for symbol, value in zip(self.beside, beside, strict=True):
            repeats = tf.where(tf.shape(value)[0] == 1, count, 1)
            known[id(symbol)] = tf.repeat(value, repeats, axis=0)
        for step in self.steps:
            args, kwargs = keras.tree.map_structure(lambda t: known.get(id(t), t), (step.args, dict(step.kwargs)))
            results = keras.tree.flatten(step.operation(*args, **kwargs))
            known.update(zip(map(id, step.outputs), results, strict=True))
        return {name: known[id(end)] for name, end in self.ends.items()}


def segment(graph: Graph, start: Any, names: Iterable[str]) -> Segment:
    """The part of a graph from a symbolic tensor to layers or ``LOGITS``. Raises ValueError where there is no way."""
    ends = {name: graph.tensors[name] for name in names}
    depends, steps = {id(start)}, []
    beside: dict[int, Any] = {}
    for step in graph.needed(ends):
        tensors = [one for one in step.inputs if isinstance(one, keras.KerasTensor)]
        if any(one is start for one in step.outputs) or not any(id(one) in depends for one in tensors):
            continue
        steps.append(step)
        depends.update(map(id, step.outputs))
        beside.update((id(one), one) for one in tensors)
    lost = [name for name, end in ends.items() if id(end) not in depends]
    if lost:
        raise ValueError(f"Expected a layer on the way to {lost[0]}, got one that does not lead there")
    return Segment(start, tuple(one for key, one in beside.items() if key not in depends), tuple(steps), ends)


def named(graph: Graph, tensors: Sequence[Any], prefix: str) -> tuple[Graph, list[str]]:
    """The graph in which symbolic tensors have names, and these names."""
    names = [f"({prefix} {index})" for index in range(len(tensors))]
    return replace(graph, tensors={**graph.tensors, **dict(zip(names, tensors, strict=True))}), names
