"""Robust accuracy: what several attacks of several strengths leave of a network's answers, for one network or two."""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

import core
from dashboard import address, downloads, figures, reports, words
from dashboard.forms.settings import choose
from dashboard.forms.tested import tested_on
from dashboard.server import evaluations, limits, networks
from dashboard.server.evaluations import Attacked

SAYS = (
    "**How many answers survive?** Every picture of a set is attacked at every epsilon. A network is as robust as the "
    "strongest attack leaves it: the thick line counts the pictures that none of them fools "
    "([Croce & Hein, 2020](https://arxiv.org/abs/2003.01690))."
)
MANY = core.Setting("count", "How many", 16, (8, 16, 32, 64, 128))
WORST = "All together"
DRAWN = itertools.count()
USUAL = {"linf": (0.25, 0.5, 1.0, 2.0, 4.0), "l2": (0.1, 0.25, 0.5, 1.0, 2.0)}
EPSILONS = {
    "linf": (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 16.0),
    "l2": (0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.0, 4.0),
}


def show_robustness(name: str) -> None:
    """The form, the run, and what came of it. Raises ValueError."""
    st.markdown(SAYS)
    if not networks.network(name).has_classes:
        st.info("Robust accuracy counts classes; this network has none.")
        return
    asked, other = form(name)
    if not asked.attacks or not asked.epsilons:
        st.info("Choose at least one attack and one epsilon.")
        return
    if not address.asked("measure", (name, asked, other)):
        st.caption("Press Measure. Points appear as they are found, and Stop keeps those that are there.")
        return
    shown = [name, *([other] if other else [])]
    places = {}
    for one, column in zip(shown, st.columns(len(shown), gap="large"), strict=True):
        with column:
            st.markdown(f"**{words.text(networks.network_title(one))}**")
            places[one] = st.empty()
    found: dict[str, core.RobustAccuracy] = {}
    for one in shown:
        read = evaluations.pictures(one, asked.set_name, asked.count)
        if read is None:
            st.info("No picture has been read yet.")
            return
        limits.limits().check_attacked(len(read), len(asked.attacks), len(asked.epsilons))
        result = evaluations.robust(one, asked, read, live=partial(draw, places[one], asked, one))
        if result is not None:
            found[one] = result
            draw(places[one], asked, one, result, key=f"robust_{one}")
    for one, result in found.items():
        conclude(one, asked, result)


def form(name: str) -> tuple[Attacked, str]:
    """What is measured, and the network beside."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen, count = tested_on(MANY)
        norm = choose(
            core.Setting("measured_in", "Norm", "linf", tuple(USUAL)), names=lambda one: core.NORMS[one].title
        )
        twins = tuple(networks.others(name))
        other = choose(
            core.Setting("twin", "Networks", "", ("", *twins)), widget=st.selectbox, width=260,
            names=lambda one: f"{networks.network_title(one)} too" if one else "This network only",
        )  # fmt: skip
    able = [one for one in core.ROBUSTNESS if norm in core.ATTACKS[one].norms]
    able = [one for one in able if one != "apgd_dlr" or len(networks.network(name).labels) >= 3]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        attacks = address.several(
            "Attacks", able, key=f"attacks_{norm}", default=able, format_func=lambda one: core.ATTACKS[one].title
        )
        written = {core.NORMS[norm].written(core.NORMS[norm].radius(one)): one for one in EPSILONS[norm]}
        usual = [text for text, one in written.items() if one in USUAL[norm]]
        epsilons = address.several("Epsilons", list(written), key=f"epsilons_{norm}", default=usual)
        st.button(
            "Measure", type="primary", icon=":material/play_arrow:", key="measure", on_click=address.ask,
            args=("measure",),
        )  # fmt: skip
    ordered = tuple(sorted(written[one] for one in epsilons))
    return Attacked(chosen, count, norm, tuple(one for one in able if one in attacks), ordered), other


def draw(place: Any, asked: Attacked, name: str, found: core.RobustAccuracy, *, key: str = "") -> None:
    """The curves as they are now; without a ``key`` while they grow."""
    curves = {core.ATTACKS[one].title: found.accuracy(one) for one in asked.attacks}
    curves |= {WORST: found.together} if len(curves) > 1 else {}
    measure = core.NORMS[asked.norm]
    places = ["0", *(measure.written(one) for one in found.epsilons[1:])]
    chart = figures.robustness(curves, places, f"epsilon ({measure.title})", worst=WORST)
    key = key or f"growing_{next(DRAWN)}"
    place.plotly_chart(chart, config=figures.PLAIN, key=key, alt=f"Robust accuracy of {networks.network_title(name)}")


def conclude(name: str, asked: Attacked, found: core.RobustAccuracy) -> None:
    """Numbers, confidence, classes and files of one network."""
    net, measure = networks.network(name), core.NORMS[asked.norm]
    columns = ["0", *(measure.written(one) for one in found.epsilons[1:])]
    st.subheader(words.text(networks.network_title(name)), anchor=False)
    read = evaluations.pictures(name, asked.set_name, asked.count)
    named = read is not None and evaluations.true_labels(net.labels, read) is not None
    truth = "the true classes, by the names of folders and files" if named else "the network's own answers"
    st.caption(f"{len(found.labels)} pictures; right is: {truth}. In brackets the mean probability of that class.")
    rows = []
    for one in asked.attacks:
        accuracy, sure = found.accuracy(one), found.confidence(one)
        rows.append(
            {"attack": core.ATTACKS[one].title}
            | {at: _percent(a, s) for at, a, s in zip(columns, accuracy, sure, strict=True)}
        )
    if len(rows) > 1:
        rows.append({"attack": WORST} | {at: _percent(a) for at, a in zip(columns, found.together, strict=True)})
    st.dataframe(rows, hide_index=True)
    with st.expander("Class by class", icon=":material/category:"):
        classes = found.by_class().items()
        st.dataframe(
            [
                {"class": net.labels[label], "pictures": count}
                | {at: _percent(value) for at, value in zip(columns, values, strict=True)}
                for label, (count, values) in sorted(classes, key=lambda one: -np.nansum(one[1][1]))
            ],
            hide_index=True,
        )
    downloads.download("Curves as CSV", as_csv(asked, found, columns), f"robust_accuracy_{name}.csv", "text/csv")


def _percent(value: float, sure: float | None = None) -> str:
    if np.isnan(value):
        return "…"
    return f"{value:.0%}" + ("" if sure is None else f" ({sure:.0%})")


def as_csv(asked: Attacked, found: core.RobustAccuracy, columns: list[str]) -> bytes:
    """A row for each attack and epsilon."""
    values = {one: (found.accuracy(one), found.confidence(one)) for one in asked.attacks}
    values["all"] = found.together, np.full(len(columns), np.nan)
    rows = [
        {"attack": one, "epsilon": at, "accuracy": float(accuracy), "confidence": float(sure)}
        for one, both in values.items()
        for at, accuracy, sure in zip(columns, *both, strict=True)
    ]
    return reports.table(rows)
