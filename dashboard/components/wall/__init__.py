"""A mosaic whose tiles can be chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard.components.files import component

_wall = component("wall")


def wall(
    image: str,
    *,
    columns: int,
    labels: Sequence[str],
    chosen: int,
    alt: str,
    key: str,
    on_pick: Callable[[int], None],
    smooth: bool = False,
) -> None:
    """A mosaic whose tiles answer to mouse and keyboard.

    Args:
        image: address of the mosaic's picture, ``figures.data_url``.
        columns: tiles in a row.
        labels: what to show beside the cursor, one for each tile.
        chosen: index of the marked tile, -1 for none.
        alt: the mosaic in words.
        key: the component's own key.
        on_pick: called with the index of a tile that was clicked.
        smooth: magnify smoothly, as a photograph; without it each number stays a block.
    """

    def picked() -> None:
        tile = st.session_state[key].picked
        if isinstance(tile, int) and 0 <= tile < len(labels):
            on_pick(tile)

    _wall(
        data={
            "image": image,
            "columns": columns,
            "labels": list(labels),
            "chosen": chosen,
            "alt": alt,
            "smooth": smooth,
        },
        key=key,
        on_picked_change=picked,
    )
