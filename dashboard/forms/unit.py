"""The form of the top activating patches: which pictures, which unit, and how patches are carried back to pixels."""

from __future__ import annotations

import streamlit as st

import core
from dashboard import address, words
from dashboard.forms.settings import choose
from dashboard.recipes import usual
from dashboard.server import networks, sets

SHOWN = {"story": "Layer by layer", "unit": "One unit in detail", "families": "Families of a layer"}
BACK = (
    "How a patch is carried back to the pixels. The ways differ in what a rectifier lets through: DeconvNet what is "
    "positive on the way back, guided backprop only where the unit was active too, the gradient what was active. "
    "Without max-pooling, DeconvNet hardly depends on the picture (Springenberg et al., arXiv:1412.6806); guided "
    "backprop comes first there."
)


def view(name: str) -> tuple[str, str, str]:
    """What to show, over which set of pictures, carried back how."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shown = choose(core.Setting("show", "Show", "story", tuple(SHOWN)), names=SHOWN.__getitem__)
        pictures = choose(
            core.Setting("set", "Pictures", "samples", tuple(sets.set_names())), widget=st.selectbox, width=260,
            names=sets.set_title,
        )  # fmt: skip
        projection = core.Setting(
            "projected", "Projection by", usual.projection(networks.network(name)), core.PROJECTIONS, help=BACK
        )
        method = choose(projection, names=method_title)
        if sets.may_bring_sets():
            bring()
    return shown, pictures, method


def method_title(method: str) -> str:
    """What to call a way back: as attribution calls it."""
    return core.METHODS[method].title


def bring(setting: str = "set") -> None:
    """A folder or a zip of one's own; ``setting`` is what the page calls the set that it shows."""
    with st.popover("Your own pictures", icon=":material/folder_open:"):
        folder = st.text_input("Folder or zip on this machine", key="own_folder", placeholder="/home/me/photos")
        folder = folder.strip()
        st.button(
            "Open the folder", on_click=lambda: take(folder, folder, setting), disabled=not folder, key="open_set"
        )
        file = st.file_uploader("Or a zip", type="zip", key="own_zip", max_upload_size=200)
        if file is not None:
            st.button("Open the zip", on_click=lambda: take(file.getvalue(), file.name, setting), key="open_zip")


def take(source: str | bytes, title: str, setting: str = "set") -> None:
    """Choose a folder or zip, or say in one sentence why not."""
    try:
        address.put(**{setting: sets.bring_set(source, title)})
    except ValueError as error:
        st.session_state.refused = str(error)


def unit(name: str, stages: list[core.Stage], *, whole: bool = False) -> tuple[str, int | None]:
    """The layer and the unit, None for the one that stands out most; with ``whole`` no unit is asked for."""
    net = networks.network(name)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        layer = choose(
            core.Setting("layer", "Layer", usual.excited(stages, net), tuple(net.layers)), widget=st.selectbox,
            width=360, names=lambda one: f"{one} · {net.layer(one).channels} units",
        )  # fmt: skip
        most = net.layer(layer).channels - 1
        asked = None
        if not whole:
            asked = address.whole_number("Unit", most=most, key="channel", placeholder="stands out most", width=180)
    st.markdown(f"**{words.text(layer)}**: {words.extent(net.layer(layer))}. {words.story(net, layer)}")
    return layer, asked
