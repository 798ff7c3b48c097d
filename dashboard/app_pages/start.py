"""The first screen: what this is, the network's map, today's picture, and what the network says of it."""

import numpy as np
import numpy.typing as npt
import streamlit as st

import core
from dashboard import figures, first_look, words, workbench
from dashboard.server import networks, results, uploads

name, picture = workbench.chosen()

st.title("See what a network sees")
st.markdown(
    "A convolutional network turns a picture into an answer, stage by stage. Here it is at work on one "
    "picture. **Pick another picture, bring your own, or open a stage** to look at every one of its channels."
)

left, right = st.columns([1, 2], gap="large")
photo = left.empty()
with right:
    st.subheader("What the network says")
    answer = st.empty()
st.subheader("The stages of the network")
below = st.empty()


def show_photo(pixels: npt.NDArray[np.uint8]) -> None:
    """The picture as the network sees it."""
    photo.image(pixels, caption=words.text(uploads.picture_title(picture)), alt="The picture", width="stretch")


if not networks.is_open(name):
    show_photo(first_look.photo(name, picture))
    with below.container():
        first_look.made_before(name, "filters")
with answer.container():
    first_look.open_network()

net = networks.network(name)
show_photo(core.to_uint8(core.seen_by(net, uploads.picture(picture), scale=4)[0]))
with answer.container():
    if net.labels:
        prediction = results.prediction(name, picture)
        st.markdown(f"{words.answer(net, prediction)} {words.remark(net)}")
        if len(net.labels) > 1:
            st.plotly_chart(
                figures.answers(prediction, classes=net.has_classes),
                config=figures.PLAIN,
                key="probabilities",
                alt="; ".join(f"{label} {words.value(net, value)}" for label, value in prediction),
            )
    else:
        st.caption("This network has no classes, but you can look at its layers.")

stages = core.stages(net)
shown = results.activations(name, picture, tuple(stage.layer for stage in stages))
with below.container():
    st.caption(
        f"{words.text(networks.network_title(name))}: {words.text(net.card.get('summary', ''))} Below each stage are "
        "the sixteen channels that respond most to this picture; the brighter, the stronger."
    )
    for column, stage in zip(st.columns(len(stages)), stages, strict=True):
        info = net.layer(stage.layer)
        with column.container(border=True):
            st.page_link(
                "app_pages/activations.py",
                label=f"**{words.text(stage.name)}**",
                icon=":material/grid_view:",
                query_params={"network": name, "picture": picture, "layer": stage.layer},
            )
            if info.spatial:
                activation = shown[stage.layer]
                strongest = core.statistics(activation).strongest()[:16]
                wall = figures.wall(core.maps(activation[0][..., strongest]), "Viridis", columns=4, tile=64)
                st.image(wall.pixels, alt=f"Sixteen channels of {stage.name}", width="stretch")
            st.caption(words.extent(info))
            st.markdown(stage.says)
