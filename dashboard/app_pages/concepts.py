"""The parts that a layer sees in a picture, or in a set of pictures: what they are, where, and what they are worth."""

from functools import partial

import streamlit as st

import core
from dashboard import notices, workbench
from dashboard.forms import concepts as form
from dashboard.panels import concepts as panel

SAYS = (
    "**Of which parts does it see the picture made?** A layer's maps are taken apart into a few concepts: directions "
    "that come up again and again, in this picture or in many. Each has a colour here, its best crops, and what it is "
    "worth to the answer."
)

name, picture = workbench.chosen()
st.markdown(SAYS)
try:
    recipe = form.recipe(name, picture)
    shown = panel.look(recipe)
    if shown is None:
        st.info("No pictures have been looked at yet.")
        st.stop()
    left, right = st.columns(2, gap="large")
    with left:
        panel.show_picture(shown)
    with right:
        told = panel.show_worth(shown)
        panel.show_worth_over(shown)
    panel.show_cards(shown, told)
    arrays = {"directions": shown.found.directions, "maps": shown.maps}
    numbers = ("Directions and maps", lambda: core.encode_npz(arrays))
    workbench.files(recipe, "concepts", found=partial(panel.contents, shown, told), npz=numbers)
    panel.show_own(shown)
    workbench.code(recipe)
except ValueError as error:
    notices.refused(error)
