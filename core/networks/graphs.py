"""Read a Keras network as a flat list of layer calls, whatever its style, and run any part of it.

``read`` calls the network once on a symbolic picture and writes down every layer call (``Step``), nested models and
subclassed ones included: a layer inside a nested model is listed as ``outer/inner``. ``Graph.run`` replays just the
steps that the wanted layers need. So a network is cut at the deepest layer asked for, runs at other picture sizes up to
its first ``Flatten``, and its layers are never rebuilt or copied.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import keras
import tensorflow as tf

from core.networks.tokens import Grid, TokenMap, grids_of, token_map

Change = Callable[[tf.Tensor], tf.Tensor]

END = "(end)"
"""The name under which a graph keeps the network's output."""

RESERVED = frozenset({END, "(logits)"})
BEFORE = ":before"
"""Put behind the name of a layer with an activation of its own, it names what goes into that activation."""
MOST_GRIDS = 24
MOST_CALLS = 5000
"""Networks inside networks can call a layer more often than anybody can wait for."""


@dataclass(frozen=True)
class ReceptiveField:
    """The part of the picture that one unit of a layer depends on; rows first, in pixels of the network's input.

    Attributes:
        size: height and width of the window.
        stride: how far the window moves from one unit to the next.
        start: where the window of unit (0, 0) begins; negative where it hangs over the edge into the padding.

    The arithmetic is that of Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks",
    Distill 2019, doi:10.23915/distill.00021.
    """

    size: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    start: tuple[int, int] = (0, 0)

    def slide(self, kernel: tuple[int, int], step: tuple[int, int], before: tuple[int, int]) -> ReceptiveField:
        """The field after a window of ``kernel`` units moves by ``step`` over this layer, padded by ``before``."""
        return ReceptiveField(
            _pair(s + (k - 1) * j for s, k, j in zip(self.size, kernel, self.stride, strict=True)),
            _pair(j * t for j, t in zip(self.stride, step, strict=True)),
            _pair(a - b * j for a, b, j in zip(self.start, before, self.stride, strict=True)),
        )

    def union(self, other: ReceptiveField) -> ReceptiveField:
        """The field of a unit that sees what both see, for example after an addition."""
        start = _pair(map(min, self.start, other.start))
        ends = (max(a + s, b + t) for a, s, b, t in zip(self.start, self.size, other.start, other.size, strict=True))
        return ReceptiveField(_pair(e - s for e, s in zip(ends, start, strict=True)), self.stride, start)

    def window(self, row: int, column: int) -> tuple[int, int, int, int]:
        """Top, left, bottom and right of what the unit at (row, column) sees; parts outside the picture included."""
        top, left = (a + i * j for a, i, j in zip(self.start, (row, column), self.stride, strict=True))
        return top, left, top + self.size[0], left + self.size[1]


