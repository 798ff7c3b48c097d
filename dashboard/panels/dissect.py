"""One number of a map, step by step: the map to click, its arithmetic line by line, what went in, where to go on."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

import core
from dashboard import address, components, figures, words
from dashboard.layer_view import Looked
from dashboard.server import circuits, limits, networks, uploads

FEW, MOST = 12, 240
MOST_TRAIL = 12
TITLES = {
    "picture": "The pixel", "products": "Products", "sum": "Sum", "difference": "Difference", "mean": "Mean",
    "maximum": "Maximum", "minimum": "Minimum", "product": "Product", "copy": "Copy", "function": "Slope",
    "bias": "Bias", "rest": "The rest", "normalization": "Normalization", "scaling": "Scaling",
    "activation": "Activation", "softmax": "Softmax", "nothing": "Nothing",
}  # fmt: skip
Unit = tuple[str, int, int, int]
"""Layer, channel, row and column."""


def show(one: Looked) -> None:
    """Everything about one number of the chosen channel."""
    show_trail()
    left, middle, right = st.columns([3, 3, 4], gap="medium")
    with left:
        place = choose_place(one)
    found = circuits.dissected(one.network, one.picture, one.layer, one.channel, place=place, scale=one.view.scale)
    with middle:
        show_where(one, found)
    with right:
        show_lines(found)
    if found.terms is not None:
        show_terms(one, found, found.terms)
    show_readers(one, found)


# ------------------------------------------------------------------------------------------------- which number


def choose_place(one: Looked) -> tuple[int, int]:
    """The place of the map that is asked for, by a click, by number or by address; the highest where none is."""
    if not one.info.spatial:
        st.markdown(f"**Unit {one.channel}** of {words.text(one.layer)}")
        return 0, 0
    values = one.activation[0, ..., one.channel]
    rows, columns = values.shape
    with st.container(horizontal=True, vertical_alignment="bottom"):
        asked = [
            address.whole_number(title, most=n - 1, key=key, placeholder="the highest", width=150)
            for title, key, n in (("Row", "row", rows), ("Column", "column", columns))
        ]
    best = np.unravel_index(int(values.argmax()), values.shape)
    row, column = (int(default) if given is None else given for given, default in zip(asked, best, strict=True))
    components.wall(
        figures.data_url(core.encode_png(figures.enlarged(core.maps(values[..., None])[0], 448))),
        columns=columns, labels=[f"{value:.3g}" for value in values.ravel()], chosen=row * columns + column,
        alt=f"Channel {one.channel} of {one.layer}; arrow keys and Enter choose a number", key="dissect_map",
        on_pick=lambda tile: address.put(row=tile // columns, column=tile % columns),
    )  # fmt: skip
    st.caption("Click a number of the map to take it apart.")
    return row, column


def show_where(one: Looked, found: core.Dissection) -> None:
    """What of the picture it depends on."""
    net = networks.network(one.network)
    seen = core.seen_by(net, uploads.picture(one.picture), scale=one.view.scale)[0]
    zoom = max(1, round(448 / max(seen.shape[:2])))
    st.image(
        figures.windowed(seen, found.window, zoom=zoom), width="stretch", alt="The part of the picture that it sees"
    )
    if found.window is None:
        st.caption("This number depends on the whole picture.")
        return
    top, left, bottom, right = found.window
    st.caption(f"It sees rows {max(top, 0)} to {bottom - 1} and columns {max(left, 0)} to {right - 1} of the picture.")


# ------------------------------------------------------------------------------------------------- how it came about


def show_lines(found: core.Dissection) -> None:
    """The arithmetic, line by line."""
    where = f", row {found.row}, column {found.column}" if found.window else ""
    st.markdown(f"**Channel {found.channel}{where}: {found.value:.4g}**")
    for number, line in enumerate(found.steps, 1):
        name = "" if line.layer.startswith("(") else f" · {words.text(line.layer)}"
        st.markdown(f"{number}. **{TITLES[line.operation]}**{name}  \n{words.text(line.says)}")
    for line in found.steps:
        if line.operation == "softmax" and line.terms is not None:
            show_classes(line.terms)


def show_classes(terms: core.Terms) -> None:
    """Each class's part of the softmax."""
    labels = networks.network(st.session_state.network).labels
    own = [
        (labels[i] if len(labels) == len(terms) else f"unit {i}", float(terms.products[i])) for i in terms.strongest(6)
    ]
    chart = figures.answers(own, classes=True)
    st.plotly_chart(chart, config=figures.PLAIN, key="dissect_softmax", alt="Each class's part")


