"""Pictures with labels that a network can be trained on here: digits, tiles, CIFAR-10, and people's own folders."""

from __future__ import annotations

import streamlit as st

import core
from dashboard.server import limits, sets
from dashboard.server.cache import cached
from dashboard.server.slot import SLOT

OWN_SIDE = 16
MOST = 2000
MOST_CLASSES = 50


def labelled_names() -> list[str]:
    """The sets that there are: those in the box, and folders that people brought, a folder for each class."""
    own = [name for name in sets.set_names() if sets.own_set(name)]
    return [*core.LABELLED, *own]


def labelled_title(name: str) -> str:
    """What to call a set."""
    return core.LABELLED[name][0] if name in core.LABELLED else sets.set_title(name)


@cached
def labelled(name: str) -> core.LabelledSet:
    """The set of that name. Raises ValueError where it is not here, does not come, or has no classes."""
    if name in core.LABELLED:
        if name != "cifar10":
            return core.LABELLED[name][1]()
        with SLOT.paused(), st.spinner("Downloading CIFAR-10, 170 MB, once…", show_time=True):
            return core.LABELLED[name][1]()
    own = sets.own_set(name)
    if own is None:
        raise ValueError("Expected a set that is here, got one that is no longer here; bring it again")
    most = min(MOST, limits.limits().set_pictures)
    with SLOT.paused(), st.spinner("Reading the pictures…", show_time=True):
        *_, found = core.gather(own.source, size=(OWN_SIDE, OWN_SIDE), most=most)
    data = core.by_folder(found, title=own.title)
    if len(data.names) > MOST_CLASSES:
        raise ValueError(f"Expected at most {MOST_CLASSES} folders, got {len(data.names)}")
    return data
