"""What a layer sees at places of a picture, or in groups of pictures, for sessions to share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

import core
from dashboard.server import jobs, networks, uploads
from dashboard.server.cache import cached
from dashboard.server.slot import SLOT

ATLAS_SIZE, ATLAS_STEPS = 96, 96


@cached
def place_vectors(name: str, picture_name: str, layer: str, most: int) -> npt.NDArray[np.float32]:
    """What a layer says at every place of a picture, ``most`` a side: (rows, columns, channels). Raises ValueError."""
    classifier = networks.network(name)
    seen = core.seen_by(classifier, uploads.picture(picture_name))
    with SLOT.turn(short=True):
        return core.grid_vectors(classifier, seen, layer, most=most)


def atlas(
    name: str, layer: str, cells: core.AtlasCells, *, source: str, show: Callable[[Any, core.Frame], object]
) -> core.Frame | None:
    """The pictures that the codes of cells like, with progress, Stop and a live picture. Raises ValueError.

    ``source`` is the set that the cells come from; their own codes tell them from others.
    """
    codes = np.ascontiguousarray(cells.directions)
    key = ("atlas", name, layer, source, codes.shape, hashlib.sha256(codes.tobytes()).hexdigest())
    result: core.Frame | None = jobs.follow(
        key,
        lambda: core.draw_directions(
            networks.network(name), layer, cells.directions, size=ATLAS_SIZE, steps=ATLAS_STEPS
        ),
        say=lambda frame: f"Step {frame.step} of {frame.total}", show=show,
    )  # fmt: skip
    return result
