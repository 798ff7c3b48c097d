"""How much memory there is, and how much a value takes."""

from __future__ import annotations

import dataclasses
import gc
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from types import CellType
from typing import Any

import numpy as np
import psutil

MIB = 2**20
DEEPEST = 4
"""How deep ``weigh_run`` looks into what is inside of a variable."""
CONTAINER = Path("/sys/fs/cgroup")


def available() -> int:
    """Bytes that this process may still take: of the machine, or of the container where that allows fewer."""
    free = int(psutil.virtual_memory().available)
    try:
        most, used = ((CONTAINER / name).read_text().strip() for name in ("memory.max", "memory.current"))
        return max(0, min(free, int(most) - int(used)))
    except (OSError, ValueError):  # no container, or one without a limit, which says "max"
        return free


def budget(fraction: float, *, least: int, most: int) -> int:
    """This fraction of the available memory, within bounds in bytes."""
    return int(min(max(fraction * available(), least), most))


def weigh(value: Any) -> int:
    """The bytes that a value takes: arrays with what they are views of, and what is inside collections."""
    return _weigh(value, set())


def _weigh(value: Any, seen: set[int]) -> int:
    if id(value) in seen:
        return 0
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        return _weigh(value.base, seen) if isinstance(value.base, np.ndarray) else int(value.nbytes)
    if hasattr(value, "shape") and hasattr(value, "dtype"):  # a tensor
        return int(np.prod(value.shape)) * int(getattr(value.dtype, "size", None) or value.dtype.itemsize)
    return sys.getsizeof(value, 64) + sum(_weigh(part, seen) for part in _parts(value))


def weigh_run(result: object, results: object) -> int:
    """The bytes of a result, and of the arrays that the resting generator which made it goes on from.

    Those are its variables, and those of the generators it draws from. Networks are weighed where they are kept.
    """
    seen: set[int] = set()
    return _weigh(result, seen) + _held(results, seen, DEEPEST)


def _held(value: Any, seen: set[int], deepest: int) -> int:
    if id(value) in seen or deepest < 0 or hasattr(value, "network"):
        return 0
    if isinstance(value, np.ndarray) or hasattr(value, "numpy"):
        return _weigh(value, seen)
    seen.add(id(value))
    if isinstance(value, (Iterator, CellType)):  # the collector knows what is on the stack of a generator, too
        return sum(_held(part, seen, deepest) for part in gc.get_referents(value))
    return sum(_held(part, seen, deepest - 1) for part in _parts(value))


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return [*value.keys(), *value.values()]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, field.name) for field in dataclasses.fields(value)]
    if isinstance(value, Collection) and not isinstance(value, (str, bytes, bytearray)):
        return value
    return ()
