"""Steps that cost less give the values and gradients of those that they replace."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as L  # noqa: N812

import core
from core.networks import folding
from core.networks.classifiers import PICTURES
from core.networks.faster_steps import faster

SIZES = ((23, 32), (24, 25), (26, 28))


def value_and_gradient(forward, pictures):
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        found = forward(pictures)["end"]
        score = tf.reduce_sum(found**2)
    return found, tape.gradient(score, pictures)


def assert_the_same(network):
    """At even and odd sizes, from one trace."""
    net = core.classifier(network, name="steps", size=SIZES[0])
    fast, usual = folding.forward(net, ["end"]), net.forward(["end"])
    compiled = tf.function(
        lambda x: value_and_gradient(lambda y: fast(y, tf.zeros((2,), tf.int32)), x), input_signature=[PICTURES]
    )
    for size in SIZES:
        pictures = tf.constant(np.random.default_rng(0).random((2, *size, 3), dtype=np.float32))
        for one, other in zip(compiled(pictures), value_and_gradient(usual, pictures), strict=True):
            assert one.shape == other.shape
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5 * np.abs(other).max())
    return {type(step.operation).__name__ for step in faster(net.graph).steps}


@pytest.mark.parametrize(
    ("side", "stride", "padding"),
    [one for one in itertools.product((2, 3, 4, 7), (1, 2, 3, 4), ("same", "valid")) if one[1] <= one[0]],
)
def test_a_convolution_over_colours(side, stride, padding):
    keras.utils.set_random_seed(0)
    image = keras.Input((None, None, 3))
    x = L.Conv2D(5, side, stride, padding, activation="relu", bias_initializer="random_normal", name="first")(image)
    assert "_PictureConvolution" in assert_the_same(keras.Model(image, L.Conv2D(4, 1, name="end")(x)))


@pytest.mark.parametrize(("pads", "exchanged"), [(((0, 1), (0, 1)), True), (((1, 1), (1, 1)), False)])
def test_zeros_around_a_depthwise_convolution(pads, exchanged):
    keras.utils.set_random_seed(0)
    image = keras.Input((None, None, 3))
    x = L.ZeroPadding2D(pads)(L.Conv2D(6, 1)(image))
    x = L.BatchNormalization(beta_initializer="random_normal")(L.DepthwiseConv2D(3, 2, "valid")(x))
    found = assert_the_same(keras.Model(image, L.Conv2D(4, 1, name="end")(L.ReLU(6)(x))))
    assert ("_PaddedDepthwise" in found) == exchanged
