"""A small change of the picture that changes the network's answer: adversarial examples."""

import numpy as np
import streamlit as st

import core
from dashboard import figures, forms, lenses, notices, words, workbench
from dashboard.forms import attack as form
from dashboard.panels.attack import PANELS, show_not_fooled
from dashboard.panels.robustness import show_robustness
from dashboard.recipes import AttackRecipe
from dashboard.server import networks, results

SAYS = (
    "**What is the smallest change that fools the network?** Changes that people hardly see can turn a confident "
    "answer into another one. What is judged here is the file that you can download."
)
VIEWS = {"picture": "One picture", "set": "A set: robust accuracy"}
name, picture = workbench.chosen()
net = networks.network(name)


def compare_twins() -> None:
    """The ready comparison: the same attack on the standard network and on its robust twin; run at once."""
    one, twin = networks.twins(name)
    workbench.ask(network=one, beside=twin)


def attacked(_: AttackRecipe, frame: core.Frame) -> np.ndarray:
    """The attacked picture while it changes."""
    return core.to_uint8(core.resize(frame.images.numpy()[:1], height=384, width=384))[0]


def show_picture(where: st.delta_generator.DeltaGenerator, pixels: np.ndarray, title: str) -> None:
    """One of the three pictures, magnified without smoothing."""
    where.image(figures.magnified(pixels, 384), width="stretch", caption=title, alt=title)


def show(made: workbench.Made, key: str) -> tuple[np.ndarray, np.ndarray]:
    """Original, perturbation and adversarial picture, and what the network says; the original and the file's."""
    recipe, origin, label = made.recipe, made.recipe.photo(), made.recipe.label()
    file = workbench.png(recipe, core.to_float(core.to_uint8(made.images[:1]))[0])
    read = core.open_image(file)
    st.markdown(f"**{words.text(networks.network_title(recipe.network))}**")
    own = networks.network(recipe.network)
    if not own.has_classes:
        before, after = (results.answers(recipe.network, one, top=label + 1)[0][label][1] for one in (origin, read))
        st.info(f"{words.text(own.labels[label])} went from {before:.4g} to {after:.4g}, read from the file.")
    elif results.fools(recipe.network, read, label, targeted=bool(recipe.target)):
        st.success("Fools the network, verified from the file.", icon=":material/verified:")
    else:
        show_not_fooled(recipe, origin, read, key)
    scale = st.slider("Strength of the perturbation", 0.0, 2.0, 1.0, 0.05, key=f"strength_{key}")
    scaled = read if scale == 1 else results.strengthened(origin, read, scale)
    seen, factor = figures.perturbation(origin[0], read[0])
    columns = st.columns(3)
    show_picture(columns[0], origin[0], "Original")
    show_picture(columns[1], seen, f"Perturbation × {factor:.0f}" if factor >= 2 else "Perturbation")
    show_picture(columns[2], scaled[0], "Adversarial" if scale == 1 else f"{scale:g} times the perturbation")
    for place, pixels, when in ((0, origin, "before"), (2, scaled, "after")):
        figure = figures.answers(results.answers(recipe.network, pixels)[0], classes=own.has_classes)
        columns[place].plotly_chart(figure, config=figures.PLAIN, key=f"{when}_{key}", alt=f"Answers {when}")
    with columns[1]:
        show_sizes(made, origin, read)
    lenses.show_attacked(recipe.network, recipe.picture, file, key=key)
    change = core.encode_png(seen)
    workbench.files(
        recipe, f"attack_{key}", made=made, png=("Adversarial PNG", file), png_change=("Perturbation", change)
    )
    workbench.history(made, f"attack_{key}")
    return origin, read


def show_sizes(made: workbench.Made, origin: np.ndarray, read: np.ndarray) -> None:
    """How large the change is, and how many pictures an attack on many fools."""
    recipe = made.recipe
    sizes = {norm: float(core.distance(read, origin, norm)[0]) for norm in ("linf", "l2", "l1", "l0")}
    st.markdown(
        f"Largest change: **{sizes['linf'] * 255:.0f}/255**  \nLength (L2): **{sizes['l2']:.3f}**  \n"
        f"Sum (L1): **{sizes['l1']:.1f}**  \nPixels changed: **{sizes['l0']:.0f}** of {origin[0, ..., 0].size}"
    )
    if len(made.images) > 1:
        hits, count = results.fooled(recipe.network, made.images, recipe.label(), leads=recipe.leads)
        st.markdown(f"Fools it on **{hits} of {count}** pictures: yours and all samples.")


st.markdown(SAYS)
if not net.labels:
    st.info("This network has no classes, so there is nothing to fool.")
    st.stop()
if forms.choose(core.Setting("view", "What is attacked", "picture", tuple(VIEWS)), names=VIEWS.__getitem__) == "set":
    try:
        show_robustness(name)
    except ValueError as error:
        notices.refused(error)
    st.stop()
recipe = form.recipe(name, picture)
st.markdown(core.ATTACKS[recipe.attack].says)
bench = workbench.Bench({"a": recipe} | form.others(recipe), mosaic=attacked)
with st.container(horizontal=True, vertical_alignment="center"):
    bench.buttons()
    st.button(
        "The standard network and its robust twin", icon=":material/compare:", key="both", on_click=compare_twins,
        disabled=len(core.available()) < 2, help="The same attack on both, side by side.",
    )  # fmt: skip
made = bench.results()
if not made:
    show_picture(st.columns([1, 2])[0], recipe.photo()[0], "What the network sees")
    st.stop()
pairs = {}
for (key, one), where in zip(made.items(), st.columns(len(made), gap="large"), strict=True):
    with where:
        pairs[key] = show(one, key)
first = next(iter(made))
closer = forms.choose(core.Setting("closer", "Look closer", "layers", tuple(PANELS)), names=lambda one: PANELS[one][0])
PANELS[closer][1](made[first].recipe, *pairs[first])
workbench.code(made[first].recipe)
