"""A photograph turned toward what the network sees in it: DeepDream."""

from dataclasses import replace
from typing import TypeVar

import numpy as np
import streamlit as st

import core
from dashboard import address, components, figures, words, workbench
from dashboard.recipes import Dream, numbers
from dashboard.server import networks, uploads

MAKES = {"still": "A picture", "zoom": "An endless zoom", "video": "My own film"}
PLACES = {"everywhere": "Everywhere", "painted": "Where I paint"}
TOOLS = {"brush": "Brush", "rectangle": "Rectangle", "erase": "Eraser"}
SIZES = (256, 384, 512, 768, 1024, 0)
WEIGHTS = (-1.0, 0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 4.0)
SHOWN = 1024
Number = TypeVar("Number", int, float)

name, picture = workbench.chosen()
net = networks.network(name)
maps = [layer for layer, info in net.layers.items() if info.spatial]


def surprise() -> None:
    """Other layers, octaves and a seed, by chance; then dream at once."""
    chance = np.random.default_rng()
    deep = maps[len(maps) // 3 :]
    layers = [str(layer) for layer in chance.choice(deep, min(len(deep), int(chance.integers(1, 3))), replace=False)]
    least = min(net.layer(layer).channels for layer in layers)
    channels = chance.choice(least, min(3, least), replace=False).tolist() if chance.random() < 0.5 else []
    address.put(
        preset="convscope", layers_convscope=layers, octaves=int(chance.integers(3, 7)),
        seed=int(chance.integers(10_000)), channels=", ".join(map(str, sorted(channels))),
    )  # fmt: skip
    st.session_state.surprised = True


def tuned(label: str, options: tuple[Number, ...], usual: float, key: str) -> Number | None:
    """A setting that is the preset's own until somebody changes it."""
    value: Number = address.choice(
        st.selectbox, label, (0, *options), key=key, default=0,
        format_func=lambda one: f"{one:g}" if one else f"{usual:g}, as the preset",
    )  # fmt: skip
    return value or None


def choose_layers(preset: str) -> tuple[tuple[str, float], ...]:
    """The layers to raise, each with a weight."""
    usual = core.dream_layers(net, preset)
    layers = address.several("Layers to raise", maps, key=f"layers_{preset}", default=list(usual))
    columns = st.columns(max(len(layers), 1))
    weights = [
        address.choice(
            column.select_slider, layer, WEIGHTS, key=f"weight_{preset}_{layer}",
            default=usual.get(layer, 1.0) if usual.get(layer, 1.0) in WEIGHTS else 1.0,
        )
        for column, layer in zip(columns, layers, strict=False)
    ]  # fmt: skip
    return tuple(zip(layers, weights, strict=True))


def choose_details(recipe: Dream) -> Dream:
    """What a person changes less often. Raises ValueError."""
    preset = core.DREAMS[recipe.preset]
    with st.popover("More", icon=":material/tune:", width="content"):
        layers = choose_layers(recipe.preset)
        text = address.text("Only these channels of them, such as 3, 8-11", key="channels", default="")
        least = min((net.layer(layer).channels for layer, _ in layers), default=1)
        channels = numbers(text, least - 1) if text.strip() else ()
        left, right = st.columns(2)
        with left:
            octaves = tuned("Octaves", (1, 2, 3, 4, 5, 6, 8), preset.octaves, "octaves")
            steps = tuned("Steps at each octave", (2, 5, 10, 20, 50, 100), preset.steps, "steps")
            rate = tuned("Step, in 1/255", (0.5, 1.0, 1.5, 2.5, 4.0, 8.0), preset.step_size * 255, "rate")
        with right:
            ratio = tuned("Ratio of octaves", (1.2, 1.3, 1.4, 1.6, 2.0), preset.ratio, "ratio")
            jitter = tuned("Jitter in pixels", (8, 16, 32, 64), preset.jitter, "jitter")
            normalize = address.choice(
                st.selectbox, "Gradient divided by its", ("", "mean", "std", "rms", "l2"), key="normalize", default="",
                format_func=lambda one: one or f"{preset.normalize}, as the preset",
            )  # fmt: skip
        guide = address.choice(
            st.selectbox, "Dream toward another picture (the guide)", ["", *uploads.picture_names()], key="guide",
            default="", format_func=lambda one: uploads.picture_title(one) if one else "No guide",
        )  # fmt: skip
        keep = address.choice(
            st.segmented_control, "Colours", [False, True], key="keep_colours", default=False, required=True,
            format_func=lambda keep: "The photograph's" if keep else "The dream's",
        )  # fmt: skip
        seed = address.whole_number("Seed", most=9999, key="seed", placeholder="0") or 0
    return replace(
        recipe, layers=layers, channels=channels, octaves=octaves, steps=steps, ratio=ratio, jitter=jitter,
        step_size=rate / 255 if rate else None, normalize=normalize or None, guide=guide, keep_colours=keep, seed=seed,
    )  # fmt: skip


def choose_mask() -> str:
    """Where to dream: nothing, or painted cells."""
    where = address.choice(
        st.segmented_control, "Where", list(PLACES), key="where", default="everywhere", required=True,
        format_func=PLACES.__getitem__,
    )  # fmt: skip
    cells = address.value("mask")
    if where == "everywhere":
        return ""
    if cells:
        core.painted_mask(cells, height=1, width=1)  # raises where the address holds anything else
    with st.expander("Paint where to dream", expanded=not made()):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            tool = st.segmented_control(
                "Tool", list(TOOLS), default="brush", key="tool", required=True, format_func=TOOLS.__getitem__
            )
            st.button("Clear", icon=":material/delete:", on_click=lambda: address.put(mask=""))
        small = core.shrink(uploads.picture(picture), max_side=512)
        components.paint(
            figures.data_url(core.encode_jpeg(small[0])), cells=cells, rectangle=tool == "rectangle",
            erase=tool == "erase", alt="Drag over the picture to paint where it shall dream", key="paint",
            on_paint=lambda new: address.put(mask=new),
        )  # fmt: skip
    return cells


def take_film() -> None:
    """A person brought a film: keep it, or say in one sentence why not."""
    file = st.session_state.film_file
    if file is not None:
        try:
            address.put(film=uploads.bring_video(file.getvalue()))
        except ValueError as error:
            st.session_state.film_refused = f"{words.harmless(file.name)}: {error}"


def choose_film(recipe: Dream) -> Dream:
    """What moves, if anything does."""
    if recipe.make == "zoom":
        with st.container(horizontal=True, vertical_alignment="bottom"):
            frames = address.choice(st.select_slider, "Frames", (12, 24, 60, 100, 200), key="frames", default=24)
            zoom = address.choice(st.select_slider, "Zoom per frame", (0.0, 0.02, 0.05, 0.1), key="zoom", default=0.05)
            turn = address.choice(st.select_slider, "Turn per frame", (-5, -2, -1, 0, 1, 2, 5), key="turn", default=1)
            drift = address.choice(st.select_slider, "Drift to the right", (-4, -2, 0, 2, 4), key="drift", default=0)
        return replace(recipe, frames=frames, zoom=zoom, rotate=float(turn), drift=drift)
    if recipe.make == "video":
        st.file_uploader(
            "A short film: MP4, MOV, WebM or GIF", type=["mp4", "mov", "webm", "gif"], key="film_file",
            on_change=take_film,
        )  # fmt: skip
        if refused := st.session_state.pop("film_refused", None):
            st.error(refused, icon=":material/error:")
        blend = address.choice(st.select_slider, "Blend", (0.0, 0.3, 0.5, 0.7, 0.85), key="blend", default=0.5)
        return replace(recipe, video=address.value("film"), blend=blend)
    return recipe


def choose_recipe() -> Dream:
    """Everything that a person can set. Raises ValueError."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        make = address.choice(
            st.segmented_control, "Make", list(MAKES), key="make", default="still", required=True,
            format_func=MAKES.__getitem__,
        )  # fmt: skip
        preset = address.choice(
            st.selectbox, "Preset", list(core.DREAMS), key="preset", default="convscope", width=220,
            format_func=lambda key: core.DREAMS[key].title, help=words.sources(core.DREAMS),
        )  # fmt: skip
        size = address.choice(
            st.select_slider, "Longer side", SIZES, key="size", default=384, width=220,
            format_func=lambda side: f"{side} px" if side else "full size",
        )  # fmt: skip
        recipe = choose_details(Dream(name, picture, size, preset=preset, make=make))
    return choose_film(recipe) if make != "still" else replace(recipe, mask=choose_mask())


def made() -> Dream | None:
    """What was dreamed in this session."""
    done: Dream | None = st.session_state.get("dream") if "growth_dream" in st.session_state else None
    gone = done is not None and not all(map(uploads.there, filter(None, (done.picture, done.guide))))
    return None if gone else done


def small(frame: core.Frame) -> np.ndarray:
    """A frame as it is shown while it grows."""
    return core.to_uint8(core.shrink(frame.images.numpy(), max_side=SHOWN))[0]


def say(frame: core.Frame) -> str:
    """Where a dream is."""
    if not isinstance(frame, core.Dreaming):
        return f"Frame {frame.step} of {frame.total}"
    return f"Octave {frame.octave} of {frame.octaves}, step {frame.step} of {frame.total}"


def run(recipe: Dream, after: core.Frame | None = None) -> None:
    """Dream, from the photograph or from an earlier dream."""
    cost.caption(workbench.cost([recipe.estimate()]))
    frames = recipe.run(after)
    st.session_state.pop("growth_dream", None)
    st.session_state.dream = recipe
    workbench.run(frames, key="growth_dream", mosaic=small, say=say, film=recipe.make != "still")


def show_still(recipe: Dream, growth: workbench.Growth) -> None:
    """The photograph and the dream, one over the other."""
    frame = growth.frame
    dreamed = core.shrink(frame.images.numpy(), max_side=SHOWN)
    photo = core.resize(recipe.photo(), height=dreamed.shape[1], width=dreamed.shape[2])
    before, after = (figures.data_url(core.encode_jpeg(one[0], quality=92)) for one in (photo, dreamed))
    title = uploads.picture_title(recipe.picture)
    components.compare(before, after, alt=f"{title}, before and after; arrow keys move the line", key="compared")
    stopped = f"stopped in {say(frame).lower()}, " if frame.progress < 1 else ""
    again = f"dreamed on {recipe.rounds} times, " if recipe.rounds > 1 else ""
    height, width = frame.images.shape[1:3]
    st.caption(
        f"**{title}** as {networks.network_title(recipe.network)} dreams it: {core.DREAMS[recipe.preset].title}, "
        f"{stopped}{again}{width} × {height} pixels. Drag the line."
    )
    with st.container(horizontal=True):
        workbench.download(
            "PNG",
            lambda: core.encode_png(frame.images.numpy()[0], metadata={"convscope": recipe.settings()}),
            "dream.png",
            "image/png",
        )
        show_files(recipe)


def show_film(recipe: Dream, growth: workbench.Growth) -> None:
    """The film, as far as it was made."""
    rate = 12
    reel = uploads.video(recipe.video) if recipe.make == "video" else None
    if reel is not None:
        rate = max(1, round(reel.frames_per_second))
        if reel.cut:
            st.caption(reel.cut)
    jpegs = tuple(jpeg for _, jpeg in growth.history)
    mp4 = workbench.mp4(jpegs, rate)
    st.video(mp4, format="video/mp4", loop=True, autoplay=True, muted=True)
    st.caption(f"{len(jpegs)} of {growth.frame.total} frames.")
    with st.container(horizontal=True):
        workbench.download("MP4", mp4, "dream.mp4", "video/mp4")
        workbench.download(
            "GIF", lambda: core.encode_gif(workbench.film(growth), frames_per_second=rate), "dream.gif", "image/gif"
        )
        show_files(recipe)


def show_files(recipe: Dream) -> None:
    """The settings, to take away."""
    workbench.download("Settings as JSON", recipe.settings().encode(), "dream.json", "application/json")


def show_finished() -> None:
    """A dream that was made before anybody came."""
    after = workbench.finished_dream(name)
    sample = core.samples.names()[0]
    if after is None:
        st.image(core.to_uint8(core.shrink(uploads.picture(picture), max_side=SHOWN)[0]), alt="The photograph")
        return
    height, width = core.open_image(after).shape[1:3]
    photo = core.resize(uploads.picture(sample), height=height, width=width)
    alt = "A photograph, before and after; arrow keys move the line"
    components.compare(
        figures.data_url(core.encode_jpeg(photo[0], quality=92)), figures.data_url(after), alt=alt, key="finished"
    )
    st.caption(
        f"**{uploads.picture_title(sample)}** as {networks.network_title(name)} dreams it. "
        "Choose a picture and press Dream to make your own."
    )


st.markdown(
    "**What does the network see in your photograph?** Whatever answers a little is made to answer more, at several "
    "sizes of the picture: the network dreams "
    "([Mordvintsev et al., 2015](https://research.google/blog/inceptionism-going-deeper-into-neural-networks/))."
)
surprised = st.session_state.pop("surprised", False)
try:
    recipe = choose_recipe()
except ValueError as error:
    st.error(str(error), icon=":material/error:")
    st.stop()

done = made()
deepen = done is not None and done.make == "still"
with st.container(horizontal=True, vertical_alignment="center"):
    start = st.button("Dream", type="primary", icon=":material/bedtime:", key="run")
    deeper = st.button("Dream deeper", icon=":material/add:", key="deeper", disabled=not deepen)
    st.button("Surprise me", icon=":material/casino:", key="surprise", on_click=surprise)
    cost = st.empty()
if start or deeper or surprised:
    with workbench.stoppable(), st.columns([3, 2], gap="large")[0]:
        if deeper and done is not None:
            run(replace(done, rounds=done.rounds + 1), st.session_state.growth_dream.frame)
        else:
            run(recipe)

left, right = st.columns([3, 2], gap="large")
with left:
    if done is None:
        show_finished()
    elif done.make == "still":
        show_still(done, st.session_state.growth_dream)
    else:
        show_film(done, st.session_state.growth_dream)
with right:
    asked = done or recipe
    st.markdown(f"**{core.DREAMS[asked.preset].title}.** {core.DREAMS[asked.preset].source}")
    layers = ", ".join(f"{layer} × {weight:g}" for layer, weight in asked.layers)
    st.caption(f"Raised here: {layers}.")
    with st.expander("Show the code"):
        st.code(asked.script(), language="python")
