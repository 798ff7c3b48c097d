"""The form of DeepDream."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

import core
from dashboard import address, components, figures, notices, words
from dashboard.forms.settings import choose, field, fields
from dashboard.recipes import Dream, numbers
from dashboard.server import networks, uploads

MAKES = {"still": "A picture", "zoom": "An endless zoom", "video": "My own video"}
PLACES = {"everywhere": "Everywhere", "painted": "Where I paint"}
TOOLS = {"brush": "Brush", "rectangle": "Rectangle", "erase": "Eraser"}
WEIGHTS = (-1.0, 0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 4.0)
DETAILS = ("octaves", "ratio", "steps", "jitter", "step_size", "normalize")


def recipe(name: str, picture: str) -> Dream:
    """Everything that a person can set. Raises ValueError."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        one = field(Dream(name, picture), "make", names=MAKES.__getitem__)
        one = field(
            one, "preset", widget=st.selectbox, width=220, names=lambda key: core.DREAMS[key].title,
            help=words.sources(core.DREAMS),
        )  # fmt: skip
        one = field(one, "size", width=220, names=lambda side: f"{side} px" if side else "full size")
        with st.popover("More", icon=":material/tune:", width="content"):
            one = details(one)
    return motion(one) if one.make != "still" else replace(one, mask=mask(picture))


def details(one: Dream) -> Dream:
    """What a person changes less often. Raises ValueError."""
    net = networks.network(one.network)
    one = replace(one, layers=layers(one.network, one.preset))
    typed = address.text("Only these channels of them, such as 3, 8-11", key="channels", default="")
    least = min((net.layer(layer).channels for layer, _ in one.layers), default=1)
    one = replace(one, channels=numbers(typed, least - 1) if typed.strip() else ())
    columns = st.columns(2)
    for index, name in enumerate(DETAILS):
        in_words = _in_255 if name == "step_size" else _plainly
        own = f"{in_words(getattr(core.DREAMS[one.preset], name))}, as the preset"
        with columns[index % 2]:
            one = field(one, name, widget=st.selectbox, own=own, names=in_words)
    guide = address.choice(
        st.selectbox, "Dream toward another picture (the guide)", ["", *uploads.picture_names()], key="guide",
        default="", format_func=lambda other: uploads.picture_title(other) if other else "No guide",
    )  # fmt: skip
    one = field(one, "keep_colours", names=lambda keep: "The photograph's" if keep else "The dream's")
    return replace(field(one, "seed"), guide=guide)


def _in_255(value: float) -> str:
    return f"{value * 255:.2g}/255"


def _plainly(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def layers(name: str, preset: str) -> tuple[tuple[str, float], ...]:
    """The layers to maximize, each with a weight."""
    usual = core.dream_layers(networks.network(name), preset)
    chosen = address.several("Layers to maximize", spatial(name), key=f"layers_{preset}", default=list(usual))
    weights = []
    for column, layer in zip(st.columns(max(len(chosen), 1)), chosen, strict=False):
        own = usual.get(layer, 1.0)
        setting = core.Setting(f"weight_{preset}_{layer}", layer, own if own in WEIGHTS else 1.0, WEIGHTS)
        with column:
            weights.append(choose(setting))
    return tuple(zip(chosen, weights, strict=True))


def spatial(name: str) -> list[str]:
    """The layers with height and width."""
    return [layer for layer, info in networks.network(name).layers.items() if info.spatial]


def mask(picture: str) -> str:
    """Where to dream: nothing, or painted cells. Raises ValueError."""
    where = choose(core.Setting("where", "Where", "everywhere", tuple(PLACES)), names=PLACES.__getitem__)
    cells = address.value("mask")
    if where == "everywhere":
        return ""
    if cells:
        core.painted_mask(cells, height=1, width=1)  # raises where the address holds anything else
    with st.expander("Paint where to dream", expanded=True):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            tool = st.segmented_control(
                "Tool", list(TOOLS), default="brush", key="tool", required=True, format_func=TOOLS.__getitem__
            )
            st.button("Clear", icon=":material/delete:", on_click=lambda: address.put(mask=""))
        small = core.shrink(uploads.picture(picture), max_side=512)
        components.paint(
            figures.data_url(core.encode_jpeg(small[0])), cells=cells, rectangle=tool == "rectangle",
            erase=tool == "erase", alt="Drag over the picture to paint where to dream", key="paint",
            on_paint=lambda new: address.put(mask=new),
        )  # fmt: skip
    return cells


def motion(one: Dream) -> Dream:
    """What moves."""
    if one.make == "zoom":
        with st.container(horizontal=True, vertical_alignment="bottom"):
            return fields(one, "frames", "zoom", "rotate", "drift")
    st.file_uploader(
        "A short video: MP4, MOV, WebM or GIF", type=["mp4", "mov", "webm", "gif"], key="video_file",
        on_change=take_video,
    )  # fmt: skip
    if refused := st.session_state.pop("video_refused", None):
        notices.refused(refused)
    return replace(field(one, "blend"), video=address.value("video"))


def take_video() -> None:
    """A person brought a video: keep it, or say in one sentence why not."""
    file = st.session_state.video_file
    if file is not None:
        try:
            address.put(video=uploads.bring_video(file.getvalue()))
        except ValueError as error:
            st.session_state.video_refused = f"{file.name[:60]}: {error}"


def surprise(name: str) -> dict[str, Any]:
    """Other layers, octaves and a seed, by chance: settings of the page by their names in the address."""
    chance, deep = np.random.default_rng(), spatial(name)
    deep = deep[len(deep) // 3 :]
    some = [str(layer) for layer in chance.choice(deep, min(len(deep), int(chance.integers(1, 3))), replace=False)]
    least = min(networks.network(name).layer(layer).channels for layer in some)
    channels = chance.choice(least, min(3, least), replace=False).tolist() if chance.random() < 0.5 else []
    preset = next(iter(core.DREAMS))
    return {
        "preset": preset, f"layers_{preset}": some, "octaves": int(chance.integers(3, 7)),
        "seed": int(chance.integers(10_000)), "channels": ", ".join(map(str, sorted(channels))), "more": "",
    }  # fmt: skip
