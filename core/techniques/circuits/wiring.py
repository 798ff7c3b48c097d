"""What feeds a unit and what it feeds, by the weights alone: everything between two nonlinearities as one linear step.

Between the output of one nonlinearity and the input of the next, convolutions (also pairs of depthwise and pointwise
ones), normalization, skip connections and concatenations are one linear map. Its part between two channels is a kernel,
and the kernel's norm says how strongly they are connected ("Visualizing Weights", Voss et al., Distill 2021,
doi:10.23915/distill.00024.007). Maximum pooling counts as its mean, and a gate as open: both depend on the picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from core import checks
from core.networks.classifiers import LOGITS, Classifier
from core.networks.graphs import Graph, Step
from core.networks.nonlinearities import is_nonlinearity
from core.networks.requirements import require_channels
from core.networks.segments import is_linear
from core.networks.steps import has_activation, kind, without_activation
from core.techniques.circuits.terms import PICTURE, as_map, called, symbols
from core.types import Floats

__all__ = ["Connection", "cropped", "fed_by", "feeds", "linearly", "passes", "shape_of", "sources_of"]

MOST = 4096
_AS_MEAN = frozenset({"MaxPooling2D", "GlobalMaxPooling2D"})


@dataclass(frozen=True, eq=False)
class Connection:
    """A unit on the other side of one linear step.

    Attributes:
        layer: its layer; ``PICTURE`` for a colour of the picture, ``LOGITS`` for a class.
        channel: its channel.
        strength: the norm of the kernel between the two.
        kernel: (kh, kw) signed, as the later of the two sees the earlier one.
    """

    layer: str
    channel: int
    strength: float
    kernel: Floats


def fed_by(classifier: Classifier, layer: str, channel: int, *, count: int = 20) -> list[Connection]:
    """The units that feed a unit most, the strongest first.

    Args:
        classifier: the network.
        layer: of ``classifier.layers``, or ``LOGITS``.
        channel: of the layer.
        count: how many at most.

    Raises:
        ValueError: a layer, channel or count that cannot be.
    """
    (chosen,) = require_channels(classifier, layer, [channel])
    checks.whole("count", count, 1, MOST)
    end, first = _before(classifier.graph, classifier.graph.tensors[layer])
    part = _upstream(classifier.graph, end, first)
    sources = [tf.zeros(shape_of(tensor)) for tensor, _ in part.ends]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        made = part.run(dict(zip([id(tensor) for tensor, _ in part.ends], sources, strict=True)))[id(end)]
        value = made[(0, *(n // 2 for n in made.shape[1:-1]), chosen)]
    slopes = tape.gradient(value, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    pairs = [(name, as_map(slope.numpy())) for (_, name), slope in zip(part.ends, slopes, strict=True)]
    return _strongest(pairs, count)


def sources_of(graph: Graph, layer: str) -> list[str]:
    """The layers on the other side of the linear step before a layer; ``PICTURE`` where it begins there."""
    tensor = graph.tensors[layer]
    step = graph.producer(tensor)
    bent = step and (has_activation(step) or (is_nonlinearity(step) and len(symbols(step)) == 1))
    return [name for _, name in _upstream(graph, tensor, (step,) if step and bent else ()).ends]


def feeds(classifier: Classifier, layer: str, channel: int, *, count: int = 20) -> list[Connection]:
    """The units, or classes, that a unit feeds most, the strongest first; arguments and errors as ``fed_by``."""
    (chosen,) = require_channels(classifier, layer, [channel])
    checks.whole("count", count, 1, MOST)
    graph = classifier.graph
    start = graph.tensors[layer]
    part = _downstream(graph, start)
    empty = np.zeros(shape_of(start), np.float32)
    one = empty.copy()
    one[(0, *(n // 2 for n in one.shape[1:-1]), chosen)] = 1
    without, given = (part.run({id(start): tf.constant(value)}) for value in (empty, one))
    pairs = [(name, as_map((given[id(end)] - without[id(end)]).numpy())) for end, name in part.ends]
    return [_flipped(found) for found in _strongest(pairs, count)]


def _strongest(pairs: Sequence[tuple[str, Floats]], count: int) -> list[Connection]:
    found = []
    for name, maps in pairs:
        norms = np.sqrt(np.square(maps).sum(axis=(0, 1)))
        order = np.argsort(-norms, kind="stable")[:count]
        found += [(float(norms[i]), name, int(i), maps[..., i]) for i in order if norms[i] > 0]
    best = sorted(found, key=lambda one: -one[0])[:count]
    return [Connection(name, channel, norm, cropped(kernel)) for norm, name, channel, kernel in best]


def cropped(kernel: Floats) -> Floats:
    """A kernel (h, w) or (h, w, channels) without what is zero around it."""
    flat = np.abs(kernel).reshape(*kernel.shape[:2], -1).sum(axis=2)
    rows, columns = (np.flatnonzero(flat.sum(axis=axis)) for axis in (1, 0))
    return kernel[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _flipped(found: Connection) -> Connection:
    """A response to a point is the kernel turned around."""
    return Connection(found.layer, found.channel, found.strength, found.kernel[::-1, ::-1])


# ------------------------------------------------------------------------------------------------- the linear part


@dataclass(frozen=True, eq=False)
class _Part:
    """Linear calls in running order, and the tensors at their ends with the names of the units there."""

    steps: tuple[Step, ...]
    ends: tuple[tuple[Any, str], ...]

    def run(self, known: Mapping[int, tf.Tensor]) -> dict[int, tf.Tensor]:
        """Every tensor by its identity; what is not known is zero."""
        values = dict(known)
        for step in self.steps:
            given = [values.setdefault(id(one), tf.zeros(shape_of(one))) for one in symbols(step)]
            values[id(step.outputs[0])] = linearly(step, given)
        return values


def _before(graph: Graph, tensor: Any) -> tuple[Any, tuple[Step, ...]]:
    """What goes into the nonlinearity that makes a tensor, and the linear half of a layer that has it built in."""
    step = graph.producer(tensor)
    if step is not None and has_activation(step):
        linear, _ = without_activation(step)
        return linear.outputs[0], (linear,)
    if step is not None and is_nonlinearity(step) and len(symbols(step)) == 1:
        return symbols(step)[0], ()
    return tensor, ()


def _upstream(graph: Graph, end: Any, first: tuple[Step, ...]) -> _Part:
    steps, ends, seen = list(first), [], set()
    waiting = [one for step in first for one in symbols(step)] or [end]
    while waiting:
        tensor = waiting.pop()
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        step = graph.producer(tensor)
        if step is None or not passes(step):
            ends.append((tensor, step.name if step else PICTURE))
        else:
            steps.append(step)
            waiting += symbols(step)
    return _Part(_ordered(graph, steps), tuple(ends))


def _downstream(graph: Graph, start: Any) -> _Part:
    steps, ends, seen, waiting = [], [], set(), [start]
    while waiting:
        tensor = waiting.pop()
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        if tensor is graph.tensors.get(LOGITS) and tensor is not start:
            ends.append((tensor, LOGITS))
        for step in graph.readers(tensor):
            if has_activation(step):
                linear, _ = without_activation(step)
                steps.append(linear)
                ends.append((linear.outputs[0], step.name))
            elif passes(step):
                steps.append(step)
                waiting.append(step.outputs[0])
            elif tensor is not start:
                ends.append((tensor, step.name))
    return _Part(_ordered(graph, list(dict.fromkeys(steps))), tuple({(id(t), n): (t, n) for t, n in ends}.values()))


def _ordered(graph: Graph, steps: Sequence[Step]) -> tuple[Step, ...]:
    place = {one.name: index for index, one in enumerate(graph.steps)}
    return tuple(sorted(steps, key=lambda one: place[one.name.removesuffix(":before")]))


def passes(step: Step) -> bool:
    """Whether a call is taken for a linear one."""
    return is_linear(step) or kind(step) in _AS_MEAN or kind(step) == "Multiply"


def linearly(step: Step, given: list[tf.Tensor]) -> tf.Tensor:
    """What such a call makes of its inputs: maximum pooling their mean, a gate what it lets through when open."""
    if kind(step) == "GlobalMaxPooling2D":
        return tf.reduce_mean(given[0], axis=(1, 2), keepdims=len(step.outputs[0].shape) == 4)
    if kind(step) == "MaxPooling2D":
        layer: Any = step.operation
        return tf.nn.avg_pool2d(given[0], layer.pool_size, layer.strides, layer.padding.upper())
    if kind(step) == "Multiply":
        return max(given, key=lambda one: int(np.prod(one.shape)))
    return called(step, given)


def shape_of(tensor: Any) -> tuple[int, ...]:
    """The shape of a symbolic tensor for one picture."""
    return (1, *(int(n or 1) for n in tensor.shape[1:]))
