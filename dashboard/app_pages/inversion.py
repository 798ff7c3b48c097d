"""What each layer has kept of a picture, drawn again from its activations alone: feature inversion and caricature."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import streamlit as st

import core
from dashboard import address, components, figures, workbench
from dashboard.recipes import Invert
from dashboard.server import networks, uploads

STEPS = (24, 48, 96, 192, 384, 768)
FINISHED = Path(__file__).parents[1] / "assets"
MAKE = {"convscope": "Inversion", "caricature": "Caricature", "mahendran": "Inversion as published"}
SAYS = (
    "**What does a layer still know of your picture?** Only the layer's activations are kept; then a grey picture is "
    "changed until it gives the same ones. The first layers give the photograph back. Deeper ones forget colours "
    "first, then where exactly things are, and in the end keep little more than what it is a picture of "
    "([Mahendran and Vedaldi, 2014](https://arxiv.org/abs/1412.0035)). A caricature does not match the activations "
    "but exaggerates them ([Olah et al., 2018](https://distill.pub/2018/building-blocks/))."
)
NUMBERS = (
    "**Pixels**: the root mean square difference from the photograph, 0 to 1. **Code**: the squared distance of the "
    "layer's activations from the photograph's, divided by their squared length: near 0 the layer cannot tell the two "
    "apart, however different they look: that is what it has lost. A caricature goes beyond the code on purpose."
)

name, picture = workbench.chosen()
net = networks.network(name)


def choose_recipe() -> Invert:
    """Everything that a person can set. Raises ValueError."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        preset = address.choice(
            st.segmented_control, "Draw", list(MAKE), key="invert", default="convscope", required=True,
            format_func=MAKE.__getitem__,
            help="\n\n".join(f"**{MAKE[key]}**: {one.source}" for key, one in core.INVERSIONS.items()),
        )  # fmt: skip
        steps = address.choice(st.select_slider, "Steps", STEPS, key="invert_steps", default=96, width=200)
        scale = address.choice(
            st.segmented_control, "Size", [1, 2, 3], key="invert_scale", default=1, required=True,
            format_func=lambda one: f"{net.size[0] * one} × {net.size[1] * one}",
        )  # fmt: skip
        with st.popover("More", icon=":material/tune:"):
            power = address.choice(
                st.select_slider, "Caricature: stay near the picture", (0.0, 0.5, 1.0, 2.0, 4.0), key="power",
                default=1.0, disabled=preset != "caricature",
            )  # fmt: skip
            seed = address.whole_number("Seed", most=9999, key="seed", placeholder="0") or 0
    usual = [stage.layer for stage in core.stages(net)][-8:]
    layers = address.several("Layers", list(net.layers), key="invert_layers", default=usual)
    return Invert(name, picture, tuple(layers), preset, power, steps, scale, seed)


def choose_other(recipe: Invert) -> Invert | None:
    """The same with another network of the same layers, if wanted."""
    others = [
        one for one in core.available() if one != name and set(recipe.layers) <= set(networks.network(one).layers)
    ]
    if name not in core.available() or not others:
        return None
    other = address.choice(
        st.selectbox, "Beside", ["", *others], key="invert_beside", default="", width=260,
        format_func=lambda one: networks.network_title(one) if one else "this network only",
    )  # fmt: skip
    return replace(recipe, network=other) if other else None


def mosaic(recipe: Invert, frame: core.Frame) -> np.ndarray:
    """The photograph and what was drawn from each layer, in one row."""
    row = np.concatenate([recipe.photo(), frame.images.numpy()])
    return figures.magnified(core.tile(row, columns=len(row), background=0.5), 160 * len(row))


def run(recipes: dict[str, Invert]) -> None:
    """Run the recipes one after the other, from the start."""
    cost.caption(workbench.cost([one.estimate() for one in recipes.values()]))
    for key in "ab":
        st.session_state.pop(f"growth_invert_{key}", None)
    st.session_state.inversions = recipes
    for key, one in recipes.items():
        workbench.run(one.run(), key=f"growth_invert_{key}", mosaic=partial(mosaic, one))


def run_on() -> None:
    """Some more steps of what is there."""
    for key, one in finished().items():
        frames = one.longer().run(st.session_state[f"growth_invert_{key}"].frame)
        workbench.run(frames, key=f"growth_invert_{key}", mosaic=partial(mosaic, one))


def finished() -> dict[str, Invert]:
    """What has been made in this session, with as many steps as it really took."""
    made: dict[str, Invert] = st.session_state.get("inversions", {})
    grown = {
        key: st.session_state[f"growth_invert_{key}"] for key in made if f"growth_invert_{key}" in st.session_state
    }
    return {
        key: replace(made[key], steps=growth.frame.step)
        for key, growth in grown.items()
        if made[key].network in (name, *core.available()) and uploads.there(made[key].picture)
    }


