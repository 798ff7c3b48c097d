"""Regularizers of Yosinski et al.: each does what its name says."""

import numpy as np
import pytest
import tensorflow as tf

from core.optimize.regularizers import YosinskiRegularizer


def test_regularizers_do_what_they_say():
    x = tf.constant(np.random.default_rng(0).random((2, 23, 41, 3)), tf.float32)
    slope, step = x - 0.3, tf.constant(4)
    assert YosinskiRegularizer(decay=0.25)(x, slope, step).numpy() == pytest.approx(
        0.5 + 0.75 * (x.numpy() - 0.5), abs=1e-6
    )
    blurred = YosinskiRegularizer(blur=1.0, blur_every=4)(x, slope, step).numpy()
    assert blurred.std() < 0.5 * x.numpy().std() and blurred.mean() == pytest.approx(x.numpy().mean(), abs=0.01)
    assert YosinskiRegularizer(blur=1.0, blur_every=4)(x, slope, tf.constant(5)).numpy() == pytest.approx(
        x.numpy(), abs=1e-6
    )
    for regularizer in (YosinskiRegularizer(clip_small_norm=30), YosinskiRegularizer(clip_small_contribution=30)):
        grey = (regularizer(x, slope, step).numpy() == 0.5).all(-1).mean(axis=(1, 2))
        assert grey == pytest.approx(0.3, abs=0.01)
    kept = np.abs(YosinskiRegularizer(clip_small_norm=30)(x, slope, step).numpy() - 0.5)
    norms = np.linalg.norm(x.numpy() - 0.5, axis=-1)
    assert norms[kept.any(-1)].min() >= np.percentile(norms[0], 30) * 0.9
