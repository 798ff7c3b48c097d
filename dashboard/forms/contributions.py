"""The form of "Which units made this answer?": the answer, what it is held against, and the layer."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

import core
from dashboard import words
from dashboard.forms.settings import choose
from dashboard.server import networks, results


@dataclass(frozen=True)
class Asked:
    """An answer, or one against another, and the layer whose channels are asked."""

    layer: str
    target: int | tuple[int, int]
    title: str


def question(name: str, picture: str) -> Asked:
    """What a person asks."""
    net = networks.network(name)
    said = results.prediction(name, picture)
    named, labels = words.classes(net), list(net.labels)
    label = choose(
        core.Setting("target", "Why", "", ("", *labels)), widget=st.selectbox, width=280,
        names=lambda one: named(one) if one else f"its own answer: {said[0][0]} ({words.value(net, said[0][1])})",
    )  # fmt: skip
    own = label or said[0][0]
    other = choose(
        core.Setting("against", "and not", "", ("", *(one for one in labels if one != own))), widget=st.selectbox,
        width=280, names=lambda one: named(one) if one else "against nothing",
    )  # fmt: skip
    on_the_way = [one for one in net.before(core.LOGITS) if net.layer(one).channels > 1]
    stages = [stage.layer for stage in core.stages(net) if stage.layer in on_the_way]
    layer = choose(
        core.Setting("layer", "Layer", (stages or on_the_way)[-1], tuple(on_the_way)), widget=st.selectbox, width=300,
        names=lambda one: f"{one} · {net.layer(one).channels} channels",
    )  # fmt: skip
    target = labels.index(own)
    if not other:
        return Asked(layer, target, own)
    return Asked(layer, (target, labels.index(other)), f"{own} and not {other}")
