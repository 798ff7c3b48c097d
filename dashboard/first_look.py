"""What a page shows while TensorFlow is imported or a network is opened: real pictures and words, no numbers yet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st

import core
from dashboard import process, words, workbench
from dashboard.server import networks, sessions, uploads

USUAL_SIDE = 224
ASSETS = Path(__file__).parent / "assets"
MADE_BEFORE = {
    "filters": ("filters_{}.jpg", "What eight units of each stage, and eight classes, respond to most"),
    "dream": ("default_dream_{}.jpg", "A photograph, as the network dreams it"),
    "inversion": ("inversion_{}.jpg", "Two photographs, drawn again from what each stage has kept of them"),
}
"""By page, the pictures that come with the program: their file, by network, and what they show."""


def photo(name: str, picture: str) -> npt.NDArray[np.uint8]:
    """A picture (H, W, 3) cut to the middle, four times as large as a network that is not open yet will see it."""
    height, width = core.card(name).get("size", (USUAL_SIDE, USUAL_SIDE)) if known(name) else (USUAL_SIDE, USUAL_SIDE)
    return core.to_uint8(core.fit(uploads.picture(picture), height=4 * height, width=4 * width)[0])


def known(name: str) -> bool:
    """Whether the network has a card; a person's own has none before it is open."""
    return name in core.available() or name in core.applications()


def show(title: str, says: str, kind: str) -> None:
    """The page before the network is open: its title, what it is for, the picture, and one that was made before."""
    name, picture = workbench.chosen()
    st.title(title)
    st.markdown(says)
    left, right = st.columns([1, 2], gap="large")
    left.image(
        photo(name, picture), caption=words.text(uploads.picture_title(picture)), alt="The picture", width="stretch"
    )
    with right:
        made_before(name, kind)


def made_before(name: str, kind: str) -> None:
    """One of the pictures that come with the program, where there is one of this network."""
    file, says = MADE_BEFORE.get(kind, ("", ""))
    if file and (made := ASSETS / file.format(name)).exists():
        st.image(str(made), caption=f"{says}; made before, with these weights.", alt=says)


def open_network() -> None:
    """Open the chosen network; where it does not open, say why and keep the one before."""
    state: Any = st.session_state
    try:
        if not process.ready():
            with st.spinner("TensorFlow is starting; the live numbers come in a moment…", show_time=True):
                process.wait(sessions.touch)
        networks.choose(state.network)
    except ValueError as error:
        state.update(refused=str(error), go_to_network=state.get("shown_network", core.available()[0]))
        st.rerun()
    state.shown_network = state.network
