"""Small pictures, one of which is chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard.components.files import component

_thumbnails = component("thumbnails")


def thumbnails(
    images: Sequence[str], *, titles: Sequence[str], chosen: int, label: str, key: str, on_pick: Callable[[int], None]
) -> None:
    """Small pictures in rows, by mouse, finger, or Tab, arrows and Enter.

    Args:
        images: addresses of the pictures, ``figures.data_url``, all of one size.
        titles: what each shows, read aloud and shown under the mouse.
        chosen: index of the marked one.
        label: what is chosen here.
        key: the component's own key.
        on_pick: called with the index of the one that was chosen.
    """

    def picked() -> None:
        index = st.session_state[key].picked
        if isinstance(index, int) and 0 <= index < len(titles):
            on_pick(index)

    data = {"images": list(images), "titles": list(titles), "chosen": chosen, "label": label}
    _thumbnails(data=data, key=key, on_picked_change=picked)
