"""``dream``: gradient ascent on a photograph at several sizes, the octaves.

It has a loop of its own around ``ascent.gradient``, where other techniques run ``ascend``, because the gradient of a
large picture is put together from windows (``tiles``).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from scipy import ndimage

from core import checks
from core.networks.classifiers import Classifier
from core.optimize import ascent
from core.optimize.ascent import Estimate, Frame
from core.optimize.updates import GradientAscent
from core.pauses import each
from core.pictures import images
from core.techniques.dream.masks import mask_for
from core.techniques.dream.objective import MIN_SIDE, compiled_gradient, large_picture
from core.techniques.dream.presets import DreamPreset, changed, dream_layers
from core.techniques.dream.tiles import MOST_HALO, NO_SEED, NO_TARGET, TILE, gradients, halo_of, jittered
from core.types import Pictures

SEEN_SIDE = 160


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
    gradient: Any
    original: Pictures
    mask: Pictures | None
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
        layers: {layer: weight}, what to maximize; the preset's, by depth, where None. A negative weight minimizes.
        channels: of every one of these layers, where not the whole layer is to be maximized.
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
    recipe = changed(
        preset, steps=steps, octaves=octaves, ratio=ratio, step_size=step_size, normalize=normalize, jitter=jitter
    )
    original = large_picture(picture)
    mixed = dict(layers) if layers else dream_layers(classifier, recipe)
    plan = _Plan(
        recipe,
        compiled_gradient(classifier, mixed, channels, recipe, guide=guide),
        original,
        mask_for(original, mask),
        tuple(octave_sizes(original.shape[1:3], recipe)),
        checks.whole("tile", tile, 64, 8192),
        checks.seed(seed),
        keep_colours,
        max(halo_of(classifier, layer) for layer in mixed),
    )
    return _dreams(_seen(plan))


def estimate_dream(classifier: Classifier, picture: npt.ArrayLike, **settings: Any) -> Estimate:
    """The cost of ``dream`` with the same settings, from one window; compiles what the run needs.

    Raises ValueError as ``dream`` does.
    """
    original = large_picture(picture)
    sizes_of = ("steps", "octaves", "ratio")
    recipe = changed(settings.get("preset", "convscope"), **{name: settings.get(name) for name in sizes_of})
    tile = settings.get("tile", TILE)
    height, width = (min(side, tile) for side in original.shape[1:3])
    sample = original[:, :height, :width]
    few = {**settings, "steps": 1, "octaves": 1, "mask": None}
    for _ in range(2):  # the first one compiles
        since = time.monotonic()
        ascent.last(dream(classifier, sample, **few))
        once = (time.monotonic() - since) / (2 if min(height, width) <= SEEN_SIDE else 1)
    sizes = octave_sizes(original.shape[1:3], recipe)
    pixels = sum(rows * columns for rows, columns in sizes) * recipe.steps
    layers = settings.get("layers") or dream_layers(classifier, recipe)
    side = [min(size, 1.5 * tile) + 2 * MOST_HALO for size in max(sizes)]
    window = ascent.activation_bytes(classifier, layers, (int(side[0]), int(side[1])), 1)
    return Estimate(once * pixels / (height * width), window + 9 * 12 * int(np.prod(max(sizes))))


def _dreams(plan: _Plan) -> Iterator[Dreaming]:
    """Octave after octave, from small to large.

    What is large in a dream is made in a small octave, where it fits into what a unit sees, and enlarged from there.
    Enlarging blurs, so ``base`` runs beside the dream: the photograph alone at each size. The dream is base plus what
    was dreamed (picture - base), and only the latter is enlarged; the photograph's own detail is never lost.
    """
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
            for slope, score in each(_gradients(plan, picture, (octave, step))):  # noqa: B007
                if slope is None and scores and time.monotonic() - since > 1.0:
                    yield _frame(plan, picture, base, (octave, step, total, progress), scores)
                    since = time.monotonic()
            picture = _stepped(plan, picture, slope)
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
    plan: _Plan, picture: Pictures, base: Pictures, at: tuple[int, int, int, float], scores: list[float]
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


def _gradients(plan: _Plan, picture: Pictures, at: tuple[int, int]) -> Iterator[tuple[Pictures | None, float]]:
    """What ``tiles.gradients`` yields for a random place of the picture on the network's grid."""
    recipe, rng = plan.recipe, np.random.default_rng((plan.seed, *at))
    shift, frame = jittered(picture.shape[1:3], recipe.jitter, recipe.wrap, rng)
    return gradients(plan.gradient, picture, shift=shift, frame=frame, tile=plan.tile, halo=plan.halo, rng=rng)