@dataclass(frozen=True)
class LayerInfo:
    """What is known of a layer before it runs.

    Attributes:
        name: its name; ``outer/inner`` inside a nested model.
        kind: its Keras class, for example ``Conv2D``.
        shape: (height, width, channels) for a picture of the network's own size; (channels,) without extent. Tokens
            (tokens, channels) that are a map of places are given as that map.
        receptive_field: what one unit sees, or None where every unit sees the whole picture or nobody can tell.
        fixed: whether it runs at the network's own picture size only, because it comes after a ``Flatten``.
        parameters: how many numbers it learned.
        tokens: how many tokens it gives, where its map is made of tokens; 0 for all other layers.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    receptive_field: ReceptiveField | None
    fixed: bool = False
    parameters: int = 0
    tokens: int = 0

    @property
    def channels(self) -> int:
        """How many units the layer has at each place."""
        return self.shape[-1]

    @property
    def spatial(self) -> bool:
        """Whether the layer has a height and a width."""
        return len(self.shape) == 3


@dataclass(frozen=True, eq=False)
class Step:
    """One layer call: what was called, with which symbolic tensors, and what came out."""

    name: str
    operation: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    outputs: tuple[Any, ...]

    @property
    def inputs(self) -> Iterator[Any]:
        """The symbolic tensors that went in (and whatever else was an argument)."""
        return iter(keras.tree.flatten((self.args, dict(self.kwargs))))


@dataclass(frozen=True, eq=False)
class Graph:
    """All layer calls of one network in the order in which they run. Never changed: a rewrite makes another graph.

    Attributes:
        input: the symbolic picture.
        steps: the layer calls.
        tensors: the symbolic output of every layer by name, and of the network under ``END``.
        layers: the facts of every layer.
        ends: the symbolic outputs of the network by name, in its own order; one of them is the ``END``.
        maps: for layers whose tokens are a map, which one.
    """

    input: Any
    steps: tuple[Step, ...]
    tensors: Mapping[str, Any]
    layers: Mapping[str, LayerInfo] = field(default_factory=dict)
    ends: Mapping[str, Any] = field(default_factory=dict)
    maps: Mapping[str, TokenMap] = field(default_factory=dict)

    @cached_property
    def _producers(self) -> Mapping[int, Step]:
        return {id(output): step for step in reversed(self.steps) for output in step.outputs}

    def producer(self, tensor: Any) -> Step | None:
        """The step that made a symbolic tensor; None for the picture itself."""
        return self._producers.get(id(tensor))

    def readers(self, tensor: Any) -> list[Step]:
        """The steps that take a symbolic tensor."""
        return [step for step in self.steps if any(one is tensor for one in step.inputs)]

    def replaced(self, step: Step, *others: Step, tensors: Mapping[str, Any] = MappingProxyType({})) -> Graph:
        """The graph with ``others`` in the place of a step; ``tensors`` are known by these names from then on."""
        place = self.steps.index(step)
        steps = (*self.steps[:place], *others, *self.steps[place + 1 :])
        return replace(self, steps=steps, tensors={**self.tensors, **tensors})

    def needed(self, names: Iterable[str]) -> list[Step]:
        """The steps, in order, without which these layers cannot be computed."""
        wanted = {id(self.tensors[name]) for name in names}
        chosen = []
        for step in reversed(self.steps):
            if any(id(out) in wanted for out in step.outputs):
                chosen.append(step)
                wanted.update(id(tensor) for tensor in step.inputs)
        return chosen[::-1]

    def run(self, x: tf.Tensor, names: Iterable[str], *, change: Mapping[str, Change] | None = None) -> dict[str, Any]:
        """The outputs of the layers for a batch that is preprocessed already; to be called inside ``tf.function``.

        ``change`` says for some layers what becomes of their output before the layers behind them see it. Tokens that
        are a map come, and are changed, as that map. The layers behind depend on what comes back, so that it has a
        gradient, also where it is single precision and the network computes in half.
        """
        names = tuple(names)
        values, seen = {id(self.input): x}, {}
        changes = {id(self.tensors[name]): changed for name, changed in (change or {}).items()}
        named = ((name, self.token_map(name)) for name in (*names, *(change or {})))
        maps = {id(self.tensors[name]): one for name, one in named if one}
        steps, wanted = self.needed(names), {id(self.tensors[name]) for name in names}
        for step, done in zip(steps, _last_uses(steps, wanted), strict=True):
            args, kwargs = keras.tree.map_structure(lambda t: values.get(id(t), t), (step.args, dict(step.kwargs)))
            results = keras.tree.flatten(step.operation(*args, **kwargs))
            for symbol, result in zip(step.outputs, results, strict=True):
                key, own = id(symbol), maps.get(id(symbol))
                shown = own.to_map(result) if own else result
                shown = changes[key](shown) if key in changes else shown
                if key in wanted:
                    seen[key] = _single(shown)
                    shown = tf.cast(seen[key], shown.dtype)
                values[key] = own.to_tokens(shown, result) if own else shown
            del args, kwargs, results
            for one in done:  # outside a compiled function, this frees their memory
                values.pop(one, None)
        values |= seen
        return {name: _single(values[id(self.tensors[name])]) for name in names}

    def token_map(self, name: str) -> TokenMap | None:
        """Which map the tokens of a layer are, ``name:before`` included; None for every other layer."""
        return self.maps.get(name.removesuffix(BEFORE))

    def failing(self, x: tf.Tensor, names: Iterable[str]) -> str:
        """The first layer that cannot be computed for this batch, which is preprocessed already; empty for none."""
        values = {id(self.input): x}
        for step in self.needed(names):
            args, kwargs = keras.tree.map_structure(lambda t: values.get(id(t), t), (step.args, dict(step.kwargs)))
            try:
                results = keras.tree.flatten(step.operation(*args, **kwargs))
            except (tf.errors.OpError, ValueError):  # what they raise outside a compiled function
                return step.name
            values.update(zip(map(id, step.outputs), results, strict=True))
        return ""


def _last_uses(steps: list[Step], wanted: set[int]) -> list[list[int]]:
    """For each step, by their ids, the symbolic tensors that neither a later step nor anybody else wants."""
    seen, over = set(wanted), []
    for step in reversed(steps):
        mine = {id(one) for one in (*step.inputs, *step.outputs)} - seen
        seen |= mine
        over.append([*mine])
    return over[::-1]


def _single(tensor: tf.Tensor) -> tf.Tensor:
    """In single precision: networks may compute in half or double."""
    return tf.cast(tensor, tf.float32) if tensor.dtype in (tf.float16, tf.bfloat16, tf.float64) else tensor


def read(network: keras.Model, shape: tuple[int, int, int]) -> Graph:
    """Write down every layer call of a network for a picture of ``shape`` (height, width, channels).

    Functional, Sequential and nested models of Keras layers and operations are read as they are; a subclassed model by
    running its own ``call`` on a symbolic picture, which asks of it that it uses Keras layers and ``keras.ops`` only.
    Of several outputs the first one without height and width is the end; the layers of the others are there too.
    """
    picture = keras.Input(shape, name="picture")
    reader = _Reader({id(picture): _Trail(grids=(shape[:2],))})
    found = reader.descend(network, picture, prefix="")
    ends = keras.tree.flatten(found)
    end = next((end for end in ends if len(end.shape) == 2), ends[0])
    graph = Graph(picture, tuple(reader.steps), {**reader.tensors, END: end}, reader.layers, maps=reader.maps)
    return replace(graph, ends=dict(zip(_names_of(found, graph), ends, strict=True)))


def _names_of(found: Any, graph: Graph) -> list[str]:
    """A name for each output: its key in a dictionary, or else its layer's; no two are the same."""
    ends = keras.tree.flatten(found)
    producers = [graph.producer(end) for end in ends]
    names = (
        sorted(map(str, found)) if isinstance(found, dict) else [one.name if one else "picture" for one in producers]
    )
    return [name if name not in names[:index] else f"{name}:{index + 1}" for index, name in enumerate(names)]


