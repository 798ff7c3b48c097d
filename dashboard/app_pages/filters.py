"""The picture that a unit likes most: filter maximization."""

from dataclasses import replace

import numpy as np
import streamlit as st

import core
from dashboard import address, components, figures, words, workbench
from dashboard.recipes import Maximize, numbers
from dashboard.server import networks, results, uploads

UNITS = {"strongest": "The strongest on my picture", "number": "By number", "class": "Classes by name"}
PLACES = {"anywhere": "Everywhere (the channel)", "middle": "In the middle (one neuron)"}
STARTS = {"noise": "Noise", "grey": "Grey", "picture": "My picture"}
COMPARE = {"nothing": "Nothing", "network": "Another network", "preset": "Another preset", "steps": "Other steps"}
STEPS = (16, 32, 64, 96, 128, 256, 512, 1000)
ROBUST = (
    "Why do they differ? The standard network may use any pattern that helps to name a picture, also faint textures "
    "that people do not see. The robust one was trained on pictures that an adversary had changed a little, so it had "
    "to rely on what survives such changes: shapes and things. So its units, asked what they like, draw what people "
    "recognize (Engstrom et al., [arXiv:1906.00945](https://arxiv.org/abs/1906.00945))."
)

name, picture = workbench.chosen()
net = networks.network(name)
stages = core.stages(net)


def choose_units() -> tuple[str, tuple[int, ...]]:
    """The layer and the channels, or the classes. Raises ValueError."""
    options = {key: title for key, title in UNITS.items() if key != "class" or net.labels}
    units = address.choice(
        st.segmented_control, "Units", list(options), key="units", default="strongest", required=True,
        format_func=options.__getitem__,
    )  # fmt: skip
    if units == "class":
        default = [label for label, _ in results.prediction(name, picture)]
        labels = address.several("Classes", net.labels, key="classes", default=default)
        return core.LOGITS, tuple(net.labels.index(label) for label in labels)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        layer = address.choice(
            st.selectbox, "Layer", list(net.layers), key="layer", width=320,
            default=stages[max(0, len(stages) - 2)].layer,
            format_func=lambda layer: f"{layer} · {net.layer(layer).channels} channels",
        )  # fmt: skip
        channels = net.layer(layer).channels
        if units == "number":
            return layer, numbers(
                address.text("Channels, such as 0-7, 12", key="numbers", default="0-15"), channels - 1
            )
        count = address.choice(st.selectbox, "How many", (8, 16, 32, 64, 256), key="many", default=64, width=140)
    activation = results.activations(name, picture, (layer,))[layer]
    return layer, tuple(int(channel) for channel in core.statistics(activation).strongest()[:count])


def choose_recipe() -> Maximize:
    """Everything that a person can set. Raises ValueError."""
    layer, channels = choose_units()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        preset = address.choice(
            st.selectbox, "Preset", list(core.PRESETS), key="preset", default="convscope", width=220,
            format_func=lambda key: core.PRESETS[key].title, help=words.sources(),
        )  # fmt: skip
        steps = address.choice(st.select_slider, "Steps", STEPS, key="steps", default=32, width=220)
        size = address.choice(st.select_slider, "Size", (64, 96, 128, 192, 256), key="size", default=96, width=180)
        with st.popover("More", icon=":material/tune:"):
            start = address.choice(
                st.segmented_control, "Start from", list(STARTS), key="start", default="noise", required=True,
                format_func=STARTS.__getitem__,
            )  # fmt: skip
            negative = address.choice(
                st.segmented_control, "Make the unit", [False, True], key="negative", default=False, required=True,
                format_func=lambda negative: "quiet (what it hates)" if negative else "fire (what it likes)",
            )  # fmt: skip
            place = address.choice(
                st.segmented_control, "Where in its map", list(PLACES), key="place", default="anywhere", required=True,
                format_func=PLACES.__getitem__, disabled=layer == core.LOGITS or not net.layer(layer).spatial,
            )  # fmt: skip
            facets = address.choice(
                st.segmented_control, "Different pictures of each unit", [1, 2, 4], key="facets", default=1,
                required=True,
            )  # fmt: skip
            seed = address.whole_number("Seed", most=9999, key="seed", placeholder="0") or 0
    position = "middle" if place == "middle" and layer != core.LOGITS and net.layer(layer).spatial else None
    return Maximize(
        name, layer, channels, preset, steps, size, seed, picture if start == "picture" else start, negative,
        position, facets,
    )  # fmt: skip


