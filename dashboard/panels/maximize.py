"""A photograph with more of what a unit likes in it, beside the photograph."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st

import core
from dashboard import components, figures, words
from dashboard.recipes import Maximize
from dashboard.server import accentuation, networks, uploads

ACCENTUATION = (
    "Feature accentuation ([Hamblin et al., 2024](https://arxiv.org/abs/2402.10039)): the unit is maximized from "
    "the photograph on, and an earlier layer holds the picture to it."
)


def title(recipe: Maximize) -> str:
    """What to call the way in which pictures were made."""
    return "Feature accentuation" if recipe.hold else core.PRESETS[recipe.preset].title


def source(recipe: Maximize) -> str:
    """Where it comes from."""
    return ACCENTUATION if recipe.hold else core.PRESETS[recipe.preset].source


def show_held(recipe: Maximize, large: npt.NDArray[np.uint8], place: Any, *, name: str, key: str) -> None:
    """The photograph under the picture that it became, with a line between them, and how far it was left."""
    net = networks.network(recipe.network)
    photo = core.fit(uploads.picture(recipe.start), height=large.shape[0], width=large.shape[1])
    holder = core.holding_layer(net, recipe.layer)
    moved = accentuation.moved(recipe.network, recipe.start, recipe.layer, large)
    with place:
        components.compare(
            figures.data_url(core.encode_png(photo[0])), figures.data_url(core.encode_png(large)), key=f"held_{key}",
            alt=f"The photograph on the left, and on the right with more of what {name} likes in it",
        )  # fmt: skip
        st.caption(
            f"Left of the line: the photograph. Right: with more of what {words.text(name)} likes in it. It is held by "
            f"{words.text(holder)}, whose activations moved by {moved:.0%} of their squared length."
        )
