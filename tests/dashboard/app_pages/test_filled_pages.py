"""Every page that computes opens with a result: a finished one of a network in the box, or a quick one of another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import core
from dashboard import default_results
from dashboard.recipes import AttackRecipe

Opener = Callable[..., AppTest]
Words = Callable[[AppTest], str]
PAGES = {"maximize": "filters", "dream": "dream", "invert": "inversion", "attack": "attack"}
DULL = 0.1


@pytest.mark.parametrize("network", core.available())
@pytest.mark.parametrize("technique", default_results.ENDINGS)
def test_a_default_result_is_that_of_the_usual_settings(technique: str, network: str) -> None:
    recipe, frame = default_results.find(technique, network)
    assert recipe == default_results.USUAL[technique](network, core.samples.names()[0])
    assert np.isfinite(frame.curve.numpy()).all() and frame.progress == 1
    several = {"maximize": "channels", "invert": "layers"}.get(technique)
    assert len(frame.images) == (len(getattr(recipe, several)) if several else 1)
    if isinstance(recipe, AttackRecipe):
        assert recipe.fools(frame) or network != core.available()[0]
        assert np.abs(frame.images.numpy() - recipe.photo()).max() <= 1.01 / 255


@pytest.mark.parametrize("network", core.available())
def test_no_tile_of_the_usual_wall_is_dull(network: str) -> None:
    _, frame = default_results.find("maximize", network)
    contrast = frame.images.numpy().std(axis=(1, 2)).mean(axis=-1)
    assert contrast.min() > DULL, f"standard deviations {np.round(contrast, 3)}"


def test_nobody_has_a_default_result_of_another_network() -> None:
    assert (
        default_results.find("dream", "mobilenet") is None
        and default_results.find("../dream", "lens5_standard") is None
    )


@pytest.mark.parametrize("page", PAGES.values())
def test_a_page_opens_with_the_default_result_and_says_so(open_page: Opener, words: Words, page: str) -> None:
    app = open_page(page)
    assert not app.exception and not app.error and app.code
    assert "Ready when you came" in words(app) and "other settings" not in words(app)
    other = open_page(page, picture="cat")
    assert "Made with other settings than those above" in words(other), "it is labelled as what it is"


@pytest.mark.parametrize("page", PAGES.values())
def test_another_network_shows_a_quick_result_at_once(
    open_page: Opener, words: Words, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(default_results, "find", lambda *_: None)
    app = open_page(page, picture="flower")
    assert not app.exception and not app.error and app.code
    assert "A quick first look" in words(app) and "Stopped" not in words(app)
