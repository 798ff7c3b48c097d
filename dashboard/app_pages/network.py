"""The network itself: its card, a map of all its layers, and for a person's own file how its pictures are prepared."""

import streamlit as st

import core
from dashboard import address, figures, own_files, reports, words, workbench
from dashboard.recipes import Describe
from dashboard.server import limits, networks, results, user_models

name, picture = workbench.chosen()
net = networks.network(name)
described = Describe(name)
brought = user_models.get(name) if limits.local() else None


def show_card() -> None:
    """The network in numbers and words."""
    facts = networks.facts(net)
    st.subheader(words.text(networks.network_title(name)))
    if summary := net.card.get("summary") or net.card.get("origin"):
        st.markdown(words.text(" ".join(str(one) for one in (summary, net.card.get("data", "")) if one)))
    numbers = {
        "Parameters": f"{facts.parameters:,}",
        "Layers": f"{len(net.layers)}",
        "Picture size": " × ".join(map(str, (*net.size, 1 if net.grey else 3))),
        "Numbers" if net.labels and not net.has_classes else "Classes": f"{len(net.labels)}" if net.labels else "none",
        "Weights": f"{facts.weights / 1e6:.1f} MB",
        "Activations for one picture": f"{facts.activations / 1e6:.1f} MB",
    }
    with st.container(horizontal=True):
        for label, value in numbers.items():
            st.metric(label, value, width="content")
    st.markdown(f"Pictures go in as {words.text(results.prepares(name))}. {words.output(net)} {words.remark(net)}")
    for note in net.card.get("notes", ()):
        st.caption(words.text(note))


def choose_layer() -> str:
    """The map; a click on a square chooses its layer."""
    layers = [(info.name, info.kind, info.shape) for info in net.layers.values()]
    chosen = address.choice(
        st.selectbox, "Layer", list(net.layers), key="layer", default=next(iter(net.layers)), width=360,
    )  # fmt: skip

    key = address.session_key("map")

    def picked() -> None:
        if points := st.session_state[key].selection.points:
            address.put(layer=points[0]["customdata"][0])

    st.plotly_chart(
        figures.network_map(layers, core.connections(net), chosen), key=key, on_select=picked,
        selection_mode="points", config=figures.PLAIN, alt=f"The {len(layers)} layers of the network in running order",
    )  # fmt: skip
    st.caption(
        "Every square is a layer, in the order in which they run. Maps of one size share a row; thin lines are skip "
        "connections. Click a square to choose its layer."
    )
    return chosen


def show_layer(chosen: str) -> None:
    """The facts of one layer, and where to look at it."""
    info = net.layer(chosen)
    st.markdown(f"**{words.text(chosen)}**, {info.kind}: {words.extent(info)}; {info.parameters:,} parameters.")
    with st.container(horizontal=True):
        for page, label in (("activations", "Its activations"), ("filters", "What its units respond to most")):
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


show_card()
st.subheader("The map of its layers")
show_layer(choose_layer())
with st.expander("All layers as a table"):
    show_table()
workbench.take_away(described, "network", lambda: reports.contents(described))
workbench.code(described)
if brought:
    own_files.choose_held(net, brought)
    own_files.choose_output(net, brought)
    own_files.choose_preprocessing(name, brought)
    own_files.choose_labels(net, brought)
    st.subheader("In Python")
    st.code(f"from pathlib import Path\n\nimport core\n\nnet = {brought.script()}", language="python")
