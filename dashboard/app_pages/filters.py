"""The picture that a unit responds to most: filter maximization."""

import numpy as np
import streamlit as st

import core
from dashboard import components, figures, lenses, notices, words, workbench
from dashboard.forms import maximize as form
from dashboard.panels import maximize as panel
from dashboard.recipes import Maximize
from dashboard.server import networks, results, uploads

SAYS = (
    "**What does a unit look for?** Start from noise and change the picture, step by step, so that the unit responds "
    "more and more strongly. What appears is what the unit is looking for."
)
ROBUST = (
    "Why do they differ? The standard network may use any pattern that helps to name a picture, including faint "
    "textures that people do not see. The robust one was trained on pictures that an adversary had changed a little, "
    "so it had to rely on what survives such changes: shapes and objects. So its units, asked what they look for, draw "
    "what people recognize (Engstrom et al., [arXiv:1906.00945](https://arxiv.org/abs/1906.00945))."
)

name, picture = workbench.chosen()


def compare_twins() -> None:
    """The ready comparison: the same units of the standard network and of its robust twin; run at once."""
    one, twin = networks.twins(name)
    workbench.ask(network=one, compare="network", other_network=twin)


def mosaic(_: Maximize, frame: core.Frame) -> np.ndarray:
    """A frame's pictures side by side."""
    columns = figures.columns_for(len(frame.images))
    return core.to_uint8(core.tile(frame.images.numpy(), columns=columns, background=0.5))


def unit_titles(recipe: Maximize) -> list[str]:
    """What to call each picture."""
    return [results.unit_title(recipe.network, recipe.layer, channel) for channel in recipe.units]


def show_wall(recipe: Maximize, frame: core.Frame, key: str) -> None:
    """All units; a click chooses one."""
    titles, dead = unit_titles(recipe), results.inactive(recipe.network, recipe.layer, recipe.units, frame)
    scores = zip(titles, frame.score.numpy(), strict=True)
    components.wall(
        figures.data_url(core.encode_png(mosaic(recipe, frame))),
        columns=figures.columns_for(len(titles)),
        labels=[
            f"{title}: {score:.3g}" + (" (inactive: zero everywhere)" if index in dead else "")
            for index, (title, score) in enumerate(scores)
        ],
        chosen=min(st.session_state.get("unit", 0), len(titles) - 1),
        alt=f"{len(titles)} maximized units of {recipe.layer}; arrow keys and Enter choose one",
        key=f"maximized_{key}",
        smooth=True,
        on_pick=lambda tile: st.session_state.update(unit=tile),
    )
    network = words.text(networks.network_title(recipe.network))
    st.caption(f"{panel.title(recipe)}, {frame.step} steps, {network}. Click a picture to see it large.")
    if dead:
        st.caption(
            f"{len(dead)} of {len(titles)} units stay inactive: they are zero everywhere after the nonlinearity."
        )


def show_unit(recipe: Maximize, frame: core.Frame, key: str) -> None:
    """One unit, large, beside where it responds on the person's picture, and how its score grew."""
    titles = unit_titles(recipe)
    index = min(st.session_state.get("unit", 0), len(titles) - 1)
    left, right = st.columns(2)
    large = core.to_uint8(frame.images.numpy()[index])
    if recipe.hold:
        panel.show_held(recipe, large, left, name=titles[index], key=key)
    else:
        left.image(large, width="stretch", caption=words.text(titles[index]), alt=titles[index])
    if recipe.layer != core.LOGITS and networks.network(recipe.network).layer(recipe.layer).spatial:
        activation = results.activations(recipe.network, picture, (recipe.layer,))[recipe.layer][0]
        seen = core.seen_by(networks.network(recipe.network), uploads.picture(picture), scale=4)
        channel = recipe.units[index]
        heat = figures.over(seen[0], core.maps(activation[..., channel : channel + 1])[0], "Viridis", 0.6)
        right.image(
            heat, width="stretch", caption="Where it responds on your picture", alt="Activation over the picture"
        )
    lenses.show(lenses.Unit(recipe.network, picture, recipe.layer, recipe.units[index]), here="filters")
    chart = figures.curves(frame.curve.numpy(), titles, index)
    st.plotly_chart(chart, config=figures.PLAIN, key=f"curve_{key}", alt="The score of each unit, step by step")


st.markdown(SAYS)
try:
    asked = form.recipe(name, picture)
    both = {"a": asked} | form.others(asked)
except ValueError as error:
    notices.refused(error)
    st.stop()
bench = workbench.Bench(both, mosaic=mosaic)
with st.container(horizontal=True, vertical_alignment="center"):
    bench.buttons(more="30 more steps")
    if len(core.available()) > 1:
        st.button(
            "Compare standard and robust", icon=":material/compare:", key="twin", on_click=compare_twins,
            help="The same units of the standard network and of its robust twin, side by side.",
        )  # fmt: skip
made = bench.results()
for column, (key, one) in zip(st.columns(max(len(made), 1), gap="large"), made.items(), strict=False):
    with column:
        left, right = st.columns([3, 2], gap="large") if len(made) == 1 else (st.container(), st.container())
        with left:
            show_wall(one.recipe, one.frame, key)
            wall = workbench.png(one.recipe, mosaic(one.recipe, one.frame))
            workbench.files(one.recipe, f"filters_{key}", made=one, png=("PNG", wall))
            workbench.history(one, f"filters_{key}")
            workbench.code(one.recipe, panel.source(one.recipe))
        with right:
            show_unit(one.recipe, one.frame, key)
if {one.recipe.network for one in made.values()} == {"lens5_standard", "lens5_robust"}:
    st.info(ROBUST)