# ------------------------------------------------------------------------------------------------- the walk


class _Reached(Exception):  # noqa: N818 - not an error: it carries the end of a nested model out of the walk
    def __init__(self, tensors: list[Any]) -> None:
        self.tensors = tensors


@dataclass(frozen=True)
class _Trail:
    """What is carried along a tensor: the receptive field of its units, whether its picture size is fixed, and the
    sizes of the maps that it comes from, the latest first."""

    field: ReceptiveField | None = ReceptiveField()
    fixed: bool = False
    grids: tuple[Grid, ...] = ()


@dataclass
class _Reader:
    trails: dict[int, _Trail]
    steps: list[Step] = field(default_factory=list)
    tensors: dict[str, Any] = field(default_factory=dict)
    layers: dict[str, LayerInfo] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    maps: dict[str, TokenMap] = field(default_factory=dict)

    def descend(self, network: keras.Model, x: Any, prefix: str) -> Any:
        """Call every layer of a model on the symbolic ``x`` (one tensor or several); returns the symbolic output."""
        if isinstance(network, keras.Sequential):
            for layer in network.layers:
                x = self.call(layer, x, prefix=prefix)
            return x
        if not isinstance(network, keras.Function):
            network = _as_function(network, x)
        return self._through_function(network, x, prefix)

    def _through_function(self, network: keras.Function, x: Any, prefix: str) -> Any:
        """As ``descend``; a marker put behind the outputs tells which tensors they are, and ends the walk."""
        marker = keras.layers.Identity(name="convscope_end")

        def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
            if layer is marker:
                raise _Reached(args[0])
            return self.call(layer, *args, prefix=prefix, **kwargs)

        marked = keras.Model(network.inputs, marker(keras.tree.flatten(network.output)))
        ends = {"input_tensors": keras.tree.flatten(x), "clone_function": lambda layer: layer, "call_function": call}
        try:
            keras.models.clone_model(marked, **ends)
        except _Reached as reached:
            return keras.tree.pack_sequence_as(network.output, keras.tree.flatten(reached.tensors))
        raise ValueError(f"Expected the output of {network.name} to depend on its picture, got one that does not")

    def call(self, layer: Any, *args: Any, prefix: str, **kwargs: Any) -> Any:
        """Call one layer and write the call down, or go into it where it is a model itself."""
        if len(self.steps) >= MOST_CALLS:
            raise ValueError(f"Expected at most {MOST_CALLS} layer calls, got a network with more")
        name = self._unused(prefix + layer.name)
        if isinstance(layer, keras.Model):
            return self.descend(layer, args[0], prefix=name + "/")
        kwargs.pop("training", None)
        if "training" in inspect.signature(layer.call).parameters:
            kwargs["training"] = False
        output = layer(*args, **kwargs)
        step = Step(name, layer, args, kwargs, tuple(keras.tree.flatten(output)))
        trail = _follow(layer, [self.trails[id(t)] for t in step.inputs if id(t) in self.trails], step)
        self.trails.update((id(tensor), trail) for tensor in step.outputs)
        self.steps.append(step)
        self.tensors[name] = step.outputs[0]
        info = _describe(name, layer, step, trail)
        if len(info.shape) == 2 and (own := token_map(info.shape[0], trail.grids)):
            self.maps[name] = own
            info = replace(info, shape=(own.height, own.width, info.channels), tokens=info.shape[0])
        if len(info.shape) in (1, 3) and info.kind != "ConvertToTensor":  # others have no channels, or no map
            self.layers[name] = info
        return output

    def _unused(self, name: str) -> str:
        """The name, or ``name:2`` and so on for a layer that is called again."""
        count = self.calls[name] = self.calls.get(name, 1 if name in RESERVED else 0) + 1
        free = name if count == 1 else f"{name}:{count}"
        return self._unused(free) if count > 1 and free in self.tensors else free


