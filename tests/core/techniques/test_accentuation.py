"""A photograph with more of what a unit likes: the unit rises, and what holds the picture holds it."""

from __future__ import annotations

import numpy as np
import pytest

import core
from core.techniques import accentuation

LAYER, HOLDER, UNITS = "conv2_relu", "conv1_relu", [1, 4]


@pytest.fixture(scope="module")
def photo():
    smooth = np.random.default_rng(2).random((1, 6, 10, 3), dtype=np.float32)
    return core.resize(smooth, height=24, width=40)


def asked(net, photo, **settings):
    return core.last(core.accentuate(net, photo, LAYER, UNITS, **{"held_by": HOLDER, "steps": 12, **settings}))


def means(net, pictures):
    maps = core.activations(net, pictures, ["conv2_bn"])["conv2_bn"].mean(axis=(1, 2))
    return maps[np.arange(len(maps)), UNITS[: len(maps)]]


@pytest.mark.parametrize("changed", core.ACCENTUATED)
def test_the_unit_rises_and_more_holding_keeps_the_picture(tiny, photo, changed):
    start = means(tiny, np.repeat(photo, 2, axis=0))
    far = []
    for hold in (0.0, 2.0, 50.0):
        drawn = asked(tiny, photo, hold=hold, changed=changed).images.numpy()
        assert drawn.shape == (2, 24, 40, 3) and drawn.min() >= 0 and drawn.max() <= 1
        if hold < 50:
            assert (means(tiny, drawn) > start).all()
        far.append(core.feature_distance(tiny, photo, HOLDER, drawn).mean())
    assert far[0] > far[1] > far[2], far
    low = asked(tiny, photo, hold=2.0, changed=changed, negative=True).images.numpy()
    assert (means(tiny, low) < start).all()


def test_one_step_begins_at_the_photograph_and_going_on_is_going_further(tiny, photo):
    first = asked(tiny, photo, steps=1)
    assert core.pixel_distance(photo, first.images.numpy()).max() < 0.06
    on = asked(tiny, photo, steps=3, state=first.state)
    np.testing.assert_allclose(on.images, asked(tiny, photo, steps=4).images, atol=1e-4)


def test_a_picture_is_cut_to_the_size_asked_for(tiny):
    photo = np.random.default_rng(0).random((50, 33, 3), dtype=np.float32)
    assert core.last(core.accentuate(tiny, photo, LAYER, [0], size=36, steps=1)).images.shape == (1, 36, 36, 3)
    assert core.last(core.accentuate(tiny, photo, core.LOGITS, [2], steps=1)).images.shape == (1, 24, 40, 3)


def test_an_earlier_layer_holds(tiny):
    order = list(tiny.layers)
    for layer in ("conv1_relu", "pool1", LAYER):
        assert order.index(core.holding_layer(tiny, layer)) <= order.index(layer)
    assert core.holding_layer(tiny, core.LOGITS) in order


def test_the_score_is_in_deviations_of_what_is_raised(tiny, photo):
    before = core.activations(tiny, photo, ["conv2_bn", core.LOGITS])
    for layer, raised in ((LAYER, "conv2_bn"), (core.LOGITS, core.LOGITS)):
        assert accentuation._spread(tiny, photo, layer) == pytest.approx(before[raised].std(), rel=1e-4)


def test_what_cannot_be_asked_gets_one_sentence(tiny, photo):
    for sentence, change in (
        ("Expected hold from 0 to 100, got -1", {"hold": -1}),
        ("There is no part to change 'phases'", {"changed": "phases"}),
        ("has no layer 'conv9'", {"held_by": "conv9"}),
        ("Expected steps from 1 to 5000, got 0", {"steps": 0}),
    ):
        with pytest.raises(ValueError, match=sentence):
            core.accentuate(tiny, photo, LAYER, UNITS, **change)
    with pytest.raises(ValueError, match="Expected channels of conv2_relu from 0 to 7, got 8"):
        core.accentuate(tiny, photo, LAYER, [8])
    with pytest.raises(ValueError, match="Expected 1 to 64 units, got 0"):
        core.accentuate(tiny, photo, LAYER, [])
