"""The page of filter maximization: runs, goes on, compares, comes back after a reload and after another page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

import core
from dashboard import workbench
from dashboard.recipes import Maximize
from dashboard.server import jobs

Opener = Callable[..., AppTest]
Words = Callable[[AppTest], str]
NETWORK = "lens5_standard"
QUICK = {"units": "number", "numbers": "3,5", "layer": "conv2_relu", "steps": "16", "size": "64"}
RECIPE = Maximize(NETWORK, "conv2_relu", (3, 5), steps=16, size=64)


def test_runs_and_goes_on(open_page: Opener, words: Words) -> None:
    app = open_page("filters", **QUICK)
    assert app.button(key="more").disabled and "Ready when you came" in words(app), "a finished one until then"
    app.button(key="run").click().run()
    assert not app.exception and not app.error
    assert workbench.find(RECIPE).latest.frame.step == 16
    assert "Convscope, 16 steps" in words(app) and "Stopped" not in words(app)
    app.button(key="more").click().run()
    assert not app.exception and not app.error
    assert "46 steps" in words(app) and "steps=46," in app.code[0].value
    first, further = (workbench.find(replace(RECIPE, steps=steps)).latest.history for steps in (16, 46))
    assert further[: len(first)] == first and further[-1][0] == 46, "the history begins where the first run began"


def test_compares_presets(open_page: Opener, words: Words) -> None:
    app = open_page("filters", **QUICK, compare="preset", other_preset="keras")
    app.button(key="run").click().run()
    assert not app.exception and not app.error
    assert "Convscope, 16 steps" in words(app) and "Keras example, 16 steps" in words(app)


def test_comparison_of_the_twins_explains_itself(open_page: Opener) -> None:
    app = open_page("filters", **{**QUICK, "numbers": "3"})
    app.button(key="twin").click().run()
    assert not app.exception and not app.error
    assert workbench.find(replace(RECIPE, channels=(3,), network="lens5_robust")).latest.frame.step == 16
    assert "arXiv:1906.00945" in app.info[0].value


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"numbers": "999"}, "Expected channel numbers from 0 to 63, got 999"),
        ({"numbers": "x"}, "Expected channel numbers"),
    ],
)
def test_impossible_numbers_get_one_sentence(open_page: Opener, change: dict[str, str], sentence: str) -> None:
    app = open_page("filters", **{**QUICK, **change})
    assert not app.exception
    (error,) = app.error
    assert sentence in error.value


def test_classes_by_name_begin_with_the_prediction(open_page: Opener) -> None:
    app = open_page("filters", units="class")
    net = core.load(NETWORK)
    best, _ = core.predict(net, core.samples.load(core.samples.names()[0]))[0][0]
    assert best in app.multiselect(key="filters.classes").value


def test_a_reload_in_the_middle_of_a_run_comes_back_to_it(open_page: Opener, words: Words) -> None:
    job = begun(replace(RECIPE, steps=64))
    app = open_page("filters", **{**QUICK, "steps": "64"}, run="1")
    assert not app.exception and not app.error
    assert job.state is jobs.State.FINISHED and "64 steps" in words(app)
    assert "run" not in app.query_params, "and does not run again"


def test_what_was_stopped_says_so_and_goes_on(open_page: Opener, words: Words) -> None:
    job = begun(replace(RECIPE, steps=512))
    step = job.latest.frame.step
    app = open_page("filters", **{**QUICK, "steps": "512"})
    assert job.latest.frame.step == step, "nothing runs that nobody asked for"
    assert f"Stopped: step {step} of 512." in words(app) and f"steps={step}," in app.code[0].value
    assert not [button for button in app.button if button.key == "more"]
    app.button(key="go_on").click().run()
    assert not app.exception and job.state is jobs.State.FINISHED and "512 steps" in words(app)


def begun(recipe: Maximize) -> jobs.Job[workbench.Growth]:
    """A run of which the first chunk is done, and which nobody follows."""
    bench = partial(workbench.grown, recipe, lambda frame: core.to_uint8(frame.images.numpy()[0]))
    job = jobs.open(("run", recipe), bench)
    next(job.follow())
    assert job.state is not jobs.State.FINISHED
    return job


def test_settings_and_result_agree_after_another_page(open_page: Opener, words: Words) -> None:
    app = open_page("filters", **QUICK)
    app.button(key="run").click().run()
    app.switch_page("app_pages/start.py").run()
    app.switch_page("app_pages/filters.py").run()
    assert app.select_slider(key="filters.steps").value == 16 and app.select_slider(key="filters.size").value == 64
    assert "Convscope, 16 steps" in words(app) and "other settings" not in words(app)


def test_other_settings_say_which_made_the_result_until_they_have_their_own(open_page: Opener, words: Words) -> None:
    app = open_page("filters", **QUICK)
    app.button(key="run").click().run()
    app.select_slider(key="filters.steps").set_value(32).run()
    assert not app.exception
    assert "Made with other settings than those above: steps `16`." in words(app) and "16 steps" in words(app)
    assert app.button(key="more").disabled, "there is nothing yet of which more could be made"
    app.select_slider(key="filters.steps").set_value(16).run()
    assert "other settings" not in words(app)


def test_a_refused_run_gets_one_sentence_and_the_screen_stays(
    open_page: Opener, words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page("filters", **QUICK)
    app.button(key="run").click().run()
    monkeypatch.setattr(core, "estimate", lambda *_, **__: core.Estimate(1.0, 2**60))
    app.select_slider(key="filters.steps").set_value(32)
    app.button(key="run").click().run()
    assert not app.exception
    (error,) = app.error
    assert "free memory" in error.value and "Convscope, 16 steps" in words(app)
    app.run()
    assert not app.error, "it is said once, and not tried again"


def test_an_address_made_by_hand_cannot_ask_for_more_than_is_allowed(open_page: Opener) -> None:
    app = open_page("filters", **{**QUICK, "steps": "999999", "size": "4000", "facets": "-1", "seed": "1e9"}, more="99")
    assert not app.exception
    assert app.select_slider(key="filters.steps").value == 64 and app.select_slider(key="filters.size").value == 128
    app = open_page("filters", **{**QUICK, "units": "strongest", "facets": "4", "size": "256"}, run="1")
    assert "pixels in all pictures" in app.error[0].value
    app = open_page("filters", **{**QUICK, "steps": "1000"}, more="99", run="1")
    assert "steps" in app.error[0].value and not app.exception, "nor by going on again and again"


ADDRESS = st.dictionaries(
    st.sampled_from(
        ["units", "numbers", "layer", "many", "preset", "steps", "size", "start", "negative", "place", "facets", "seed",
         "compare", "other_preset", "other_network", "other_steps", "more", "classes"]
    ),
    st.sampled_from(["", "-1", "0", "True", "nan", "picture", "class", "network", "²", "a|b", "conv9"]) | st.text(),
    max_size=6,
)  # fmt: skip


@given(address=ADDRESS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_in_the_address_leads_to_a_page_or_one_sentence(open_page: Opener, address: dict[str, str]) -> None:
    app = open_page("filters", **address)
    assert not app.exception and len(app.error) <= 1