def _stepped(plan: _Plan, picture: Pictures, slope: Pictures | None) -> Pictures:
    """One step of gradient ascent."""
    if slope is None:
        return picture
    mask = None if plan.mask is None else _sized(plan.mask, picture.shape[1:3])
    slope = _smoothed(slope, plan.recipe.blurs)
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


def _smoothed(slope: Pictures, blurs: tuple[float, ...]) -> Pictures:
    """The mean of the gradient (1, H, W, 3) blurred by each of these, all of one mean absolute value."""
    if not blurs:
        return slope
    total = np.zeros_like(slope)
    for blur in blurs:
        one = ndimage.gaussian_filter(slope, (0, blur, blur, 0), mode="mirror") if blur else slope
        total += one / max(float(np.abs(one).mean()) * len(blurs), 1e-30)
    return total


def _sized(picture: Pictures, size: tuple[int, ...]) -> Pictures:
    """(1, H, W, 3) in [0, 1] in another size, antialiased."""
    height, width = size
    same = picture.shape[1:3] == (height, width)
    return picture if same else images.resize(picture, height=height, width=width)


def _enlarged(detail: Pictures, size: tuple[int, int]) -> Pictures:
    """Any numbers (1, h, w, 3) in another size, bilinear, as google/deepdream does it."""
    larger: Pictures = tf.image.resize(detail, size).numpy()
    return larger


def _coloured(dreamed: Pictures, photo: Pictures) -> Pictures:
    """The brightness of one picture with the colours of another (Rec. 601)."""
    luma = np.array([0.299, 0.587, 0.114], np.float32)
    brightness = (dreamed - photo) @ luma
    coloured: Pictures = np.clip(photo + brightness[..., None], 0, 1)
    return coloured


def octave_sizes(size: tuple[int, ...], recipe: DreamPreset) -> list[tuple[int, int]]:
    """The octaves of a picture of ``size`` (height, width), small to large, those under 32 pixels left out."""
    height, width = size
    powers = range(recipe.above - recipe.octaves + 1, recipe.above + 1)
    sizes = [(round(height * recipe.ratio**power), round(width * recipe.ratio**power)) for power in powers]
    return [size for size in sizes if min(size) >= MIN_SIDE]


def _seen(plan: _Plan) -> _Plan:
    """The plan without the octaves that are too small for the network. Raises ValueError where none is left."""
    sizes = list(plan.sizes)
    while sizes and min(sizes[0]) <= SEEN_SIDE and not _sees(plan, sizes[0]):
        sizes.pop(0)
    if not sizes:
        size = "{} x {}".format(*plan.original.shape[1:3])
        raise ValueError(f"Expected a picture large enough to dream on with this network and these layers, got {size}")
    return replace(plan, sizes=tuple(sizes))


def _sees(plan: _Plan, size: tuple[int, int]) -> bool:
    """Whether pictures of this size give a finite score."""
    try:
        _, value = plan.gradient(tf.fill((1, *size, 3), 0.5), NO_TARGET, NO_SEED)
    except tf.errors.OpError:
        return False
    return bool(np.isfinite(value.numpy()).all())
