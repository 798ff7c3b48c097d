"""What feeds a unit and what it feeds, as small kernels to click: a walk through the network, with its trail."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st

import core
from dashboard import address, components, figures, forms, words
from dashboard.server import circuits, drawings, networks

Pixels = npt.NDArray[np.uint8]
SIDE, COLUMNS = 48, 10
DRAW, DRAWING = "draw_wiring", "The picture that each likes most, below its kernel. It takes about a second for each."
MOST_TRAIL = 12


Connections = Sequence[core.Connection]


def show(network: str, layer: str, channel: int) -> Callable[[], None]:
    """Both sides of a unit, and the units that one came by.

    Returns what draws the units that are not drawn yet, where somebody wants that, to be called at the page's end.
    """
    st.markdown("**What feeds it, and what it feeds**")
    show_trail(network)
    sides = circuits.wired(network, layer, channel)
    pictures = drawings.drawn(network)
    places = []
    for column, title, found in zip(st.columns(2, gap="large"), ("Fed by", "Feeds"), sides, strict=True):
        with column:
            show_side(network, (layer, channel), title, found, pictures=pictures)
            places.append(st.empty())
    st.caption(
        "The kernels between units, by their norm: convolutions, normalization, skip connections and concatenations up "
        "to the next nonlinearity are one linear step; maximum pooling counts as its mean. Red is above zero, blue "
        "below. Click one to go there."
    )
    units = {(one.layer, one.channel) for found in sides for one in found if one.layer != core.PICTURE}
    missing = units - set(pictures)
    title = f"Draw these units, too ({len(missing)} are not drawn yet)"
    wanted = bool(missing) and forms.choose(core.Setting(DRAW, title, False, help=DRAWING))

    def draw() -> None:
        if wanted and drawings.draw(network, units, lambda made: _show_made(places, sides, made.pictures)):
            st.rerun()

    return draw


def _show_made(places: Sequence[Any], sides: Sequence[Connections], pictures: Mapping[drawings.Unit, Pixels]) -> None:
    """What is drawn so far, below the kernels."""
    for place, found in zip(places, sides, strict=True):
        if any((one.layer, one.channel) in pictures for one in found):
            tiles = np.stack([_drawn(one, pictures) for one in found])
            place.image(figures.apart(tiles, columns=COLUMNS, gap=2), width="stretch", alt="Drawn so far")


def show_side(
    network: str, unit: drawings.Unit, title: str, found: Connections, *, pictures: Mapping[drawings.Unit, Pixels]
) -> None:
    """The strongest connections of one side, each with its picture where that is drawn."""
    if not found:
        st.caption(f"{title}: nothing with weights.")
        return
    limit = max(float(np.abs(one.kernel).max()) for one in found)
    tiles = np.stack([_square(figures.signed(one.kernel, limit, SIDE)) for one in found])
    if any((one.layer, one.channel) in pictures for one in found):
        tiles = np.concatenate([tiles, np.stack([_drawn(one, pictures) for one in found])], axis=1)
    names = [_name(network, one) for one in found]
    columns = min(COLUMNS, len(found))
    with st.container(width="stretch" if columns == COLUMNS else (SIDE + 16) * columns):
        components.wall(
            figures.data_url(core.encode_png(figures.mosaic(tiles, columns=columns))), columns=columns, chosen=-1,
            labels=[f"{name}: {one.strength:.3g}" for name, one in zip(names, found, strict=True)],
            alt=f"{title}: kernels of the strongest connections; arrow keys and Enter go there",
            key=f"wiring_{title}", on_pick=lambda tile: walk(network, unit, found[tile]),
        )  # fmt: skip
    st.caption(f"{title}: {', '.join(words.text(name) for name in names[:6])}{', …' if len(names) > 6 else ''}")


def _drawn(one: core.Connection, pictures: Mapping[drawings.Unit, Pixels]) -> Pixels:
    """The maximized picture of a unit as a tile; grey where it is not drawn."""
    side = SIDE + 12
    pixels = pictures.get((one.layer, one.channel))
    if pixels is None:
        return np.full((side, side, 3), 128, np.uint8)
    return core.to_uint8(core.resize(core.to_float(pixels)[None], height=side, width=side))[0]


def _square(tile: Pixels) -> Pixels:
    """A kernel's picture in the middle of a grey square, so that all are of one size."""
    whole = np.full((SIDE + 12, SIDE + 12, 3), 128, np.uint8)
    step = -(-max(tile.shape[:2]) // (SIDE + 12))
    tile = tile[::step, ::step]
    height, width = tile.shape[:2]
    top, left = (SIDE + 12 - height) // 2, (SIDE + 12 - width) // 2
    whole[top : top + height, left : left + width] = tile
    return whole


def _name(network: str, one: core.Connection) -> str:
    if one.layer == core.LOGITS:
        return networks.network(network).labels[one.channel]
    if one.layer == core.PICTURE:
        return f"the picture, {['red', 'green', 'blue'][one.channel]}" if one.channel < 3 else "the picture"
    return f"{one.layer} {one.channel}"


def walk(network: str, unit: tuple[str, int], to: core.Connection) -> None:
    """Go to a unit, in a callback; where one came from stays in the trail."""
    if to.layer in networks.network(network).layers:
        before = [*passed(network, str(address.get("trail", ""))), unit]
        go_to(to.layer, to.channel, before)


def written(trail: Sequence[tuple[str, int]]) -> str:
    """A trail as it stands in the address."""
    return "|".join(f"{layer}:{channel}" for layer, channel in trail[-MOST_TRAIL:])


def passed(network: str, trail: str) -> list[tuple[str, int]]:
    """The units of a trail; what is none is left out."""
    layers, found = networks.network(network).layers, []
    for one in filter(None, trail.split("|")):
        layer, _, channel = one.rpartition(":")
        if layer in layers and channel.isdecimal() and len(channel) < 8 and int(channel) < layers[layer].channels:
            found.append((layer, int(channel)))
    return found


def show_trail(network: str) -> None:
    """The units that one came by; a click goes back to one."""
    trail = passed(network, address.value("trail", most=1200))
    if not trail:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Came from", width="content")
        for index, (layer, channel) in enumerate(trail):
            st.button(
                f"{words.text(layer)} · {channel}", key=f"trail_{index}", type="tertiary", on_click=_back,
                args=(trail, index),
            )  # fmt: skip


def _back(trail: list[tuple[str, int]], index: int) -> None:
    layer, channel = trail[index]
    go_to(layer, channel, trail[:index])


def go_to(layer: str, channel: int, trail: Sequence[tuple[str, int]]) -> None:
    """Look at a unit, in a callback; what is to be drawn there is asked for anew."""
    address.put(show="unit", layer=layer, channel=channel, trail=written(trail), **{DRAW: False})
