"""Charts of networks that learn or memorize: curves that grow, the paper's figure 1, what is compared afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.charts import MARGIN, shown
from dashboard.figures.colours import ACCENT, QUALITATIVE, SECOND, Floats

PAIR = (ACCENT, SECOND)
LEGEND = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
FAINT = 0.15


@dataclass(frozen=True)
class Curve:
    """What is drawn of one network: its curves by name, and when, in epochs, it had fit everything, 0 if never."""

    title: str
    values: Mapping[str, Floats]
    fitted: float = 0.0


def training(curves: Sequence[Curve], chance: tuple[float, float], *, epochs: int = 0) -> go.Figure:
    """Accuracy of up to two networks, epoch by epoch: full lines on what they were told, dotted ones on the test.

    The band is where guessing stays 95 times of 100; a star marks the epoch after which everything was fit.
    """
    figure = go.Figure()
    figure.add_hrect(y0=chance[0], y1=chance[1], fillcolor="grey", opacity=0.18, line_width=0)
    figure.add_hline(y=sum(chance) / 2, line={"color": "grey", "dash": "dash", "width": 1})
    for curve, colour in zip(curves, PAIR, strict=False):
        for name, dash, told in (("train_accuracy", "solid", "what it was told"), ("test_accuracy", "dot", "test")):
            _line(figure, curve.values[name], f"{shown(curve.title)}, {told}", colour, dash)
        for name, dash in (("clean_accuracy", "dash"), ("corrupted_accuracy", "dashdot")):
            if np.isfinite(curve.values.get(name, np.array([np.nan]))).all():
                told = "labels that are true" if name.startswith("clean") else "labels that are not"
                _line(figure, curve.values[name], f"{shown(curve.title)}, {told}", colour, dash, width=1)
        if curve.fitted:
            figure.add_scatter(
                x=[curve.fitted], y=[1.0], mode="markers", showlegend=False,
                marker={"symbol": "star", "size": 14, "color": colour, "line": {"width": 1, "color": "white"}},
                hovertemplate=f"{shown(curve.title)}: everything is fit after %{{x:.1f}} epochs<extra></extra>",
            )  # fmt: skip
    figure.update_layout(height=380, margin=MARGIN, legend=LEGEND, hovermode="x unified")
    longest = max([epochs, *(len(curve.values["train_accuracy"]) for curve in curves)], default=1)
    figure.update_xaxes(title="epoch", range=[0, longest * 1.03], fixedrange=True)
    figure.update_yaxes(title="accuracy", range=[-0.02, 1.05], tickformat=".0%", fixedrange=True)
    return figure


def _line(figure: go.Figure, values: Floats, name: str, colour: str, dash: str, *, width: float = 2) -> None:
    figure.add_scatter(
        x=np.arange(1, len(values) + 1), y=values, name=name, mode="lines",
        line={"color": colour, "dash": dash, "width": width}, hovertemplate="%{y:.1%}",
    )  # fmt: skip


def corruption(
    corruptions: Sequence[float],
    steps: Sequence[float],
    errors: Sequence[float],
    intervals: Sequence[tuple[float, float]],
) -> go.Figure:
    """Figure 1 of the paper: steps until everything was fit (left) and test error (right), by corrupted labels."""
    figure = go.Figure()
    figure.add_scatter(x=corruptions, y=steps, name="steps until everything is fit", mode="lines+markers",
                       line={"color": ACCENT}, hovertemplate="%{y:.0f} steps")  # fmt: skip
    up = [high - error for error, (_, high) in zip(errors, intervals, strict=True)]
    down = [error - low for error, (low, _) in zip(errors, intervals, strict=True)]
    figure.add_scatter(
        x=corruptions, y=errors, name="test error, with its 95 % interval", mode="lines+markers", yaxis="y2",
        line={"color": SECOND, "dash": "dot"}, hovertemplate="%{y:.1%}",
        error_y={"type": "data", "array": up, "arrayminus": down, "color": SECOND, "thickness": 1},
    )  # fmt: skip
    figure.update_layout(
        height=340, margin=MARGIN, legend=LEGEND, hovermode="x unified",
        yaxis={"title": "steps", "rangemode": "tozero", "fixedrange": True},
        yaxis2={
            "title": "test error", "overlaying": "y", "side": "right", "range": [0, 1], "dtick": 0.25,
            "tickformat": ".0%", "fixedrange": True, "showgrid": False,
        },
    )  # fmt: skip
    figure.update_xaxes(title="labels drawn anew", range=[-0.04, 1.04], tickformat=".0%", fixedrange=True)
    return figure


def confusion(counts: Floats, names: Sequence[str]) -> go.Figure:
    """How often pictures of each class (rows) were taken for each other class (columns)."""
    few = [shown(name)[:18] for name in names]
    figure = go.Figure(
        go.Heatmap(
            z=counts, x=few, y=few, colorscale="Teal", showscale=False, text=counts, texttemplate="%{text:.0f}",
            hovertemplate="is %{y}, taken for %{x}: %{z:.0f}<extra></extra>",
        )
    )  # fmt: skip
    figure.update_layout(height=420, margin=MARGIN)
    figure.update_xaxes(title="it says", type="category", fixedrange=True)
    figure.update_yaxes(title="it is", type="category", autorange="reversed", fixedrange=True, automargin=True)
    return figure


def classes(places: Floats, labels: Sequence[int], names: Sequence[str]) -> go.Figure:
    """Pictures as points (N, 2), coloured by their true class."""
    figure, those = go.Figure(), np.asarray(labels)
    for index, name in enumerate(names):
        own = places[those == index]
        figure.add_scattergl(
            x=own[:, 0], y=own[:, 1], mode="markers", name=shown(name)[:18],
            marker={"size": 5, "color": QUALITATIVE[index % len(QUALITATIVE)]},
            hovertemplate=f"{shown(name)}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(height=420, margin=MARGIN, legend={"orientation": "h", "y": -0.02, "itemclick": False})
    figure.update_xaxes(visible=False, fixedrange=True)
    figure.update_yaxes(visible=False, fixedrange=True, scaleanchor="x")
    return figure


def distances(found: Mapping[str, Floats]) -> go.Figure:
    """How far each picture must be changed, a point for each, with the median of each network."""
    figure = go.Figure()
    for (name, values), colour in zip(found.items(), PAIR, strict=False):
        figure.add_box(
            y=values, name=shown(name), boxpoints="all", jitter=0.4, pointpos=0, marker={"color": colour, "size": 6},
            line={"width": 1}, fillcolor="rgba(0,0,0,0)", hovertemplate="%{y:.3f}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(height=360, margin=MARGIN, showlegend=False)
    figure.update_yaxes(title="least change found (L2)", rangemode="tozero", fixedrange=True)
    figure.update_xaxes(fixedrange=True)
    return figure


def retrained(found: Mapping[str, Mapping[str, tuple[float, float, float]]], chance: tuple[float, float]) -> go.Figure:
    """Test accuracy by what was kept: {network: {kept: (accuracy, low, high)}}."""
    figure = go.Figure()
    figure.add_hrect(y0=chance[0], y1=chance[1], fillcolor="grey", opacity=FAINT, line_width=0)
    for (name, points), colour in zip(found.items(), PAIR, strict=False):
        values = list(points.values())
        figure.add_scatter(
            x=list(points), y=[one[0] for one in values], name=shown(name), mode="lines+markers",
            line={"color": colour}, hovertemplate="%{y:.1%}",
            error_y={"type": "data", "array": [one[2] - one[0] for one in values],
                     "arrayminus": [one[0] - one[1] for one in values], "thickness": 1},
        )  # fmt: skip
    figure.update_layout(height=360, margin=MARGIN, legend=LEGEND, hovermode="x unified")
    figure.update_xaxes(title="kept as they were", type="category", fixedrange=True)
    figure.update_yaxes(title="test accuracy on true labels", range=[0, 1.05], tickformat=".0%", fixedrange=True)
    return figure
