"""What flows to an answer from stage to stage, as a Sankey diagram."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.figures.charts import MARGIN, shown

FOR, AGAINST, REST = "rgba(13, 148, 136, 0.5)", "rgba(217, 119, 6, 0.55)", "rgba(128, 128, 128, 0.18)"
NODE, OTHERS = "#0d9488", "#9ca3af"
LEAST = 1e-9
Node = tuple[int, float]
"""Its number, and what it gives."""


@dataclass
class _Strands:
    """Links of a diagram: from, to, how much, and in which colour."""

    ends: list[tuple[int, int]] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    colours: list[str] = field(default_factory=list)

    def add(self, start: int, end: int, value: float, *, rest: bool = False) -> None:
        if abs(value) > LEAST:
            self.ends.append((start, end))
            self.values.append(float(value))
            self.colours.append(REST if rest else FOR if value > 0 else AGAINST)


def river(
    layers: Sequence[str], channels: Sequence[Any], parts: Sequence[Any], strands: Sequence[Any], *,
    totals: Sequence[float], score: float, title: str,
) -> go.Figure:  # fmt: skip
    """The picture, the strongest channels of each stage with a node for all others, and the answer.

    Args:
        layers: the stages, shallow to deep.
        channels: of each stage, (k,).
        parts: what each gives, (k,).
        strands: between stages, (k before, k).
        totals: what all channels of a stage give.
        score: the answer's.
        title: its name.
    """
    first, names, place = [], ["the picture"], [0.0]
    for index, (layer, chosen) in enumerate(zip(layers, channels, strict=True), 1):
        first.append(len(names))
        names += [f"{layer} {channel}" for channel in chosen] + ["all others"]
        place += [index / (len(layers) + 1)] * (len(chosen) + 1)
    end = len(names)
    links = _Strands()
    own = [
        [*enumerate(map(float, one), start), (start + len(one), total - float(np.sum(one)))]
        for start, one, total in zip(first, parts, totals, strict=True)
    ]
    for node, value in own[0]:
        links.add(0, node, value, rest=node == own[0][-1][0])
    for stage, flow in enumerate(strands):
        _between(links, own[stage], own[stage + 1], np.asarray(flow))
    for node, value in own[-1][:-1]:
        links.add(node, end, value)
    links.add(own[-1][-1][0], end, score - float(np.sum(parts[-1])), rest=True)
    return _drawn(links, [*names, title], [*place, 1.0])


def _between(links: _Strands, before: Sequence[Node], after: Sequence[Node], flow: Any) -> None:
    """The links from one stage to the next; what the named channels do not tell goes through all others."""
    for (start, given), row in zip(before[:-1], flow, strict=True):
        for (end, _), value in zip(after[:-1], row, strict=True):
            links.add(start, end, value)
        links.add(start, after[-1][0], given - row.sum(), rest=True)
    for (end, given), column in zip(after[:-1], flow.T, strict=True):
        links.add(before[-1][0], end, given - column.sum(), rest=True)


def _drawn(links: _Strands, names: Sequence[str], place: Sequence[float]) -> go.Figure:
    inner = [0 < x < 1 and name != "all others" for name, x in zip(names, place, strict=True)]
    labels = [shown(name.rsplit(" ", 1)[-1] if short else name) for name, short in zip(names, inner, strict=True)]
    colours = [OTHERS if name == "all others" else NODE for name in names]
    sankey = go.Sankey(
        arrangement="snap",
        node={
            "label": labels, "color": colours, "pad": 10, "thickness": 14, "customdata": list(map(shown, names)),
            "hovertemplate": "%{customdata}<extra></extra>", "x": [min(max(x, 0.001), 0.999) for x in place],
            "y": _heights(links, place),
        },
        link={
            "source": [start for start, _ in links.ends], "target": [end for _, end in links.ends],
            "value": [abs(value) for value in links.values], "color": links.colours,
            "customdata": [f"{value:+.3g}" for value in links.values],
            "hovertemplate": "%{source.customdata} → %{target.customdata}: %{customdata}<extra></extra>",
        },
    )  # fmt: skip
    figure = go.Figure(sankey)
    figure.update_layout(height=520, margin={**MARGIN, "l": 8, "r": 8, "b": 24}, font={"size": 12})
    return figure


def _heights(links: _Strands, place: Sequence[float]) -> list[float]:
    """The middle of each node, from top (0) to bottom (1): every column begins at the top, and none hangs over."""
    through = np.zeros((2, len(place)))
    for (start, end), value in zip(links.ends, links.values, strict=True):
        through[0, start] += abs(value)
        through[1, end] += abs(value)
    sizes = through.max(axis=0)
    columns = {x: [node for node, other in enumerate(place) if other == x] for x in place}
    gap = 0.03
    scale = min((1 - gap * len(nodes)) / max(float(sizes[nodes].sum()), LEAST) for nodes in columns.values())
    found = np.zeros(len(place))
    for nodes in columns.values():
        top = 0.0 if len(nodes) > 1 else 0.3
        for node in nodes:
            found[node] = top + sizes[node] * scale / 2
            top += sizes[node] * scale + gap
    return [float(min(max(y, 0.001), 0.999)) for y in found]
