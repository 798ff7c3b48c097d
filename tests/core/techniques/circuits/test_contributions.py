"""Which units made an answer: contributions add up where they must, and say how far they do elsewhere."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers as L  # noqa: N812

import core


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(1).random((1, 24, 40, 3), dtype=np.float32)


@pytest.fixture(scope="module")
def skipping():
    """A network with a skip connection, a branch, and a layer that leads nowhere."""
    keras.utils.set_random_seed(5)
    image = keras.Input((24, 40, 3), name="image")
    x = start = L.Conv2D(6, 3, strides=2, padding="same", activation="relu", name="start")(image)
    x = L.Conv2D(6, 3, padding="same", activation="relu", name="inner")(x)
    x = L.Add(name="sum")([x, start])
    x = L.Concatenate(name="both")([x, L.Conv2D(4, 1, name="branch")(start)])
    aside = L.Conv2D(2, 1, name="aside")(start)
    x = L.GlobalAveragePooling2D(name="gap")(L.Conv2D(8, 1, activation="relu", name="late")(x))
    end = L.Dense(5, bias_initializer="random_normal", name="end")(x)
    return core.classifier(keras.Model(image, [end, aside], name="skipping"), name="skipping")


def logits(net, picture):
    return core.activations(net, picture, [core.LOGITS])[core.LOGITS][0]


@pytest.mark.parametrize("layer", ["conv2_relu", "gap", "drop"])
def test_parts_sum_to_the_logit_less_its_bias_where_the_way_is_linear(tiny, picture, layer):
    bias = tiny.weights("logits")[1]
    own = logits(tiny, picture)
    for label in range(5):
        found = core.contributions(tiny, picture, layer, label)
        assert found.dtype == np.float32 and found.shape == (8,)
        assert found.sum() == pytest.approx(own[label] - bias[label], abs=1e-4)
        told = core.completeness(tiny, picture, layer, label)
        assert told.linear and told.error < 1e-4
        assert told.without == pytest.approx(float(bias[label]), abs=1e-5) and told.score == pytest.approx(
            float(own[label]), abs=1e-4
        )


def test_each_part_is_activation_times_weight_where_the_way_is_linear(tiny, picture):
    kernel = tiny.weights("logits")[0]
    maps = core.activations(tiny, picture, ["conv2_relu"])["conv2_relu"][0]
    np.testing.assert_allclose(
        core.contributions(tiny, picture, "conv2_relu", 3), maps.mean(axis=(0, 1)) * kernel[:, 3], atol=1e-5
    )


def test_one_class_against_another_is_the_difference(tiny, picture):
    for layer in ("conv1", "conv2_relu"):
        one, other = (core.contributions(tiny, picture, layer, label) for label in (1, 4))
        both = core.contributions(tiny, picture, layer, (1, 4))
        np.testing.assert_allclose(both, one - other, atol=1e-5)
    told = core.completeness(tiny, picture, "conv2_relu", (1, 4))
    assert told.score == pytest.approx(float(logits(tiny, picture)[1] - logits(tiny, picture)[4]), abs=1e-4)


def test_contributions_are_slopes(skipping, picture):
    """A channel scaled by 1 + e changes the logit by e times its contribution."""
    label, e = 2, 1e-3
    own = core.contributions(skipping, picture, "sum", label)
    run = skipping.forward
    for channel in range(6):
        scale = np.ones(6, np.float32)
        scale[channel] += e
        up = run([core.LOGITS], change={"sum": lambda value, scale=scale: value * scale})(picture)[core.LOGITS]
        rise = (float(up[0, label]) - float(logits(skipping, picture)[label])) / e
        assert rise == pytest.approx(float(own[channel]), abs=5e-3)


def test_switched_off_is_really_off(skipping, picture):
    for layer in ("start", "inner", "branch", "late"):
        lost = core.ablation_losses(skipping, picture, layer, 1, channels=[3, 0])
        for channel, loss in zip((3, 0), lost, strict=True):
            off = np.ones(skipping.layer(layer).channels, np.float32)
            off[channel] = 0
            after = skipping.forward([core.LOGITS], change={layer: lambda value, off=off: value * off})(picture)
            expected = float(logits(skipping, picture)[1]) - float(after[core.LOGITS][0, 1])
            assert loss == pytest.approx(expected, abs=1e-4)
    every = core.ablation_losses(skipping, picture, "late", 1)
    assert every.shape == (8,) and every.dtype == np.float32
    np.testing.assert_allclose(
        every, core.contributions(skipping, picture, "late", 1), atol=1e-4, err_msg="linear from here"
    )
    assert core.ablation_losses(skipping, picture, "late", 1, channels=[]).shape == (0,)


def test_completeness_is_a_number_elsewhere(skipping, picture):
    for layer in ("start", "inner", "sum", "both"):
        told = core.completeness(skipping, picture, layer, 0)
        found = core.contributions(skipping, picture, layer, 0)
        assert not told.linear and told.total == pytest.approx(found.sum(), abs=1e-4)
        off = skipping.forward([core.LOGITS], change={layer: lambda value: value * 0})(picture)[core.LOGITS][0, 0]
        assert told.without == pytest.approx(float(off), abs=1e-4)
        given = told.score - told.without
        assert told.error == pytest.approx(abs(told.total - given) / abs(given)) and np.isfinite(told.error)
    assert core.completeness(skipping, picture, "end", 0).error < 1e-5


def test_other_sizes_and_what_it_leaves_alone(tiny, pictures):
    one = pictures[:1].copy()
    found = core.contributions(tiny, one, "conv2_relu", 0)
    assert found.sum() == pytest.approx(logits(tiny, one)[0] - tiny.weights("logits")[1][0], abs=1e-4)
    assert np.array_equal(one, pictures[:1])
    np.testing.assert_allclose(core.contributions(tiny, one[0], "conv2_relu", 0), found)


def test_what_cannot_be_asked_gets_one_sentence(tiny, linear, skipping, picture):
    for sentence, net, layer, target in (
        ("has no layer 'conv9'", tiny, "conv9", 0),
        ("Expected a class from 0 to 4, got 5", tiny, "gap", 5),
        ("Expected a class from 0 to 4, got True", tiny, "gap", True),
        ("Expected two different classes, got 2 twice", tiny, "gap", (2, 2)),
        ("Expected a class or a pair of classes, got 3", tiny, "gap", (0, 1, 2)),
        ("Expected a layer on the way to the answer of skipping, got 'aside'", skipping, "aside", 0),
    ):
        for ask in (core.contributions, core.ablation_losses, core.completeness):
            with pytest.raises(ValueError, match=sentence):
                ask(net, picture, layer, target)
    with pytest.raises(ValueError, match="the only size at which linear answers"):
        core.contributions(linear, picture[:, :20], "flat", 0)
    with pytest.raises(ValueError, match="Expected channels of gap from 0 to 7, got 8"):
        core.ablation_losses(tiny, picture, "gap", 0, channels=[8])
    headless = core.classifier(keras.Sequential([keras.Input((24, 40, 3)), L.Conv2D(2, 3)]), name="headless")
    with pytest.raises(ValueError, match="Expected a network with classes, got headless"):
        core.contributions(headless, picture, next(iter(headless.layers)), 0)
