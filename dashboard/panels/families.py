"""Families of a layer: units that are alike, a row of plates each; a click goes to a unit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import streamlit as st

import core
from dashboard import forms, words
from dashboard.panels import naming as named
from dashboard.server import families, results

Plate = Callable[..., None]
MOST, ROW = 12, 8
WAYS = {"answers": "their answers", "kernels": "their kernels"}
SAYS = {
    "answers": "Their mean activations rise and fall together over the pictures.",
    "kernels": "Their kernels are alike, as they are or after quarter turns and mirrors: a family may hold one shape "
    "in all directions.",
}


def show(network: str, set_name: str, index: core.UnitIndex, names: Sequence[core.UnitName], *, plate: Plate) -> None:
    """The largest families of a layer; ``plate`` draws units that a click goes to."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        way = forms.choose(core.Setting("alike", "Alike in", "answers", tuple(WAYS)), names=WAYS.__getitem__)
        least = forms.choose(core.Setting("least", "Similarity of at least", 0.7, (0.5, 0.6, 0.7, 0.8, 0.9)))
    key = (set_name, results.index_key(index)) if way == "answers" else ()
    found = families.families(network, index.layer, way, float(least), _index=index, key=key)
    inside = sum(len(one.channels) for one in found)
    st.markdown(
        f"**{len(found)} families** with {inside} of {index.channels} units; the others are like no other. {SAYS[way]}"
    )
    for place, family in enumerate(found[:MOST]):
        show_family(index.layer, family, names, plate=plate, place=place)
    if len(found) > MOST:
        st.caption(f"The {MOST} largest are shown; a higher similarity makes them smaller.")


def show_family(layer: str, family: core.Family, names: Sequence[core.UnitName], *, plate: Plate, place: int) -> None:
    """One family: what its units are called, and the patches of those that are most like the others."""
    few = family.channels[:ROW]
    st.markdown(f"**{len(family.channels)} units**{_called(family, names)}, similarity {family.similarity:.2f}")
    labels = [f"unit {named.label(channel, names)}: click for details" for channel in few]
    with st.container() if len(few) == ROW else st.columns([len(few), ROW - len(few)])[0]:
        plate([(layer, channel) for channel in few], key=f"family_{place}", labels=labels, columns=len(few), back=False)
    st.caption(f"Units {named.listing(few, names)}{', …' if len(family.channels) > ROW else '.'}")


def _called(family: core.Family, names: Sequence[core.UnitName]) -> str:
    """The name that most of its units have."""
    counted = Counter(names[channel].name for channel in family.channels if names and names[channel].name)
    if not counted:
        return ""
    name, count = counted.most_common(1)[0]
    return f", {count} of them called “{words.text(name)}”" if count > 1 else ""
