"""The best real patches of a channel: those that excite it most, beside those in which it gives most to an answer."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

import core
from dashboard import components, figures, forms, words
from dashboard.recipes import Contributions, usual
from dashboard.server import circuits, naming, networks, results, sets

SET = "samples"


@dataclass(frozen=True)
class Asked:
    """A channel, the answer that is asked about, and the answer in words."""

    recipe: Contributions
    title: str
    channel: int


def show(asked: Asked) -> None:
    """Both walls, once somebody wants them: every picture of the set is looked at, forth and back."""
    st.markdown("**Its best patches of real pictures**")
    title = (
        "Look through the sample photographs: what excites it most, and where it gives most to "
        f"“{words.text(asked.title)}”"
    )
    if not forms.choose(core.Setting("real_patches", title, False)):
        return
    one, net = asked.recipe, networks.network(asked.recipe.network)
    pictures = sets.picture_set(SET, net.size)
    if pictures is None:
        return
    layers = naming.beside(one.network, (one.layer,), SET, pictures)
    excited = results.unit_indexes(one.network, layers, SET, pictures).get(one.layer)
    given = circuits.given(one.network, one.layer, one.asked, SET, pictures=pictures)
    if excited is None or given is None:
        return
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("What excites it most")
        _wall(asked, excited, pictures, "activation")
    with right:
        st.markdown(f"Where it gives most to “{words.text(asked.title)}”")
        _wall(asked, given, pictures, "contribution")
    both = set(excited.pictures[asked.channel].tolist()) & set(given.pictures[asked.channel].tolist()) - {-1}
    linear = circuits.completeness(one.network, one.picture, one.layer, one.asked).linear
    same = " From this layer on the way to the answer is linear, so a unit gives most where it is most active." * linear
    st.caption(
        f"{len(both)} of {given.pictures.shape[1]} pictures are in both. What a unit gives is its activation times the "
        f"slope of this answer there, whatever the network answers to that picture.{same}"
    )


def _wall(asked: Asked, index: core.UnitIndex, pictures: core.PictureSet, by: str) -> None:
    one = asked.recipe
    most = float(index.values[asked.channel, 0])
    if most <= 0:
        st.caption("Nowhere above zero in these pictures.")
        return
    key = (by, one.asked if by == "contribution" else None, results.index_key(index))
    found = results.excited(
        one.network, SET, asked.channel, usual.projection(networks.network(one.network)), _index=index,
        _pictures=pictures, key=key,
    )  # fmt: skip
    wall = figures.plate([[tile[None]] for tile in found.patches], columns=3, inner=1, margin=2)
    components.wall(
        figures.data_url(core.encode_png(wall.pixels)), columns=3, labels=found.labels, chosen=-1, key=f"patches_{by}",
        smooth=True, alt=f"Nine patches of real pictures by {by}", on_pick=lambda _: None,
    )  # fmt: skip
