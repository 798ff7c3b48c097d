"""Every channel of a layer, looking at the picture."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

import core
from dashboard import address, components, figures, words, workbench
from dashboard.server import networks, results, uploads

ORDERS = {"strength": "Strongest first", "index": "By number"}
SCALINGS = {"channel": "Each channel its own", "layer": "One for the layer"}
COUNTS = (64, 256, 1024, 4096)

name, picture = workbench.chosen()
net = networks.network(name)
stages = core.stages(net)


@dataclass(frozen=True)
class View:
    """How the person wants to look."""

    order: str
    colours: str
    scaling: str
    scale: int
    count: int


def pick(channel: int | None) -> None:
    """A channel was clicked; with None the strongest one comes up."""
    address.put(channel=channel)


def describe(layer: str) -> str:
    """A layer in the list of layers."""
    info = net.layer(layer)
    return f"{layer} · {' × '.join(map(str, info.shape))} · {info.kind}"


def choose_view() -> View:
    """The settings that a person changes less often."""
    with st.popover("View", icon=":material/tune:"):
        return View(
            colours=address.choice(
                st.selectbox, "Colours", figures.COLOURS, key="colours", default=figures.COLOURS[0]
            ),
            order=address.choice(
                st.segmented_control, "Order", list(ORDERS), key="order", default="strength", required=True,
                format_func=ORDERS.__getitem__,
            ),
            scaling=address.choice(
                st.segmented_control, "Brightness scale", list(SCALINGS), key="scaling", default="channel",
                required=True, format_func=SCALINGS.__getitem__,
            ),
            scale=address.choice(
                st.segmented_control, "Size of the picture", [1, 2, 4], key="scale", default=1, required=True,
                format_func=lambda n: " × ".join(str(n * side) for side in net.size),
                help="The network was made for the first size. A larger one gives finer maps, if less faithful ones.",
            ),
            count=address.choice(st.select_slider, "Channels shown", COUNTS, key="count", default=256),
        )  # fmt: skip


def show_map_layer(one: str, activation: np.ndarray, numbers: core.Statistics) -> None:
    """The wall and the chosen channel: side by side, or one above the other when two pictures are compared."""
    left, right = st.columns([3, 2], gap="large") if len(shown) == 1 else (st.container(), st.container())
    with left:
        show_wall(one, activation, numbers)
    with right:
        show_channel(one, activation, numbers)


def show_wall(one: str, activation: np.ndarray, numbers: core.Statistics) -> None:
    """Every channel as a small picture; a click chooses one."""
    indices = ranking[: view.count]
    maps = core.maps(activation[0], shared=view.scaling == "layer")[indices]
    wall = figures.wall(maps, view.colours)
    title = uploads.picture_title(one)
    facts = {"network": name, "layer": layer, "picture": title, "order": view.order, "scaling": view.scaling}
    png = core.encode_png(wall.pixels, metadata=facts)
    components.wall(
        figures.data_url(png),
        columns=wall.columns,
        labels=[f"channel {i}: mean {numbers.mean[i]:.3g}, highest {numbers.maximum[i]:.3g}" for i in indices],
        chosen=int(np.argmax(indices == channel)) if channel in indices else -1,
        alt=f"{len(indices)} channels of {layer} on {title}; arrow keys and Enter choose one",
        key=f"wall_{one}",
        on_pick=lambda tile: pick(int(indices[tile])),
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{len(indices)} of {info.channels} channels on **{title}**. Click one to see it large.")
        workbench.download("Wall", png, f"{layer}_{one}.png".replace("/", "."), "image/png")
        numbers_file = {layer: activation, "mean": numbers.mean, "maximum": numbers.maximum, "zeros": numbers.zeros}
        workbench.download(
            "Numbers",
            lambda: core.encode_npz(numbers_file),
            f"{layer}_{one}.npz".replace("/", "."),
            "application/octet-stream",
        )


def show_units(one: str, activation: np.ndarray, numbers: core.Statistics) -> None:
    """The bars of a layer without spatial extent; a click chooses one."""
    names = net.labels if info.channels == len(net.labels) else [f"unit {i}" for i in range(info.channels)]
    key = f"units_{one}"

    def picked() -> None:
        if points := st.session_state[key].selection.points:
            pick(int(points[0]["point_index"]))

    st.plotly_chart(
        figures.units(activation[0], names, channel), on_select=picked, selection_mode="points", key=key,
        config=figures.PLAIN, alt=f"The {info.channels} units of {layer}",
    )  # fmt: skip
    best = ", ".join(f"**{names[i]}** {activation[0, i]:.2f}" for i in numbers.strongest()[:5])
    st.caption(f"{uploads.picture_title(one)}: highest {best}. Chosen: **{names[channel]}**.")
    show_numbers(numbers)
    workbench.download(
        "Numbers", lambda: core.encode_npz({layer: activation}), f"{layer}_{one}.npz", "application/octet-stream"
    )


def show_channel(one: str, activation: np.ndarray, numbers: core.Statistics) -> None:
    """One channel, large, over the picture, with its numbers."""
    st.subheader(f"Channel {channel}")
    seen = core.seen_by(net, uploads.picture(one), scale=view.scale)
    fine = core.to_uint8(core.seen_by(net, uploads.picture(one), scale=min(8, 4 * view.scale)))[0]
    figure = figures.overlay(
        core.encode_png(fine),
        activation[0, ..., channel],
        seen.shape[1:3],
        colours=view.colours,
        opacity=st.session_state.get("opacity", 0.75),
        fields=words.fields_in_words(info, activation.shape[1:3], seen.shape[1:3]),
    )
    st.plotly_chart(
        figure, config=figures.PLAIN, key=f"overlay_{one}",
        alt=f"Channel {channel} of {layer} over {uploads.picture_title(one)}",
    )  # fmt: skip
    if one == shown[0]:
        st.slider("Strength of the overlay", 0.0, 1.0, 0.75, key="opacity")
        st.page_link(
            "app_pages/filters.py",
            label="What does this channel like most?",
            icon=":material/auto_awesome:",
            query_params={
                "network": name,
                "picture": picture,
                "layer": layer,
                "units": "number",
                "numbers": str(channel),
            },
        )
    show_numbers(numbers)


def show_numbers(numbers: core.Statistics) -> None:
    """The numbers of the chosen channel."""
    with st.container(horizontal=True):
        st.metric("Mean", f"{numbers.mean[channel]:.3g}", width="content")
        st.metric("Highest", f"{numbers.maximum[channel]:.3g}", width="content")
        st.metric("Exactly zero", f"{numbers.zeros[channel]:.0%}", width="content")
        rank = int(np.argmax(numbers.strongest() == channel)) + 1
        st.metric("Rank by mean", f"{rank} of {info.channels}", width="content")


def show_histogram(activation: np.ndarray, numbers: core.Statistics) -> None:
    """How the layer's numbers are spread, and which channels say nothing."""
    values = activation.ravel()
    st.plotly_chart(
        figures.histogram(values, activation[..., channel].ravel(), f"channel {channel}"), config=figures.PLAIN,
        key="histogram", alt=f"Histogram of {layer}",
    )  # fmt: skip
    silent = np.flatnonzero(numbers.dead)
    dead = results.dead_channels(name, layer)
    st.markdown(
        f"**{len(silent)} of {info.channels}** channels are nowhere above zero on this picture"
        f"{': ' + words.listing(silent) if len(silent) else ''}. "
        f"**{len(dead)}** stay so on all {len(core.samples.names())} sample pictures"
        f"{': ' + words.listing(dead) if dead else ''}."
    )


