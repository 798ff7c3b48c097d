"""Rounding to 8 bits that does not leave the ball."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core.techniques.attacks.norms import Norm, Radius, norm_named
from core.types import Pictures

__all__ = ["rounded"]

Steps = npt.NDArray[np.float64]
"""One picture (H, W, 3), or its grey plane (H, W, 1), in steps of 1/255: 0 to 255."""

FLOAT32 = 2e-5
"""How far, in steps, float32 may put a multiple of 1/255 beside itself."""
EQUAL = 1e-3
"""Changes of red, green and blue that differ by fewer steps are one grey change."""


def rounded(pictures: npt.ArrayLike, origin: npt.ArrayLike, *, norm: str, epsilon: Radius) -> Pictures:
    """Pictures (N, H, W, 3) on the 8-bit grid, the multiples of 1/255, no further than epsilon from their origins.

    Every number is rounded to the nearest step; where that leaves the ball, those that were rounded outward by most are
    taken one step back, until it does not. A change that is the same in red, green and blue stays so, wherever the
    origin lies equally far beside the grid in all three.

    An origin may lie off the grid. Where its ball is too small to hold a picture of the grid, the picture stays off the
    grid, inside the ball.

    Raises:
        ValueError: a norm that does not exist.
    """
    measure = norm_named(norm)
    start, end = (np.asarray(one, np.float64) * 255 for one in (origin, pictures))
    start = np.where(np.abs(start - np.rint(start)) < FLOAT32, np.rint(start), start)
    radius = np.broadcast_to(np.asarray(epsilon, np.float64) * 255, (len(start),)) * (1 + 1e-6) + FLOAT32
    each = (_one(*both, measure) for both in zip(end, start, radius, strict=True))
    return (np.stack(list(each)) / 255).clip(0, 1).astype(np.float32)


def _one(end: Steps, start: Steps, radius: float, norm: Norm) -> Steps:
    """One picture on the grid, or off it where the ball is too small."""
    change, beside = end - start, start - np.rint(start)
    if np.ptp(change, axis=-1).max() < EQUAL and np.ptp(beside, axis=-1).max() < EQUAL:
        plane = start[..., :1]
        # three equal changes c are as long as one of 3 ** (1 / p) * c
        found = _inside(plane + change.mean(axis=-1, keepdims=True), plane, radius / 3 ** (1 / norm.power), norm)
        found = None if found is None else np.rint(start + found - plane)
    else:
        found = _inside(end, start, radius, norm)
    if found is not None:
        return found
    inside: Steps = norm.project(
        tf.constant(change[None], tf.float32), tf.constant(radius - FLOAT32, tf.float32)
    ).numpy()[0]
    return start + inside


def _inside(end: Steps, start: Steps, radius: float, norm: Norm) -> Steps | None:
    """The whole steps inside the ball that are near ``end``; None where there are none."""
    if np.isfinite(norm.power):
        return _walked_back(end, start, radius, norm.power)
    low, high = np.ceil(start - radius), np.floor(start + radius)
    return np.rint(end).clip(low, high) if (low <= high).all() else None


def _walked_back(end: Steps, start: Steps, radius: float, power: float) -> Steps | None:
    """``end`` rounded, then as many numbers taken one step back as the length asks for.

    The exact nearest picture is an integer program; this is its greedy answer. A step back is taken where rounding went
    outward by most, so the change stays near to the exact one. It shortens the change only where a number is more than
    half a step away from its start: when none is, all are as near as the grid allows, and the ball holds no picture of
    the grid.
    """
    steps = np.rint(end)
    while True:
        far = np.abs(steps - start)
        excess = (far**power).sum() - radius**power
        if excess <= 0:
            return steps
        gain = far**power - np.abs(far - 1) ** power
        helps = gain > 1e-9
        if not helps.any():
            return None
        order = np.argsort(np.where(helps, np.abs(end - start) - far, np.inf), axis=None)[: np.count_nonzero(helps)]
        order = order[: int(np.searchsorted(np.cumsum(gain.ravel()[order]), excess)) + 1]
        np.put(steps, order, steps.ravel()[order] - np.sign(steps - start).ravel()[order])
