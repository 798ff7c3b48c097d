"""Learning or memorizing: two networks train in turn, one on true labels, one on random ones, and both fit them."""

from functools import partial
from typing import Any

import streamlit as st

import core
from dashboard import figures, forms, notices, workbench
from dashboard.forms import memorize as form
from dashboard.panels import memorize as panels
from dashboard.panels.memorized import PANELS, offer_sweep
from dashboard.recipes import Memorize, Pair
from dashboard.server import trained

SAYS = (
    "**Does a network that gets everything right know anything?** Two networks of one kind are trained here, in turn. "
    "One is told the truth. The other is told labels that were drawn at random, so there is nothing to learn; yet it "
    "will end with every one of them right. Only pictures that neither has seen tell them apart."
)


def draw(place: st.delta_generator.DeltaGenerator, pair: Pair) -> None:
    """The curves, while they grow and afterwards."""
    chart = figures.training(panels.curves(recipe, pair), next(iter(pair.frames.values())).chance)
    place.plotly_chart(chart, config=figures.PLAIN, key=f"curves_{pair.step}", alt="Accuracy of both, epoch by epoch")


def where(pair: Pair) -> str:
    """Where a run is, in words."""
    both = sorted(pair.frames.items())
    return "; ".join(
        f"{'First' if key == 'a' else 'second'} network: epoch {frame.epoch}, {frame.train_accuracy:.1%} fit"
        for key, frame in both
    )


def show_files(made: workbench.Made) -> None:
    """Both networks, the curves, the settings and the script."""
    one: Memorize = made.recipe
    pair: Pair = made.frame
    with st.container(horizontal=True):
        for key, frame in pair.frames.items():
            if frame.finite:
                workbench.download(
                    f"Network: {core.CONDITIONS[one.conditions[key]].title.lower()} (.keras)",
                    partial(panels.keras_file, frame), f"{one.conditions[key]}_{key}.keras",
                    "application/octet-stream",
                )  # fmt: skip
    data: dict[str, Any] = {
        "npz": ("Curves as NPZ", lambda: panels.curves_npz(pair)),
        "csv": ("CSV", lambda: panels.curves_csv(pair)),
    }
    workbench.files(one, "memorize", **data)


def show(made: workbench.Made) -> None:
    """Curves, what they come to, and both networks among those of this session."""
    one: Memorize = made.recipe
    pair: Pair = made.frame
    draw(st.empty(), pair)
    panels.show_numbers(one, pair)
    names = {key: one.keep(key, frame) for key, frame in pair.frames.items()}
    if trained.join(tuple(filter(None, names.values()))):
        st.rerun()  # the list of networks is above
    panels.show_links(one, names)
    show_files(made)
    if len(pair.frames) == 2:
        closer = forms.choose(
            core.Setting("closer", "Look closer", "filters", tuple(PANELS)), names=lambda key: PANELS[key][0]
        )
        PANELS[closer][1](one, pair, names)
    workbench.code(one, panels.SOURCE)


st.markdown(SAYS)
try:
    recipe: Memorize = form.recipe()
    panels.show_pictures(recipe)
    bench = workbench.Bench({"a": recipe}, say=where, live=draw)
    with st.container(horizontal=True, vertical_alignment="center"):
        bench.buttons(more="20 more epochs of both")
    made = bench.results()
    if made:
        show(made["a"])
    else:
        panels.show_measured()
    after = st.container()
except ValueError as error:
    notices.refused(error)
    st.stop()
st.markdown(panels.PAPER)
if not made:
    with after:  # last, so that the words are there while it trains
        offer_sweep(recipe)
