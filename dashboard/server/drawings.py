"""Maximized pictures of units, for sessions to share: those that were drawn for anybody, and many at once in a job."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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
    """Pictures of units (H, W, 3) on their way: those that are there, those being drawn among them."""

    pictures: Mapping[Unit, Pixels]
    progress: float


def drawn(name: str) -> dict[Unit, Pixels]:
    """What was drawn of a network's units, one by one or many at once, and is still here."""
    found: dict[Unit, Pixels] = {}
    for job in jobs.TABLE.all():
        if job.key[:2] == ("drawings", name) and job.latest:
            found |= job.latest.pictures
        elif job.key[:2] == ("drawing", name) and job.latest and not job.key[4]:
            found[job.key[2], job.key[3]] = job.latest.pixels
    return found


def draw(name: str, units: Sequence[Unit], show: Callable[[Drawings], None]) -> bool:
    """Draw units, with progress and Stop; ``show`` is given what is there so far. Whether all are there.

    Raises ValueError as ``maximize``.
    """
    groups: list[tuple[str, list[int]]] = []
    for layer, of_layer in groupby(sorted(units), key=lambda one: one[0]):
        channels = [channel for _, channel in of_layer]
        groups += [(layer, channels[first : first + AT_ONCE]) for first in range(0, len(channels), AT_ONCE)]

    def frames() -> Iterator[Drawings]:
        net = networks.network(name)
        done: dict[Unit, Pixels] = {}
        for at, (layer, channels) in enumerate(groups):
            size = DRAWN_SIZE if net.runs_at([layer], DRAWN_SIZE, DRAWN_SIZE) else None
            for frame in core.maximize(net, layer, channels, size=size, steps=DRAWN_STEPS):
                pixels = core.to_uint8(frame.images.numpy())
                done |= {(layer, channel): one for channel, one in zip(channels, pixels, strict=True)}
                yield Drawings(dict(done), (at + frame.progress) / len(groups))

    found: Drawings | None = jobs.follow(
        ("drawings", name, tuple(sorted(units))), frames, show=lambda _, made: show(made),
        say=lambda one: f"Drawing: {len(one.pictures)} of {len(units)} units begun",
    )  # fmt: skip
    return found is not None and found.progress == 1
