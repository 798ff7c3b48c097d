"""Expanded weights: what a unit sees in a layer several steps down, as one signed kernel.

Between two layers that are more than one nonlinearity apart there are no weights, but there is the product of all the
weights between, as if every nonlinearity were a straight line ("Visualizing Weights", Voss et al., Distill 2021,
doi:10.23915/distill.00024.007, section "Expanded Weights"). It shows how a unit is put together, not what it does: a
rectifier that is closed cuts a path, and two paths that cancel here need not be open at the same time. So the linear
view comes with a number: how far it goes along with the unit's real values on a picture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core import checks
from core.networks.classifiers import Classifier
from core.networks.graphs import Graph, Step
from core.networks.nonlinearities import before_nonlinearity, is_nonlinearity, with_inputs_of_activations
from core.networks.requirements import require_channels, require_size
from core.networks.segments import named
from core.networks.steps import BEFORE, has_activation, without_activation
from core.techniques.circuits.terms import PICTURE, as_map, symbols
from core.techniques.circuits.wiring import cropped, linearly, passes, shape_of, sources_of
from core.types import Floats

__all__ = ["Expanded", "expanded_weights", "layers_below"]


@dataclass(frozen=True, eq=False)
class Expanded:
    """The linear view of a unit in an earlier layer.

    Attributes:
        layer, channel: the unit.
        source: the earlier layer; ``PICTURE`` for the picture as the network takes it.
        kernel: (kh, kw, channels of the source) signed, cropped to where it is not zero.
        nonlinearities: how many on the way were taken for straight lines.
        bypassed: whether the unit depends on the picture also around the source; such paths are left out.
        agreement: how the linear view goes along with what the unit gets before its nonlinearity, over the places of a
            picture, -1 to 1; None where no picture was given, or there are fewer than three places.
    """

    layer: str
    channel: int
    source: str
    kernel: Floats
    nonlinearities: int
    bypassed: bool
    agreement: float | None

    def strongest(self, count: int = 12) -> list[int]:
        """The channels of the source with the largest kernels, by their norm, the largest first."""
        norms = np.square(self.kernel).sum(axis=(0, 1))
        return [int(channel) for channel in np.argsort(-norms, kind="stable")[:count] if norms[channel] > 0]


def expanded_weights(
    classifier: Classifier, layer: str, channel: int, source: str = PICTURE, *, picture: npt.ArrayLike | None = None
) -> Expanded:
    """What a unit sees in an earlier layer, with every nonlinearity between taken for the straight line through it.

    Convolutions, normalization, skip connections, concatenations and pooling count as in ``fed_by``.

    Args:
        classifier: the network.
        layer: of ``classifier.layers``.
        channel: of the layer.
        source: a layer before it, or ``PICTURE``.
        picture: (1, H, W, 3) or (H, W, 3) RGB in [0, 1] on which to ask how far the linear view goes.

    Raises:
        ValueError: a layer, channel or picture that cannot be, a source that the layer does not depend on, or that lies
            within its nonlinearity, a layer between that is no weighted sum (attention, layer normalization), or a
            picture of another size than the network's own where paths lead around the source.
    """
    (chosen,) = require_channels(classifier, layer, [channel])
    if source != PICTURE and source not in classifier.before(layer):
        classifier.layer(source)
        raise ValueError(f"Expected a layer before {layer!r}, got {source!r}, on which it does not depend")
    way = classifier.keep_aside(("expanded", source, layer), lambda: _way(classifier, source, layer))
    start = tf.zeros(shape_of(way.start))
    with tf.GradientTape() as tape:
        tape.watch(start)
        made = way.run(start)
        value = made[(0, *(n // 2 for n in made.shape[1:-1]), chosen)]
    slope = tape.gradient(value, start, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    kernel = as_map(slope.numpy())
    kernel = cropped(kernel) if kernel.any() else kernel[:1, :1]
    found = None if picture is None else _agreement(classifier, way, checks.picture(picture), chosen)
    return Expanded(layer, chosen, source, kernel, way.nonlinearities, way.bypassed, found)


def layers_below(classifier: Classifier, layer: str, most: int = 4) -> list[str]:
    """The layers that stand one, two, ... steps below a layer on its longest way, each behind a nonlinearity.

    Args:
        classifier: the network.
        layer: of ``classifier.layers``.
        most: how many at most.

    Returns:
        Their names, the nearest first; they end with ``PICTURE`` where it is as near as that.

    Raises:
        ValueError: a layer that does not exist.
    """
    classifier.layer(layer)
    found: list[str] = []
    while len(found) < most:
        below = sources_of(classifier.graph, found[-1] if found else layer)
        known = [name for name in below if name in classifier.layers]
        if not known:
            return [*found, PICTURE] if PICTURE in below else found
        found.append(max(known, key=list(classifier.layers).index))
    return found


@dataclass(frozen=True, eq=False)
class _Way:
    """The calls from a source to what a unit gets before its nonlinearity, in a graph in which both are known."""

    graph: Graph
    start: Any
    end: str
    steps: tuple[Step, ...]
    nonlinearities: int
    bypassed: bool

    def run(self, start: tf.Tensor) -> tf.Tensor:
        """What the linear view makes of the source's map; what stands beside is zero."""
        values = {id(self.start): start}
        for step in self.steps:
            given = [values[id(one)] if id(one) in values else tf.zeros(shape_of(one)) for one in symbols(step)]
            same = is_nonlinearity(step) and len(given) == 1
            values[id(step.outputs[0])] = given[0] if same else linearly(step, given)
        return values[id(self.graph.tensors[self.end])]


