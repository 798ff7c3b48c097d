"""The form of filter maximization."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

import core
from dashboard import address, words
from dashboard.forms.settings import choose, field, fields
from dashboard.recipes import Maximize, numbers, usual
from dashboard.recipes.maximize import HELD, HOLDS
from dashboard.server import networks, results

UNITS = {"strongest": "Strongest on my picture", "number": "By number", "class": "Classes by name"}
POSITIONS = {"anywhere": "Everywhere (the channel)", "middle": "In the middle (one neuron)"}
STARTS = {
    "noise": "Noise", "grey": "Grey", "picture": "My picture", "held": "My picture, held (feature accentuation)",
}  # fmt: skip
FEW = core.Setting("many", "How many", 4, (1, 2, 4, 8))
COMPARE = {"nothing": "Nothing", "network": "Another network", "preset": "Another preset", "steps": "Other steps"}


def recipe(name: str, picture: str) -> Maximize:
    """Everything that a person can set. Raises ValueError."""
    net = networks.network(name)
    begins, hold = start()
    layer, channels = units(name, picture, FEW if hold else usual.MANY)
    one = Maximize(name, layer, channels, start=picture if begins in ("picture", "held") else begins, hold=hold)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        one = field(
            one, "preset", disabled=bool(one.hold), widget=st.selectbox, width=220, help=words.sources(),
            names=lambda key: core.PRESETS[key].title,
        )  # fmt: skip
        one = field(field(one, "steps", width=220), "size", width=180, disabled=bool(one.hold))
        with st.popover("More", icon=":material/tune:"):
            return details(one, pointlike=layer == core.LOGITS or not net.layer(layer).spatial)


def start() -> tuple[str, float]:
    """What it begins with, and how much it is held to a picture: 0 for not at all."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        begins = choose(
            core.Setting("start", "Start from", "noise", tuple(STARTS)), names=STARTS.__getitem__,
            help="Feature accentuation: what of your picture a unit likes, drawn into it; the rest is held.",
        )  # fmt: skip
        held = core.Setting("hold", "How much", 10.0, HOLDS, help=HELD)
        return begins, choose(held, width=220) if begins == "held" else 0.0


def units(name: str, picture: str, many: core.Setting = usual.MANY) -> tuple[str, tuple[int, ...]]:
    """The layer and the channels, as ``many`` as may be chosen, or the classes. Raises ValueError."""
    net = networks.network(name)
    options = tuple(key for key in UNITS if key != "class" or net.labels)
    by = choose(core.Setting("units", "Units", "strongest", options), names=UNITS.__getitem__)
    if by == "class":
        likely = [label for label, _ in results.prediction(name, picture)]
        labels = address.several(
            "Classes", net.labels, key="classes", default=likely, format_func=words.classes(net),
            help="Type a name, or a group such as birds.",
        )  # fmt: skip
        return core.LOGITS, tuple(net.labels.index(label) for label in labels)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        layer = choose(
            core.Setting("layer", "Layer", usual.maximized(net), tuple(net.layers)),
            widget=st.selectbox, width=320, names=lambda one: f"{one} · {net.layer(one).channels} channels",
        )  # fmt: skip
        if by == "number":
            typed = address.text("Channels, such as 0-7, 12", key="numbers", default="0-15")
            return layer, numbers(typed, net.layer(layer).channels - 1)
        count = choose(many, widget=st.selectbox, width=140)
    return layer, results.strongest(name, picture, layer)[:count]


def details(one: Maximize, *, pointlike: bool) -> Maximize:
    """What a person changes less often; a ``pointlike`` layer has no positions to choose from."""
    one = field(
        one, "negative", names=lambda low: "Minimize (silence the unit)" if low else "Maximize (excite the unit)"
    )
    place = choose(
        core.Setting("place", "Where in its map", "anywhere", tuple(POSITIONS)), names=POSITIONS.__getitem__,
        disabled=pointlike,
    )  # fmt: skip
    return replace(
        fields(one, "facets", "seed"), position="middle" if place == "middle" and not pointlike else None
    )  # fmt: skip


def others(one: Maximize) -> dict[str, Maximize]:
    """What to compare with, if anything."""
    twins = tuple(networks.others(one.network))
    compare = tuple(key for key in COMPARE if key != "network" or twins)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        what = choose(
            core.Setting("compare", "Compare with", "nothing", compare), widget=st.selectbox, width=220,
            names=COMPARE.__getitem__,
        )  # fmt: skip
        if what == "nothing":
            return {}
        choices = twins if what == "network" else Maximize.settable()[what].choices or ()
        first = next(value for value in choices if value != getattr(one, what))
        value = choose(
            core.Setting(f"other_{what}", COMPARE[what], first, choices), widget=st.selectbox, width=260,
            names=lambda other: _title(what, other),
        )  # fmt: skip
    return {"b": replace(one, **{what: value})}


def _title(what: str, value: Any) -> str:
    if what == "network":
        return networks.network_title(value)
    return core.PRESETS[value].title if what == "preset" else str(value)
