"""Expanded weights: exact where every rectifier is open, and a number that says how far they are elsewhere."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers as L  # noqa: N812

import core


def stacked(lift):
    """Three convolutions with rectifiers between; ``lift`` is the bias that opens or closes them."""
    keras.utils.set_random_seed(3)
    x = image = keras.Input((20, 24, 3), name="image")
    x = L.Conv2D(4, 3, activation="relu", padding="same", name="first")(image)
    x = L.BatchNormalization(name="norm")(L.Conv2D(5, 3, padding="same", name="second")(x))
    x = second = L.ReLU(name="second_relu")(x)
    x = L.Conv2D(6, 3, padding="same", activation="relu", name="third")(x)
    x = L.Concatenate(name="both")([x, second])
    x = L.Dense(3, name="end")(L.GlobalAveragePooling2D(name="gap")(x))
    net = core.classifier(keras.Model(image, x), name="stacked")
    for name in ("first", "second", "third"):
        kernel, bias = net.network.get_layer(name).get_weights()
        net.network.get_layer(name).set_weights([kernel, np.full_like(bias, lift)])
    normal = np.random.default_rng(1)
    net.network.get_layer("norm").set_weights([normal.uniform(0.5, 2, 5) for _ in range(4)])
    return net


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(1).random((1, 20, 24, 3), dtype=np.float32)


@pytest.fixture(scope="module")
def opened():
    return stacked(30.0)


@pytest.mark.parametrize(("layer", "source", "bent", "side"), [
    ("second_relu", core.PICTURE, 1, 5), ("third", core.PICTURE, 2, 7), ("third", "first", 1, 5),
    ("third", "second_relu", 0, 3),
])  # fmt: skip
def test_where_all_rectifiers_are_open_it_is_the_network(opened, picture, layer, source, bent, side):
    """A change of one number before moves the unit by the kernel, turned around it."""
    found = core.expanded_weights(opened, layer, 2, source, picture=picture)
    assert found.kernel.shape[:2] == (side, side) and found.nonlinearities == bent
    assert found.agreement == pytest.approx(1, abs=1e-4), "nothing is closed"
    if source == core.PICTURE:
        changed = picture.copy()
        changed[0, 10, 12, 1] += 0.5
        before, after = (core.activations(opened, one, [layer])[layer][0, ..., 2] for one in (picture, changed))
        reach = side // 2
        moved = (after - before)[10 - reach : 11 + reach, 12 - reach : 13 + reach]
        np.testing.assert_allclose(moved, 0.5 * found.kernel[::-1, ::-1, 1], atol=2e-4)


def test_one_step_down_it_is_what_feeds_the_unit(opened):
    found = core.expanded_weights(opened, "third", 1, "second_relu")
    kernel = opened.weights("third")[0]
    np.testing.assert_allclose(found.kernel, kernel[..., 1], atol=1e-6)
    assert found.strongest(3) == [one.channel for one in core.fed_by(opened, "third", 1, count=3)]
    assert found.agreement is None and found.nonlinearities == 0


def test_closed_rectifiers_make_it_a_poor_view(picture):
    net = stacked(-0.2)
    found = [core.expanded_weights(net, "third", unit, core.PICTURE, picture=picture) for unit in range(6)]
    real = [one.agreement for one in found if one.agreement is not None]
    assert real and min(real) < 0.95 and all(-1 <= one <= 1 for one in real)


def test_paths_around_the_source_are_told(opened):
    assert core.expanded_weights(opened, "both", 0, "third").bypassed
    assert not core.expanded_weights(opened, "third", 0, "second_relu").bypassed


def test_a_picture_of_another_size_is_refused_where_paths_lead_around_the_source():
    image = keras.Input((None, None, 3))
    x = L.Conv2D(4, 3, padding="same", name="first")(image)
    x = L.Add(name="sum")([L.Conv2D(4, 3, padding="same", name="deep")(x), x])
    x = L.Dense(2, name="end")(L.GlobalAveragePooling2D(name="gap")(x))
    net = core.classifier(keras.Model(image, x), name="skip", size=(8, 8))
    larger = np.random.default_rng(0).random((1, 10, 12, 3), dtype=np.float32)
    with pytest.raises(ValueError, match="a picture of 8 x 8, since paths lead around the source, got 10 x 12"):
        core.expanded_weights(net, "sum", 0, "deep", picture=larger)
    assert core.expanded_weights(net, "sum", 0, "first", picture=larger).agreement > 0.9, "nothing leads around it"


def test_a_source_within_the_nonlinearity_is_refused():
    image = keras.Input((8, 8, 3))
    x = L.Activation("tanh", name="second")(L.ReLU(name="first")(L.Conv2D(4, 3, name="conv")(image)))
    x = L.Dense(2, name="end")(L.GlobalAveragePooling2D(name="gap")(x))
    net = core.classifier(keras.Model(image, x), name="twice")
    with pytest.raises(ValueError, match="Expected a source before the nonlinearity of 'second', got 'first'"):
        core.expanded_weights(net, "second", 0, "first")


def test_layers_below_go_down_by_one_nonlinearity_each(opened, tiny):
    assert core.layers_below(opened, "third") == ["second_relu", "first", core.PICTURE]
    assert core.layers_below(tiny, "conv2_relu") == ["conv1_relu", core.PICTURE]
    for source in core.layers_below(tiny, "conv2_relu"):
        assert core.expanded_weights(tiny, "conv2_relu", 3, source).kernel.any()


def test_what_cannot_be_asked_gets_one_sentence(opened):
    with pytest.raises(ValueError, match="Expected a layer before 'first', got 'third'"):
        core.expanded_weights(opened, "first", 0, "third")
    with pytest.raises(ValueError, match="has no layer 'conv9'"):
        core.expanded_weights(opened, "third", 0, "conv9")
    image = keras.Input((8, 8, 3))
    x = L.LayerNormalization(name="norm")(L.Conv2D(4, 3, name="conv")(image))
    x = L.Dense(2, name="end")(L.GlobalAveragePooling2D()(L.Conv2D(4, 3, name="late")(x)))
    net = core.classifier(keras.Model(image, x), name="normed")
    with pytest.raises(ValueError, match="Expected layers between that are weighted sums, got 'norm'"):
        core.expanded_weights(net, "late", 0, "conv")
