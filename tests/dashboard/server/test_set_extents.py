"""Sets: what was found in a part of one is not taken for what is in the whole."""

from __future__ import annotations

import numpy as np
import pytest

import core
from dashboard.server import concepts, evaluations, jobs, sets


@pytest.mark.parametrize("technique", ["ranked", "robust", "concepts"])
def test_few_pictures_of_half_a_set_are_not_those_of_the_whole(technique: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[jobs.Key] = []
    monkeypatch.setattr(jobs, "follow", lambda key, *_, **__: asked.append(key))
    for read in (8, 16, 16):
        few = sets.some(core.as_set(np.zeros((read, 2, 2, 3), np.float32)), 4)
        if technique == "ranked":
            evaluations.ranked("net", "set", few, ("gradient",), options=(), live=print)
        elif technique == "robust":
            attacked = evaluations.Attacked("set", 4, "linf", ("fgsm",), (1.0,))
            evaluations.robust("net", attacked, few, live=print)
        else:
            concepts.found("net", "cat", "conv", 3, pictures=few, source="set", show=print)
    assert asked[0] != asked[1] == asked[2]
