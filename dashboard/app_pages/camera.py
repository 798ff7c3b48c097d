"""A camera's picture, live, and what a layer of the network makes of it while one moves."""

import streamlit as st

import core
from dashboard import address, components, figures, own_files, words, workbench
from dashboard.server import live, networks

SAYS = (
    "**The network looks at you, layer by layer, while you move.** Every small picture is one channel of the layer: "
    "the brighter, the more of what it looks for is there. Click a channel to follow it over the picture."
)
KEPT = (
    "Nothing is kept: each frame is looked at in memory and forgotten when its answer is there (a dream remembers the "
    "last one, until you stop). The strongest moments and recordings are made in your browser and stay there. A film "
    "of your own is not uploaded."
)
DRAWS = {
    "activations": "The channel's map",
    "cam": "Grad-CAM of the answer",
    "gradient": "Gradient of the channel",
    "guided": "Guided backprop of the channel",
    "deconvnet": "DeconvNet of the channel",
    "dream": "A mirror that dreams",
}
ORDERS = {"once": "Strongest at the start", "now": "Strongest now", "number": "By number"}
FILM = "camera_film"
BURST = "camera_burst"

name, picture = workbench.chosen()
net = networks.network(name)
stages = core.stages(net)


def pick(channel: int | None) -> None:
    """A channel was clicked; None follows none."""
    address.put(channel=channel)


def describe(layer: str) -> str:
    """A layer in the list of layers."""
    return f"{layer} · {' × '.join(map(str, net.layer(layer).shape))}"


def show_film() -> None:
    """Somebody wants the film that is drawn of the sample photographs."""
    st.session_state[FILM] = True


def answer_burst(number: str, frames: list[str]) -> None:
    """Frames came where no live connection comes through."""
    try:
        st.session_state[BURST] = {"id": number, "answers": live.burst(frames)}
    except ValueError as error:
        st.session_state.refused = str(error)


st.markdown(SAYS)
with st.container(horizontal=True, vertical_alignment="bottom"):
    layer = address.choice(
        st.selectbox, "Layer", list(net.layers), key="layer", default=stages[len(stages) // 2].layer,
        format_func=describe, on_change=pick, args=(None,), width=340,
    )  # fmt: skip
    draw = address.choice(
        st.selectbox, "Draw", list(DRAWS), key="draw", default="activations", format_func=DRAWS.__getitem__, width=280,
    )  # fmt: skip
    channel = address.whole_number(
        "Channel", most=net.layer(layer).channels - 1, key="channel", placeholder="click one", width=150
    )
    with st.popover("View", icon=":material/tune:"):
        count = address.choice(st.select_slider, "Channels shown", live.COUNTS, key="count", default=64)
        order = address.choice(
            st.segmented_control, "Order", list(ORDERS), key="order", default="once", required=True,
            format_func=ORDERS.__getitem__,
        )  # fmt: skip
        colours = address.choice(st.selectbox, "Colours", figures.COLOURS, key="colours", default=figures.COLOURS[0])
        opacity = address.choice(
            st.select_slider, "Strength of the overlay", [n / 20 for n in range(21)], key="opacity", default=0.75
        )
components.camera(
    {"layer": layer, "draw": draw, "channel": channel, "order": order, "count": count},
    network=name, side=live.frame_size(net), ticket=live.ticket(), colours=figures.lookup_table(colours),
    opacity=opacity, still=figures.data_url(live.still(picture)),
    film=[figures.data_url(one) for one in live.film()] if st.session_state.get(FILM) else [],
    burst=st.session_state.get(BURST), key="live", on_pick=pick, on_film=show_film, on_take=own_files.take_frame,
    on_burst=answer_burst,
)  # fmt: skip
if draw == "cam":
    st.caption(
        "Grad-CAM explains the likeliest answer. Click another one to have that explained, whatever comes first."
    )
st.caption(KEPT)
st.caption(f"**{words.text(layer)}**: {words.extent(net.layer(layer))}. {words.story(net, layer)}")
if channel is not None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if (drawn := workbench.maximized(name, layer, channel)) is not None:
            st.image(drawn, caption="What it responds to most", alt=f"Channel {channel}, maximized", width=160)
        st.page_link(
            "app_pages/filters.py", label="What does this channel respond to most?", icon=":material/auto_awesome:",
            query_params={"network": name, "picture": picture, "layer": layer, "units": "number",
                          "numbers": str(channel)},
        )  # fmt: skip