def show_kernels() -> None:
    """The weights that look at pixels."""
    kernels = core.kernels(net)
    mosaic = core.tile(kernels.repeat(8, axis=1).repeat(8, axis=2), margin=4, background=0.5)
    st.image(core.to_uint8(mosaic), alt=f"{len(kernels)} kernels of the first convolution", width=520)
    st.caption(
        f"The {len(kernels)} kernels of the first convolution, {kernels.shape[1]} × {kernels.shape[2]} pixels each. "
        "Grey is a weight of zero. Look for edges, and for one colour against another."
    )


with st.container(horizontal=True, vertical_alignment="bottom"):
    layer = address.choice(
        st.selectbox, "Layer", list(net.layers), key="layer", default=stages[len(stages) // 2].layer,
        format_func=describe, on_change=pick, args=(None,), width=380,
    )  # fmt: skip
    info = net.layer(layer)
    asked = address.whole_number(
        "Channel", most=info.channels - 1, key="channel", placeholder="the strongest", width=170
    )
    other = address.choice(
        st.selectbox, "Compare with", [None, *uploads.picture_names(st.query_params.get("other"))], key="other",
        default=None, placeholder="no other picture", width=280,
        format_func=lambda one: "no other picture" if one is None else uploads.picture_title(one),
    )  # fmt: skip
    view = choose_view()

st.markdown(f"**{layer}**: {words.extent(info)}. {words.story(net, layer)}")
shown = [picture] if other in (None, picture) else [picture, other]
try:
    found = [results.activations(name, one, (layer,), view.scale)[layer] for one in shown]
except ValueError as error:
    st.error(str(error), icon=":material/error:")
    st.stop()
numbers = [core.statistics(result) for result in found]
strongest = numbers[0].strongest()
channel = int(strongest[0]) if asked is None else asked

ranking = strongest if view.order == "strength" else np.arange(info.channels)
for column, one, result, statistics in zip(st.columns(len(shown), gap="large"), shown, found, numbers, strict=True):
    with column:
        show = show_map_layer if info.spatial else show_units
        show(one, result, statistics)

histogram, weights = st.tabs(["Histogram and silent channels", "First-layer weights"], on_change="rerun", key="below")
if histogram.open:
    with histogram:
        show_histogram(found[0], numbers[0])
if weights.open:
    with weights:
        show_kernels()
