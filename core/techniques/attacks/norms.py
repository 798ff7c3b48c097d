"""Norms: how long a change of a picture is, the steepest step, the nearest change that is short enough."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core import checks
from core.types import Floats

__all__ = ["NORMS", "Norm", "distance", "moved", "norm_named"]

AXES = (1, 2, 3)
"""Height, width and channels: what is measured together."""

CHANGED = 1e-6
"""A number that differs by less is the same one, seen through float32."""

Radius = float | npt.NDArray[np.floating[Any]]
"""An epsilon for all pictures, or one for each (N,)."""


@dataclass(frozen=True)
class Norm:
    """A way to measure a change (N, H, W, 3), as three functions, and how its epsilons are written.

    Attributes:
        title: its name.
        says: what it measures, in a few words.
        power: p of the p-norm, infinite where the largest number counts.
        steepest: a gradient -> the change of length 1 that raises most.
        project: a change and a radius (N, 1, 1, 1) -> the nearest change that is no longer than it.
        length: a change -> (N,).
        epsilons: usual ones, as they are written: ``k`` of k / ``scale``.
        usual: the one of them that fools an undefended network and is hardly seen.
        scale: 255 where an epsilon is written as k/255, 1 where it is written as it is.
    """

    title: str
    says: str
    power: float
    steepest: Callable[[tf.Tensor], tf.Tensor]
    project: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    length: Callable[[tf.Tensor], tf.Tensor]
    epsilons: tuple[float, ...]
    usual: float
    scale: int = 1

    def radius(self, written: float) -> float:
        """The epsilon, in the unit of pictures, that is written so."""
        return written / self.scale

    def written(self, epsilon: float) -> str:
        """How an epsilon in the unit of pictures is written: ``"8/255"`` in ``linf``, ``"0.5"`` in the others."""
        return f"{epsilon * self.scale:g}" + (f"/{self.scale}" if self.scale > 1 else "")


def _unit(change: tf.Tensor) -> tf.Tensor:
    return tf.math.divide_no_nan(change, tf.sqrt(tf.reduce_sum(tf.square(change), AXES, keepdims=True)))


def _within_l2(change: tf.Tensor, radius: tf.Tensor) -> tf.Tensor:
    length = tf.sqrt(tf.reduce_sum(tf.square(change), AXES, keepdims=True))
    return change * tf.minimum(1.0, tf.math.divide_no_nan(radius, length))


def _largest_percent(gradient: tf.Tensor) -> tf.Tensor:
    """The signs of the largest hundredth of the entries (Tramer and Boneh, arXiv:1904.13000, q = 99 %).

    The steepest step in L1 would move one number only, and take as many steps as there are numbers to move.
    """
    flat = tf.reshape(tf.abs(gradient), (tf.shape(gradient)[0], -1))
    count = tf.maximum(1, tf.shape(flat)[1] // 100)
    least = tf.math.top_k(flat, count).values[:, -1][:, None, None, None]
    chosen = tf.where(tf.abs(gradient) >= least, tf.sign(gradient), 0.0)
    return tf.math.divide_no_nan(chosen, tf.reduce_sum(tf.abs(chosen), AXES, keepdims=True))


def _within_l1(change: tf.Tensor, radius: tf.Tensor) -> tf.Tensor:
    """Duchi et al. 2008, "Efficient projections onto the l1-ball": every entry shrinks by one amount, down to zero.

    The nearest point of the ball has this form, and the amount follows from how many entries stay above zero. Sorted
    by size, the first ``count`` stay: just those that are larger than the amount that they themselves would call for.
    """
    flat = tf.reshape(tf.abs(change), (tf.shape(change)[0], -1))
    ordered = tf.sort(flat, axis=1, direction="DESCENDING")
    excess = tf.cumsum(ordered, axis=1) - tf.reshape(radius, (-1, 1))
    ranks = tf.cast(tf.range(1, tf.shape(flat)[1] + 1), tf.float32)
    count = tf.reduce_sum(tf.cast(ordered * ranks > excess, tf.int32), axis=1, keepdims=True)
    place = tf.maximum(count - 1, 0)
    amount = tf.gather(excess, place, axis=1, batch_dims=1) / tf.cast(place + 1, tf.float32)
    amount = tf.reshape(tf.maximum(amount, 0.0), (-1, 1, 1, 1))  # below zero where the change is inside already
    return tf.sign(change) * tf.maximum(tf.abs(change) - amount, 0.0)


NORMS: Mapping[str, Norm] = MappingProxyType(
    {
        "linf": Norm(
            "Linf", "every number a little", np.inf, tf.sign,
            lambda change, radius: tf.clip_by_value(change, -radius, radius),
            lambda change: tf.reduce_max(tf.abs(change), AXES),
            epsilons=(0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0), usual=1.0, scale=255,
        ),
        "l2": Norm(
            "L2", "the whole length", 2, _unit, _within_l2,
            lambda change: tf.sqrt(tf.reduce_sum(tf.square(change), AXES)),
            epsilons=(0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0), usual=0.5,
        ),
        "l1": Norm(
            "L1", "the sum", 1, _largest_percent, _within_l1,
            lambda change: tf.reduce_sum(tf.abs(change), AXES),
            epsilons=(1.0, 3.0, 10.0, 30.0, 100.0, 300.0), usual=10.0,
        ),
    }
)  # fmt: skip


def norm_named(norm: str) -> Norm:
    """The norm of that name. Raises ValueError, naming those that there are."""
    return NORMS[checks.one_of("norm", norm, NORMS)]


def distance(pictures: npt.ArrayLike, origin: npt.ArrayLike, norm: str) -> Floats:
    """How far pictures (N, H, W, 3) are from their origins: (N,). ``norm``: linf, l2, l1, or l0 (changed pixels)."""
    change = np.asarray(pictures, np.float32) - np.asarray(origin, np.float32)
    if norm == "l0":
        pixels: Floats = (np.abs(change) > CHANGED).any(axis=-1).sum(axis=(1, 2)).astype(np.float32)
        return pixels
    length: Floats = norm_named(norm).length(tf.constant(change)).numpy()
    return length


def moved(origin: tf.Tensor, change: tf.Tensor, *, grey: bool) -> tf.Tensor:
    """Origins (N, H, W, 3) with a change, in [0, 1].

    A ``grey`` change is cut where one of the three channels would leave [0, 1], in all three: it stays grey.
    """
    if grey:
        darkest = tf.reduce_min(origin, axis=-1, keepdims=True)
        lightest = tf.reduce_max(origin, axis=-1, keepdims=True)
        change = tf.clip_by_value(change, -darkest, 1 - lightest)
    return tf.clip_by_value(origin + change, 0.0, 1.0)
