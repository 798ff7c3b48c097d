"""Networks that give numbers: the network's page says so and asks, and every page shows a number as a number."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest
from keras import layers as L  # noqa: N812
from streamlit.testing.v1 import AppTest
from test_pages import open_app, words
from test_pages_network import PAGE, bring, local, no_child  # noqa: F401 - fixtures


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras.utils.set_random_seed(1)
    image = keras.Input((32, 32, 3), name="image")
    code = L.GlobalAveragePooling2D(name="gap")(L.Conv2D(8, 3, activation="relu", name="conv")(image))
    heads = [L.Dense(1, name="years")(code), L.Dense(2, activation="softmax", name="sex")(code)]
    path = tmp_path_factory.mktemp("own") / "two.keras"
    keras.Model(image, heads, name="two").save(path)
    return path


def take(app: AppTest, output: str, kind: str) -> AppTest:
    """Say which output answers, and what it is."""
    app.selectbox(key="network.output").set_value(output).run()
    app.selectbox(key=f"network.kind_{output}").set_value(kind).run()
    return app.button(key="take_output").click().run()


@pytest.mark.usefixtures("local", "no_child")
def test_outputs_are_named_and_chosen_and_numbers_are_numbers(file: Path) -> None:
    app = bring(open_app(PAGE), file)
    assert not app.exception
    assert "Its output “sex” is taken for classes. It ends in a softmax." in words(app)
    app = take(app, "years", "numbers")
    assert not app.exception and "is taken for a number" in words(app)
    app.selectbox(key="network.wish").set_value("bytes").run()
    app = next(one for one in app.button if one.label == "Use this").click().run()
    assert not app.exception and "RGB, 0 to 255" in words(app) and "is taken for a number" in words(app)
    for page in ("start", "why", "attack"):
        app.switch_page(f"app_pages/{page}.py").run()
        assert not app.exception, page
        assert "class 0" not in words(app)
    app.switch_page("app_pages/start.py").run()
    assert "It says **years: " in words(app) and "probability" not in words(app)
