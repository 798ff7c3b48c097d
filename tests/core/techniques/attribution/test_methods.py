"""Attribution: closed forms on a linear network, completeness, invariances, the naive loop, and refusals."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as L  # noqa: N812

import core
from core.techniques.attribution import catalogue, gradients
from tests.core.network_styles import SIZE, Subclassed, functional, sequential

NAMES = list(core.METHODS)


def weights(linear, target):
    return linear.weights("logits")[0][:, target].reshape(24, 40, 3)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [(24, 40), (23, 41)])
def test_every_method_explains_a_class_and_a_channel(tiny, name, size):
    picture = np.random.default_rng(1).random((1, *size, 3), dtype=np.float32)
    before = picture.copy()
    for layer, target in ((core.LOGITS, 2), ("conv2_relu", 5)):
        found = core.attribute(tiny, picture, target, method=name, layer=layer, count=5, masks=60)
        assert found.shape == size and found.dtype == np.float32 and np.isfinite(found).all() and np.ptp(found) > 0
        assert core.METHODS[name].signed or found.min() >= 0
    assert np.array_equal(picture, before)
    other = core.attribute(tiny, picture, 3, method=name, count=5, masks=60)
    same = np.allclose(other, core.attribute(tiny, picture, 2, method=name, count=5, masks=60))
    assert same == (name == "eigen_cam"), "the class matters, but where no class is asked for"


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


def test_blurred_and_expected_gradients_of_a_linear_network(linear, pixels):
    own = weights(linear, 1)
    blurred = gradients.most_blurred(pixels)
    found = core.attribute(linear, pixels, 1, method="blur_integrated", count=7)
    np.testing.assert_allclose(found, (own * (pixels - blurred)[0]).sum(-1), atol=1e-5)
    total, wanted = core.conservation(linear, pixels, 1, found, method="blur_integrated")
    assert total == pytest.approx(wanted, abs=1e-3)
    np.testing.assert_allclose(blurred.mean((1, 2)), pixels.mean((1, 2)), atol=1e-5)
    assert blurred.std() < pixels.std() / 5, "a blur keeps the mean and takes away the rest"
    found = core.attribute(linear, pixels, 1, method="expected", count=9, seed=2)
    rng, starts = np.random.default_rng(2), gradients.photographs(24, 40)
    rng.permutation(9), rng.random(9)
    mean = starts[rng.integers(0, len(starts), 9)].mean(axis=0)
    np.testing.assert_allclose(found, (own * (pixels[0] - mean)).sum(-1), atol=1e-4)


def test_integrated_gradients_add_up_to_the_change_of_the_score(net, photo):
    target = int(core.logits_of(net, photo)[0].argmax())
    change = core.logits_of(net, photo)[0, target] - core.logits_of(net, np.zeros_like(photo))[0, target]
    total = core.attribute(net, photo, target, method="integrated", count=300).sum()
    assert total == pytest.approx(change, rel=0.01)
    found = core.attribute(net, photo, target, method="blur_integrated", count=300)
    total, wanted = core.conservation(net, photo, target, found, method="blur_integrated")
    assert total == pytest.approx(wanted, rel=0.01)


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


# ---------------------------------------------------------------------------------- styles and usual failures


def body(top):
    return [
        L.Conv2D(16, 3, strides=2, name="conv"),
        L.BatchNormalization(moving_mean_initializer="random_normal", name="norm"),
        L.ReLU(name="relu"),
        L.MaxPooling2D(2, name="pool"),
        L.GlobalAveragePooling2D(name="gap"),
        L.Dense(5, kernel_initializer=keras.initializers.RandomNormal(0, 2), name="scores"),
        *([L.Activation("softmax", name="predictions")] if top else []),
    ]


def nested(parts):
    inner = keras.Sequential([L.Input((None, None, 3)), *parts[:4]], name="base")
    return functional([inner, *parts[4:]])


STYLES = {
    "functional": functional,
    "Sequential": sequential,
    "nested": nested,
    "subclassed": Subclassed,
    "grey": lambda parts: functional(parts, channels=1),
}


@pytest.fixture(scope="module")
def styled():
    """{(style, with softmax): classifier}, all with the same weights but for the grey one."""
    found = {}
    for style, make in STYLES.items():
        for top in (False, True):
            keras.utils.set_random_seed(5)
            found[style, top] = core.classifier(make(body(top)), name=style, size=SIZE)
    return found


KINDS = ("gradient", "guided", "grad_cam", "ablation_cam", "lrp", "occlusion", "rise")
"""One method of each way of asking a network; the others differ in what they do with the answer."""
CASES = [("functional", name) for name in NAMES] + [(style, name) for style in STYLES for name in KINDS]


@pytest.mark.parametrize(("style", "name"), list(dict.fromkeys(CASES)))
def test_every_method_on_every_style(styled, pixels, style, name):
    found = core.attribute(styled[style, False], pixels, **asked(styled[style, False], pixels, name))
    assert found.shape == SIZE and np.isfinite(found).all() and np.ptp(found) > 0


@pytest.mark.parametrize("style", ["functional", "nested"])
@pytest.mark.parametrize("name", KINDS)
def test_the_softmax_is_off_so_the_map_is_that_of_the_network_without_one(styled, pixels, name, style):
    found, expected = (
        core.attribute(styled[style, top], pixels, **asked(styled[style, top], pixels, name)) for top in (True, False)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def asked(net, pixels, name):
    return {
        "target": int(core.logits_of(net, pixels)[0].argmax()), "method": name, "count": 4, "window": 6, "masks": 40,
    }  # fmt: skip


@pytest.mark.parametrize("style", STYLES)
def test_a_network_of_any_style_can_be_shuffled(styled, pixels, style):
    net = styled[style, True]
    other = core.randomized(net)
    assert not np.allclose(core.logits_of(net, pixels), core.logits_of(other, pixels), atol=0.01)
    maps = [core.attribute(one, pixels, 2, method="gradient") for one in (net, other)]
    assert not np.allclose(*maps)


def plain(last, scale=1.0):
    """A network whose last maps are made by ``last``; its logits are ``scale`` times as large, under softmax."""
    keras.utils.set_random_seed(5)
    parts = [L.Conv2D(6, 3, strides=2, activation="relu", name="conv"), *last, L.GlobalAveragePooling2D(name="gap")]
    spread = keras.initializers.RandomNormal(0, scale)
    parts += [L.Dense(3, kernel_initializer=spread, activation="softmax", name="top")]
    return core.classifier(functional(parts), name="plain", size=SIZE)


@pytest.mark.parametrize("name", ["gradient", "guided", "grad_cam", "grad_cam_plus", "integrated"])
def test_a_saturated_softmax_does_not_empty_the_map(pixels, name):
    net = plain([], scale=1e5)
    assert net.probabilities(core.logits_of(net, pixels)).max() == 1, "no gradient is left behind the softmax"
    targets = core.logits_of(net, pixels)[0].argmax()
    found = core.attribute(net, pixels, int(targets), method=name)
    assert np.isfinite(found).all() and np.ptp(found) > 0


def test_grad_cam_takes_the_last_maps_that_are_larger_than_one_place(pixels):
    net = plain([L.AveragePooling2D((11, 19), name="whole"), L.Conv2D(4, 1, activation="relu", name="narrow")])
    assert net.layers["narrow"].shape[:2] == (1, 1)
    found = core.attribute(net, pixels, 0)
    np.testing.assert_allclose(found, core.attribute(net, pixels, 0, maps="conv"))
    single = core.attribute(net, pixels, 0, maps="narrow")
    assert np.ptp(single) < 1e-5, "one place, one value"


def test_grad_cam_of_a_unit_takes_maps_that_lead_to_it(pixels):
    keras.utils.set_random_seed(5)
    image = keras.Input((*SIZE, 3), name="image")
    root = L.Conv2D(4, 3, activation="relu", name="root")(image)
    sides = [L.Conv2D(4, 3, activation="relu", name=side)(root) for side in ("left", "right")]
    means = [L.GlobalAveragePooling2D(name=f"mean_{one.name}")(one) for one in sides]
    logits = L.Dense(2, name="top")(L.Concatenate(name="both")(means))
    net = core.classifier(keras.Model(image, logits), name="branches", size=SIZE)
    left = next(name for name in net.layers if net.before(name)[-1:] == ["left"])
    assert net.before(left) == ["root", "left"] and {"left", "right"} <= set(net.before(core.LOGITS))
    unit = int(core.activations(net, pixels, [left])[left].argmax())
    found = core.attribute(net, pixels, unit, layer=left)
    np.testing.assert_allclose(found, core.attribute(net, pixels, unit, layer=left, maps="left"))
    assert np.ptp(found) > 0


def test_layers_that_are_neither_units_nor_maps_are_refused(pixels):
    parts = [L.Conv2D(4, 3, name="conv"), L.Reshape((-1, 8), name="rows"), L.GlobalAveragePooling1D(name="gap")]
    net = core.classifier(functional([*parts, L.Dense(2, name="top")]), name="rows", size=SIZE)
    with pytest.raises(ValueError, match="rows has no layer 'rows'"):
        core.attribute(net, pixels, 0, layer="rows")
    assert np.ptp(core.attribute(net, pixels, 0, method="gradient")) > 0


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"method": "crystal"}, "There is no method 'crystal'; there is gradient"),
        ({"target": 5}, r"a target of \(logits\) from 0 to 4, got 5"),
        ({"target": 0.5}, "a target of"),
        ({"layer": "conv9"}, "has no layer 'conv9'"),
        ({"picture": np.full((24, 40, 3), np.nan)}, "finite values from 0 to 1"),
        ({"picture": np.zeros((2, 24, 40, 3))}, "Expected one picture"),
        ({"count": 1}, "Expected count from 2 to 1000, got 1"),
        ({"method": "smooth", "spread": 0}, "Expected spread from 0.001 to 1, got 0"),
        ({"method": "occlusion", "window": 25}, "a window from 1 to 24 pixels"),
        ({"method": "occlusion", "window": 0}, "or a fraction of them below 1, got 0"),
        ({"method": "occlusion", "window": 2.5}, "a window from 1 to 24 pixels"),
        ({"method": "occlusion", "window": True}, "Expected window from 0 to 4096, got True"),
        ({"method": "occlusion", "fill": "pink"}, "Expected fill among grey, black, blurred, got 'pink'"),
        ({"strength": 3}, "There is no setting 'strength'; there is rule, count, seed, spread, window, fill, channels"),
        ({"maps": "gap"}, "maps with height and width"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_impossible_wishes_get_one_sentence(tiny, settings, sentence):
    settings = {"picture": np.full((24, 40, 3), 0.5), "target": 0, **settings}
    with pytest.raises(ValueError, match=sentence) as refusal:
        core.attribute(tiny, settings.pop("picture"), settings.pop("target"), **settings)
    assert "\n" not in str(refusal.value)


def test_a_method_says_what_can_be_set_and_each_setting_changes_its_map(tiny, pixels):
    others = {"count": 3, "spread": 0.4, "seed": 7, "window": 9, "fill": "black"}
    others |= {"channels": 3, "masks": 50, "rule": "z+"}
    for name, method in core.METHODS.items():
        usual = core.attribute(tiny, pixels, 1, method=name)
        for setting in method.settings:
            assert setting.check(others[setting.name]) == others[setting.name] != setting.default
            changed = core.attribute(tiny, pixels, 1, method=name, **{setting.name: others[setting.name]})
            assert not np.array_equal(usual, changed), (name, setting.name)
        ignored = {key: value for key, value in others.items() if key not in [one.name for one in method.settings]}
        assert np.array_equal(usual, core.attribute(tiny, pixels, 1, method=name, **ignored)), name


def test_a_new_method_is_a_function_and_a_row(tiny, pixels, monkeypatch):
    def red(question, *, power):
        return question.picture[0, ..., 0] ** power

    power = core.Setting("power", "Power", 1.0, least=1.0, most=3.0)
    row = core.Method("Red", "How red it is.", red, (power,))
    monkeypatch.setattr(catalogue, "METHODS", {**core.METHODS, "red": row})
    np.testing.assert_allclose(core.attribute(tiny, pixels, 0, method="red"), pixels[0, ..., 0])
    np.testing.assert_allclose(core.attribute(tiny, pixels, 0, method="red", power=2.0), pixels[0, ..., 0] ** 2)
    with pytest.raises(ValueError, match="Expected power from 1 to 3, got 4"):
        core.attribute(tiny, pixels, 0, method="red", power=4)
