"""The map of pictures and feature inversion: the pages run, stop, follow the address and answer bad input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from test_pages import mobilenet, open_app, photo, words  # noqa: F401

import core
from dashboard import figures
from dashboard.recipes import Invert

INVERSION, MAP = "app_pages/inversion.py", "app_pages/map.py"
QUICK = {"picture": "cat", "steps": "24", "layers": "conv1_relu|conv5_2_relu"}


def clean(app: AppTest) -> bool:
    return not app.exception and not app.error


def shown(app: AppTest) -> int:
    return len(app.get("image"))


def test_inversion_opens_with_something_to_look_at() -> None:
    app = open_app(INVERSION)
    assert clean(app) and shown(app) >= 1
    assert app.button(key="more").disabled
    assert "arxiv.org/abs/1412.0035" in words(app)


@pytest.mark.parametrize("preset", core.INVERSIONS)
def test_script_draws_the_same(preset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = Invert("lens5_standard", "cat", ("conv1_relu", core.LOGITS), preset, power=2.0, steps=3, seed=5)
    exec(recipe.script(), {})
    ours = core.tile(core.last(recipe.run()).images.numpy(), columns=2)
    np.testing.assert_allclose(ours, core.open_image(tmp_path / "inverted.png")[0], atol=1.01 / 255)
    settings = json.loads(recipe.settings())
    assert settings.pop("technique") == "invert"
    assert Invert(**{**settings, "layers": tuple(settings["layers"])}) == recipe
    assert 0 < recipe.estimate().seconds < 60


def test_map_opens_with_my_picture_chosen() -> None:
    app = open_app(MAP, picture="cat")
    assert clean(app) and app.get("plotly_chart")
    assert "**Chelsea the cat**. The network says" in words(app)
    near = [button for button in app.button if button.key and button.key.startswith("map.near_")]
    assert len(near) == 8 and all(float(button.label) <= 1 for button in near)
    assert [float(button.label) for button in near] == sorted((float(one.label) for one in near), reverse=True)


def test_a_click_on_a_neighbour_goes_there() -> None:
    app = open_app(MAP, picture="cat", set="photos")
    near = next(button for button in app.button if button.key and button.key.startswith("map.near_"))
    near.click().run()
    assert clean(app)
    assert app.query_params["at"] == near.key.removeprefix("map.near_")
    assert "**Chelsea the cat**. The" not in words(app)


@pytest.mark.parametrize("nonsense", ["-1", "99999", "x", "1" * 300, "²"])
def test_map_follows_the_address_and_survives_nonsense(nonsense: str) -> None:
    app = open_app(
        MAP, picture="cat", set="photos", layer="conv2_relu", method="pca", apart="False",
        at=nonsense,
    )  # fmt: skip
    assert clean(app) and "**Chelsea the cat**" in words(app)
    assert "PCA shows" in words(app) and "conv2_relu" in app.code[0].value


def test_own_picture_is_on_the_map() -> None:
    app = open_app(MAP, set="photos")
    app.file_uploader(key="upload").upload("mine.png", photo()).run()
    assert clean(app) and "**mine.png**" in words(app)
    assert f"{len(core.samples.names()) + 1} pictures" in words(app)


def test_script_of_the_map_runs() -> None:
    app = open_app(MAP, picture="cat", set="photos", layer=core.LOGITS)
    assert clean(app)
    exec(app.code[0].value, {})


@pytest.mark.usefixtures("mobilenet")
@pytest.mark.parametrize("page", [pytest.param(INVERSION, marks=pytest.mark.slow), MAP])
def test_both_pages_work_on_a_network_of_keras(page: str) -> None:
    settings = {"steps": "24", "layers": "conv_pw_2_relu", "set": "photos"}
    app = open_app(page, network="mobilenet_0.25", picture="cat", **settings)
    assert clean(app)
    if page == INVERSION:
        app.button(key="run").click().run()
        assert clean(app) and shown(app) == 3  # the photograph, what is drawn from the layer, and how it came about
        assert "**conv_pw_2_relu**" in words(app)


def test_every_picture_has_its_point_and_every_frame_its_place() -> None:
    places = np.array([[0, 0], [2, 1], [4, 3]], np.float32)
    jpeg = core.encode_jpeg(np.zeros((4, 4, 3), np.float32))
    figure = figures.picture_map(places, [jpeg] * 3, [("a", "x"), ("<b>", ""), ("c",)], mine=[0, 1], chosen=2, side=1.0)
    assert len(figure.layout.images) == 3 and figure.layout.images[1].x == 2 and figure.layout.images[1].y == 1
    assert list(figure.data[0].x) == [0, 2, 4] and list(figure.data[0].customdata) == ["a<br>x", "&lt;b&gt;", "c"]
    assert [(shape.x0, shape.y1) for shape in figure.layout.shapes] == [(-0.5, 0.5), (1.5, 1.5), (3.5, 3.5)]
