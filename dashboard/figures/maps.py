"""Charts to click: all layers of a network, and many pictures on a plane."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.figures.charts import MARGIN, shown
from dashboard.figures.colours import ACCENT, QUALITATIVE, SECOND, Floats
from dashboard.figures.urls import data_url

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
    for colour, kind in zip(QUALITATIVE, (*KINDS, "other"), strict=False):
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
        height=rows * MAP_ROW + 70, margin=MARGIN, clickmode="event+select", dragmode=False,
        legend={"orientation": "h", "y": 1, "yanchor": "bottom", "itemclick": False},
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
    words: Sequence[Sequence[str]],
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
        words: lines to show of each under the mouse.
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
    said = ["<br>".join(map(shown, filter(None, lines))) for lines in words]
    unseen = {"marker": {"opacity": 0}}
    figure.add_scatter(
        x=places[:, 0], y=places[:, 1], mode="markers", customdata=said, marker={"size": 26, "opacity": 0},
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
