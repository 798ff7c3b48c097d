"""Why a network said what it said: which pixels a class, or any unit, depends on.

Every method takes a picture (1, H, W, 3) and gives one map (H, W), larger where the score depends on the picture more.
All scores are taken before softmax or sigmoid: a probability near 1 has no gradient left. ``METHODS`` lists them with
their papers; ``attribute`` runs any of them on any network style, since layers are replayed one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from skimage.metrics import structural_similarity

from core import folding, images
from core.classifiers import LOGITS, Classifier
from core.classifiers import classifier as build

__all__ = ["METHODS", "Method", "attribute", "insertion_deletion", "occluded", "occlusion"]
__all__ += ["randomised", "similarity"]

Picture = npt.NDArray[np.float32]
Map = npt.NDArray[np.float32]
BATCH = 32


@dataclass(frozen=True)
class Method:
    """A way to explain, as the page offers it: name, two sentences with the paper, and whether signs mean anything."""

    title: str
    says: str
    signed: bool = False


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "gradient": Method(
            "Gradient",
            "How much the score would change with each pixel "
            "([Simonyan et al., 2013](https://arxiv.org/abs/1312.6034)).",
        ),
        "gradient_input": Method(
            "Gradient × input",
            "The gradient, times the pixel: what the pixel adds, if the network were linear "
            "([Shrikumar et al., 2016](https://arxiv.org/abs/1605.01713)).",
            signed=True,
        ),
        "guided": Method(
            "Guided backprop",
            "The gradient, of which each rectifier lets only the positive part through where it was active itself. "
            "Sharp, but it shows edges more than reasons ([Springenberg et al., 2014](https://arxiv.org/abs/1412.6806)).",
        ),
        "deconvnet": Method(
            "DeconvNet",
            "Each rectifier lets the positive part through, whatever it saw; pooling goes back through its switches "
            "([Zeiler & Fergus, 2013](https://arxiv.org/abs/1311.2901)).",
        ),
        "grad_cam": Method(
            "Grad-CAM",
            "The maps of the last layer with height and width, each weighted by its mean gradient: coarse, but it "
            "knows the class ([Selvaraju et al., 2016](https://arxiv.org/abs/1610.02391)).",
        ),
        "grad_cam_plus": Method(
            "Grad-CAM++",
            "Grad-CAM with weights that also find several things of one class "
            "([Chattopadhyay et al., 2017](https://arxiv.org/abs/1710.11063)).",
        ),
        "integrated": Method(
            "Integrated gradients",
            "The gradient summed along the way from black to the picture: its parts add up to the change of the score "
            "([Sundararajan et al., 2017](https://arxiv.org/abs/1703.01365)).",
            signed=True,
        ),
        "smooth": Method(
            "SmoothGrad",
            "The mean gradient of 50 noisy copies, which takes the noise off "
            "([Smilkov et al., 2017](https://arxiv.org/abs/1706.03825)).",
        ),
        "occlusion": Method(
            "Occlusion",
            "How much the score falls when a grey square hides each place. No gradient, nothing assumed "
            "([Zeiler & Fergus, 2013](https://arxiv.org/abs/1311.2901)).",
            signed=True,
        ),
    }
)  # fmt: skip


def attribute(
    classifier: Classifier,
    picture: npt.ArrayLike,
    target: int,
    *,
    method: str = "grad_cam",
    layer: str = LOGITS,
    maps: str | None = None,
    count: int = 50,
    spread: float = 0.15,
    window: int | None = None,
    fill: str = "grey",
    seed: int = 0,
) -> Map:
    """Explain one score of one picture.

    Args:
        classifier, picture: the network; (H, W, 3) or (1, H, W, 3) RGB in [0, 1], of a size at which it runs.
        target: a class, or a channel of ``layer``, whose mean over the map is then the score.
        method: a name of ``METHODS``.
        layer: ``LOGITS``, or any layer.
        maps: the layer whose maps Grad-CAM weighs; the last one with height and width before ``layer`` where None.
        count: 2 to 1000 points of the way (integrated gradients) or noisy copies (SmoothGrad); more are smoother.
        spread: standard deviation of SmoothGrad's noise, as a share of the picture's range (PAIR: 0.15).
        window: side of the occluding square in pixels; an eighth of the shorter side where None.
        fill: ``"grey"``, ``"black"`` or ``"blurred"``: what it hides the picture with.
        seed: of SmoothGrad's noise.

    Returns:
        (H, W) float32. Signed methods are positive where the score gains; the others are not negative.

    Raises:
        ValueError: a method, layer, target, size or setting that cannot be. Before the work.
    """
    if method not in METHODS:
        raise ValueError(f"There is no method {method!r}; there is {', '.join(METHODS)}")
    one = _checked(classifier, picture, layer, target)
    if not isinstance(count, (int, np.integer)) or not 2 <= count <= 1000:
        raise ValueError(f"Expected a count from 2 to 1000, got {count!r}")
    if method == "occlusion":
        return occlusion(classifier, one, target, layer=layer, window=window, fill=fill)[0]
    if method in ("grad_cam", "grad_cam_plus"):
        return _cam(classifier, one, target, layer, maps, plus=method == "grad_cam_plus")
    if method == "integrated":
        shares = (np.arange(count, dtype=np.float32) + 0.5) / count
        steps = (shares[:, None, None, None] * one).astype(np.float32)
        slopes = _slopes(classifier, steps, target, layer)
        return np.asarray((slopes.mean(axis=0) * one[0]).sum(axis=-1), np.float32)
    if method == "smooth":
        if not 0 < spread <= 1:
            raise ValueError(f"Expected a spread above 0 and at most 1, got {spread!r}")
        noise = np.random.default_rng(seed).normal(0, spread * np.ptp(one), (count, *one.shape[1:]))
        return _magnitude(_slopes(classifier, one + noise.astype(np.float32), target, layer).mean(axis=0))
    rule = method if method in ("guided", "deconvnet") else ""
    slope = _slopes(classifier, one, target, layer, rule)[0]
    return np.asarray((slope * one[0]).sum(axis=-1)) if method == "gradient_input" else _magnitude(slope)


def occlusion(
    classifier: Classifier,
    picture: npt.ArrayLike,
    target: int,
    *,
    layer: str = LOGITS,
    window: int | None = None,
    stride: int | None = None,
    fill: str = "grey",
) -> tuple[Map, npt.NDArray[np.float32]]:
    """How much a score falls when a square hides each place (Zeiler and Fergus, arXiv:1311.2901, figures 6 and 7).

    Arguments and errors are those of ``attribute``; ``stride`` is the way from one square to the next in pixels, half a
    window where None. Returns the mean fall at each pixel (H, W), and the falls themselves (rows, columns).
    """
    one = _checked(classifier, picture, layer, target)
    height, width = one.shape[1:3]
    side = max(1, min(height, width) // 8) if window is None else window
    if not isinstance(side, (int, np.integer)) or not 1 <= side <= min(height, width):
        raise ValueError(f"Expected a window from 1 to {min(height, width)} pixels, got {window!r}")
    pace = max(1, side // 2) if stride is None else stride
    if not isinstance(pace, (int, np.integer)) or not 1 <= pace <= side:
        raise ValueError(f"Expected a stride from 1 to the window's {side} pixels, got {stride!r}")
    rows, columns = (_places(length, int(side), int(pace)) for length in (height, width))
    filled = _filled(one, fill)
    corners = [(row, column) for row in rows for column in columns]
    whole = _scores(classifier, one, target, layer)[0]
    falls = []
    for first in range(0, len(corners), BATCH):
        batch = np.repeat(one, len(corners[first : first + BATCH]), axis=0)
        for copy, (row, column) in zip(batch, corners[first : first + BATCH], strict=True):
            copy[row : row + side, column : column + side] = filled[0, row : row + side, column : column + side]
        falls.append(whole - _scores(classifier, batch, target, layer))
    fallen = np.concatenate(falls)
    total, times = np.zeros((2, height, width), np.float32)
    for (row, column), fall in zip(corners, fallen, strict=True):
        total[row : row + side, column : column + side] += fall
        times[row : row + side, column : column + side] += 1
    return total / times, fallen.reshape(len(rows), len(columns))


def occluded(picture: npt.ArrayLike, row: int, column: int, *, window: int, fill: str = "grey") -> Picture:
    """The picture (1, H, W, 3) with a square hidden whose middle is at this row and column."""
    one = np.array(picture, np.float32)
    one = one[None] if one.ndim == 3 else one
    places = zip((row, column), one.shape[1:3], strict=True)
    top, left = (max(0, min(at - window // 2, side - window)) for at, side in places)
    one[:, top : top + window, left : left + window] = _filled(one, fill)[:, top : top + window, left : left + window]
    return one


def insertion_deletion(
    classifier: Classifier, picture: npt.ArrayLike, target: int, attribution: Map, *, steps: int = 20
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """The probability of a class while its most important pixels come into a blurred picture, or go to grey.

    A map that tells the truth rises fast and falls fast (Petsiuk et al., arXiv:1806.07421). Two curves (steps + 1,).
    Raises ValueError as ``attribute`` does.
    """
    one = _checked(classifier, picture, LOGITS, target)
    order = np.argsort(-np.asarray(attribution).ravel(), kind="stable")
    curves = []
    for start, end in ((_filled(one, "blurred"), one), (one, _filled(one, "grey"))):
        stages = np.repeat(start.reshape(1, -1, 3), steps + 1, axis=0)
        for step in range(steps + 1):
            chosen = order[: round(len(order) * step / steps)]
            stages[step, chosen] = end.reshape(-1, 3)[chosen]
        logits = classifier.tap([LOGITS])(tf.constant(stages.reshape(-1, *one.shape[1:])))[LOGITS]
        chances = tf.nn.softmax(logits) if classifier.scale == "softmax" else tf.sigmoid(logits)
        curves.append(chances.numpy()[:, target])
    return curves[0], curves[1]


def randomised(classifier: Classifier, *, share: float = 1.0, seed: int = 0) -> Classifier:
    """The same network with the weights of its last layers shuffled: does an explanation notice?

    Adebayo et al., arXiv:1810.03292, re-initialise from the top; shuffling keeps each layer's own spread.

    Args:
        classifier: a functional or Sequential network.
        share: of the layers that have weights, from the last one on, above 0 and up to 1.
        seed: of the shuffling.

    Raises:
        ValueError: another share, or a network that Keras cannot copy.
    """
    if not 0 < share <= 1:
        raise ValueError(f"Expected a share above 0 and at most 1, got {share!r}")
    if not isinstance(classifier.network, keras.Function):
        raise ValueError(
            f"Expected a functional or Sequential network to copy, got {classifier.name}, which is neither"
        )
    copy = keras.models.clone_model(classifier.network)
    copy.set_weights(classifier.network.get_weights())
    weighed = [layer for layer in copy.layers if layer.get_weights()]
    rng = np.random.default_rng(seed)
    for layer in weighed[len(weighed) - max(1, round(share * len(weighed))) :]:
        layer.set_weights([rng.permuted(weight.ravel()).reshape(weight.shape) for weight in layer.get_weights()])
    return build(
        copy, name=f"{classifier.name}, shuffled", labels=classifier.labels or None, preprocess=classifier.preprocess,
        size=classifier.size, card=classifier.card,
    )  # fmt: skip


def similarity(one: Map, other: Map) -> float:
    """How alike two maps are (structural similarity, each brought to [0, 1] first): 1 is the same, 0 is chance."""
    scaled = [(values - values.min()) / max(float(np.ptp(values)), 1e-12) for values in (one, other)]
    side = min(7, min(one.shape) // 2 * 2 - 1)
    return float(structural_similarity(*scaled, data_range=1.0, win_size=side))


# --------------------------------------------------------------------------------------------- the gradients


def _score(activation: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """The target's value (N,), the mean over its map where there is one."""
    chosen = tf.gather(activation, target, axis=-1)
    return chosen if chosen.shape.rank == 1 else tf.reduce_mean(chosen, axis=(1, 2))


