"""Dreams that move: an endless zoom into a dream, and a video dreamed on frame by frame."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from skimage.transform import AffineTransform, warp

from core import checks
from core.networks.classifiers import Classifier
from core.optimize.ascent import Frame
from core.pauses import each
from core.pictures import images
from core.techniques.dream.objective import large_picture
from core.techniques.dream.octaves import dream
from core.types import Pictures

MAX_FRAMES = 1000


@dataclass(frozen=True)
class Between(Frame):
    """A picture of a zoom or a video while it is dreamed; ``step`` counts those that are whole.

    Attributes:
        part: how much of it is done, 0 to 1.
    """

    part: float = 0.0

    @property
    def progress(self) -> float:
        """The part of the work that is done, 0 to 1."""
        return (self.step + self.part) / self.total


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
    fine: bool = False,
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
        fine: also yield a ``Between`` about every 0.2 seconds, while a frame is dreamed.
        settings: of ``dream``; 2 octaves of 6 steps where they say nothing.

    Yields:
        One ``Frame`` per frame of the video, ``images`` (1, H, W, 3), ``step`` from 1.

    Raises:
        ValueError: a setting out of range, before the work.
    """
    checks.whole("frames", frames, 1, MAX_FRAMES)
    checks.number("zoom", zoom, -0.2, 0.5)
    checks.number("rotate", rotate, -45, 45)
    for pixels in drift:
        checks.number("drift", pixels, -500, 500)
    checks.whole("seed", seed, 0, checks.MOST_SEED - MAX_FRAMES)
    first = large_picture(picture)
    settings = {"octaves": 2, "steps": 6, **settings}
    dream(classifier, first, layers, seed=seed, **settings)  # says what is wrong, at once

    def zoomed() -> Iterator[Frame]:
        now = first
        for number in range(frames):
            moved = now if number == 0 else _moved(now, zoom, rotate, drift)
            done = yield from _whole(
                dream(classifier, moved, layers, seed=seed + number, **settings), number, frames, fine
            )
            now = _levelled(done.images.numpy(), first)
            yield Frame(number + 1, frames, tf.constant(now), done.score, done.curve)

    return zoomed()


def dream_video(
    classifier: Classifier,
    video: npt.NDArray[np.uint8],
    layers: Mapping[str, float] | None = None,
    *,
    blend: float = 0.5,
    seed: int = 0,
    fine: bool = False,
    **settings: Any,
) -> Iterator[Frame]:
    """Dream on every frame of a video.

    What was dreamed into a frame stays in the next one, where the video itself stood still (pytorch-deepdream blends
    whole frames; here a place that changed begins anew, so moving things leave no ghosts). The jitter is the same in
    all frames. Both keep it from flickering, and each frame keeps the mean and contrast of the video's own.

    Args:
        classifier, layers: as for ``dream``.
        video: (T, H, W, 3) uint8, as ``open_video`` gives it.
        blend: 0 to 0.95, how much of the dream stays in the next frame. More is calmer, and dreams deeper.
        fine: also yield a ``Between`` about every 0.2 seconds, while a frame is dreamed.
        seed, settings: of ``dream``; 3 octaves of 6 steps where they say nothing.

    Yields:
        One ``Frame`` per frame of the video, ``images`` (1, H, W, 3), ``step`` from 1.

    Raises:
        ValueError: a setting out of range, before the work.
    """
    checks.number("blend", blend, 0.0, 0.95)
    if video.ndim != 4 or video.shape[-1] != 3 or not 1 <= len(video) <= MAX_FRAMES:
        raise ValueError(f"Expected a video (1 to {MAX_FRAMES}, H, W, 3), got shape {video.shape}")
    settings = {"octaves": 3, "steps": 6, **settings}
    dream(classifier, images.to_float(video[:1]), layers, seed=seed, **settings)

    def dreamed() -> Iterator[Frame]:
        before = images.to_float(video[:1])
        added = np.zeros_like(before)
        for number in range(len(video)):
            now = images.to_float(video[number : number + 1])
            still = np.exp(-np.square((now - before).mean(axis=-1, keepdims=True) / 0.08))
            start = np.clip(now + blend * still * added, 0, 1)
            done = yield from _whole(dream(classifier, start, layers, seed=seed, **settings), number, len(video), fine)
            picture = _levelled(done.images.numpy(), now)
            before, added = now, picture - now
            yield Frame(number + 1, len(video), tf.constant(picture), done.score, done.curve)

    return dreamed()


def _whole(dreaming: Iterator[Frame], step: int, total: int, fine: bool) -> Generator[Between, None, Frame]:
    """Dream one picture to its end, which is returned; ``fine`` yields it on its way."""
    done = None
    for done in each(dreaming):
        if fine:
            yield Between(step, total, done.images, done.score, done.curve, part=done.progress)
    if done is None:
        raise ValueError("Expected at least one frame, got none")
    return done


def _moved(picture: Pictures, zoom: float, rotate: float, drift: tuple[float, float]) -> Pictures:
    """The picture magnified and turned around its middle, then shifted; edges mirrored."""
    middle = np.array(picture.shape[2:0:-1]) / 2 - 0.5
    there = AffineTransform(translation=-middle)
    there += AffineTransform(scale=1 + zoom, rotation=-np.deg2rad(rotate))
    there += AffineTransform(translation=middle + np.array(drift[::-1]))
    moved = warp(picture[0], there.inverse, order=3, mode="reflect")
    return np.clip(moved, 0, 1).astype(np.float32)[None]


def _levelled(picture: Pictures, like: Pictures) -> Pictures:
    """The picture with another one's mean and contrast in each colour."""
    axes = (1, 2)
    mean, spread = picture.mean(axes, keepdims=True), picture.std(axes, keepdims=True)
    scale = np.clip(like.std(axes, keepdims=True) / (spread + 1e-6), 0.8, 1.25)
    level: Pictures = np.clip((picture - mean) * scale + like.mean(axes, keepdims=True), 0, 1).astype(np.float32)
    return level
