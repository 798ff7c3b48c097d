"""Many small pictures -> one large one. Everything that is laid out in rows and columns goes through ``mosaic``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from skimage.util import montage

from dashboard.figures.colours import GREY, Floats, Pixels, colour_table

GAP = 2
TILE = 36
Numbers = TypeVar("Numbers", Floats, Pixels)


@dataclass(frozen=True)
class Wall:
    """A mosaic that answers to clicks: its pixels (H, W, 3), columns and tiles. Tile i is in row i // columns.

    One of maps has ``shades`` (H, W), too, which are the numbers of its colours in a ``palette`` (256, 3).
    """

    pixels: Pixels
    columns: int
    count: int
    shades: Pixels | None = None
    palette: Pixels | None = None

    @property
    def compact(self) -> dict[str, Any]:
        """The same picture as ``core.encode_png`` takes it: by the numbers of its colours, where it has few."""
        return {"picture": self.pixels} if self.shades is None else {"picture": self.shades, "palette": self.palette}


def mosaic(tiles: Pixels, *, columns: int, gap: int = GAP, background: int = GREY) -> Pixels:
    """Tiles (n, h, w, channels) in rows of ``columns``, ``gap`` pixels between them and none around them."""
    rows, fill = -(-len(tiles) // columns), [background] * tiles.shape[-1]
    laid: Pixels = montage(tiles, fill=fill, grid_shape=(rows, columns), padding_width=gap, channel_axis=-1)
    return laid[gap : laid.shape[0] - gap, gap : laid.shape[1] - gap]


def wall(maps: Floats, colours: str, *, columns: int | None = None, tile: int = TILE) -> Wall:
    """A mosaic of maps (channels, h, w) in [0, 1]; maps under ``tile`` pixels are magnified in whole steps."""
    count = len(maps)
    columns = columns or columns_for(count)
    palette = colour_table(colours, last=(GREY, GREY, GREY))
    between = len(palette) - 1
    numbers: Pixels = np.minimum((np.clip(maps, 0, 1) * 255).astype(np.uint8), between - 1)
    tiles: Pixels = blocks(numbers, max(1, tile // max(maps.shape[1:])), axis=1)[..., None]
    shades = mosaic(tiles, columns=columns, background=between)[..., 0]
    return Wall(palette[shades], columns, count, shades, palette)


def plate(groups: Sequence[Sequence[Pixels]], *, columns: int, inner: int = 3, margin: int = 10) -> Wall:
    """Groups of small grids on one grey plate, each unit beside its neighbours.

    Args:
        groups: for each unit one or more stacks of tiles (n, h, w, 3), all of one tile size, shown side by side.
        columns: units in a row.
        inner: tiles in a row of each small grid, and its rows.
        margin: pixels around each unit.
    """
    frame = ((0, 0), (margin, margin), (margin, margin), (0, 0))
    units = np.stack([_grids(group, inner) for group in groups])
    units = np.pad(units, frame, constant_values=GREY)
    return Wall(mosaic(units, columns=columns, gap=0), columns, len(units))


def _grids(stacks: Sequence[Pixels], inner: int) -> Pixels:
    """Each stack of up to ``inner`` squared tiles as a square grid, and the grids in a row."""
    full = inner * inner
    padded = (
        np.pad(tiles[:full], ((0, full - len(tiles[:full])), (0, 0), (0, 0), (0, 0)), constant_values=GREY)
        for tiles in stacks
    )
    grids = np.stack([mosaic(tiles, columns=inner) for tiles in padded])
    return mosaic(grids, columns=len(grids), gap=3 * GAP)


def strip(tiles: Sequence[Pixels], *, gap: int = 6) -> Pixels:
    """Pictures of one size beside each other, with a clear gap between them: (H, W, 4)."""
    return apart(np.stack(tiles), columns=len(tiles), gap=gap)


def scattered(positions: Floats, tiles: Pixels, *, side: int = 0) -> Pixels:
    """Tiles (N, h, w, 3) at their positions (N, 2), on white, y upwards: (H, W, 3).

    The longer side is about ``side`` pixels; by default one unit of the positions is a tile and a gap.
    """
    low, (height, width) = positions.min(axis=0), tiles.shape[1:3]
    extent = np.maximum(positions.max(axis=0) - low, 1e-6)
    scale = (side - max(height, width)) / extent.max() if side else max(height, width) + GAP
    across, up = np.rint((positions - low) * scale).astype(int).T
    laid = np.full((up.max() + height, across.max() + width, 3), 255, np.uint8)
    for tile, left, bottom in zip(tiles, across, up, strict=True):
        top = laid.shape[0] - height - bottom
        laid[top : top + height, left : left + width] = tile
    return laid


def cells(tiles: Pixels, places: npt.NDArray[np.int32], shape: tuple[int, int], *, gap: int = GAP) -> Pixels:
    """Tiles (n, h, w, 3) at rows and columns (n, 2) of a map of ``shape``: (H, W, 4), clear where there is none."""
    height, width = (side + gap for side in tiles.shape[1:3])
    laid = np.full((shape[0] * height - gap, shape[1] * width - gap, 4), 255, np.uint8)
    laid[..., 3] = 0
    for tile, (row, column) in zip(tiles, places.tolist(), strict=True):
        top, left = row * height, column * width
        laid[top : top + tile.shape[0], left : left + tile.shape[1], :3] = tile
        laid[top : top + tile.shape[0], left : left + tile.shape[1], 3] = 255
    return laid


def columns_for(count: int) -> int:
    """A count of columns that makes a mosaic somewhat wider than high, with full rows where that is possible."""
    ideal = int(np.ceil(np.sqrt(count * 1.6)))
    near = sorted(range(int(np.sqrt(count)), 2 * ideal), key=lambda n: abs(n - ideal))
    return next((n for n in near if n > 1 and count % n == 0), ideal)


def blocks(values: Numbers, factor: int, *, axis: int = 0) -> Numbers:
    """Every number as a block of ``factor`` x ``factor``; the height is ``axis``, the width the next one."""
    return values.repeat(factor, axis=axis).repeat(factor, axis=axis + 1)


def enlarged(values: Floats, side: int) -> Floats:
    """A map (H, W) or a picture (H, W, 3) with every number as a block, its longer side about ``side``."""
    return blocks(values, max(1, round(side / max(values.shape[:2]))))


def magnified(picture: Floats, side: int) -> Pixels:
    """A small picture (H, W, 3) in [0, 1] with every pixel as a block, its longer side about ``side``."""
    return np.rint(enlarged(picture, side) * 255).clip(0, 255).astype(np.uint8)


MARK, FRAME = (217, 119, 6), 4


def framed(picture: Pixels, marked: bool) -> Pixels:
    """A picture (H, W, 3) with a frame around it, orange where it is ``marked``, else grey."""
    sides = ((FRAME, FRAME), (FRAME, FRAME))
    planes = [np.pad(picture[..., one], sides, constant_values=MARK[one] if marked else GREY) for one in range(3)]
    return np.stack(planes, axis=-1)


def apart(tiles: Pixels, *, columns: int, gap: int = 8) -> Pixels:
    """Tiles (n, h, w, 3) in rows with clear gaps between them, where the tiles themselves are full of edges."""
    opaque = np.pad(tiles, ((0, 0), (0, 0), (0, 0), (0, 1)), constant_values=255)
    return mosaic(opaque, columns=columns, gap=gap, background=0)


def kernels(weights: Floats, *, columns: int = 8, side: int = 40) -> Pixels:
    """Kernels (n, h, w, 1 or 3), each around grey and scaled by its own largest value, in rows."""
    most = np.abs(weights).max(axis=(1, 2, 3), keepdims=True)
    scaled = 0.5 + 0.5 * np.divide(weights, most, out=np.zeros_like(weights), where=most > 0)
    colour = np.broadcast_to(scaled, (*weights.shape[:3], 3))
    return apart(np.stack([magnified(one, side) for one in colour]), columns=columns)
