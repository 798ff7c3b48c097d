"""Two networks side by side, one that learned and one that memorized: what is the same, and what is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import streamlit as st

import core
from dashboard import figures, forms
from dashboard.panels.memorize import show_sweep_points
from dashboard.recipes import Memorize, Pair
from dashboard.recipes.memorize import OPTIONS
from dashboard.server import comparisons
from dashboard.server.labelled import labelled

Names = dict[str, str]
FILTERS = (
    "The kernels of the first convolution of both, each scaled by its own largest value, and below them the principal "
    "components of the pictures' patches, strongest first. Filters that were trained on random labels need not look "
    "like noise ([Maennel et al., 2020](https://arxiv.org/abs/2006.10455)): judge by what you see."
)
UNITS = "The pictures, at the networks' own size, that the same units respond to most. Units of two networks do not "
UNITS += "correspond: number 3 of one has nothing to do with number 3 of the other."
CONFUSION = (
    "Test pictures, by what they are and what each network says. Of one that knows nothing, no diagonal is left."
)
MAP = (
    "The test pictures by the codes of the last hidden layer (t-SNE), coloured by what they are. Distances between "
    "clusters, and their sizes, mean nothing."
)
DISTANCE = (
    "The least change (L2, pixels from 0 to 1) that DeepFool found to alter each network's mind about 20 of the "
    "pictures to train on. It is an upper bound; lines in the boxes are medians."
)
LAYERS = (
    "The lower layers are kept as they are, those above begin anew and are trained on true labels, 15 epochs each. "
    "Where the memorizer's points stay near those of “nothing”, what it has in these layers serves true labels as well "
    "as a fresh start; where they fall, it has lost what is needed. Bars are 95 % intervals."
)
ASKED = "memorize_sweep"
SWEEP = (
    "Five networks, one after the other, with more and more labels drawn anew. A point fills when its run has ended."
)


def _titled(recipe: Memorize, key: str) -> str:
    """What to call one of the two networks; the second of the same condition gets a number."""
    again = " (2)" if key == "b" and recipe.first == recipe.second else ""
    return core.CONDITIONS[recipe.conditions[key]].title + again


def _columns(recipe: Memorize, names: Names) -> list[tuple[str, str, st.delta_generator.DeltaGenerator]]:
    """(key, network, place) of both networks that can be asked, each under its title."""
    there = [(key, name) for key, name in names.items() if name]
    places = st.columns(2, gap="large")
    for (key, _), place in zip(there, places, strict=False):
        place.markdown(f"**{_titled(recipe, key)}**")
    return [(key, name, place) for (key, name), place in zip(there, places, strict=False)]


def show_filters(recipe: Memorize, pair: Pair, names: Names) -> None:
    """Kernels of conv1 of both, and principal components."""
    for key, name, place in _columns(recipe, names):
        place.image(
            figures.kernels(comparisons.filters(name, "conv1")), width="stretch", alt=f"Filters of network {key}"
        )
    data = labelled(recipe.data)
    task = recipe.task("a")
    count = pair.frames["a"].run.architecture.width
    components = core.patch_components(task.pictures, count=count)
    st.markdown("**Principal components of the patches** (of the first network's pictures)")
    left, _ = st.columns(2, gap="large")
    left.image(figures.kernels(components), width="stretch", alt=f"Components of the patches of {data.title}")
    st.caption(FILTERS)


def show_units(recipe: Memorize, pair: Pair, names: Names) -> None:
    """The same units of both, maximized."""
    layer = forms.choose(
        core.Setting("layer", "Layer", core.LOGITS, ("conv2_relu", "dense_relu", core.LOGITS)),
        names=lambda one: "its answers" if one == core.LOGITS else one,
    )
    classes = len(pair.frames["a"].names)
    for _, name, place in _columns(recipe, names):
        with place:
            count = classes if layer == core.LOGITS else comparisons.UNITS
            frame = comparisons.drawn(name, layer, tuple(range(min(count, comparisons.UNITS))))
            if frame is not None:
                tiles = np.stack([figures.magnified(one, 96) for one in np.asarray(frame.images)])
                st.image(figures.apart(tiles, columns=4), width="stretch", alt=f"Units of {layer}, maximized")
    st.caption(UNITS)


def show_confusion(recipe: Memorize, pair: Pair, names: Names) -> None:
    """Confusion on the test pictures."""
    for key, name, place in _columns(recipe, names):
        counts = comparisons.confusion(name, _task=recipe.task(key), key=key)
        chart = figures.confusion(counts, pair.frames[key].names)
        place.plotly_chart(chart, config=figures.PLAIN, key=f"confusion_{key}", alt="Confusion on the test pictures")
    st.caption(CONFUSION)


def show_map(recipe: Memorize, pair: Pair, names: Names) -> None:
    """t-SNE of the last hidden layer."""
    for key, name, place in _columns(recipe, names):
        task = recipe.task(key)
        with place:
            found = comparisons.positions(name, "dense_relu", seed=recipe.seed, _task=task, key=key)
            chart = figures.classes(found, task.test_labels[: len(found)].tolist(), task.names)
            st.plotly_chart(chart, config=figures.PLAIN, key=f"map_{key}", alt="Test pictures by their codes")
    st.caption(MAP)


def show_distances(recipe: Memorize, pair: Pair, names: Names) -> None:
    """How far 20 pictures must be changed."""
    found: dict[str, np.ndarray] = {}
    for key, name, place in _columns(recipe, names):
        with place:
            one = comparisons.distances(name, recipe.task(key), key)
        if one is not None:
            values = one.values[np.isfinite(one.values)]
            found[_titled(recipe, key)] = values
            place.markdown(
                f"Median of {len(values)} pictures: **{np.median(values):.3f}**" if len(values) else "None yet."
            )
    if found:
        st.plotly_chart(
            figures.distances(found), config=figures.PLAIN, key="distances", alt="Least change of 20 pictures"
        )
    st.caption(DISTANCE)


def show_layers(recipe: Memorize, pair: Pair, names: Names) -> None:
    """Upper layers trained anew, layer by layer."""
    data, found = labelled(recipe.data), {}
    for key, name, place in _columns(recipe, names):
        with place:
            one = comparisons.retrained(name, pair.frames[key], data, recipe.seed)
        if one is not None:
            points = {}
            for keep, result in one.found.items():
                low, high = core.accuracy_interval(result.test_accuracy, result.test_pictures)
                points[core.KEEPABLE[keep]] = (result.test_accuracy, low, high)
            found[_titled(recipe, key)] = points
    if found:
        chart = figures.retrained(found, pair.frames["a"].chance)
        st.plotly_chart(chart, config=figures.PLAIN, key="layers", alt="Test accuracy by what was kept")
    st.caption(LAYERS)


def offer_sweep(recipe: Memorize) -> None:
    """The paper's figure 1 with these settings, whether both networks were run or not: it trains its own."""
    settings = _sweep_settings(recipe)
    asked = (recipe.data, recipe.seed, *settings.values())
    if st.button("Draw it with my settings", icon=":material/show_chart:", key="draw_sweep", help=SWEEP):
        st.session_state[ASKED] = asked
        comparisons.go_on_with_sweep(recipe.data, recipe.seed, settings)
    if st.session_state.get(ASKED) == asked:
        show_sweep(recipe)


