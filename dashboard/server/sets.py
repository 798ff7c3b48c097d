"""Sets of pictures: the samples, CIFAR-10, and folders and zips that people brought."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path

import streamlit as st

import core
from dashboard import words
from dashboard.server import jobs, limits, memory
from dashboard.server.cache import RESULTS, cached
from dashboard.server.slot import SLOT
from dashboard.server.uploads import BROUGHT

MIB = 2**20
CIFAR = 2000

SETS = {"samples": "The sample photographs", "digits": "Handwritten digits", "cifar10": "CIFAR-10"}


@dataclass(frozen=True)
class OwnSet:
    """A folder or a zip that a person brought: pictures, or an index of very many."""

    title: str
    source: Path | bytes
    index: core.SavedIndex | None = None


def may_bring_sets() -> bool:
    """Whether this is the person's own machine."""
    return limits.local()


def bring_set(source: str | bytes, title: str) -> str:
    """Take in a folder or zip of pictures; returns its name for addresses. Raises ValueError, in public mode always."""
    if not may_bring_sets():
        raise ValueError("Expected Convscope on your own machine for a folder or a zip, got a public one")
    return keep(source, title)


def keep(source: str | bytes, title: str) -> str:
    """``bring_set`` in every mode: for what the person at the machine brings. Raises ValueError."""
    most = limits.limits().set_bytes
    if isinstance(source, bytes) and len(source) > most:
        raise ValueError(f"Expected a zip of at most {most // MIB} MB, got {len(source) // MIB} MB")
    if isinstance(source, str) and not Path(source).expanduser().exists():
        raise ValueError("Expected the path of a folder or a zip on this machine, got one that does not exist")
    name = hashlib.sha256(source if isinstance(source, bytes) else source.encode()).hexdigest()[:24]
    where = source if isinstance(source, bytes) else Path(source).expanduser()
    index = core.read_index(where) if core.is_index(where) else None
    own = OwnSet(words.harmless(title), where, index)
    size = len(source) if isinstance(source, bytes) else 0
    return BROUGHT.add(name, own, size + (memory.weigh(index.indexes) if index else 0))


def own_set(name: str) -> OwnSet | None:
    """The set that a person brought, where it is still here."""
    found = BROUGHT.get(name)
    return found if isinstance(found, OwnSet) else None


def index_of(name: str, size: tuple[int, int]) -> core.SavedIndex | None:
    """The index that a set is, with as many pictures of this size as there is room for; None for any other set."""
    own = own_set(name)
    return _limited(name, most_pictures(size), _index=own.index) if own and own.index else None


@cached
def _limited(name: str, most: int, *, _index: core.SavedIndex) -> core.SavedIndex:
    return _index.limited(most)


@cached
def _same_network(name: str, set_name: str, *, _classifier: core.Classifier, _index: core.SavedIndex) -> bool:
    return _index.is_of(_classifier)


def known_units(name: str, classifier: core.Classifier, set_name: str) -> dict[str, core.UnitIndex]:
    """{layer: index} of a set that is an index which this network has made; empty for any other."""
    index = index_of(set_name, classifier.size)
    same = index is not None and _same_network(name, set_name, _classifier=classifier, _index=index)
    return index.indexes if index and same else {}


def indexed(
    name: str, classifier: core.Classifier, chosen: tuple[str, core.PictureSet], layers: tuple[str, ...]
) -> Iterator[dict[str, core.UnitIndex]]:
    """``core.index_units`` over a set (name, pictures); what an index knows of layers is not looked at again."""
    set_name, pictures = chosen
    told = known_units(name, classifier, set_name)
    known = {one: index for one, index in told.items() if one in layers and index.total == len(pictures)}
    rest = [layer for layer in layers if layer not in known]
    if not rest:
        return iter([known])
    return ({**found, **known} for found in core.index_units(classifier, rest, pictures))


def shown_first(name: str) -> dict[str, str]:
    """The settings of the address that show an index at its first layer, with its network where it is known here."""
    own = own_set(name)
    if own is None or own.index is None:
        return {}
    network = own.index.network["name"]
    known = {"network": network} if network in (*core.available(), *core.applications()) else {}
    return {**known, "show": "unit", "layer": next(iter(own.index.indexes))}


