"""The channels that made an answer: two orders beside each other, how far they add up, and one of them under lenses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st

import core
from dashboard import address, components, figures, forms, words
from dashboard.panels import naming as named
from dashboard.panels import patches, what_if
from dashboard.recipes import Contributions
from dashboard.server import circuits, naming, networks, results, uploads

FEW, TABLE, COARSE, GROUP = 12, 24, 32, 5


@dataclass(frozen=True, eq=False)
class Shown:
    """The recipe, the question in words, what each channel gives, and the layer's activation of the picture."""

    recipe: Contributions
    title: str
    found: npt.NDArray[np.float32]
    activation: npt.NDArray[np.float32]

    @property
    def names(self) -> Sequence[core.UnitName]:
        """What its channels are called, where somebody has looked through the sample photographs."""
        return naming.known(self.recipe.network, self.recipe.layer)

    @property
    def strength(self) -> npt.NDArray[np.float32]:
        """Each channel's mean activation."""
        return self.activation.reshape(-1, self.activation.shape[-1]).mean(axis=0)

    def order(self, by: str, count: int = FEW) -> list[int]:
        """The channels that give most, or that are most active."""
        values = np.abs(self.found) if by == "contribution" else self.strength
        return [int(channel) for channel in np.argsort(-values, kind="stable")[:count]]


def show_completeness(shown: Shown) -> None:
    """How far the contributions add up to the answer."""
    one = shown.recipe
    told = circuits.completeness(one.network, one.picture, one.layer, one.asked, _found=shown.found)
    what = "The difference of the two logits" if one.against is not None else "The logit"
    given = f"{what} is **{told.score:.3f}**; with this layer at zero it is {told.without:.3f}. "
    layer = told.score - told.without
    total = f"The {len(shown.found):,} contributions sum to **{told.total:.3f}**, the layer gives {layer:.3f}"
    if told.linear:
        st.markdown(f"{given}{total}: they are exact, since the way from here to the answer is linear.")
    else:
        st.markdown(
            f"{given}{total}: **{told.error:.0%} off**. From here on the network is not linear, so a contribution is "
            "an approximation: the straight line through what the network does right here."
        )


def show_walls(shown: Shown, channel: int) -> None:
    """The channels that give most beside those that are most active; they differ."""
    by_use, by_strength = (shown.order(by) for by in ("contribution", "activation"))
    both = len(set(by_use) & set(by_strength))
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**What they give to the answer**, the most first")
        show_wall(shown, by_use, channel, "use")
    with right:
        st.markdown("**How active they are**, the most active first")
        show_wall(shown, by_strength, channel, "strength")
    st.caption(f"{both} of {len(by_use)} channels are in both: being active is not the same as being used.")


def show_wall(shown: Shown, channels: list[int], chosen: int, key: str) -> None:
    """Maps of channels on the picture; a click goes to one."""
    values, strength = shown.found, shown.strength
    names = shown.names
    labels = [
        f"channel {named.label(i, names)}: gives {values[i]:+.3g}, mean activation {strength[i]:.3g}" for i in channels
    ]
    if shown.activation.ndim == 3:
        maps = core.maps(shown.activation)[channels]
        wall = figures.wall(maps, "Viridis", columns=6, tile=56)
        picture, columns = core.encode_png(wall.pixels), wall.columns
    else:
        tiles = figures.signed(values[channels][:, None, None], float(np.abs(values).max()))
        picture, columns = core.encode_png(figures.mosaic(tiles, columns=6)), 6
    components.wall(
        figures.data_url(picture), columns=columns, labels=labels, key=f"contributions_{key}",
        chosen=channels.index(chosen) if chosen in channels else -1,
        alt=f"Channels of {shown.recipe.layer} by {key}; arrow keys and Enter choose one",
        on_pick=lambda tile: address.put(channel=channels[tile]),
    )  # fmt: skip
    chart = figures.bars([str(i) for i in channels], values[channels])
    st.plotly_chart(chart, config=figures.PLAIN, key=f"contributions_bars_{key}", alt="What each of them gives")


def show_channel(shown: Shown, channel: int) -> None:
    """One channel: its map, its picture drawn by the network, what it gives, and what is lost without it."""
    one, net = shown.recipe, networks.network(shown.recipe.network)
    rank = shown.order("contribution", len(shown.found)).index(channel) + 1
    lost = circuits.lost_without(one.network, one.picture, one.layer, one.asked, channel=channel)
    st.subheader(f"Channel {channel}", anchor=False)
    named.show(channel, shown.names, "answers")
    with st.container(horizontal=True):
        st.metric("Gives", f"{shown.found[channel]:+.3f}", width="content")
        st.metric("Lost when switched off", f"{lost:+.3f}", width="content")
        st.metric("Rank by what it gives", f"{rank} of {len(shown.found)}", width="content")
    left, middle, right = st.columns(3, gap="medium")
    seen = core.seen_by(net, uploads.picture(one.picture), scale=4)[0]
    with left:
        st.markdown("**Where it is active**")
        if shown.activation.ndim == 3:
            heat = figures.over(seen, core.maps(shown.activation[..., channel : channel + 1])[0], "Viridis", 0.6)
            st.image(heat, width="stretch", alt=f"Channel {channel} of {one.layer} over the picture")
        else:
            st.caption("This layer has no height and width.")
    with middle:
        show_through(shown, channel)
    with right:
        st.markdown("**What it responds to most**")
        drawn = results.drawing(one.network, one.layer, channel, negative=False)
        if drawn:
            st.image(drawn.pixels, width="stretch", alt=f"The picture that channel {channel} responds to most")
    show_links(one, channel)


