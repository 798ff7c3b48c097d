"""What goes into one number, as small pictures: patches, kernels, products; and a picture with a frame in it."""

from __future__ import annotations

import numpy as np

from dashboard.figures.colours import GREY, Floats, Pixels, coloured
from dashboard.figures.mosaics import GAP, Wall, blocks, mosaic

SIDE = 54
FRAME = (217, 119, 6)


def signed(values: Floats, limit: float, side: int = SIDE) -> Pixels:
    """Numbers (..., h, w) around white: red above zero, blue below; the colours end at ``limit``."""
    scaled = 0.5 + np.clip(values / max(limit, 1e-12), -1, 1) / 2
    return coloured(_large(scaled.astype(np.float32), side), "RdBu_r")


def products(values: Floats, weights: Floats, *, columns: int = 3) -> Wall:
    """For each channel (n, kh, kw) its patch, the kernel on it and their products, side by side; a tile of a wall each.

    Patches share one scale, from their lowest to their highest number; kernels and products have one each, around zero.
    """
    low, high = float(values.min()), float(values.max())
    patches = coloured(_large(((values - low) / max(high - low, 1e-12)).astype(np.float32), SIDE), "Viridis")
    made = values * weights
    kernels, products = (signed(one, float(np.abs(one).max())) for one in (weights, made))
    gap = np.full((*patches.shape[:2], 2 * GAP, 3), GREY, np.uint8)
    tiles = np.concatenate([patches, gap, kernels, gap, products], axis=2)
    tiles = np.pad(tiles, ((0, 0), (4, 4), (4, 4), (0, 0)), constant_values=GREY)
    return Wall(mosaic(tiles, columns=columns), columns, len(tiles))


def windowed(picture: Floats, box: tuple[int, int, int, int] | None, *, zoom: int = 4) -> Pixels:
    """A picture (h, w, 3), magnified, with a frame around top, left, bottom and right; what hangs over is left out."""
    pixels = blocks(np.rint(picture * 255).clip(0, 255).astype(np.uint8), zoom)
    if box is None:
        return pixels
    height, width = pixels.shape[:2]
    top, left = (max(0, one * zoom) for one in box[:2])
    bottom, right = min(height, box[2] * zoom), min(width, box[3] * zoom)
    outside = np.ones((height, width), bool)
    outside[top:bottom, left:right] = False
    pixels[outside] = pixels[outside] // 2
    for line in (np.s_[top : top + 3, left:right], np.s_[max(top, bottom - 3) : bottom, left:right]):
        pixels[line] = FRAME
    for line in (np.s_[top:bottom, left : left + 3], np.s_[top:bottom, max(left, right - 3) : right]):
        pixels[line] = FRAME
    return pixels


def _large(values: Floats, side: int) -> Floats:
    """Every number of (..., h, w) as a block, so that the longer side has about ``side`` pixels."""
    return blocks(values, max(1, round(side / max(values.shape[-2:]))), axis=values.ndim - 2)
