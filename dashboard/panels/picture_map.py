"""Pictures at their places on a map; a click on one goes somewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard import address, figures
from dashboard.server import limits


def show(*told: Any, name: str, alt: str, on_pick: Callable[[int], object], **marked: Any) -> None:
    """Draw what ``figures.picture_map`` is told under a ``name``; ``on_pick`` is given the number of a picked one."""
    key = address.session_key(name)

    def picked() -> None:
        if points := st.session_state[key].selection.points:
            on_pick(points[0]["point_index"])

    st.plotly_chart(
        figures.picture_map(*told, narrow=limits.phone(), **marked),
        on_select=picked, selection_mode="points", key=key, alt=alt,
        config={**figures.PLAIN, "scrollZoom": not limits.phone()},
    )  # fmt: skip
