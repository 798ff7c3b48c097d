"""What if units were switched off, or turned up: the answer, the map of the picture and a set of pictures together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

import core
from dashboard import figures, forms, words
from dashboard.server import networks, uploads, what_if

FACTORS = {0.0: "off", 0.5: "half", 1.0: "as it is", 2.0: "× 2", 4.0: "× 4", 10.0: "× 10"}
BARS, SIDE = 5, 448


@dataclass(frozen=True)
class Asked:
    """A unit of a layer, the picture, and the class whose map is shown."""

    network: str
    picture: str
    layer: str
    channel: int
    target: int


def show(
    asked: Asked, others: tuple[int, ...], title: str, *, set_name: str = "samples",
    pictures: core.PictureSet | None = None,
) -> None:  # fmt: skip
    """The panel; ``others`` are units that can be changed together with this one, under a ``title``."""
    st.markdown("**What if it were switched off, or turned up?**")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        factor = forms.choose(
            core.Setting("factor", "Its activation, everywhere", 1.0, tuple(FACTORS)), widget=_buttons,
            names=FACTORS.__getitem__,
        )  # fmt: skip
        with_it = forms.choose(
            core.Setting("with_it", "Which units", "alone", ("alone", *(["others"] if others else []))),
            widget=st.selectbox, width=300, names={"alone": "this unit alone", "others": title}.__getitem__,
        )  # fmt: skip
    channels = sorted({asked.channel, *(others if with_it == "others" else ())})
    factors = tuple((channel, float(factor)) for channel in channels) if factor != 1 else ()
    before, changed = (
        what_if.on_picture(asked.network, asked.picture, asked.layer, one, target=asked.target) for one in ((), factors)
    )
    after = changed if factors else None
    left, right = st.columns([2, 3], gap="medium")
    with left:
        show_answers(asked, before, after, FACTORS[factor])
    with right:
        show_maps(asked, before, after)
    if factors:
        show_set(asked, factors, set_name, pictures)
    else:
        st.caption("Choose a factor: answers, map and the answers to other pictures change together.")


def _buttons(label: str, choices: list[float], *, format_func: object, **kwargs: object) -> object:
    return st.segmented_control(label, choices, required=True, format_func=format_func, **kwargs)  # type: ignore[call-overload]


def show_answers(asked: Asked, before: core.WhatIf, after: core.WhatIf | None, title: str) -> None:
    """Both answers as bars, and in a sentence."""
    net = networks.network(asked.network)
    shown = dict(net.ranked(before.answers, BARS))
    if after is None:
        chart = figures.answers(list(shown.items()), classes=net.has_classes)
        st.plotly_chart(chart, config=figures.PLAIN, key="as_is", alt="Answers")
        return
    old, new = ({label: float(v) for label, v in zip(net.labels, one.answers, strict=True)} for one in (before, after))
    first, then = (net.ranked(one.answers, 1)[0][0] for one in (before, after))
    if not net.has_classes:
        told = "; ".join(f"{words.text(one)} went from {old[one]:.4g} to {new[one]:.4g}" for one in list(old)[:BARS])
        st.markdown(f"{told}.")
        return
    shown |= {then: old[then]}
    chart = figures.before_after(shown, new, title=title)
    st.plotly_chart(chart, config=figures.PLAIN, key="off_bars", alt=f"Answers as they are, and with it {title}")
    change = (
        f"still **{words.text(then)}**"
        if then == first
        else f"**{words.text(then)}** instead of **{words.text(first)}**"
    )
    own = net.labels[asked.target]
    told = f"The network says {change}; {words.text(own)} went from {old[own]:.1%} to {new[own]:.1%}, its logit from "
    st.markdown(f"{told}{before.score:.2f} to {after.score:.2f}.")
    if np.array_equal(before.answers, after.answers):
        st.caption("Nothing changes: it is inactive everywhere in this picture, and any factor times zero is zero.")


def show_maps(asked: Asked, before: core.WhatIf, after: core.WhatIf | None) -> None:
    """Where the class comes from, before and after, on one scale."""
    net = networks.network(asked.network)
    if before.evidence is None:
        st.caption("This network has no maps to show.")
        return
    picture = figures.enlarged(core.seen_by(net, uploads.picture(asked.picture))[0], SIDE)
    limit = float(np.percentile(np.abs(before.evidence), 99))
    own = words.text(net.labels[asked.target])
    for column, title, one in zip(st.columns(2), ("As it is", "Changed"), (before, after), strict=True):
        if one is not None:
            over = figures.evidence(picture, figures.fitted(np.asarray(one.evidence), picture.shape), 0.9, limit=limit)
            column.image(over, width="stretch", caption=title, alt=f"What speaks for {own}: {title}")
    st.caption(
        f"What each place of the last map gives to “{own}”, on one scale: red speaks for it, blue against "
        "([HiRes-CAM](https://arxiv.org/abs/2011.08891))."
    )


def show_set(asked: Asked, factors: what_if.Factors, set_name: str, pictures: core.PictureSet | None) -> None:
    """How many of other pictures are answered otherwise, and which."""
    if not networks.network(asked.network).has_classes:
        return
    found = what_if.on_set(asked.network, asked.layer, factors, set_name, pictures=pictures)
    if found is None:
        return
    count = len(found.after)
    told = f"Of {count} pictures of the set, **{len(found.changed)}** are answered otherwise."
    if found.truths:
        told += f" Right were {found.right(found.before)} of {count}, now **{found.right(found.after)}**."
    st.markdown(told)
    if found.changed:
        rows = [
            {"picture": found.titles[i], "as it is": found.before[i], "changed": found.after[i]} for i in found.changed
        ]
        st.dataframe(rows, hide_index=True, height=min(240, 38 + 35 * len(rows)))
