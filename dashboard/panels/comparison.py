"""Which explanation is right? Every method by every measure, on one picture or over a set of them."""

from __future__ import annotations

from typing import Any

import streamlit as st

import core
from dashboard import address, components, downloads, figures, reports, words
from dashboard.forms.settings import choose
from dashboard.forms.tested import tested_on
from dashboard.recipes import Explain
from dashboard.server import evaluations, limits, networks

WHICH = {"quick": "all quick methods", "shown": "those shown above"}
OVER = {"picture": "this picture", "set": "a set of pictures"}
MANY = core.Setting("many", "How many", 8, (4, 8, 16, 32, 64))
SAYS = (
    "No test alone says which map is right, and none asks what people expect to see. Here every method is measured by "
    "all of them: does the answer follow the pixels that it marks, does the map hold still when nothing changes, does "
    "it change with the network and with the class? ↑ says that more is better, ↓ that less is. The rank is the mean "
    "over the tests that vote."
)


def show_comparison(recipe: Explain, _: Any) -> None:
    """The table of one picture, or the ranking over a set."""
    st.markdown(SAYS)
    if recipe.layer != core.LOGITS:
        st.info("These tests follow the probability of an answer; choose one above.")
        return
    if not networks.network(recipe.network).has_classes:
        st.info("These tests follow the probability of a class; this network has no classes.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        which = choose(core.Setting("tested", "Test", "quick", tuple(WHICH)), names=WHICH.__getitem__)
        over = choose(core.Setting("over", "On", "picture", tuple(OVER)), names=OVER.__getitem__)
    quick = tuple(name for name, one in core.METHODS.items() if one.quick)
    methods = quick if which == "quick" else recipe.methods
    if over == "set":
        show_ranking(recipe, methods)
    else:
        show_picture(recipe, methods)


def show_picture(recipe: Explain, methods: tuple[str, ...]) -> None:
    """The table of one picture, filled row by row."""
    cells = box(recipe)
    place = st.empty()
    found = evaluations.compared(
        recipe.network, recipe.picture, recipe.unit, methods, options=recipe.everything, cells=cells,
        live=lambda one: draw(place, one),
    )  # fmt: skip
    conclude(place, found, "on this picture")


def show_ranking(recipe: Explain, methods: tuple[str, ...]) -> None:
    """The means over a set of pictures, as a run that somebody asks for."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen, many = tested_on(MANY)
        st.button(
            "Rank them",
            type="primary",
            icon=":material/play_arrow:",
            key="rank",
            on_click=address.ask,
            args=("rank",),
        )
    if not address.asked("rank", (recipe.network, chosen, many, methods, recipe.everything)):
        st.caption("Each picture takes about as long as the table of one. Every picture is asked for its own answer.")
        return
    read = evaluations.pictures(recipe.network, chosen, many)
    if read is None:
        st.info("No picture has been read yet.")
        return
    limits.limits().check_explained(len(read), len(methods))
    place = st.empty()
    found = evaluations.ranked(
        recipe.network, chosen, read, methods, options=recipe.everything, live=lambda one: draw(place, one)
    )
    conclude(place, found, f"over {found.pictures if found else 0} pictures")


def box(recipe: Explain) -> str:
    """The cells of the box that a person paints round the thing; empty for none, or where the address has no cells."""
    cells = address.value("box")
    try:
        core.painted_mask(cells, height=1, width=1)
    except ValueError:
        cells = ""
    with st.expander("Paint a box round the thing, for the pointing game", expanded=bool(cells)):
        st.button("Clear", icon=":material/delete:", key="clear_box", on_click=lambda: address.put(box=""))
        with st.container(width=320):
            components.paint(
                figures.data_url(core.encode_jpeg(recipe.photo()[0])), cells=cells, rectangle=True, erase=False,
                alt="Drag a box round the thing that the answer names", key="box",
                on_paint=lambda new: address.put(box=new),
            )  # fmt: skip
    return cells


def draw(place: Any, found: core.Comparison) -> None:
    """The table as it is now: the ranked first, then those that are still on their way."""
    if not found.rows:
        return
    names = dict.fromkeys(name for values in found.rows.values() for name in values)
    order = [*found.order, *(method for method in found.rows if method not in found.ranks)]
    table: dict[str, list[Any]] = {
        "method": [core.METHODS[method].title for method in order],
        "rank": [found.ranks.get(method) for method in order],
    }
    shown: dict[str, Any] = {
        "method": st.column_config.TextColumn("Method", pinned=True, width=150),
        "rank": st.column_config.NumberColumn(
            "Rank", format="%.1f", width=60, help="The mean rank over the tests that vote."
        ),
    }
    for name in names:
        metric, values = core.METRICS[name], [found.rows[method].get(name) for method in order]
        table[name] = values
        known = [value for value in values if value is not None]
        shown[name] = st.column_config.ProgressColumn(
            f"{metric.title} {'↑' if metric.higher else '↓'}", help=metric.says, format="%.2f", width=130,
            min_value=min(0.0, *known, 0.0), max_value=max(1e-6, *known, 1e-6),
        )  # fmt: skip
    place.dataframe(table, hide_index=True, column_config=shown, height=38 + 35 * len(order))


def conclude(place: Any, found: core.Comparison | None, where: str) -> None:
    """The finished table, and what it says."""
    if found is None:
        return
    draw(place, found)
    if len(found.order) > 1:
        best, second = (f"**{core.METHODS[one].title}** ({found.ranks[one]:.1f})" for one in found.order[:2])
        votes = sum(one.votes for one in core.METRICS.values())
        st.markdown(f"By mean rank over {votes} tests, {best} comes first {where}, then {second}.")
    for method, why in found.refused.items():
        st.caption(f"{core.METHODS[method].title}: {words.text(why)}")
    if found.rows:
        downloads.download("Table as CSV", as_csv(found), "methods.csv", "text/csv")


def as_csv(found: core.Comparison) -> bytes:
    """A row for each method, a column for each measure."""
    names = list(dict.fromkeys(name for values in found.rows.values() for name in values))
    methods = [*found.order, *(one for one in found.rows if one not in found.ranks)]
    rows = [
        {"method": method, "mean rank": found.ranks.get(method, "")}
        | {name: found.rows[method].get(name, "") for name in names}
        for method in methods
    ]
    return reports.table(rows)
