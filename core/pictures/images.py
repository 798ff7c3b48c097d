"""Pictures as arrays: 8-bit pixels <-> floats, resizing, cutting, mosaics, and a name by their content.

Everywhere in Convscope a batch of pictures is a float32 array ``(N, H, W, 3)``, RGB in [0, 1], height before width.
``decoding`` is where files become such arrays, and ``encoding`` where they become files again.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image
from skimage.util import montage

from core import checks
from core.types import Pictures, Pixels

MAX_SIDE = 65_500


def to_uint8(pictures: ArrayLike) -> Pixels:
    """Round floats in [0, 1], of any shape, to 8-bit pixels; what lies outside [0, 1] is clipped.

    Returns uint8 of the same shape. Raises ``ValueError`` for anything but finite floats.
    """
    values = _finite_floats(pictures)
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


def to_float(pixels: ArrayLike) -> Pictures:
    """Turn 8-bit pixels, of any shape, to floats in [0, 1]; ``to_uint8`` gives exactly the same pixels back.

    Returns float32 of the same shape. Raises ``ValueError`` for anything but uint8.
    """
    values = np.asarray(pixels)
    if values.dtype != np.uint8:
        raise ValueError(f"Expected pixels of type uint8, got {values.dtype}.")
    return values.astype(np.float32) / np.float32(255)


def resize(pictures: ArrayLike, *, height: int, width: int) -> Pictures:
    """Resize pictures to ``height`` x ``width``, antialiased (Lanczos); the aspect ratio follows.

    ``pictures`` is ``(N, H, W, 3)`` in [0, 1]. Returns ``(N, height, width, 3)`` float32, clipped to [0, 1]. Raises
    ``ValueError`` for another shape or type, or a size below 1.
    """
    batch = finite_batch(pictures)
    return _resample(batch, height, width, box=(0, 0, batch.shape[2], batch.shape[1]))


def fit(pictures: ArrayLike, *, height: int, width: int) -> Pictures:
    """Resize pictures to cover ``height`` x ``width`` and cut off what stands out, the same on both sides.

    Shapes, range and errors are those of ``resize``; the aspect ratio of what is seen is kept.
    """
    batch = finite_batch(pictures)
    checks.whole("height", height, 1, MAX_SIDE)
    checks.whole("width", width, 1, MAX_SIDE)
    scale = min(batch.shape[1] / height, batch.shape[2] / width)
    left = max(0.0, (batch.shape[2] - width * scale) / 2)
    top = max(0.0, (batch.shape[1] - height * scale) / 2)
    right, bottom = batch.shape[2] - left, batch.shape[1] - top
    return _resample(batch, height, width, box=(left, top, right, bottom))


def shrink(pictures: ArrayLike, *, max_side: int) -> Pictures:
    """Shrink pictures, aspect ratio kept, until the longer side is at most ``max_side``; never enlarge them.

    ``pictures`` is ``(N, H, W, 3)`` in [0, 1]. Returns float32 in [0, 1]. Raises ``ValueError`` as ``resize`` does.
    """
    batch = finite_batch(pictures)
    checks.whole("max_side", max_side, 1, MAX_SIDE)
    height, width = size_within(batch.shape[1], batch.shape[2], max_side)
    return resize(batch, height=height, width=width)


def tile(pictures: ArrayLike, *, columns: int | None = None, margin: int = 2, background: float = 1.0) -> Pictures:
    """Lay pictures out as one mosaic, row by row, in reading order.

    ``columns`` is the pictures in a row (the side of a square wall by default, never more than there are pictures),
    ``margin`` the pixels around and between them, ``background`` the grey of the margins and of empty places, 0 to 1.

    ``pictures`` is ``(N, H, W, 3)`` in [0, 1]. Returns one picture ``(H', W', 3)`` float32. Raises ``ValueError`` for
    another shape or type, or a setting out of range.
    """
    batch = finite_batch(pictures)
    count = len(batch)
    columns = math.ceil(math.sqrt(count)) if columns is None else columns
    checks.whole("columns", columns, 1, MAX_SIDE)
    checks.whole("margin", margin, 0, MAX_SIDE)
    checks.number("background", background, 0, 1)
    columns = min(columns, count)
    rows, fill = -(-count // columns), [background] * 3
    mosaic: Pictures = montage(batch, fill=fill, grid_shape=(rows, columns), padding_width=margin, channel_axis=-1)
    return mosaic


def digest(pictures: ArrayLike) -> str:
    """Name a batch of pictures by its content: SHA-256, in hexadecimal, of the shape and of every float32.

    Equal for equal pictures only, so it can be the key of a cache. Raises ``ValueError`` unless ``(N, H, W, 3)``.
    """
    batch = np.ascontiguousarray(finite_batch(pictures), dtype="<f4")
    return hashlib.sha256(repr(batch.shape).encode() + batch.tobytes()).hexdigest()


def size_within(height: int, width: int, max_side: int) -> tuple[int, int]:
    """The largest size of the same aspect ratio, at most this one, whose longer side is at most ``max_side``."""
    scale = min(1.0, max_side / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _resample(batch: Pictures, height: int, width: int, box: tuple[float, float, float, float]) -> Pictures:
    checks.whole("height", height, 1, MAX_SIDE)
    checks.whole("width", width, 1, MAX_SIDE)
    resized = np.empty((len(batch), height, width, 3), np.float32)
    for index in range(len(batch)):
        for channel in range(3):
            plane = Image.fromarray(np.ascontiguousarray(batch[index, :, :, channel]))
            plane = plane.resize((width, height), Image.Resampling.LANCZOS, box=box)
            resized[index, :, :, channel] = np.asarray(plane)
    return np.clip(resized, 0, 1, out=resized)


def finite_batch(pictures: ArrayLike) -> Pictures:
    """A batch (N, H, W, 3) of finite floats, as float32, not copied where it is that already; values may leave [0, 1].

    Raises ``ValueError`` for another shape or type.
    """
    batch = _finite_floats(pictures)
    if batch.ndim != 4 or batch.shape[-1] != 3 or 0 in batch.shape:
        raise ValueError(f"Expected pictures of shape (N, H, W, 3), got {batch.shape}.")
    return batch


def _finite_floats(pictures: ArrayLike) -> Pictures:
    values = np.asarray(pictures)
    if values.dtype.kind != "f":
        raise ValueError(f"Expected floats in [0, 1], got {values.dtype}.")
    if not np.isfinite(values).all():
        raise ValueError("Expected finite numbers, got NaN or infinity.")
    return values.astype(np.float32, copy=False)
