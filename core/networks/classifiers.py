"""A classifier: a Keras network with its preprocessing, its labels and a map of its layers.

Pictures come in as (N, H, W, 3) float32 RGB in [0, 1]; only ``Classifier.preprocess`` knows what the network wants.
Scores are logits: a softmax or sigmoid at the end of the network is taken off when the classifier is made. A network
that gives numbers has scores too, its numbers, so these can be maximized, explained and attacked like a class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core.networks import graphs, outputs
from core.networks.compiled import Compiled, is_uncompiled
from core.networks.graphs import Graph, LayerInfo, ReceptiveField
from core.networks.heads import LOGITS, SCALES, with_logits
from core.networks.kept import Kept
from core.networks.outputs import Output
from core.networks.sides import Sides, padded
from core.networks.sides import sides as fitting_sides
from core.pauses import aside
from core.pictures.grey import LUMA

__all__ = ["LOGITS", "Classifier", "LayerInfo", "ReceptiveField", "Stage", "classifier", "connections", "stages"]

KEPT = 32
"""How many compiled functions and the like a classifier keeps."""

PICTURES = tf.TensorSpec((None, None, None, 3), tf.float32)

Preprocess = Callable[[tf.Tensor], tf.Tensor]
Forward = Callable[[tf.Tensor], dict[str, tf.Tensor]]


@dataclass(frozen=True, eq=False)
class Classifier:
    """A network, how pictures enter it, and what its outputs are called. Made by ``classifier`` or ``core.load``.

    Attributes:
        name: what it is called in addresses and in ``core.load``.
        network: the Keras model, as it came.
        labels: a name for each logit, or for each of the numbers that the network gives; empty for a network that ends
            in maps (``include_top=False``).
        preprocess: (N, H, W, 3) tensor in [0, 1] -> what the network wants; differentiable.
        size: height and width of the pictures it was made for.
        sides: which heights and widths fit; ``preprocess`` pads pictures of others.
        layers: every layer by name, in the order in which they run.
        scale: what turns logits into answers: ``"softmax"`` or ``"sigmoid"`` (classes that do not exclude each other)
            into probabilities, ``"linear"``, ``"tanh"``, ``"relu"`` or ``"sigmoid"`` into numbers.
        card: what its makers say of it: title, data, recipe, accuracy, ...
        graph: the calls of its layers, for techniques that run a rewritten network (``replaced``).
        output: the output that it answers with, and what that is.
        outputs: all its outputs.
        kept: what was made for it, see ``keep``.
    """

    name: str
    network: keras.Model
    labels: tuple[str, ...]
    preprocess: Preprocess
    size: tuple[int, int]
    sides: tuple[Sides, Sides] = field(repr=False)
    layers: Mapping[str, LayerInfo]
    scale: str
    card: Mapping[str, Any]
    graph: Graph = field(repr=False)
    output: Output
    outputs: tuple[Output, ...] = field(repr=False)
    kept: Kept = field(default_factory=lambda: Kept(KEPT), repr=False)

    def layer(self, name: str) -> LayerInfo:
        """The layer of that name. Raises ValueError, naming the layers there are."""
        if name not in self.layers:
            names = list(self.layers)
            shown = ", ".join(names if len(names) <= 12 else [*names[:6], "...", *names[-5:]])
            raise ValueError(f"{self.name} has no layer {name!r}; it has {shown}")
        return self.layers[name]

    def weights(self, layer: str) -> list[npt.NDArray[np.float32]]:
        """The arrays of a layer's weights, as Keras keeps them: first the kernel, where it has one."""
        self.layer(layer)
        step = self.graph.producer(self.graph.tensors[layer])
        return list(getattr(step.operation, "get_weights", list)()) if step else []

    def before(self, layer: str) -> list[str]:
        """The layers that this one (or ``LOGITS``) depends on, in the order in which they run, without itself."""
        if layer != LOGITS:
            self.layer(layer)
        return [step.name for step in self.graph.needed([layer]) if step.name in self.layers and step.name != layer]

    def probabilities(self, logits: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Probabilities of logits (N, classes), by the softmax or the sigmoid with which the network ends.

        Where it gives numbers: these numbers, as it says them.
        """
        return np.asarray(SCALES[self.scale](tf.cast(logits, tf.float32)))

    def ranked(self, answers: npt.NDArray[np.float32], top: int) -> list[tuple[str, float]]:
        """The ``top`` of one picture's answers (units,) by name: the likeliest classes; numbers as they come."""
        order = np.argsort(-answers, kind="stable") if self.has_classes else np.arange(len(answers))
        return [(self.labels[index], float(answers[index])) for index in order[:top]]

    def forward(self, layers: Iterable[str], *, change: Mapping[str, graphs.Change] | None = None) -> Forward:
        """Pictures (N, H, W, 3) -> {layer: activation}, not compiled: to be called inside another ``tf.function``.

        Activations are (N, h, w, channels) or (N, channels). ``LOGITS`` may be among the layers. Nothing deeper than
        the deepest of them runs, so a network whose end needs one picture size can be used at any size before it.
        ``change`` alters the output of some layers, ``{layer: activation -> activation}``, before those behind see it.

        Raises:
            ValueError: a layer that does not exist, or the logits of a network without classes.
        """
        names = tuple(dict.fromkeys(layers))
        for name in names:
            if name == LOGITS and not self.labels:
                raise ValueError(f"Expected a network with classes, got {self.name}, which ends in a feature map")
            if name != LOGITS:
                self.layer(name)
        for name in change or ():
            self.layer(name)
        return lambda pictures: self.graph.run(self.preprocess(pictures), names, change=change)

    def tap(self, layers: Iterable[str]) -> Any:
        """``forward``, compiled once for every batch, height and width.

        What it gives raises ValueError for pictures that the network cannot take, naming the layer that fails.
        """
        names = tuple(dict.fromkeys(layers))
        forward = self.forward(names)
        return self.compiled(("tap", names), lambda: self.told(names, tf.function(forward, input_signature=[PICTURES])))

    def told(self, layers: Iterable[str], compiled: Any) -> Any:
        """A compiled function of pictures (N, H, W, 3), and more, that says in a sentence what it cannot compute.

        What it gives raises ValueError instead of TensorFlow's errors, naming the one of ``layers``, or of those before
        them, that fails.
        """
        return _Told(self, tuple(layers), compiled)

    def has_tap(self, layers: Iterable[str]) -> bool:
        """Whether ``tap`` has made its function for these layers already."""
        return ("tap", tuple(dict.fromkeys(layers))) in self.kept

    def refusal(self, layers: Iterable[str], shape: Sequence[int], error: Exception) -> str:
        """What to say of pictures of this shape (N, H, W, 3), which made TensorFlow or Keras raise ``error``."""
        count, height, width = shape[:3]
        if isinstance(error, tf.errors.ResourceExhaustedError):
            return f"Expected pictures that fit into memory, got {count} of {height} x {width}"
        known = [name for name in layers if name in self.graph.tensors]
        layer = self.graph.failing(self.preprocess(tf.fill((1, height, width, 3), 0.5)), known)
        where = f", at which its layer {layer!r} cannot run" if layer else ""
        return f"Expected pictures large enough for {self.name}, got {height} x {width}{where}"

    def keep(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What ``make`` gives, made once for each key; the latest 32 are kept, and go when the classifier goes.

        Threads that want the same key wait for one another, those that want others do not.
        """
        return self.kept.get(key, make)

    def keep_aside(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """``keep`` where ``make`` compiles, or rewrites the network: it is done by ``core.pauses.aside``."""
        return self.keep(key, make) if key in self.kept else aside(lambda: self.keep(key, make))

    def compiled(self, key: Hashable, make: Callable[[], Any], *, plain: int = 0) -> Any:
        """``keep`` for a compiled function, which ``make`` gives: made and traced aside, when it is first called.

        Its first ``plain`` calls are not compiled, where it is one of ``told``.
        """
        return self.keep(key, lambda: Compiled(make, plain=plain))

    def prepared(
        self,
        *,
        preprocess: Preprocess | None = None,
        labels: Iterable[str] | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> Classifier:
        """The same network behind another ``preprocess``, under other ``labels``, with more facts on its card.

        Nothing is copied but the map of what is compiled. Raises ValueError for another number of labels.
        """
        names = self.labels if labels is None else _named(labels, len(self.labels), self.name)
        channels = self.graph.input.shape[-1]
        return replace(
            self,
            labels=names,
            preprocess=_entrance(preprocess, channels, self.sides) if preprocess else self.preprocess,
            card=MappingProxyType({**self.card, **(facts or {})}),
            kept=Kept(KEPT),
        )

    def answering(self, *, output: str = "", kind: str = "", labels: Sequence[str] | None = None) -> Classifier:
        """The same network answering with another output, or with the same one taken for another kind.

        Args:
            output: its name, of ``outputs``; where empty, the one that says most.
            kind: ``"classes"``, ``"binary"``, ``"numbers"`` or ``"embedding"``; where empty, what it is found to be.
            labels: a name for each class or number.

        Raises:
            ValueError: no output of that name, a kind that it cannot be, another number of labels.
        """
        shape = (*self.size, int(self.graph.input.shape[-1]))
        losses = {one.name: one.loss for one in self.outputs}
        read = graphs.read(self.network, shape)
        fields = _answering(read, self.name, labels, output=output, kind=kind, losses=losses)
        return replace(self, kept=Kept(KEPT), **fields)

    @property
    def kind(self) -> str:
        """What its output is: ``"classes"``, ``"binary"``, ``"numbers"``, ``"embedding"``, ``"mask"`` or ``"maps"``."""
        return self.output.kind

    @property
    def has_classes(self) -> bool:
        """Whether its answers are classes with probabilities."""
        return self.kind in ("classes", "binary")

    def replaced(self, graph: Graph, *, name: str) -> Classifier:
        """The same classifier over a rewritten graph, under another name; ``network`` stays, nothing is kept yet."""
        return replace(self, name=name, graph=graph, kept=Kept(KEPT))

    @property
    def grey(self) -> bool:
        """Whether the network takes pictures with one channel."""
        return bool(self.graph.input.shape[-1] == 1)

    def runs_at(self, layers: Iterable[str], height: int, width: int) -> bool:
        """Whether these layers can be computed for pictures of this size: after a ``Flatten`` only one size will do."""
        fixed = any(self._fixed_end() if name == LOGITS else self.layer(name).fixed for name in layers)
        return not fixed or (height, width) == self.size

    def _fixed_end(self) -> bool:
        return any(info.fixed for info in self.layers.values())


_THEIRS = ("Exception encountered when calling", "{{node ")
"""What stands in a ValueError of Keras, and of TensorFlow while it traces."""


@dataclass(frozen=True, eq=False)
class _Told:
    """A compiled function that says in a sentence what it cannot compute."""

    classifier: Classifier
    layers: tuple[str, ...]
    compiled: Any

    def __call__(self, pictures: tf.Tensor, *others: Any) -> Any:
        run = self.compiled.python_function if is_uncompiled() else self.compiled
        try:
            return run(pictures, *others)
        except tf.errors.OpError as error:
            raise ValueError(self.classifier.refusal(self.layers, np.shape(pictures), error)) from error
        except ValueError as error:
            if not any(words in str(error) for words in _THEIRS):  # ours go on as they are
                raise
            raise ValueError(self.classifier.refusal(self.layers, np.shape(pictures), error)) from error

    def experimental_get_tracing_count(self) -> int:
        """How often it was traced."""
        return int(self.compiled.experimental_get_tracing_count())


def classifier(
    network: keras.Model,
    *,
    name: str,
    labels: Iterable[str] | None = None,
    preprocess: Preprocess | None = None,
    size: tuple[int, int] | None = None,
    card: Mapping[str, Any] | None = None,
    output: str = "",
    kind: str = "",
    losses: Mapping[str, str] | Sequence[str] = (),
) -> Classifier:
    """Read a Keras image classifier: functional, Sequential, nested, or subclassed of Keras layers and operations.

    Args:
        network: one picture input, channels last, 3 (RGB) or 1 (grey) channels.
        name: what to call it.
        labels: a name for each logit; ``class 0``, ``class 1``, ... when not given.
        preprocess: RGB (or grey) in [0, 1] -> the network's own range; nothing happens when not given.
        size: height and width of its pictures; needed where the network's own input leaves them open.
        card: facts to show about it.
        output: which of several outputs answers; where empty, classes before numbers before maps.
        kind: ``"classes"``, ``"binary"``, ``"numbers"`` or ``"embedding"``, where what is found is wrong.
        losses: what the network was trained with, where that is known: by output, or in the order of the outputs.

    Raises:
        ValueError: not one input, an input that is no picture, an open input without ``size``, too few labels, no such
            output, or a kind that it cannot be.
    """
    height, width, channels = _picture_shape(network, name, size)
    given = None if labels is None else tuple(labels)
    read = graphs.read(network, (height, width, channels))
    fitting = fitting_sides(read)
    return Classifier(
        name=name,
        network=network,
        preprocess=_entrance(preprocess or (lambda pictures: pictures), channels, fitting),
        size=(height, width),
        sides=fitting,
        card=MappingProxyType(dict(card or {})),
        **_answering(read, name, given, output=output, kind=kind, losses=losses),
    )


def _answering(
    read: Graph,
    name: str,
    labels: Sequence[str] | None,
    *,
    output: str = "",
    kind: str = "",
    losses: Mapping[str, str] | Sequence[str] = (),
) -> dict[str, Any]:
    """What the choice of an output decides of a classifier."""
    found = outputs.find(read, losses=losses, labels=len(labels or ()))
    chosen = outputs.choose(found, output, kind)
    graph, scale = with_logits(outputs.at(read, chosen.name), chosen.kind, scale=chosen.scale)
    units = graph.tensors[LOGITS].shape[-1] if LOGITS in graph.tensors else 0
    return {
        "labels": _named(outputs.names(chosen, labels), units, name),
        "layers": MappingProxyType(graph.layers),
        "scale": scale,
        "graph": graph,
        "output": chosen,
        "outputs": found,
    }


def _named(labels: Iterable[str], units: int, name: str) -> tuple[str, ...]:
    """The labels, if there is one for each logit; equal ones get their index behind. Raises ValueError."""
    names = tuple(labels)
    if len(names) != units:
        raise ValueError(f"Expected {units} labels for {name}, got {len(names)}")
    while len(set(names)) < len(names):
        times = Counter(names)
        names = tuple(f"{one} ({index})" if times[one] > 1 else one for index, one in enumerate(names))
    return names


def _entrance(preprocess: Preprocess, channels: int, fitting: tuple[Sides, Sides]) -> Preprocess:
    """How RGB pictures enter a network: padded to a size that fits, and as grey as Pillow makes them where it is so."""
    entrance = preprocess if channels == 3 else (lambda pictures: preprocess(tf.tensordot(pictures, [LUMA], [-1, -1])))
    if all(one.multiple == 1 for one in fitting):
        return entrance
    return lambda pictures: entrance(padded(pictures, fitting))


@dataclass(frozen=True)
class Stage:
    """A stretch of a network at one map size: its name, its last layer, and what is known to live there."""

    name: str
    layer: str
    says: str = ""


def stages(classifier: Classifier) -> tuple[Stage, ...]:
    """The stages of a network, first to last: those that its card names, or else one for each size of map.

    A network without maps has one stage, its last layer.
    """
    if "stages" in classifier.card:
        return tuple(Stage(**stage) for stage in classifier.card["stages"])
    last = {info.shape[:2]: info.name for info in classifier.layers.values() if info.spatial}
    return tuple(Stage(name, name) for name in last.values() or [list(classifier.layers)[-1]])


def connections(classifier: Classifier) -> tuple[tuple[str, str], ...]:
    """Which layer's output goes into which other layer: (from, to), in the order in which they run."""
    steps = [step for step in classifier.graph.steps if step.name in classifier.layers]
    made = {id(output): step.name for step in steps for output in step.outputs}
    return tuple((made[id(one)], step.name) for step in steps for one in step.inputs if id(one) in made)


def _picture_shape(network: keras.Model, name: str, size: tuple[int, int] | None) -> tuple[int, int, int]:
    """Height, width and channels of the pictures of a network. Raises ValueError where it takes no pictures."""
    built = network.built or isinstance(network, keras.Function)
    shape = getattr(network, "input_shape", None) if built else None
    shape = shape or (network.get_build_config() or {}).get("input_shape") or (None, None, None, 3)
    if isinstance(shape, (list, dict)) or len(shape) != 4 or shape[-1] not in (1, 3):
        raise ValueError(
            f"Expected a network with one input of shape (batch, height, width, 1 or 3), got {name} with {shape}"
        )
    if any(getattr(layer, "data_format", None) == "channels_first" for layer in network._flatten_layers()):
        raise ValueError(f"Expected channels last, got {name} with channels first, which processors cannot compute")
    height, width = (own or wish for own, wish in zip(shape[1:3], size or (None, None), strict=True))
    if not height or not width:
        raise ValueError(f"Expected the picture size of {name}, whose input is open, got none")
    return int(height), int(width), int(shape[-1])
