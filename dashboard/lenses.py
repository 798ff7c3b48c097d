"""One unit, one class or one picture under every lens: rows of links that lead from page to page.

A lens is a row of ``UNIT``: a page, and the settings with which it shows a unit. A page that does not exist yet, or
that cannot show the unit, is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

import core
from dashboard import address, words
from dashboard.server import networks, uploads

PAGES = Path(__file__).parent / "app_pages"
Settings = dict[str, Any]


@dataclass(frozen=True)
class Unit:
    """A channel of a layer, or a class, of a network on a picture."""

    network: str
    picture: str
    layer: str
    channel: int

    @property
    def label(self) -> str:
        """The class, "" where it is none."""
        return networks.network(self.network).labels[self.channel] if self.layer == core.LOGITS else ""


@dataclass(frozen=True)
class Lens:
    """A page that shows a unit.

    Attributes:
        page: its file and address.
        title: of the link.
        icon: of the link.
        settings: of a channel of a layer; None where the page shows none.
        of_class: of a class; None where the page shows none.
    """

    page: str
    title: str
    icon: str
    settings: Callable[[Unit], Settings] | None
    of_class: Callable[[Unit], Settings] | None = None


def _place(unit: Unit) -> Settings:
    return {"layer": unit.layer, "channel": unit.channel}


UNIT = (
    Lens("activations", "Its map on the picture", "grid_view", _place),
    Lens(
        "filters", "Its maximized picture", "auto_awesome",
        lambda unit: {"units": "number", "layer": unit.layer, "numbers": unit.channel},
        lambda unit: {"units": "class", "classes": unit.label},
    ),
    Lens("units", "Its top patches", "center_focus_strong", lambda unit: {"show": "unit", **_place(unit)}),
    Lens(
        "contributions", "What it gives to the answer", "account_tree", _place, lambda unit: {"target": unit.label}
    ),
    Lens("why", "Which pixels it depends on", "help_center", _place, lambda unit: {"explain": unit.label}),
    Lens(
        "dream", "A dream of it", "bedtime",
        lambda unit: {f"layers_{next(iter(core.DREAMS))}": unit.layer, "channels": unit.channel},
    ),
)  # fmt: skip
"""Every page that shows one unit: a new one is a row here."""


def links(unit: Unit, *, here: str) -> list[tuple[Lens, Settings]]:
    """The lenses that show a unit, but for the page that one is on, with the whole address of each."""
    info = None if unit.layer == core.LOGITS else networks.network(unit.network).layer(unit.layer)
    found = []
    for lens in UNIT:
        ask = lens.of_class if info is None else lens.settings
        flat = info is not None and not info.spatial and lens.page not in ("filters", "activations")
        if ask and not flat and lens.page != here and (PAGES / f"{lens.page}.py").is_file():
            found.append((lens, {"network": unit.network, "picture": unit.picture, **ask(unit)}))
    return found


def show(unit: Unit, *, here: str) -> None:
    """The row of links of a unit, on the page ``here``."""
    with st.container(horizontal=True, gap="small"):
        for lens, settings in links(unit, here=here):
            st.page_link(
                f"app_pages/{lens.page}.py", label=lens.title, icon=f":material/{lens.icon}:",
                query_params={name: str(value) for name, value in settings.items()},
            )  # fmt: skip


BESIDE = {
    "why": ("Why is it answered so?", "help_center", ("picture", "beside")),
    "activations": ("Its activations beside the original's", "grid_view", ("other", "picture")),
}
"""The pages that show an adversarial picture beside its original: title, icon, and the settings that name the two."""


def show_attacked(network: str, original: str, file: bytes, *, key: str) -> None:
    """From an adversarial picture to why it is answered so, and to its activations beside the original's."""
    with st.container(horizontal=True, gap="small"):
        for page, (title, icon, settings) in BESIDE.items():
            if st.button(title, icon=f":material/{icon}:", key=f"{page}_{key}", type="tertiary"):
                try:
                    name = uploads.bring(file, f"{uploads.picture_title(original)[:44]} attacked")
                except ValueError as error:
                    st.session_state.refused = str(error)
                    st.rerun()
                own = st.session_state.get("own_pictures", ())
                st.session_state.own_pictures = [*own, *({name} - set(own))]
                came = {"network": network, "picture": original}
                left = {"network": st.session_state.network, "picture": original}  # the attack's page may show a twin
                st.session_state.setdefault("attacked", {})[name] = left
                pair = dict(zip(settings, (name, original), strict=True))
                st.switch_page(f"app_pages/{page}.py", query_params={**came, **pair})


def came_back(page: str) -> None:
    """The browser's way back to an attack whose address names no picture, as that was the usual one: it is again."""
    came = st.session_state.get("attacked", {}).get(st.session_state.get("picture"))
    if came and page == "attack" and "picture" not in st.query_params and address.went_back():
        st.query_params["picture"] = came["picture"]


def way_back(page: str) -> None:
    """On a page that shows an adversarial picture: back to the attack that made it, as it was left."""
    _, _, settings = BESIDE.get(page, ("", "", ()))
    shown = {st.query_params.get(one) for one in settings} | {st.session_state.picture}
    for name, came in st.session_state.get("attacked", {}).items():
        if settings and name in shown:
            title = f"Back to the attack on “{words.text(uploads.picture_title(came['picture']))}”"
            st.page_link("app_pages/attack.py", label=title, icon=":material/arrow_back:", query_params=came)
            return
