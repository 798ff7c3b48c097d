"""Explanations, looked at closer: hide a part, shuffle the network, let pixels come and go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st

import core
from dashboard import address, components, figures, words
from dashboard.panels.comparison import show_comparison
from dashboard.recipes import Explain
from dashboard.server import jobs, networks, results

Map = npt.NDArray[np.float32]
Overlay = Callable[..., Any]
Shuffled = dict[tuple[str, float], Map]
FRACTIONS = {0.001: "last layer", 1 / 3: "last third", 2 / 3: "last two thirds", 1.0: "all"}
SHUFFLED = (
    "The weights are shuffled from the last layer down. A map that stays the same shows the picture, and not the "
    "network's reasons ([Adebayo et al., 2018](https://arxiv.org/abs/1810.03292))."
)
CURVES = (
    "Solid lines: pixels are added to a blurred picture, the most important first. Dotted: they are turned grey. A map "
    "that tells the truth rises fast and falls fast ([Petsiuk et al., 2018](https://arxiv.org/abs/1806.07421))."
)


@dataclass
class Maps:
    """The maps of a question, one after the other: with Stop above those that are not there yet, then with Go on."""

    recipe: Explain
    key: str
    _left: int = 0

    def __post_init__(self) -> None:
        self._place, self._own = st.empty(), address.session_key(f"stopped_{self.key}")

    def goes_on(self, method: str) -> bool:
        """Whether a map is there, or may be computed now: not after Stop, until something else is asked or Go on."""
        if self.recipe.there(method):
            return True
        if st.session_state.get(self._own) == self.recipe:
            self._left += 1
            return False
        stop = {self._own: self.recipe}
        self._place.button(
            "Stop", icon=":material/stop:", key=f"stop_{self.key}_{method}", on_click=st.session_state.update,
            args=(stop,), help="What is there stays.",
        )  # fmt: skip
        return True

    def end(self) -> bool:
        """All of them were asked for: whether all of them are there."""
        self._place.empty()
        if self._left:
            with self._place.container(horizontal=True, vertical_alignment="center"):
                st.caption(f"Stopped: {self._left} of {len(self.recipe.methods)} maps are not there.", width="content")
                st.button(
                    "Go on", icon=":material/resume:", key=f"go_on_{self.key}", on_click=st.session_state.pop,
                    args=(self._own, None),
                )  # fmt: skip
        return not self._left


def shuffled(recipe: Explain) -> Iterator[Shuffled]:
    """{(method, fraction of the layers shuffled): map}, one more at a time."""
    done: Shuffled = {}
    for fraction in FRACTIONS:
        for method in recipe.methods:
            done = {**done, (method, fraction): recipe.found(method, fraction=fraction)}
            yield done


def show_truth(recipe: Explain, overlay: Overlay) -> None:
    """Every map beside those of the network with more and more layers shuffled, and how similar they are."""
    st.markdown(SHUFFLED)
    count = len(recipe.methods) * len(FRACTIONS)
    done = jobs.follow(
        ("shuffled", recipe), lambda: shuffled(recipe), progress=lambda found: len(found) / count,
        say=lambda found: f"{len(found)} of {count} maps",
    ) or {}  # fmt: skip
    maps = {
        method: [recipe.found(method), *(done[method, part] for part in FRACTIONS if (method, part) in done)]
        for method in recipe.methods
    }
    alike = {
        core.METHODS[method].title: [core.similarity(own, one) for one in rest]
        for method, (own, *rest) in maps.items()
    }  # fmt: skip
    chart = figures.alike(alike, [*FRACTIONS.values()])
    st.plotly_chart(chart, config=figures.PLAIN, key="alike", alt="Similarity against the layers shuffled")
    st.caption(
        f"From left to right: trained; shuffled: {', '.join(FRACTIONS.values())}. The numbers say how similar each map "
        "is to the trained one: 1 is identical, 0 is chance (structural similarity)."
    )
    columns = st.columns(2, gap="large")
    for index, ((title, values), row) in enumerate(zip(alike.items(), maps.values(), strict=True)):
        with columns[index % 2]:
            st.markdown(f"{title}: " + " · ".join(f"{value:.2f}" for value in values))
            wall = figures.strip([overlay(recipe, one, 128) for one in row])
            st.image(wall, width="stretch", alt=f"{title}: trained, and shuffled")


def show_curves(recipe: Explain, _: Overlay) -> None:
    """How fast the answer comes and goes with the pixels that each map calls important."""
    if recipe.layer != core.LOGITS:
        st.info("These curves follow the probability of an answer; choose one above.")
        return
    usual = recipe.methods[::2]  # all at once are hard to tell apart
    chosen = address.several(
        "Methods", recipe.methods, key="curves", default=usual, format_func=lambda one: core.METHODS[one].title
    )
    net, rises, falls = networks.network(recipe.network), {}, {}
    for method in chosen:
        title = core.METHODS[method].title
        rises[title], falls[title] = core.insertion_deletion(net, recipe.photo(), recipe.unit, recipe.found(method))
    chart = figures.risefall(rises, falls)
    st.plotly_chart(chart, config=figures.PLAIN, key="risefall", alt="Insertion and deletion curves")
    st.caption(CURVES)


def show_hiding(recipe: Explain, overlay: Overlay) -> None:
    """The occlusion map of the unit, which answers to a click, and those of the likeliest classes."""
    net, square = networks.network(recipe.network), recipe.square()
    (own,), (falls,) = results.hiding(recipe.network, recipe.picture, recipe.layer, (recipe.unit,), **square)
    rows, columns = falls.shape
    title = words.text(recipe.own_title)
    chosen = min(st.session_state.get("hidden", int(falls.argmax())), falls.size - 1)
    left, middle, right = st.columns(3)
    with left:
        components.wall(
            figures.data_url(core.encode_png(overlay(recipe, own, 512))), columns=columns,
            labels=[f"hidden here, “{recipe.own_title}” falls by {fall:.2f}" for fall in falls.ravel()],
            chosen=chosen, smooth=True, alt="Occlusion map; arrow keys and Enter choose a place to hide", key="hiding",
            on_pick=lambda tile: st.session_state.update(hidden=tile),
        )  # fmt: skip
        st.caption("Click a place to hide it.")
    hidden = results.hidden(recipe.photo(), divmod(chosen, columns), (rows, columns), **square)
    middle.image(figures.magnified(hidden[0], 384), width="stretch", alt="The picture with one place hidden")
    fall = float(falls.ravel()[chosen])
    middle.caption(f"“{title}” {'falls' if fall >= 0 else 'rises'} by {abs(fall):.2f} with this place hidden.")
    if net.labels:
        chart = figures.answers(results.answers(recipe.network, hidden)[0], classes=net.has_classes)
        right.plotly_chart(chart, config=figures.PLAIN, key="hidden_answers", alt="Answers")
        show_classes(recipe, overlay)


def show_classes(recipe: Explain, overlay: Overlay) -> None:
    """The occlusion map of each of several classes, all from the same hidden pictures, on one scale."""
    net = networks.network(recipe.network)
    labels = net.labels
    likely = dict(results.prediction(recipe.network, recipe.picture))
    asked = address.several(
        "Classes", labels, key="classes", default=(), placeholder="the five likeliest", max_selections=9
    )
    classes = asked or list(likely)
    units = tuple(labels.index(one) for one in classes)
    maps, _ = results.hiding(recipe.network, recipe.picture, core.LOGITS, units, **recipe.square())
    limit = float(np.percentile(np.abs(maps), 99))
    with st.container(horizontal=True, gap="xsmall"):
        for label, values in zip(classes, maps, strict=True):
            with st.container(width=160, gap="xxsmall"):
                st.image(overlay(recipe, values, limit=limit), width="stretch", alt=f"Occlusion for {label}")
                told = words.text(label)
                st.caption(f"{told} ({words.value(net, likely[label])})" if label in likely else told)


PANELS: dict[str, tuple[str, Callable[[Explain, Overlay], None]]] = {
    "hide": ("Hide a part", show_hiding), "truth": ("Does it depend on the network?", show_truth),
    "curves": ("Insertion and deletion", show_curves), "right": ("Which map is right?", show_comparison),
}  # fmt: skip
