"""Which units made an answer, and one number step by step: what the pages say, where clicks go, what falls back."""

from __future__ import annotations

import json

import numpy as np
import pytest

import core
from dashboard import figures
from dashboard.recipes import Contributions

NETWORK = "lens5_standard"


def said(app, words):
    return words(app) + " ".join(one.value for one in app.info)


def test_the_answer_is_made_of_parts_that_add_up(open_page, words):
    app = open_page("contributions", picture="cat", channel="5")
    assert not app.exception and not app.error
    net, photo = core.load(NETWORK), core.samples.load("cat")
    seen = core.seen_by(net, photo)
    label = int(core.logits_of(net, seen)[0].argmax())
    layer = core.stages(net)[-1].layer
    told = core.completeness(net, seen, layer, label)
    assert f"The logit is **{told.score:.3f}**" in words(app) and f"sum to **{told.total:.3f}**" in words(app)
    assert told.linear and "they are exact" in words(app)
    given = core.contributions(net, seen, layer, label)[5]
    assert [one.value for one in app.metric][:2] == [f"{given:+.3f}", f"{given:+.3f}"], "linear: lost is what it gives"
    assert "Channel 5" in words(app) and len(app.dataframe[0].value) == 24
    assert len(app.get("plotly_chart")) >= 3


def test_one_answer_against_another_and_an_earlier_layer(open_page, words):
    app = open_page("contributions", picture="cat", target="pretzel", against="goldfish", layer="conv3_2_relu")
    assert not app.exception and not app.error
    assert "The difference of the two logits" in words(app) and "off**" in words(app)
    assert "against=" in app.code[0].value or "target = (" in app.code[0].value
    settings = json.loads(Contributions(NETWORK, "cat", "conv3_2_relu", 3, 4).settings())
    assert settings["technique"] == "contributions" and settings["against"] == 4


@pytest.mark.parametrize("nonsense", [{"layer": "conv9", "channel": "99999"}, {"target": "unicorn", "against": "x|y"}])
def test_nonsense_in_the_address_falls_back(open_page, words, nonsense):
    app = open_page("contributions", **nonsense)
    assert not app.exception and not app.error and "sum to **" in words(app)


def test_one_number_is_told_step_by_step_and_can_be_walked_from(open_page, words):
    address = {"below": "steps", "layer": "conv2_relu", "channel": "3", "row": "4", "column": "5", "picture": "cat"}
    app = open_page("activations", **address)
    assert not app.exception and not app.error
    net = core.load(NETWORK)
    found = core.dissect(net, core.seen_by(net, core.samples.load("cat")), "conv2_relu", 3, 4, 5)
    assert f"Channel 3, row 4, column 5: {found.value:.4g}" in words(app)
    for title in ("Products", "Normalization", "Activation"):
        assert f"**{title}**" in words(app)
    assert "What went in" in words(app) and len(app.dataframe[0].value) == 12
    forward = next(one for one in app.button if one.key and one.key.startswith("forward_"))
    forward.click().run()
    assert not app.exception and app.query_params["layer"] != ["conv2_relu"]
    assert app.query_params["trail"] in ("conv2_relu:3:4:5", ["conv2_relu:3:4:5"])
    app.button(key="trail_0").click().run()
    assert not app.exception and f"row 4, column 5: {found.value:.4g}" in words(app), "back where one came from"


def test_the_last_layer_ends_in_probabilities(open_page, words):
    net = core.load(NETWORK)
    last = next(name for name in reversed(net.layers) if net.graph.tensors[name] is net.graph.tensors[core.LOGITS])
    app = open_page("activations", below="steps", layer=last, picture="cat")
    assert not app.exception and not app.error and "**Softmax**" in words(app)


@pytest.mark.parametrize("trail", ["x", "conv9:1:2:3", "a:b:c:d|e", ":::|" * 40, "conv2_relu:1"])
def test_a_trail_made_by_hand_does_no_harm(open_page, trail):
    app = open_page("activations", below="steps", layer="conv2_relu", trail=trail)
    assert not app.exception and not app.error
    assert not [one for one in app.button if one.key == "trail_0"], "none of it is a number that one can go back to"


def test_a_unit_shows_what_feeds_it_and_the_trail_leads_back(open_page, words):
    app = open_page("units", show="unit", layer="conv3_2_relu", channel="6", trail="conv2_relu:3|conv9:1|x")
    assert not app.exception and not app.error
    strongest = core.fed_by(core.load(NETWORK), "conv3_2_relu", 6)[0]
    assert f"Fed by: {strongest.layer} {strongest.channel}" in words(app).replace("\\", "") and "Feeds: " in words(app)
    assert not [one for one in app.button if one.key == "trail_1"], "what is no unit is left out"
    app.button(key="trail_0").click().run()
    assert not app.exception and "Unit 3" in words(app)


def test_pictures_of_the_arithmetic_keep_the_sign_and_the_place():
    values = np.zeros((2, 3, 3), np.float32)
    values[0, 1, 1] = 2
    wall = figures.products(values, np.stack([np.ones((3, 3)), -np.ones((3, 3))]).astype(np.float32), columns=2)
    assert wall.count == 2 and wall.pixels.shape[2] == 3
    red, blue = figures.signed(np.array([[[1.0, -1.0]]], np.float32), 1.0)[0, 0, [0, -1]].astype(int)
    assert red[0] > red[2] and blue[2] > blue[0]
    framed = figures.windowed(np.ones((8, 8, 3), np.float32), (2, 2, 6, 6), zoom=4)
    assert (framed[0, 0] < 200).all() and (framed[16, 16] == 255).all() and framed.shape == (32, 32, 3)
    assert figures.pooled(np.ones((7, 9), np.float32), 3).sum() == 63


@pytest.mark.slow
def test_best_patches_by_activation_and_by_what_they_give(open_page, words):
    app = open_page("contributions", picture="cat", channel="5", layer="conv4_2_relu")
    app.toggle(key="contributions.real_patches").set_value(True).run()
    assert not app.exception and not app.error
    assert "Where it gives most to" in words(app) and "pictures are in both" in words(app)
    walls = {one.key for one in app.main.get("bidi_component")}
    assert {"patches_activation", "patches_contribution"} <= walls
    app.run()
    assert not app.exception and "best patches" in words(app), "its name is known from then on"


@pytest.mark.slow
def test_units_that_feed_a_unit_are_drawn_where_somebody_wants_that(open_page):
    app = open_page("units", show="unit", layer="conv2_relu", channel="6")
    toggle = app.toggle(key="units.draw_wiring")
    toggle.set_value(True).run()
    assert not app.exception and not app.error
    assert not [one for one in app.toggle if one.key == "units.draw_wiring"], "all are drawn, and stay so"


def test_a_node_of_the_river_leads_to_its_card(open_page, words):
    app = open_page("contributions", picture="cat", channel="5")
    app.session_state["river_goes_to"] = ("conv3_2_relu", 6)
    app.run()
    assert not app.exception and "Unit 6" in words(app) and "conv3_2_relu" in words(app)


def test_a_unit_is_shown_from_layers_further_down(open_page, words):
    below = core.layers_below(core.load(NETWORK), "conv3_2_relu")[1:]
    app = open_page("units", show="unit", layer="conv3_2_relu", channel="6", seen_in=below[0], picture="cat")
    assert not app.exception and not app.error and "No such weights exist" in words(app)
    net = core.load(NETWORK)
    photo = core.seen_by(net, core.samples.load("cat"))
    found = core.expanded_weights(net, "conv3_2_relu", 6, below[0], picture=photo)
    assert f"correlation {found.agreement:.2f}" in words(app)
