"""What a layer likes at every place of a picture, drawn there."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import streamlit as st

import core
from dashboard import components, figures, forms, notices, words, workbench
from dashboard.layer_view import Looked
from dashboard.recipes import Grid
from dashboard.server import directions, networks

SAYS = (
    "**What does the layer see at each place?** All its channels together are a direction at every place of the map. "
    "Each small picture is drawn from noise, until the layer answers to it as it does to your picture there "
    "([Olah et al., 2018](https://distill.pub/2018/building-blocks/))."
)
FADED = core.Setting(
    "faded", "Over the picture, by strength", True, help="Where the layer says little, your picture is seen."
)


def show(one: Looked) -> None:
    """The grid, made when it is asked for, beside the picture."""
    st.markdown(SAYS)
    if not one.info.spatial:
        st.info("This layer has no height and width, so it says one thing of the whole picture.")
        return
    try:
        bench = workbench.Bench({"a": _asked(one)}, mosaic=mosaic)
        with st.container(horizontal=True, vertical_alignment="center"):
            bench.buttons("Draw every place", more="24 more steps")
        made = bench.results()
        if made:
            _show(made["a"])
    except ValueError as error:
        notices.refused(error)


def _asked(one: Looked) -> Grid:
    recipe = Grid(one.network, one.picture, one.layer)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        return forms.fields(recipe, "most", "size", "steps", "seed")


def mosaic(recipe: Grid, frame: core.Frame) -> npt.NDArray[np.uint8]:
    """A frame's pictures at their places."""
    return figures.mosaic(core.to_uint8(np.asarray(frame.images)), columns=recipe.places[1], gap=0)


def _show(made: workbench.Made) -> None:
    recipe: Grid = made.recipe
    drawn = mosaic(recipe, made.frame)
    faded = forms.choose(FADED)
    vectors = directions.place_vectors(recipe.network, recipe.picture, recipe.layer, recipe.most)
    shown = figures.over_by_strength(drawn, recipe.photo()[0], np.linalg.norm(vectors, axis=-1)) if faded else drawn
    left, right = st.columns([3, 2], gap="large")
    network = words.text(networks.network_title(recipe.network))
    with left:
        components.compare(
            figures.data_url(core.encode_png(figures.stretched(recipe.photo()[0], drawn.shape))),
            figures.data_url(core.encode_png(shown)), key="grid_compare",
            alt=f"The picture on the left, and on the right what {recipe.layer} likes at each place of it",
        )  # fmt: skip
        rows, columns = recipe.places
        st.caption(f"{network}, {words.text(recipe.layer)}: {rows} × {columns} places, {made.frame.step} steps.")
    with right:
        st.image(drawn, width="stretch", alt="Every place, drawn without the picture")
        png = ("PNG", workbench.png(recipe, drawn))
        workbench.files(recipe, "grid", made=made, png=png)
        workbench.history(made, "grid")
    workbench.code(recipe)
