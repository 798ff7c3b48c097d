"""Occlusion: the naive loop, closed forms on a linear network, and crops that tell what whole pictures tell."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import core
from core.networks import folding
from core.techniques.attribution import crops


def weights(linear, target):
    return linear.weights("logits")[0][:, target].reshape(24, 40, 3)


def test_occlusion_is_the_naive_loop(tiny, pixels):
    _, falls = core.occlusion(tiny, pixels, 1, window=6, stride=6)
    whole = core.logits_of(tiny, pixels)[0, 1]
    naive = []
    for row in (0, 6, 12, 18):
        for column in (*range(0, 34, 6), 34):
            hidden = pixels.copy()
            hidden[0, row : row + 6, column : column + 6] = 0.5
            naive.append(whole - core.logits_of(tiny, hidden)[0, 1])
    np.testing.assert_allclose(falls.ravel(), naive, atol=1e-5)
    fills = [core.occlusion(tiny, pixels, 1, window=6, fill=fill)[1] for fill in ("grey", "black", "blurred")]
    assert not np.allclose(fills[0], fills[1]) and not np.allclose(fills[0], fills[2])


@pytest.mark.parametrize("fill", ["black", "blurred"])
def test_crops_around_the_square_tell_what_whole_pictures_tell(net, photo, fill, monkeypatch):
    crop = crops._crop(net, core.LOGITS, net.size, 7)
    assert crop and all(kept < whole for kept, whole in zip(crop.kept, crop.cells, strict=True)), "crops are used"
    fast = core.occlusion(net, photo, 3, window=7, fill=fill)
    _, other = core.occlusion(net, photo, 3, window=7, stride=5, fill=fill)
    monkeypatch.setattr(crops, "_crop", lambda *_: None)
    again = net.prepared()
    for one, naive in zip(fast, core.occlusion(again, photo, 3, window=7, fill=fill), strict=True):
        np.testing.assert_allclose(one, naive, atol=1e-4)
    np.testing.assert_allclose(other, core.occlusion(again, photo, 3, window=7, stride=5, fill=fill)[1], atol=1e-4)


def test_crops_with_another_padding_are_not_trusted(net):
    crop = crops._crop(net, core.LOGITS, net.size, 7)
    first, _ = folding.halves(net, crop.layer, core.LOGITS)
    assert crops._tells_the_same(crop, first, net.size)
    assert not crops._tells_the_same(crop, lambda x: first(tf.roll(x, tf.shape(x)[1] // 3, axis=1)), net.size)


def test_every_target_from_one_set_of_hidden_pictures(tiny, pixels):
    maps, falls = core.occlusions(tiny, pixels, [4, 0, 2], window=0.25)
    assert maps.shape == (3, 24, 40) and falls.shape[0] == 3
    for target, own, fall in zip([4, 0, 2], maps, falls, strict=True):
        alone = core.occlusion(tiny, pixels, target, window=6)
        np.testing.assert_allclose(own, alone[0], atol=1e-6)
        np.testing.assert_allclose(fall, alone[1], atol=1e-6)
    with pytest.raises(ValueError, match="Expected at least one target, got none"):
        core.occlusions(tiny, pixels, [])


def test_occlusion_of_a_unit_is_the_fall_of_the_mean_of_its_map(tiny, pixels):
    _, falls = core.occlusion(tiny, pixels, 3, layer="conv2_relu", window=8, stride=8, fill="black")
    hidden = pixels.copy()
    hidden[0, 8:16, 16:24] = 0
    before, after = (core.activations(tiny, one, ["conv2_relu"])["conv2_relu"][0, ..., 3] for one in (pixels, hidden))
    assert falls[1, 2] == pytest.approx(before.mean() - after.mean(), abs=1e-5)


def test_occlusion_of_a_linear_network_is_what_the_square_held(linear, pixels):
    own = weights(linear, 2)
    found, falls = core.occlusion(linear, pixels, 2, window=8, stride=8, fill="black")
    product = (own * pixels[0]).sum(-1).reshape(3, 8, 5, 8).sum(axis=(1, 3))
    np.testing.assert_allclose(falls, product, atol=1e-4)
    np.testing.assert_allclose(found, product.repeat(8, axis=0).repeat(8, axis=1), atol=1e-4)


def test_windows_are_pixels_or_shares_of_the_shorter_side():
    assert [core.window_side((24, 40), one) for one in (None, 1, 24, 0.5, 1 / 3, 0.001, 7.0)] == [3, 1, 24, 12, 8, 1, 7]


def test_occluded_hides_the_square_that_was_asked_for(pixels):
    hidden = core.occluded(pixels, 0, 39, window=8)
    changed = (hidden != pixels).any(axis=-1)[0]
    assert changed.sum() == 64 and changed[:8, 32:].all()
