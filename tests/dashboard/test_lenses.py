"""A unit under every lens: links with whole addresses, to pages that there are."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

import core
from dashboard import lenses

NETWORK = "lens5_standard"


def pages(unit: lenses.Unit, here: str) -> dict[str, dict[str, object]]:
    return {lens.page: settings for lens, settings in lenses.links(unit, here=here)}


def test_a_channel_is_seen_by_every_other_page_that_there_is() -> None:
    unit = lenses.Unit(NETWORK, "cat", "conv4_2_relu", 7)
    found = pages(unit, "activations")
    assert {"filters", "units", "why", "dream"} <= set(found) and "activations" not in found
    assert all(page in {path.stem for path in lenses.PAGES.glob("*.py")} for page in found)
    assert found["units"] == {
        "network": NETWORK, "picture": "cat", "show": "unit", "layer": "conv4_2_relu", "channel": 7,
    }  # fmt: skip
    assert found["filters"]["numbers"] == 7 and found["dream"]["channels"] == 7


def test_a_class_is_seen_by_the_pages_that_know_classes() -> None:
    net = core.load(NETWORK)
    unit = lenses.Unit(NETWORK, "cat", core.LOGITS, 3)
    found = pages(unit, "start")
    assert {"filters", "why"} <= set(found) and {"activations", "units", "dream"}.isdisjoint(found)
    assert found["why"]["explain"] == found["filters"]["classes"] == net.labels[3]


def test_a_unit_without_a_place_has_no_map() -> None:
    net = core.load(NETWORK)
    flat = next(name for name, info in net.layers.items() if not info.spatial)
    assert {"units", "why", "dream"}.isdisjoint(pages(lenses.Unit(NETWORK, "cat", flat, 0), "start"))


class State(dict):
    """As Streamlit's session state."""

    __getattr__ = dict.__getitem__


def test_the_way_back_from_a_twin_is_to_the_page_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    went, state = [], State(network=NETWORK)
    monkeypatch.setattr(lenses.uploads, "bring", lambda file, title: "brought")
    streamlit = SimpleNamespace(
        session_state=state, container=lambda **_: nullcontext(), button=lambda *_, **__: True,
        switch_page=lambda page, query_params: went.append(query_params),
    )  # fmt: skip
    monkeypatch.setattr(lenses, "st", streamlit)
    lenses.show_attacked("lens5_robust", "cat", b"", key="b")
    assert {one["network"] for one in went} == {"lens5_robust"}
    assert state["attacked"]["brought"] == {"network": NETWORK, "picture": "cat"}
