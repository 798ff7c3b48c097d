"""One number of a feature map, step by step: what it is made of, and what becomes of that.

``dissect`` goes back from a unit through what treats every number alone (activation, normalization) to the layer that
makes it of others, and writes the arithmetic down as lines: the patch, the kernel and their products, their sum, bias,
normalization, activation. Each line is computed here in double precision; the last one is the number of the map.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core import checks
from core.networks.classifiers import LOGITS, Classifier
from core.networks.graphs import Graph, Step
from core.networks.requirements import require_answers, require_size
from core.networks.steps import has_activation, without_activation
from core.techniques.circuits.lines import Line, alone, line, lines_of
from core.techniques.circuits.terms import PICTURE, Place, Terms, as_map, called, symbols, terms
from core.types import Pictures

__all__ = ["PROBABILITIES", "Dissection", "dissect"]

PROBABILITIES = "(probabilities)"
"""The layer that ``dissect`` takes for the network's answer: the logit, and its softmax or sigmoid."""
MOST_BYTES = 256 * 2**20
"""Activations of all layers of one picture that are computed in one compiled pass; more are computed one by one."""


@dataclass(frozen=True, eq=False)
class Dissection:
    """How one number came about.

    Attributes:
        layer, channel, row, column: whose number it is.
        steps: the arithmetic, the last line being the number.
        window: top, left, bottom, right of what it depends on, in pixels of the picture; None where that is all of it.
        source: the same of the patch of the layer before.
        readers: the layers that take it next.
    """

    layer: str
    channel: int
    row: int
    column: int
    steps: tuple[Line, ...]
    window: tuple[int, int, int, int] | None
    source: tuple[int, int, int, int] | None
    readers: tuple[str, ...]

    @property
    def value(self) -> float:
        """The number in which the steps end."""
        return self.steps[-1].value

    @property
    def terms(self) -> Terms | None:
        """The numbers before, of which the first line is made."""
        return self.steps[0].terms


def dissect(
    classifier: Classifier, picture: npt.ArrayLike, layer: str, channel: int, *place: int, row: int = 0, column: int = 0
) -> Dissection:
    """How one number of a layer came about, as data: ``dissect(net, picture, layer, channel, row, column)``.

    Args:
        classifier: the network.
        picture: (1, H, W, 3) or (H, W, 3) RGB in [0, 1], of a size at which the layer can be computed.
        layer: of ``classifier.layers``, or ``LOGITS``, or ``PROBABILITIES`` for the answer with each class's part.
        channel: of the layer.
        place: row and column in the layer's map, if they are not given by name.
        row, column: the same; 0 for a layer without extent.

    Returns:
        A ``Dissection`` whose ``value`` is the activation but for rounding. Convolutions of every kind, dense layers,
        pooling, merges, normalization and activations are taken apart by their own arithmetic. Any other layer is by
        its gradient, and what that leaves over is a line of its own (``"rest"``).

    Raises:
        ValueError: a layer, channel, place or picture that cannot be.
    """
    one = checks.picture(picture)
    where = place if place else (row, column)
    if len(where) != 2:
        raise ValueError(f"Expected a row and a column, got {len(where)} numbers")
    own = LOGITS if layer == PROBABILITIES else layer
    info = _shape(classifier, own)
    require_size(classifier, [own], *one.shape[1:3])
    chosen = checks.whole(f"a channel of {layer}", channel, 0, info[-1] - 1)
    chain = _chain(classifier, own)
    values = _inputs(classifier, one, chain, own)
    shape = values[-1].shape[1:3] if values[-1].ndim == 4 else (1, 1)
    at = (
        checks.whole(f"a row of {layer}", where[0], 0, shape[0] - 1),
        checks.whole(f"a column of {layer}", where[1], 0, shape[1] - 1),
    )
    lines = _lines(classifier, chain, values, (*at, chosen))
    if layer == PROBABILITIES:
        lines.append(_answer(classifier, values[-1], chosen, lines[-1].value))
    return Dissection(
        layer, chosen, *at, tuple(lines), _window(classifier, own, at), _source(classifier, lines[0].terms),
        _readers(classifier, own),
    )  # fmt: skip


def _shape(classifier: Classifier, layer: str) -> tuple[int, ...]:
    if layer == LOGITS:
        require_answers(classifier)
        return (len(classifier.labels),)
    return classifier.layer(layer).shape


# ------------------------------------------------------------------------------------------------- what is run


@dataclass(frozen=True, eq=False)
class _Chain:
    """The call that makes numbers of others (None for the picture itself), then those that treat each alone."""

    first: Step | None
    rest: tuple[Step, ...]

    @property
    def inputs(self) -> list[Any]:
        """The symbolic tensors that are needed."""
        return symbols(self.first) if self.first else []


def _chain(classifier: Classifier, layer: str) -> _Chain:
    graph = classifier.graph
    rest: list[Step] = []
    step = graph.producer(graph.tensors[layer])
    while step is not None:
        if has_activation(step):
            linear, activation = without_activation(step)
            return _Chain(linear, (activation, *reversed(rest)))
        if not alone(step):
            return _Chain(step, tuple(reversed(rest)))
        rest.append(step)
        step = graph.producer(symbols(step)[0])
    return _Chain(None, tuple(reversed(rest)))


