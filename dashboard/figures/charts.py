"""Numbers -> Plotly charts: bars, lines, histograms, and one channel over its picture."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from dashboard.figures.colours import ACCENT, QUALITATIVE, SECOND, Floats, fading_scale
from dashboard.figures.urls import data_url

Window = Callable[[int, int], tuple[int, int, int, int]]
PLAIN = {"displayModeBar": False, "scrollZoom": False}
"""Plotly's own buttons are more than a reader of these figures needs."""
MARGIN = {"l": 0, "r": 0, "t": 8, "b": 8}
ROOM = 0.3
"""Of an axis: the bars that are longer have room for words."""


def shown(name: str) -> str:
    """A name from a file, so that Plotly, which reads some HTML, shows it as it is."""
    return html.escape(name, quote=False)


def _text_places(values: Sequence[float], extent: float) -> list[str]:
    """Where the words of bars stand that are drawn on an axis so long: in those with room for them, else beside.

    Plotly's own choice makes words small until they fit.
    """
    return ["inside" if abs(value) > ROOM * extent else "outside" for value in values]


def probabilities(prediction: Sequence[tuple[str, float]]) -> go.Figure:
    """Horizontal bars of the likeliest classes, the likeliest on top."""
    labels, values = [shown(label) for label, _ in prediction], [value for _, value in prediction]
    bars = go.Bar(
        x=values,
        y=labels,
        orientation="h",
        text=[f"{value:.1%}" for value in values],
        textposition=_text_places(values, 1.0),
        textangle=0,
        marker_color=ACCENT,
        hovertemplate="%{y}: %{x:.2%}<extra></extra>",
    )
    figure = go.Figure(bars)
    figure.update_layout(height=44 * len(values) + 20, margin=MARGIN, bargap=0.25)
    figure.update_xaxes(range=[0, 1], visible=False, fixedrange=True)
    figure.update_yaxes(autorange="reversed", automargin=True, fixedrange=True, ticksuffix=" ")
    return figure


def numbers(prediction: Sequence[tuple[str, float]]) -> go.Figure:
    """Horizontal bars of numbers that are no probabilities, on both sides of zero."""
    figure = probabilities(prediction)
    values = [value for _, value in prediction]
    figure.update_traces(
        text=[f"{value:.4g}" for value in values], hovertemplate="%{y}: %{x:.6g}<extra></extra>",
        textposition=_text_places(values, max(*values, 0.0) - min(*values, 0.0)),
    )  # fmt: skip
    figure.update_xaxes(range=None, autorange=True)
    figure.add_vline(x=0, line_width=1)
    return figure


def answers(prediction: Sequence[tuple[str, float]], *, classes: bool) -> go.Figure:
    """Bars of what a network says, be it probabilities of classes or numbers."""
    return probabilities(prediction) if classes else numbers(prediction)


def before_after(before: Mapping[str, float], after: Mapping[str, float], *, title: str) -> go.Figure:
    """Two bars for each class: the answer as it was, and as it is now, under a ``title``."""
    figure = go.Figure()
    for name, values, colour in (("as it is", before, ACCENT), (title, after, SECOND)):
        probabilities = [values[label] for label in before]
        figure.add_bar(
            x=probabilities, y=[shown(label) for label in before], orientation="h", name=name, marker_color=colour,
            text=[f"{value:.1%}" for value in probabilities], textangle=0,
            textposition=_text_places(probabilities, 1.0),
            hovertemplate="%{y}, " + name + ": %{x:.2%}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(
        height=56 * len(before) + 50, margin=MARGIN, bargap=0.25,
        legend={"orientation": "h", "y": 1.08},
    )  # fmt: skip
    figure.update_xaxes(range=[0, 1], visible=False, fixedrange=True)
    figure.update_yaxes(autorange="reversed", automargin=True, fixedrange=True, ticksuffix=" ")
    return figure


