"""Parts of a picture, each in a colour of its own: where they are, what is cut out for each, what each is worth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.colors import unlabel_rgb
from skimage.transform import resize

from dashboard.figures.charts import MARGIN
from dashboard.figures.colours import QUALITATIVE, Floats, Pixels

GAP, BAR = 4, 10
STRENGTH = 0.85


def part_colour(index: int) -> str:
    """The colour of a part, one that people who are colour-blind can tell from the others, as CSS writes it."""
    return QUALITATIVE[index % len(QUALITATIVE)]


def _rgb(index: int) -> Floats:
    return (np.array(unlabel_rgb(part_colour(index))) / 255).astype(np.float32)


def parts(picture: Floats, amounts: Floats, *, side: int = 512) -> Pixels:
    """All parts over a picture (H, W, 3) in grey: each place in the colour of the part of which it has most.

    ``amounts`` (h, w, count) are 0 to 1; the more of its part a place has, the stronger the colour.
    """
    height, width = (max(1, round(length * side / max(picture.shape[:2]))) for length in picture.shape[:2])
    large = resize(amounts, (height, width, amounts.shape[-1]), order=1, mode="edge", anti_aliasing=False)
    best = large.argmax(axis=-1)
    strength = np.sqrt(np.clip(large.max(axis=-1), 0, 1))[..., None] * STRENGTH
    colours = np.stack([_rgb(index) for index in range(amounts.shape[-1])])[best]
    return _pixels(_grey(picture, height, width) * (1 - strength) + colours * strength)


def one_part(picture: Floats, amounts: Floats, index: int, *, side: int = 160) -> Pixels:
    """One part over a picture (H, W, 3): the picture is seen where it is, and is dark elsewhere.

    ``amounts`` (h, w) are 0 to 1.
    """
    height, width = (max(1, round(length * side / max(picture.shape[:2]))) for length in picture.shape[:2])
    large = np.clip(resize(amounts, (height, width), order=1, mode="edge", anti_aliasing=False), 0, 1)[..., None]
    small = resize(picture, (height, width, 3), order=1, mode="edge", anti_aliasing=True)
    dark = 0.25 * _grey(picture, height, width) + 0.08
    rim = np.clip(1 - np.abs(large - 0.5) / 0.06, 0, 1) * (amounts.max() > 0)
    return _pixels((dark * (1 - np.sqrt(large)) + small * np.sqrt(large)) * (1 - rim) + _rgb(index) * rim)


def part_row(first: Pixels | None, crops: Floats, index: int, *, count: int, side: int = 112) -> Pixels:
    """A part in a row: a bar in its colour, where it is on a picture, and up to ``count`` crops (n, h, w, 3) of it.

    Red, green, blue and opacity: what is between them, or missing, is clear, and white for who knows no opacity.
    """
    tiles = [] if first is None else [_fitted((first / 255).astype(np.float32), side)]
    tiles += [_fitted(crop, side) for crop in crops[:count]]
    row = np.ones((side, BAR + (count + (first is not None)) * (side + GAP), 4), np.float32)
    row[:, BAR:, 3] = 0
    row[:, :BAR, :3] = _rgb(index)
    for place, tile in enumerate(tiles):
        left = BAR + GAP + place * (side + GAP)
        row[:, left : left + side] = np.pad(tile, ((0, 0), (0, 0), (0, 1)), constant_values=1)
    return _pixels(row)


def part_rows(rows: Sequence[Pixels]) -> Pixels:
    """Such rows, one above the other."""
    gap = np.full((GAP, *rows[0].shape[1:]), 255, np.uint8)
    gap[..., 3:] = 0
    laid = [piece for row in rows for piece in (row, gap)]
    return np.concatenate(laid[:-1])


def worth(lost: Floats, sobol: Floats) -> go.Figure:
    """What each part is worth: what is lost without it, and its total Sobol index."""
    names = [f"Concept {index + 1}" for index in range(len(lost))]
    colours = [part_colour(index) for index in range(len(lost))]
    figure = go.Figure()
    for values, axis, shape, name in ((lost, "x", "", "lost without it"), (sobol, "x2", "/", "total Sobol index")):
        figure.add_bar(
            x=values, y=names, orientation="h", xaxis=axis, name=name, showlegend=False,
            marker={"color": colours, "pattern": {"shape": shape, "fgcolor": "white"}},
            hovertemplate="%{y}, " + name + ": %{x:.3f}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(
        height=34 * len(lost) + 70, margin=MARGIN | {"b": 40}, bargap=0.3,
        xaxis={"domain": [0, 0.47], "title": "lost without it (logit)", "fixedrange": True},
        xaxis2={"domain": [0.53, 1], "title": "total Sobol index", "range": [0, max(0.2, float(sobol.max()) * 1.1)],
                "fixedrange": True, "anchor": "y"},
        yaxis={"autorange": "reversed", "fixedrange": True, "automargin": True, "ticksuffix": " "},
    )  # fmt: skip
    return figure


def sensitivity(scores: Floats, random: Floats, names: tuple[str, str]) -> go.Figure:
    """Scores of a concept's directions beside those of random ones, each a point, with their means."""
    figure = go.Figure()
    rng = np.random.default_rng(0)
    for row, (values, name) in enumerate(zip((scores, random), names, strict=True)):
        colour = QUALITATIVE[(3, 10)[row]]
        figure.add_scatter(
            x=values, y=row + rng.uniform(-0.18, 0.18, len(values)), mode="markers", name=name, showlegend=False,
            marker={"color": colour, "size": 9, "opacity": 0.7}, hovertemplate=name + ": %{x:.0%}<extra></extra>",
        )  # fmt: skip
        mean = float(values.mean())
        figure.add_shape(
            type="line", x0=mean, x1=mean, y0=row - 0.35, y1=row + 0.35, line={"color": colour, "width": 4}
        )
    figure.add_vline(x=0.5, line={"dash": "dot", "width": 1})
    figure.update_layout(height=190, margin=MARGIN | {"b": 40})
    figure.update_xaxes(range=[-0.03, 1.03], tickformat=".0%", title="of the pictures rise along it", fixedrange=True)
    figure.update_yaxes(
        tickvals=[0, 1], ticktext=list(names), range=[1.5, -0.5], fixedrange=True, automargin=True, showgrid=False,
        zeroline=False,
    )  # fmt: skip
    return figure


def _grey(picture: Floats, height: int, width: int) -> Floats:
    small = resize(picture, (height, width, 3), order=1, mode="edge", anti_aliasing=True)
    return np.repeat(small.mean(axis=-1, keepdims=True), 3, axis=-1).astype(np.float32)


def _fitted(tile: Floats, side: int) -> Floats:
    """A picture (h, w, 3) as a square of one size."""
    enlarging = max(tile.shape[:2]) < side
    made: Floats = resize(tile, (side, side, 3), order=1, mode="edge", anti_aliasing=not enlarging)
    return made.astype(np.float32)


def _pixels(values: Floats) -> Pixels:
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
