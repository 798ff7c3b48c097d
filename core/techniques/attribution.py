"""Why a network said what it said: which pixels a class, or any unit, depends on.

Every method takes a picture (1, H, W, 3) and gives one map (H, W), larger where the score depends on the picture more.
All scores are taken before softmax or sigmoid: a probability near 1 has no gradient left. ``METHODS`` lists them with
their papers; ``attribute`` runs any of them on any network style, since layers are replayed one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from skimage.metrics import structural_similarity

from core.networks import folding
from core.networks.classifiers import LOGITS, Classifier, ReceptiveField
from core.networks.gradient_overrides import GRADIENT_OVERRIDES, overridden
from core.networks.reweighting import reweighted, weighted_layers
from core.optimize.objectives import Channel
from core.pictures import images

__all__ = ["METHODS", "Method", "attribute", "insertion_deletion", "occluded", "occlusion", "occlusions"]
__all__ += ["randomized", "similarity", "window_side"]

Picture = npt.NDArray[np.float32]
Map = npt.NDArray[np.float32]
FILLS = ("grey", "black", "blurred")
BATCH = 16  # pictures at once: MobileNetV2 at 224 is not faster with more, and needs the memory


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
    window: float | None = None,
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
        window: side of the occluding square: pixels from 1 on, below that a share of the picture's shorter side, of
            which it is an eighth where None. A larger one hides more, and is less sure where.
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
        slope = _mean_slope(classifier, _way(one, count), target, layer)
        return np.asarray((slope * one[0]).sum(axis=-1), np.float32)
    if method == "smooth":
        if not 0 < spread <= 1:
            raise ValueError(f"Expected a spread above 0 and at most 1, got {spread!r}")
        return _magnitude(_mean_slope(classifier, _noisy(one, count, spread, seed), target, layer))
    rule = method if method in ("guided", "deconvnet") else ""
    slope = _mean_slope(classifier, [one], target, layer, rule=rule)
    return np.asarray((slope * one[0]).sum(axis=-1)) if method == "gradient_input" else _magnitude(slope)


def occlusion(
    classifier: Classifier,
    picture: npt.ArrayLike,
    target: int,
    *,
    layer: str = LOGITS,
    window: float | None = None,
    stride: int | None = None,
    fill: str = "grey",
) -> tuple[Map, npt.NDArray[np.float32]]:
    """How much a score falls when a square hides each place (Zeiler and Fergus, arXiv:1311.2901, figures 6 and 7).

    Arguments and errors are those of ``attribute``; ``stride`` is the way from one square to the next in pixels, half a
    window where None. Returns the mean fall at each pixel (H, W), and the falls themselves (rows, columns).
    """
    found, falls = occlusions(classifier, picture, [target], layer=layer, window=window, stride=stride, fill=fill)
    return found[0], falls[0]


def occlusions(
    classifier: Classifier,
    picture: npt.ArrayLike,
    targets: Sequence[int],
    *,
    layer: str = LOGITS,
    window: float | None = None,
    stride: int | None = None,
    fill: str = "grey",
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """``occlusion`` of several targets from one set of hidden pictures: (targets, H, W) and (targets, rows, columns).

    Raises ValueError as ``occlusion`` does, and without a target.
    """
    if not len(targets):
        raise ValueError("Expected at least one target, got none")
    for target in targets:
        one = _checked(classifier, picture, layer, target)
    side = window_side(one.shape[1:3], window)
    pace = max(1, side // 2) if stride is None else stride
    if not isinstance(pace, (int, np.integer)) or not 1 <= pace <= side:
        raise ValueError(f"Expected a stride from 1 to the window's {side} pixels, got {stride!r}")
    filled = _filled(one, fill)
    rows, columns = (_places(length, side, int(pace)) for length in one.shape[1:3])
    corners = np.array([(row, column) for row in rows for column in columns], np.int32)
    scores = _hidden_scores(classifier, one, filled, side, layer)
    nowhere = np.array([one.shape[1:3]], np.int32)  # a square outside the picture hides nothing
    hidden = [scores(corners[first : first + BATCH]) for first in range(0, len(corners), BATCH)]
    falls = (scores(nowhere) - np.concatenate(hidden))[:, list(targets)]
    return _spread(falls.T, corners, side, one.shape[1:3]), falls.T.reshape(len(targets), len(rows), len(columns))


def window_side(size: tuple[int, int], window: float | None = None) -> int:
    """Side in pixels of an occluding window on a picture of ``size`` (height, width), as ``attribute`` reads it.

    Raises ValueError for a window that is larger than the picture, or none.
    """
    shorter = min(size)
    number = window is None or (isinstance(window, (int, float, np.number)) and not isinstance(window, bool))
    wish = (1 / 8 if window is None else float(window)) if number else 0.0
    if not 0 < wish <= shorter or (wish > 1 and wish % 1):
        raise ValueError(f"Expected a window from 1 to {shorter} pixels, or a share of them below 1, got {window!r}")
    return max(1, int(wish * shorter)) if wish < 1 else int(wish)


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
        curves.append(classifier.probabilities(logits)[:, target])
    return curves[0], curves[1]


def randomized(classifier: Classifier, *, share: float = 1.0, seed: int = 0) -> Classifier:
    """The same network with the weights of its last layers shuffled: does an explanation notice?

    Adebayo et al., arXiv:1810.03292, re-initialize from the top down; shuffling keeps each layer's own spread. Layers
    that are not shuffled are shared, and a larger share shuffles the last ones just as a smaller one does.

    Args:
        classifier: a network of any style; its own ``network`` stays as it is, and so does that of what is returned.
        share: of the layers that have weights, from the last one on, above 0 and up to 1; one layer at the least.
        seed: of the shuffling.

    Raises:
        ValueError: another share, or a layer of a person's own that Keras cannot copy.
    """
    if not 0 < share <= 1:
        raise ValueError(f"Expected a share above 0 and at most 1, got {share!r}")
    layers = weighted_layers(classifier)
    chosen = layers[len(layers) - max(1, round(share * len(layers))) :]
    rng = np.random.default_rng(seed)
    weights = {
        name: [rng.permuted(weight.ravel()).reshape(weight.shape) for weight in classifier.weights(name)]
        for name in reversed(chosen)
    }
    return reweighted(classifier, weights, name=f"{classifier.name}, shuffled")


def similarity(one: Map, other: Map) -> float:
    """How alike two maps are (structural similarity, each brought to [0, 1] first): 1 is the same, 0 is chance."""
    scaled = [(values - values.min()) / max(float(np.ptp(values)), 1e-12) for values in (one, other)]
    side = min(7, min(one.shape) // 2 * 2 - 1)
    return float(structural_similarity(*scaled, data_range=1.0, win_size=side))


# --------------------------------------------------------------------------------------------- the gradients


_PICTURES = tf.TensorSpec((None, None, None, 3), tf.float32)
_WHOLE = tf.TensorSpec((), tf.int32)


def _score(activations: Mapping[str, tf.Tensor], layer: str, unit: tf.Tensor) -> tf.Tensor:
    """The unit's value (N,), the mean over its map where there is one."""
    return Channel(layer)(activations, tf.fill([tf.shape(activations[layer])[0]], unit))


