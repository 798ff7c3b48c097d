"""The form of feature inversion."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

import core
from dashboard import address, words
from dashboard.forms.settings import choose, field
from dashboard.recipes import Invert, usual
from dashboard.server import networks


def recipe(name: str, picture: str) -> Invert:
    """Everything that a person can set."""
    net, one = networks.network(name), Invert(name, picture, ())
    with st.container(horizontal=True, vertical_alignment="bottom"):
        one = field(one, "preset", widget=st.selectbox, width=300, names=title, help=words.sources(core.INVERSIONS))
        one = field(one, "steps", width=200, default=usual.inversion_steps(net))
        one = field(one, "scale", names=lambda times: f"{net.size[0] * times} × {net.size[1] * times}")
        with st.popover("More", icon=":material/tune:"):
            one = field(one, "power", disabled=not one.exaggerates)
            one = field(one, "seed")
    layers = address.several("Layers", list(net.layers), key="layers", default=usual.inverted(net))
    return replace(one, layers=tuple(layers))


def title(key: str) -> str:
    """What to call a way to draw."""
    preset = core.INVERSIONS[key]
    return preset.title if preset.dot_product else f"Inversion ({preset.title})"


def others(one: Invert) -> dict[str, Invert]:
    """The same with another network that has the same layers, if wanted."""
    if one.network not in core.available():
        return {}
    twins = (other for other in core.available() if other != one.network)
    fitting = [other for other in twins if set(one.layers) <= set(networks.network(other).layers)]
    if not fitting:
        return {}
    other = choose(
        core.Setting("beside", "Beside", "", ("", *fitting)), widget=st.selectbox, width=260,
        names=lambda twin: networks.network_title(twin) if twin else "This network only",
    )  # fmt: skip
    return {"b": replace(one, network=other)} if other else {}
