"""What flows to an answer: parts are conserved from stage to stage, and the picture comes through all channels."""

from __future__ import annotations

from itertools import pairwise

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as L  # noqa: N812

import core


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(4).random((1, 24, 40, 3), dtype=np.float32)


@pytest.fixture(scope="module")
def net():
    """Three stages, each all that the next depends on, with a skip connection inside the second one."""
    keras.utils.set_random_seed(8)
    image = keras.Input((24, 40, 3), name="image")
    x = L.Conv2D(5, 3, strides=2, use_bias=False, name="conv_a")(image)
    x = first = L.ReLU(name="first")(L.BatchNormalization(name="norm_a")(x))
    x = L.Conv2D(5, 3, padding="same", activation="relu", name="inner")(x)
    x = L.ReLU(name="second")(L.Conv2D(6, 3, strides=2, name="conv_b")(L.Add(name="sum")([x, first])))
    x = L.Conv2D(7, 3, activation="relu", name="third")(x)
    end = L.Dense(4, bias_initializer="random_normal", name="end")(L.GlobalAveragePooling2D(name="gap")(x))
    return core.classifier(keras.Model(image, end, name="three"), name="three")


LAYERS = ("first", "second", "third")


def test_parts_are_contributions_the_strongest_first(net, picture):
    found = core.river(net, picture, 1, layers=LAYERS, count=3)
    assert found.layers == LAYERS
    for layer, channels, parts, total in zip(LAYERS, found.channels, found.parts, found.totals, strict=True):
        own = core.contributions(net, picture, layer, 1)
        np.testing.assert_allclose(parts, own[channels], atol=1e-5)
        assert list(channels) == list(np.argsort(-np.abs(own), kind="stable")[:3])
        assert total == pytest.approx(own.sum(), abs=1e-5)
    logit = core.activations(net, picture, [core.LOGITS])[core.LOGITS][0, 1]
    assert found.score == pytest.approx(float(logit), abs=1e-5)


def test_what_flows_through_all_later_channels_is_what_a_channel_gives(net, picture):
    found = core.river(net, picture, (0, 2), layers=LAYERS, count=7)
    for index, strands in enumerate(found.strands):
        assert strands.shape == (len(found.channels[index]), len(found.channels[index + 1]))
        np.testing.assert_allclose(strands.sum(axis=1), found.parts[index], atol=1e-5)
        assert np.ptp(strands) > 0
    few = core.river(net, picture, (0, 2), layers=LAYERS, count=2)
    for index, strands in enumerate(few.strands):
        np.testing.assert_allclose(strands, found.strands[index][:2, :2], atol=1e-5)


def test_the_picture_through_all_channels_is_picture_times_gradient(net, picture):
    for layer in LAYERS:
        count = net.layer(layer).channels
        maps = [core.conditional_attribution(net, picture, layer, channel, target=1) for channel in range(count)]
        assert all(one.shape == (24, 40) and one.dtype == np.float32 for one in maps)
        np.testing.assert_allclose(np.sum(maps, axis=0), signed(net, picture, 1), atol=1e-5)
        assert not np.allclose(maps[0], maps[-1])


def signed(net, picture, label):
    """Picture times gradient, summed over the colours."""
    pixels = tf.constant(picture)
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        score = net.forward([core.LOGITS])(pixels)[core.LOGITS][0, label]
    return np.asarray(tf.reduce_sum(pixels * tape.gradient(score, pixels), axis=-1))[0]


def test_usual_stages_follow_one_another(tiny, picture):
    found = core.river(tiny, picture, 0, count=2)
    assert 1 <= len(found.layers) <= 5 and len(found.strands) == len(found.layers) - 1
    for before, after in pairwise(found.layers):
        assert before in tiny.before(after)


def test_what_cannot_flow_gets_one_sentence(net, picture):
    for sentence, asked in (
        ("Expected layers that follow one another, got 'first'", {"layers": ("second", "first")}),
        ("has no layer 'conv9'", {"layers": ("conv9",)}),
        ("Expected 1 to 12 layers, got 0", {"layers": ()}),
        ("Expected count from 1 to 32, got 0", {"count": 0}),
    ):
        with pytest.raises(ValueError, match=sentence):
            core.river(net, picture, 1, **asked)
    with pytest.raises(ValueError, match="Expected a class from 0 to 3, got 4"):
        core.river(net, picture, 4)
    with pytest.raises(ValueError, match="Expected channels of first from 0 to 4, got 5"):
        core.conditional_attribution(net, picture, "first", 5, target=0)
