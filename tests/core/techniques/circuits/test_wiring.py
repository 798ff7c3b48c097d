"""What feeds a unit and what it feeds: kernels of the folded weights, the same from both sides."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers as L  # noqa: N812

import core


@pytest.fixture(scope="module")
def net():
    """A separable pair with normalization and a skip connection around it, between rectifiers."""
    keras.utils.set_random_seed(2)
    image = keras.Input((24, 40, 3), name="image")
    x = start = L.Conv2D(4, 3, padding="same", activation="relu", name="start")(image)
    x = L.DepthwiseConv2D(3, padding="same", use_bias=False, name="depthwise")(x)
    x = L.BatchNormalization(name="norm")(L.Conv2D(4, 1, name="pointwise")(x))
    x = L.ReLU(name="after")(L.Add(name="sum")([x, start]))
    end = L.Dense(3, name="end")(L.GlobalAveragePooling2D(name="gap")(x))
    network = keras.Model(image, end)
    normal = np.random.default_rng(0)
    network.get_layer("norm").set_weights([normal.uniform(0.5, 2, 4) for _ in range(4)])
    return core.classifier(network, name="pair")


def expected(net, before, after):
    """The kernel from a channel of ``start`` to one of ``after``, by hand."""
    depth, point = net.weights("depthwise")[0], net.weights("pointwise")[0]
    gamma, _, _, variance = (w[after] for w in net.weights("norm"))
    gain = gamma / np.sqrt(variance + net.network.get_layer("norm").epsilon)
    kernel = depth[:, :, before, 0] * point[0, 0, before, after] * gain
    kernel[1, 1] += before == after
    return kernel


def test_a_pair_with_normalization_and_a_skip_connection_is_one_kernel(net):
    for after in range(4):
        found = core.fed_by(net, "after", after)
        assert {(one.layer, one.channel) for one in found} == {("start", i) for i in range(4)}
        assert [one.strength for one in found] == sorted((one.strength for one in found), reverse=True)
        for one in found:
            kernel = expected(net, one.channel, after)
            np.testing.assert_allclose(one.kernel, kernel, atol=1e-5)
            assert one.strength == pytest.approx(np.sqrt(np.square(kernel).sum()), rel=1e-4)


def test_what_a_unit_feeds_is_the_same_from_the_other_side(net):
    for before in range(4):
        found = core.feeds(net, "start", before)
        assert {(one.layer, one.channel) for one in found} == {("after", i) for i in range(4)}
        for one in found:
            np.testing.assert_allclose(one.kernel, expected(net, before, one.channel), atol=1e-5)


def test_ends_are_the_picture_and_the_classes(net):
    first = core.fed_by(net, "start", 1)
    assert {one.layer for one in first} == {core.PICTURE} and len(first) == 3
    for one in first:
        np.testing.assert_allclose(one.kernel, net.weights("start")[0][:, :, one.channel, 1], atol=1e-6)
    last = core.feeds(net, "after", 2)
    assert {one.layer for one in last} == {core.LOGITS} and len(last) == 3
    best = int(np.abs(net.weights("end")[0][2]).argmax())
    assert last[0].channel == best
    assert core.fed_by(net, core.LOGITS, best, count=1)[0].layer == "after"


def test_pooling_counts_as_its_mean(tiny):
    found = core.fed_by(tiny, "conv2_relu", 0)
    assert {one.layer for one in found} == {"conv1_relu"} and len(found) == 6
    assert found[0].kernel.shape == (6, 10), "a kernel of 3 x 5 over a map that was pooled by 2"
    assert {one.layer for one in core.feeds(tiny, "conv1_relu", 0)} == {"conv2_relu"}


def test_what_cannot_be_gets_one_sentence(tiny):
    for ask in (core.fed_by, core.feeds):
        with pytest.raises(ValueError, match="Expected channels of conv1 from 0 to 5, got 6"):
            ask(tiny, "conv1", 6)
        with pytest.raises(ValueError, match="has no layer 'conv9'"):
            ask(tiny, "conv9", 0)
        with pytest.raises(ValueError, match="Expected count from 1 to 4096, got 0"):
            ask(tiny, "conv1", 0, count=0)
