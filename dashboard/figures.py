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
GREY = 128
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
    parameterization = np.full((rows * columns, high, wide, 3), 128, np.uint8)
    parameterization[:count, : high - GAP, : wide - GAP] = tiles
    pixels = (
        parameterization.reshape(rows, columns, high, wide, 3).swapaxes(1, 2).reshape(rows * high, columns * wide, 3)
    )
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


def probabilities(prediction: Sequence[tuple[str, float]]) -> go.Figure:
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


def evidence(picture: Floats, values: Floats, opacity: float, *, limit: float | None = None) -> Pixels:
    """A map (H, W) of what speaks for (red) and against (blue) over a picture (H, W, 3) in grey; 0 is clear.

    The scale ends at ``limit``: the 99th percentile of the map's absolute values where it is None, so that single
    pixels do not hide the rest.
    """
    strength = values / max(float(np.percentile(np.abs(values), 99)) if limit is None else limit, 1e-12)
    strength = np.clip(strength, -1, 1)
    grey = np.repeat(picture.mean(axis=-1, keepdims=True), 3, axis=-1)
    colour = coloured((0.5 + strength / 2).astype(np.float32), "RdBu_r") / 255
    share = opacity * np.sqrt(np.abs(strength))[..., None]
    return ((grey * (1 - share) + colour * share) * 255).round().astype(np.uint8)


def evidence_scale(opacity: float, *, height: int = 12, width: int = 240) -> Pixels:
    """The colours of ``evidence`` from one end to the other, over grey."""
    values = np.linspace(-1, 1, width, dtype=np.float32)[None].repeat(height, axis=0)
    return evidence(np.full((height, width, 3), 0.5, np.float32), values, opacity, limit=1.0)


def strip(tiles: Sequence[Pixels], *, gap: int = 6) -> Pixels:
    """Pictures of one height beside each other, with a clear gap between them: (H, W, 4)."""
    opaque = [np.dstack([tile, np.full(tile.shape[:2], 255, np.uint8)]) for tile in tiles]
    clear = np.zeros((tiles[0].shape[0], gap, 4), np.uint8)
    return np.concatenate([part for tile in opaque for part in (tile, clear)][:-1], axis=1)


def alike(similarities: Mapping[str, Sequence[float]], shares: Sequence[str]) -> go.Figure:
    """How like its own self each method's map stays while more layers are shuffled; 1 is the same."""
    figure = go.Figure()
    for index, (name, values) in enumerate(similarities.items()):
        colour = plotly.colors.qualitative.Safe[index % 10]
        places = shares[: len(values)]
        figure.add_scatter(x=places, y=values, name=name, mode="lines+markers", line={"color": colour})
    figure.update_layout(height=340, margin={"l": 0, "r": 0, "t": 8, "b": 8}, legend={"orientation": "h", "y": -0.2})
    figure.update_xaxes(title="layers shuffled", fixedrange=True, type="category")
    figure.update_yaxes(title="similarity", range=[-0.3, 1.05], fixedrange=True)
    return figure


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
    figure.update_yaxes(title="sure of it", rangemode="tozero", tickformat=".0%", fixedrange=True)
    return figure


