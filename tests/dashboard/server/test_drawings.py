"""Drawings of units: only those that have come to their end count, and Stop stops them all."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import core
from dashboard.server import drawings, jobs, networks
from dashboard.server.results import Drawing

UNITS = [("conv2", 1), ("conv1", 5), ("conv1", 2)]


@pytest.fixture(autouse=True)
def no_drawings() -> Iterator[None]:
    yield
    jobs.TABLE.forget(lambda key: key[1:2] == ("net",))


def test_stop_rests_and_what_was_only_begun_is_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []

    def maximize(net: Any, layer: str, channels: list[int], **_: Any) -> Iterator[Any]:
        begun.append(layer)
        for progress in (0.5, 1.0):
            if layer == "conv2" and progress == 0.5:
                job.stop()
            images = np.full((len(channels), 2, 2, 3), progress, np.float32)
            yield SimpleNamespace(images=SimpleNamespace(numpy=lambda images=images: images), progress=progress)

    monkeypatch.setattr(core, "maximize", maximize)
    monkeypatch.setattr(networks, "network", lambda name: SimpleNamespace(runs_at=lambda *_: True))
    key = ("drawings", "net", tuple(sorted(UNITS)))
    job = jobs.open(key, lambda: drawings._frames("net", sorted(UNITS)))
    for _ in range(2):  # the second time as the page does after Stop
        assert not drawings.draw("net", UNITS, lambda made: None)
        assert set(drawings.drawn("net")) == {("conv1", 2), ("conv1", 5)} and begun == ["conv1", "conv2"]
    job.go_on()
    assert drawings.draw("net", UNITS, lambda made: None)
    assert set(drawings.drawn("net")) == set(UNITS) and all(one.min() == 255 for one in drawings.drawn("net").values())
    more = [*UNITS, ("conv3", 0)]
    assert drawings.draw("net", more, lambda made: None) and begun == ["conv1", "conv2", "conv3"], "none is drawn twice"


@pytest.mark.parametrize("progress", [0.5, 1.0])
def test_a_drawing_on_its_way_is_none(progress: float) -> None:
    one = Drawing(np.zeros((2, 2, 3), np.uint8), 1, progress)
    list(jobs.open(("drawing", "net", "conv1", 2, False), lambda: iter([one])).follow())
    assert bool(drawings.drawn("net")) == (progress == 1)
