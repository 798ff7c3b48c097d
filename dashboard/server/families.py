"""Families of units, for sessions to share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import core
from dashboard.server import networks
from dashboard.server.cache import cached_saying
from dashboard.server.slot import ASIDE


@cached_saying("Grouping the units…")
def families(
    name: str, layer: str, way: str, least: float, *, _index: core.UnitIndex, key: tuple[Any, ...]
) -> Sequence[core.Family]:
    """The families of a layer by ``answers`` to a set, which ``key`` names, or by ``kernels``. Raises ValueError."""
    with ASIDE.turn():
        if way == "kernels":
            return core.families(core.kernel_similarities(networks.network(name), layer), least=least)
        return core.families(core.answer_similarities(_index), least=least)
