"""What is to be maximized: objectives, and their sums, differences and multiples.

An objective is a function ``(activations, target) -> score``: from ``{layer: (N, h, w, C) or (N, C)}`` and one int32
for each picture ``(N,)`` to one float for each picture ``(N,)``. It never sees the network, the picture or the
optimizer. The target (a channel, a class) is a tensor, so one compiled gradient serves every unit of a layer.
Objectives are values: equal ones compare equal, and ``+``, ``-`` and ``*`` make new ones and leave their operands as
they were.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

__all__ = ["Channel", "CrossEntropy", "Direction", "Diversity", "Energy", "FeatureMatch", "Logit", "Margin", "Neuron"]
__all__ += [
    "PICTURE",
    "REFERENCE",
    "VECTORS",
    "AlphaNorm",
    "FeatureDotProduct",
    "FeatureReconstruction",
    "GivenDirection",
    "Objective",
    "Scaled",
    "Sum",
    "TotalVariation",
]

Activations = Mapping[str, tf.Tensor]

LOGITS = "(logits)"  # core.networks.classifiers has the same name: this module imports nothing of the project
PICTURE = "(picture)"
"""Among the activations, the parameterization's pictures (N, H, W, 3) themselves."""
REFERENCE = ":reference"
"""Put behind the name of a layer: the activations of the pictures that ``ascend`` was given as ``reference``."""

VECTORS = "(vectors)"
"""Among the activations, the vectors (N, n) that ``ascend`` was given, one for each picture."""


class Objective:
    """What is to be maximized. A subclass is a frozen dataclass with ``layers`` and ``__call__``, about 8 lines."""

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers whose activations it reads."""
        name = getattr(self, "layer", "")
        return (name,) if name else ()

    @property
    def narrow(self) -> tuple[str, ...]:
        """The layers of which it reads the target's channel only; these may be given as (N, h, w, 1)."""
        return ()

    @property
    def group(self) -> int:
        """How many pictures in a row it compares with one another; 1 where each picture stands alone."""
        return 1

    def __call__(self, activations: Activations, target: tf.Tensor) -> tf.Tensor:
        """The score (N,) of the pictures; ``target`` is (N,) int32."""
        raise NotImplementedError

    def __add__(self, other: Objective) -> Sum:
        return Sum((*_terms(self), *_terms(other)))

    def __sub__(self, other: Objective) -> Sum:
        return self + -other

    def __mul__(self, factor: float) -> Sum:
        return Sum(tuple((weight * float(factor), term) for weight, term in _terms(self)))

    def __rmul__(self, factor: float) -> Sum:
        return self * factor

    def __neg__(self) -> Sum:
        return self * -1.0


@dataclass(frozen=True)
class Sum(Objective):
    """A weighted sum of objectives; what ``2 * a - b`` makes."""

    terms: tuple[tuple[float, Objective], ...]

    @property
    def layers(self) -> tuple[str, ...]:
        """Those of all terms."""
        return tuple(dict.fromkeys(layer for _, term in self.terms for layer in term.layers))

    @property
    def narrow(self) -> tuple[str, ...]:
        """The layers of which no term reads more than the target's channel."""
        whole = {layer for _, term in self.terms for layer in term.layers if layer not in term.narrow}
        return tuple(layer for layer in self.layers if layer not in whole)

    @property
    def group(self) -> int:
        """The largest of all terms."""
        return max(term.group for _, term in self.terms)

    def __call__(self, activations: Activations, target: tf.Tensor) -> tf.Tensor:
        """The weighted sum of the terms' scores (N,)."""
        return tf.add_n([weight * term(activations, target) for weight, term in self.terms])


