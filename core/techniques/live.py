"""A layer at work on one frame after another: what a live picture needs to be told of each, in one pass.

Nothing is kept from frame to frame: who wants the wall in a steady order passes the order of an earlier look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core import checks
from core.networks import folding, looking
from core.networks.class_maps import enlarged, last_maps, weighted
from core.networks.classifiers import LOGITS, PICTURES, Classifier
from core.networks.gradient_overrides import GRADIENT_OVERRIDES, overridden
from core.networks.nonlinearities import before_nonlinearity
from core.networks.requirements import require_answers, require_channels, require_size
from core.networks.unit_index import window_of
from core.types import Floats, Pictures, Pixels

__all__ = ["CHANNEL_PROJECTIONS", "LOOK_DRAWINGS", "Look", "look", "prepare_look", "project_channel"]

CHANNEL_PROJECTIONS = ("gradient", "guided", "deconvnet")
CAM = "cam"
LOOK_DRAWINGS = (CAM, *CHANNEL_PROJECTIONS)
"""What ``look`` can draw in the same pass."""
ANY = -1

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
        drawn: what was to be drawn: Grad-CAM (H, W), or (1, H, W, 3) as ``project_channel`` gives it; None for nothing.
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
    drawn: Floats | None = None


def look(
    classifier: Classifier,
    picture: npt.ArrayLike,
    layer: str,
    *,
    channel: int | None = None,
    order: Sequence[int] | None = None,
    count: int = 64,
    draw: str = "",
    answer: int | None = None,
) -> Look:
    """The answers of a network to one picture, the maps of a layer, and what is to be drawn of it, in one pass.

    The first looks at a layer take longer, unless ``prepare_look`` has compiled it; one with something to draw does so.

    Args:
        classifier: the network.
        picture: (1, H, W, 3) in [0, 1], of the network's own size.
        layer: of ``classifier.layers``.
        channel: which one to follow; the strongest one shown, where None.
        order: channels to show, the first ``count`` of them; the strongest first, where None.
        count: how many maps to give, at least 1; the layer's channels at most.
        draw: of ``LOOK_DRAWINGS``: Grad-CAM of an answer, or a projection of the channel that is followed.
        answer: the class that Grad-CAM explains; the likeliest, where None.

    Raises:
        ValueError: a layer, a channel, an answer or a size that cannot be, or no such drawing.
    """
    seen = checks.picture(picture)
    require_size(classifier, [layer], *seen.shape[1:3])
    if seen.shape[1:3] != classifier.size:
        raise ValueError(f"Expected a picture of {classifier.size}, the network's own size, got {seen.shape[1:3]}")
    checks.whole("count", count, 1, 1_000_000)
    asked = [] if channel is None else [channel]
    require_channels(classifier, layer, [*asked, *(order or ())])
    if answer is not None and draw == CAM:
        require_answers(classifier)
        checks.whole("a target of logits", answer, 0, len(classifier.labels) - 1)
    followed = channel if channel is not None else None if order is None else int(order[0])
    found, drawn, followed = _seen(classifier, seen, layer, draw, followed, answer)
    units = np.asarray(found[layer], np.float32)[0]
    units = units if units.ndim == 3 else units[None, None]
    means = units.mean(axis=(0, 1))
    ranking = np.argsort(-means, kind="stable")
    shown = (ranking if order is None else np.asarray(order, np.intp))[:count]
    followed = int(shown[0]) if followed is None else followed
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
        drawn=drawn,
    )


def _seen(
    classifier: Classifier, seen: Pictures, layer: str, draw: str, channel: int | None, answer: int | None
) -> tuple[dict[str, tf.Tensor], Floats | None, int | None]:
    """What the network gives, what is drawn, and the channel that was followed, where one was."""
    wanted = _wanted(classifier, layer)
    if draw:
        numbers = (tf.constant(ANY if one is None else one) for one in (channel, answer))
        found, drawn, followed = prepare_look(classifier, layer, draw)(tf.constant(seen), *numbers)
        return found, drawn.numpy(), channel if draw == CAM else int(followed)
    if _key(wanted, draw) in classifier.kept:
        return prepare_look(classifier, layer)(tf.constant(seen)), None, channel
    return looking.look(classifier, seen, wanted), None, channel


def prepare_look(classifier: Classifier, layer: str, draw: str = "") -> Any:
    """Compile what ``look`` needs for a layer and a drawing, once, and return it; looks go on meanwhile.

    Raises ValueError for what cannot be.
    """
    classifier.layer(layer)
    checks.one_of("drawing", draw, ("", *LOOK_DRAWINGS))
    wanted = _wanted(classifier, layer)

    def make() -> Any:
        run = classifier.told(wanted, _compiled(classifier, layer, wanted, draw))
        run(tf.fill((1, *classifier.size, 3), 0.5), *((tf.constant(0), tf.constant(ANY)) if draw else ()))
        return run

    return classifier.keep_aside(_key(wanted, draw), make)


def _key(wanted: tuple[str, ...], draw: str) -> tuple[str, tuple[str, ...], str]:
    return ("live", wanted, draw)


NUMBER = tf.TensorSpec((), tf.int32)


def _compiled(classifier: Classifier, layer: str, wanted: tuple[str, ...], draw: str) -> Any:
    """Pictures -> {layer: activation}; where something is drawn, (pictures, channel, answer) -> these, it, channel."""
    if not draw:
        return tf.function(_forward(classifier, wanted), input_signature=[PICTURES], autograph=False)
    one = _with_cam(classifier, wanted) if draw == CAM else _with_projection(classifier, layer, wanted, draw)
    return tf.function(one, input_signature=[PICTURES, NUMBER, NUMBER], autograph=False)


def _with_cam(classifier: Classifier, wanted: tuple[str, ...]) -> Any:
    require_answers(classifier)
    chosen = last_maps(classifier, LOGITS)
    forward = _forward(classifier, [chosen, *wanted])

    def run(pictures: tf.Tensor, channel: tf.Tensor, answer: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(pictures)
            values = forward(pictures)
            logits = values[LOGITS][0]
            score = logits[tf.where(answer == ANY, tf.argmax(logits, output_type=tf.int32), answer)]
        maps = values[chosen]
        slope = tape.gradient(score, maps, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return {name: values[name] for name in wanted}, enlarged(weighted(maps, slope), pictures), channel

    return run


def _with_projection(classifier: Classifier, layer: str, wanted: tuple[str, ...], method: str) -> Any:
    before = before_nonlinearity(classifier, layer)
    forward = _forward(classifier, [before, *wanted], method)

    def run(pictures: tf.Tensor, channel: tf.Tensor, _: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(pictures)
            values = forward(pictures)
            means = tf.reduce_mean(values[layer], axis=range(len(values[layer].shape) - 1))
            followed = tf.where(channel == ANY, tf.argmax(means, output_type=tf.int32), channel)
            energy = _energy(values[before], followed)
        slope = tape.gradient(energy, pictures, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return {name: values[name] for name in wanted}, slope, followed

    return run


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
    run = classifier.compiled(("project channel", layer, method), lambda: _energy_slope(classifier, layer, method))
    return np.asarray(run(tf.constant(seen), tf.constant(channel)))


def _energy_slope(classifier: Classifier, layer: str, method: str) -> Any:
    before = before_nonlinearity(classifier, layer)
    forward = _forward(classifier, [before], method)

    @tf.function(input_signature=[PICTURES, NUMBER], autograph=False)
    def run(pictures: tf.Tensor, channel: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(pictures)
            energy = _energy(forward(pictures)[before], channel)
        return tape.gradient(energy, pictures, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    return classifier.told([layer], run)


def _forward(classifier: Classifier, layers: Sequence[str], method: str = "") -> Any:
    """Pictures -> {layer: activation}, with the work that can be saved saved, and the gradient of a projection."""
    if method in GRADIENT_OVERRIDES:
        return overridden(classifier, layers, GRADIENT_OVERRIDES[method])
    folded = folding.forward(classifier, layers)
    return lambda pictures: folded(pictures, tf.zeros((1,), tf.int32))


def _energy(units: tf.Tensor, channel: tf.Tensor) -> tf.Tensor:
    """Half the squared length of a channel's map, where it is positive."""
    return tf.reduce_sum(tf.square(tf.nn.relu(tf.gather(units, channel, axis=-1)))) / 2


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
