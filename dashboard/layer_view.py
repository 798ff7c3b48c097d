"""One layer at work on one picture: every channel as a wall, one of them large, its numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import streamlit as st

import core
from dashboard import address, components, figures, words, workbench
from dashboard.recipes import Look
from dashboard.server import networks, results, uploads

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class View:
    """How a person wants to look: order and colours of the channels, and how many times the network's own size."""

    order: str
    colours: str
    scaling: str
    scale: int
    count: int


@dataclass(frozen=True, eq=False)
class Looked:
    """A layer of a network on a picture: its activation (1, h, w, channels) or (1, units), and the chosen channel."""

    network: str
    picture: str
    layer: str
    view: View
    activation: Floats
    channel: int

    @property
    def info(self) -> core.LayerInfo:
        """The layer's facts."""
        return networks.network(self.network).layer(self.layer)

    @property
    def numbers(self) -> core.Statistics:
        """Each channel's mean, maximum and zeros."""
        return core.statistics(self.activation)

    @property
    def title(self) -> str:
        """The picture's title."""
        return uploads.picture_title(self.picture)

    @property
    def recipe(self) -> Look:
        """What makes the same."""
        view = self.view
        return Look(
            self.network, self.picture, self.layer, view.order, view.scaling, view.scale, view.count, view.colours
        )

    def files(self, **data: tuple[str, bytes | Callable[[], bytes]]) -> None:
        """Its files."""
        workbench.files(self.recipe, f"{self.layer}_{self.picture}".replace("/", "."), found=None, **data)


def show_wall(one: Looked, ranking: npt.NDArray[np.integer], pick: Callable[[int], None]) -> None:
    """The channels of ``ranking`` as small pictures, in that order; ``pick`` gets the one that is clicked."""
    indices, numbers = ranking[: one.view.count], one.numbers
    maps = core.maps(one.activation[0], shared=one.view.scaling == "layer")[indices]
    wall = figures.wall(maps, one.view.colours)
    facts = {"network": one.network, "layer": one.layer, "picture": one.title, "order": one.view.order}
    png = core.encode_png(**wall.compact, metadata={**facts, "scaling": one.view.scaling})
    components.wall(
        figures.data_url(png),
        columns=wall.columns,
        labels=[f"channel {i}: mean {numbers.mean[i]:.3g}, highest {numbers.maximum[i]:.3g}" for i in indices],
        chosen=int(np.argmax(indices == one.channel)) if one.channel in indices else -1,
        alt=f"{len(indices)} channels of {one.layer} on {one.title}; arrow keys and Enter choose one",
        key=address.session_key(f"wall_{one.picture}"),
        on_pick=lambda tile: pick(int(indices[tile])),
    )
    shown = "All" if len(indices) == one.info.channels else f"{len(indices)} of {one.info.channels}"
    st.caption(f"{shown} channels on **{words.text(one.title)}**. Click one to enlarge it.")
    arrays = {one.layer: one.activation, "mean": numbers.mean, "maximum": numbers.maximum, "zeros": numbers.zeros}
    one.files(png=("Wall", png), npz=("Numbers", lambda: core.encode_npz(arrays)))


def show_units(one: Looked, pick: Callable[[int], None]) -> None:
    """The bars of a layer without spatial extent; ``pick`` gets the unit that is clicked."""
    labels, count, activation = networks.network(one.network).labels, one.info.channels, one.activation
    names = labels if count == len(labels) else [f"unit {i}" for i in range(count)]
    key = address.session_key(f"units_{one.picture}")

    def picked() -> None:
        if points := st.session_state[key].selection.points:
            pick(int(points[0]["point_index"]))

    st.plotly_chart(
        figures.units(activation[0], names, one.channel), on_select=picked, selection_mode="points", key=key,
        config=figures.PLAIN, alt=f"The {count} units of {one.layer}",
    )  # fmt: skip
    best = ", ".join(f"**{words.text(names[i])}** {activation[0, i]:.2f}" for i in one.numbers.strongest()[:5])
    st.caption(f"{words.text(one.title)}: the highest are {best}. Chosen: **{words.text(names[one.channel])}**.")
    show_numbers(one)
    one.files(npz=("Numbers", lambda: core.encode_npz({one.layer: activation})))


def show_channel(one: Looked, *, opacity: float) -> None:
    """One channel, large, over the picture."""
    scale, own, field = one.view.scale, networks.network(one.network).size, one.info.receptive_field
    size = (own[0] * scale, own[1] * scale)
    figure = figures.overlay(
        results.backdrop(one.network, one.picture, min(8, 4 * scale)), one.activation[0, ..., one.channel], size,
        colours=one.view.colours, opacity=opacity, window=field.window if field else None,
    )  # fmt: skip
    st.plotly_chart(
        figure, config=figures.PLAIN, key=address.session_key(f"overlay_{one.picture}"),
        alt=f"Channel {one.channel} of {one.layer} over {one.title}",
    )  # fmt: skip


def show_numbers(one: Looked) -> None:
    """The numbers of the chosen channel."""
    numbers, channel = one.numbers, one.channel
    rank = int(np.argmax(numbers.strongest() == channel)) + 1
    with st.container(horizontal=True):
        st.metric("Mean", f"{numbers.mean[channel]:.3g}", width="content")
        st.metric("Highest", f"{numbers.maximum[channel]:.3g}", width="content")
        st.metric("Exactly zero", f"{numbers.zeros[channel]:.0%}", width="content")
        st.metric("Rank by mean", f"{rank} of {one.info.channels}", width="content")


def show_histogram(one: Looked) -> None:
    """How the layer's numbers are spread, and which channels stay at zero."""
    st.plotly_chart(
        figures.histogram(one.activation.ravel(), one.activation[..., one.channel].ravel(), f"channel {one.channel}"),
        config=figures.PLAIN, key=address.session_key("histogram"), alt=f"Histogram of {one.layer}",
    )  # fmt: skip
    inactive, dead = np.flatnonzero(one.numbers.dead), results.dead_channels(one.network, one.layer)
    st.markdown(
        f"**{len(inactive)} of {one.info.channels}** channels are inactive on this picture: nowhere above zero"
        f"{' (' + words.listing(inactive) + ')' if len(inactive) else ''}. "
        f"**{len(dead)}** are dead: inactive on all {len(core.samples.names())} sample pictures"
        f"{' (' + words.listing(dead) + ')' if dead else ''}."
    )


def show_kernels(net: core.Classifier) -> None:
    """The weights that look at pixels."""
    kernels = core.kernels(net)
    count, height, width = kernels.shape[:3]
    mosaic = core.tile(figures.blocks(kernels, 8, axis=1), margin=4, background=0.5)
    st.image(core.to_uint8(mosaic), alt=f"{count} kernels of the first convolution", width=520)
    st.caption(
        f"The {count} kernels of the first convolution, {height} × {width} pixels each. Grey is a weight of zero. "
        "Look for edges, and for pairs of contrasting colours."
    )
