"""Drawn pictures of plain patterns: stripes, dots, checks, each in many angles, widths and colours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from core import checks
from core.types import Floats, Pictures

__all__ = ["PATTERNS", "patterns"]

Where = npt.NDArray[np.bool_]
MAX_COUNT, MAX_SIDE, MAX_BYTES = 1000, 2048, 2**30
OVERSAMPLED = 2
NARROWEST, WIDEST = 0.06, 0.22
"""Of a stripe and its gap, or from dot to dot, as a part of the shorter side."""
CONTRAST = 0.35


def _stripes(x: Floats, y: Floats) -> Where:
    return np.mod(x, 1) < 0.5


def _checks(x: Floats, y: Floats) -> Where:
    return (np.mod(x, 1) < 0.5) ^ (np.mod(y, 1) < 0.5)


def _dots(x: Floats, y: Floats) -> Where:
    return np.hypot(np.mod(x, 1) - 0.5, np.mod(y, 1) - 0.5) < 0.3


PATTERNS: Mapping[str, Callable[[Floats, Floats], Where]] = MappingProxyType(
    {"stripes": _stripes, "dots": _dots, "checks": _checks}
)
"""{name: (x, y in periods) -> where the pattern is}."""


def patterns(kind: str, count: int, *, height: int, width: int, seed: int = 0) -> Pictures:
    """Drawn pictures (count, height, width, 3) of a pattern: at any angle, of any width, in two colours.

    Args:
        kind: of ``PATTERNS``: ``"stripes"``, ``"dots"`` or ``"checks"``.
        count: 1 to 1000.
        height, width: 8 to 2048.
        seed: another one draws others.

    Returns:
        float32 RGB in [0, 1], with smooth edges.

    Raises:
        ValueError: a pattern that there is not, a number out of its range, or pictures of more than 1 GiB together.
    """
    checks.one_of("pattern", kind, PATTERNS)
    checks.whole("count", count, 1, MAX_COUNT)
    for name, side in (("height", height), ("width", width)):
        checks.whole(name, side, 8, MAX_SIDE)
    checks.memory("pictures", (count, height, width, 3), MAX_BYTES)
    rng = np.random.default_rng(checks.seed(seed))
    return np.stack([_drawn(kind, height, width, rng) for _ in range(count)])


def _drawn(kind: str, height: int, width: int, rng: np.random.Generator) -> Floats:
    rows, columns = np.mgrid[: height * OVERSAMPLED, : width * OVERSAMPLED].astype(np.float32) / OVERSAMPLED
    period = min(height, width) * rng.uniform(NARROWEST, WIDEST)
    angle, (right, down) = rng.uniform(0, np.pi), rng.uniform(0, 1, 2)
    x = (columns * np.cos(angle) + rows * np.sin(angle)) / period + right
    y = (rows * np.cos(angle) - columns * np.sin(angle)) / period + down
    mask = PATTERNS[kind](x, y).astype(np.float32)
    mask = mask.reshape(height, OVERSAMPLED, width, OVERSAMPLED).mean(axis=(1, 3))[..., None]
    one, other = _two_colours(rng)
    return (mask * one + (1 - mask) * other).astype(np.float32)


def _two_colours(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Two colours that are not too much alike in brightness."""
    while True:
        one, other = rng.uniform(0, 1, (2, 3)).astype(np.float32)
        if abs(float(one.mean() - other.mean())) > CONTRAST:
            return one, other
