"""Settings belong to their page: they do not leak, they are there again, and the address shows their short names."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

import core

APP = str(Path(__file__).parents[2] / "dashboard" / "frame.py")


def open_app(**address: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=120)
    app.query_params.update({"network": "lens5_standard", **address})
    return app.run()


def go(app: AppTest, page: str, **address: str) -> AppTest:
    """As a click in the navigation does: the new page begins with an address of its own."""
    app.query_params.clear()
    app.query_params.update(address)
    return app.switch_page(f"app_pages/{page}.py").run()


def test_equal_names_on_two_pages_never_meet() -> None:
    app = go(open_app(), "filters")
    app.selectbox(key="filters.preset").set_value("keras").run()
    assert app.query_params["preset"] == "keras"
    go(app, "dream")
    assert app.selectbox(key="dream.preset").value == "convscope" and "preset" not in app.query_params
    go(app, "filters")
    assert app.selectbox(key="filters.preset").value == "keras"
    assert app.query_params["preset"] == "keras", "the address of a page that one comes back to is whole again"


def test_settings_are_there_again_after_other_pages() -> None:
    app = go(open_app(), "filters", steps="64", size="64", numbers="3,5", units="number")
    go(app, "start")
    app.run()
    go(app, "network")
    go(app, "filters")
    values = [app.select_slider(key=f"filters.{name}").value for name in ("steps", "size")]
    assert values == [64, 64] and app.text_input(key="filters.numbers").value == "3,5"


def test_a_link_to_a_page_wins_over_what_it_remembers() -> None:
    app = go(open_app(), "activations", layer="conv2_relu", channel="7")
    go(app, "start")
    go(app, "activations", layer="conv1_relu")
    assert app.selectbox(key="activations.layer").value == "conv1_relu"


def test_a_setting_put_back_to_its_default_stays_there() -> None:
    app = go(open_app(), "filters", steps="32")
    app.select_slider(key="filters.steps").set_value(64).run()
    go(go(app, "start"), "filters")
    assert app.select_slider(key="filters.steps").value == 64 and "steps" not in app.query_params


def test_network_and_picture_are_the_same_on_every_page() -> None:
    app = open_app(picture="cat", network="lens5_robust")
    for page in ("activations", "network", "start"):
        go(app, page)
        assert app.session_state.picture == "cat" and app.session_state.network == "lens5_robust"
        assert app.query_params["picture"] == "cat"
    assert core.available()[0] != "lens5_robust", "another one than the default is looked at"
