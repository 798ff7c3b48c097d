"""A setting becomes the widget that fits it; whatever the address holds, its value is one that it can have."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

import core
from dashboard.recipes import TECHNIQUES, Recipe

SETTINGS = {
    one.name: one
    for one in (
        core.Setting("few", "Few", "a", ("a", "b")),
        core.Setting("many", "Many", "a", tuple("abcdefgh")),
        core.Setting("line", "Line", 2, (1, 2, 4, 8), 1, 10),
        core.Setting("own", "Own", None, (1, 2), 1, 10),
        core.Setting("switch", "Switch", True),
        core.Setting("whole", "Whole", 3, least=1, most=9),
        core.Setting("real", "Real", 0.5, least=0.0, most=2.0),
        core.Setting("free", "Free", None, least=0.0, most=2.0),
    )
}


def page() -> None:
    import json

    import streamlit as st

    from dashboard import address, forms
    from tests.dashboard.forms.test_settings_as_widgets import SETTINGS

    address.begin("page")
    st.code(json.dumps({name: forms.choose(one) for name, one in SETTINGS.items()}))


def opened(**asked: str) -> AppTest:
    app = AppTest.from_function(page, default_timeout=60)
    app.query_params.update(asked)
    return app.run()


def values(app: AppTest) -> dict[str, Any]:
    assert not app.exception and not app.error
    return dict(json.loads(app.code[0].value))


def test_every_setting_is_as_usual_where_nobody_says() -> None:
    assert values(opened()) == {name: one.default for name, one in SETTINGS.items()}


def test_the_address_and_the_widgets_say_the_same() -> None:
    asked = {
        "few": "b",
        "many": "h",
        "line": "8",
        "own": "2",
        "switch": "False",
        "whole": "7",
        "real": "1.5",
        "free": "0",
    }
    app = opened(**asked)
    assert values(app) == {
        "few": "b", "many": "h", "line": 8, "own": 2, "switch": False, "whole": 7, "real": 1.5, "free": 0.0
    }  # fmt: skip
    assert app.selectbox(key="page.many").value == "h" and app.select_slider(key="page.line").value == 8
    assert app.toggle(key="page.switch").value is False and app.number_input(key="page.whole").value == 7
    app.selectbox(key="page.many").set_value("c").run()
    assert values(app)["many"] == "c" and app.query_params["many"] in ("c", ["c"])


@given(
    st.dictionaries(
        st.sampled_from(list(SETTINGS)), st.sampled_from(["", "0", "-1", "inf", "nan", "²", "True"]) | st.text()
    )
)
@settings(max_examples=30, deadline=None)
def test_any_text_in_the_address_is_a_value_that_the_setting_can_have(asked: dict[str, str]) -> None:
    for name, value in values(opened(**asked)).items():
        SETTINGS[name].check(value)


def options_page() -> None:
    import json

    import streamlit as st

    from dashboard import address, forms
    from tests.dashboard.forms.test_settings_as_widgets import SETTINGS

    address.begin("page")
    st.code(json.dumps(forms.options(SETTINGS.values())))


def test_options_are_those_that_somebody_changed() -> None:
    app = AppTest.from_function(options_page, default_timeout=60)
    app.query_params.update({"line": "8", "free": "2", "whole": "3"})
    app.run()
    assert not app.exception and json.loads(app.code[0].value) == [["line", 8], ["free", 2.0]]


@pytest.mark.parametrize("recipe", TECHNIQUES.values(), ids=lambda recipe: recipe.technique)
def test_settings_of_a_recipe_are_its_fields_and_have_their_defaults(recipe: type[Recipe]) -> None:
    fields = {field.name: field for field in dataclasses.fields(recipe)}
    for name, setting in recipe.settable().items():
        assert setting.default == fields[name].default and setting.title
