"""Maximized pictures of units, for sessions to share: those that were drawn for anybody, and many at once in a job."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

import core
from dashboard.server import jobs, networks
from dashboard.server.results import DRAWN_SIZE, DRAWN_STEPS

Unit = tuple[str, int]
"""Layer and channel."""
Pixels = npt.NDArray[np.uint8]
AT_ONCE = 5


@dataclass(frozen=True, eq=False)
class Drawings:
    """Pictures of units (H, W, 3) on their way: the ``finished`` ones, and those being drawn among them."""

    pictures: Mapping[Unit, Pixels]
    finished: frozenset[Unit]
    progress: float


def drawn(name: str) -> dict[Unit, Pixels]:
    """What was drawn to its end of a network's units, one by one or many at once, and is still here."""
    found: dict[Unit, Pixels] = {}
    for job in jobs.TABLE.all():
        one = job.latest
        if job.key[:2] == ("drawings", name) and one:
            found |= {unit: one.pictures[unit] for unit in one.finished}
        elif job.key[:2] == ("drawing", name) and one and one.progress == 1 and not job.key[4]:
            found[job.key[2], job.key[3]] = one.pixels
    return found


def draw(name: str, units: Collection[Unit], show: Callable[[Drawings], None]) -> bool:
    """Draw units, with progress and Stop; ``show`` is given what is there so far. Whether all are there.

    Those that are drawn already are taken as they are. Raises ValueError as ``maximize``.
    """
    wanted = tuple(sorted(units))
    found: Drawings | None = jobs.follow(
        ("drawings", name, wanted), lambda: _frames(name, wanted), show=lambda _, made: show(made),
        say=lambda one: f"Drawing: {len(one.finished)} of {len(wanted)} units drawn",
    )  # fmt: skip
    return found is not None and found.progress == 1


def _frames(name: str, units: Sequence[Unit]) -> Iterator[Drawings]:
    net, there = networks.network(name), drawn(name)
    done = {unit: there[unit] for unit in units if unit in there}
    finished = frozenset(done)
    groups = _groups([unit for unit in units if unit not in done])
    if not groups:
        yield Drawings(done, finished, 1.0)
    for at, (layer, channels) in enumerate(groups):
        size = DRAWN_SIZE if net.runs_at([layer], DRAWN_SIZE, DRAWN_SIZE) else None
        own = [(layer, channel) for channel in channels]
        for frame in core.maximize(net, layer, channels, size=size, steps=DRAWN_STEPS):
            done |= dict(zip(own, core.to_uint8(frame.images.numpy()), strict=True))
            finished |= frozenset(own) if frame.progress == 1 else frozenset()
            yield Drawings(dict(done), finished, (at + frame.progress) / len(groups))


def _groups(units: Sequence[Unit]) -> list[tuple[str, list[int]]]:
    """Layers, and the channels that are drawn at once."""
    groups: list[tuple[str, list[int]]] = []
    for layer, of_layer in groupby(units, key=lambda one: one[0]):
        channels = [channel for _, channel in of_layer]
        groups += [(layer, channels[first : first + AT_ONCE]) for first in range(0, len(channels), AT_ONCE)]
    return groups