@dataclass(frozen=True)
class Channel(Objective):
    """The mean of one channel over its map: "what does this filter like?".

    Attributes:
        layer: its name. Before the nonlinearity it works best (``nonlinearities.before_nonlinearity``).
        channel: None for the target's. A number here makes one compiled gradient per number.
        border: units left out on each side of the map; 2 in the Keras example (keras.io, "Visualizing what convnets
            learn"), against the frame that zero padding draws. More than the map allows leaves its middle.
    """

    layer: str
    channel: int | None = None
    border: int = 0

    @property
    def narrow(self) -> tuple[str, ...]:
        """The layer, where the channel is the target's."""
        return self.layers if self.channel is None else ()

    def __call__(self, activations: Activations, target: tf.Tensor) -> tf.Tensor:
        """The mean (N,) of the map within the border."""
        units = _pick(activations[self.layer], target, self.channel)
        if units.shape.rank == 1:
            return units
        size = tf.shape(units)[1:]
        rows, columns = (tf.minimum(self.border, (side - 1) // 2) for side in (size[0], size[1]))
        return tf.reduce_mean(units[:, rows : size[0] - rows, columns : size[1] - columns], axis=(1, 2))


@dataclass(frozen=True)
class Neuron(Objective):
    """One channel at one place of its map: what a single unit looks at, within its receptive field.

    Attributes:
        layer: a layer with height and width.
        row: of the map, from the top; the middle where None.
        column: of the map, from the left; the middle where None.
        channel: None for the target's.
    """

    layer: str
    row: int | None = None
    column: int | None = None
    channel: int | None = None

    @property
    def narrow(self) -> tuple[str, ...]:
        """The layer, where the channel is the target's."""
        return self.layers if self.channel is None else ()

    def __call__(self, activations: Activations, target: tf.Tensor) -> tf.Tensor:
        """The activation (N,) there."""
        units = _pick(activations[self.layer], target, self.channel)
        size = tf.shape(units)
        row = size[1] // 2 if self.row is None else self.row
        column = size[2] // 2 if self.column is None else self.column
        return units[:, row, column]


@dataclass(frozen=True)
class Logit(Objective):
    """The score of a class before softmax, which stays free to grow where a probability has nowhere to go."""

    layer: str = LOGITS
    label: int | None = None

    @property
    def narrow(self) -> tuple[str, ...]:
        """The logits, where the class is the target's."""
        return self.layers if self.label is None else ()

    def __call__(self, activations: Activations, target: tf.Tensor) -> tf.Tensor:
        """The logit (N,)."""
        return _pick(activations[self.layer], target, self.label)


@dataclass(frozen=True)
class Direction(Objective):
    """A direction in the space of a layer's channels: what several of them like together.

    Attributes:
        layer: its name.
        weights: one for each channel.
        power: a higher one asks more that nothing but the direction is active: dot * max(0.1, cosine) ** power
            (Lucid's ``direction`` and ``caricature``, tensorflow/lucid optvis/objectives.py).
    """

    layer: str
    weights: tuple[float, ...]
    power: float = 0.0

    def __call__(self, activations: Activations, target: tf.Tensor) -> tf.Tensor:
        """The mean (N,) over the map."""
        units = _flat(activations[self.layer])
        weights = tf.constant(self.weights, units.dtype)
        score = tf.linalg.matvec(units, weights)
        if self.power:
            lengths = tf.norm(units + 1e-12, axis=-1) * tf.norm(weights)
            score *= tf.maximum(0.1, tf.math.divide_no_nan(score, lengths)) ** self.power
        return tf.reduce_mean(score, axis=1)


@dataclass(frozen=True)
class GivenDirection(Objective):
    """A direction of each picture's own: the one that ``ascend`` was given in ``vectors``, (N, channels).

    As ``Direction`` for each of them; tensors, so that other directions cost no compilation.

    Attributes:
        layer: its name.
        power: of the cosine, as for ``Direction``.
    """

    layer: str
    power: float = 0.0

    def __call__(self, activations: Activations, target: tf.Tensor) -> tf.Tensor:
        """The mean (N,) over the map, along the direction at length 1."""
        units = _flat(activations[self.layer])
        wanted = tf.math.l2_normalize(tf.cast(activations[VECTORS], units.dtype), axis=-1)
        score = tf.einsum("npc,nc->np", units, wanted)
        if self.power:
            cosine = tf.math.divide_no_nan(score, tf.norm(units + 1e-12, axis=-1))
            score *= tf.maximum(0.1, cosine) ** self.power
        return tf.reduce_mean(score, axis=1)


@dataclass(frozen=True)
class Scaled(Objective):
    """Another objective times a factor of each picture's own: the first of the ``vectors`` that ``ascend`` was given.

    So units whose activations differ in size weigh as much against what is held beside them.
    """

    inner: Objective

    @property
    def layers(self) -> tuple[str, ...]:
        """Those of the other."""
        return self.inner.layers

    @property
    def narrow(self) -> tuple[str, ...]:
        """Those of the other."""
        return self.inner.narrow

    @property
    def group(self) -> int:
        """That of the other."""
        return self.inner.group

    def __call__(self, activations: Activations, target: tf.Tensor) -> tf.Tensor:
        """The score (N,) times the factor."""
        return self.inner(activations, target) * activations[VECTORS][:, 0]


@dataclass(frozen=True)
class Energy(Objective):
    """The mean square of a whole layer: more of whatever is there, the objective of DeepDream.

    Its gradient is the activation itself (google/deepdream, ``objective_L2``).

    Attributes:
        layer: its name.
        border: units left out on each side of the map; 2 in the Keras DeepDream example.
        channels: only these, where there are any.
        whole: divide by the size of the whole map, what the border left out included, as the Keras example does.
    """

    layer: str
    border: int = 0
    channels: tuple[int, ...] = ()
    whole: bool = False

    def __call__(self, activations: Activations, target: tf.Tensor) -> tf.Tensor:
        """The mean square (N,)."""
        units = activations[self.layer]
        if self.channels:
            chosen = tf.reduce_sum(tf.one_hot(self.channels, units.shape[-1], dtype=units.dtype), axis=0)
            units *= chosen * tf.cast(units.shape[-1] / len(self.channels), units.dtype) ** 0.5
        fraction = 1.0
        if units.shape.rank == 4:
            size = tf.shape(units)[1:3]
            rows, columns = (tf.minimum(self.border, (side - 1) // 2) for side in (size[0], size[1]))
            units = units[:, rows : size[0] - rows, columns : size[1] - columns]
            inner = tf.reduce_prod(tf.cast(tf.shape(units)[1:3], units.dtype))
            fraction = inner / tf.reduce_prod(tf.cast(size, units.dtype)) if self.whole else 1.0
        return fraction * tf.reduce_mean(tf.square(_flat(units)), axis=(1, 2))


@dataclass(frozen=True, eq=False)
class FeatureMatch(Objective):
    """Be like the nearest thing in another picture: the guided dream of google/deepdream ("controlling dreams").

    Every place of the map is drawn to that feature vector of the guide with which it has the largest dot product.

    Attributes:
        layer: its name.
        guide: (features, channels), the guide's activations of that layer. Two objectives are equal only where they
            are the same one, so each guide costs a compilation.
        channels: compare these only, where there are any.
    """

    layer: str
    guide: npt.NDArray[np.float32]
    channels: tuple[int, ...] = ()

    def __call__(self, activations: Activations, target: tf.Tensor) -> tf.Tensor:
        """The mean (N,) of the largest dot products."""
        units = _flat(activations[self.layer])
        guide = tf.constant(self.guide, units.dtype)
        if self.channels:
            units, guide = (tf.gather(one, self.channels, axis=-1) for one in (units, guide))
        nearest = tf.argmax(tf.linalg.matmul(tf.stop_gradient(units), guide, transpose_b=True), axis=-1)
        return tf.reduce_mean(units * tf.gather(guide, nearest), axis=(1, 2))


@dataclass(frozen=True)
class CrossEntropy(Objective):
    """The loss of the target class: maximized, an attack leads away from it; negated, towards it.

    Attributes:
        layer: the logits.
        scale: ``"softmax"``, or ``"sigmoid"`` for classes that do not exclude each other (``Classifier.scale``). Of any
            other the units are numbers, and the loss is the number's negative: upwards is towards the target.
    """

    layer: str = LOGITS
    scale: str = "softmax"

    def __call__(self, activations: Activations, target: tf.Tensor) -> tf.Tensor:
        """The cross-entropy (N,) in nats."""
        logits = activations[self.layer]
        if self.scale == "softmax":
            return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=logits)
        own = _pick(logits, target, None)
        return tf.nn.softplus(-own) if self.scale == "sigmoid" else -own


@dataclass(frozen=True)
class Diversity(Objective):
    """How different the pictures of a group are in style; added to a channel, it shows several facets of one unit.

    The negative mean cosine between the Gram matrices of a layer, over the pairs of a group (Olah et al., "Feature
    Visualization", Distill 2017, doi:10.23915/distill.00007; weight 100 and groups of 4 there).

    Attributes:
        layer: where style is measured: the unit's own layer, or one before it.
        facets: how many pictures in a row make a group.
    """

    layer: str
    facets: int = 4

    @property
    def group(self) -> int:
        """``facets``."""
        return self.facets

    def __call__(self, activations: Activations, target: tf.Tensor) -> tf.Tensor:
        """The score (N,), the same for all pictures of a group; N is a multiple of ``facets``."""
        units = _flat(activations[self.layer])
        grams = tf.linalg.matmul(units, units, transpose_a=True)
        flat = tf.math.l2_normalize(tf.reshape(grams, (-1, self.facets, units.shape[-1] ** 2)), axis=-1)
        cosines = tf.linalg.matmul(flat, flat, transpose_b=True)
        pairs = max(self.facets * (self.facets - 1), 1)
        others = tf.reduce_sum(cosines, axis=(1, 2)) - tf.linalg.trace(cosines)
        return -tf.repeat(others / pairs, self.facets)


@dataclass(frozen=True)
class Margin(Objective):
    """By how many logits the best other class leads the target's: above 0 the answer is another one."""

    layer: str = LOGITS

    def __call__(self, activations: Activations, target: tf.Tensor) -> tf.Tensor:
        """The margin (N,)."""
        logits = activations[self.layer]
        own = tf.one_hot(target, logits.shape[-1], dtype=logits.dtype)
        others = tf.reduce_max(logits - own * 1e9, axis=-1)
        return others - tf.reduce_sum(logits * own, axis=-1)


@dataclass(frozen=True)
class FeatureReconstruction(Objective):
    """How far the code of a layer is from the reference's: 0 where they are the same, 1 as far as no code at all.

    The squared distance divided by the squared length of the reference's code (Mahendran and Vedaldi,
    arXiv:1412.0035, equation 2). Minimized, it inverts the layer.
    """

    layer: str

    def __call__(self, activations: Activations, target: tf.Tensor) -> tf.Tensor:
        """The distance (N,)."""
        units, wanted = _flat(activations[self.layer]), _flat(activations[self.layer + REFERENCE])
        length = tf.reduce_sum(tf.square(wanted), axis=(1, 2)) + 1e-12
        return tf.reduce_sum(tf.square(units - wanted), axis=(1, 2)) / length


@dataclass(frozen=True)
class FeatureDotProduct(Objective):
    """More of whatever the reference has: a caricature (Olah et al., "The Building Blocks of Interpretability", 2018).

    The dot product with the reference's code times the cosine between the two, which is at least 0.1, to a power
    (tensorflow/lucid recipes/caricature.py, ``dot_compare``); divided by the squared length of the reference's code.

    Attributes:
        layer: its name.
        power: a higher one asks more that nothing but the reference's code is active.
    """

    layer: str
    power: float = 0.0

    def __call__(self, activations: Activations, target: tf.Tensor) -> tf.Tensor:
        """The score (N,); the reference itself has 1."""
        units, wanted = _flat(activations[self.layer]), _flat(activations[self.layer + REFERENCE])
        product = tf.reduce_sum(units * wanted, axis=(1, 2))
        square, own = (tf.reduce_sum(tf.square(one), axis=(1, 2)) + 1e-12 for one in (wanted, units))
        score = product / square
        return score * tf.maximum(0.1, product / tf.sqrt(square * own)) ** self.power if self.power else score


@dataclass(frozen=True)
class TotalVariation(Objective):
    """How rough the pictures are: the mean over pixels of the squared step to the next one, to a power.

    Minimized, it makes them smooth; with ``beta`` 1 edges stay, with 2 they are smeared (Mahendran and Vedaldi,
    arXiv:1412.0035, equation 5).
    """

    beta: float = 2.0

    def __call__(self, activations: Activations, target: tf.Tensor) -> tf.Tensor:
        """The mean (N,) over pixels and colours."""
        pictures = activations[PICTURE]
        down = pictures[:, 1:, :-1] - pictures[:, :-1, :-1]
        across = pictures[:, :-1, 1:] - pictures[:, :-1, :-1]
        return tf.reduce_mean((tf.square(down) + tf.square(across) + 1e-8) ** (self.beta / 2), axis=(1, 2, 3))


@dataclass(frozen=True)
class AlphaNorm(Objective):
    """How far the pictures are from mid grey: the mean over pixels of the distance to the power ``alpha``.

    Distances are measured in halves, so black and white count 1. Minimized, with a high alpha, it keeps pixels in their
    range (Mahendran and Vedaldi, arXiv:1412.0035, with alpha 6).
    """

    alpha: float = 6.0

    def __call__(self, activations: Activations, target: tf.Tensor) -> tf.Tensor:
        """The mean (N,)."""
        return tf.reduce_mean(tf.abs(2 * activations[PICTURE] - 1) ** self.alpha, axis=(1, 2, 3))


def _terms(objective: Objective) -> tuple[tuple[float, Objective], ...]:
    return objective.terms if isinstance(objective, Sum) else ((1.0, objective),)


def _pick(units: tf.Tensor, target: tf.Tensor, channel: int | None) -> tf.Tensor:
    """One channel of (N, ..., C), the target's unless one is given; what has one channel only has been picked."""
    if units.shape[-1] == 1:
        return units[..., 0]
    if channel is not None:
        return units[..., channel]
    # a product with one-hot rows: the gradient of tf.gather along the last axis is many times slower on a CPU
    chosen = tf.one_hot(target, units.shape[-1], dtype=units.dtype)
    return tf.einsum("n...c,nc->n...", units, chosen)


def _flat(units: tf.Tensor) -> Any:
    """(N, places, C), whatever the layer's rank."""
    return tf.reshape(units, (tf.shape(units)[0], -1, units.shape[-1]))