def show_terms(one: Looked, found: core.Dissection, terms: core.Terms) -> None:
    """What went into the first line: patch, kernel and products of the strongest channels, each a way to go on."""
    count = len(terms)
    every = count > FEW and address.choice(_toggle, f"All {count:,}", [False, True], key="every", default=False)
    chosen = terms.strongest(min(MOST, count) if every else FEW)
    sources = ", ".join(dict.fromkeys(words.text(_title(name)) for name in terms.layers))
    few = f"the strongest {len(chosen)} of {count:,} channels" if count > len(chosen) else "all that went in"
    st.markdown(f"**What went in**, from {sources}: {few}")
    values, weights = (np.asarray(one[chosen], np.float32) for one in (terms.values, terms.weights))
    wall = figures.products(values, weights, columns=2 if limits.phone() else 4)
    units = [(terms.layers[i], int(terms.channels[i]), *terms.place(i)) for i in chosen]
    components.wall(
        figures.data_url(core.encode_png(wall.pixels)), columns=wall.columns, chosen=-1, key="dissect_terms",
        labels=[_label(terms, i) for i in chosen],
        alt="Patch, kernel and products of each channel that went in; arrow keys and Enter go there",
        on_pick=lambda tile: walk(units[tile]),
    )  # fmt: skip
    st.caption(
        "Of each channel: the numbers before (patch), what they are multiplied by (kernel: red above zero, blue "
        "below), and the products. Click one to go on from there."
    )
    with st.expander("The numbers", icon=":material/table:"):
        st.dataframe([_row(terms, i) for i in chosen], hide_index=True)


def _label(terms: core.Terms, i: int) -> str:
    return f"{_title(terms.layers[i])}, channel {terms.channels[i]}: gives {terms.products[i]:+.3g}"


def _row(terms: core.Terms, i: int) -> dict[str, Any]:
    row, column = terms.place(i)
    at = {"most at row": row, "most at column": column}
    single = terms.values.shape[1:] == (1, 1)
    numbers = {"number": float(terms.values[i, 0, 0]), "weight": float(terms.weights[i, 0, 0])} if single else {}
    return {"from": _title(terms.layers[i]), "channel": int(terms.channels[i]), **at, **numbers,
            "gives": float(terms.products[i])}  # fmt: skip


# ------------------------------------------------------------------------------------------------- where to go on


def show_readers(one: Looked, found: core.Dissection) -> None:
    """The layers that take this number next."""
    if not found.readers:
        return
    st.markdown("**What it goes into**")
    with st.container(horizontal=True):
        for reader in found.readers[:6]:
            unit = (reader, *_behind(one, reader, found))
            st.button(
                words.text(reader),
                icon=":material/arrow_forward:",
                key=f"forward_{reader}",
                on_click=walk,
                args=(unit,),
            )


def _behind(one: Looked, reader: str, found: core.Dissection) -> tuple[int, int, int]:
    """A number of the next layer that this one goes into: of the same channel where it has that, at the same part."""
    net = networks.network(one.network)
    own, info = net.layer(one.layer), net.layer(reader)
    channel = found.channel if info.channels == own.channels else 0
    if not (own.spatial and info.spatial):
        return channel, 0, 0
    rows, columns = one.activation.shape[1:3]
    return (
        channel, min(info.shape[0] - 1, found.row * info.shape[0] // rows),
        min(info.shape[1] - 1, found.column * info.shape[1] // columns),
    )  # fmt: skip


def walk(unit: Unit) -> None:
    """Go to another number, in a callback; where one came from stays in the trail."""
    layer, channel, row, column = unit
    here = (address.get("layer"), [address.get(key) for key in ("channel", "row", "column")])
    if layer != core.PICTURE:
        address.put(trail=written([*passed(str(address.get("trail", ""))), here]))
        address.put(layer=layer, channel=channel, row=row, column=column)


def passed(trail: str) -> list[tuple[str, list[int | None]]]:
    """The numbers of a trail, as (layer, [channel, row, column]); what is none is left out."""
    layers = networks.network(st.session_state.network).layers
    found = []
    for one in filter(None, trail.split("|")):
        layer, *numbers = one.rsplit(":", 3)
        if layer in layers and len(numbers) == 3:
            found.append((layer, [int(n) if n.isdecimal() and len(n) < 10 else None for n in numbers]))
    return found


def written(trail: list[tuple[str, list[int | None]]]) -> str:
    """A trail as it stands in the address."""
    return "|".join(":".join(map(str, (layer, *numbers))) for layer, numbers in trail[-MOST_TRAIL:])


def show_trail() -> None:
    """The numbers that one came by; a click goes back to one."""
    trail = passed(address.value("trail", most=1200))
    if not trail:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Came from", width="content")
        for index in range(max(0, len(trail) - 6), len(trail)):
            layer, (channel, *_) = trail[index]
            title = f"{words.text(layer)} · {'strongest' if channel is None else channel}"
            st.button(title, key=f"trail_{index}", on_click=_back, args=(trail, index), type="tertiary")
        st.button(
            "Forget", icon=":material/close:", key="trail_none", on_click=_back, args=(trail, -1), type="tertiary"
        )


def _back(trail: list[tuple[str, list[int | None]]], index: int) -> None:
    address.put(trail=written(trail[: max(0, index)]))
    if index >= 0:
        layer, (channel, row, column) = trail[index]
        address.put(layer=layer, channel=channel, row=row, column=column)


def _title(layer: str) -> str:
    return "the picture" if layer == core.PICTURE else layer


def _toggle(label: str, _: Any, *, key: str, **kwargs: Any) -> bool:
    return st.toggle(label, key=key, **kwargs)
