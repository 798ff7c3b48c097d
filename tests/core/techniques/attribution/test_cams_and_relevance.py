"""The family of class activation maps, RISE and LRP: closed forms, equalities that must hold, and conservation."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as L  # noqa: N812

import core
from core.techniques.attribution import cam, catalogue, question

SIZE = (24, 40)


@pytest.fixture(autouse=True)
def seeded():
    """Layers draw their weights by the seed that is set when they are made."""
    keras.utils.set_random_seed(3)


def coarse(net, pixels):
    """The maps (h, w, C), and the weights (h, w, C) with which class 1 reads them."""
    maps = core.activations(net, pixels, ["conv"])["conv"][0]
    return maps, net.weights("top")[0][:, 1].reshape(maps.shape)


def enlarged(values):
    resized = tf.image.resize(np.maximum(values, 0)[None, ..., None].astype(np.float32), SIZE, method="bicubic")
    return resized.numpy()[0, ..., 0].clip(0)


CLOSED = {
    "grad_cam": lambda maps, slope: (slope.mean((0, 1)) * maps).sum(-1),
    "hires_cam": lambda maps, slope: (slope * maps).sum(-1),
    "layer_cam": lambda maps, slope: (np.maximum(slope, 0) * maps).sum(-1),
    "xgrad_cam": lambda maps, slope: ((slope * maps).sum((0, 1)) / (maps.sum((0, 1)) + 1e-7) * maps).sum(-1),
}


@pytest.mark.parametrize("name", CLOSED)
def test_gradient_cams_of_a_linear_end_in_closed_form(flat, pixels, name):
    maps, slope = coarse(flat, pixels)
    expected = enlarged(CLOSED[name](maps, slope))
    np.testing.assert_allclose(core.attribute(flat, pixels, 1, method=name), expected, rtol=1e-4, atol=1e-6)
    assert expected.max() > 0


def test_they_differ_where_places_are_read_differently(flat, pixels):
    found = [core.attribute(flat, pixels, 1, method=name) for name in CLOSED]
    assert all(not np.allclose(one, other) for at, one in enumerate(found) for other in found[:at])


@pytest.mark.parametrize("name", ["hires_cam", "xgrad_cam"])
def test_before_global_average_pooling_they_are_grad_cam(tiny, pixels, name):
    for target in range(5):
        own = core.attribute(tiny, pixels, target, maps="conv2_relu")
        other = core.attribute(tiny, pixels, target, method=name, maps="conv2_relu")
        np.testing.assert_allclose(other, own, rtol=1e-4, atol=1e-7)


def test_ablation_cam_of_a_linear_end_is_what_each_map_gives(flat, pixels):
    maps, slope = coarse(flat, pixels)
    score = core.logits_of(flat, pixels)[0, 1]
    weights = (maps * slope).sum((0, 1)) / abs(score)
    expected = enlarged((weights * maps).sum(-1))
    np.testing.assert_allclose(core.attribute(flat, pixels, 1, method="ablation_cam"), expected, rtol=1e-3, atol=1e-5)


def test_ablation_needs_no_end_of_its_own(pixels):
    """Where a way leads around the maps, the whole network runs, with the same answer."""
    keras.utils.set_random_seed(3)
    image = keras.Input((*SIZE, 3))
    conv = L.Conv2D(4, 3, padding="same", activation="relu", name="conv")(image)
    both = L.Concatenate(name="both")(
        [L.GlobalAveragePooling2D(name="a")(conv), L.GlobalAveragePooling2D(name="b")(image)]
    )
    net = core.classifier(keras.Model(image, L.Dense(3, name="top")(both)), name="around")
    maps = core.activations(net, pixels, ["conv"])["conv"][0]
    weights = maps.mean((0, 1)) * net.weights("top")[0][:4, 1] / abs(core.logits_of(net, pixels)[0, 1])
    expected = enlarged((weights * maps).sum(-1))
    found = core.attribute(net, pixels, 1, method="ablation_cam", maps="conv")
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)


def test_score_cam_weighs_maps_by_the_scores_of_what_they_show(flat, pixels):
    maps, _ = coarse(flat, pixels)
    masks = tf.image.resize(np.moveaxis(maps, -1, 0)[..., None], SIZE).numpy()
    low, high = masks.min((1, 2), keepdims=True), masks.max((1, 2), keepdims=True)
    masks = np.divide(masks - low, high - low, out=np.zeros_like(masks), where=high > low)  # a silent map shows nothing
    scores = core.logits_of(flat, masks * pixels)[:, 1]
    weights = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
    expected = enlarged((weights * maps).sum(-1))
    np.testing.assert_allclose(core.attribute(flat, pixels, 1, method="score_cam"), expected, rtol=1e-3, atol=1e-6)
    strongest = int(maps.max((0, 1)).argmax())
    alone = core.attribute(flat, pixels, 1, method="score_cam", channels=1)
    np.testing.assert_allclose(alone, enlarged(maps[..., strongest]), rtol=1e-3, atol=1e-6)


def test_eigen_cam_is_the_first_component_and_asks_for_no_class(flat, pixels):
    maps, _ = coarse(flat, pixels)
    rows = maps.reshape(-1, maps.shape[-1])
    values, vectors = np.linalg.eigh(np.cov(rows.T))
    component = vectors[:, values.argmax()]
    projected = ((rows - rows.mean(0)) @ component).reshape(maps.shape[:2])
    projected *= np.sign((projected * maps.mean(-1)).sum())
    found = core.attribute(flat, pixels, 1, method="eigen_cam")
    np.testing.assert_allclose(found, enlarged(projected), rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(found, core.attribute(flat, pixels, 2, method="eigen_cam"))


def test_eigen_cam_of_few_places_is_the_same(made, pixels):
    net = made(
        L.Conv2D(30, 6, strides=12, activation="relu", name="conv"), L.Flatten(name="flat"), L.Dense(3, name="top")
    )
    maps = core.activations(net, pixels, ["conv"])["conv"][0]
    rows = maps.reshape(-1, 30).astype(np.float64)
    rows = rows - rows.mean(0)
    projected = (rows @ np.linalg.svd(rows)[2][0]).reshape(maps.shape[:2])
    projected *= np.sign((projected * maps.mean(-1)).sum())
    np.testing.assert_allclose(core.attribute(net, pixels, 0, method="eigen_cam"), enlarged(projected), atol=1e-4)


def test_rise_finds_the_part_that_counts(made):
    half = np.zeros((24, 40, 3), np.float32)
    half[:, 20:] = 1
    net = made(L.Flatten(name="flat"), L.Dense(2, use_bias=False, name="top"))
    net.network.get_layer("top").set_weights([np.stack([half.ravel(), -half.ravel()], 1)])
    picture = np.full((1, 24, 40, 3), 0.5, np.float32)
    found = core.attribute(net, picture, 0, method="rise", masks=400)
    assert found[:, 24:].mean() > 8 * abs(found[:, :16].mean())
    np.testing.assert_allclose(core.attribute(net, picture, 1, method="rise", masks=400), -found, atol=1e-2)
    again = core.attribute(net, picture, 0, method="rise", masks=400)
    np.testing.assert_array_equal(found, again)
    assert not np.allclose(found, core.attribute(net, picture, 0, method="rise", masks=400, seed=1))


# ---------------------------------------------------------------------------------------------------------- LRP


def test_epsilon_is_gradient_times_input_of_a_piecewise_linear_network(made, pixels):
    parts = [L.Conv2D(6, 3, activation="relu", name="conv"), L.MaxPooling2D(name="pool"), L.Conv2D(5, 3, name="deep")]
    net = made(*parts, L.ReLU(name="relu"), L.GlobalAveragePooling2D(name="gap"), L.Dense(3, name="top"))
    found = core.attribute(net, pixels, 1, method="lrp", rule="epsilon")
    np.testing.assert_allclose(found, core.attribute(net, pixels, 1, method="gradient_input"), rtol=1e-2, atol=2e-5)


def test_lrp_of_a_linear_network_is_its_products(linear, pixels):
    own = linear.weights("logits")[0][:, 1].reshape(24, 40, 3)
    for rule in ("epsilon", "EpsilonPlusFlat"):
        found = core.attribute(linear, pixels, 1, method="lrp", rule=rule)
        np.testing.assert_allclose(found, (own * pixels[0]).sum(-1), rtol=1e-3, atol=1e-6)


def test_z_plus_by_hand(made):
    """x = (1, 2) through weights (2, -1) and (1, 3), then their sum: only what raises counts."""
    net = made(
        L.Flatten(name="flat"), L.Dense(2, activation="relu", name="hidden"), L.Dense(1, name="top"), size=(1, 1)
    )
    net.network.get_layer("hidden").set_weights(
        [np.array([[2, 1], [-1, 3], [0, 0]], np.float32), np.zeros(2, np.float32)]
    )
    net.network.get_layer("top").set_weights([np.ones((2, 1), np.float32), np.zeros(1, np.float32)])
    picture = np.array([0.9, 0.5, 0.1], np.float32).reshape(1, 1, 1, 3)
    hidden = np.array([1.8 - 0.5, 0.9 + 1.5])
    found = core.attribute(net, picture, 0, method="lrp", rule="z+")
    assert found[0, 0] == pytest.approx(hidden.sum(), rel=1e-4), "of one pixel all is its own"


def residual():
    """Normalization, skip connections, a gate, swish, a pooling and a concatenation."""
    keras.utils.set_random_seed(4)
    image = keras.Input((*SIZE, 3))
    x = L.Rescaling(2.0, offset=-1.0, name="scale")(image)
    x = L.Conv2D(8, 3, padding="same", use_bias=False, name="stem")(x)
    x = a = L.ReLU(6.0, name="relu6")(L.BatchNormalization(name="bn")(x))
    x = L.DepthwiseConv2D(3, padding="same", use_bias=False, name="dw")(x)
    x = L.Activation("relu", name="act")(L.BatchNormalization(name="bn2")(x))
    gate = L.GlobalAveragePooling2D(keepdims=True, name="squeeze")(x)
    x = L.Multiply(name="excite")([x, L.Conv2D(8, 1, activation="sigmoid", name="gate")(gate)])
    x = L.Add(name="skip")([a, x])
    x = L.Concatenate(name="both")([L.MaxPooling2D(name="max")(x), L.AveragePooling2D(2, name="mean")(x)])
    x = L.GlobalAveragePooling2D(name="gap")(L.Conv2D(6, 3, activation="relu", name="last")(x))
    return core.classifier(keras.Model(image, L.Dense(3, use_bias=False, name="top")(x)), name="residual")


def test_a_unit_that_only_its_bias_raised_loses_nothing(made, pixels):
    net = made(
        *(L.Conv2D(4, 3, activation="relu", name="conv"), L.DepthwiseConv2D(3, activation="relu", name="depth")),
        *(L.GlobalAveragePooling2D(name="gap"), L.Dense(2, use_bias=False, name="top")),
    )
    depth = net.network.get_layer("depth")
    depth.set_weights([-np.abs(depth.get_weights()[0]), np.full(4, 9, np.float32)])
    for rule in ("EpsilonPlusFlat", "z+"):
        total, score = core.conservation(
            net, pixels, 1, core.attribute(net, pixels, 1, method="lrp", rule=rule), method="lrp"
        )
        assert total == pytest.approx(score, rel=0.01)


@pytest.mark.parametrize("rule", ["EpsilonPlusFlat", "z+"])
def test_relevance_is_conserved(rule, pixels):
    net = residual()
    for target in range(3):
        found = core.attribute(net, pixels, target, method="lrp", rule=rule)
        total, score = core.conservation(net, pixels, target, found, method="lrp")
        assert score == pytest.approx(core.logits_of(net, pixels)[0, target], rel=1e-4)
        assert total == pytest.approx(score, rel=0.01)


def test_a_real_network_conserves_too(net, photo):
    target = int(core.logits_of(net, photo)[0].argmax())
    total, wanted = core.conservation(
        net, photo, target, core.attribute(net, photo, target, method="lrp"), method="lrp"
    )
    assert total == pytest.approx(wanted, rel=0.01)
    assert core.conservation(net, photo, target, np.zeros(photo.shape[1:3], np.float32), method="grad_cam") is None


@pytest.mark.parametrize(("layer", "part"), [("relu6", 1), ("skip", 1), ("last", 1), ("act", None)])
def test_relevance_at_a_layer_adds_up_to_what_goes_through_it(pixels, layer, part):
    net = residual()
    found = core.attribute(net, pixels, 1, method="lrp", maps=layer)
    total, score = core.conservation(net, pixels, 1, found, method="lrp")
    assert found.shape == SIZE
    if part:
        assert total == pytest.approx(score, rel=0.01)
    else:
        assert 0 < total / score < 0.99, "some of it goes around, over the skip connection"


def test_relevance_at_a_layer_in_closed_form(made, pixels):
    keras.utils.set_random_seed(1)
    net = made(L.Conv2D(4, 4, strides=4, name="conv"), L.Flatten(name="flat"), L.Dense(3, use_bias=False, name="top"))
    maps, weights = core.activations(net, pixels, ["conv"])["conv"][0], net.weights("top")[0][:, 1]
    arrived = (maps * weights.reshape(maps.shape)).sum(-1)
    found = core.attribute(net, pixels, 1, method="lrp", rule="epsilon", maps="conv")
    spread = tf.image.resize(arrived[..., None] / 16, SIZE).numpy()[..., 0]
    np.testing.assert_allclose(found, spread, rtol=1e-3, atol=1e-6)
    with pytest.raises(ValueError, match="maps of a layer before conv, got those of 'top'"):
        core.attribute(net, pixels, 1, method="lrp", layer="conv", maps="top")
    with pytest.raises(ValueError, match="maps with height and width, got the layer 'flat'"):
        core.attribute(net, pixels, 1, method="lrp", maps="flat")


def test_lrp_says_for_which_layer_it_has_no_rule(made, pixels):
    net = made(
        L.Conv2D(4, 3, name="conv"), L.LayerNormalization(name="odd"), L.Flatten(name="flat"), L.Dense(2, name="top")
    )
    with pytest.raises(ValueError, match="LRP has rules, got the layer 'odd', a LayerNormalization"):
        core.attribute(net, pixels, 0, method="lrp")


# ------------------------------------------------------------------------------------------- one against another


@pytest.mark.parametrize("name", ["gradient_input", "integrated", "occlusion", "rise", "lrp"])
def test_against_another_class_is_the_difference_of_linear_maps(linear, pixels, name):
    settings = {"method": name, "masks": 40, "count": 4}
    one, other = (core.attribute(linear, pixels, target, **settings) for target in (1, 2))
    found = core.attribute(linear, pixels, 1, against=2, **settings)
    np.testing.assert_allclose(found, one - other, rtol=1e-3, atol=2e-4 * np.abs(one).max())


def test_cams_against_another_class(flat, pixels):
    maps, slope = coarse(flat, pixels)
    other = flat.weights("top")[0][:, 2].reshape(maps.shape)
    expected = enlarged(((slope - other) * maps).sum(-1))
    found = core.attribute(flat, pixels, 1, method="hires_cam", against=2)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("against", "sentence"), [(1, "another unit to hold 1 against, got itself"),
                                                   (9, r"what to hold .* against from 0 to 2, got 9")])  # fmt: skip
def test_impossible_comparisons_are_refused(linear, pixels, against, sentence):
    with pytest.raises(ValueError, match=sentence):
        core.attribute(linear, pixels, 1, against=against)


def test_a_network_in_half_precision_has_the_maps_of_the_same_in_single(made, pixels):
    both = []
    for dtype in ("float32", "mixed_float16"):
        conv = L.Conv2D(3, 5, strides=3, activation="relu", dtype=dtype, name="conv")
        both.append(made(conv, L.Flatten(name="flat", dtype=dtype), L.Dense(2, name="top", dtype=dtype)))
    single, half = both
    half.network.set_weights(single.network.get_weights())
    for name in ("grad_cam", "layer_cam"):
        expected = core.attribute(single, pixels, 1, method=name)
        found = core.attribute(half, pixels, 1, method=name)
        assert expected.max() > 0
        np.testing.assert_allclose(found, expected, atol=0.02 * expected.max())
    drawn = core.look(half, pixels, "conv", draw="cam", answer=1).drawn
    np.testing.assert_allclose(drawn, core.attribute(half, pixels, 1), atol=0.02 * drawn.max())
    assert drawn.max() > 0


def test_an_empty_map_is_explained(made, pixels):
    net = made(
        L.Conv2D(2, 3, activation="relu", name="conv"), L.GlobalAveragePooling2D(name="gap"), L.Dense(2, name="top")
    )
    net.network.get_layer("top").set_weights([np.array([[-1, 1], [-1, 1]], np.float32), np.zeros(2, np.float32)])
    against, towards = (core.attribute(net, pixels, target) for target in (0, 1))
    assert against.max() == 0 and "All evidence is against it" in core.emptiness("grad_cam", against)
    assert towards.max() > 0 and core.emptiness("grad_cam", towards) == ""
    assert "inactive" in core.emptiness("gradient", np.zeros((3, 4), np.float32))


def test_fused_maps_are_the_largest_of_the_stages_on_one_scale(tiny, pixels):
    maps = ("conv1_relu", "conv2_relu")
    ends = cam.stage_ends(question.ask(tiny, pixels, 2))
    assert set(ends) <= {stage.layer for stage in core.stages(tiny)} | {cam.last_maps(tiny, core.LOGITS)}
    assert len(ends) >= 2 and ends[-1] == cam.last_maps(tiny, core.LOGITS)
    single = [core.attribute(tiny, pixels, 2, method="layer_cam", maps=one) for one in ends]
    expected = np.max([np.tanh(2 * one / max(one.max(), 1e-30)) for one in single], axis=0)
    np.testing.assert_allclose(core.attribute(tiny, pixels, 2, method="fused_cam"), expected, rtol=1e-4, atol=1e-6)
    early = core.attribute(tiny, pixels, 2, method="fused_cam", maps=maps[0])
    assert early.shape == SIZE and not np.allclose(early, expected)


def test_every_method_belongs_to_a_group_and_the_usual_row_is_no_longer():
    assert {one.group for one in core.METHODS.values()} == set(core.GROUPS)
    assert sum(one.usual for one in core.METHODS.values()) == 9
    quick = [one.quick for one in core.METHODS.values()]
    assert quick.index(False) >= 10 and {one.adds_up_to for one in core.METHODS.values()} - {""} <= set(catalogue.ENDS)
