"""Updates: Adam is that of Keras; every length of a gradient is what its name says."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from core.optimize.updates import Adam, GradientAscent


def test_adam_is_that_of_keras():
    for nesterov, peer in [(False, keras.optimizers.Adam(0.1)), (True, None)]:
        update, x = Adam(0.1, nesterov=nesterov), tf.constant(np.ones((1, 2, 2, 3), np.float32))
        variable, memory = tf.Variable(x), update.start(x)
        for step in range(5):
            slope = tf.cos(x * (step + 1))
            x, memory = update(x, slope, memory, tf.constant(step))
            if peer is not None:
                peer.apply([-slope], [variable])
                assert x.numpy() == pytest.approx(variable.numpy(), abs=1e-5)


def test_a_step_of_gradient_ascent_has_the_length_that_was_asked_for():
    gradient = tf.constant(np.random.default_rng(0).normal(size=(2, 5, 7, 3)), tf.float32)
    lengths = {
        "mean": lambda step: np.abs(step).mean(axis=(1, 2, 3)),
        "std": lambda step: step.std(axis=(1, 2, 3)),
        "rms": lambda step: np.sqrt(np.square(step).mean(axis=(1, 2, 3))),
        "l2": lambda step: np.sqrt(np.square(step).sum(axis=(1, 2, 3))),
    }
    for normalize, length in lengths.items():
        update = GradientAscent(0.25, normalize)
        moved, _ = update(tf.zeros_like(gradient), 1000 * gradient, update.start(gradient), tf.constant(0))
        assert length(moved.numpy()) == pytest.approx(0.25, rel=1e-4)
    moved, _ = GradientAscent(0.25, "none")(tf.zeros_like(gradient), gradient, (), tf.constant(0))
    assert moved.numpy() == pytest.approx(0.25 * gradient.numpy(), rel=1e-5)


@pytest.mark.parametrize("normalize", ["mean", "std", "rms", "l2"])
def test_no_gradient_is_no_step(normalize):
    moved, _ = GradientAscent(0.25, normalize)(tf.ones((1, 2, 2, 3)), tf.zeros((1, 2, 2, 3)), (), tf.constant(0))
    assert (moved.numpy() == 1).all()
