"""Which pictures were looked at: those of a set, or an index of very many, of which the best are kept."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

import core
from dashboard import words
from dashboard.server import networks, sets


def say(name: str, set_name: str, indexes: Sequence[core.UnitIndex], pictures: core.PictureSet) -> None:
    """Say it below the form, of the layers that are shown."""
    seen = indexes[0]
    index = sets.index_of(set_name, networks.network(name).size)
    if index is not None:
        st.caption(_of_index(name, index, indexes))
        return
    photographs = f"pictures cut from {len(pictures.titles):,} photographs"
    skipped = f" {pictures.skipped:,} files could not be read and were left out." if pictures.skipped else ""
    st.caption(f"{seen.done:,} of {seen.total:,} {photographs} were looked at.{skipped}")


def _of_index(name: str, index: core.SavedIndex, shown: Sequence[core.UnitIndex]) -> str:
    kept = f"the {len(index):,} that are here"
    others = [one.layer for one in shown if not one.looked_at]
    if others:
        return words.text(
            f"This index of {index.looked_at:,} pictures was made with {index.network['title']} at "
            f"{', '.join(index.indexes)}. At {', '.join(others)}, {networks.network_title(name)} has looked at {kept} "
            "only."
        )
    bad = f" {index.bad:,} files could not be read." if index.bad else ""
    best = shown[0].values.shape[1]
    return words.text(
        f"{index.looked_at:,} pictures of {index.address} were looked at; {kept} are the {best} best of each unit, and "
        f"{len(index.usual):,} that stand for all.{bad}"
    )