def _mean_slope(
    classifier: Classifier, batches: Iterable[Picture], target: int, layer: str, *, rule: str = ""
) -> Picture:
    """The mean gradient (H, W, 3) of the score over pictures; ``rule`` says how rectifiers let it through."""

    def make() -> Any:
        ruled = overridden(classifier, [layer], GRADIENT_OVERRIDES[rule]) if rule else _folded(classifier, [layer])

        @tf.function(input_signature=[_PICTURES, _WHOLE], autograph=False)
        def slope(x: tf.Tensor, unit: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = _score(ruled(x), layer, unit)
            slopes = tape.gradient(value, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            return tf.reduce_sum(slopes, axis=0)

        return slope

    compiled = classifier.keep(("attribution", layer, rule), make)
    total, count = np.float32(0), 0
    for batch in batches:
        total, count = total + compiled(tf.constant(batch), tf.constant(target)).numpy(), count + len(batch)
    return np.asarray(total / count, np.float32)


def _folded(classifier: Classifier, layers: Sequence[str]) -> Any:
    """Pictures -> {layer: activation}, without the work of BatchNormalization."""
    forward = folding.forward(classifier, layers)
    return lambda pictures: forward(pictures, tf.zeros(tf.shape(pictures)[:1], tf.int32))


def _way(picture: Picture, count: int) -> Iterator[Picture]:
    """Points in the middle of ``count`` stretches of the way from black to the picture."""
    shares = (np.arange(count, dtype=np.float32) + 0.5) / count
    for first in range(0, count, BATCH):
        yield np.asarray(shares[first : first + BATCH, None, None, None] * picture, np.float32)


def _noisy(picture: Picture, count: int, spread: float, seed: int) -> Iterator[Picture]:
    """Noisy copies of a picture."""
    rng, width = np.random.default_rng(seed), np.float32(spread * np.ptp(picture))
    for first in range(0, count, BATCH):
        shape = (min(BATCH, count - first), *picture.shape[1:])
        yield np.asarray(picture + width * rng.standard_normal(shape, np.float32), np.float32)


def _hidden_scores(classifier: Classifier, picture: Picture, filled: Picture, side: int, layer: str) -> Any:
    """Corners (N, 2) of squares -> every unit's score (N, units) of the pictures that they hide."""
    size = picture.shape[1:3]
    work = classifier.keep(("occlusion", layer, size, side), lambda: _hiding(classifier, layer, size, side))
    own = work.before(tf.constant(picture))
    return lambda corners: work.scores(tf.constant(picture), tf.constant(filled), tf.constant(corners), own).numpy()


@dataclass(frozen=True)
class _Crop:
    """Which part of a picture is enough to know how a square changes the maps of a layer, rows and columns alike.

    Attributes:
        layer: its name.
        field: what one of its units sees.
        cells: height and width of its maps.
        changed: how many of its rows and columns a square can change.
        lead: how many rows and columns before those the crop begins.
        kept: rows and columns of the crop's own maps.
    """

    layer: str
    field: ReceptiveField
    cells: tuple[int, int]
    changed: tuple[int, int]
    lead: tuple[int, int]
    kept: tuple[int, int]


@dataclass(frozen=True)
class _Hiding:
    """``before``: a picture -> what all hidden pictures have in common; ``scores``: the units of hidden pictures."""

    before: Any
    scores: Any


def _hiding(classifier: Classifier, layer: str, size: tuple[int, int], side: int) -> _Hiding:
    """Occlusion compiled, where possible so that the first layers only see the surroundings of the square."""
    crop = _crop(classifier, layer, size, side)
    if crop:
        first, rest = folding.halves(classifier, crop.layer, layer)
        before = tf.function(first, input_signature=[_PICTURES], autograph=False)
        if _tells_the_same(crop, before, size):
            return _Hiding(before, _scored(lambda *given: rest(_patched(crop, first, side, *given))))
    forward = _folded(classifier, [layer])

    def whole(picture: tf.Tensor, filled: tf.Tensor, corners: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
        rows, columns = (tf.range(length)[None] for length in size)
        return forward(_covered(picture, filled, corners, side, rows, columns))[layer]

    return _Hiding(tf.identity, _scored(whole))


def _scored(units: Any) -> Any:
    """Units (N, ..., C) of hidden pictures, compiled, and their means over the map."""
    signature = [_PICTURES, _PICTURES, tf.TensorSpec((None, 2), tf.int32), tf.TensorSpec(None, tf.float32)]

    @tf.function(input_signature=signature, autograph=False)
    def scores(picture: tf.Tensor, filled: tf.Tensor, corners: tf.Tensor, own: tf.Tensor) -> tf.Tensor:
        found = units(picture, filled, corners, own)
        return found if found.shape.rank == 2 else tf.reduce_mean(found, axis=(1, 2))

    return scores


def _covered(
    picture: tf.Tensor, filled: tf.Tensor, corners: tf.Tensor, side: int, rows: tf.Tensor, columns: tf.Tensor
) -> tf.Tensor:
    """The picture where no square lies, ``filled`` where one does; ``rows`` and ``columns`` are those of the pixels."""
    top, left = corners[:, :1], corners[:, 1:]
    high, wide = (rows >= top) & (rows < top + side), (columns >= left) & (columns < left + side)
    return tf.where((high[:, :, None] & wide[:, None, :])[..., None], filled, picture)


def _patched(
    crop: _Crop, first: Any, side: int, picture: tf.Tensor, filled: tf.Tensor, corners: tf.Tensor, own: tf.Tensor
) -> tf.Tensor:
    """The maps of ``crop.layer`` of all hidden pictures: ``own``, those of the picture, but for what squares change."""
    field, size = crop.field, [n * s for n, s in zip(crop.cells, crop.field.stride, strict=True)]
    begins = tf.math.floordiv(corners - field.start - field.size, field.stride) + 1
    starts = tf.clip_by_value(begins - crop.lead, 0, tf.constant(crop.cells) - crop.kept)
    pixels, inside, places = [], [], []
    for axis in range(2):
        start, begin = starts[:, axis : axis + 1], begins[:, axis : axis + 1]
        stride, cells = field.stride[axis], tf.range(crop.cells[axis])[None]
        pixels.append(start * stride + tf.range(crop.kept[axis] * stride)[None])
        inside.append((cells >= begin) & (cells < begin + crop.changed[axis]))
        places.append(tf.clip_by_value(cells - start, 0, crop.kept[axis] - 1))
    seen = [
        _at(tf.ensure_shape(tf.broadcast_to(one, [tf.shape(corners)[0], *size, 3]), (None, *size, 3)), *pixels)
        for one in (picture, filled)
    ]
    cells = _at(first(_covered(seen[0], seen[1], corners, side, pixels[0], pixels[1])), *places)
    own = tf.ensure_shape(own, (1, *crop.cells, cells.shape[-1]))
    return tf.where((inside[0][:, :, None] & inside[1][:, None, :])[..., None], cells, own)


def _at(maps: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """These rows (N, r) and columns (N, c) of maps (N, h, w, C)."""
    return tf.gather(tf.gather(maps, rows, axis=1, batch_dims=1), columns, axis=2, batch_dims=1)


def _crop(classifier: Classifier, layer: str, size: tuple[int, int], side: int) -> _Crop | None:
    """The layer before which crops save most, by the count of units; None where none does."""
    best, most, units = None, 0.0, 0
    for name in classifier.before(layer) if size == classifier.size else []:
        info = classifier.layers[name]
        units += int(np.prod(info.shape))
        field, whole = info.receptive_field, info.shape[:2]
        if field is None or not info.spatial or info.fixed:
            continue
        ends = [-(-(a + n) // s) for a, n, s in zip(field.start, field.size, field.stride, strict=True)]
        lead = [max(0, -(a // s)) for a, s in zip(field.start, field.stride, strict=True)]
        changed = [(side + n - 2) // s + 1 for n, s in zip(field.size, field.stride, strict=True)]
        kept = [before + count - 1 + max(1, end) for before, count, end in zip(lead, changed, ends, strict=True)]
        divides = all(n * s == length for n, s, length in zip(whole, field.stride, size, strict=True))
        saved = units * (1 - np.prod(kept) / np.prod(whole))
        smaller = all(k < n for k, n in zip(kept, whole, strict=True))
        if divides and smaller and saved > most and folding.separates(classifier, name, layer):
            pairs = [(int(one), int(other)) for one, other in (whole, changed, lead, kept)]
            best, most = _Crop(name, field, *pairs), saved
    return best


def _tells_the_same(crop: _Crop, first: Any, size: tuple[int, int]) -> bool:
    """Whether crops give the maps of the whole picture: padding may be against it."""
    noise = np.random.default_rng(0).random((1, *size, 3), dtype=np.float32)
    whole = np.asarray(first(noise))
    for far in (0.0, 0.5, 1.0):
        starts = [round(far * (n - k)) for n, k in zip(crop.cells, crop.kept, strict=True)]
        slices = [
            slice(at * s, (at + k) * s) for at, k, s in zip(starts, crop.kept, crop.field.stride, strict=True)
        ]  # fmt: skip
        part = np.asarray(first(noise[:, slices[0], slices[1]]))
        if part.shape[1:3] != crop.kept:
            return False
        safe = [
            slice(before if at else 0, k if at + k == n else before + count)
            for at, k, n, before, count in zip(starts, crop.kept, crop.cells, crop.lead, crop.changed, strict=True)
        ]
        own = whole[:, starts[0] : starts[0] + crop.kept[0], starts[1] : starts[1] + crop.kept[1]]
        if not np.allclose(
            part[:, safe[0], safe[1]], own[:, safe[0], safe[1]], rtol=1e-3, atol=1e-4 * np.abs(whole).max()
        ):
            return False
    return True


def _spread(
    falls: npt.NDArray[np.float32], corners: npt.NDArray[np.int32], side: int, size: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """The mean fall (targets, H, W) at each pixel over all squares that hid it."""
    total, times = np.zeros((len(falls), *size), np.float32), np.zeros(size, np.float32)
    for (row, column), fall in zip(corners, falls.T, strict=True):
        total[:, row : row + side, column : column + side] += fall[:, None, None]
        times[row : row + side, column : column + side] += 1
    return total / times


def _cam(classifier: Classifier, picture: Picture, target: int, layer: str, maps: str | None, *, plus: bool) -> Map:
    """Grad-CAM, with the weights of Grad-CAM++ where ``plus``."""
    chosen = _last_maps(classifier, layer) if maps is None else maps
    if not classifier.layer(chosen).spatial:
        raise ValueError(f"Expected maps with height and width, got the layer {chosen!r}")

    def make() -> Any:
        forward = _folded(classifier, [chosen, layer])

        @tf.function(input_signature=[_PICTURES, _WHOLE], autograph=False)
        def weigh(x: tf.Tensor, unit: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                tape.watch(x)
                values = forward(x)
                score = _score(values, layer, unit)
            units = values[chosen]
            slope = tape.gradient(score, units, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            weights = tf.reduce_mean(slope, axis=(1, 2), keepdims=True)
            if plus:
                squares, cubes = slope**2, slope**3
                total = tf.reduce_sum(units, axis=(1, 2), keepdims=True)
                shares = tf.math.divide_no_nan(squares, 2 * squares + total * cubes)
                weights = tf.reduce_sum(shares * tf.nn.relu(slope), axis=(1, 2), keepdims=True)
            coarse = tf.nn.relu(tf.reduce_sum(weights * units, axis=-1, keepdims=True))
            return tf.nn.relu(tf.image.resize(coarse, tf.shape(x)[1:3], method="bicubic"))[0, ..., 0]

        return weigh

    weigh = classifier.keep(("cam", chosen, layer, plus), make)
    return np.asarray(weigh(tf.constant(picture), tf.constant(target)))


def _last_maps(classifier: Classifier, layer: str) -> str:
    """The last layer with a map of more than one place that this one depends on."""
    before = classifier.before(layer) or [layer]
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
    if fill not in FILLS:
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
    if layer != LOGITS and len(classifier.layer(layer).shape) not in (1, 3):
        raise ValueError(f"Expected a layer of units or of maps, got {layer!r}, whose shape is neither")
    units = len(classifier.labels) if layer == LOGITS else classifier.layer(layer).channels
    if not isinstance(target, (int, np.integer)) or not 0 <= target < units:
        raise ValueError(f"Expected a target of {layer} from 0 to {units - 1}, got {target!r}")
    if not classifier.runs_at([layer], *one.shape[1:3]):
        own, got = ("{} x {}".format(*size) for size in (classifier.size, one.shape[1:3]))
        raise ValueError(f"Expected a picture of {own}, the only size at which {classifier.name} answers, got {got}")
    return one
