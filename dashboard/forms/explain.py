"""The form of attribution: what is explained, beside what, and what the methods of the catalogue can be set to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st

import core
from dashboard import address, words
from dashboard.forms.settings import choose, options
from dashboard.recipes import Explain, usual
from dashboard.server import networks, results, uploads


@dataclass(frozen=True)
class Chosen:
    """The methods, what they can be set to, and the layer whose maps some of them weigh, empty for the usual one."""

    methods: tuple[str, ...]
    options: tuple[tuple[str, Any], ...]
    maps: str = ""


@dataclass(frozen=True)
class Question:
    """What is explained: a class (``label``) or the own answer of a network; a channel of a layer or its strongest."""

    layer: str
    label: str = ""
    channel: int | None = None
    against: str = ""

    def recipe(self, network: str, picture: str, chosen: Chosen) -> Explain:
        """The same question to one network on one picture. Raises ValueError where the network has no such unit."""
        own, methods = chosen.options, chosen.methods
        net = networks.network(network)
        if self.layer != core.LOGITS:
            net.layer(self.layer)
            maps = chosen.maps if chosen.maps in net.before(self.layer) else ""
            unit = results.strongest(network, picture, self.layer)[0] if self.channel is None else self.channel
            return Explain(network, picture, self.layer, unit, own, methods, maps=maps)
        wanted = self.label or results.prediction(network, picture)[0][0]
        if wanted not in net.labels:
            raise ValueError(f"{networks.network_title(network)} knows no “{wanted}”.")
        against = net.labels.index(self.against) if self.against in net.labels and self.against != wanted else -1
        maps = chosen.maps if chosen.maps in net.layers else ""
        return Explain(network, picture, self.layer, net.labels.index(wanted), own, methods, against, maps)


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
    other = choose(
        core.Setting("against", "Rather than", "", ("", *net.labels)), widget=st.selectbox, width=200,
        names=lambda one: named(one) if one else "nothing else",
    ) if len(net.labels) > 1 else ""  # fmt: skip
    return Question(layer, label, against=other)


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


GROUPS = {"gradients": "Gradients", "maps of a layer": "Maps of a layer", "relevance": "Relevance", "hiding": "Hiding"}


def methods(name: str) -> Chosen:
    """The methods, chosen by group, the quickest first; and what they can be set to: one name is one setting."""
    with st.popover("Methods", icon=":material/checklist:"):
        found = [one for group, title in GROUPS.items() for one in _of_group(group, title)]
    chosen = tuple(one for one in core.METHODS if one in found) or ("gradient",)
    settings = {one.name: one for method in chosen for one in core.METHODS[method].settings}
    with st.popover("More", icon=":material/tune:"):
        own, layer = options(settings.values()), ""
        if any(core.METHODS[one].layered for one in chosen):
            layer = maps_layer(networks.network(name))
    return Chosen(chosen, own, layer)


def maps_layer(net: core.Classifier) -> str:
    """The layer whose maps are weighed; empty for the last one with maps."""
    spatial = [one for one, info in net.layers.items() if info.spatial and max(info.shape[:2]) > 1]
    layer: str = choose(
        core.Setting(
            "maps", "Maps of the layer", "", ("", *spatial),
            help="Which maps Grad-CAM and its kin weigh, and where LRP shows its relevance. Early ones are finer, and "
            "know less of the class.",
        ),
        widget=st.selectbox, names=lambda one: one or "the last one with maps; LRP: the picture",
    )  # fmt: skip
    return layer


def _of_group(group: str, title: str) -> list[str]:
    known = {name: one for name, one in core.METHODS.items() if one.group == group}
    return address.several(
        title, list(known), key=f"methods_{group.split()[0]}", format_func=lambda one: known[one].title,
        default=[name for name, one in known.items() if one.usual],
    )  # fmt: skip


MUST_AGREE = ("hires_cam", "xgrad_cam")
"""Methods whose maps are Grad-CAM's where only global average pooling and a dense layer come behind."""


def note(recipe: Explain, method: str, maps: Mapping[str, npt.NDArray[np.float32]]) -> str:
    """What to say below a map: why it is empty, how far it adds up to what it should, which other one it must be."""
    found = maps[method]
    if empty := core.emptiness(method, found):
        return empty
    if method in MUST_AGREE and "grad_cam" in maps and core.same_map(maps["grad_cam"], found):
        return "the same as Grad-CAM, as it must be before global average pooling"
    sums = results.conserved(
        recipe.network, recipe.picture, (recipe.layer, recipe.unit, recipe.against), method, found=found
    )
    return f"adds up to {sums[0]:.2f} of {sums[1]:.2f}" if sums else ""
