"""Sets of pictures: the samples, CIFAR-10, and folders and zips that people brought."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

import core
from dashboard import words
from dashboard.server import jobs, limits
from dashboard.server.slot import SLOT

SETS = {"samples": "The sample photographs", "cifar10": "CIFAR-10"}
SETS_KEPT = 3
SET_BYTES = 200 * limits.MIB


@dataclass(frozen=True)
class OwnSet:
    """A folder or a zip that a person brought."""

    title: str
    source: Path | bytes


@st.cache_resource
def own_sets() -> OrderedDict[str, OwnSet]:
    """The latest folders and zips that people brought, by a digest."""
    return OrderedDict()


def may_bring_sets() -> bool:
    """Whether this is the person's own machine."""
    return limits.limits() is limits.LIMITS["local"]


def bring_set(source: str | bytes, title: str) -> str:
    """Take in a folder or zip of pictures; returns its name for addresses. Raises ValueError, in public mode always."""
    if not may_bring_sets():
        raise ValueError("Expected Convscope on your own machine for a folder or a zip, got a public one")
    if isinstance(source, bytes) and len(source) > SET_BYTES:
        raise ValueError(f"Expected a zip of at most {SET_BYTES // limits.MIB} MB, got {len(source) // limits.MIB} MB")
    if isinstance(source, str) and not Path(source).expanduser().exists():
        raise ValueError("Expected the path of a folder or a zip on this machine, got one that does not exist")
    name = hashlib.sha256(source if isinstance(source, bytes) else source.encode()).hexdigest()[:24]
    own_sets()[name] = OwnSet(words.harmless(title), source if isinstance(source, bytes) else Path(source).expanduser())
    while len(own_sets()) > SETS_KEPT:
        own_sets().popitem(last=False)
    return name


def set_names() -> list[str]:
    """The sets that can be looked through."""
    return [*SETS, *(own_sets() if may_bring_sets() else ())]


def set_title(name: str) -> str:
    """What to call a set."""
    return SETS.get(name) or own_sets()[name].title


def picture_set(name: str, size: tuple[int, int]) -> core.PictureSet | None:
    """The set at the size of a network, read with progress and stop; None where nothing is read yet."""

    def begin() -> Iterator[core.PictureSet]:
        if name == "samples":
            with st.spinner("Cutting the sample photographs…", show_time=True), SLOT.paused():
                return iter([core.sample_tiles(size=size)])
        if name == "cifar10":
            with st.spinner("Downloading CIFAR-10, 170 MB, once…", show_time=True), SLOT.paused():
                return iter([core.cifar10(size=size)])
        limit = limits.limits()
        return core.gather(own_sets()[name].source, size=size, max_bytes=limit.picture_bytes)

    def say(found: core.PictureSet) -> str:
        return f"{len(found):,} of {max(found.total, len(found)):,} pictures read"

    result: core.PictureSet | None = jobs.follow(("set", name, size), begin, say=say)
    return result