def _sweep_settings(recipe: Memorize) -> dict[str, Any]:
    return {name: getattr(recipe, name) for name in OPTIONS}


def show_sweep(recipe: Memorize, *_: object) -> None:
    """The paper's figure 1; its points fill as runs end."""
    st.caption(SWEEP)
    drawn: set[int] = set()

    def fill(place: st.delta_generator.DeltaGenerator, one: core.CorruptionSweep) -> None:
        count = len(one.points)
        if count and count not in drawn:
            drawn.add(count)
            with place.container():
                _show_points(one, key=f"sweep_{count}")

    found = comparisons.sweep(recipe.data, labelled(recipe.data), recipe.seed, _sweep_settings(recipe), show=fill)
    if found is not None and found.points:
        _show_points(found, key="sweep")


def _show_points(one: core.CorruptionSweep, *, key: str) -> None:
    show_sweep_points([asdict(point) for point in one.points], key=key)


PANELS: dict[str, tuple[str, Callable[..., None]]] = {
    "filters": ("First-layer filters", show_filters), "units": ("Maximized units", show_units),
    "confusion": ("Confusion", show_confusion), "map": ("Map (t-SNE)", show_map),
    "distances": ("Distance to another answer", show_distances), "layers": ("Layer by layer", show_layers),
    "sweep": ("More and more corrupted labels", show_sweep),
}  # fmt: skip