def _way(classifier: Classifier, source: str, layer: str) -> _Way:
    end = before_nonlinearity(classifier, layer)
    graph = with_inputs_of_activations(classifier, (end,))
    start = graph.input if source == PICTURE else graph.tensors[source]
    depends, steps, bent = {id(start)}, [], 0
    bypassed = False
    for step in graph.needed([end]):
        if any(one is start for one in step.outputs):
            continue
        inside = [id(one) in depends for one in symbols(step)]
        if not any(inside):
            continue
        bypassed |= not all(inside)
        depends.update(map(id, step.outputs))
        bent += has_activation(step) or is_nonlinearity(step)
        steps.append(_without_bend(step))
    if id(graph.tensors[end]) not in depends:
        raise ValueError(f"Expected a source before the nonlinearity of {layer!r}, got {source!r}, which is within it")
    for step in steps:
        if not (passes(step) or is_nonlinearity(step)):
            raise ValueError(f"Expected layers between that are weighted sums, got {step.name!r}, which is none")
    return _Way(graph, start, end, tuple(steps), bent, bypassed)


def _without_bend(step: Step) -> Step:
    """A call; of one with an activation its linear half, which gives what the whole gave."""
    return replace(without_activation(step)[0], outputs=step.outputs) if has_activation(step) else step


def _agreement(classifier: Classifier, way: _Way, picture: Floats, channel: int) -> float | None:
    require_size(classifier, [way.end.removesuffix(BEFORE)], *picture.shape[1:3])
    if way.bypassed and picture.shape[1:3] != classifier.size:
        own, got = ("{} x {}".format(*size) for size in (classifier.size, picture.shape[1:3]))
        raise ValueError(f"Expected a picture of {own}, since paths lead around the source, got {got}")
    graph, (name,) = named(way.graph, [way.start], "source")
    prepared = classifier.preprocess(tf.constant(picture))
    if way.start is way.graph.input:
        source = prepared
        real = graph.run(prepared, [way.end])[way.end]
    else:
        found = graph.run(prepared, [name, way.end])
        source, real = found[name], found[way.end]
    told = way.run(source)
    if told.shape != real.shape:
        return None
    values = [np.asarray(one[..., channel], np.float64).ravel() for one in (told, real)]
    if len(values[0]) < 3 or min(one.std() for one in values) < 1e-12:
        return None
    first, second = (one - one.mean() for one in values)
    return float(first @ second / np.sqrt((first @ first) * (second @ second)))
