"""Where a dream may change a photograph: masks from 0, stay, to 1, dream."""

from __future__ import annotations

import base64
import binascii

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core.types import Floats, Pictures

GRID = 32


def painted_mask(cells: str, *, height: int, width: int) -> Floats:
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
    mask: Floats = tf.image.resize(grid, (height, width), method="bicubic").numpy()[..., 0].clip(0, 1)
    return mask


def mask_for(picture: Pictures, mask: npt.ArrayLike | None) -> Pictures | None:
    """A mask (H, W) as (1, H, W, 3), one value for each number of the picture; None stays None.

    Raises ValueError for a mask of another size than the picture's, with values outside [0, 1], or of zeros only.
    """
    if mask is None:
        return None
    array = np.asarray(mask, np.float32)
    if array.shape != picture.shape[1:3]:
        raise ValueError(f"Expected a mask of the picture's size {picture.shape[1:3]}, got shape {array.shape}")
    if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1 or not array.any():
        raise ValueError("Expected a mask of values from 0 to 1, not all of them 0, got others")
    return np.repeat(array[None, ..., None], 3, axis=-1)
