"""What units are called, for sessions to share: by the network's answers to a set of pictures, or a person's labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import core
from dashboard.server import jobs, networks, results, sets
from dashboard.server.cache import cached

SOURCES = {"labels": "The set's own labels", "answers": "The network's answers"}
USUAL_SET = "samples"


def beside(name: str, layers: tuple[str, ...], set_name: str, pictures: core.PictureSet) -> tuple[str, ...]:
    """The layers, and the network's answers where it has classes and they are not known yet: one pass for all."""
    known = _answers(name, set_name, len(pictures))
    if not networks.network(name).has_classes or (known and known.done == known.total):
        return layers
    return (*layers, core.LOGITS)


def sources(name: str, pictures: core.PictureSet) -> list[str]:
    """Whence names may come, the usual one first."""
    labelled = bool(core.labels_of(pictures))
    return [one for one, there in zip(SOURCES, (labelled, networks.network(name).has_classes), strict=True) if there]


def names(
    name: str, set_name: str, source: str, *, index: core.UnitIndex, pictures: core.PictureSet
) -> Sequence[core.UnitName]:
    """A name for every unit of an index; none where the labels are not known (any more)."""
    labels: Sequence[str] = ()
    if source == "labels":
        labels = core.labels_of(pictures)
    elif found := _answers(name, set_name, len(pictures)):
        labels = _said(name, set_name, found.done, found.total, _index=found)
    if len(labels) < index.done:
        return ()
    key = (name, set_name, source, results.index_key(index))
    return _named(key, _index=index, _labels=labels[: index.done])


def known(name: str, layer: str) -> Sequence[core.UnitName]:
    """The names of a layer's units over the sample photographs, where somebody has looked through these; else none."""
    for job in reversed(jobs.TABLE.all()):
        if job.key[:2] == ("units", name) and job.key[3:4] == (USUAL_SET,) and layer in job.key[2] and job.latest:
            pictures = sets.picture_set(USUAL_SET, networks.network(name).size)
            if pictures is not None and len(pictures) == job.key[4]:
                return names(name, USUAL_SET, "answers", index=job.latest[layer], pictures=pictures)
    return ()


def _answers(name: str, set_name: str, count: int) -> core.UnitIndex | None:
    """The index of the network's answers to a set, of which most is known."""
    found: list[core.UnitIndex] = [
        job.latest[core.LOGITS]
        for job in jobs.TABLE.all()
        if job.key[:2] == ("units", name)
        and job.key[3:] == (set_name, count)
        and core.LOGITS in job.key[2]
        and job.latest
    ]
    return max(found, key=lambda one: one.done, default=None)


@cached
def _said(name: str, set_name: str, done: int, total: int, *, _index: core.UnitIndex) -> Sequence[str]:
    return core.answers_of(networks.network(name), _index)


@cached
def _named(key: tuple[Any, ...], *, _index: core.UnitIndex, _labels: Sequence[str]) -> Sequence[core.UnitName]:
    return core.name_units(_index, _labels)
