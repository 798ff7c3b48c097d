"""A mirror that dreams: a few steps on each frame of a live picture, from where the dream of the last frame was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from scipy.ndimage import map_coordinates
from skimage.registration import optical_flow_ilk

from core import checks
from core.networks.classifiers import Classifier
from core.optimize.updates import GradientAscent
from core.pictures import images
from core.pictures.grey import LUMA
from core.techniques.dream.objective import MIN_SIDE, compiled_gradient, large_picture
from core.techniques.dream.presets import DREAMS
from core.techniques.dream.tiles import TILE, gradients, jittered
from core.types import Floats, Pictures

__all__ = ["DreamFrame", "dream_frame"]

FLOW_SIDE = 56
SAME = np.float32(0.1)
"""How far colours may differ, in [0, 1], for a place to count as the same one, moved."""


@dataclass(frozen=True, eq=False)
class DreamFrame:
    """A frame (1, H, W, 3) and its dream (1, H, W, 3), both in [0, 1]; ``number`` counts from 0."""

    picture: Pictures
    dream: Pictures
    number: int = 0


def dream_frame(
    classifier: Classifier,
    picture: npt.ArrayLike,
    layers: Mapping[str, float],
    before: DreamFrame | None = None,
    *,
    steps: int = 1,
    step_size: float = 4 / 255,
    keep: float = 0.9,
    seed: int = 0,
) -> DreamFrame:
    """Dream on one frame of a live picture.

    What was dreamed into the last frame is carried along with what moved (optical flow of the two frames at about 56
    pixels a side), fades, and begins anew where the new frame shows something else. Then come steps at half the size,
    which make large things, and at the frame's own.

    Args:
        classifier, picture, layers: as for ``dream``.
        before: the result of the frame before, of any size; None begins anew.
        steps: 1 to 20 at each of the two sizes. More dream faster, and take longer.
        step_size: length of a step, above 0 and up to 0.5.
        keep: 0 to 0.99, how much of the last dream stays.
        seed: of the jitter; frames of one seed jitter alike.

    Raises:
        ValueError: as ``dream`` does.
    """
    now = large_picture(picture)
    checks.whole("steps", steps, 1, 20)
    checks.number("step_size", step_size, 1e-6, 0.5)
    checks.number("keep", keep, 0.0, 0.99)
    number = 0 if before is None else before.number + 1
    measure = compiled_gradient(classifier, layers, (), DREAMS["convscope"], guide=None)
    rng = np.random.default_rng((checks.seed(seed), number))
    dreamed = now if before is None else np.clip(now + np.float32(keep) * _carried(now, before), 0, 1)
    half = (now.shape[1] // 2, now.shape[2] // 2)
    if min(half) >= 2 * MIN_SIDE:
        small = images.resize(dreamed, height=half[0], width=half[1])
        added = _ascended(measure, small, steps, step_size, rng) - small
        dreamed = np.clip(dreamed + tf.image.resize(added, now.shape[1:3]).numpy(), 0, 1)
    return DreamFrame(now, _ascended(measure, dreamed, steps, step_size, rng), number)


def _ascended(measure: object, picture: Pictures, steps: int, step_size: float, rng: np.random.Generator) -> Pictures:
    """Some steps of gradient ascent, the gradient's mean taken off, the picture elsewhere on the grid at each."""
    for _ in range(steps):
        shift, frame = jittered(picture.shape[1:3], 8, True, rng)
        found = gradients(measure, picture, shift=shift, frame=frame, tile=TILE, halo=0, rng=rng)
        slope = next(slope for slope, _score in found if slope is not None)
        slope = slope - slope.mean((1, 2), keepdims=True)
        length = float(GradientAscent(normalize="mean").length(slope)[0, 0, 0, 0])
        if np.isfinite(length) and length > 0:
            picture = np.clip(picture + np.float32(step_size / length) * slope, 0, 1)
    return picture


def _carried(now: Pictures, before: DreamFrame) -> Floats:
    """What was dreamed into the frame before, moved to where its places are now: (1, H, W, 3)."""
    height, width = now.shape[1:3]
    if before.picture.shape != now.shape:
        return np.zeros_like(now)
    step = max(1, round(max(height, width) / FLOW_SIDE))
    small_now, small_before = ((one[0, ::step, ::step] @ LUMA).astype(np.float32) for one in (now, before.picture))
    flow = optical_flow_ilk(small_now, small_before, radius=4, num_warp=3, dtype=np.float32)
    flow = tf.image.resize(np.moveaxis(flow, 0, -1)[None], (height, width)).numpy()[0] * step
    rows, columns = np.meshgrid(*(np.arange(side, dtype=np.float32) for side in (height, width)), indexing="ij")
    at = np.stack([rows + flow[..., 0], columns + flow[..., 1]])
    both = np.concatenate([before.dream - before.picture, before.picture], axis=-1)[0]
    moved = np.stack([map_coordinates(both[..., one], at, order=1, mode="nearest") for one in range(6)], axis=-1)
    other = (np.abs(now[0] - moved[..., 3:]).mean(axis=-1, keepdims=True) / SAME).astype(np.float32)
    return np.asarray((moved[..., :3] * np.exp(-np.square(other)))[None], np.float32)