def overlay(
    backdrop: bytes,
    activation: Floats,
    size: tuple[int, int],
    *,
    colours: str,
    opacity: float,
    window: Window | None,
) -> go.Figure:
    """One channel laid over the picture; under the cursor: the place, the value, and which pixels the unit sees.

    Args:
        backdrop: the picture as the network sees it, a PNG or JPEG.
        activation: (h, w).
        size: height and width of that picture in pixels.
        colours: name of the colour scale.
        opacity: of the map, from 0 (picture only) to 1 (map only).
        window: row and column of a unit -> top, left, bottom and right of what it sees; None where that is everything.
    """
    height, width = size
    rows, columns = activation.shape
    says = "sees the whole picture"
    if window is not None:
        says = "sees rows %{customdata[0]} to %{customdata[1]}, columns %{customdata[2]} to %{customdata[3]}"
    heat = go.Heatmap(
        z=activation,
        x=(np.arange(columns) + 0.5) * width / columns,
        y=(np.arange(rows) + 0.5) * height / rows,
        customdata=_seen(window, activation.shape, size) if window else None,
        colorscale=fading_scale(colours, opacity),
        colorbar={"thickness": 10, "len": 0.9},
        hovertemplate="pixel %{y:.0f} down, %{x:.0f} across<br>activation %{z:.3f}<br>" + says + "<extra></extra>",
    )
    figure = go.Figure(heat)
    figure.add_layout_image(
        source=data_url(backdrop), xref="x", yref="y", x=0, y=0, sizex=width, sizey=height, sizing="stretch",
        layer="below",
    )  # fmt: skip
    figure.update_layout(height=430, margin=MARGIN)
    figure.update_xaxes(range=[0, width], visible=False, constrain="domain", fixedrange=True)
    figure.update_yaxes(range=[height, 0], visible=False, scaleanchor="x", constrain="domain", fixedrange=True)
    return figure


def _seen(window: Window, places: tuple[int, ...], size: tuple[int, int]) -> npt.NDArray[np.int32]:
    """For each place of a map (h, w) the rows and columns, from and to, that its unit sees of a picture: (h, w, 4)."""
    rows, columns = places
    down = np.array([window(row, 0)[::2] for row in range(rows)]).clip(0, size[0])
    along = np.array([window(0, column)[1::2] for column in range(columns)]).clip(0, size[1])
    shape = (rows, columns, 2)
    both = np.broadcast_to(down[:, None], shape), np.broadcast_to(along[None], shape)
    return np.concatenate(both, axis=-1).astype(np.int32)


def histogram(values: Floats, chosen: Floats | None, name: str) -> go.Figure:
    """How often each activation occurs in the layer, and in the chosen channel, on a logarithmic scale."""
    edges = np.histogram_bin_edges(values, bins=60)
    middles = (edges[1:] + edges[:-1]) / 2
    figure = go.Figure(go.Bar(x=middles, y=np.histogram(values, edges)[0], name="whole layer", marker_color=ACCENT))
    if chosen is not None:
        figure.add_bar(x=middles, y=np.histogram(chosen, edges)[0], name=name, marker_color=SECOND)
    figure.update_layout(
        height=300, barmode="overlay", bargap=0.02, margin=MARGIN,
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
            customdata=[shown(name) for name in names],
            marker_color=[SECOND if unit == chosen else ACCENT for unit in range(len(values))],
            marker_line_width=0,
            hovertemplate="%{customdata}: %{y:.3f}<extra></extra>",
        )
    )
    figure.update_layout(height=360, margin=MARGIN, bargap=0, clickmode="event+select")
    figure.update_xaxes(title="unit", fixedrange=True)
    figure.update_yaxes(title="activation", fixedrange=True)
    return figure


def bars(names: Sequence[str], values: Floats) -> go.Figure:
    """Upright bars of numbers on both sides of zero, in the order given."""
    colours = [ACCENT if value >= 0 else SECOND for value in values]
    figure = go.Figure(
        go.Bar(x=list(names), y=values, marker_color=colours, hovertemplate="%{x}: %{y:.4g}<extra></extra>")
    )
    figure.update_layout(height=150, margin=MARGIN, bargap=0.2)
    figure.update_xaxes(fixedrange=True, type="category")
    figure.update_yaxes(fixedrange=True)
    return figure


def curves(scores: Floats, names: Sequence[str], chosen: int) -> go.Figure:
    """How the score of every unit grew, (steps, units); the chosen one stands out."""
    figure = go.Figure()
    for unit in (*(i for i in range(len(names)) if i != chosen), chosen):
        figure.add_scatter(
            y=scores[:, unit],
            mode="lines",
            name=shown(names[unit]),
            opacity=1 if unit == chosen else 0.25,
            line={"color": SECOND if unit == chosen else ACCENT, "width": 3 if unit == chosen else 1},
        )
    figure.update_layout(height=240, margin=MARGIN, showlegend=False)
    figure.update_xaxes(title="step", fixedrange=True)
    figure.update_yaxes(title="score", fixedrange=True)
    return figure


