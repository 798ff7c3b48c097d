"""A photograph turned toward what the network sees in it: DeepDream."""

import numpy as np
import streamlit as st

import core
from dashboard import components, figures, notices, words, workbench
from dashboard.forms import dream as form
from dashboard.recipes import Dream
from dashboard.server import networks, uploads

SHOWN = 1024
SAYS = (
    "**What does the network see in your photograph?** Whatever responds a little is made to respond more, at several "
    "sizes of the picture: the network dreams "
    "([Mordvintsev et al., 2015](https://research.google/blog/inceptionism-going-deeper-into-neural-networks/))."
)

name, picture = workbench.chosen()


def small(_: Dream, frame: core.Frame) -> np.ndarray:
    """A frame as it is shown while it grows."""
    return core.to_uint8(core.shrink(frame.images.numpy(), max_side=SHOWN))[0]


def say(frame: core.Frame) -> str:
    """Where a dream is."""
    if not isinstance(frame, core.Dreaming):
        return f"Frame {frame.step} of {frame.total}"
    return f"Octave {frame.octave} of {frame.octaves}, step {frame.step} of {frame.total}"


def show_before_after(photo: np.ndarray, dreamed: np.ndarray, title: str) -> None:
    """The photograph and the dream, (1, H, W, 3) each, one over the other."""
    photo = core.resize(photo, height=dreamed.shape[1], width=dreamed.shape[2])
    before, after = (figures.data_url(core.encode_jpeg(one[0], quality=92)) for one in (photo, dreamed))
    components.compare(before, after, alt=f"{title}, before and after; arrow keys move the line", key="compared")


def show_still(made: workbench.Made) -> None:
    """A dreamed picture."""
    recipe, title = made.recipe, words.text(uploads.picture_title(made.recipe.picture))
    show_before_after(recipe.photo(), core.shrink(made.images, max_side=SHOWN), title)
    again = f"dreamed on {recipe.rounds} times, " if recipe.rounds > 1 else ""
    height, width = made.images.shape[1:3]
    st.caption(
        f"**{title}** as {words.text(networks.network_title(recipe.network))} dreams it: "
        f"{core.DREAMS[recipe.preset].title}, {again}{width} × {height} pixels. Drag the line."
    )
    workbench.files(recipe, "dream", made=made, png=("PNG", lambda: workbench.png(recipe, made.images[0])))
    workbench.history(made, "dream")


def show_video(made: workbench.Made) -> None:
    """The video, as far as it was made."""
    video = uploads.video(made.recipe.video) if made.recipe.make == "video" else None
    rate = max(1, round(video.frames_per_second)) if video else 12
    if video and video.cut:
        st.caption(video.cut)
    jpegs = tuple(jpeg for _, jpeg in made.growth.history)
    if not jpegs:
        st.info("Its first picture is not finished yet.")
        return
    mp4 = workbench.mp4(jpegs, rate)
    st.video(mp4, format="video/mp4", loop=True, autoplay=True, muted=True)
    st.caption(f"{len(jpegs)} of {made.frame.total} frames.")
    gif = lambda: core.encode_gif(workbench.pictures(made.growth), frames_per_second=rate)  # noqa: E731
    workbench.files(made.recipe, "dream", made=made, mp4=("MP4", mp4), gif=("GIF", gif))


st.markdown(SAYS)
try:
    recipe = form.recipe(name, picture)
except ValueError as error:
    notices.refused(error)
    st.stop()
bench = workbench.Bench({"a": recipe}, mosaic=small, say=say, video=lambda one: one.make != "still")
with st.container(horizontal=True, vertical_alignment="center"):
    bench.buttons("Dream", icon="bedtime", more="Dream deeper")
    st.button(
        "Surprise me", icon=":material/casino:", key="surprise", on_click=lambda: workbench.ask(**form.surprise(name))
    )
made = bench.results().get("a")
shown = made.recipe if made else recipe
left, right = st.columns([3, 2], gap="large")
with left:
    if made is None:
        st.image(core.to_uint8(core.shrink(uploads.picture(picture), max_side=SHOWN)[0]), alt="The photograph")
    elif made.recipe.make == "still":
        show_still(made)
    else:
        show_video(made)
with right:
    st.markdown(f"**{core.DREAMS[shown.preset].title}.** {core.DREAMS[shown.preset].source}")
    layers = ", ".join(f"{layer} × {weight:g}" for layer, weight in shown.layers)
    st.caption(f"Maximized here: {words.text(layers)}.")
    workbench.code(shown)
