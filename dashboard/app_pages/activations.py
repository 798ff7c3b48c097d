"""Every channel of a layer, looking at the picture."""

import numpy as np
import streamlit as st

import core
from dashboard import address, figures, forms, layer_view, lenses, notices, words, workbench
from dashboard.layer_view import Looked, View
from dashboard.panels import dissect, grid
from dashboard.recipes import usual
from dashboard.server import networks, results, uploads

ORDERS = {"strength": "Strongest first", "index": "By number"}
SCALINGS = {"channel": "Each channel separately", "layer": "The whole layer together"}
BELOW = {
    "histogram": "Histogram, inactive channels",
    "grid": "Activation grid: what each place likes",
    "steps": "One number, step by step",
    "weights": "Weights",
}
COUNTS = (64, 256, 1024, 4096)

name, picture = workbench.chosen()
net = networks.network(name)


def pick(channel: int | None) -> None:
    """A channel was clicked; with None, and at another layer, the strongest one comes up, at its highest place."""
    address.put(channel=channel, row=None, column=None)


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
                st.segmented_control, "Brightness is scaled for", list(SCALINGS), key="scaling", default="channel",
                required=True, format_func=SCALINGS.__getitem__,
            ),
            scale=address.choice(
                st.segmented_control, "Size of the picture", [1, 2, 4], key="scale", default=1, required=True,
                format_func=lambda n: " × ".join(str(n * side) for side in net.size),
                help="The network was trained at the first size. A larger one gives finer but less faithful maps.",
            ),
            count=address.choice(st.select_slider, "Channels shown", COUNTS, key="count", default=256),
        )  # fmt: skip


def show_one(one: Looked) -> None:
    """The wall and the chosen channel: side by side, or one above the other when two pictures are compared."""
    if not one.info.spatial:
        layer_view.show_units(one, pick)
        return
    left, right = st.columns([3, 2], gap="large") if len(shown) == 1 else (st.container(), st.container())
    with left:
        layer_view.show_wall(one, ranking, pick)
    with right:
        st.subheader(f"Channel {channel}")
        layer_view.show_channel(one, opacity=address.get("opacity", 0.75))
        if one.picture == shown[0]:
            address.choice(
                st.select_slider, "Strength of the overlay", [n / 20 for n in range(21)], key="opacity", default=0.75
            )
            lenses.show(lenses.Unit(name, picture, layer, channel), here="activations")
        layer_view.show_numbers(one)


with st.container(horizontal=True, vertical_alignment="bottom"):
    layer = address.choice(
        st.selectbox, "Layer", list(net.layers), key="layer", default=usual.looked_at(net),
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

st.markdown(f"**{words.text(layer)}**: {words.extent(info)}. {words.story(net, layer)}")
shown = [picture] if other in (None, picture) else [picture, other]
try:
    found = [results.activations(name, one, (layer,), view.scale)[layer] for one in shown]
except ValueError as error:
    notices.refused(error)
    st.stop()
strongest = core.statistics(found[0]).strongest()
channel = int(strongest[0]) if asked is None else asked
ranking = strongest if view.order == "strength" else np.arange(info.channels)
looked = [Looked(name, one, layer, view, result, channel) for one, result in zip(shown, found, strict=True)]
for column, one in zip(st.columns(len(shown), gap="large"), looked, strict=True):
    with column:
        show_one(one)

below = forms.choose(core.Setting("below", "Look closer", "histogram", tuple(BELOW)), names=BELOW.__getitem__)
if below in ("grid", "steps"):
    {"grid": grid.show, "steps": dissect.show}[below](looked[0])
elif below == "weights":
    layer_view.show_kernels(net)
else:
    layer_view.show_histogram(looked[0])
workbench.code(looked[0].recipe)