def show_through(shown: Shown, channel: int) -> None:
    """The picture through this one channel."""
    one, net = shown.recipe, networks.network(shown.recipe.network)
    st.markdown("**What of the picture it brings in**")
    values = circuits.through(one.network, one.picture, one.layer, one.asked, channel=channel)
    seen = core.seen_by(net, uploads.picture(one.picture))[0]
    coarse = figures.pooled(values, COARSE)
    over = figures.evidence(figures.enlarged(seen, 448), figures.fitted(coarse, figures.enlarged(seen, 448).shape), 0.9)
    st.image(over, width="stretch", alt=f"The part of the answer that comes through channel {channel}, pixel by pixel")
    st.caption(
        "Only what comes through this channel, summed over small squares: red speaks for the answer, blue against."
    )


def show_patches(shown: Shown, channel: int) -> None:
    """The channel's best real patches, by both orders."""
    patches.show(patches.Asked(shown.recipe, shown.title, channel))


def show_what_if(shown: Shown, channel: int) -> None:
    """What becomes of the answer when the channel, or it and those that give most, are scaled."""
    one = shown.recipe
    most = tuple(shown.order("contribution", GROUP))
    asked = what_if.Asked(one.network, one.picture, one.layer, channel, one.target)
    what_if.show(asked, most, f"it and the {len(most)} that give most")


def show_links(one: Contributions, channel: int) -> None:
    """Where to look on."""
    with st.container(horizontal=True):
        to = {"network": one.network, "picture": one.picture, "layer": one.layer, "channel": str(channel)}
        st.page_link(
            "app_pages/units.py", label="Its best real patches, what feeds it", icon=":material/center_focus_strong:",
            query_params={**to, "show": "unit"},
        )  # fmt: skip
        st.page_link(
            "app_pages/activations.py", label="One number of it, step by step", icon=":material/calculate:",
            query_params={**to, "below": "steps"},
        )  # fmt: skip


def show_river(shown: Shown) -> None:
    """The strongest channels of five stages, and what flows from one to the next; a click goes to a unit's card."""
    one = shown.recipe
    st.markdown("**From the picture to the answer**")
    found = circuits.river(one.network, one.picture, one.asked)
    laid = figures.river(
        found.layers, found.channels, found.parts, found.strands, totals=found.totals, score=found.score,
        title=shown.title,
    )  # fmt: skip
    components.river(
        laid.nodes, laid.links, stages=laid.stages, key="river",
        alt="What flows through the strongest channels of each stage; Tab and Enter go to the card of one",
        on_pick=lambda node: st.session_state.update(river_goes_to=laid.units[node]),
    )  # fmt: skip
    st.caption(
        "The strongest channels of each stage, by number: click one for its card. A strand is the part of what the "
        "next channel gives that comes through the one before: green speaks for the answer, orange against; grey is "
        "what all others and the biases give."
    )


def follow_river(one: Contributions) -> None:
    """Go to the card of the unit that was clicked, where one was."""
    unit = st.session_state.pop("river_goes_to", None)
    if unit:
        to = {"network": one.network, "picture": one.picture, "layer": unit[0], "channel": str(unit[1])}
        st.switch_page("app_pages/units.py", query_params={**to, "show": "unit"})


def show_table(shown: Shown) -> None:
    """Both numbers of the strongest channels, and of all on request."""
    one = shown.recipe
    count = len(shown.found)
    title = f"All {count:,} channels, each switched off in turn"
    every = count > TABLE and forms.choose(core.Setting("every_loss", title, False))
    channels = shown.order("contribution", count if every else TABLE)
    lost = circuits.losses(one.network, one.picture, one.layer, one.asked, channels=tuple(channels))
    rows: list[dict[str, Any]] = []
    for index, channel in enumerate(channels):
        known = lost is not None and index < len(lost.values)
        rows.append({
            "channel": channel, "gives": float(shown.found[channel]),
            "lost when switched off": float(lost.values[index]) if lost and known else None,
            "mean activation": float(shown.strength[channel]),
        })  # fmt: skip
    st.dataframe(rows, hide_index=True, height=320)
    st.caption(
        f"Why “{words.text(shown.title)}”: activation times gradient, and what the answer loses when the channel is "
        "zero everywhere ([Morcos et al., 2018](https://arxiv.org/abs/1803.06959))."
    )
