"""What units are called: on a unit's card, below a wall of units, and to search by."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

import core
from dashboard import address, words
from dashboard.forms import choose
from dashboard.server import naming

MANY = {"labels": "pictures with this label", "answers": "pictures that the network answers with this class"}
OF_GROUP = {
    "labels": "pictures whose label is of this group",
    "answers": "pictures that the network answers with a class of this group",
}


def source(name: str, pictures: core.PictureSet) -> str:
    """Whence names come; asked only where there are two ways. Empty where there is none."""
    ways = naming.sources(name, pictures)
    if len(ways) < 2:
        return ways[0] if ways else ""
    setting = core.Setting("named", "Names of units by", ways[0], tuple(ways))
    return str(choose(setting, names=naming.SOURCES.__getitem__))


def short(name: core.UnitName) -> str:
    """``dogs, 7 of 9``; empty where the unit has no name."""
    return f"{name.name}, {name.hits} of {name.count}" if name.name else ""


def label(channel: int, names: Sequence[core.UnitName]) -> str:
    """A unit by its number and, where it has one, its name."""
    told = short(names[channel]) if names else ""
    return f"{channel} ({told})" if told else str(channel)


def listing(channels: Sequence[int], names: Sequence[core.UnitName]) -> str:
    """Units in words."""
    return words.text(", ".join(label(channel, names) for channel in channels))


def show(channel: int, names: Sequence[core.UnitName], way: str) -> None:
    """The name of a unit, what it is counted from, and how much it says."""
    if not names:
        return
    one = names[channel]
    if not one.count:
        return
    if not one.name:
        st.markdown(
            f"No name: no label, and no group of them, is shared by two fifths of its {one.count} best patches. A set "
            "of many different pictures, such as a folder of your own, names more units than the samples do."
        )
        return
    what = (OF_GROUP if one.group else MANY)[way]
    st.markdown(
        f"**{words.text(one.name)}**: {one.hits} of its {one.count} best patches are cut from {what}; of all "
        f"pictures {one.usual:.1%} are. " + _worth(one)
    )


def _worth(one: core.UnitName) -> str:
    if one.purity >= 2 / 3:
        return "What the patches share may still be a colour or a texture of it: look at them."
    return "A weak name: the others are something else."


def search(layer: str, names: Sequence[core.UnitName], on_pick: Callable[[int], None]) -> None:
    """Find a unit of a layer by its name."""
    named = [channel for channel, one in enumerate(names) if one.name]
    if not named:
        return
    named.sort(key=lambda channel: (-names[channel].purity, names[channel].name, channel))
    key = address.session_key("by_name")

    def pick() -> None:
        channel, st.session_state[key] = st.session_state[key], None
        if channel is not None:
            on_pick(channel)

    st.selectbox(
        f"Find a unit by its name ({len(named)} of {len(names)} have one)", named, index=None, key=key, on_change=pick,
        format_func=lambda channel: f"{names[channel].name} · {names[channel].hits} of {names[channel].count} · "
        f"unit {channel}", placeholder="dogs, flowers, …", width=420,
    )  # fmt: skip
