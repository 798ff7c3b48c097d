"""Colour to grey by the weights and the rounding of Pillow's ``Image.convert("L")``: as people open grey pictures."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from core.types import Floats, Pictures

__all__ = ["LUMA", "as_grey", "on_grid"]

_OF_65536 = (19595, 38470, 7471)
LUMA = tuple(weight / 65536 for weight in _OF_65536)
"""Weights of red, green and blue (ITU-R 601-2). Their sum is 1, so that a grey picture stays exactly what it is."""

NEAR = 1e-3


def on_grid(pictures: Floats) -> npt.NDArray[np.bool_]:
    """Whether each picture (N, H, W, 3) lies on the 8-bit grid, the multiples of 1/255: (N,)."""
    steps = np.asarray(pictures, np.float64) * 255
    return np.asarray((np.abs(steps - np.rint(steps)) < NEAR).all(axis=(1, 2, 3)))


def as_grey(pictures: npt.ArrayLike) -> Pictures:
    """Pictures (N, H, W, 3) in [0, 1] with the brightness of each pixel in all three channels.

    A picture on the 8-bit grid becomes what ``Image.convert("L")`` reads from its file; another one is not rounded.
    """
    batch = np.asarray(pictures, np.float32)
    grey = batch.astype(np.float64) @ np.asarray(LUMA)
    steps = np.rint(batch * 255).astype(np.int64) @ np.asarray(_OF_65536)
    eight_bits = ((steps + 32768) >> 16) / 255  # Pillow's own arithmetic: half a step is rounded up
    chosen = np.where(on_grid(batch)[:, None, None], eight_bits, grey)
    return np.repeat(chosen[..., None], 3, axis=-1).astype(np.float32)
