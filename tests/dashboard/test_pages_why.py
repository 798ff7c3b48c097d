"""The page that explains answers: any class or unit, two networks or pictures, occlusion, and the shuffled test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import core

APP = str(Path(__file__).parents[2] / "dashboard" / "frame.py")
OPACITIES = ("0.25", "1.0")


def open_page(**address: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=200)
    app.query_params.update({"network": "lens5_standard", "picture": "cat", **address})
    app.run()
    return app.switch_page("app_pages/why.py").run()


def words(app: AppTest) -> str:
    return " ".join(element.value for element in (*app.markdown, *app.caption, *app.info))


def test_its_own_answer_is_explained_by_every_method_and_can_be_taken_along() -> None:
    app = open_page()
    assert not app.exception and not app.error
    net = core.load("lens5_standard")
    best, _ = core.predict(net, core.samples.load("cat"))[0][0]
    assert f"why “{best}”?" in words(app)
    assert {one.title for one in core.METHODS.values()} <= {one.value for one in app.caption}
    assert [one.label for one in app.get("download_button")] == ["Row as PNG", "Maps", "Settings as JSON"]


def test_any_unit_of_any_layer_is_explained() -> None:
    app = open_page(why_layer="conv3_2_relu", why_channel="5")
    assert not app.exception and not app.error
    assert "why “conv3_2_relu 5”?" in words(app) and "“conv3_2_relu 5” falls by" in words(app)
    app.number_input(key="why.why_channel").set_value(6).run()
    assert "why “conv3_2_relu 6”?" in words(app) and app.query_params["why_channel"] == "6"


def test_two_pictures_are_explained_one_below_the_other() -> None:
    app = open_page(why_beside="coffee", explain="pretzel")
    assert not app.exception and not app.error
    assert words(app).count("why “pretzel”?") == 2 and "(A cup of coffee" in words(app)
    assert len(app.get("download_button")) == 6


@pytest.mark.parametrize(
    "nonsense",
    [
        {"why_beside": "../etc/passwd"},
        {"why_layer": "conv9", "why_channel": "3"},
        {"explain": "unicorn"},
        {"why_window": "0", "why_fill": "pink"},
        {"why_layer": "conv1_relu", "why_channel": "99999"},
        {"why_classes": "unicorn|", "why_opacity": "7"},
    ],
    ids=str,
)
def test_nonsense_in_the_address_falls_back(nonsense: dict[str, str]) -> None:
    app = open_page(**nonsense)
    assert not app.exception and not app.error
    assert {one.title for one in core.METHODS.values()} <= {one.value for one in app.caption}


def test_occlusion_follows_window_fill_and_classes() -> None:
    app = open_page(why_window="16.0", why_fill="blurred", why_classes="pretzel|goldfish", why_closer="hide")
    assert not app.exception and not app.error
    assert app.multiselect(key="why.why_classes").value == ["pretzel", "goldfish"]
    assert {"pretzel", "goldfish"} <= {one.value.split(" (")[0] for one in app.caption}
    app.session_state["hidden"] = 0
    before = words(app)
    app.run()
    assert words(app) != before, "another place hides something else"


def test_code_is_that_of_the_settings() -> None:
    app = open_page(
        why_layer="conv2_relu", why_channel="3", why_window="8.0", why_fill="black", why_closer="code",
        why_beside="lens5_robust",
    )  # fmt: skip
    assert all(
        f'core.load("{name}")' in one.value
        for name, one in zip(("lens5_standard", "lens5_robust"), app.code, strict=True)
    )
    code = app.code[0].value
    assert 'layer="conv2_relu"' in code and 'window=8.0, fill="black"' in code and "unit = 3" in code


def test_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_page(why_closer="code", explain="pretzel")
    monkeypatch.chdir(tmp_path)
    exec(app.code[0].value, {})
    assert (tmp_path / "maps.npz").stat().st_size > 1000


def test_shuffling_goes_from_the_top_down_and_stops() -> None:
    app = open_page(why_closer="truth", explain="pretzel")
    assert not app.exception and not app.error
    recipe, done = app.session_state.truth
    assert json.loads(recipe.settings())["explains"] == "pretzel"
    assert len(done) == len(core.METHODS) * 4
    own = recipe.found("gradient")
    alike = [core.similarity(own, done["gradient", share]) for share in sorted({share for _, share in done})]
    assert alike[0] > alike[-1]
    app.session_state.truth = (recipe, {key: done[key] for key in list(done)[:12]})
    app.session_state.truth_stopped = recipe
    app.run()
    assert not app.exception and len(app.session_state.truth[1]) == 12, "stopped: what is there stays"
    assert any(one.label == "Go on" for one in app.button)
    next(one for one in app.button if one.label == "Go on").click().run()
    assert len(app.session_state.truth[1]) == len(core.METHODS) * 4


@pytest.mark.parametrize("opacity", OPACITIES)
def test_strength_of_the_overlay_is_in_the_address(opacity: str) -> None:
    app = open_page(why_opacity=opacity, why_closer="code")
    assert str(app.select_slider(key="why.why_opacity").value) == opacity
