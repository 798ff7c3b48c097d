"""What flows to an answer from stage to stage, laid out as a Sankey diagram: nodes and links in a unit square."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

LEAST = 1e-9
GAP = 0.03
OTHERS = "others"
Link = tuple[int, int, float, bool]
"""From node, to node, how much, and whether it is what the named channels do not tell."""


@dataclass(frozen=True)
class River:
    """A diagram, in fractions of its width and height.

    Attributes:
        nodes: ``x``, ``y`` (top), ``height``, ``label``, ``says`` and ``kind``: ``end``, ``unit`` or ``others``.
        links: ``x0``, ``y0``, ``x1``, ``y1`` (middles), ``width``, ``says``; ``kind``: ``for``, ``against``, ``rest``.
        stages: what stands above each column.
        units: for each node its (layer, channel), None for those that are no unit.
    """

    nodes: tuple[dict[str, Any], ...]
    links: tuple[dict[str, Any], ...]
    stages: tuple[str, ...]
    units: tuple[tuple[str, int] | None, ...]


@dataclass
class _Flow:
    """Nodes column by column, and what flows between them."""

    columns: list[list[int]] = field(default_factory=list)
    units: list[tuple[str, int] | None] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    given: list[float] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)

    def column(self, nodes: Sequence[tuple[str, tuple[str, int] | None, float]]) -> None:
        first = len(self.names)
        self.columns.append(list(range(first, first + len(nodes))))
        for name, unit, value in nodes:
            self.names.append(name)
            self.units.append(unit)
            self.given.append(value)

    def link(self, start: int, end: int, value: float, *, rest: bool = False) -> None:
        if abs(value) > LEAST:
            self.links.append((start, end, float(value), rest))


def river(
    layers: Sequence[str], channels: Sequence[Any], parts: Sequence[Any], strands: Sequence[Any], *,
    totals: Sequence[float], score: float, title: str,
) -> River:  # fmt: skip
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
    flow = _Flow()
    flow.column([("the picture", None, totals[0])])
    for layer, chosen, own, total in zip(layers, channels, parts, totals, strict=True):
        units = [
            (f"{layer} {channel}", (layer, int(channel)), float(one)) for channel, one in zip(chosen, own, strict=True)
        ]
        flow.column([*units, (f"all others of {layer}", None, total - float(np.sum(own)))])
    flow.column([(title, None, score)])
    for node in flow.columns[1]:
        flow.link(0, node, flow.given[node], rest=flow.units[node] is None)
    for before, after, between in zip(flow.columns[1:-2], flow.columns[2:-1], strands, strict=True):
        _between(flow, before, after, np.asarray(between))
    *last, others = flow.columns[-2]
    for node in last:
        flow.link(node, flow.columns[-1][0], flow.given[node])
    flow.link(others, flow.columns[-1][0], score - float(np.sum(parts[-1])), rest=True)
    return _laid_out(flow, ("", *layers, ""))


def _between(flow: _Flow, before: Sequence[int], after: Sequence[int], strands: Any) -> None:
    """The links from one stage to the next; what the named channels do not tell goes through all others."""
    for start, row in zip(before[:-1], strands, strict=True):
        for end, value in zip(after[:-1], row, strict=True):
            flow.link(start, end, value)
        flow.link(start, after[-1], flow.given[start] - row.sum(), rest=True)
    for end, column in zip(after[:-1], strands.T, strict=True):
        flow.link(before[-1], end, flow.given[end] - column.sum(), rest=True)


def _laid_out(flow: _Flow, stages: tuple[str, ...]) -> River:
    ends = [(start, end) for start, end, *_ in flow.links]
    sizes = np.zeros((2, len(flow.names)))
    for start, end, value, _ in flow.links:
        sizes[0, start] += abs(value)
        sizes[1, end] += abs(value)
    heights = sizes.max(axis=0)
    scale = min((1 - GAP * len(nodes)) / max(float(heights[nodes].sum()), LEAST) for nodes in flow.columns)
    x, top = np.zeros(len(heights)), np.zeros(len(heights))
    for place, nodes in enumerate(flow.columns):
        x[nodes] = place / (len(flow.columns) - 1)
        y = 0.0 if len(nodes) > 1 else max(0.0, 0.5 - heights[nodes[0]] * scale / 2)
        for node in nodes:
            top[node] = y
            y += heights[node] * scale + GAP
    offsets = [_offsets(flow.links, ends, side, top, scale) for side in (0, 1)]
    links = tuple(
        {
            "x0": float(x[start]), "x1": float(x[end]), "y0": offsets[0][at], "y1": offsets[1][at],
            "width": abs(value) * scale, "kind": "rest" if rest else "for" if value > 0 else "against",
            "says": f"{flow.names[start]} → {flow.names[end]}: {value:+.3g}",
        }
        for at, (start, end, value, rest) in enumerate(flow.links)
    )  # fmt: skip
    drawn = tuple(
        _node(flow, node, float(x[node]), float(top[node]), float(heights[node] * scale)) for node in range(len(x))
    )
    return River(drawn, links, stages, tuple(flow.units))


def _node(flow: _Flow, node: int, x: float, y: float, height: float) -> dict[str, Any]:
    unit, name = flow.units[node], flow.names[node]
    kind = "unit" if unit else "end" if x in (0.0, 1.0) else OTHERS
    label = str(unit[1]) if unit else name if kind == "end" else "others"
    says = f"{name}: gives {flow.given[node]:+.3g}" if kind != "end" else f"{name}: {flow.given[node]:.3g}"
    says = name if x == 0.0 else f"{says}; click for its card" if unit else says
    return {"x": x, "y": y, "height": height, "label": label, "says": says, "kind": kind}


def _offsets(
    links: Sequence[Link], ends: Sequence[tuple[int, int]], side: int, top: Any, scale: float
) -> dict[int, float]:
    """The middle of every link at one of its ends: at each node in the order of the nodes at the other ends."""
    found: dict[int, float] = {}
    filled: dict[int, float] = {}
    for at in sorted(range(len(links)), key=lambda at: (ends[at][side], top[ends[at][1 - side]], ends[at][1 - side])):
        node, width = ends[at][side], abs(links[at][2]) * scale
        y = filled.get(node, float(top[node]))
        found[at] = y + width / 2
        filled[node] = y + width
    return found
