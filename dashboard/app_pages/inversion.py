"""What each layer has kept of a picture, drawn again from its activations alone: feature inversion and caricature."""

import numpy as np
import streamlit as st

import core
from dashboard import components, figures, notices, words, workbench
from dashboard.forms import invert as form
from dashboard.recipes import Invert
from dashboard.server import networks, results, uploads

SAYS = (
    "**What does a layer still know of your picture?** Only the layer's activations are kept; then a grey picture is "
    "changed until it gives the same ones. The first layers give the photograph back. Deeper ones forget the colours "
    "first, then exactly where things are, and in the end keep little more than what the picture is of "
    "([Mahendran and Vedaldi, 2014](https://arxiv.org/abs/1412.0035)). A caricature does not match the activations "
    "but exaggerates them ([Olah et al., 2018](https://distill.pub/2018/building-blocks/))."
)
NUMBERS = (
    "**Pixels**: the root mean square difference from the photograph, 0 to 1. **Features**: the squared distance of "
    "the layer's activations from the photograph's, divided by their squared length. Near 0, the layer cannot tell the "
    "two apart, however different they look: that is what it has lost. A caricature overshoots the features on purpose."
)

name, picture = workbench.chosen()
net = networks.network(name)


def mosaic(recipe: Invert, frame: core.Frame) -> np.ndarray:
    """The photograph and what was drawn from each layer, in one row."""
    row = np.concatenate([recipe.photo(), frame.images.numpy()])
    return figures.magnified(core.tile(row, columns=len(row), background=0.5), 160 * len(row))


def show_row(recipe: Invert, frame: core.Frame) -> None:
    """The photograph and, beside it, what each layer has kept, in numbers and in the network's own words."""
    own, photo, images = networks.network(recipe.network), recipe.photo(), frame.images.numpy()
    pixels = core.pixel_distance(photo, images)
    said: list[str] = []
    if own.labels:
        both = np.concatenate([photo, images])
        said = [best for ((best, _),) in results.answers(recipe.network, both, top=1)]
    says = [f"“{words.text(label)}”" for label in said] or [""] * (len(images) + 1)
    title = words.text(networks.network_title(recipe.network))
    st.markdown(f"**{title}**, {form.title(recipe.preset)}, {frame.step} steps")
    with st.container(horizontal=True, gap="small"):
        places = [st.container(width=168, gap="xxsmall") for _ in says]
    places[0].image(photo[0], width="stretch", alt=uploads.picture_title(recipe.picture))
    places[0].caption(f"**The photograph**  \n{says[0]}")
    for index, (layer, place) in enumerate(zip(recipe.layers, places[1:], strict=True)):
        features = core.feature_distance(own, photo, layer, images[index : index + 1])[0]
        place.image(images[index], width="stretch", alt=f"Drawn from {layer}")
        place.caption(
            f"**{words.text(layer)}**  \npixels {pixels[index]:.2f}, features {features:.3f}  \n{says[index + 1]}"
        )


def show_closer(recipe: Invert, frame: core.Frame, key: str) -> None:
    """One layer, large, over the photograph."""
    title = f"{networks.network_title(recipe.network)}, large"
    layer = st.selectbox(title, recipe.layers, len(recipe.layers) - 1, key=f"large_{key}")
    one = frame.images.numpy()[recipe.layers.index(layer)]
    components.compare(
        figures.data_url(core.encode_png(recipe.photo()[0])), figures.data_url(core.encode_png(one)),
        alt=f"The photograph on the left, and on the right what {layer} has kept", key=f"compare_{key}",
    )  # fmt: skip


def show_picture() -> None:
    """The picture, where the network lets nothing be drawn at once."""
    st.image(core.seen_by(net, uploads.picture(picture))[0], width=256, alt=uploads.picture_title(picture))
    st.caption("Press Run to see what the layers keep of it.")


st.markdown(SAYS)
try:
    asked = form.recipe(name, picture)
    both = {"a": asked} | form.others(asked)
except ValueError as error:
    notices.refused(error)
    st.stop()
bench = workbench.Bench(both, mosaic=mosaic)
with st.container(horizontal=True, vertical_alignment="center"):
    bench.buttons(more="48 more steps")
made = bench.results()
if not made:
    show_picture()
    st.stop()
for one in made.values():
    show_row(one.recipe, one.frame)
st.caption(NUMBERS)
left, right = st.columns(2, gap="large")
with left:
    for key, one in made.items():
        show_closer(one.recipe, one.frame, key)
with right:
    st.markdown("**How far from the photograph**")
    distances = {
        networks.network_title(one.recipe.network): core.pixel_distance(one.recipe.photo(), one.images)
        for one in made.values()
    }
    chart = figures.lost(distances, next(iter(made.values())).recipe.layers)
    st.plotly_chart(chart, config=figures.PLAIN, key="lost", alt="Distance from the photograph, layer by layer")
    for key, one in made.items():
        row = core.tile(one.images, columns=len(one.images), background=0.5)
        workbench.files(one.recipe, f"inverted_{key}", made=one, png=("PNG", workbench.png(one.recipe, row)))
        workbench.history(one, f"inverted_{key}")
        workbench.code(one.recipe, core.INVERSIONS[one.recipe.preset].source)
