"""DeepDream: a photograph turned toward whatever a network already sees in it (Mordvintsev et al., 2015).

``dream`` climbs the gradient of some layers at several sizes of the photograph, the octaves, and puts back at each of
them the detail that the smaller one had lost. ``dream_zoom`` and ``dream_video`` make films of it. ``DREAMS`` are
published recipes and the project's own.

The gradient of a large picture is computed window by window, so memory grows with the picture only as the picture
itself does. That is why ``dream`` has a loop of its own around ``ascent.gradient``, where other techniques run
``ascend``, whose step is one piece.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from skimage.transform import AffineTransform, warp

from core.networks.classifiers import Classifier
from core.networks.requirements import require_finite_weights
from core.optimize import ascent
from core.optimize.ascent import Estimate, Frame
from core.optimize.objectives import Direction, Energy, FeatureMatch, Objective, Sum
from core.optimize.updates import GradientAscent
from core.pictures import images

__all__ = ["DREAMS", "DreamPreset", "Dreaming", "dream", "dream_layers", "dream_video", "dream_zoom", "estimate_dream"]
__all__ += ["painted_mask"]

MIN_SIDE = 32
MAX_STEPS, MAX_OCTAVES, MAX_FRAMES = 500, 20, 1000
TILE = 512
GRID = 32
ALIGN = 32
HALO = 64
GUIDE_SIDE = 224
SEEN_SIDE = 160
NONLINEAR = ("ReLU", "Activation", "Concatenate", "Add", "Swish", "Gelu", "Silu", "Elu", "Multiply")

Picture = npt.NDArray[np.float32]


@dataclass(frozen=True)
class DreamPreset:
    """A recipe.

    Attributes:
        title: what to call it.
        source: the paper or code that it follows, and what differs.
        layers: what to raise, as (name in the source's network, depth from 0 to 1, weight); another network is asked
            for its layer at that depth (``dream_layers``).
        step_size: length of a step, pictures in [0, 1].
        normalize: how long the gradient is taken to be (``GradientAscent``).
        steps: how many at each octave.
        octaves: how many sizes.
        ratio: from one size to the next.
        above: how many octaves are larger than the picture itself.
        objective: ``"energy"``, the mean square of a layer, or ``"mean"``, its mean.
        border: units of a map left out on each side.
        ceiling: an octave ends where the score exceeds this.
        jitter: in pixels; the picture lies elsewhere on the network's grid at every step.
        wrap: jitter moves the picture around its edges; without, it lies in a mirrored frame of random width.
        reinject: put the photograph's own detail back at each octave.
        level: take the mean off the gradient, so that the picture neither brightens nor darkens.
    """

    title: str
    source: str
    layers: tuple[tuple[str, float, float], ...]
    step_size: float
    normalize: str
    steps: int
    octaves: int
    ratio: float
    above: int = 0
    objective: str = "energy"
    border: int = 0
    ceiling: float | None = None
    jitter: int = 0
    wrap: bool = False
    reinject: bool = True
    level: bool = False


DREAMS: Mapping[str, DreamPreset] = MappingProxyType(
    {
        "convscope": DreamPreset(
            "Convscope",
            "Google's octaves with gentler steps in a mirrored frame, the gradient's mean taken off: the photograph "
            "stays, without borders, and as bright as it was.",
            (("conv4_2_relu", 0.6, 1.0), ("conv5_2_relu", 0.85, 1.0)),
            step_size=2 / 255,
            normalize="mean",
            steps=12,
            octaves=4,
            ratio=1.4,
            jitter=32,
            level=True,
        ),
        "google": DreamPreset(
            "Google 2015",
            "google/deepdream, dream.ipynb: L2 of inception_4c/output, steps of 1.5/255 by mean absolute gradient, "
            "jitter 32, 10 steps at 4 octaves of 1.4, detail carried along.",
            (("inception_4c/output", 0.55, 1.0),),
            step_size=1.5 / 255,
            normalize="mean",
            steps=10,
            octaves=4,
            ratio=1.4,
            jitter=32,
            wrap=True,
        ),
        "keras": DreamPreset(
            "Keras example",
            "keras.io, Deep Dream: InceptionV3 mixed4 to mixed7, weights 1, 1.5, 2, 2.5, steps of 0.01 in [-1, 1], 20 "
            "steps at 3 octaves of 1.4, an octave ends at a loss of 15.",
            (("mixed4", 0.42, 1.0), ("mixed5", 0.53, 1.5), ("mixed6", 0.63, 2.0), ("mixed7", 0.73, 2.5)),
            step_size=0.005,
            normalize="mean",
            steps=20,
            octaves=3,
            ratio=1.4,
            border=2,
            ceiling=15.0,
        ),
        "tensorflow": DreamPreset(
            "TensorFlow tutorial",
            "tensorflow.org, DeepDream: mean of InceptionV3 mixed3 and mixed5, steps of 0.01 in [-1, 1] by the "
            "gradient's standard deviation, 50 steps at 5 octaves of 1.3, two of them above the picture's size.",
            (("mixed3", 0.32, 1.0), ("mixed5", 0.53, 1.0)),
            step_size=0.005,
            normalize="std",
            steps=50,
            octaves=5,
            ratio=1.3,
            above=2,
            objective="mean",
            wrap=True,
            reinject=False,
        ),
    }
)


@dataclass(frozen=True)
class Dreaming(Frame):
    """A frame of a dream; ``images`` (1, h, w, 3) have the octave's size, at the end the photograph's.

    Attributes:
        octave: which size is being worked on, from 1.
        octaves: how many there are.
        progress: the part of the work that is done, 0 to 1; large octaves weigh more than small ones.
    """

    octave: int = 1
    octaves: int = 1
    progress: float = 0.0


@dataclass(frozen=True)
class _Plan:
    """All that a dream needs, checked. ``sizes`` are the octaves that the network can see, small to large."""

    recipe: DreamPreset
    measure: Any
    original: Picture
    mask: Picture | None
    sizes: tuple[tuple[int, int], ...]
    tile: int
    seed: int
    keep_colours: bool
    halo: int


def dream(
    classifier: Classifier,
    picture: npt.ArrayLike,
    layers: Mapping[str, float] | None = None,
    *,
    channels: Sequence[int] = (),
    preset: str | DreamPreset = "convscope",
    steps: int | None = None,
    octaves: int | None = None,
    ratio: float | None = None,
    step_size: float | None = None,
    normalize: str | None = None,
    jitter: int | None = None,
    guide: npt.ArrayLike | None = None,
    mask: npt.ArrayLike | None = None,
    keep_colours: bool = False,
    tile: int = TILE,
    seed: int = 0,
) -> Iterator[Dreaming]:
    """Dream on one picture; yields frames about 0.2 seconds apart, the last one in the picture's own size.

    Args:
        classifier, picture: the network; (H, W, 3) or (1, H, W, 3) RGB in [0, 1], at least 32 pixels a side.
        layers: {layer: weight}, what to raise; the preset's, by depth, where None. A negative weight lowers.
        channels: of every one of these layers, where not the whole layer is to be raised.
        preset: a name of ``DREAMS``, or a preset of one's own; the settings below change it.
        steps: 1 to 500 at each octave. More dream deeper.
        octaves: 1 to 20 sizes. More make larger things, at little cost.
        ratio: 1.05 to 3, from one size to the next.
        step_size: length of a step, above 0 and up to 0.5. Larger is rougher.
        normalize: ``"mean"``, ``"std"``, ``"rms"`` or ``"l2"``, what each gradient is divided by.
        jitter: 0 to 256 pixels.
        guide: another picture; the dream turns every place toward whatever of the guide is nearest to it there
            (google/deepdream, "controlling dreams").
        mask: (H, W) from 0, stay, to 1, dream.
        keep_colours: take the brightness only from the dream, the colours from the picture.
        tile: side in pixels of the windows in which a larger picture is computed; at least 64. Their places change at
            every step, and they overlap, so no seam is seen.
        seed: of jitter and windows.

    Raises:
        ValueError: a setting out of its range, a layer that does not exist or has no map, a picture that is too small
            for the network, or weights that are NaN. All before the work.
    """
    recipe = _recipe(preset, steps, octaves, ratio)
    recipe = _finer(recipe, step_size, normalize, jitter)
    original = _picture(picture, "picture")
    plan = _Plan(
        recipe,
        _measure(classifier, layers, channels, recipe, guide),
        original,
        _mask(mask, original),
        tuple(_sizes(original, recipe)),
        _whole("tile", tile, 64, 8192),
        _whole("seed", seed, 0, 2**31 - 1),
        keep_colours,
        max(_halo(classifier, layer) for layer in layers or dream_layers(classifier, recipe)),
    )
    return _dreams(_seen(plan))


def dream_layers(classifier: Classifier, preset: str | DreamPreset = "convscope") -> dict[str, float]:
    """The layers of this network that stand for those of the preset's source, and their weights.

    A layer that has the source's name is that layer; otherwise it is the one, among the outputs of nonlinearities and
    of blocks, that lies nearest to the same depth. For the project's own preset, a network's card may name them.
    """
    chosen: dict[str, float] = {}
    if _preset(preset) is DREAMS["convscope"] and "dream" in classifier.card:
        return {str(layer): float(weight) for layer, weight in classifier.card["dream"].items()}
    names = list(classifier.layers)
    maps = [name for name in names if classifier.layers[name].spatial]
    ends = [name for name in maps if any(kind in classifier.layers[name].kind for kind in NONLINEAR)] or maps
    for name, depth, weight in _preset(preset).layers:
        place = depth * (len(names) - 1)
        best = name if name in names else min(ends, key=lambda end: abs(names.index(end) - place))
        chosen[best] = chosen.get(best, 0.0) + weight
    return chosen


def painted_mask(cells: str, *, height: int, width: int) -> Picture:
    """A mask (height, width) from a grid of 32 x 32 painted cells, with soft edges.

    ``cells`` are its bits, row by row, as URL-safe base64 (172 characters). Raises ValueError for anything else.
    """
    try:
        bits = np.unpackbits(np.frombuffer(base64.b64decode(cells, b"-_", validate=True), np.uint8))
    except (ValueError, binascii.Error):
        bits = np.zeros(0, np.uint8)
    if bits.size != GRID * GRID:
        raise ValueError(f"Expected a mask of {GRID} x {GRID} painted cells, got something else")
    grid = bits.reshape(GRID, GRID, 1).astype(np.float32)
    mask: Picture = tf.image.resize(grid, (height, width), method="bicubic").numpy()[..., 0].clip(0, 1)
    return mask


def estimate_dream(classifier: Classifier, picture: npt.ArrayLike, **settings: Any) -> Estimate:
    """The cost of ``dream`` with the same settings, from one window; compiles what the run needs.

    Raises ValueError as ``dream`` does.
    """
    original = _picture(picture, "picture")
    get = settings.get
    recipe = _recipe(get("preset", "convscope"), get("steps"), get("octaves"), get("ratio"))
    tile = settings.get("tile", TILE)
    height, width = (min(side, tile) for side in original.shape[1:3])
    sample = original[:, :height, :width]
    few = {**settings, "steps": 1, "octaves": 1, "mask": None}
    for _ in range(2):  # the first one compiles
        since = time.monotonic()
        ascent.last(dream(classifier, sample, **few))
        once = (time.monotonic() - since) / (2 if min(height, width) <= SEEN_SIDE else 1)
    pixels = sum(rows * columns for rows, columns in _sizes(original, recipe)) * recipe.steps
    layers = settings.get("layers") or dream_layers(classifier, recipe)
    side = [min(size, 1.5 * tile) + 2 * HALO for size in max(_sizes(original, recipe))]
    window = ascent.activation_bytes(classifier, layers, (int(side[0]), int(side[1])), 1)
    return Estimate(once * pixels / (height * width), window + 7 * 12 * int(np.prod(max(_sizes(original, recipe)))))


# ------------------------------------------------------------------------------------------------- films


def dream_zoom(
    classifier: Classifier,
    picture: npt.ArrayLike,
    layers: Mapping[str, float] | None = None,
    *,
    frames: int = 60,
    zoom: float = 0.05,
    rotate: float = 0.0,
    drift: tuple[float, float] = (0.0, 0.0),
    seed: int = 0,
    **settings: Any,
) -> Iterator[Frame]:
    """Fall into a dream: every frame is the one before, magnified a little and dreamed on.

    google/deepdream magnifies by 0.05 for 100 frames. Each frame keeps the first one's mean and contrast, since
    resampling flattens and dreaming sharpens, and either would add up.

    Args:
        classifier, picture, layers: as for ``dream``.
        frames: 1 to 1000.
        zoom: fraction of the side by which a frame is magnified, -0.2 to 0.5.
        rotate: degrees per frame, anticlockwise, -45 to 45.
        drift: pixels per frame, down and to the right.
        seed: of everything random.
        settings: of ``dream``; 2 octaves of 6 steps where they say nothing.

    Yields:
        One ``Frame`` per frame of the film, ``images`` (1, H, W, 3), ``step`` from 1.

    Raises:
        ValueError: a setting out of range, before the work.
    """
    _whole("frames", frames, 1, MAX_FRAMES)
    _within("zoom", zoom, -0.2, 0.5)
    _within("rotate", rotate, -45, 45)
    for pixels in drift:
        _within("drift", pixels, -500, 500)
    _whole("seed", seed, 0, 2**31 - 1 - MAX_FRAMES)
    first = _picture(picture, "picture")
    settings = {"octaves": 2, "steps": 6, **settings}
    dream(classifier, first, layers, seed=seed, **settings)  # says what is wrong, at once

    def film() -> Iterator[Frame]:
        now = first
        for number in range(frames):
            moved = now if number == 0 else _moved(now, zoom, rotate, drift)
            done = ascent.last(dream(classifier, moved, layers, seed=seed + number, **settings))
            now = _levelled(done.images.numpy(), first)
            yield Frame(number + 1, frames, tf.constant(now), done.score, done.curve)

    return film()


def dream_video(
    classifier: Classifier,
    film: npt.NDArray[np.uint8],
    layers: Mapping[str, float] | None = None,
    *,
    blend: float = 0.5,
    seed: int = 0,
    **settings: Any,
) -> Iterator[Frame]:
    """Dream on every frame of a film.

    What was dreamed into a frame stays in the next one, where the film itself stood still (pytorch-deepdream blends
    whole frames; here a place that changed begins anew, so moving things leave no ghosts). The jitter is the same in
    all frames. Both keep it from flickering, and each frame keeps the mean and contrast of the film's own.

    Args:
        classifier, layers: as for ``dream``.
        film: (T, H, W, 3) uint8, as ``open_video`` gives it.
        blend: 0 to 0.95, how much of the dream stays in the next frame. More is calmer, and dreams deeper.
        seed, settings: of ``dream``; 3 octaves of 6 steps where they say nothing.

    Yields:
        One ``Frame`` per frame of the film, ``images`` (1, H, W, 3), ``step`` from 1.

    Raises:
        ValueError: a setting out of range, before the work.
    """
    _within("blend", blend, 0.0, 0.95)
    if film.ndim != 4 or film.shape[-1] != 3 or not 1 <= len(film) <= MAX_FRAMES:
        raise ValueError(f"Expected a film (1 to {MAX_FRAMES}, H, W, 3), got shape {film.shape}")
    settings = {"octaves": 3, "steps": 6, **settings}
    dream(classifier, images.to_float(film[:1]), layers, seed=seed, **settings)

    def dreamed() -> Iterator[Frame]:
        before = images.to_float(film[:1])
        added = np.zeros_like(before)
        for number in range(len(film)):
            now = images.to_float(film[number : number + 1])
            still = np.exp(-np.square((now - before).mean(axis=-1, keepdims=True) / 0.08))
            start = np.clip(now + blend * still * added, 0, 1)
            done = ascent.last(dream(classifier, start, layers, seed=seed, **settings))
            picture = _levelled(done.images.numpy(), now)
            before, added = now, picture - now
            yield Frame(number + 1, len(film), tf.constant(picture), done.score, done.curve)

    return dreamed()


def _moved(picture: Picture, zoom: float, rotate: float, drift: tuple[float, float]) -> Picture:
    """The picture magnified and turned around its middle, then shifted; edges mirrored."""
    middle = np.array(picture.shape[2:0:-1]) / 2 - 0.5
    there = AffineTransform(translation=-middle)
    there += AffineTransform(scale=1 + zoom, rotation=-np.deg2rad(rotate))
    there += AffineTransform(translation=middle + np.array(drift[::-1]))
    moved = warp(picture[0], there.inverse, order=3, mode="reflect")
    return np.clip(moved, 0, 1).astype(np.float32)[None]


def _levelled(picture: Picture, like: Picture) -> Picture:
    """The picture with another one's mean and contrast in each colour."""
    axes = (1, 2)
    mean, spread = picture.mean(axes, keepdims=True), picture.std(axes, keepdims=True)
    scale = np.clip(like.std(axes, keepdims=True) / (spread + 1e-6), 0.8, 1.25)
    level: Picture = np.clip((picture - mean) * scale + like.mean(axes, keepdims=True), 0, 1).astype(np.float32)
    return level


# ------------------------------------------------------------------------------------------------ the loop


def _dreams(plan: _Plan) -> Iterator[Dreaming]:
    """Octave after octave, from small to large."""
    recipe, total = plan.recipe, plan.recipe.steps * len(plan.sizes)
    base = picture = _sized(plan.original, plan.sizes[0])
    scores: list[float] = []
    for octave, size in enumerate(plan.sizes):
        if octave:
            below, base = base, _sized(plan.original, size)
            picture = base + _enlarged(picture - below, size) if recipe.reinject else _enlarged(picture, size)
        for step in range(recipe.steps):
            since, slope, score = time.monotonic(), None, 0.0
            progress = _progress(plan, octave, step)
            for slope, score in _slopes(plan, picture, (octave, step)):  # noqa: B007
                if slope is None and scores and time.monotonic() - since > 1.0:
                    yield _frame(plan, picture, base, (octave, step, total, progress), scores)
                    since = time.monotonic()
            picture = _climbed(plan, picture, slope)
            scores.append(score)
            if recipe.ceiling is not None and score > recipe.ceiling:
                break
            yield _frame(plan, picture, base, (octave, step + 1, total, _progress(plan, octave, step + 1)), scores)
    own = picture if base.shape == plan.original.shape else _sized(picture, plan.original.shape[1:3])
    yield _frame(plan, own, plan.original, (len(plan.sizes) - 1, recipe.steps, total, 1.0), scores)


def _progress(plan: _Plan, octave: int, step: int) -> float:
    """The part of the work that is done."""
    pixels = [height * width for height, width in plan.sizes]
    return (sum(pixels[:octave]) + pixels[octave] * step / plan.recipe.steps) / sum(pixels)


def _frame(
    plan: _Plan, picture: Picture, base: Picture, at: tuple[int, int, int, float], scores: list[float]
) -> Dreaming:
    octave, step, total, progress = at
    shown = np.clip(picture, 0, 1)
    if plan.keep_colours:
        shown = _coloured(shown, base)
    curve = np.array(scores, np.float32)[:, None]
    step += octave * plan.recipe.steps
    return Dreaming(
        step, total, tf.constant(shown), tf.constant(curve[-1]), tf.constant(curve),
        octave=octave + 1, octaves=len(plan.sizes), progress=progress,
    )  # fmt: skip


def _slopes(plan: _Plan, picture: Picture, at: tuple[int, int]) -> Iterator[tuple[Picture | None, float]]:
    """The gradient (1, H, W, 3) of the whole picture and its score; before it, (None, 0) after each window."""
    rng = np.random.default_rng((plan.seed, *at))
    shift, frame = _jitter(plan.recipe, picture.shape[1:3], rng)
    moved = np.roll(picture, shift, (1, 2)) if any(shift) else picture
    padded = np.pad(moved, ((0, 0), *frame, (0, 0)), "symmetric") if any(map(any, frame)) else moved
    height, width = padded.shape[1:3]
    slope, score = np.empty_like(padded), 0.0
    for top, bottom in _cuts(height, plan.tile, rng):
        for left, right in _cuts(width, plan.tile, rng):
            above, before = max(top - plan.halo, 0), max(left - plan.halo, 0)
            window = padded[:, above : bottom + plan.halo, before : right + plan.halo]
            own, value = plan.measure(tf.constant(window), _NO_TARGET, _NO_SEED)
            inner = own[:, top - above : bottom - above, left - before : right - before]
            slope[:, top:bottom, left:right] = inner.numpy() * (window.shape[1] * window.shape[2])
            score += float(value[0]) * (bottom - top) * (right - left) / (height * width)
            yield None, 0.0
    slope = slope[:, frame[0][0] : height - frame[0][1], frame[1][0] : width - frame[1][1]]
    yield (np.roll(slope, tuple(-place for place in shift), (1, 2)) if any(shift) else slope), score


_NO_TARGET, _NO_SEED = tf.zeros((1,), tf.int32), tf.zeros((2,), tf.int32)


def _jitter(
    recipe: DreamPreset, size: tuple[int, ...], rng: np.random.Generator
) -> tuple[tuple[int, int], tuple[tuple[int, int], tuple[int, int]]]:
    """How far the picture is moved around its edges, and how wide a mirrored frame it gets on its four sides.

    Frames fill the picture up to multiples of the grid, on which windows lie too: so the network's strides fall on the
    same pixels whether or not the picture is cut into windows.
    """
    down, right = (int(place) for place in rng.integers(-recipe.jitter, recipe.jitter + 1, 2))
    if recipe.wrap or not recipe.jitter:
        return (down, right), ((0, 0), (0, 0))
    first = [recipe.jitter // 2 + abs(place) // 2 for place in (down, right)]
    last = [ALIGN - (start + side) % ALIGN for start, side in zip(first, size, strict=True)]
    return (0, 0), ((first[0], last[0]), (first[1], last[1]))


def _cuts(side: int, tile: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Where one side is cut, elsewhere each time: pieces of about half to one and a half tiles, or one piece."""
    if side <= 1.5 * tile:
        return [(0, side)]
    places = [0, ALIGN * int(rng.integers(tile // (2 * ALIGN), tile // ALIGN + 1))]
    while side - places[-1] > 1.5 * tile:
        places.append(places[-1] + tile // ALIGN * ALIGN)
    return list(zip(places, [*places[1:], side], strict=True))


def _climbed(plan: _Plan, picture: Picture, slope: Picture | None) -> Picture:
    """One step up the gradient."""
    if slope is None:
        return picture
    mask = None if plan.mask is None else _sized(plan.mask, picture.shape[1:3])
    if plan.recipe.level:
        weight = np.float32(1) if mask is None else mask
        slope -= (slope * weight).mean((1, 2), keepdims=True) / max(float(np.mean(weight)), 1e-6)
    length = float(GradientAscent(normalize=plan.recipe.normalize).length(slope)[0, 0, 0, 0])
    if not np.isfinite(length) or length == 0:
        return picture
    if mask is not None:
        slope *= mask
    slope *= plan.recipe.step_size / max(length, 1e-12)
    slope += picture
    return np.clip(slope, 0, 1, out=slope)


def _sized(picture: Picture, size: tuple[int, ...]) -> Picture:
    """(1, H, W, 3) in [0, 1] in another size, antialiased."""
    height, width = size
    same = picture.shape[1:3] == (height, width)
    return picture if same else images.resize(picture, height=height, width=width)


def _enlarged(detail: Picture, size: tuple[int, int]) -> Picture:
    """Any numbers (1, h, w, 3) in another size, bilinear, as google/deepdream does it."""
    larger: Picture = tf.image.resize(detail, size).numpy()
    return larger


def _coloured(dreamed: Picture, photo: Picture) -> Picture:
    """The brightness of one picture with the colours of another (Rec. 601)."""
    luma = np.array([0.299, 0.587, 0.114], np.float32)
    brightness = (dreamed - photo) @ luma
    coloured: Picture = np.clip(photo + brightness[..., None], 0, 1)
    return coloured


def _sizes(original: Picture, recipe: DreamPreset) -> list[tuple[int, int]]:
    """The octaves, small to large, those under 32 pixels left out."""
    height, width = original.shape[1:3]
    powers = range(recipe.above - recipe.octaves + 1, recipe.above + 1)
    sizes = [(round(height * recipe.ratio**power), round(width * recipe.ratio**power)) for power in powers]
    return [size for size in sizes if min(size) >= MIN_SIDE]


# ---------------------------------------------------------------------------------------------- the checks


def _preset(preset: str | DreamPreset) -> DreamPreset:
    if isinstance(preset, DreamPreset):
        return preset
    if not isinstance(preset, str) or preset not in DREAMS:
        raise ValueError(f"There is no dream preset {preset!r}; there is {', '.join(DREAMS)}")
    return DREAMS[preset]


def _recipe(preset: str | DreamPreset, steps: int | None, octaves: int | None, ratio: float | None) -> DreamPreset:
    """The preset with what was asked for instead."""
    recipe = _preset(preset)
    if steps is not None:
        recipe = replace(recipe, steps=_whole("steps", steps, 1, MAX_STEPS))
    if octaves is not None:
        recipe = replace(recipe, octaves=_whole("octaves", octaves, 1, MAX_OCTAVES))
        recipe = replace(recipe, above=min(recipe.above, (recipe.octaves - 1) // 2))
    return recipe if ratio is None else replace(recipe, ratio=_within("ratio", ratio, 1.05, 3.0))


def _finer(recipe: DreamPreset, step_size: float | None, normalize: str | None, jitter: int | None) -> DreamPreset:
    if step_size is not None:
        recipe = replace(recipe, step_size=_within("step_size", step_size, 1e-6, 0.5))
    if normalize is not None:
        recipe = replace(recipe, normalize=GradientAscent(normalize=normalize).normalize)
    return recipe if jitter is None else replace(recipe, jitter=_whole("jitter", jitter, 0, 256))


def _measure(
    classifier: Classifier,
    layers: Mapping[str, float] | None,
    channels: Sequence[int],
    recipe: DreamPreset,
    guide: npt.ArrayLike | None,
) -> Any:
    """The compiled gradient of what is to be raised."""
    mixed = dict(layers) if layers else dream_layers(classifier, recipe)
    for layer, weight in mixed.items():
        info = classifier.layer(layer)
        if not info.spatial:
            raise ValueError(f"Expected layers with height and width to dream with, got {layer!r}")
        if info.fixed:
            raise ValueError(f"Expected layers that run at any size to dream with, got {layer!r}, which has one only")
        if not isinstance(weight, (int, float, np.number)) or not np.isfinite(weight):
            raise ValueError(f"Expected finite weights of layers, got {weight!r} for {layer!r}")
        whole = isinstance(channels, Sequence) and all(isinstance(one, (int, np.integer)) for one in channels)
        if not whole:
            raise ValueError(f"Expected channels as whole numbers, got {channels!r}")
        outside = [channel for channel in channels if not 0 <= channel < info.channels]
        if outside:
            raise ValueError(f"Expected channels of {layer} from 0 to {info.channels - 1}, got {outside[0]}")
    names = tuple(mixed)
    require_finite_weights(classifier, names)
    terms = tuple((float(w), _term(classifier, name, tuple(channels), recipe, guide)) for name, w in mixed.items())
    return ascent.gradient(classifier, Sum(terms))


def _term(
    classifier: Classifier, layer: str, channels: tuple[int, ...], recipe: DreamPreset, guide: npt.ArrayLike | None
) -> Objective:
    if guide is not None:
        seen = images.shrink(_picture(guide, "guide"), max_side=GUIDE_SIDE)

        def match() -> FeatureMatch:
            try:
                features = classifier.tap([layer])(tf.constant(seen))[layer].numpy()
            except tf.errors.OpError:
                features = np.zeros((0, 1), np.float32)
            if not features.size:
                size = "{} x {}".format(*seen.shape[1:3])
                raise ValueError(f"Expected a guide large enough for {layer}, got one that is {size} when shrunk")
            return FeatureMatch(layer, features.reshape(-1, features.shape[-1]), channels)

        return classifier.keep(("guide", layer, channels, images.digest(seen)), match)
    if recipe.objective == "mean":
        count = classifier.layer(layer).channels
        chosen = set(channels) or set(range(count))
        return Direction(layer, tuple(1 / len(chosen) if channel in chosen else 0.0 for channel in range(count)))
    return Energy(layer, recipe.border, channels, whole=recipe.border > 0)


def _seen(plan: _Plan) -> _Plan:
    """The plan without the octaves that are too small for the network. Raises ValueError where none is left."""
    sizes = list(plan.sizes)
    while sizes and min(sizes[0]) <= SEEN_SIDE and not _sees(plan, sizes[0]):
        sizes.pop(0)
    if not sizes:
        size = "{} x {}".format(*plan.original.shape[1:3])
        raise ValueError(f"Expected a picture large enough to dream on with this network and these layers, got {size}")
    return replace(plan, sizes=tuple(sizes))


def _halo(classifier: Classifier, layer: str) -> int:
    """How far windows overlap: what a unit of the layer sees, as far as that can be afforded."""
    field = classifier.layer(layer).receptive_field
    return HALO if field is None else min(HALO, -(-max(field.size) // ALIGN) * ALIGN)


def _sees(plan: _Plan, size: tuple[int, int]) -> bool:
    """Whether pictures of this size give a finite score."""
    try:
        _, value = plan.measure(tf.fill((1, *size, 3), 0.5), _NO_TARGET, _NO_SEED)
    except tf.errors.OpError:
        return False
    return bool(np.isfinite(value.numpy()).all())


def _picture(picture: npt.ArrayLike, name: str) -> Picture:
    array = np.asarray(picture, np.float32)
    array = array[None] if array.ndim == 3 else array
    if array.ndim != 4 or len(array) != 1 or array.shape[-1] != 3:
        raise ValueError(f"Expected one {name} (H, W, 3), got shape {np.shape(picture)}")
    if min(array.shape[1:3]) < MIN_SIDE:
        size = "{} x {}".format(*array.shape[1:3])
        raise ValueError(f"Expected a {name} of at least {MIN_SIDE} pixels a side, got {size}")
    if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
        raise ValueError(f"Expected a {name} of finite values from 0 to 1, got others")
    return array


def _mask(mask: npt.ArrayLike | None, original: Picture) -> Picture | None:
    """(1, H, W, 3)."""
    if mask is None:
        return None
    array = np.asarray(mask, np.float32)
    if array.shape != original.shape[1:3]:
        raise ValueError(f"Expected a mask of the picture's size {original.shape[1:3]}, got shape {array.shape}")
    if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1 or not array.any():
        raise ValueError("Expected a mask of values from 0 to 1, not all of them 0, got others")
    return np.repeat(array[None, ..., None], 3, axis=-1)


def _whole(name: str, value: int, least: int, most: int) -> int:
    if not isinstance(value, (int, np.integer)) or not least <= value <= most:
        raise ValueError(f"Expected {name} from {least} to {most}, got {value!r}")
    return int(value)


def _within(name: str, value: float, least: float, most: float) -> float:
    if not isinstance(value, (int, float, np.number)) or not least <= value <= most:
        raise ValueError(f"Expected {name} from {least:g} to {most:g}, got {value!r}")
    return float(value)
