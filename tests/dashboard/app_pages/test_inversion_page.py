"""The page of feature inversion: runs, goes on, compares, and tells how far from the photograph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import workbench
from dashboard.recipes import Invert

Opener = Callable[..., AppTest]
Words = Callable[[AppTest], str]
NETWORK = "lens5_standard"
QUICK = {"picture": "cat", "steps": "24", "layers": "conv1_relu|conv3_2_relu"}


def test_runs_and_goes_on(open_page: Opener, words: Words) -> None:
    app = open_page("inversion", **QUICK)
    assert app.button(key="more").disabled
    app.button(key="run").click().run()
    assert not app.exception and not app.error
    assert workbench.find(Invert(NETWORK, "cat", ("conv1_relu", "conv3_2_relu"), steps=24)).latest.frame.step == 24
    assert "24 steps" in words(app) and "pixels 0." in words(app) and "features 0." in words(app)
    app.button(key="more").click().run()
    assert not app.exception and "72 steps" in words(app) and "steps=72" in app.code[0].value


def test_caricature_beside_the_robust_network(open_page: Opener, words: Words) -> None:
    app = open_page("inversion", **QUICK, preset="caricature", power="2.0", beside="lens5_robust")
    app.button(key="run").click().run()
    assert not app.exception and not app.error
    assert words(app).count("Caricature, 24 steps") == 2 and len(app.code) == 2
    assert all("core.caricature" in one.value and "power=2.0" in one.value for one in app.code)


@pytest.mark.parametrize("nonsense", ["-1", "nan", "1e9", "", "²", "conv9|"])
def test_nonsense_in_the_address_falls_back(open_page: Opener, nonsense: str) -> None:
    names = ("preset", "steps", "scale", "power", "seed", "layers", "beside", "more")
    app = open_page("inversion", **dict.fromkeys(names, nonsense))
    assert not app.exception and not app.error


def test_no_layers_get_a_sentence(open_page: Opener) -> None:
    app = open_page("inversion", **{**QUICK, "layers": "|"})
    app.button(key="run").click().run()
    assert not app.exception and "Expected" in app.error[0].value


def test_the_address_names_what_is_drawn(open_page: Opener) -> None:
    app = open_page("inversion", **QUICK, preset="caricature", power="2.0", seed="3", beside="lens5_robust")
    app.button(key="run").click().run()
    assert not app.exception and not app.error
    one = Invert(NETWORK, "cat", ("conv1_relu", "conv3_2_relu"), "caricature", steps=24, power=2.0, seed=3)
    for recipe in (one, replace(one, network="lens5_robust")):
        frame = workbench.find(recipe).latest.frame
        assert frame.step == 24 and frame.images.shape == (2, 64, 64, 3)


def test_what_was_drawn_stays_when_another_picture_is_chosen(open_page: Opener, words: Words) -> None:
    app = open_page("inversion", **QUICK)
    app.button(key="run").click().run()
    before = len(app.get("image"))
    app.session_state.picture = "coffee"
    app.run()
    assert not app.exception and not app.error
    assert len(app.get("image")) == before >= 3 and "24 steps" in words(app)