def choose_other(recipe: Maximize) -> Maximize | None:
    """What to compare with, if anything."""
    others = [other for other in core.available() if other != name]
    options = [key for key in COMPARE if key != "network" or others]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        what = address.choice(
            st.selectbox, "Compare with", options, key="compare", default="nothing", width=220,
            format_func=COMPARE.__getitem__,
        )  # fmt: skip
        if what == "nothing":
            return None
        choices = {"network": others, "preset": list(core.PRESETS), "steps": list(map(str, STEPS))}[what]
        usual = {"network": others[0] if others else "", "preset": "keras", "steps": "16"}[what]
        value = address.choice(st.selectbox, COMPARE[what], choices, key=f"other_{what}", default=usual, width=260)
    return recipe.beside(what, value)


def beside_the_twin() -> None:
    """The ready comparison: the same units of the other network in the box; run at once."""
    other = next(one for one in core.available() if one != name)
    address.put(compare="network", other_network=other)
    st.session_state.twins = True


def mosaic(frame: core.Frame) -> np.ndarray:
    """A frame's pictures side by side."""
    return core.to_uint8(
        core.tile(frame.images.numpy(), columns=figures.columns_for(len(frame.images)), background=0.5)
    )


def unit_titles(recipe: Maximize) -> list[str]:
    """What to call each picture."""
    return [results.unit_title(recipe.network, recipe.layer, channel) for channel in recipe.units]


def show_result(recipe: Maximize, growth: workbench.Growth, key: str) -> None:
    """The wall, the unit that was clicked, and the files."""
    frame = growth.frame
    pixels = mosaic(frame)
    png = core.encode_png(pixels, metadata={"convscope": recipe.settings()})
    columns = figures.columns_for(len(recipe.units))
    titles = unit_titles(recipe)
    silent = results.silent(recipe.network, recipe.layer, recipe.units, frame)
    components.wall(
        figures.data_url(png),
        columns=columns,
        labels=[
            f"{title}: {score:.3g}" + (" (dead: nothing wakes it)" if index in silent else "")
            for index, (title, score) in enumerate(zip(titles, frame.score.numpy(), strict=True))
        ],
        chosen=min(st.session_state.get("unit", 0), len(titles) - 1),
        alt=f"{len(titles)} maximized units of {recipe.layer}; arrow keys and Enter choose one",
        key=f"maximized_{key}",
        smooth=True,
        on_pick=lambda tile: st.session_state.update(unit=tile),
    )
    st.caption(f"{core.PRESETS[recipe.preset].title}, {frame.step} steps, {recipe.network}. Click one to see it large.")
    if silent:
        st.caption(f"{len(silent)} of {len(titles)} units stay dead: they are zero everywhere after the nonlinearity.")
    workbench.download("PNG", png, f"filters_{key}.png", "image/png")


def show_unit(recipe: Maximize, growth: workbench.Growth, key: str) -> None:
    """One unit, large, beside where it answers on the person's picture, and how its score grew."""
    index = min(st.session_state.get("unit", 0), len(recipe.units) - 1)
    channel = recipe.units[index]
    left, right = st.columns(2)
    large = core.to_uint8(growth.frame.images.numpy()[index])
    left.image(
        large, width="stretch", caption=results.unit_title(recipe.network, recipe.layer, channel), alt="The unit"
    )
    spatial = recipe.layer != core.LOGITS and networks.network(recipe.network).layer(recipe.layer).spatial
    if spatial:
        activation = results.activations(recipe.network, picture, (recipe.layer,))[recipe.layer][0, ..., channel]
        seen = core.seen_by(networks.network(recipe.network), uploads.picture(picture), scale=4)
        heat = figures.over(seen[0], core.maps(activation[..., None])[0], "Viridis", 0.6)
        right.image(
            heat, width="stretch", caption="Where it answers on your picture", alt="Activation over the picture"
        )
    curve = growth.frame.curve.numpy()
    titles = unit_titles(recipe)
    st.plotly_chart(figures.curves(curve, titles, index), config=figures.PLAIN, key=f"curve_{key}", alt="Scores")


