"""The form of the pictures on which a network, or its explanations, are tested."""

from __future__ import annotations

import streamlit as st

import core
from dashboard.forms.settings import choose
from dashboard.forms.unit import bring
from dashboard.server import evaluations, sets


def tested_on(many: core.Setting) -> tuple[str, int]:
    """The set, and at most how many of its pictures; on a person's own machine also a way to bring one."""
    chosen = choose(
        core.Setting("set", "Pictures", evaluations.PHOTOGRAPHS, tuple(evaluations.set_names())), widget=st.selectbox,
        width=260, names=evaluations.set_title,
    )  # fmt: skip
    count = choose(many, width=200)
    if sets.may_bring_sets():
        bring()
    return chosen, count