def _as_function(network: keras.Model, x: Any) -> keras.Function:
    """A subclassed model as a functional one of the same layers. Raises ValueError where it cannot be followed."""
    inner = keras.tree.map_structure(lambda tensor: keras.Input(tuple(tensor.shape[1:])), x)
    try:
        return keras.Model(inner, network.call(inner))
    except Exception as error:  # a person's own code runs here, and may raise anything
        reason = str(error).strip().split("\n")[0]
        raise ValueError(
            f"Expected {network.name} to be made of Keras layers and keras.ops only, got a {type(network).__name__}"
            f" whose call cannot be followed: {reason}"
        ) from error


def _describe(name: str, layer: Any, step: Step, trail: _Trail) -> LayerInfo:
    shape = tuple(int(n) for n in step.outputs[0].shape[1:] if n is not None)
    parameters = layer.count_params() if isinstance(layer, keras.layers.Layer) and layer.built else 0
    return LayerInfo(name, type(layer).__name__, shape, trail.field, trail.fixed, parameters)


# ----------------------------------------------------------------------------------------- receptive fields

_WINDOWS = ("Conv1D", "Conv2D", "DepthwiseConv2D", "SeparableConv2D", "MaxPooling2D", "AveragePooling2D")
_ACTIVATIONS = frozenset({"Activation", "ELU", "LeakyReLU", "PReLU", "ReLU", "Softmax"})
_MERGES = frozenset({"Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"})
_SCALINGS = frozenset({"BatchNormalization", "Dense", "LayerScale", "Normalization", "Rescaling"})
_NOISES = frozenset({"Dropout", "GaussianDropout", "GaussianNoise", "Identity", "SpatialDropout2D", "StochasticDepth"})
_OPERATIONS = frozenset(
    {"Clip", "Elu", "Gelu", "HardSigmoid", "HardSilu", "LeakyRelu", "Relu", "Relu6", "Sigmoid", "Silu", "Tanh"}
    | {"Divide", "Negative", "Square", "TrueDivide"}
)
_POINTWISE = _ACTIVATIONS | _MERGES | _SCALINGS | _NOISES | _OPERATIONS
_FIXING = ("Flatten", "Reshape", "Permute", "Resizing", "CenterCrop")


