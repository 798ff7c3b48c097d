"""The form of the concepts of a layer: of which pictures, which layer, how many, and for which answer."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

import core
from dashboard import words
from dashboard.forms.settings import choose, field
from dashboard.forms.unit import bring
from dashboard.recipes import Concepts, usual
from dashboard.server import networks, results, sets

BROUGHT = "A folder or zip that was brought by “Your own pictures” above is in this list, too."
PATTERNS = {"stripes": "Stripes, drawn", "dots": "Dots, drawn", "checks": "Checks, drawn"}


def recipe(name: str, picture: str) -> Concepts:
    """What a person asks. Raises ValueError for a network without maps."""
    net = networks.network(name)
    usually, layers = usual.factorized(net)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        source = choose(
            core.Setting("set", "Found in", "", ("", *sets.set_names())), widget=st.selectbox, width=260,
            names=lambda one: sets.set_title(one) if one else "This picture alone",
        )  # fmt: skip
        layer = choose(
            core.Setting("layer", "Layer", usually, tuple(layers)), widget=st.selectbox, width=300,
            names=lambda one: f"{one} · {words.places(net.layer(one))} · {net.layer(one).channels} channels",
        )  # fmt: skip
        one = field(Concepts(name, picture, layer, source), "count", widget=st.selectbox, width=120)
        one = replace(one, count=min(one.count, net.layer(layer).channels))
        one = replace(one, target=answer(name, picture, layer))
        if sets.may_bring_sets():
            bring()
    return one


def answer(name: str, picture: str, layer: str) -> int | None:
    """The class for which the concepts are asked; None where the network has none, or the layer does not lead there."""
    net = networks.network(name)
    if not net.labels or layer not in net.before(core.LOGITS):
        return None
    said, named, labels = results.prediction(name, picture), words.classes(net), list(net.labels)
    label = choose(
        core.Setting("target", "Worth to", "", ("", *labels)), widget=st.selectbox, width=280,
        names=lambda one: named(one) if one else f"its own answer: {said[0][0]} ({words.value(net, said[0][1])})",
    )  # fmt: skip
    return labels.index(label or said[0][0])


def own_concept() -> str:
    """A concept that a person has in mind: a drawn pattern, or a set of pictures; "" for none."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = ("", *PATTERNS, *(one for one in sets.set_names() if one != "samples"))
        chosen: str = choose(
            core.Setting("concept", "Does it depend on", "", names, help=BROUGHT if sets.may_bring_sets() else ""),
            widget=st.selectbox, width=300,
            names=lambda one: PATTERNS.get(one) or (sets.set_title(one) if one else "choose a concept"),
        )  # fmt: skip
    return chosen