def _inputs(
    classifier: Classifier, picture: npt.NDArray[np.float32], chain: _Chain, layer: str
) -> list[npt.NDArray[Any]]:
    """What goes into the first call; then what every call of the chain makes, the last one being the layer itself."""
    try:
        tensors = _values(classifier, picture, chain.inputs)
        entered = [np.asarray(one) for one in tensors]
        made = [
            np.asarray(called(chain.first, tensors) if chain.first else classifier.preprocess(tf.constant(picture)))
        ]
        for step in chain.rest:
            made.append(np.asarray(called(step, [tf.constant(made[-1])])))
    except tf.errors.OpError as error:
        raise ValueError(classifier.refusal([layer], picture.shape, error)) from error
    if 0 in made[-1].shape:
        size = f"{picture.shape[1]} x {picture.shape[2]}"
        raise ValueError(f"Expected larger pictures than {size}, of which nothing is left at {layer!r}")
    return [*entered, *made]


def _values(classifier: Classifier, picture: Pictures, wanted: list[Any]) -> list[tf.Tensor]:
    """The values of symbolic tensors for a picture: of all layers in one compiled pass, where these are few enough."""
    graph = classifier.graph
    size = 4 * sum(int(np.prod(info.shape)) for info in classifier.layers.values())
    known = {id(output): index for index, output in enumerate(_outputs(graph))}
    inside = all(id(tensor) in known or tensor is graph.input for tensor in wanted)
    if size <= MOST_BYTES and inside and picture.shape[1:3] == classifier.size:
        run = classifier.compiled(("dissect",), lambda: _every(classifier))
        prepared, found = run(tf.constant(picture))
        return [prepared if one is graph.input else found[known[id(one)]] for one in wanted]
    names = {id(tensor): f"(input {index})" for index, tensor in enumerate(wanted)}
    named = replace(graph, tensors={**graph.tensors, **{names[id(one)]: one for one in wanted}})
    found = named.run(classifier.preprocess(tf.constant(picture)), names.values())
    return [found[names[id(one)]] for one in wanted]


def _outputs(graph: Graph) -> list[Any]:
    """The first output of every call on the way to a layer that can be asked for."""
    return [step.outputs[0] for step in graph.steps]


def _every(classifier: Classifier) -> Any:
    """Picture -> what the network takes, and the outputs of all its calls, in order."""
    graph = classifier.graph
    names = {f"(output {index})": tensor for index, tensor in enumerate(_outputs(graph))}
    named = replace(graph, tensors={**graph.tensors, **names})

    @tf.function(input_signature=[tf.TensorSpec((1, *classifier.size, 3))])
    def run(picture: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        prepared = classifier.preprocess(picture)
        found = named.run(prepared, names)
        return prepared, [found[name] for name in names]

    return run


# ------------------------------------------------------------------------------------------------- the lines


def _lines(classifier: Classifier, chain: _Chain, values: list[npt.NDArray[Any]], place: Place) -> list[Line]:
    entered, made = values[: len(chain.inputs)], values[len(chain.inputs) :]
    if chain.first is None:
        lines = [_of_picture(made[0], place)]
    else:
        names = [_name(classifier.graph, tensor) for tensor in chain.inputs]
        lines = lines_of(
            chain.first, terms(chain.first, [as_map(np.asarray(one, np.float64)) for one in entered], names, place)
        )
    for step, before in zip(chain.rest, made, strict=False):
        lines.append(line(step, lines[-1].value, before, place))
    return lines


def _of_picture(prepared: npt.NDArray[Any], place: Place) -> Line:
    row, column, channel = place
    value = float(prepared[0, row, column, channel])
    size = np.full((1, 1, 1), value)
    found = Terms(
        (PICTURE,), np.array([channel]), np.array([row]), np.array([column]), size, np.ones((1, 1, 1)),
        np.ones((1, 1), bool), np.array([value]),
    )  # fmt: skip
    return Line(PICTURE, "picture", "picture", f"The pixel, as the network takes it: {value:.4g}", value, found)


def _answer(classifier: Classifier, logits: npt.NDArray[Any], channel: int, value: float) -> Line:
    """The last line of an answer: its part of all classes, or what the end of the network makes of the number."""
    if classifier.scale == "softmax":
        step = Step(PROBABILITIES, keras.activations.softmax, (), {}, ())
        return replace(line(step, value, logits, (0, 0, channel)), kind="softmax")
    changed = np.array(logits)
    changed[0, channel] = value
    answer = float(classifier.probabilities(changed)[0, channel])
    says = f"{classifier.scale} of {value:.4g} is {answer:.4g}"
    return Line(PROBABILITIES, classifier.scale, "activation", says, answer)


def _name(graph: Graph, tensor: Any) -> str:
    producer = graph.producer(tensor)
    return producer.name if producer else PICTURE


# ------------------------------------------------------------------------------------------------- where it lies


def _window(classifier: Classifier, layer: str, at: tuple[int, int]) -> tuple[int, int, int, int] | None:
    info = classifier.layers.get(layer)
    field = info.receptive_field if info and info.spatial else None
    return field.window(*at) if field else None


def _source(classifier: Classifier, found: Terms | None) -> tuple[int, int, int, int] | None:
    """The patch of the layer before, in pixels; the first input's, where there are several."""
    if found is None:
        return None
    ends = (int(found.rows[0]), int(found.columns[0])), (int(found.rows[-1]), int(found.columns[-1]))
    if found.layers[0] == PICTURE:
        return (*ends[0], ends[1][0] + 1, ends[1][1] + 1)
    first, last = (_window(classifier, found.layers[0], end) for end in ends)
    return (*first[:2], *last[2:]) if first and last else None


def _readers(classifier: Classifier, layer: str) -> tuple[str, ...]:
    graph = classifier.graph
    names = (step.name for step in graph.readers(graph.tensors[layer]))
    return tuple(dict.fromkeys(name for name in names if name in classifier.layers))
