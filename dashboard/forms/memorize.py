"""The form of learning and memorizing."""

from __future__ import annotations

import streamlit as st

import core
from dashboard.forms.settings import field
from dashboard.forms.unit import bring
from dashboard.recipes import Memorize
from dashboard.server import sets
from dashboard.server.labelled import labelled_title

TRICKS = ("weight_decay", "augment", "dropout", "batch_norm")


def recipe() -> Memorize:
    """Everything that a person can set."""
    one = Memorize()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        one = field(one, "data", names=labelled_title, widget=st.selectbox, width=280)
        one = field(one, "first", names=title, widget=st.selectbox, width=230)
        one = field(one, "second", names=title, widget=st.selectbox, width=230)
        if sets.may_bring_sets():
            bring("data")
        with st.popover("More", icon=":material/tune:"):
            corruptible = any(core.CONDITIONS[each].corruptible for each in one.conditions.values())
            one = field(one, "corruption", disabled=not corruptible, names=lambda part: f"{part:.0%}")
            for name in (*TRICKS, "width", "optimizer", "step_size", "epochs", "seed"):
                one = field(one, name, **({"names": optimizer} if name == "optimizer" else {}))
    return one


def title(condition: str) -> str:
    """What to call a condition."""
    return core.CONDITIONS[condition].title


def optimizer(name: str) -> str:
    """What to call an optimizer."""
    return core.OPTIMIZERS[name][0]
