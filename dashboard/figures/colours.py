"""Numbers -> colours: the scales that the pages offer, and the two colours of every chart."""

from __future__ import annotations

from base64 import b64encode
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import plotly.colors

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]

COLOURS = ("Viridis", "Magma", "Gray", "Turbo", "Cividis")
ACCENT, SECOND = "#0d9488", "#d97706"
GREY = 128
QUALITATIVE = tuple(plotly.colors.qualitative.Safe)
"""Colours that people who are colour-blind can tell apart, for many lines in one chart."""


@lru_cache(maxsize=len(COLOURS))
def _table(colours: str) -> Pixels:
    samples = plotly.colors.sample_colorscale(colours, np.linspace(0, 1, 256).tolist(), colortype="tuple")
    return (np.array(samples) * 255).round().astype(np.uint8)


def coloured(values: Floats, colours: str) -> Pixels:
    """Values in [0, 1] of any shape -> RGB, one axis more."""
    return _table(colours)[(np.clip(values, 0, 1) * 255).astype(np.uint8)]


def colour_table(colours: str, *, last: tuple[int, int, int]) -> Pixels:
    """The 256 colours of a scale (256, 3), but for the last one."""
    table = _table(colours).copy()
    table[-1] = last
    return table


def fading_scale(colours: str, opacity: float) -> list[tuple[float, str]]:
    """A colour scale whose weak end is nearly clear, so that a picture below shows where nothing answers."""
    ends = np.linspace(0, 1, 17)
    shades = coloured(ends.astype(np.float32), colours).tolist()
    strength = 0.35 + 0.65 * ends
    return [
        (float(end), f"rgba({red}, {green}, {blue}, {opacity * part:.3f})")
        for end, part, (red, green, blue) in zip(ends, strength, shades, strict=True)
    ]


def lookup_table(colours: str) -> str:
    """The 256 colours of a scale as base64, for a browser that colours what it is sent in grey."""
    return b64encode(_table(colours).tobytes()).decode()
