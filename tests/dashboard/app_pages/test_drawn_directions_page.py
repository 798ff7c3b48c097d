"""Drawings of what a layer sees: a grid over the picture, an atlas of the map, a photograph that is held."""

from __future__ import annotations

import numpy as np
import pytest

import core
from dashboard import figures
from dashboard.recipes import Embed, Grid, Maximize
from dashboard.server import accentuation, directions, jobs
from dashboard.server.slot import SLOT

NETWORK = "lens5_standard"


def test_every_place_is_drawn_on_the_page_of_activations(open_page, words, monkeypatch):
    address = {"below": "grid", "layer": "conv5_2_relu", "picture": "cat", "most": "4", "size": "48", "steps": "16"}
    app = open_page("activations", **address, run="1")
    assert not app.exception and not app.error
    assert "conv5_2_relu: 4 × 4 places, 16 steps" in words(app) and "activation_grid" in app.code[0].value
    monkeypatch.setattr(directions, "place_vectors", refuse)
    app.run()
    assert not app.exception and "no longer here" in app.error[0].value, "a picture that goes meanwhile"
    flat = next(name for name, info in core.load(NETWORK).layers.items() if not info.spatial)
    app = open_page("activations", below="grid", layer=flat)
    assert not app.exception and "no height and width" in " ".join(one.value for one in app.info)


def refuse(*_):
    raise ValueError("Expected a picture that is here, got one that is no longer here")


@pytest.mark.slow
def test_an_atlas_is_drawn_in_the_place_of_the_pictures(open_page, words):
    app = open_page("map", set="photos", method="pca", layer="conv4_2_relu", atlas="6")
    assert not app.exception and not app.error
    assert "squares of" in words(app) and len(app.get("plotly_chart")) == 2
    assert any("atlas_cells" in one.value for one in app.code)
    app = open_page("map", set="photos", method="pca", layer="conv4_2_relu", atlas="7")
    assert not app.exception and "squares of" not in words(app), "what is not offered is none"


def test_an_atlas_belongs_to_the_codes_of_its_squares(monkeypatch):
    """Not to the set alone: the own picture of a person is in it, and a phone's map has other squares."""
    asked = []
    monkeypatch.setattr(jobs, "follow", lambda key, *_, **__: asked.append(key))
    for codes in (np.zeros((2, 3)), np.eye(2, 3), np.eye(2, 3)):
        cells = core.atlas_cells(codes, [[0, 0], [1, 1]], columns=2)
        directions.atlas(NETWORK, "conv4_2_relu", cells, source="photos", show=lambda *_: None)
    assert asked[0] != asked[1] == asked[2]


def test_a_held_picture_stays_near_the_photograph(open_page, words):
    app = open_page(
        "filters", start="held", hold="2.0", layer="conv4_2_relu", many="1", steps="16", run="1", picture="cat"
    )
    assert not app.exception and not app.error
    assert "Feature accentuation, 16 steps" in words(app) and "Left of the line: the photograph" in words(app)
    assert any("core.accentuate" in one.value for one in app.code)


def test_how_far_a_held_picture_went_is_found_once_and_in_the_slot(monkeypatch):
    pixels, held = np.full((64, 64, 3), 90, np.uint8), []
    monkeypatch.setattr(core, "feature_distance", lambda *_: held.append(SLOT.mine) or np.float32([0.25]))
    assert [accentuation.moved(NETWORK, "cat", "conv3_2_relu", pixels) for _ in range(2)] == [0.25, 0.25]
    assert held == [True]
    accentuation._moved.clear()


@pytest.mark.parametrize(
    "recipe",
    [
        Maximize(NETWORK, "conv3_2_relu", (2,), steps=2, start="cat", hold=1.0),
        Grid(NETWORK, "cat", "conv3_2_relu", most=2, size=48, steps=2),
    ],
    ids=["held", "grid"],
)
def test_scripts_make_the_same(recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(recipe.script(), {})
    images = core.last(recipe.run()).images.numpy()
    held = isinstance(recipe, Maximize)
    ours = core.tile(images) if held else core.tile(images, columns=recipe.places[1], margin=0)
    theirs = core.open_image(tmp_path / ("filters.png" if held else "grid.png"))[0]
    np.testing.assert_allclose(ours, theirs, atol=1.01 / 255)
    assert recipe.longer().steps > 2 and recipe.reached(core.last(recipe.run())) == recipe


def test_what_cannot_be_held_gets_a_sentence():
    with pytest.raises(ValueError, match="Expected a picture that is held, got a start from noise"):
        Maximize(NETWORK, "conv3_2_relu", (2,), hold=1.0).run()
    assert "accentuate" not in Maximize(NETWORK, "conv3_2_relu", (2,), start="cat").script()
    assert "atlas_cells" in Embed(NETWORK, "photos", "conv3_2_relu", atlas=8).script()


def test_drawings_lie_at_their_places():
    tiles = np.stack([np.full((4, 4, 3), value, np.uint8) for value in (50, 200)])
    laid = figures.cells(tiles, np.array([[0, 1], [1, 0]]), (2, 2), gap=1)
    assert laid.shape == (9, 9, 4) and (laid[0, 5, :3] == 50).all() and (laid[5, 0, :3] == 200).all()
    assert laid[0, 0, 3] == 0 and laid[0, 5, 3] == 255, "clear where nothing is"
    photo = np.zeros((8, 8, 3), np.float32)
    over = figures.over_by_strength(np.full((8, 8, 3), 200, np.uint8), photo, np.array([[0.0, 1.0]]))
    assert over[0, 0, 0] == 40 and over[0, -1, 0] == 200