def _scores(classifier: Classifier, pictures: Picture, target: int, layer: str) -> npt.NDArray[np.float32]:
    values: npt.NDArray[np.float32] = _score(classifier.tap([layer])(tf.constant(pictures))[layer], target).numpy()
    return values


_SIGNATURE = [tf.TensorSpec((None, None, None, 3), tf.float32), tf.TensorSpec((), tf.int32)]


def _slopes(classifier: Classifier, pictures: Picture, target: int, layer: str, rule: str = "") -> Picture:
    """The gradient (N, H, W, 3) of the score; ``rule`` says how rectifiers let it through."""

    def make() -> Any:
        forward = folding.ruled(classifier, [layer], _RULES[rule]) if rule else classifier.forward([layer])

        @tf.function(input_signature=_SIGNATURE)
        def slope(x: tf.Tensor, unit: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = _score(forward(x)[layer], unit)
            return tape.gradient(value, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)

        return slope

    compiled = classifier.keep(("attribution", layer, rule), make)
    parts = [pictures[first : first + BATCH] for first in range(0, len(pictures), BATCH)]
    return np.concatenate([compiled(tf.constant(part), tf.constant(target)).numpy() for part in parts])


@tf.custom_gradient
def _guided(x: tf.Tensor) -> Any:
    """ReLU; its gradient passes where both it and the input are positive."""
    return tf.nn.relu(x), lambda g: tf.where((x > 0) & (g > 0), g, 0.0)


@tf.custom_gradient
def _deconvolved(x: tf.Tensor) -> Any:
    """ReLU; its gradient passes where it is positive itself."""
    return tf.nn.relu(x), lambda g: tf.nn.relu(g)


_RULES: Mapping[str, Any] = {"guided": _guided, "deconvnet": _deconvolved}


def _cam(classifier: Classifier, picture: Picture, target: int, layer: str, maps: str | None, *, plus: bool) -> Map:
    """Grad-CAM, with the weights of Grad-CAM++ where ``plus``."""
    chosen = _last_maps(classifier, layer) if maps is None else maps
    if not classifier.layer(chosen).spatial:
        raise ValueError(f"Expected maps with height and width, got the layer {chosen!r}")

    def make() -> Any:
        forward = classifier.forward([chosen, layer])

        @tf.function(input_signature=_SIGNATURE)
        def weigh(x: tf.Tensor, unit: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                tape.watch(x)
                values = forward(x)
                score = _score(values[layer], unit)
            units = values[chosen]
            slope = tape.gradient(score, units, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            weights = tf.reduce_mean(slope, axis=(1, 2), keepdims=True)
            if plus:
                squares, cubes = slope**2, slope**3
                total = tf.reduce_sum(units, axis=(1, 2), keepdims=True)
                shares = tf.math.divide_no_nan(squares, 2 * squares + total * cubes)
                weights = tf.reduce_sum(shares * tf.nn.relu(slope), axis=(1, 2), keepdims=True)
            return tf.nn.relu(tf.reduce_sum(weights * units, axis=-1))

        return weigh

    weigh = classifier.keep(("cam", chosen, layer, plus), make)
    coarse = weigh(tf.constant(picture), tf.constant(target))[..., None]
    fine: Map = tf.image.resize(coarse, picture.shape[1:3], method="bicubic").numpy()[0, ..., 0].clip(0)
    return fine


def _last_maps(classifier: Classifier, layer: str) -> str:
    """The last layer with a map of more than one place that comes before this one."""
    names = list(classifier.layers)
    before = names if layer == LOGITS else names[: names.index(layer)] or names[:1]
    spatial = [name for name in before if classifier.layers[name].spatial]
    wide = [name for name in spatial if max(classifier.layers[name].shape[:2]) > 1]
    if not spatial:
        raise ValueError(f"Expected a network with maps before {layer}, got {classifier.name}, which has none")
    return (wide or spatial)[-1]


# ------------------------------------------------------------------------------------------------ small parts


def _magnitude(slope: npt.NDArray[np.floating[Any]]) -> Map:
    """The largest absolute value of the three colours, as Simonyan et al."""
    return np.asarray(np.abs(slope).max(axis=-1), np.float32)


def _places(length: int, side: int, pace: int) -> list[int]:
    """Where squares begin so that the first and the last pixel are hidden too."""
    return sorted({*range(0, length - side + 1, pace), length - side})


def _filled(picture: Picture, fill: str) -> Picture:
    """What the picture is hidden with."""
    if fill == "blurred":
        height, width = picture.shape[1:3]
        small = images.resize(picture, height=max(1, height // 8), width=max(1, width // 8))
        return images.resize(small, height=height, width=width)
    if fill not in ("grey", "black"):
        raise ValueError(f"Expected a fill of grey, black or blurred, got {fill!r}")
    return np.full_like(picture, 0.5 if fill == "grey" else 0.0)


def _checked(classifier: Classifier, picture: npt.ArrayLike, layer: str, target: int) -> Picture:
    one = np.array(picture, np.float32)
    one = one[None] if one.ndim == 3 else one
    if one.ndim != 4 or len(one) != 1 or one.shape[-1] != 3:
        raise ValueError(f"Expected one picture (H, W, 3), got shape {np.shape(picture)}")
    if not np.isfinite(one).all() or one.min() < 0 or one.max() > 1:
        raise ValueError("Expected a picture of finite values from 0 to 1, got others")
    if layer == LOGITS and not classifier.labels:
        raise ValueError(f"Expected a network with classes, got {classifier.name}, which ends in a feature map")
    units = len(classifier.labels) if layer == LOGITS else classifier.layer(layer).channels
    if not isinstance(target, (int, np.integer)) or not 0 <= target < units:
        raise ValueError(f"Expected a target of {layer} from 0 to {units - 1}, got {target!r}")
    if not classifier.runs_at([layer], *one.shape[1:3]):
        own, got = ("{} x {}".format(*size) for size in (classifier.size, one.shape[1:3]))
        raise ValueError(f"Expected a picture of {own}, the only size at which {classifier.name} answers, got {got}")
    return one
