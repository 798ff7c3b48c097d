"""Arrays -> pictures with colours, and Plotly figures. No Streamlit, and no TensorFlow."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import plotly.colors
import plotly.graph_objects as go

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]

COLOURS = ("Viridis", "Magma", "Gray", "Turbo", "Cividis")
GAP = 2
TILE = 36
ACCENT, SECOND = "#0d9488", "#d97706"
PLAIN = {"displayModeBar": False, "scrollZoom": False}
"""Plotly's own buttons are more than a reader of these figures needs."""


@lru_cache(maxsize=len(COLOURS))
def _table(colours: str) -> Pixels:
    samples = plotly.colors.sample_colorscale(colours, np.linspace(0, 1, 256).tolist(), colortype="tuple")
    return (np.array(samples) * 255).round().astype(np.uint8)


def coloured(values: Floats, colours: str) -> Pixels:
    """Values in [0, 1] of any shape -> RGB, one axis more."""
    return _table(colours)[(np.clip(values, 0, 1) * 255).astype(np.uint8)]


def _fading(colours: str, opacity: float) -> list[tuple[float, str]]:
    """A colour scale whose weak end is nearly clear, so that a picture below shows where nothing answers."""
    ends = np.linspace(0, 1, 17)
    shades = coloured(ends.astype(np.float32), colours).tolist()
    clear = 0.35 + 0.65 * ends
    return [
        (float(end), f"rgba({red}, {green}, {blue}, {opacity * share:.3f})")
        for end, share, (red, green, blue) in zip(ends, clear, shades, strict=True)
    ]


@dataclass(frozen=True)
class Wall:
    """A mosaic of maps: its pixels (H, W, 3) and how many columns it has. Tile i is in row i // columns."""

    pixels: Pixels
    columns: int
    count: int


