"""The lessons: steps as data, their live pages, the bar there, and the address that a teacher hands out."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

import core
from dashboard import lessons

Opener = Callable[..., AppTest]
Words = Callable[[AppTest], str]


def test_steps_are_complete() -> None:
    assert 8 <= len(lessons.STEPS) <= 12
    for step in lessons.STEPS:
        assert len(re.findall(r"[.?](?= |$)", step.says)) == 2, f"{step.title}: two sentences"
        assert step.do.endswith(("?", ".")) and step.question.endswith("?") and step.answer.endswith(".")
        assert re.fullmatch(r"\[.*\]\(https?://\S+\)", step.paper)
        assert not step.image or ((lessons.ASSETS / step.image).is_file() and step.alt)


@pytest.mark.parametrize("name", core.available())
def test_settings_of_the_live_pages_exist(name: str) -> None:
    net = core.load(name)
    for at, step in enumerate(lessons.STEPS, 1):
        told = step.address(net, at)
        assert told["lesson"] == str(at) and told.get("layer", next(iter(net.layers))) in net.layers
        assert told.get("picture", "cat") in core.samples.names()


def test_the_address_carries_the_step(open_page: Opener, words: Words) -> None:
    app = open_page("lessons", step="3")
    assert not app.exception and lessons.STEPS[2].says in words(app)
    app.button(key="next").click().run()
    assert lessons.STEPS[3].says in words(app) and app.query_params["step"] in ("4", ["4"])
    app.button(key="step_1").click().run()
    assert lessons.STEPS[0].says in words(app) and app.button(key="back").disabled


@pytest.mark.parametrize("nonsense", ["0", "99", "-1", "²", "x" * 300, ""])
def test_nonsense_in_the_address_is_the_first_step(open_page: Opener, words: Words, nonsense: str) -> None:
    app = open_page("lessons", step=nonsense)
    assert not app.exception and lessons.STEPS[0].says in words(app)


def test_a_live_page_has_the_bar_of_its_step_and_no_other(open_page: Opener, words: Words) -> None:
    app = open_page("activations", lesson="1", picture="shapes", layer="conv1_relu")
    assert not app.exception and f"Lesson 1 of {len(lessons.STEPS)}" in words(app)
    assert lessons.STEPS[0].do in words(app)
    for nonsense in ("0", "99", "x", "²"):
        assert "Lesson" not in words(open_page("activations", lesson=nonsense, layer="conv1_relu"))
