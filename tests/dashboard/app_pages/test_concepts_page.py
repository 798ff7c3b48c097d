"""Concepts: the page says what core finds; nonsense falls back; a network without classes or maps gets words."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers as L  # noqa: N812

import core
from dashboard import figures, reports
from dashboard.recipes import Concepts
from dashboard.server import concepts as server
from dashboard.server import networks

NETWORK = "lens5_standard"
LAYER = "conv5_2_relu"


def test_the_page_shows_parts_and_what_they_are_worth(open_page, words):
    app = open_page("concepts", picture="cat", count="5", designs="16")
    assert not app.exception and not app.error
    net = core.load(NETWORK)
    seen = core.seen_by(net, core.samples.load("cat"))
    found = core.last(core.concepts(net, seen, LAYER, count=5))
    told = core.concept_importance(net, found, seen, int(core.logits_of(net, seen)[0].argmax()), designs=16)
    said = words(app)
    for concept in range(5):
        assert f"**Concept {concept + 1}**: lost {told.lost[concept]:+.2f}, Sobol {told.sobol[concept]:.2f}" in said
    assert f"the logit is {told.score:.2f}; with no concept at all it would be {told.rest:.2f}" in said
    assert f"{found.unexplained:.0%} of the activations' energy" in said and "below zero" not in said
    assert len(app.get("image")) >= 6 and len(app.get("plotly_chart")) == 1


def test_concepts_of_a_set_and_a_drawn_concept(open_page, words, monkeypatch):
    asked = []
    monkeypatch.setattr(server, "worth_over", lambda *_, **given: asked.append(given["designs"]))
    address = {"set": "samples", "count": "4", "designs": "16", "concept": "stripes", "worth_set": "True"}
    app = open_page("concepts", picture="coffee", **address)
    assert not app.exception and not app.error and asked == [16], "the address asks it of the set, too"
    assert "It is nowhere" not in words(app) and "directions each" in words(app) and "held-out" in words(app)
    assert len(app.get("plotly_chart")) == 2


@pytest.mark.parametrize(
    "nonsense",
    [
        {
            "layer": "conv9",
            "count": "99",
            "set": "x",
            "concept": "0" * 24,
            "designs": "128",
            "target": "?",
            "worth_set": "?",
        }
    ],
)
def test_nonsense_in_the_address_falls_back(open_page, words, nonsense, monkeypatch):
    monkeypatch.setenv("CONVSCOPE_MODE", "public")
    app = open_page("concepts", **nonsense)
    assert not app.exception and not app.error and "**Concept 8**" in words(app)
    assert "no longer here" in app.warning[0].value and "Your own pictures" not in words(app)
    designs = app.selectbox(key="concepts.designs")
    assert (designs.value, designs.options) == (32, ["8", "16", "32"]), "a public server bounds them"


def test_a_layer_below_zero_and_a_network_without_classes_say_so(open_page, words, monkeypatch):
    keras.utils.set_random_seed(2)
    maps = keras.Sequential([keras.Input((32, 32, 3)), L.Conv2D(6, 5, strides=2, name="maps")])
    net = core.classifier(maps, name="maps only")
    monkeypatch.setattr(networks, "network", lambda name: net)
    app = open_page("concepts", picture="cat")
    assert not app.exception and not app.error and "This layer is also below zero" in words(app)
    assert "no answer behind this layer" in " ".join(one.value for one in app.info)


def test_the_script_finds_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = Concepts(NETWORK, "cat", LAYER, count=4, target=3)
    exec(recipe.script(), {})
    net, seen = core.load(NETWORK), recipe.photo()
    found = core.last(core.concepts(net, seen, LAYER, count=4))
    with np.load(tmp_path / "concepts.npz") as theirs:
        np.testing.assert_allclose(theirs["directions"], found.directions, atol=1e-4)
    assert core.open_image(tmp_path / "concept_1.png").shape[3] == 3


def test_parts_are_drawn_in_their_own_colours():
    picture = np.full((8, 8, 3), 0.5, np.float32)
    amounts = np.zeros((2, 2, 3), np.float32)
    amounts[0, 0, 0] = amounts[1, 1, 2] = 1
    drawn = figures.parts(picture, amounts, side=64).astype(int)
    assert drawn.shape == (64, 64, 3) and (drawn[2, 61] == 128).all(), "grey where there is none"
    assert np.abs(drawn[2, 2] - drawn[61, 61]).max() > 40
    first = figures.one_part(picture, amounts[..., 0], 0, side=32)
    assert first[1, 1].mean() > first[30, 30].mean() + 50
    row = figures.part_row(first, np.zeros((1, 5, 7, 3), np.float32), 0, count=2, side=20)
    assert (
        row.shape == (20, 10 + 3 * 24, 4) and not row[:, -20:, 3].any() and figures.part_rows([row, row]).shape[0] == 44
    )
    assert len({figures.part_colour(index) for index in range(10)}) == 10


def test_concepts_are_taken_away_whole():
    recipe = Concepts(NETWORK, "cat", LAYER, count=3, target=3)
    net, seen = core.load(NETWORK), recipe.photo()
    found = core.last(core.concepts(net, seen, LAYER, count=3))
    told = core.concept_importance(net, found, seen, 3, designs=8)
    crops = [core.concept_crops(net, found, one).cut(seen) for one in range(3)]
    whole = reports.taken_apart(recipe, found, found.maps[0], crops=crops, told=told)
    assert set(whole.pictures) == {"concepts", "crops"} and core.open_image(whole.pictures["crops"]).shape[3] == 3
    assert [row["lost"] for row in whole.tables["worth"]] == pytest.approx(told.lost.tolist())
    assert b"Sobol" in reports.html(recipe, whole) or b"sobol" in reports.html(recipe, whole)
