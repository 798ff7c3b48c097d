"""The page that explains answers: any class or unit, two networks or pictures, occlusion, and the shuffled test."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import core
from dashboard.panels.explain import FRACTIONS, Maps, shuffled
from dashboard.recipes import Explain
from dashboard.server import evaluations, jobs

APP = str(Path(__file__).parents[3] / "dashboard" / "frame.py")
NETWORK = "lens5_standard"
begin = Maps.__init__
OPACITIES = ("0.25", "1.0")


def open_page(**address: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=200)
    app.query_params.update({"network": NETWORK, "picture": "cat", **address})
    app.run()
    return app.switch_page("app_pages/why.py").run()


def words(app: AppTest) -> str:
    return " ".join(element.value for element in (*app.markdown, *app.caption, *app.info))


def test_its_own_answer_is_explained_by_every_method_and_can_be_taken_along() -> None:
    app = open_page()
    assert not app.exception and not app.error
    net = core.load(NETWORK)
    best, _ = core.predict(net, core.samples.load("cat"))[0][0]
    assert f"why “{best}”?" in words(app)
    assert {core.METHODS[one].title for one in Explain.methods} <= {one.value for one in app.caption}
    files = ["Maps", "Row as PNG", "Each map: PNG, SVG", "Figure for LaTeX", "Settings as JSON"]
    assert [one.label for one in app.get("download_button")][:5] == files


def test_after_stop_the_maps_that_are_there_stay_and_go_on_computes_the_others(monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(Maps, "__init__", lambda self, recipe, key: asked.append(recipe) or begin(self, recipe, key))
    app = open_page(methods_gradients="gradient", methods_maps="", methods_hiding="", explain="abacus")
    assert not app.exception and "Stopped" not in words(app)
    stopped = replace(asked[-1], methods=("gradient", "occlusion"))
    app.session_state["why.stopped_a"] = stopped
    app.multiselect(key="why.methods_hiding").set_value(["occlusion"]).run()
    assert asked[-1] == stopped, "this test stops the question that the page asks"
    assert "Stopped: 1 of 2 maps are not there." in words(app) and "Occlusion: stopped" in words(app)
    assert not stopped.there("occlusion") and not app.exception
    app.button(key="go_on_a").click().run()
    assert stopped.there("occlusion") and "Stopped" not in words(app) and not app.exception


def test_cams_weigh_the_maps_of_any_layer() -> None:
    app = open_page(methods_gradients="", methods_maps="grad_cam|layer_cam", methods_relevance="", methods_hiding="",
                    explain="pretzel", maps="conv2_relu")  # fmt: skip
    assert not app.exception and not app.error and "'maps': 'conv2_relu'" in app.code[0].value
    own = Explain(NETWORK, "cat", unit=core.load(NETWORK).labels.index("pretzel"), methods=("grad_cam",))
    assert not np.allclose(replace(own, maps="conv2_relu").found("grad_cam"), own.found("grad_cam"))


def test_other_methods_are_chosen_by_group_and_one_class_is_held_against_another() -> None:
    app = open_page(methods_gradients="gradient", methods_maps="hires_cam|eigen_cam", methods_relevance="lrp",
                    methods_hiding="", explain="pretzel", against="goldfish")  # fmt: skip
    assert not app.exception and not app.error
    shown = {one.value for one in app.caption}
    assert {"Gradient", "HiRes-CAM", "Eigen-CAM", "LRP"} <= shown and not {"Grad-CAM", "Occlusion"} & shown
    assert "why “pretzel rather than goldfish”?" in words(app) and re.search(r"adds up to -?\d+\.\d\d of", words(app))
    app.multiselect(key="why.methods_maps").set_value(["grad_cam"]).run()
    assert "HiRes-CAM" not in {one.value for one in app.caption} and app.query_params["methods_maps"] == "grad_cam"


def test_any_unit_of_any_layer_is_explained() -> None:
    app = open_page(layer="conv3_2_relu", channel="5")
    assert not app.exception and not app.error
    assert "why “conv3_2_relu 5”?" in words(app) and "“conv3_2_relu 5” falls by" in words(app)
    app.number_input(key="why.channel").set_value(6).run()
    assert "why “conv3_2_relu 6”?" in words(app) and app.query_params["channel"] == "6"


def test_two_pictures_are_explained_one_below_the_other() -> None:
    app = open_page(beside="coffee", explain="pretzel")
    assert not app.exception and not app.error
    assert words(app).count("why “pretzel”?") == 2 and "(A cup of coffee" in words(app)
    assert [one.label for one in app.get("download_button")].count("Row as PNG") == 2


@pytest.mark.parametrize(
    "nonsense",
    [
        {"beside": "../etc/passwd"},
        {"layer": "conv9", "channel": "3"},
        {"explain": "unicorn"},
        {"window": "0", "fill": "pink"},
        {"layer": "conv1_relu", "channel": "99999"},
        {"classes": "unicorn|", "opacity": "7"},
    ],
    ids=str,
)
def test_nonsense_in_the_address_falls_back(nonsense: dict[str, str]) -> None:
    app = open_page(**nonsense)
    assert not app.exception and not app.error
    assert {core.METHODS[one].title for one in Explain.methods} <= {one.value for one in app.caption}


def test_occlusion_follows_window_fill_and_classes() -> None:
    app = open_page(window="0.25", fill="blurred", classes="pretzel|goldfish", closer="hide")
    assert not app.exception and not app.error
    assert app.multiselect(key="why.classes").value == ["pretzel", "goldfish"]
    assert {"pretzel", "goldfish"} <= {one.value.split(" (")[0] for one in app.caption}
    app.session_state["hidden"] = 0
    before = words(app)
    app.session_state["hidden"] = 5
    app.run()
    assert words(app) != before, "another place hides something else"


def test_code_is_that_of_the_settings() -> None:
    app = open_page(layer="conv2_relu", channel="3", window="0.25", fill="black", beside="lens5_robust")
    assert all(
        f'core.load("{name}")' in one.value for name, one in zip((NETWORK, "lens5_robust"), app.code, strict=True)
    )
    code = app.code[0].value
    assert "layer='conv2_relu'" in code and "unit = 3" in code
    assert "{'occlusion': {'window': 0.25, 'fill': 'black'}}" in code


def test_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_page(explain="pretzel")
    monkeypatch.chdir(tmp_path)
    exec(app.code[0].value, {})
    assert (tmp_path / "maps.npz").stat().st_size > 1000


@pytest.mark.slow
def test_shuffling_goes_from_the_top_down_and_what_was_stopped_goes_on() -> None:
    net = core.load(NETWORK)
    recipe = Explain(net.name, "cat", unit=net.labels.index("pretzel"))
    key = ("shuffled", recipe)
    jobs.TABLE.forget(lambda one: one == key)
    job = jobs.open(key, lambda: shuffled(recipe), progress=lambda found: len(found) / 36)
    next(job.follow())
    assert len(job.latest) == 1 and job.state is jobs.State.WAITING
    app = open_page(closer="truth", explain="pretzel")
    assert not app.exception and not app.error
    done, own = job.latest, recipe.found("gradient")
    assert len(done) == len(Explain.methods) * len(FRACTIONS) and job.state is jobs.State.FINISHED
    alike = [core.similarity(own, done["gradient", fraction]) for fraction in FRACTIONS]
    assert alike[0] > alike[-1]


def test_a_box_that_is_none_in_the_address_can_be_painted_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(evaluations, "compared", lambda *_, cells, **__: asked.append(cells))
    app = open_page(closer="right", box="nonsense", methods_maps="grad_cam", methods_gradients="", methods_relevance="",
                    methods_hiding="")  # fmt: skip
    assert not app.exception and not app.error and asked == [""] and app.button(key="clear_box")


@pytest.mark.parametrize("closer", ["curves", "hide"])
def test_two_networks_and_one_looked_at_closer(closer: str) -> None:
    app = open_page(explain="pretzel", closer=closer, beside="lens5_robust")
    assert not app.exception and not app.error
    shown = words(app)
    assert shown.count("why “pretzel”?") == 2 and all(core.METHODS[one].title in shown for one in Explain.methods)


@pytest.mark.parametrize("opacity", OPACITIES)
def test_strength_of_the_overlay_is_in_the_address(opacity: str) -> None:
    app = open_page(opacity=opacity)
    assert str(app.select_slider(key="why.opacity").value) == opacity
