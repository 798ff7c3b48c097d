"""Which units made an answer: the channels of a layer by what they give to it, beside those that are most active."""

import streamlit as st

import core
from dashboard import address, notices, words, workbench
from dashboard.forms import contributions as form
from dashboard.panels import contributions as panel
from dashboard.recipes import Contributions
from dashboard.server import circuits, networks, results

SAYS = (
    "**Which units made this answer?** Each channel of a layer gives a part of the answer: its activation times the "
    "slope of the answer in it. Compare with what is lost when the channel is switched off."
)

name, picture = workbench.chosen()
net = networks.network(name)
st.markdown(SAYS)
if not net.labels:
    st.info("This network has no classes, so there is no answer to ask about.", icon=":material/info:")
    st.stop()
try:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        asked = form.question(name, picture)
        most = net.layer(asked.layer).channels - 1
        given = address.whole_number("Channel", most=most, key="channel", placeholder="gives most", width=170)
    pair = asked.target if isinstance(asked.target, tuple) else (asked.target, None)
    recipe = Contributions(name, picture, asked.layer, *pair)
    panel.follow_river(recipe)
    found = circuits.contributions(name, picture, asked.layer, asked.target)
    activation = results.activations(name, picture, (asked.layer,))[asked.layer][0]
    shown = panel.Shown(recipe, asked.title, found, activation)
    channel = shown.order("contribution", 1)[0] if given is None else given
    st.markdown(f"**{words.text(asked.layer)}**: {words.extent(net.layer(asked.layer))}.")
    panel.show_completeness(shown)
    panel.show_walls(shown, channel)
    panel.show_channel(shown, channel)
    panel.show_patches(shown, channel)
    panel.show_what_if(shown, channel)
    panel.show_river(shown)
    panel.show_table(shown)
    workbench.files(recipe, "contributions", npz=("Contributions", lambda: core.encode_npz({"contributions": found})))
    workbench.code(recipe)
except ValueError as error:
    notices.refused(error)