def set_names() -> list[str]:
    """The sets that can be looked through."""
    own = (name for name, _ in BROUGHT.items(OwnSet)) if may_bring_sets() else BROUGHT.held(OwnSet)
    return [*SETS, *own]


def set_title(name: str) -> str:
    """What to call a set."""
    own = own_set(name)
    return SETS.get(name) or (own.title if own else "a set that is no longer here")


def missing(name: str | None) -> str:
    """A sentence where an address names somebody's own set that is no longer here, else nothing."""
    if not name or not re.fullmatch("[0-9a-f]{24}", name) or own_set(name):
        return ""
    return (
        "The pictures of this address are no longer here, so others are shown: people's own sets stay while somebody "
        "has them open, and on the server to which they were brought. Bring the folder or the zip again."
    )


def picture_set(name: str, size: tuple[int, int]) -> core.PictureSet | None:
    """The set at the size of a network, read with progress and stop; None where nothing is read yet."""

    def begin() -> Iterator[core.PictureSet]:
        if name == "samples":
            with st.spinner("Cutting the sample photographs…", show_time=True), SLOT.paused():
                return iter([core.sample_tiles(size=size)])
        count = most_pictures(size)
        if name == "digits":
            return iter([_digits(size, count)])
        if name == "cifar10":
            with st.spinner("Downloading CIFAR-10, 170 MB, once…", show_time=True), SLOT.paused():
                return iter([core.cifar10(size=size, count=min(CIFAR, count))])
        own = own_set(name)
        if own is None:
            raise ValueError("Expected a set that is here, got one that is no longer here; bring it again")
        if index := index_of(name, size):
            return index.gather(size)
        return core.gather(own.source, size=size, most=count, max_bytes=limits.limits().picture_bytes)

    def say(found: core.PictureSet) -> str:
        return f"{len(found):,} of {max(found.total, len(found)):,} pictures read"

    _read_anew_if_changed(name)
    result: core.PictureSet | None = jobs.follow(("set", name, size), begin, say=say)
    return result


def extent(pictures: core.PictureSet) -> tuple[int, int]:
    """What tells, in a key, how much of a set was read: how many pictures these are, and of how many sources.

    The sources are all that were read, also where the pictures are but some of them, evenly spread.
    """
    return len(pictures), len(pictures.titles)


def some(pictures: core.PictureSet, most: int) -> core.PictureSet:
    """At most so many of the pictures, evenly spread."""
    few = core.evenly(len(pictures), most)
    return replace(pictures, pixels=pictures.pixels[few], sources=pictures.sources[few], total=0)


def _digits(size: tuple[int, int], count: int) -> core.PictureSet:
    """The first handwritten digits that networks are trained on here, each named by its class."""
    digits = core.digits()
    few = digits.pictures[:count]
    large = few if size == digits.size else core.resize(few, height=size[0], width=size[1])
    return core.as_set(large, titles=[f"digit {label}" for label in digits.labels[:count]])


def most_pictures(size: tuple[int, int]) -> int:
    """How many pictures of this size a set may have."""
    limit = limits.limits()
    return max(1, min(limit.set_pictures, limit.set_pixel_bytes // (3 * size[0] * size[1])))


_seen: dict[str, str] = {}


def _read_anew_if_changed(name: str) -> None:
    """Forget what was found in a folder whose files are other ones now."""
    own = own_set(name)
    if own is None or own.index or isinstance(own.source, bytes) or not own.source.exists():
        return
    now = core.fingerprint(own.source)
    if _seen.get(name, now) != now:
        jobs.TABLE.forget(lambda key: _mentions(key, name))
        RESULTS.forget(lambda key: _mentions(key, name))
    _seen[name] = now


def _mentions(key: object, name: str) -> bool:
    parts: tuple[object, ...] = key if isinstance(key, tuple) else ()
    if is_dataclass(key) and not isinstance(key, type):
        parts = tuple(getattr(key, field.name) for field in fields(key))
    return (isinstance(key, str) and key == name) or any(_mentions(part, name) for part in parts)
