"""Grey values of any depth -> [0, 1]: 16 bits, 12 bits in 16, whole numbers with a sign, floats."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_WHITES = (255.0, 1023.0, 4095.0, 16383.0, 65535.0)
"""The white of 8, 10, 12, 14 and 16 bits, which all come in files of 16."""


def to_unit(values: NDArray[np.float32], *, floats: bool, stretch: bool | None) -> NDArray[np.float32]:
    """Grey values in [0, 1].

    Args:
        values: what a file holds, of any range; NaN is black.
        floats: whether the file holds floats, whose white is 1 unless they go beyond it.
        stretch: True: from the darkest value to the brightest; False: by the type of the file alone (white is 65535,
            or 1 for floats); None: by the least depth of 8, 10, 12, 14 or 16 bits that holds all values, and from the
            darkest to the brightest where some are negative or none of these holds them.
    """
    finite = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(finite.min()), float(finite.max())
    if stretch is False:
        return np.clip(finite / (1.0 if floats else _WHITES[-1]), 0, 1)
    if stretch or low < 0 or high > _WHITES[-1]:
        spread = (finite.astype(np.float64) - low) / max(high - low, 1e-30)  # a damaged float may be near 3e38
        return np.clip(spread, 0, 1).astype(np.float32)
    if high <= (1 if floats else 0):
        return finite
    return finite / np.float32(next(white for white in _WHITES if high <= white))
