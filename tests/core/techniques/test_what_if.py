"""What if: units switched off or turned up by hand, and by ``what_if``, on answers, maps and whole sets."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers as L  # noqa: N812

import core

MAPS = "conv2_relu"


@pytest.fixture(scope="module")
def pictures():
    return core.as_set(np.random.default_rng(3).random((3, 24, 40, 3), dtype=np.float32))


def test_a_factor_scales_what_the_channel_gives(tiny, pictures):
    """From the last map on the network is linear: twice the channel is its contribution more."""
    photo = pictures.pictures([0])
    label = 2
    own = core.what_if(tiny, photo, MAPS, {}, target=label)
    given = core.contributions(tiny, photo, MAPS, label)
    for channel, factor in ((0, 2.0), (3, 0.0), (5, 0.5)):
        after = core.what_if(tiny, photo, MAPS, {channel: factor}, target=label)
        assert after.score - own.score == pytest.approx((factor - 1) * given[channel], abs=1e-4)
        assert after.evidence.sum() == pytest.approx(after.score - tiny.weights("logits")[1][label], abs=1e-4)
    both = core.what_if(tiny, photo, MAPS, {0: 2.0, 3: 0.0}, target=label)
    assert both.score - own.score == pytest.approx(given[0] - given[3], abs=1e-4)


def test_the_map_is_of_the_last_map_wherever_units_are_scaled(tiny, pictures):
    photo = pictures.pictures([1])
    maps = core.activations(tiny, photo, [MAPS])[MAPS][0]
    kernel = tiny.weights("logits")[0]
    own = core.what_if(tiny, photo, "conv1_relu", {1: 1.0}, target=4)
    np.testing.assert_allclose(own.evidence, maps @ kernel[:, 4] / maps[..., 0].size, atol=1e-5)
    later = core.what_if(tiny, photo, "gap", {2: 0.0}, target=4)
    kernel = np.where(np.arange(8)[:, None] == 2, 0, kernel)
    np.testing.assert_allclose(later.evidence, maps @ kernel[:, 4] / maps[..., 0].size, atol=1e-5)
    early = core.what_if(tiny, photo, "conv1_relu", {1: 0.0}, target=4)
    assert not np.allclose(early.evidence, own.evidence) and early.answers.sum() == pytest.approx(1, abs=1e-5)


def test_sets_are_scaled_as_single_pictures_are(tiny, pictures):
    batch = pictures.pictures([0, 1, 2])
    found = core.scaled_logits(tiny, batch, "conv1_relu", {1: 3.0, 4: 0.0})
    for one, row in zip(batch, found, strict=True):
        told = core.what_if(tiny, one, "conv1_relu", {1: 3.0, 4: 0.0}, target=1)
        assert told.score == pytest.approx(row[1], abs=1e-4)
        np.testing.assert_allclose(told.answers, tiny.probabilities(row[None])[0], rtol=1e-3)


def test_a_network_without_maps_has_no_map(linear, pictures):
    found = core.what_if(linear, pictures.pictures([0]), "flat", {3: 0.0}, target=0)
    assert found.evidence is None and found.answers.shape == (3,)


@pytest.mark.parametrize(
    ("factors", "target", "sentence"),
    [
        ({8: 0.0}, 0, "Expected channels of conv2_relu from 0 to 7, got 8"),
        ({1: -1.0}, 0, "Expected a factor from 0 to 100, got -1.0"),
        ({1: float("nan")}, 0, "Expected a factor from 0 to 100, got nan"),
        ({1: 2.0}, 5, "Expected a class from 0 to 4, got 5"),
    ],
)
def test_what_cannot_be_asked_gets_one_sentence(tiny, pictures, factors, target, sentence):
    with pytest.raises(ValueError, match=sentence):
        core.what_if(tiny, pictures.pictures([0]), MAPS, factors, target=target)


def test_switched_off_is_zeroed_by_hand(tiny, pictures):
    batch = pictures.pictures([0, 1, 2])
    maps = np.array(core.activations(tiny, batch, [MAPS])[MAPS])
    maps[..., [1, 4]] = 0
    kernel, bias = tiny.weights("logits")
    logits = maps.mean(axis=(1, 2)) @ kernel + bias
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for row, said in zip(probabilities, core.ablate(tiny, batch, MAPS, [1, 4], top=5), strict=True):
        assert [label for label, _ in said] == [tiny.labels[i] for i in np.argsort(-row)]
        np.testing.assert_allclose([chance for _, chance in said], np.sort(row)[::-1], rtol=1e-4)


def test_nothing_switched_off_changes_nothing_and_everything_leaves_the_bias(tiny, pictures):
    batch = pictures.pictures([0])
    (before,), (after,) = core.predict(tiny, batch), core.ablate(tiny, batch, "conv1_relu", [])
    assert [label for label, _ in before] == [label for label, _ in after]
    np.testing.assert_allclose([c for _, c in before], [c for _, c in after], rtol=1e-5)
    (none,) = core.ablate(tiny, batch, MAPS, range(8))
    bias = np.exp(tiny.weights("logits")[1])
    np.testing.assert_allclose([c for _, c in none], np.sort(bias / bias.sum())[::-1], rtol=1e-5)


def test_units_of_a_nested_network_can_be_switched_off(pictures):
    inner = keras.Sequential([keras.Input((24, 40, 3)), L.Conv2D(4, 3, activation="relu", name="conv")], name="base")
    image = keras.Input((24, 40, 3), name="image")
    end = L.Dense(3, name="end", bias_initializer="random_normal")(L.GlobalAveragePooling2D(name="gap")(inner(image)))
    net = core.classifier(keras.Model(image, end), name="nested")
    (said,) = core.ablate(net, pictures.pictures([0]), "base/conv", range(4), top=3)
    bias = np.exp(net.weights("end")[1])
    np.testing.assert_allclose([c for _, c in said], np.sort(bias / bias.sum())[::-1], rtol=1e-5)


def test_what_cannot_be_switched_off_gets_one_sentence(tiny, linear, pictures):
    batch = pictures.pictures([0])
    with pytest.raises(ValueError, match="Expected channels of conv2_relu from 0 to 7, got 8"):
        core.ablate(tiny, batch, MAPS, [8])
    with pytest.raises(ValueError, match="has no layer 'conv9'"):
        core.ablate(tiny, batch, "conv9", [0])
    with pytest.raises(ValueError, match="Expected top from 1 to 1000000, got 0"):
        core.ablate(tiny, batch, MAPS, [0], top=0)
    with pytest.raises(ValueError, match="Expected pictures of 24 x 40, the only size at which linear answers"):
        core.ablate(linear, batch[:, :20], "flat", [0])
    headless = core.classifier(keras.Sequential([keras.Input((24, 40, 3)), L.Conv2D(2, 3)]), name="headless")
    with pytest.raises(ValueError, match="Expected a network with classes, got headless"):
        core.ablate(headless, batch, next(iter(headless.layers)), [0])


def test_what_does_not_lead_to_the_answer_is_not_scaled_in_silence(pictures):
    image = keras.Input((24, 40, 3), name="image")
    maps = L.Conv2D(4, 3, name="conv")(image)
    ends = [L.Conv2D(2, 1, name="aside")(maps), L.Dense(3, name="end")(L.GlobalAveragePooling2D(name="gap")(maps))]
    net = core.classifier(keras.Model(image, ends), name="sided", output="end")
    with pytest.raises(ValueError, match="Expected a layer on the way to the answer of sided, got 'aside'"):
        core.what_if(net, pictures.pictures([0]), "aside", {0: 0.0}, target=0)
    with pytest.raises(ValueError, match="got 'aside', which is not"):
        core.ablate(net, pictures.pictures([0]), "aside", [0])


def test_units_of_a_network_in_half_precision_are_scaled(pictures):
    half = {"dtype": "mixed_float16"}
    image = keras.Input((24, 40, 3), name="image")
    x = L.Conv2D(4, 3, activation="relu", name="conv", **half)(image)
    x = L.Dense(3, name="end", bias_initializer="ones", **half)(L.GlobalAveragePooling2D(name="gap", **half)(x))
    net = core.classifier(keras.Model(image, x), name="half")
    photo = pictures.pictures([0])
    own, off = (core.what_if(net, photo, "conv", dict.fromkeys(range(4), one), target=0) for one in (1.0, 0.0))
    assert own.evidence.sum() == pytest.approx(own.score - 1, abs=5e-3) and own.evidence.any()
    assert off.score == 1 and not off.evidence.any()
    np.testing.assert_allclose(core.scaled_logits(net, photo, "conv", dict.fromkeys(range(4), 0.0)), 1)


def test_the_map_of_a_network_of_tokens_is_of_its_last_tokens(pictures):
    image = keras.Input((24, 40, 3), name="image")
    patches = L.Reshape((15, 4), name="tokens")(L.Conv2D(4, 8, strides=8, name="patches")(image))
    mixed = L.Dense(4, activation="gelu", name="mixed")(patches)
    end = L.Dense(2, name="end", use_bias=False)(L.GlobalAveragePooling1D(name="mean")(mixed))
    net = core.classifier(keras.Model(image, end), name="tokened")
    found = core.what_if(net, pictures.pictures([0]), "patches", {}, target=1)
    units = core.activations(net, pictures.pictures([0]), ["mixed"])["mixed"]
    np.testing.assert_allclose(found.evidence, (units[0] @ net.weights("end")[0][:, 1]) / 15, atol=1e-5)
