import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as L  # noqa: N812

import core
from core.networks import activations


def maps_of(*shape, seed=0, signed=False):
    values = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return values if signed else np.maximum(values, 0)


# ------------------------------------------------------------------------------------------ activations


def test_activations_of_any_size_and_the_pictures_stay_as_they_were(tiny, pictures):
    before = pictures.copy()
    results = core.activations(tiny, pictures, ["pool1", "conv2_relu", "gap"])
    height, width = pictures.shape[1:3]
    assert list(results) == ["pool1", "conv2_relu", "gap"]
    assert results["pool1"].shape == (2, height // 2, width // 2, 6)
    assert results["conv2_relu"].shape == (2, (height // 2 - 3) // 2 + 1, width // 2 - 4, 8)
    assert results["gap"].shape == (2, 8)
    assert all(result.dtype == np.float32 for result in results.values())
    np.testing.assert_array_equal(pictures, before)
    np.testing.assert_allclose(results["conv2_relu"].mean((1, 2)), results["gap"], rtol=1e-4, atol=1e-6)


def test_pictures_do_not_influence_each_other(tiny, pictures):
    together = core.activations(tiny, pictures, ["conv2_relu"])["conv2_relu"]
    alone = core.activations(tiny, pictures[1:], ["conv2_relu"])["conv2_relu"]
    np.testing.assert_allclose(together[1:], alone, rtol=1e-4, atol=1e-5)
    assert np.abs(together[0] - together[1]).max() > 0.1


def test_results_outlive_the_call_and_do_not_follow_the_picture(tiny):
    network = keras.Sequential([L.Input((24, 40, 3)), L.Dropout(0.5, name="drop"), L.Conv2D(2, 1, name="conv")])
    net = core.classifier(network, name="n")
    picture = np.full((1, 24, 40, 3), 0.5, np.float32)
    result = core.activations(net, picture, ["drop"])["drop"]
    picture[:] = 0
    for seed in range(5):
        core.activations(net, maps_of(1, 24, 40, 3, seed=seed), ["drop", "conv"])
    np.testing.assert_array_equal(result, np.float32(0.5))


def test_half_precision_networks_answer_in_float32(pictures):
    half = keras.Sequential([L.Input((None, None, 3)), L.Conv2D(2, 3, dtype="mixed_float16", name="conv")])
    net = core.classifier(half, name="half", size=(24, 40))
    assert core.activations(net, pictures, ["conv"])["conv"].dtype == np.float32


def test_float64_and_tensors_are_pictures_too(tiny, pictures):
    expected = core.activations(tiny, pictures, ["gap"])["gap"]
    for other in (pictures.astype(np.float64), tf.constant(pictures)):
        np.testing.assert_allclose(core.activations(tiny, other, ["gap"])["gap"], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("bad", "got"),
    [
        (np.zeros((24, 40, 3), np.float32), r"float32 of shape \(24, 40, 3\)"),
        (np.zeros((1, 24, 40, 4), np.float32), r"float32 of shape \(1, 24, 40, 4\)"),
        (np.zeros((0, 24, 40, 3), np.float32), r"float32 of shape \(0, 24, 40, 3\)"),
        (np.zeros((1, 24, 40, 3), np.uint8), r"uint8 of shape \(1, 24, 40, 3\)"),
    ],
    ids=["no batch", "alpha", "empty", "uint8"],
)
def test_what_is_no_batch_of_pictures_is_refused(tiny, bad, got):
    with pytest.raises(ValueError, match=r"Expected float pictures of shape \(N, H, W, 3\), got " + got):
        core.activations(tiny, bad, ["gap"])


def test_after_a_flatten_only_one_size_will_do(linear, pictures):
    if pictures.shape[1:3] == linear.size:
        assert core.activations(linear, pictures, ["logits"])["logits"].shape == (2, 3)
        return
    sentence = "Expected pictures of 24 x 40, the only size at which linear runs to 'flat', got 23 x 41"
    with pytest.raises(ValueError, match=sentence):
        core.activations(linear, pictures, ["flat", "logits"])


def test_the_layer_that_is_named_is_the_one_that_cannot_run():
    parts = [L.Conv2D(2, 3, name="conv"), L.Flatten(name="flat")]
    net = core.classifier(keras.Sequential([L.Input((24, 40, 3)), *parts]), name="n")
    with pytest.raises(ValueError, match="runs to 'flat', got 30 x 30"):
        core.activations(net, maps_of(1, 30, 30, 3), ["flat", "conv"])


def test_a_picture_of_which_nothing_is_left_is_refused(tiny):
    net = core.classifier(keras.Sequential([L.Input((24, 40, 3)), L.Conv2D(5, 3, name="conv")]), name="n")
    with pytest.raises(ValueError, match="Expected larger pictures than 2 x 9, of which nothing is left at 'conv'"):
        core.activations(net, maps_of(1, 2, 9, 3), ["conv"])


def test_an_unknown_layer_is_named(tiny, pictures):
    with pytest.raises(ValueError, match="tiny has no layer 'conv7'; it has scale, conv1"):
        core.activations(tiny, pictures, ["conv1", "conv7"])


def test_seen_by_makes_pictures_the_networks_size(tiny, pictures):
    assert core.seen_by(tiny, pictures).shape == (2, 24, 40, 3)
    assert core.seen_by(tiny, pictures, scale=3).shape == (2, 72, 120, 3)
    for scale in (0, 9):
        with pytest.raises(ValueError, match=f"Expected a scale from 1 to 8, got {scale}"):
            core.seen_by(tiny, pictures, scale=scale)


# ------------------------------------------------------------------------------------------ predictions


def test_many_pictures_are_looked_at_a_few_at_a_time(tiny, pictures, monkeypatch):
    several, sizes, whole = np.concatenate([pictures, pictures[::-1], pictures]), [], activations.look
    together = core.predict(tiny, several)
    monkeypatch.setattr(activations, "PIXELS_AT_ONCE", 2 * tiny.size[0] * tiny.size[1])
    monkeypatch.setattr(
        activations, "look", lambda net, some, names: sizes.append(len(some)) or whole(net, some, names)
    )
    apart = core.predict(tiny, several)
    assert sizes == [2, 2, 2]
    for one, other in zip(apart, together, strict=True):
        assert [label for label, _ in one] == [label for label, _ in other]
        assert [value for _, value in one] == pytest.approx([value for _, value in other], abs=1e-5)


def test_predictions_are_those_of_keras(tiny, pictures):
    theirs = tiny.network.predict(core.seen_by(tiny, pictures), verbose=0)
    ours = core.predict(tiny, pictures, top=9)
    for row, prediction in zip(theirs, ours, strict=True):
        assert [label for label, _ in prediction] == [tiny.labels[i] for i in np.argsort(-row)]
        np.testing.assert_allclose([chance for _, chance in prediction], np.sort(row)[::-1], rtol=1e-4)
        assert sum(chance for _, chance in prediction) == pytest.approx(1, abs=1e-5)
        assert all(isinstance(chance, float) for _, chance in prediction)
    assert core.predict(tiny, pictures, top=2) == [prediction[:2] for prediction in ours]
    with pytest.raises(ValueError, match="Expected to be asked for at least one class, got 0"):
        core.predict(tiny, pictures, top=0)


def test_independent_classes_do_not_share_their_probability():
    parts = [L.GlobalAveragePooling2D(name="gap"), L.Dense(3, "sigmoid", bias_initializer="ones", name="tags")]
    network = keras.Sequential([L.Input((24, 40, 3)), *parts])
    net = core.classifier(network, name="tags", labels="abc")
    photo = maps_of(1, 24, 40, 3)
    probabilities = dict(core.predict(net, photo)[0])
    np.testing.assert_allclose([probabilities[c] for c in "abc"], network(core.seen_by(net, photo))[0], rtol=1e-4)
    assert sum(probabilities.values()) > 1.2


def test_huge_logits_stay_finite():
    network = keras.Sequential(
        [L.Input((24, 40, 3)), L.GlobalAveragePooling2D(), L.Dense(3, kernel_initializer="ones")]
    )
    net = core.classifier(network, name="loud", preprocess=lambda x: x * 1e5)
    assert sum(chance for _, chance in core.predict(net, maps_of(1, 24, 40, 3))[0]) == pytest.approx(1)


# ------------------------------------------------------------------------------------------- statistics


@pytest.mark.parametrize("shape", [(3, 4, 5, 7), (3, 7)])
def test_statistics_are_what_a_loop_gives(shape):
    activation = maps_of(*shape)
    numbers = core.statistics(activation)
    for channel in range(7):
        values = activation[..., channel].ravel()
        assert numbers.mean[channel] == pytest.approx(sum(values) / len(values), rel=1e-5)
        assert numbers.maximum[channel] == max(values)
        assert numbers.zeros[channel] == pytest.approx(sum(value == 0 for value in values) / len(values))
    assert all(part.shape == (7,) for part in (numbers.mean, numbers.maximum, numbers.zeros, numbers.dead))


def test_a_channel_is_dead_where_it_is_nowhere_above_zero():
    activation = maps_of(2, 4, 5, 4)
    activation[..., 1] = 0
    activation[..., 2] = -1
    activation[0, ..., 3] = 0
    assert core.statistics(activation).dead.tolist() == [False, True, True, False]
    assert core.statistics(activation[:1]).dead.tolist() == [False, True, True, True]


def test_strongest_first_by_mean_or_maximum():
    activation = np.array([[0.0, 3.0, 1.0, 1.0], [5.0, 3.0, 2.0, 2.0]], np.float32)
    numbers = core.statistics(activation)
    assert numbers.strongest().tolist() == [1, 0, 2, 3], "equal ones stay in order"
    assert numbers.strongest("maximum").tolist() == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="Expected 'mean' or 'maximum', got 'loud'"):
        numbers.strongest("loud")


@pytest.mark.parametrize("shape", [(4, 5, 7), (7,), (0, 4, 5, 7)])
def test_statistics_of_anything_else_are_refused(shape):
    with pytest.raises(ValueError, match=r"Expected an activation \(N, h, w, channels\) or \(N, channels\), got \("):
        core.statistics(np.zeros(shape, np.float32))


# ------------------------------------------------------------------------------------------------- maps


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("signed", [False, True])
def test_maps_are_within_zero_and_one_and_keep_their_order(shared, signed):
    activation = maps_of(5, 6, 4, signed=signed) * np.array([1, 10, 1e-3, 0], np.float32)
    scaled = core.maps(activation, shared=shared)
    assert scaled.shape == (4, 5, 6) and np.isfinite(scaled).all()
    assert scaled.min() == 0 and scaled.max() == 1
    for channel in range(3):
        before, after = activation[..., channel].ravel(), scaled[channel].ravel()
        assert (np.diff(after[np.argsort(before)]) >= 0).all()
    peaks = scaled.max((1, 2))
    assert (peaks[:3] == 1).all() if not shared else peaks.argmax() == 1 and peaks[2] < 0.6


def test_without_negative_values_zero_is_darkest():
    activation = np.array([[[2.0, 0.0], [4.0, 8.0]]], np.float32)
    np.testing.assert_allclose(core.maps(activation), [[[0.5, 1]], [[0, 1]]])
    np.testing.assert_allclose(core.maps(activation, shared=True), [[[0.25, 0.5]], [[0, 1]]])


@pytest.mark.parametrize(("value", "shown"), [(0.0, 0), (-3.0, 0), (5.0, 1)])
@pytest.mark.parametrize("shared", [False, True])
def test_constant_maps_are_finite(value, shown, shared):
    assert (core.maps(np.full((3, 4, 2), value, np.float32), shared=shared) == shown).all()


def test_maps_take_one_picture():
    with pytest.raises(ValueError, match=r"Expected the activation of one picture \(h, w, channels\), got \(1, 3, 4"):
        core.maps(np.zeros((1, 3, 4, 2), np.float32))


# ---------------------------------------------------------------------------------------------- kernels


def test_kernels_show_weight_zero_as_half_and_keep_their_signs(tiny):
    weights = tiny.network.get_layer("conv1").get_weights()[0]
    shown = core.kernels(tiny)
    assert shown.shape == (6, 3, 3, 3) and shown.min() >= 0 and shown.max() <= 1
    for index, picture in enumerate(shown):
        kernel = weights[..., index]
        np.testing.assert_allclose(picture - 0.5, kernel / np.abs(kernel).max() / 2, rtol=1e-4, atol=1e-6)


def test_a_kernel_of_zeros_is_grey():
    conv = L.Conv2D(2, (3, 5), kernel_initializer="zeros", name="conv")
    net = core.classifier(keras.Sequential([L.Input((24, 40, 1)), conv]), name="n")
    shown = core.kernels(net, "conv")
    assert shown.shape == (2, 3, 5, 3) and (shown == 0.5).all()


@pytest.mark.parametrize("layer", ["conv2", "pool1", "logits"])
def test_kernels_that_do_not_look_at_pixels_are_refused(tiny, layer):
    with pytest.raises(ValueError, match=f"Expected a convolution over RGB or grey pixels, got {layer}"):
        core.kernels(tiny, layer)


def test_a_network_without_convolution_has_no_kernels(linear):
    with pytest.raises(ValueError, match="Expected a convolution over RGB or grey pixels, got a network without one"):
        core.kernels(linear)


# -------------------------------------------------------------------------------------------------- npz


def test_npz_gives_back_what_went_in():
    arrays = {"base/conv": maps_of(1, 3, 4, 2), "logits": maps_of(1, 9), "file": maps_of(2)}
    data = core.encode_npz(arrays)
    assert isinstance(data, bytes)
    with np.load(io.BytesIO(data), allow_pickle=False) as read:
        assert sorted(read.files) == ["base.conv", "file", "logits"]
        for name, array in arrays.items():
            np.testing.assert_array_equal(read[name.replace("/", ".")], array)
            assert read[name.replace("/", ".")].dtype == array.dtype
