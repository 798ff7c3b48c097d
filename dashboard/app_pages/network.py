"""The network itself: its card, a map of all its layers, and for a person's own file how its pictures are prepared."""

from dataclasses import replace
from typing import Any

import streamlit as st

import core
from dashboard import address, figures, words, workbench
from dashboard.server import networks, results, uploads, user_models

name, picture = workbench.chosen()
net = networks.network(name)
brought = user_models.get(name)


def show_card() -> None:
    """The network in numbers and words."""
    facts = networks.facts(net)
    st.subheader(networks.network_title(name))
    if summary := net.card.get("summary") or net.card.get("origin"):
        st.markdown(" ".join(str(one) for one in (summary, net.card.get("data", "")) if one))
    numbers = {
        "Parameters": f"{facts.parameters:,}",
        "Layers": f"{len(net.layers)}",
        "Picture": " × ".join(map(str, (*net.size, 1 if net.grey else 3))),
        "Classes": f"{len(net.labels)}" if net.labels else "none",
        "Weights": f"{facts.weights / 1e6:.1f} MB",
        "Activations of a picture": f"{facts.activations / 1e6:.1f} MB",
    }
    with st.container(horizontal=True):
        for label, value in numbers.items():
            st.metric(label, value, width="content")
    st.markdown(f"Pictures go in as {results.prepares(name)}. {words.remark(net)}")


def choose_layer() -> str:
    """The map; a click on a square chooses its layer."""
    layers = [(info.name, info.kind, info.shape) for info in net.layers.values()]
    chosen = address.choice(
        st.selectbox, "Layer", list(net.layers), key="map_layer", default=next(iter(net.layers)), width=360,
    )  # fmt: skip

    def picked() -> None:
        if points := st.session_state.map.selection.points:
            address.put(map_layer=points[0]["customdata"][0])

    st.plotly_chart(
        figures.network_map(layers, core.connections(net), chosen), key="map", on_select=picked,
        selection_mode="points", config=figures.PLAIN, alt=f"The {len(layers)} layers of the network in running order",
    )  # fmt: skip
    st.caption("Every square is a layer, in running order; a row holds maps of one size. Thin lines jump over layers.")
    return chosen


def show_layer(chosen: str) -> None:
    """The facts of one layer, and where to look at it."""
    info = net.layer(chosen)
    st.markdown(f"**{words.harmless(chosen)}**, {info.kind}: {words.extent(info)}; {info.parameters:,} parameters.")
    with st.container(horizontal=True):
        for page, label in (("activations", "Its activations"), ("filters", "What its units like most")):
            st.page_link(
                f"app_pages/{page}.py", label=label, icon=":material/arrow_forward:",
                query_params={"network": name, "picture": picture, "layer": chosen},
            )  # fmt: skip


def show_table() -> None:
    """All layers in numbers."""
    rows = [
        {
            "layer": info.name,
            "kind": info.kind,
            "output": " × ".join(map(str, info.shape)),
            "parameters": info.parameters,
            "receptive field": " × ".join(map(str, info.receptive_field.size)) if info.receptive_field else "all",
            "stride": info.receptive_field.stride[0] if info.receptive_field else None,
        }
        for info in net.layers.values()
    ]
    st.dataframe(rows, hide_index=True, height=360)


def change(own: user_models.Own, **said: Any) -> None:
    """Say something else of the own network, which makes it another one."""
    try:
        changed = user_models.put(replace(own, **said))
    except ValueError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.session_state.own_networks = [*st.session_state.get("own_networks", ()), changed]
    st.session_state.go_to_network = changed
    st.rerun()


def show_doctor(own: user_models.Own) -> None:
    """Every normalization tried on pictures; the person decides."""
    st.subheader("How are its pictures prepared?")
    st.markdown(
        "The file does not say in which range of numbers it wants its pictures. Under the wrong one a network answers "
        "the same to everything, or nothing surely. Look at its answers, and decide."
    )
    names = uploads.picture_names()
    pictures = address.several(
        "Pictures to try", names, key="tried", default=names[:8], format_func=uploads.picture_title,
    )  # fmt: skip
    known = {}
    with st.expander("I know what they show"):
        for one in pictures:
            label = st.selectbox(uploads.picture_title(one), ["", *net.labels], key=f"truth_{one}")
            if label:
                known[one] = net.labels.index(label)
    try:
        found = results.diagnosis(name, tuple(known or pictures), tuple(known.values()))
    except ValueError as error:
        st.info(str(error), icon=":material/info:")
        return
    st.dataframe([results.answers(net, one, list(known or pictures)) for one in found], hide_index=True)
    best = found[0].name
    why = "makes what you said likeliest" if known else "makes its answers say most of the pictures"
    st.markdown(f"Proposed: **{core.NORMALIZATIONS[best].title}**, which {why}. Now: {results.prepares(name)}.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        options = [one.name for one in found]
        wish = st.selectbox(
            "Prepare them as", options, format_func=lambda one: core.NORMALIZATIONS[one].title, width=320
        )
        if st.button("Use this", type="primary", icon=":material/check:"):
            change(own, normalization=wish)


def show_naming(own: user_models.Own) -> None:
    """Labels for the classes, and a size where the network leaves it open."""
    st.subheader("What are its classes called?")
    file = st.file_uploader("A name for each class: text, CSV or JSON", type=["txt", "csv", "json"], key="label_file")
    with st.container(horizontal=True):
        if st.button("Use these names", icon=":material/label:", disabled=file is None) and file:
            try:
                labels = core.read_labels(file.getvalue(), file.name)
            except ValueError as error:
                st.error(str(error), icon=":material/error:")
            else:
                change(own, labels=labels)
        if len(net.labels) == 1000 and st.button("They are ImageNet's, in Keras's order"):
            change(own, labels=core.imagenet_labels())
        if own.labels and st.button("Class numbers"):
            change(own, labels=())
    if None in net.network.input_shape[1:3]:
        st.subheader("How large are its pictures?")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            side = st.number_input("Height and width in pixels", 16, 1024, net.size[0], 8, width=240)
            if st.button("Use this size", icon=":material/crop_square:"):
                change(own, side=int(side))


show_card()
st.subheader("The map of its layers")
show_layer(choose_layer())
with st.expander("All layers as a table"):
    show_table()
if brought:
    if net.labels:
        show_doctor(brought)
    show_naming(brought)
    st.subheader("In Python")
    st.code(f"from pathlib import Path\n\nimport core\n\nnet = {brought.script()}", language="python")
