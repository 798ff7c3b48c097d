"""A layer at work on one frame after another: what a live picture needs to be told of each, in one pass.

Nothing is kept from frame to frame: who wants the wall in a steady order passes the order of an earlier look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core import checks
from core.networks import folding, looking
from core.networks.classifiers import LOGITS, PICTURES, Classifier
from core.networks.gradient_overrides import GRADIENT_OVERRIDES, overridden
from core.networks.nonlinearities import before_nonlinearity
from core.networks.requirements import require_channels, require_size
from core.networks.unit_index import window_of
from core.types import Floats, Pictures, Pixels

__all__ = ["CHANNEL_PROJECTIONS", "Look", "look", "prepare_look", "project_channel"]

CHANNEL_PROJECTIONS = ("gradient", "guided", "deconvnet")

FAINT = np.float32(0.1)
"""A channel that reaches less than this fraction of the layer's range is shown as faint as it is, not magnified."""


@dataclass(frozen=True, eq=False)
class Look:
    """What a network makes of one picture.

    Attributes:
        answers: (units,) probabilities or numbers, as ``Classifier.probabilities``; empty where it has no answers.
        ranking: (channels,) all channels of the layer, the one with the highest mean first.
        means: (channels,) mean activation of each channel.
        shown: (n,) the channels of ``maps``.
        maps: (n, h, w) uint8, for looking at; 1 x 1 for a layer without height and width.
        channel: the one that is followed.
        map: (h, w) uint8, its map.
        value: its highest activation.
        position: row and column of that in the map.
        window: top, left, bottom and right of what the unit there sees, in pixels of the picture.
    """

    answers: Floats
    ranking: npt.NDArray[np.intp]
    means: Floats
    shown: npt.NDArray[np.intp]
    maps: Pixels
    channel: int
    map: Pixels
    value: float
    position: tuple[int, int]
    window: tuple[int, int, int, int]


def look(
    classifier: Classifier,
    picture: npt.ArrayLike,
    layer: str,
    *,
    channel: int | None = None,
    order: Sequence[int] | None = None,
    count: int = 64,
) -> Look:
    """The answers of a network to one picture, and the maps of a layer, in one pass.

    The first looks at a layer take longer, unless ``prepare_look`` has compiled it.

    Args:
        classifier: the network.
        picture: (1, H, W, 3) in [0, 1], of the network's own size.
        layer: of ``classifier.layers``.
        channel: which one to follow; the strongest one shown, where None.
        order: channels to show, the first ``count`` of them; the strongest first, where None.
        count: how many maps to give, at least 1; the layer's channels at most.

    Raises:
        ValueError: a layer, a channel or a size that cannot be.
    """
    seen = checks.picture(picture)
    require_size(classifier, [layer], *seen.shape[1:3])
    if seen.shape[1:3] != classifier.size:
        raise ValueError(f"Expected a picture of {classifier.size}, the network's own size, got {seen.shape[1:3]}")
    checks.whole("count", count, 1, 1_000_000)
    asked = [] if channel is None else [channel]
    require_channels(classifier, layer, [*asked, *(order or ())])
    wanted = _wanted(classifier, layer)
    if ("live", wanted) in classifier.kept:
        found = prepare_look(classifier, layer)(tf.constant(seen))
    else:
        found = looking.look(classifier, seen, wanted)
    units = np.asarray(found[layer], np.float32)[0]
    units = units if units.ndim == 3 else units[None, None]
    means = units.mean(axis=(0, 1))
    ranking = np.argsort(-means, kind="stable")
    shown = (ranking if order is None else np.asarray(order, np.intp))[:count]
    followed = int(shown[0]) if channel is None else channel
    scaled = _scaled(units, [*shown, followed])
    own = units[..., followed]
    row, column = (int(index) for index in np.unravel_index(int(own.argmax()), own.shape))
    return Look(
        answers=classifier.probabilities(found[LOGITS])[0] if classifier.labels else np.zeros(0, np.float32),
        ranking=ranking,
        means=means,
        shown=shown,
        maps=scaled[:-1],
        channel=followed,
        map=scaled[-1],
        value=float(own[row, column]),
        position=(row, column),
        window=window_of(classifier, layer, row, column),
    )