def fading(curves: Mapping[str, Floats], places: Sequence[float], axis: str) -> go.Figure:
    """How sure a network stays while a perturbation grows: one line for each attack, places evenly spaced."""
    figure = go.Figure()
    for name, values in curves.items():
        figure.add_scatter(x=[f"{place:g}" for place in places], y=values, name=name, mode="lines+markers")
    figure.update_layout(height=320, margin=MARGIN, legend={"orientation": "h", "y": 1.15})
    figure.update_xaxes(title=axis, fixedrange=True, type="category")
    figure.update_yaxes(title="sure of it", range=[0, 1], tickformat=".0%", fixedrange=True)
    return figure


def robustness(curves: Mapping[str, Floats], places: Sequence[str], axis: str, *, worst: str = "") -> go.Figure:
    """Accuracy against epsilon, one line for each attack; the one named ``worst`` is drawn thick.

    NaN, where a point is not there yet, leaves a gap.
    """
    figure = go.Figure()
    for index, (name, values) in enumerate(curves.items()):
        line = {"color": ACCENT, "width": 5} if name == worst else {"color": QUALITATIVE[(index + 1) % 10], "width": 2}
        figure.add_scatter(
            x=list(places), y=[None if np.isnan(value) else float(value) for value in values], name=name, line=line,
            mode="lines+markers", hovertemplate="%{fullData.name}, %{x}: %{y:.0%}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(height=340, margin=MARGIN, legend={"orientation": "h", "y": -0.25})
    figure.update_xaxes(title=axis, fixedrange=True, type="category", categoryarray=list(places))
    figure.update_yaxes(range=[-0.03, 1.03], tickformat=".0%", fixedrange=True)
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
    figure.update_layout(height=260, margin=MARGIN)
    figure.update_xaxes(fixedrange=True)
    figure.update_yaxes(title="change / activation", fixedrange=True)
    return figure


def alike(similarities: Mapping[str, Sequence[float]], fractions: Sequence[str]) -> go.Figure:
    """How like its own self each method's map stays while more layers are shuffled; 1 is the same."""
    figure = go.Figure()
    for index, (name, values) in enumerate(similarities.items()):
        colour = QUALITATIVE[index % 10]
        figure.add_scatter(
            x=fractions[: len(values)], y=values, name=name, mode="lines+markers", line={"color": colour}
        )
    figure.update_layout(height=340, margin=MARGIN, legend={"orientation": "h", "y": -0.2})
    figure.update_xaxes(title="layers shuffled", fixedrange=True, type="category")
    figure.update_yaxes(title="similarity", range=[-0.3, 1.05], fixedrange=True)
    return figure


def risefall(rises: Mapping[str, Floats], falls: Mapping[str, Floats]) -> go.Figure:
    """Insertion (full lines) and deletion (dotted) of the most important pixels, one colour for each method."""
    figure = go.Figure()
    for index, name in enumerate(rises):
        colour = QUALITATIVE[index % 10]
        fractions = np.linspace(0, 1, len(rises[name]))
        figure.add_scatter(x=fractions, y=rises[name], name=f"{name}, in", line={"color": colour})
        figure.add_scatter(x=fractions, y=falls[name], name=f"{name}, out", line={"color": colour, "dash": "dot"})
    figure.update_layout(height=360, margin=MARGIN)
    figure.update_xaxes(title="fraction of the pixels", tickformat=".0%", fixedrange=True)
    figure.update_yaxes(title="sure of it", rangemode="tozero", tickformat=".3~p", fixedrange=True)
    return figure


def lost(distances: Mapping[str, Floats], layers: Sequence[str]) -> go.Figure:
    """How far the pictures drawn from each layer are from the photograph: one line for each network."""
    figure = go.Figure()
    for (name, values), colour in zip(distances.items(), (ACCENT, SECOND), strict=False):
        figure.add_scatter(x=list(layers), y=values, name=name, mode="lines+markers", line={"color": colour})
    figure.update_layout(
        height=300, margin=MARGIN, legend={"orientation": "h", "y": 1.15},
        showlegend=len(distances) > 1,
    )  # fmt: skip
    figure.update_xaxes(fixedrange=True, type="category")
    figure.update_yaxes(title="distance in pixels", rangemode="tozero", fixedrange=True)
    return figure
