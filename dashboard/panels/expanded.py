"""Expanded weights: a unit seen from a layer two, three or four steps down, with what that view leaves out."""

from __future__ import annotations

import numpy as np
import streamlit as st

import core
from dashboard import components, figures, forms, notices, words
from dashboard.server import circuits, networks

COUNT, COLUMNS, SIDE = 12, 6, 72
CAUTION = (
    "No such weights exist: this is the product of all weights between, with every nonlinearity taken for the straight "
    "line through it. It shows how the unit is put together, not what it does: paths that are never open at the same "
    "time are added up here, and large kernels may cancel "
    "([Visualizing Weights](https://distill.pub/2020/circuits/visualizing-weights/))."
)


def show(network: str, picture: str, layer: str, channel: int) -> None:
    """The linear view of a unit in a layer that a person chooses."""
    below = core.layers_below(networks.network(network), layer)[1:]
    if not below:
        return
    source = forms.choose(
        core.Setting("seen_in", "Expanded weights, seen in", "", ("", *below)), widget=st.selectbox, width=360,
        names=lambda one: _named(one, below) if one else "no layer further down",
    )  # fmt: skip
    if not source:
        return
    try:
        found = circuits.expanded(network, picture, layer, channel, source=source)
    except ValueError as error:
        notices.not_here(error)
        return
    if source == core.PICTURE:
        _show_colours(found)
    else:
        _show_channels(found)
    st.caption(f"{_agreement(found)} {CAUTION}")


def _named(source: str, below: list[str]) -> str:
    steps = below.index(source) + 2
    return f"{'the picture' if source == core.PICTURE else source}, {steps} steps down"


def _agreement(found: core.Expanded) -> str:
    bent = f"{found.nonlinearities} nonlinearities" if found.nonlinearities != 1 else "one nonlinearity"
    around = " Paths around that layer are left out." if found.bypassed else ""
    if found.agreement is None:
        return f"Passes {bent}.{around}"
    how = "closely" if found.agreement > 0.8 else "roughly" if found.agreement > 0.5 else "hardly"
    return (
        f"Passes {bent}. On your picture this view goes along with what the unit really gets **{how}**: correlation "
        f"{found.agreement:.2f} over its places.{around}"
    )


def _show_colours(found: core.Expanded) -> None:
    """A kernel of the picture's own colours around grey, and each colour by its sign."""
    height, width, colours = found.kernel.shape
    limit = float(np.abs(found.kernel).max())
    left, right = st.columns([1, 3], gap="medium")
    if colours == 3:
        whole = (0.5 + found.kernel / (2 * max(limit, 1e-12))).astype(np.float32)
        left.image(
            figures.magnified(whole, 3 * SIDE), caption="All three colours; grey is zero", alt="The kernel in colour"
        )
    tiles = np.stack([figures.signed(found.kernel[..., i], limit, 2 * SIDE) for i in range(colours)])
    names = "red, green, blue" if colours == 3 else "one colour"
    right.image(
        figures.apart(tiles, columns=colours), alt="The kernel, colour by colour",
        caption=f"{height} × {width} pixels; {names}: red is above zero, blue below",
    )  # fmt: skip


def _show_channels(found: core.Expanded) -> None:
    """The largest kernels, one for each channel of the layer below."""
    strongest = found.strongest(COUNT)
    limit = float(np.abs(found.kernel).max())
    tiles = np.stack([figures.signed(found.kernel[..., i], limit, SIDE) for i in strongest])
    columns = min(COLUMNS, len(strongest))
    norms = np.sqrt(np.square(found.kernel).sum(axis=(0, 1)))
    components.wall(
        figures.data_url(core.encode_png(figures.mosaic(tiles, columns=columns))), columns=columns, chosen=-1,
        labels=[f"{found.source} {i}: {norms[i]:.3g}" for i in strongest], key="expanded", on_pick=lambda _: None,
        alt=f"The largest expanded kernels of {found.source}",
    )  # fmt: skip
    height, width, count = found.kernel.shape
    st.caption(
        f"The {len(strongest)} largest of {count} kernels of {height} × {width} places: channels "
        f"{words.listing(strongest)} of {words.text(found.source)}. Red is above zero, blue below."
    )