def plate(groups: Sequence[Sequence[Pixels]], *, columns: int, inner: int = 3, margin: int = 10) -> Wall:
    """Groups of small grids on one grey plate, each unit beside its neighbours.

    Args:
        groups: for each unit one or more stacks of tiles (n, h, w, 3), all of one tile size, shown side by side.
        columns: units in a row.
        inner: tiles in a row of each small grid, and its rows.
        margin: pixels around each unit.
    """
    frame = ((margin, margin), (margin, margin), (0, 0))
    framed = [np.pad(_side_by_side(group, inner), frame, constant_values=GREY) for group in groups]
    high, wide = framed[0].shape[:2]
    rows = -(-len(framed) // columns)
    parameterization = np.full((rows * columns, high, wide, 3), GREY, np.uint8)
    parameterization[: len(framed)] = framed
    pixels = (
        parameterization.reshape(rows, columns, high, wide, 3).swapaxes(1, 2).reshape(rows * high, columns * wide, 3)
    )
    return Wall(pixels, columns, len(framed))


def _side_by_side(stacks: Sequence[Pixels], inner: int) -> Pixels:
    """Each stack of up to ``inner`` squared tiles as a square grid, and the grids in a row."""
    grids = []
    for tiles in stacks:
        _, height, width, _ = tiles.shape
        high, wide = height + GAP, width + GAP
        grid = np.full((inner * high, inner * wide + 2 * GAP, 3), GREY, np.uint8)
        for place, tile in enumerate(tiles[: inner * inner]):
            top, left = place // inner * high, place % inner * wide
            grid[top : top + height, left : left + width] = tile
        grids.append(grid)
    return np.concatenate(grids, axis=1)[:-GAP, : -3 * GAP]


def before_after(before: Mapping[str, float], after: Mapping[str, float]) -> go.Figure:
    """Two bars for each class: the answer as it was, and as it is now."""
    figure = go.Figure()
    for name, values, colour in (("as it is", before, ACCENT), ("switched off", after, SECOND)):
        probabilities = [values[label] for label in before]
        figure.add_bar(
            x=probabilities, y=list(before), orientation="h", name=name, marker_color=colour, textposition="auto",
            text=[f"{chance:.1%}" for chance in probabilities], textangle=0,
            hovertemplate="%{y}, " + name + ": %{x:.2%}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(
        height=56 * len(before) + 50, margin={"l": 0, "r": 0, "t": 8, "b": 8}, bargap=0.25,
        legend={"orientation": "h", "y": 1.08},
    )  # fmt: skip
    figure.update_xaxes(range=[0, 1], visible=False, fixedrange=True)
    figure.update_yaxes(autorange="reversed", automargin=True, fixedrange=True, ticksuffix=" ")
    return figure


KINDS = {
    "convolution": ("Conv", "Depthwise", "Separable", "Dense", "Einsum"),
    "normalization": ("BatchNorm", "LayerNorm", "Group", "Normalization", "Rescaling", "LayerScale", "RMS"),
    "activation": ("ReLU", "Relu", "Leaky", "PReLU", "Activation", "Softmax", "Sigmoid", "Silu", "Gelu", "Elu", "ELU"),
    "pooling": ("Max", "Average", "Global", "UpSampling", "Resizing"),
    "merge": ("Add", "Concat", "Multiply", "Subtract", "Average"),
}
MAP_COLUMNS = 20
MAP_ROW = 30


def kind_of(layer: str) -> str:
    """The family of a Keras class, for the colours of the map: ``Conv2D`` -> convolution."""
    merges = ("Add", "Average", "Maximum", "Minimum")
    if layer in merges:
        return "merge"
    return next((kind for kind, starts in KINDS.items() if layer.startswith(starts)), "other")


def places(sizes: Sequence[tuple[int, ...]]) -> list[tuple[int, int]]:
    """(row, column) of each layer of a map: in running order, a new row where the map size changes or a row is full."""
    found: list[tuple[int, int]] = []
    row, column = 0, -1
    for index, size in enumerate(sizes):
        column += 1
        if index and (size != sizes[index - 1] or column == MAP_COLUMNS):
            row, column = row + 1, 0
        found.append((row, column))
    return found


def network_map(
    layers: Sequence[tuple[str, str, tuple[int, ...]]], links: Sequence[tuple[str, str]], chosen: str
) -> go.Figure:
    """All layers of a network, each a square that answers to a click; a row holds layers with maps of one size.

    Args:
        layers: (name, Keras class, shape) in running order.
        links: (from, to): those that jump over layers are drawn.
        chosen: the layer that stands out.
    """
    at = dict(zip((name for name, *_ in layers), places([shape[:-1] for *_, shape in layers]), strict=True))
    order = {name: index for index, name in enumerate(at)}
    jumps = [(one, other) for one, other in links if order[other] - order[one] > 1]
    figure = go.Figure()
    ends = [(at[one], at[other]) for one, other in jumps]
    figure.add_scatter(
        x=[x for (_, a), (_, b) in ends for x in (a, b, None)],
        y=[y for (a, _), (b, _) in ends for y in (a, b, None)],
        mode="lines", line={"color": "rgba(128,128,128,0.25)", "width": 1}, hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    for colour, kind in zip(plotly.colors.qualitative.Safe, (*KINDS, "other"), strict=False):
        own = [(name, layer, shape) for name, layer, shape in layers if kind_of(layer) == kind]
        if not own:
            continue
        sizes = [16 if name == chosen else 12 for name, *_ in own]
        lines = [3 if name == chosen else 0 for name, *_ in own]
        figure.add_scatter(
            x=[at[name][1] for name, *_ in own], y=[at[name][0] for name, *_ in own], name=kind, mode="markers",
            customdata=[[name, layer, " × ".join(map(str, shape))] for name, layer, shape in own],
            marker={"symbol": "square", "size": sizes, "color": colour, "line": {"width": lines, "color": SECOND}},
            selected={"marker": {"opacity": 1}}, unselected={"marker": {"opacity": 1}},
            hovertemplate="%{customdata[0]}<br>%{customdata[1]}, %{customdata[2]}<extra></extra>",
        )  # fmt: skip
    rows = 1 + max(row for row, _ in at.values())
    figure.update_layout(
        height=rows * MAP_ROW + 70, margin={"l": 0, "r": 0, "t": 8, "b": 8}, clickmode="event+select", dragmode=False,
        legend={"orientation": "h", "y": 1 + 34 / (rows * MAP_ROW + 20), "itemclick": False},
    )  # fmt: skip
    first = {row: shape for (*_, shape), (row, _) in reversed(list(zip(layers, at.values(), strict=True)))}
    words = ["" if len(shape) < 3 else f"{shape[0]}×{shape[1]}" for shape in first.values()]
    figure.update_xaxes(range=[-0.7, MAP_COLUMNS - 0.3], visible=False, fixedrange=True)
    figure.update_yaxes(
        range=[rows - 0.4, -0.6], tickvals=list(first), ticktext=words, showgrid=False, zeroline=False, fixedrange=True,
        automargin=True,
    )  # fmt: skip
    return figure


def picture_map(
    places: Floats,
    thumbnails: Sequence[bytes],
    words: Sequence[str],
    *,
    mine: Sequence[int],
    chosen: int,
    side: float,
    narrow: bool = False,
) -> go.Figure:
    """Thumbnails on a plane, with an unseen point on each that answers to the mouse.

    Args:
        places: (N, 2).
        thumbnails: a small JPEG for each.
        words: what to say of each under the mouse.
        mine: those with a frame.
        chosen: the one with a frame of another colour.
        side: of a thumbnail, in the unit of places.
        narrow: for a phone: less high, and a finger on it moves the page, not the map.
    """
    figure = go.Figure()
    figure.update_layout(
        images=[
            {
                "source": data_url(file), "xref": "x", "yref": "y", "x": x, "y": y, "sizex": side, "sizey": side,
                "xanchor": "center", "yanchor": "middle", "layer": "below",
            }
            for file, (x, y) in zip(thumbnails, places.tolist(), strict=True)
        ]
    )  # fmt: skip
    for those, colour, width in ((mine, ACCENT, 2), ([chosen], SECOND, 4)):
        for one in those:
            (left, bottom), reach = places[one].tolist(), side / 2
            figure.add_shape(
                type="rect", x0=left - reach, x1=left + reach, y0=bottom - reach, y1=bottom + reach,
                line={"color": colour, "width": width}, layer="between",
            )  # fmt: skip
    unseen = {"marker": {"opacity": 0}}
    figure.add_scatter(
        x=places[:, 0], y=places[:, 1], mode="markers", customdata=list(words), marker={"size": 26, "opacity": 0},
        selected=unseen, unselected=unseen, hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip
    low, high = places.min(axis=0) - 0.6 * side, places.max(axis=0) + 0.6 * side
    figure.update_layout(
        height=460 if narrow else 640, margin={"l": 0, "r": 0, "t": 0, "b": 0}, clickmode="event+select",
        dragmode=False if narrow else "pan", showlegend=False,
    )  # fmt: skip
    figure.update_xaxes(range=[low[0], high[0]], visible=False, constrain="domain")
    figure.update_yaxes(range=[low[1], high[1]], visible=False, constrain="domain", scaleanchor="x")
    return figure


def lost(distances: Mapping[str, Floats], layers: Sequence[str]) -> go.Figure:
    """How far the pictures drawn from each layer are from the photograph: one line for each network."""
    figure = go.Figure()
    for (name, values), colour in zip(distances.items(), (ACCENT, SECOND), strict=False):
        figure.add_scatter(x=list(layers), y=values, name=name, mode="lines+markers", line={"color": colour})
    figure.update_layout(
        height=300, margin={"l": 0, "r": 0, "t": 8, "b": 8}, legend={"orientation": "h", "y": 1.15},
        showlegend=len(distances) > 1,
    )  # fmt: skip
    figure.update_xaxes(fixedrange=True, type="category")
    figure.update_yaxes(title="distance in pixels", rangemode="tozero", fixedrange=True)
    return figure