def wall(maps: Floats, colours: str, *, columns: int | None = None, tile: int = TILE) -> Wall:
    """A mosaic of maps (channels, h, w) in [0, 1]; maps under ``tile`` pixels are magnified in whole steps."""
    count, height, width = maps.shape
    zoom = max(1, tile // max(height, width))
    tiles = coloured(maps, colours).repeat(zoom, axis=1).repeat(zoom, axis=2)
    columns = columns or columns_for(count)
    rows = -(-count // columns)
    high, wide = height * zoom + GAP, width * zoom + GAP
    canvas = np.full((rows * columns, high, wide, 3), 128, np.uint8)
    canvas[:count, : high - GAP, : wide - GAP] = tiles
    pixels = canvas.reshape(rows, columns, high, wide, 3).swapaxes(1, 2).reshape(rows * high, columns * wide, 3)
    return Wall(pixels[:-GAP, :-GAP], columns, count)


def columns_for(count: int) -> int:
    """A count of columns that makes a mosaic somewhat wider than high, with full rows where that is possible."""
    ideal = int(np.ceil(np.sqrt(count * 1.6)))
    near = sorted(range(int(np.sqrt(count)), 2 * ideal), key=lambda n: abs(n - ideal))
    return next((n for n in near if n > 1 and count % n == 0), ideal)


def data_url(file: bytes) -> str:
    """A PNG or JPEG as an address that a browser shows without asking the server."""
    kind = "png" if file.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64," + base64.b64encode(file).decode()


def chances(prediction: Sequence[tuple[str, float]]) -> go.Figure:
    """Horizontal bars of the likeliest classes, the likeliest on top."""
    labels, values = [label for label, _ in prediction], [value for _, value in prediction]
    bars = go.Bar(
        x=values,
        y=labels,
        orientation="h",
        text=[f"{value:.1%}" for value in values],
        textposition="auto",
        textangle=0,
        marker_color=ACCENT,
        hovertemplate="%{y}: %{x:.2%}<extra></extra>",
    )
    figure = go.Figure(bars)
    figure.update_layout(height=44 * len(values) + 20, margin={"l": 0, "r": 0, "t": 8, "b": 8}, bargap=0.25)
    figure.update_xaxes(range=[0, 1], visible=False, fixedrange=True)
    figure.update_yaxes(autorange="reversed", automargin=True, fixedrange=True, ticksuffix=" ")
    return figure


def overlay(
    picture_png: bytes,
    activation: Floats,
    size: tuple[int, int],
    *,
    colours: str,
    opacity: float,
    fields: Sequence[str],
) -> go.Figure:
    """One channel laid over the picture; under the cursor: the place, the value, and which pixels the unit sees.

    Args:
        picture_png: the picture as the network sees it.
        activation: (h, w).
        size: height and width of that picture in pixels.
        colours: name of the colour scale.
        opacity: of the map, from 0 (picture only) to 1 (map only).
        fields: for each place, row by row, which pixels its unit sees, in words.
    """
    height, width = size
    rows, columns = activation.shape
    heat = go.Heatmap(
        z=activation,
        x=(np.arange(columns) + 0.5) * width / columns,
        y=(np.arange(rows) + 0.5) * height / rows,
        customdata=np.array(fields, dtype=object).reshape(rows, columns),
        colorscale=_fading(colours, opacity),
        colorbar={"thickness": 10, "len": 0.9},
        hovertemplate="pixel %{y:.0f} down, %{x:.0f} across<br>activation %{z:.3f}<br>%{customdata}<extra></extra>",
    )
    figure = go.Figure(heat)
    figure.add_layout_image(
        source=data_url(picture_png), xref="x", yref="y", x=0, y=0, sizex=width, sizey=height, sizing="stretch",
        layer="below",
    )  # fmt: skip
    figure.update_layout(height=430, margin={"l": 0, "r": 0, "t": 8, "b": 8})
    figure.update_xaxes(range=[0, width], visible=False, constrain="domain", fixedrange=True)
    figure.update_yaxes(range=[height, 0], visible=False, scaleanchor="x", constrain="domain", fixedrange=True)
    return figure


def histogram(values: Floats, chosen: Floats | None, name: str) -> go.Figure:
    """How often each activation occurs in the layer, and in the chosen channel, on a logarithmic scale."""
    edges = np.histogram_bin_edges(values, bins=60)
    middles = (edges[1:] + edges[:-1]) / 2
    figure = go.Figure(go.Bar(x=middles, y=np.histogram(values, edges)[0], name="whole layer", marker_color=ACCENT))
    if chosen is not None:
        figure.add_bar(x=middles, y=np.histogram(chosen, edges)[0], name=name, marker_color=SECOND)
    figure.update_layout(
        height=300, barmode="overlay", bargap=0.02, margin={"l": 0, "r": 0, "t": 8, "b": 8},
        legend={"orientation": "h", "y": 1.1}, xaxis_title="activation", yaxis_title="how many",
    )  # fmt: skip
    figure.update_yaxes(type="log", fixedrange=True)
    figure.update_xaxes(fixedrange=True)
    return figure


def units(values: Floats, names: Sequence[str], chosen: int) -> go.Figure:
    """Bars of a layer without spatial extent; the chosen unit stands out."""
    figure = go.Figure(
        go.Bar(
            x=np.arange(len(values)),
            y=values,
            customdata=list(names),
            marker_color=[SECOND if unit == chosen else ACCENT for unit in range(len(values))],
            marker_line_width=0,
            hovertemplate="%{customdata}: %{y:.3f}<extra></extra>",
        )
    )
    figure.update_layout(height=360, margin={"l": 0, "r": 0, "t": 8, "b": 8}, bargap=0, clickmode="event+select")
    figure.update_xaxes(title="unit", fixedrange=True)
    figure.update_yaxes(title="activation", fixedrange=True)
    return figure


def over(picture: Floats, values: Floats, colours: str, opacity: float) -> Pixels:
    """A map (h, w) in [0, 1] laid over a picture (H, W, 3), each value a block of pixels."""
    height, width = picture.shape[:2]
    rows, columns = (np.arange(n) * of // n for n, of in zip((height, width), values.shape, strict=True))
    colour = coloured(values, colours)[rows][:, columns] / 255
    return ((picture * (1 - opacity) + colour * opacity) * 255).round().astype(np.uint8)


def curves(scores: Floats, names: Sequence[str], chosen: int) -> go.Figure:
    """How the score of every unit grew, (steps, units); the chosen one stands out."""
    figure = go.Figure()
    for unit in (*(i for i in range(len(names)) if i != chosen), chosen):
        figure.add_scatter(
            y=scores[:, unit],
            mode="lines",
            name=names[unit],
            opacity=1 if unit == chosen else 0.25,
            line={"color": SECOND if unit == chosen else ACCENT, "width": 3 if unit == chosen else 1},
        )
    figure.update_layout(height=240, margin={"l": 0, "r": 0, "t": 8, "b": 8}, showlegend=False)
    figure.update_xaxes(title="step", fixedrange=True)
    figure.update_yaxes(title="score", fixedrange=True)
    return figure


def fading(curves: Mapping[str, npt.NDArray[np.float32]], places: Sequence[float], axis: str) -> go.Figure:
    """How sure a network stays while a perturbation grows: one line for each attack, places evenly spaced."""
    figure = go.Figure()
    for name, values in curves.items():
        figure.add_scatter(x=[f"{place:g}" for place in places], y=values, name=name, mode="lines+markers")
    figure.update_layout(height=320, margin={"l": 0, "r": 0, "t": 8, "b": 8}, legend={"orientation": "h", "y": 1.15})
    figure.update_xaxes(title=axis, fixedrange=True, type="category")
    figure.update_yaxes(title="sure of it", range=[0, 1], tickformat=".0%", fixedrange=True)
    return figure


def stages(changes: Mapping[str, float]) -> go.Figure:
    """One bar for each layer, in the order given."""
    figure = go.Figure(
        go.Bar(
            x=list(changes),
            y=list(changes.values()),
            marker_color=ACCENT,
            hovertemplate="%{x}: %{y:.2f}<extra></extra>",
        )
    )
    figure.update_layout(height=260, margin={"l": 0, "r": 0, "t": 8, "b": 8})
    figure.update_xaxes(fixedrange=True)
    figure.update_yaxes(title="change / activation", fixedrange=True)
    return figure


def magnified(picture: npt.NDArray[np.float32], side: int) -> npt.NDArray[np.uint8]:
    """A small picture (H, W, 3) in [0, 1] with every pixel as a block, its longer side about ``side``."""
    return np.rint(enlarged(picture, side) * 255).clip(0, 255).astype(np.uint8)


def enlarged(values: Floats, side: int) -> Floats:
    """A map (H, W) or a picture (H, W, 3) with every number as a block, its longer side about ``side``."""
    factor = max(1, round(side / max(values.shape[:2])))
    return values.repeat(factor, axis=0).repeat(factor, axis=1)


def perturbation(
    before: npt.NDArray[np.float32], after: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float32], float]:
    """The change between two pictures (H, W, 3) around mid grey, and the factor that makes it just fill the range."""
    change = after - before
    factor = 0.5 / max(float(np.abs(change).max()), 1e-6)
    factor = factor if factor < 1e3 else 1.0
    return np.clip(0.5 + change * factor, 0, 1).astype(np.float32), factor


def evidence(picture: Floats, values: Floats, opacity: float) -> Pixels:
    """A map (H, W) of what speaks for (red) and against (blue) over a picture (H, W, 3) in grey; 0 is clear.

    The scale ends at the 99th percentile of the map's absolute values, so that single pixels do not hide the rest.
    """
    strength = values / max(float(np.percentile(np.abs(values), 99)), 1e-12)
    strength = np.clip(strength, -1, 1)
    grey = np.repeat(picture.mean(axis=-1, keepdims=True), 3, axis=-1)
    colour = coloured((0.5 + strength / 2).astype(np.float32), "RdBu_r") / 255
    share = opacity * np.sqrt(np.abs(strength))[..., None]
    return ((grey * (1 - share) + colour * share) * 255).round().astype(np.uint8)


def risefall(rises: Mapping[str, Floats], falls: Mapping[str, Floats]) -> go.Figure:
    """Insertion (full lines) and deletion (dotted) of the most important pixels, one colour for each method."""
    figure = go.Figure()
    for index, name in enumerate(rises):
        colour = plotly.colors.qualitative.Safe[index % 10]
        shares = np.linspace(0, 1, len(rises[name]))
        figure.add_scatter(x=shares, y=rises[name], name=f"{name}, in", line={"color": colour})
        figure.add_scatter(x=shares, y=falls[name], name=f"{name}, out", line={"color": colour, "dash": "dot"})
    figure.update_layout(height=360, margin={"l": 0, "r": 0, "t": 8, "b": 8})
    figure.update_xaxes(title="share of the pixels", tickformat=".0%", fixedrange=True)
    figure.update_yaxes(title="sure of it", range=[0, 1], tickformat=".0%", fixedrange=True)
    return figure
