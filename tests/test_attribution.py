"""Attribution: closed forms on a linear network, completeness, invariances, the naive loop, and refusals."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as L  # noqa: N812

import core

NAMES = list(core.METHODS)


@pytest.fixture(scope="module")
def net():
    return core.load(core.available()[0])


@pytest.fixture(scope="module")
def photo(net):
    return core.seen_by(net, core.samples.load("cat"))


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).uniform(0.2, 0.8, (1, 24, 40, 3)).astype(np.float32)


def weights(linear, target):
    return linear.weights("logits")[0][:, target].reshape(24, 40, 3)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [(24, 40), (23, 41)])
def test_every_method_explains_a_class_and_a_channel(tiny, name, size):
    picture = np.random.default_rng(1).random((1, *size, 3), dtype=np.float32)
    before = picture.copy()
    for layer, target in ((core.LOGITS, 2), ("conv2_relu", 5)):
        found = core.attribute(tiny, picture, target, method=name, layer=layer, count=5)
        assert found.shape == size and found.dtype == np.float32 and np.isfinite(found).all() and np.ptp(found) > 0
        assert core.METHODS[name].signed or found.min() >= 0
    assert np.array_equal(picture, before)
    other = core.attribute(tiny, picture, 3, method=name, count=5)
    assert not np.allclose(other, core.attribute(tiny, picture, 2, method=name, count=5)), "the class matters"


def test_gradients_of_a_linear_network_are_its_weights(linear, pixels):
    own = weights(linear, 1)
    np.testing.assert_allclose(core.attribute(linear, pixels, 1, method="gradient"), np.abs(own).max(-1), rtol=1e-5)
    product = (own * pixels[0]).sum(-1)
    for name in ("gradient_input", "integrated"):
        np.testing.assert_allclose(core.attribute(linear, pixels, 1, method=name), product, atol=1e-5)
    for name in ("guided", "deconvnet", "smooth"):
        np.testing.assert_allclose(
            core.attribute(linear, pixels, 1, method=name, count=4), np.abs(own).max(-1), rtol=1e-4, atol=1e-6
        )


def test_integrated_gradients_add_up_to_the_change_of_the_score(net, photo):
    target = int(core.logits_of(net, photo)[0].argmax())
    change = core.logits_of(net, photo)[0, target] - core.logits_of(net, np.zeros_like(photo))[0, target]
    total = core.attribute(net, photo, target, method="integrated", count=600).sum()
    assert total == pytest.approx(change, rel=0.01)


def test_guided_backprop_and_deconvnet_by_hand():
    keras.utils.set_random_seed(3)
    image = keras.Input((6, 7, 3), name="image")
    x = L.Conv2D(4, 3, activation="relu", name="conv")(image)
    logits = L.Dense(2, name="logits")(L.Flatten(name="flat")(L.ReLU(name="relu")(x)))
    net = core.classifier(keras.Model(image, logits), name="small")
    picture = np.random.default_rng(0).random((1, 6, 7, 3), dtype=np.float32)
    kernel, bias = net.weights("conv")
    dense = net.weights("logits")[0][:, 1].reshape(1, 4, 5, 4)
    before = tf.nn.conv2d(picture, kernel, 1, "VALID") + bias
    for name, passed in (
        ("guided", np.where((before > 0) & (dense > 0), dense, 0)),
        ("deconvnet", np.maximum(dense, 0)),
    ):
        back = tf.nn.conv2d_transpose(passed, kernel, (1, 6, 7, 3), 1, "VALID").numpy()[0]
        found = core.attribute(net, picture, 1, method=name)
        np.testing.assert_allclose(found, np.abs(back).max(-1), rtol=1e-4, atol=1e-6)
    plain = core.attribute(net, picture, 1, method="gradient")
    assert not np.allclose(plain, core.attribute(net, picture, 1, method="guided"))


@pytest.mark.parametrize("name", ["grad_cam", "grad_cam_plus"])
def test_grad_cam_does_not_see_other_classes_or_softmax(tiny, pixels, name):
    own = core.attribute(tiny, pixels, 2, method=name)
    louder = keras.models.clone_model(tiny.network)
    louder.set_weights(tiny.network.get_weights())
    kernel, bias = louder.get_layer("logits").get_weights()
    scale = np.where(np.arange(5) == 2, 1.0, 50.0)
    louder.get_layer("logits").set_weights([kernel * scale, bias * scale])
    other = core.classifier(louder, name="louder", labels=tiny.labels, size=(24, 40))
    np.testing.assert_allclose(core.attribute(other, pixels, 2, method=name), own, rtol=1e-4, atol=1e-7)


def test_grad_cam_of_a_network_with_global_pooling_is_its_class_map(tiny, pixels):
    maps = core.activations(tiny, pixels, ["conv2_relu"])["conv2_relu"]
    kernel = tiny.weights("logits")[0]
    places = maps.shape[1] * maps.shape[2]
    coarse = np.maximum(maps @ kernel[:, 2] / places, 0)
    expected = tf.image.resize(coarse[..., None], (24, 40), method="bicubic").numpy()[0, ..., 0].clip(0)
    np.testing.assert_allclose(core.attribute(tiny, pixels, 2, maps="conv2_relu"), expected, rtol=1e-3, atol=1e-7)


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


def test_occluded_hides_the_square_that_was_asked_for(pixels):
    hidden = core.occluded(pixels, 0, 39, window=8)
    changed = (hidden != pixels).any(axis=-1)[0]
    assert changed.sum() == 64 and changed[:8, 32:].all()


def test_a_true_map_rises_and_falls_faster_than_chance(net, photo):
    target = int(core.logits_of(net, photo)[0].argmax())
    found = core.attribute(net, photo, target, method="integrated")
    chance = np.random.default_rng(0).random(found.shape).astype(np.float32)
    ours, random = (core.insertion_deletion(net, photo, target, one) for one in (found, chance))
    assert ours[0].shape == (21,) and ours[0][-1] == pytest.approx(ours[1][0], abs=1e-4)
    assert ours[1].mean() < random[1].mean(), "deleting what matters first hurts sooner"


def test_maps_of_a_shuffled_network_differ_and_the_network_itself_stays(net, photo):
    target, before = 26, core.logits_of(net, photo)
    shuffled = core.randomised(net)
    assert np.array_equal(core.logits_of(net, photo), before)
    assert not np.allclose(core.logits_of(shuffled, photo), before, atol=0.1)
    top = core.randomised(net, share=0.01)
    layer = core.stages(net)[-1].layer
    same, other = (core.activations(one, photo, [layer])[layer] for one in (net, top))
    np.testing.assert_allclose(same, other, atol=1e-5)
    maps = [core.attribute(one, photo, target, method="gradient") for one in (net, shuffled)]
    assert core.similarity(maps[0], maps[0]) == pytest.approx(1) and core.similarity(*maps) < 0.6
    with pytest.raises(ValueError, match="a share above 0"):
        core.randomised(net, share=0)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"method": "crystal"}, "There is no method 'crystal'; there is gradient"),
        ({"target": 5}, r"a target of \(logits\) from 0 to 4, got 5"),
        ({"target": 0.5}, "a target of"),
        ({"layer": "conv9"}, "has no layer 'conv9'"),
        ({"picture": np.full((24, 40, 3), np.nan)}, "finite values from 0 to 1"),
        ({"picture": np.zeros((2, 24, 40, 3))}, "Expected one picture"),
        ({"count": 1}, "a count from 2 to 1000"),
        ({"method": "smooth", "spread": 0}, "a spread above 0"),
        ({"method": "occlusion", "window": 25}, "a window from 1 to 24 pixels"),
        ({"method": "occlusion", "fill": "pink"}, "a fill of grey, black or blurred"),
        ({"maps": "gap"}, "maps with height and width"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_impossible_wishes_get_one_sentence(tiny, settings, sentence):
    settings = {"picture": np.full((24, 40, 3), 0.5), "target": 0, **settings}
    with pytest.raises(ValueError, match=sentence) as refusal:
        core.attribute(tiny, settings.pop("picture"), settings.pop("target"), **settings)
    assert "\n" not in str(refusal.value)
