"""May a map be believed: shuffled networks, likeness, and what its pixels do to the answer."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers as L  # noqa: N812

import core


def test_shuffling_goes_down_from_the_last_layer_and_shares_the_rest(tiny, pixels):
    half, whole = core.randomized(tiny, fraction=0.5), core.randomized(tiny, fraction=1.0)
    assert [np.array_equal(tiny.weights(one)[0], half.weights(one)[0]) for one in ("conv1", "conv2", "logits")] == [
        True, True, False,
    ]  # fmt: skip
    assert not np.array_equal(tiny.weights("conv1")[0], whole.weights("conv1")[0])
    assert np.array_equal(half.weights("logits")[0], whole.weights("logits")[0]), "more adds to fewer"
    assert np.array_equal(np.sort(tiny.weights("conv1")[0], None), np.sort(whole.weights("conv1")[0], None))


def test_a_layer_that_cannot_be_copied_is_named(pixels):
    class Odd(L.Layer):
        def __init__(self, factor):
            super().__init__(name="odd")
            self.factor = self.add_weight(shape=(1,), initializer="ones", name="factor")

        def call(self, x):
            return x * self.factor

        def get_config(self):
            return {}

    net = core.classifier(
        keras.Sequential([L.Input((24, 40, 3)), Odd(2), L.GlobalAveragePooling2D(name="gap")]), name="odd"
    )
    with pytest.raises(ValueError, match="Expected layers that Keras can copy, got 'odd'"):
        core.randomized(net)


def test_a_true_map_rises_and_falls_faster_than_chance(net, photo):
    target = int(core.logits_of(net, photo)[0].argmax())
    found = core.attribute(net, photo, target, method="integrated")
    chance = np.random.default_rng(0).random(found.shape).astype(np.float32)
    ours, random = (core.insertion_deletion(net, photo, target, one) for one in (found, chance))
    assert ours[0].shape == (21,) and ours[0][-1] == pytest.approx(ours[1][0], abs=1e-4)
    assert ours[1].mean() < random[1].mean(), "deleting what matters first hurts sooner"


def test_maps_of_a_shuffled_network_differ_and_the_network_itself_stays(net, photo):
    target, before = 26, core.logits_of(net, photo)
    shuffled = core.randomized(net)
    assert np.array_equal(core.logits_of(net, photo), before)
    assert not np.allclose(core.logits_of(shuffled, photo), before, atol=0.1)
    top = core.randomized(net, fraction=0.01)
    layer = core.stages(net)[-1].layer
    same, other = (core.activations(one, photo, [layer])[layer] for one in (net, top))
    np.testing.assert_allclose(same, other, atol=1e-5)
    maps = [core.attribute(one, photo, target, method="gradient") for one in (net, shuffled)]
    assert core.similarity(maps[0], maps[0]) == pytest.approx(1) and core.similarity(*maps) < 0.6
    with pytest.raises(ValueError, match="a fraction above 0"):
        core.randomized(net, fraction=0)


def test_a_map_of_another_size_is_refused(tiny, pixels):
    with pytest.raises(ValueError, match=r"Expected an attribution of shape \(24, 40\), got \(24, 39\)"):
        core.insertion_deletion(tiny, pixels, 0, np.zeros((24, 39), np.float32))
