"""Checks of arguments, each written once with its sentence; every one of them raises ValueError.

What only a network can tell (its classes, its layers, the sizes at which it runs) is in ``core.networks.requirements``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod
from typing import Any, TypeVar

import numpy as np

from core.types import Floats, Pictures

MOST_SEED = 2**31 - 1


def whole(name: str, value: Any, least: int, most: int) -> int:
    """A whole number from ``least`` to ``most``; Booleans are none."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not least <= value <= most:
        raise ValueError(f"Expected {name} from {least} to {most}, got {value!r}")
    return int(value)


def number(name: str, value: Any, least: float, most: float) -> float:
    """A number from ``least`` to ``most``; NaN and Booleans are none."""
    numeric = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not numeric or not least <= value <= most:
        raise ValueError(f"Expected {name} from {least:g} to {most:g}, got {value!r}")
    return float(value)


def positive(name: str, value: Any) -> Floats:
    """A finite number above 0, or several; as float32 of the same shape."""
    numeric = np.asarray(value).dtype.kind in "iuf"
    values = np.asarray(value if numeric else np.nan, np.float32)
    if not (np.isfinite(values).all() and (values > 0).all()):
        raise ValueError(f"Expected {name} above 0, got {value!r}")
    return values


def memory(name: str, shape: Iterable[int], most: int) -> None:
    """float32 numbers of a shape that take so many bytes at most."""
    got = 4 * prod(shape)
    if got > most:
        raise ValueError(f"Expected {name} of at most {most // 2**20} MiB together, got {-(-got // 2**20)}")


def seed(value: Any) -> int:
    """A seed of stateless randomness."""
    return whole("seed", value, 0, MOST_SEED)


def one_of(what: str, value: Any, choices: Iterable[str]) -> str:
    """One of the names that there are."""
    names = list(choices)
    if not isinstance(value, str) or value not in names:
        raise ValueError(f"There is no {what} {value!r}; there is {', '.join(names)}")
    return value


def pictures(value: Any, *, name: str = "pictures") -> Pictures:
    """A batch (N, H, W, 3) of finite values in [0, 1], at least one; as float32, not copied where it is that."""
    batch = np.asarray(value, np.float32)
    if batch.ndim != 4 or batch.shape[-1] != 3 or 0 in batch.shape:
        raise ValueError(f"Expected {name} (N, H, W, 3), got shape {np.shape(value)}")
    if not np.isfinite(batch).all() or batch.min() < 0 or batch.max() > 1:
        raise ValueError(f"Expected {name} of finite values from 0 to 1, got others")
    return batch


def picture(value: Any, *, name: str = "picture") -> Pictures:
    """One picture (H, W, 3) or (1, H, W, 3) of finite values in [0, 1], as (1, H, W, 3) float32."""
    one = np.asarray(value, np.float32)
    one = one[None] if one.ndim == 3 else one
    if one.ndim != 4 or len(one) != 1 or one.shape[-1] != 3 or 0 in one.shape:
        raise ValueError(f"Expected one {name} (H, W, 3), got shape {np.shape(value)}")
    if not np.isfinite(one).all() or one.min() < 0 or one.max() > 1:
        raise ValueError(f"Expected a {name} of finite values from 0 to 1, got others")
    return one


Row = TypeVar("Row")


def row(what: str, value: str | Row, catalogue: Mapping[str, Row]) -> Row:
    """A row of a catalogue by its name; what is a row already, of one's own, is taken as it is."""
    if isinstance(value, type(next(iter(catalogue.values())))):
        return value
    return catalogue[one_of(what, value, catalogue)]
