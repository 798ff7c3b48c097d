"""What excites a unit: windows, projections, and units switched off by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as L  # noqa: N812

import core
from core.networks.gradient_overrides import GRADIENT_OVERRIDES, overridden
from core.networks.unit_index import window_of

MAPS = "conv2_relu"


@pytest.fixture(scope="module")
def pictures():
    return core.as_set(np.random.default_rng(3).random((150, 24, 40, 3), dtype=np.float32))


def indexed(net, layer, pictures, **settings):
    *_, last = core.index_units(net, [layer], pictures, **settings)
    return last[layer]


def test_few_pictures_give_few_patches(tiny, pictures):
    few = core.as_set(pictures.pictures(range(4)))
    found = indexed(tiny, MAPS, few)
    best = core.patches(tiny, found, few, 3)
    assert len(best) == 4 and best.cut().shape[0] == 4 and sorted(best.which.tolist()) == [0, 1, 2, 3]


@pytest.mark.parametrize("layer", ["conv1_relu", "pool1", MAPS])
def test_nothing_outside_of_the_patch_changes_the_unit(tiny, pictures, layer):
    found = indexed(tiny, layer, pictures)
    rng = np.random.default_rng(5)
    for channel in range(found.channels):
        best = core.patches(tiny, found, pictures, channel)
        field = tiny.layer(layer).receptive_field
        assert best.cut().shape[1:3] == field.size
        outside = rng.random(best.pictures.shape, dtype=np.float32)
        for one, picture, (top, left, bottom, right) in zip(outside, best.pictures, best.windows, strict=True):
            assert top >= 0 and left >= 0 and bottom <= 24 and right <= 40
            one[top:bottom, left:right] = picture[top:bottom, left:right]
        units_there = (np.arange(len(best)), best.positions[:, 0], best.positions[:, 1], channel)
        after = core.activations(tiny, outside, [layer])[layer][units_there]
        np.testing.assert_allclose(after, best.values, rtol=1e-4, atol=1e-5)


def test_window_is_exactly_the_receptive_field_inside_the_picture(tiny):
    field = tiny.layer(MAPS).receptive_field
    for row, column in ((1, 1), (2, 7), (3, 14)):
        assert window_of(tiny, MAPS, row, column) == field.window(row, column)
    assert field.window(0, 0) == (-1, -1, 7, 11) and window_of(tiny, MAPS, 0, 0) == (0, 0, 8, 12), "moved inside"
    assert window_of(tiny, "conv1_relu", 0, 39) == (0, 37, 3, 40)
    assert window_of(tiny, "gap", 0, 0) == (0, 0, 24, 40)


def test_patches_of_a_layer_without_places_are_whole_pictures(tiny, pictures):
    for layer in ("gap", "logits"):
        best = core.patches(tiny, indexed(tiny, layer, pictures), pictures, 2)
        assert np.array_equal(best.cut(), best.pictures) and not best.positions.any()
        back = core.projection(tiny, best.pictures, layer, 2, positions=best.positions)
        assert back.shape == best.pictures.shape and np.ptp(back) > 0


@pytest.mark.parametrize("method", core.PROJECTIONS)
@pytest.mark.parametrize("layer", ["conv1_relu", MAPS])
def test_projection_is_zero_outside_of_the_window_and_not_inside(tiny, pictures, method, layer):
    best = core.patches(tiny, indexed(tiny, layer, pictures), pictures, 1)
    back = core.projection(tiny, best.pictures, layer, 1, positions=best.positions, method=method)
    inside = np.zeros(back.shape, bool)
    for one, (top, left, bottom, right) in zip(inside, best.windows, strict=True):
        one[top:bottom, left:right] = True
    assert not back[~inside].any()
    assert all(np.ptp(one) > 0 for one in best.cut(back))
    own = core.projection(tiny, best.pictures, layer, 1, method=method)
    np.testing.assert_allclose(own, back, err_msg="without places it finds the strongest itself")


def test_plain_projection_is_the_gradient(tiny, pictures, linear):
    batch = pictures.pictures([0, 1])
    weights = linear.weights("logits")[0][:, 1].reshape(24, 40, 3)
    for method in core.PROJECTIONS:
        np.testing.assert_allclose(core.projection(linear, batch, "logits", 1, method=method)[0], weights, rtol=1e-5)
    step = np.float32(1e-2)
    back = core.projection(tiny, batch[:1], "conv1", 0, positions=[(4, 6)], method="gradient")
    more = batch[:1].copy()
    more[0, 4, 6, 1] += step
    rise = (core.activations(tiny, more, ["conv1"])["conv1"] - core.activations(tiny, batch[:1], ["conv1"])["conv1"])[
        0, 4, 6, 0
    ]
    assert back[0, 4, 6, 1] == pytest.approx(rise / step, rel=1e-2)


def test_methods_differ(tiny, pictures):
    best = core.patches(tiny, indexed(tiny, MAPS, pictures), pictures, 1)
    found = [
        core.projection(tiny, best.pictures, MAPS, 1, positions=best.positions, method=m) for m in core.PROJECTIONS
    ]
    assert not np.allclose(found[0], found[1]) and not np.allclose(found[1], found[2])


@pytest.mark.parametrize(
    "bounded",
    [L.ReLU(6.0, name="relu6"), L.Activation("relu6", name="relu6"), keras.ops.relu6],
    ids=["layer", "activation", "function"],
)
def test_rectifier_with_a_ceiling_keeps_it(bounded):
    image = keras.Input((24, 40, 3), name="image")
    bounded = bounded(L.Conv2D(4, 3, name="conv")(image))
    net = core.classifier(keras.Model(image, L.Dense(2, name="end")(L.Flatten(name="flat")(bounded))), name="six")
    net.network.get_layer("conv").set_weights([np.ones((3, 3, 3, 4), np.float32), np.zeros(4, np.float32)])
    picture = tf.ones((1, 24, 40, 3))
    layer = list(net.layers)[1]
    for rectifier in GRADIENT_OVERRIDES.values():
        assert float(tf.reduce_max(overridden(net, [layer], rectifier)(picture)[layer])) == 6
    assert not core.projection(net, picture.numpy(), layer, 0, method="gradient").any(), "at its ceiling"
    for method in GRADIENT_OVERRIDES:
        assert core.projection(net, picture.numpy(), layer, 0, method=method).any(), "these know no ceiling"


def test_around_grey_uses_the_range_and_keeps_the_sign(tiny):
    values = np.random.default_rng(0).normal(size=(2, 5, 7, 3)).astype(np.float32)
    values[1] = 0
    shown = core.around_grey(values)
    assert shown.min() == 0 and shown.max() == 1 and (shown[1] == 0.5).all()
    assert (np.sign(shown[0] - 0.5) == np.sign(values[0])).all()
    with pytest.raises(ValueError, match=r"Expected gradients of shape \(N, H, W, 3\)"):
        core.around_grey(values[0])


def test_a_change_is_seen_by_what_comes_behind(tiny):
    batch = tf.constant(np.random.default_rng(0).random((1, 24, 40, 3), dtype=np.float32))
    plain = tiny.forward(["conv1_relu", "pool1"])(batch)
    changed = tiny.forward(["conv1_relu", "pool1"], change={"conv1_relu": lambda value: value + 1})(batch)
    for layer in plain:
        np.testing.assert_allclose(changed[layer], plain[layer] + 1, rtol=1e-5)
    with pytest.raises(ValueError, match="has no layer 'conv9'"):
        tiny.forward(["pool1"], change={"conv9": lambda value: value})


def test_what_cannot_be_cut_or_projected_gets_one_sentence(tiny, pictures):
    found = indexed(tiny, MAPS, pictures)
    with pytest.raises(ValueError, match="Expected a channel of conv2_relu from 0 to 7, got 8"):
        core.patches(tiny, found, pictures, 8)
    with pytest.raises(ValueError, match="Expected a channel of conv2_relu from 0 to 7, got -1"):
        found.correlations(-1)
    with pytest.raises(ValueError, match="Expected the set of 150 pictures that was indexed, got one of 3"):
        core.patches(tiny, found, core.as_set(pictures.pictures([0, 1, 2])), 1)
    best = core.patches(tiny, found, pictures, 1)
    with pytest.raises(ValueError, match="Expected arrays of shape"):
        best.cut(best.pictures[:2])
    for sentence, settings in (
        ("There is no projection 'lrp'; there is deconvnet, guided, gradient", {"method": "lrp"}),
        ("Expected channels of conv2_relu from 0 to 7, got 99", {"channel": 99}),
        ("has no layer 'conv9'", {"layer": "conv9"}),
        ("Expected a row and a column for each of 9 pictures", {"positions": [(0, 0)]}),
        ("Expected positions within the 5 x 16 map of conv2_relu", {"positions": [(99, 0)] * 9}),
        (r"Expected pictures \(N, H, W, 3\), got shape", {"pictures": best.pictures[0]}),
        ("Expected pictures of finite values from 0 to 1", {"pictures": best.pictures + 2}),
    ):
        asked = {"pictures": best.pictures, "layer": MAPS, "channel": 1, **settings}
        with pytest.raises(ValueError, match=sentence):
            core.projection(tiny, asked.pop("pictures"), asked.pop("layer"), asked.pop("channel"), **asked)
