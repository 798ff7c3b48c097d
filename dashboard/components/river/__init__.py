"""What flows from stage to stage, with nodes that can be chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.components.files import component

_river = component("river")


def river(
    nodes: Sequence[Mapping[str, Any]], links: Sequence[Mapping[str, Any]], *, stages: Sequence[str], alt: str,
    key: str, on_pick: Callable[[int], None],
) -> None:  # fmt: skip
    """A Sankey diagram whose nodes answer to mouse and keyboard, in the theme's own colours.

    Args:
        nodes: as ``figures.river`` lays them out; those of kind ``unit`` can be chosen.
        links: between them.
        stages: what stands above each column, from left to right.
        alt: the diagram in words.
        key: the component's own key.
        on_pick: called with the index of a node that was clicked.
    """

    def picked() -> None:
        index = st.session_state[key].picked
        if isinstance(index, int) and 0 <= index < len(nodes) and nodes[index]["kind"] == "unit":
            on_pick(index)

    data = {"nodes": [dict(one) for one in nodes], "links": [dict(one) for one in links], "stages": list(stages)}
    _river(data={**data, "alt": alt}, key=key, on_picked_change=picked)