def show_history(growth: workbench.Growth, key: str) -> None:
    """A scrubber through the run, and the run as a film."""
    steps = [step for step, _ in growth.history]
    if len(steps) < 2:
        st.caption("Too short a run to look back on.")
        return
    step = st.select_slider("Back to step", steps, value=steps[-1], key=f"scrub_{key}")
    st.image(dict(growth.history)[step], width=560, alt=f"After {step} steps")
    with st.container(horizontal=True):
        workbench.download("GIF", lambda: core.encode_gif(workbench.film(growth)), f"filters_{key}.gif", "image/gif")
        workbench.download("MP4", lambda: core.encode_mp4(workbench.film(growth)), f"filters_{key}.mp4", "video/mp4")


def show_recipe(recipe: Maximize, key: str) -> None:
    """The settings and the code."""
    st.code(recipe.script(), language="python")
    workbench.download("Settings as JSON", recipe.settings().encode(), f"filters_{key}.json", "application/json")
    st.caption(core.PRESETS[recipe.preset].source)


st.markdown(
    "**What does a unit look for?** Start from noise and change the picture, step by step, so that the unit answers "
    "more and more. What grows is what the unit likes."
)
try:
    recipe = choose_recipe()
    other = choose_other(recipe)
except ValueError as error:
    st.error(str(error), icon=":material/error:")
    st.stop()


def run(recipes: dict[str, Maximize]) -> None:
    """Run the recipes one after the other, from the start."""
    cost.caption(workbench.cost([one.estimate() for one in recipes.values()]))
    for key in "ab":
        st.session_state.pop(f"growth_{key}", None)
    st.session_state.filters = recipes
    for key, one in recipes.items():
        workbench.run(one.run(), key=f"growth_{key}", mosaic=mosaic)


def run_on() -> None:
    """Some more steps of what is there."""
    for key, one in finished().items():
        frame = st.session_state[f"growth_{key}"].frame
        workbench.run(one.longer().run(frame), key=f"growth_{key}", mosaic=mosaic)


def finished() -> dict[str, Maximize]:
    """What has been made in this session, with as many steps as it really took: it may be stopped, or go on."""
    made: dict[str, Maximize] = st.session_state.get("filters", {})
    grown = {key: st.session_state[f"growth_{key}"] for key in made if f"growth_{key}" in st.session_state}
    return {key: replace(made[key], steps=growth.frame.step) for key, growth in grown.items()}


with st.container(horizontal=True, vertical_alignment="center"):
    start = st.button("Run", type="primary", icon=":material/play_arrow:", key="run")
    more = st.button("30 more steps", icon=":material/add:", key="more", disabled=not finished())
    if len(core.available()) > 1:
        st.button(
            "Standard | robust, same unit", icon=":material/compare:", key="twin", on_click=beside_the_twin,
            help="The same units of the standard network and of its robust twin, side by side.",
        )  # fmt: skip
    cost = st.empty()
if start or more or st.session_state.pop("twins", False):
    with workbench.stoppable():
        run_on() if more else run({"a": recipe} | ({"b": other} if other else {}))

made = finished()
if not made:
    workbench.contact_sheet(name)
for column, (key, one) in zip(st.columns(max(len(made), 1), gap="large"), made.items(), strict=False):
    growth = st.session_state[f"growth_{key}"]
    with column:
        left, right = st.columns([3, 2], gap="large") if len(made) == 1 else (st.container(), st.container())
        with left:
            show_result(one, growth, key)
        with right:
            show_unit(one, growth, key)
        grown, code = st.tabs(["How it grew", "Show the code"], key=f"tabs_{key}")
        with grown:
            show_history(growth, key)
        with code:
            show_recipe(one, key)
if "b" in made and {one.network for one in made.values()} == {"lens5_standard", "lens5_robust"}:
    st.info(ROBUST)