def show_row(recipe: Invert, frame: core.Frame) -> None:
    """The photograph and, beside it, what each layer has kept, in numbers and in the network's own words."""
    own, photo, images = networks.network(recipe.network), recipe.photo(), frame.images.numpy()
    pixels = core.pixel_distance(photo, images)
    said = [best for ((best, _),) in core.predict(own, np.concatenate([photo, images]), top=1)] if own.labels else []
    says = [f"“{label}”" for label in said] or [""] * (len(images) + 1)
    st.markdown(f"**{networks.network_title(recipe.network)}**, {MAKE[recipe.preset].lower()}, {frame.step} steps")
    with st.container(horizontal=True, gap="small"):
        places = [st.container(width=168, gap="xxsmall") for _ in says]
    places[0].image(photo[0], width="stretch", alt=uploads.picture_title(recipe.picture))
    places[0].caption(f"**The photograph**  \n{says[0]}")
    for index, (layer, place) in enumerate(zip(recipe.layers, places[1:], strict=True)):
        code = core.feature_distance(own, photo, layer, images[index : index + 1])[0]
        place.image(images[index], width="stretch", alt=f"Drawn from {layer}")
        place.caption(f"**{layer}**  \npixels {pixels[index]:.2f}, code {code:.3f}  \n{says[index + 1]}")


def show_closer(recipe: Invert, frame: core.Frame, key: str) -> None:
    """One layer, large, over the photograph."""
    layer = st.segmented_control(
        f"{networks.network_title(recipe.network)}, large",
        recipe.layers,
        default=recipe.layers[-1],
        required=True,
        key=f"large_{key}",
    )
    one = frame.images.numpy()[recipe.layers.index(layer)]
    components.compare(
        figures.data_url(core.encode_png(recipe.photo()[0])), figures.data_url(core.encode_png(one)),
        alt=f"The photograph on the left, and on the right what {layer} has kept", key=f"compare_{key}",
    )  # fmt: skip


def show_files(recipe: Invert, frame: core.Frame, key: str) -> None:
    """The settings, the code, the files."""
    row = core.tile(frame.images.numpy(), columns=len(recipe.layers), background=0.5)
    with st.container(horizontal=True):
        workbench.download(
            "PNG", lambda: core.encode_png(row, metadata={"convscope": recipe.settings()}), f"inverted_{key}.png",
            "image/png",
        )  # fmt: skip
        workbench.download("Settings as JSON", recipe.settings().encode(), f"inverted_{key}.json", "application/json")
    with st.expander("Show the code", icon=":material/code:"):
        st.code(recipe.script(), language="python")
        st.caption(core.INVERSIONS[recipe.preset].source)


def show_ready() -> None:
    """Something to look at until the person runs their own: finished rows, or at least the picture."""
    path = FINISHED / f"inversion_{name}.jpg"
    if path.exists():
        st.image(str(path), alt=f"Two photographs, drawn again from the stages of {name}", width="stretch")
        st.caption(
            "Left two photographs; beside each what the stages have kept of it, and below their caricatures. Press Run "
            "for your own picture."
        )
    else:
        st.image(core.seen_by(net, uploads.picture(picture))[0], width=256, alt=uploads.picture_title(picture))
        st.caption("Press Run to see what the layers keep of it.")


st.markdown(SAYS)
try:
    recipe = choose_recipe()
    other = choose_other(recipe)
except ValueError as error:
    st.error(str(error), icon=":material/error:")
    st.stop()
with st.container(horizontal=True, vertical_alignment="center"):
    start = st.button("Run", type="primary", icon=":material/play_arrow:", key="run")
    more = st.button("48 more steps", icon=":material/add:", key="more", disabled=not finished())
    cost = st.empty()
if start or more:
    with workbench.stoppable():
        run_on() if more else run({"a": recipe} | ({"b": other} if other else {}))

made = finished()
if not made:
    show_ready()
    st.stop()
grown = {key: st.session_state[f"growth_invert_{key}"].frame for key in made}
for key, one in made.items():
    show_row(one, grown[key])
st.caption(NUMBERS)
left, right = st.columns(2, gap="large")
with left:
    for key, one in made.items():
        show_closer(one, grown[key], key)
with right:
    st.markdown("**How far from the photograph**")
    distances = {
        networks.network_title(one.network): core.pixel_distance(one.photo(), grown[key].images.numpy())
        for key, one in made.items()
    }
    chart = figures.lost(distances, made["a"].layers)
    st.plotly_chart(chart, config=figures.PLAIN, key="lost", alt="Distance from the photograph, layer by layer")
    for key, one in made.items():
        show_files(one, grown[key], key)
