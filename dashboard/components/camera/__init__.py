"""A live picture, and what a network makes of every frame of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.components.files import component

_camera = component("camera")


def camera(
    settings: Mapping[str, Any],
    *,
    network: str,
    side: tuple[int, int],
    ticket: str,
    colours: str,
    opacity: float,
    still: str,
    film: Sequence[str],
    burst: Mapping[str, Any] | None,
    key: str,
    on_pick: Callable[[int | None], None],
    on_film: Callable[[], None],
    on_take: Callable[[str], None],
    on_burst: Callable[[str, list[str]], None],
) -> None:
    """The camera (or a film), the answers, and the wall of a layer's channels, live.

    Frames go through a WebSocket of their own; see ``server.live``. Where none comes through, 16 frames go through
    Streamlit's, all at once. Where the server does not know the ticket (it is another one than before, or began anew),
    the page runs again, which brings a new one.

    Args:
        settings: what ``server.frames.Wish`` takes: layer, draw, channel, order, count. They go with every frame.
        network: its name; another one begins anew.
        side: height and width in which frames are sent.
        ticket: ``server.live.ticket``.
        colours: of maps, ``figures.lookup_table``.
        opacity: of a map over the picture, 0 to 1.
        still: address of the picture that is looked at before anything moves.
        film: addresses of photographs from which a film is drawn; they are sent when ``on_film`` was called.
        burst: the answers to what ``on_burst`` was called with: {"id": ..., "answers": [base64, ...]}.
        key: the component's own key.
        on_pick: called with the channel that was clicked, None where it is no longer followed.
        on_film: called when a person wants the film.
        on_take: called with a frame, a JPEG in base64, that is to be kept as a picture.
        on_burst: called with an id and frames with their settings, in base64.
    """

    def picked() -> None:
        said = st.session_state[key].picked
        if isinstance(said, Mapping) and (said.get("channel") is None or type(said["channel"]) is int):
            on_pick(said.get("channel"))

    def taken() -> None:
        said = st.session_state[key].taken
        if isinstance(said, str):
            on_take(said)

    def burst_came() -> None:
        said = st.session_state[key].burst
        frames = said.get("frames") if isinstance(said, Mapping) else None
        if isinstance(frames, list) and all(isinstance(one, str) for one in frames):
            on_burst(str(said.get("id"))[:60], frames)

    _camera(
        data={
            "settings": dict(settings), "network": network, "side": list(side), "ticket": ticket, "colours": colours,
            "opacity": opacity, "still": still, "film": list(film), "burst": burst,
        },
        key=key,
        on_picked_change=picked,
        on_film_change=on_film,
        on_taken_change=taken,
        on_burst_change=burst_came,
        on_renewed_change=lambda: None,
    )  # fmt: skip