def prepare_look(classifier: Classifier, layer: str) -> Any:
    """Compile what ``look`` needs for a layer, once, and return it; looks go on meanwhile. Raises ValueError."""
    classifier.layer(layer)
    wanted = _wanted(classifier, layer)

    def make() -> Any:
        run = classifier.told(wanted, tf.function(classifier.forward(wanted), input_signature=[PICTURES]))
        run(tf.fill((1, *classifier.size, 3), 0.5))
        return run

    return classifier.keep(("live", wanted), make)


def _wanted(classifier: Classifier, layer: str) -> tuple[str, ...]:
    return (layer, LOGITS) if classifier.labels else (layer,)


def project_channel(
    classifier: Classifier, picture: npt.ArrayLike, layer: str, channel: int, *, method: str = "deconvnet"
) -> Pictures:
    """What in a picture excites a channel, at all its places: the activations of its map carried back to the pixels.

    As the lower pane of Yosinski et al., arXiv:1506.06579, where ``projection`` asks about one place. The way begins
    before the nonlinearity, with what is positive there, so that a unit at the ceiling of a ReLU6 has a gradient, too.

    Args:
        classifier: the network.
        picture: (1, H, W, 3) in [0, 1], of a size at which the layer can be computed.
        layer: of ``classifier.layers``.
        channel: of the layer.
        method: ``"gradient"``, ``"guided"`` (arXiv:1412.6806) or ``"deconvnet"`` (arXiv:1311.2901).

    Returns:
        (1, H, W, 3) float32, positive where more of that colour excites the channel more; see ``around_grey``.

    Raises:
        ValueError: a method, layer, channel or size that cannot be.
    """
    checks.one_of("projection", method, CHANNEL_PROJECTIONS)
    seen = checks.picture(picture)
    require_channels(classifier, layer, [channel])
    require_size(classifier, [layer], *seen.shape[1:3])
    run = classifier.keep(("project channel", layer, method), lambda: _projector(classifier, layer, method))
    return np.asarray(run(tf.constant(seen), tf.constant(channel)))


def _untargeted(forward: folding.Forward, pictures: tf.Tensor) -> dict[str, tf.Tensor]:
    return forward(pictures, tf.zeros((1,), tf.int32))


def _projector(classifier: Classifier, layer: str, method: str) -> Any:
    before = before_nonlinearity(classifier, layer)
    forward: Any
    if method == "gradient":
        folded = folding.forward(classifier, [before])
        forward = partial(_untargeted, folded)
    else:
        forward = overridden(classifier, [before], GRADIENT_OVERRIDES[method])

    @tf.function(input_signature=[PICTURES, tf.TensorSpec((), tf.int32)], autograph=False)
    def run(pictures: tf.Tensor, channel: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(pictures)
            energy = tf.reduce_sum(tf.square(tf.nn.relu(tf.gather(forward(pictures)[before], channel, axis=-1)))) / 2
        return tape.gradient(energy, pictures, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    return classifier.told([layer], run)


def _scaled(units: Floats, channels: Sequence[int]) -> Pixels:
    """The maps of some channels of (h, w, channels), each over its own range: (n, h, w) uint8.

    Zero is the darkest value where no activation is negative. Faint channels stay faint, or a live wall would show the
    noise of whatever does not answer.
    """
    maps = np.moveaxis(units[..., channels], -1, 0)
    low, high = np.float32(min(units.min(), 0)), np.float32(units.max())
    lows = maps.min(axis=(1, 2), keepdims=True) if low < 0 else np.float32(0)
    spans = np.maximum(maps.max(axis=(1, 2), keepdims=True) - lows, FAINT * (high - low))
    scaled = np.divide(maps - lows, spans, out=np.zeros_like(maps), where=spans > 0)
    return np.rint(scaled * 255).clip(0, 255).astype(np.uint8)