def _follow(layer: Any, before: list[_Trail], step: Step) -> _Trail:
    """The trail after a layer."""
    kind = type(layer).__name__
    fixed = kind in _FIXING or any(trail.fixed for trail in before)
    fields = [trail.field for trail in before]
    known = [f for f in fields if f is not None]
    seen = (grid for trail in before for grid in trail.grids)
    grids = tuple(dict.fromkeys((*grids_of(tuple(step.outputs[0].shape)), *seen)))[:MOST_GRIDS]
    if not known or len(known) < len(fields) or len(step.outputs[0].shape) != 4:
        return _Trail(None, fixed, grids)
    merged = known[0]
    for other in known[1:]:
        merged = merged.union(other)
    return _Trail(_grow(merged, layer, step), fixed, grids)


def _grow(before: ReceptiveField, layer: Any, step: Step) -> ReceptiveField | None:
    """The receptive field after a layer; None where the layer is not known to be local."""
    kind = type(layer).__name__
    if kind == "ZeroPadding2D":
        (top, _), (left, _) = layer.padding
        return before.slide((1, 1), (1, 1), (top, left))
    if kind == "Cropping2D":
        (top, _), (left, _) = layer.cropping
        return before.slide((1, 1), (1, 1), (-top, -left))
    if kind in _WINDOWS:
        size = _pair(getattr(layer, "kernel_size", None) or layer.pool_size)
        dilation = _pair(getattr(layer, "dilation_rate", (1, 1)))
        kernel = _pair((k - 1) * d + 1 for k, d in zip(size, dilation, strict=True))
        stride = _pair(layer.strides)
        return before.slide(kernel, stride, _padding(step, kernel, stride) if layer.padding == "same" else (0, 0))
    if kind == "LayerNormalization":
        return before if layer.axis in (-1, [-1], (-1,), 3, [3], (3,)) else None
    augments = kind.startswith("Random") and kind != "RandomCrop"
    return before if kind in _POINTWISE or augments else None


def _padding(step: Step, kernel: tuple[int, int], stride: tuple[int, int]) -> tuple[int, int]:
    """What "same" puts above and to the left, at the network's own picture size."""
    sizes = zip(next(step.inputs).shape[1:3], step.outputs[0].shape[1:3], kernel, stride, strict=True)
    return _pair(max((after - 1) * s + k - before, 0) // 2 for before, after, k, s in sizes)


def _pair(values: Iterable[int]) -> tuple[int, int]:
    first, second = values
    return int(first), int(second)
