"""The form of attribution: what is explained, beside what, and what the methods of the catalogue can be set to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

import core
from dashboard import address, words
from dashboard.forms.settings import choose, options
from dashboard.recipes import Explain, usual
from dashboard.server import networks, results, uploads


@dataclass(frozen=True)
class Question:
    """What is explained: a class (``label``) or the own answer of a network; a channel of a layer or its strongest."""

    layer: str
    label: str = ""
    channel: int | None = None

    def recipe(self, network: str, picture: str, own: tuple[tuple[str, Any], ...]) -> Explain:
        """The same question to one network on one picture. Raises ValueError where the network has no such unit."""
        net = networks.network(network)
        if self.layer != core.LOGITS:
            net.layer(self.layer)
            unit = results.strongest(network, picture, self.layer)[0] if self.channel is None else self.channel
            return Explain(network, picture, self.layer, unit, own)
        wanted = self.label or results.prediction(network, picture)[0][0]
        if wanted not in net.labels:
            raise ValueError(f"{networks.network_title(network)} knows no “{wanted}”.")
        return Explain(network, picture, self.layer, net.labels.index(wanted), own)


def question(name: str, picture: str) -> Question:
    """What a person asks."""
    net = networks.network(name)
    layers = [one for one, info in net.layers.items() if len(info.shape) in (1, 3)]
    answers = [core.LOGITS] if net.labels else []
    layer = choose(
        core.Setting("layer", "Explain", usual.explained(net), (*answers, *layers)),
        widget=st.selectbox, width=260,
        names=lambda one: "an answer" if one == core.LOGITS else f"{one} · {net.layer(one).kind}",
    )  # fmt: skip
    if layer != core.LOGITS:
        most = net.layer(layer).channels - 1
        asked = address.whole_number("Channel", most=most, key="channel", placeholder="the strongest", width=150)
        return Question(layer, channel=asked)
    named = words.classes(net)
    label = choose(
        core.Setting("explain", "Why", "", ("", *net.labels)), widget=st.selectbox, width=260,
        names=lambda one: named(one) if one else _own(net, results.prediction(name, picture)[0]),
    )  # fmt: skip
    return Question(layer, label)


def _own(net: core.Classifier, answer: tuple[str, float]) -> str:
    return f"its own answer: {answer[0]} ({words.value(net, answer[1])})"


def beside(name: str, picture: str) -> list[tuple[str, str]]:
    """The network and the picture; then another network, or another picture, where wanted."""
    others = networks.others(name)
    pictures = [one for one in uploads.picture_names(st.query_params.get("beside")) if one != picture]
    titles = {"": "Nothing"} | {one: networks.network_title(one) for one in others}
    titles |= {one: f"Picture: {uploads.picture_title(one)}" for one in pictures}
    other = choose(
        core.Setting("beside", "Beside", "", tuple(titles)), widget=st.selectbox, width=260, names=titles.__getitem__
    )
    return [(name, picture)] + ([(other, picture) if other in others else (name, other)] if other else [])


def methods() -> tuple[tuple[str, Any], ...]:
    """What the methods can be set to; settings of one name are one."""
    settings = {one.name: one for method in core.METHODS.values() for one in method.settings}
    with st.popover("More", icon=":material/tune:"):
        return options(settings.values())
