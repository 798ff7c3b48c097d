"""Tests over methods and pictures, as jobs that sessions share: explanations compared, and robust accuracy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

import core
from dashboard.server import jobs, networks, results, sets, uploads

PHOTOGRAPHS = "photos"


def set_names() -> list[str]:
    """The sets on which a network can be tested: the sample photographs as they are, and all others."""
    return [PHOTOGRAPHS, *(one for one in sets.set_names() if one != "samples")]


def set_title(name: str) -> str:
    """What to call one."""
    return results.MAP_SETS[PHOTOGRAPHS] if name == PHOTOGRAPHS else sets.set_title(name)


def pictures(network: str, set_name: str, most: int) -> core.PictureSet | None:
    """At most so many pictures of a set, evenly spread, at the network's size; None where nothing is read yet."""
    if set_name == PHOTOGRAPHS:
        titles = [uploads.picture_title(one) for one in core.samples.names()]
        found: core.PictureSet | None = core.as_set(results.every_sample(network), titles=titles)
    else:
        found = sets.picture_set(set_name, networks.network(network).size)
    return None if found is None else sets.some(found, most)


def compared(
    name: str,
    picture_name: str,
    unit: int,
    methods: tuple[str, ...],
    *,
    options: tuple[tuple[str, Any], ...],
    cells: str,
    live: Callable[[core.Comparison], object],
) -> core.Comparison | None:
    """Methods by measures on one picture; ``cells`` are those of the painted box. Raises ValueError."""
    net = networks.network(name)
    seen = core.seen_by(net, uploads.picture(picture_name))
    box = None
    if cells:
        box = core.painted_mask(cells, height=seen.shape[1], width=seen.shape[2]) > 0.5
        box = box if box.any() else None
    result: core.Comparison | None = jobs.follow(
        ("compared", name, picture_name, unit, methods, options, cells),
        lambda: core.compare_methods(
            net, seen, unit, methods, settings=dict(options), box=box, shuffled=networks.shuffled_network(name, 1.0)
        ),
        say=lambda one: f"{len(one.rows) + len(one.refused)} of {len(methods)} methods",
        show=lambda _, one: live(one),
    )
    return result


def ranked(
    name: str,
    set_name: str,
    found: core.PictureSet,
    methods: tuple[str, ...],
    *,
    options: tuple[tuple[str, Any], ...],
    live: Callable[[core.Comparison], object],
) -> core.Comparison | None:
    """The ranking of methods over a set of pictures. Raises ValueError."""
    result: core.Comparison | None = jobs.follow(
        ("ranked", name, set_name, sets.extent(found), methods, options),
        lambda: core.rank_methods(
            networks.network(name), core.to_float(found.pixels), methods, settings=dict(options),
            shuffled=networks.shuffled_network(name, 1.0),
        ),
        say=lambda one: f"{one.pictures} of {len(found)} pictures",
        show=lambda _, one: live(one),
    )  # fmt: skip
    return result


@dataclass(frozen=True)
class Attacked:
    """What robust accuracy is measured on: which pictures, by which attacks, at which epsilons (in their own unit)."""

    set_name: str
    count: int
    norm: str
    attacks: tuple[str, ...]
    epsilons: tuple[float, ...]


def true_labels(labels: Sequence[str], found: core.PictureSet) -> npt.NDArray[np.int32] | None:
    """The class of each picture, where the folders or files of a set are named after the network's classes.

    Each part of a picture's path is looked for among the ``labels``: ``goldfish/3.jpg``, ``goldfish.png``. None unless
    every picture has one.
    """
    known = {_plain(label): index for index, label in enumerate(labels)}
    classes = []
    for source in found.sources:
        path = PurePosixPath(found.titles[source].replace("\\", "/"))
        parts = (_plain(part) for part in (path.stem, *reversed(path.parts)))
        classes.append(next((known[part] for part in parts if part in known), -1))
    return np.array(classes, np.int32) if classes and min(classes) >= 0 else None


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()


def robust(
    name: str, asked: Attacked, found: core.PictureSet, *, live: Callable[[core.RobustAccuracy], object]
) -> core.RobustAccuracy | None:
    """Robust accuracy on pictures; their labels are the true ones or the network's own answers. Raises ValueError."""

    def begin() -> Iterator[core.RobustAccuracy]:
        net, batch = networks.network(name), core.to_float(found.pixels)
        truth = true_labels(net.labels, found)
        labels = core.logits_of(net, batch).argmax(axis=1) if truth is None else truth
        radii = [core.NORMS[asked.norm].radius(one) for one in asked.epsilons]
        return core.robust_accuracy(net, batch, labels, radii, attacks=asked.attacks, norm=asked.norm)

    points = len(asked.attacks) * len(asked.epsilons)
    result: core.RobustAccuracy | None = jobs.follow(
        ("robust", name, asked, sets.extent(found)), begin, show=lambda _, one: live(one),
        say=lambda one: f"{networks.network_title(name)}: {int(one.progress * points)} of {points} points",
    )  # fmt: skip
    return result
