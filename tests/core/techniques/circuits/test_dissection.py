"""One number step by step: the last line is the number of the map, for every kind of layer."""

from __future__ import annotations

from collections import defaultdict

import keras
import numpy as np
import pytest
from keras import layers as L  # noqa: N812
from keras import ops

import core

RNG = np.random.default_rng(0)
FAMILIES = {
    "VGG16": 64, "ResNet50": 64, "ResNet50V2": 64, "InceptionV3": 96, "InceptionResNetV2": 96, "Xception": 96,
    "MobileNet": 64, "MobileNetV2": 64, "MobileNetV3Small": 64, "DenseNet121": 64, "NASNetMobile": 64,
    "EfficientNetB0": 64, "EfficientNetV2B0": 64, "ConvNeXtTiny": 64,
}  # fmt: skip


def uneven(network, seed=0):
    """Every weight away from the zeros and ones with which biases and normalizations begin."""
    rng = np.random.default_rng(seed)
    for layer in network.layers:
        layer.set_weights(
            [w + rng.uniform(0, 0.3, w.shape).astype(w.dtype) if w.ndim == 1 else w for w in layer.get_weights()]
        )
    return network


def every_kind():
    """A network of 24 x 40 pictures with a layer of every kind that the arithmetic knows, and some that it does not."""
    x = image = keras.Input((24, 40, 3), name="image")
    x = L.Normalization(mean=[0.4, 0.5, 0.6], variance=[0.1, 0.2, 0.3], name="standard")(x)
    x = L.Rescaling(2.0, offset=-0.3, name="rescaled")(x)
    x = L.ZeroPadding2D(((1, 0), (2, 1)), name="padded")(x)
    x = L.Conv2D(8, (3, 5), strides=(2, 2), padding="same", use_bias=False, name="strided")(x)
    x = L.BatchNormalization(name="norm")(x)
    x = L.ReLU(6.0, name="six")(x)
    x = L.DepthwiseConv2D(3, padding="same", depth_multiplier=2, name="depthwise")(x)
    x = L.Activation("hard_swish", name="swish")(x)
    x = start = L.Conv2D(8, 1, activation="relu", name="pointwise")(x)
    x = L.Conv2D(8, 3, groups=4, padding="same", activation="tanh", name="grouped")(x)
    x = L.Conv2D(8, 3, dilation_rate=(2, 1), padding="same", name="dilated")(x)
    x = L.PReLU(shared_axes=[1, 2], alpha_initializer=keras.initializers.RandomUniform(0.1, 0.4), name="prelu")(x)
    x = L.Add(name="residual")([x, start])
    x = L.SeparableConv2D(6, 3, padding="same", depth_multiplier=2, name="separable")(x)
    x = L.LayerNormalization(name="layernorm")(x)
    x = L.Concatenate(name="both")([x, start])
    pooled = L.MaxPooling2D(3, strides=2, padding="same", name="highest")(x)
    mean = L.AveragePooling2D(3, strides=2, padding="same", name="average")(x)
    x = L.Subtract(name="difference")([pooled, mean])
    gate = L.Dense(14, activation="sigmoid", name="gate")(L.GlobalAveragePooling2D(keepdims=True, name="squeeze")(x))
    x = L.Multiply(name="gated")([x, gate])
    x = L.Maximum(name="larger")([x, L.Average(name="mean")([x, pooled])])
    x = L.UpSampling2D(2, name="up")(x)
    x = L.Conv2DTranspose(6, 3, bias_initializer="random_normal", name="transposed")(x)
    x = L.Softmax(name="attention")(x)
    x = L.Cropping2D(1, name="cropped")(x) * 3.0 + 0.5
    x = L.GroupNormalization(2, name="groups")(x)
    x = L.Minimum(name="smaller")([x, L.LeakyReLU(0.2, name="leaky")(x)])
    x = ops.relu6(x + 3.0)
    flat = L.Flatten(name="flat")(L.AveragePooling2D(4, name="coarse")(x))
    x = L.Dense(7, name="hidden", activation="gelu")(L.Dropout(0.3, name="drop")(flat))
    x = L.Concatenate(name="joined")([x, L.GlobalMaxPooling2D(name="peak")(pooled)])
    return uneven(keras.Model(image, L.Dense(5, activation="softmax", name="classes")(x), name="every_kind"))


@pytest.fixture(scope="module")
def net():
    keras.utils.set_random_seed(3)
    return core.classifier(every_kind(), name="every_kind", labels=["ant", "bee", "cat", "dog", "elk"])


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(1).random((1, 24, 40, 3), dtype=np.float32)


def places(activation, count, rng=RNG):
    """Places of a map (h, w, channels): the corners, where padding is, and some inside."""
    height, width, channels = activation.shape
    yield 0, 0, 0
    yield height - 1, width - 1, channels - 1
    for _ in range(count):
        yield tuple(int(rng.integers(n)) for n in activation.shape)


def check(net, picture, layer, activation, count=3):
    maps = activation.reshape((1, 1, -1)) if activation.ndim == 1 else activation
    for row, column, channel in places(maps, count):
        found = core.dissect(net, picture, layer, channel, row, column)
        expected = float(maps[row, column, channel])
        assert found.value == found.steps[-1].value
        assert found.value == pytest.approx(expected, abs=1e-4 * max(1.0, abs(expected))), (layer, row, column, channel)
        assert found.steps[-1].layer.removesuffix(":before") == layer or layer == core.LOGITS
        yield found


def test_the_last_line_is_the_activation_for_every_kind_of_layer(net, picture):
    found = core.activations(net, picture, [*net.layers, core.LOGITS])
    operations = defaultdict(set)
    for layer, activation in found.items():
        for one in check(net, picture, layer, activation[0], count=1):
            assert all(line.says and np.isfinite(line.value) for line in one.steps)
            operations[layer].update(line.operation for line in one.steps)
    whole = {name for name, done in operations.items() if "rest" in done}
    assert whole == {"groups", "leaky"}
    assert "bias" in operations["transposed"] and "softmax" in operations["attention"]
    assert {"products", "bias", "activation"} <= operations["pointwise"]
    assert (
        operations["gated"] == {"product"} and operations["both"] == {"copy"} and operations["highest"] == {"maximum"}
    )


def test_each_line_follows_from_the_one_before(net, picture):
    found = core.dissect(net, picture, "six", 3, 5, 7)
    assert [line.operation for line in found.steps] == ["products", "normalization", "activation"]
    assert [line.layer for line in found.steps] == ["strided", "norm", "six"]
    terms = found.terms
    assert terms.values.shape == terms.weights.shape == (3, 3, 5) and terms.layers == ("padded",) * 3
    np.testing.assert_allclose(terms.products, (terms.values * terms.weights).sum(axis=(1, 2)))
    assert found.steps[0].value == pytest.approx(terms.products.sum())
    gamma, beta, mean, variance = (w[3] for w in net.weights("norm"))
    after = (found.steps[0].value - mean) / np.sqrt(variance + net.network.get_layer("norm").epsilon) * gamma + beta
    assert found.steps[1].value == pytest.approx(after, rel=1e-6)
    assert found.steps[2].value == pytest.approx(min(max(after, 0), 6), rel=1e-6)
    own = core.activations(net, picture, ["padded"])["padded"][0]
    for channel in range(3):
        patch = own[terms.rows[0] : terms.rows[-1] + 1, terms.columns[0] : terms.columns[-1] + 1, channel]
        np.testing.assert_allclose(patch, terms.values[channel], rtol=1e-5)


def test_padding_is_zero_and_takes_no_part(net, picture):
    terms = core.dissect(net, picture, "dilated", 0, 0, 0).terms
    assert not terms.inside[0].any() and not terms.inside[:, 0].any() and terms.inside[1:, 1:].all()
    assert not terms.values[:, ~terms.inside].any() and list(terms.rows) == [-2, 0, 2]
    mean = core.dissect(net, picture, "average", 0, 0, 0).terms
    assert mean.weights[0][mean.inside] == pytest.approx(1 / mean.inside.sum())
    assert core.dissect(net, picture, "padded", 0, 0, 0).terms is None


def test_grouped_and_depthwise_units_take_their_own_channels_only(net, picture):
    assert list(core.dissect(net, picture, "grouped", 5, 3, 3).terms.channels) == [4, 5]
    assert list(core.dissect(net, picture, "depthwise", 5, 3, 3).terms.channels) == [2]
    assert core.dissect(net, picture, "both", 9, 3, 3).terms.layers == ("pointwise",)


def test_the_place_that_won_is_told(net, picture):
    before = core.activations(net, picture, ["both"])["both"][0]
    terms = core.dissect(net, picture, "highest", 4, 2, 3).terms
    row, column = terms.place(0)
    patch = before[terms.rows[0] : terms.rows[-1] + 1, terms.columns[0] : terms.columns[-1] + 1, 4]
    assert before[row, column, 4] == patch.max() == pytest.approx(terms.products[0])


def test_the_strongest_come_first(net, picture):
    terms = core.dissect(net, picture, "hidden", 2).terms
    few = terms.strongest()
    assert len(few) == 12 and len(terms.strongest(None)) == len(terms)
    sizes = np.abs(terms.products[terms.strongest(None)])
    assert (np.diff(sizes) <= 0).all()


def test_an_answer_is_its_part_of_all_classes(net, picture):
    ((label, probability), *_) = core.predict(net, picture)[0]
    found = core.dissect(net, picture, core.PROBABILITIES, net.labels.index(label))
    assert found.value == pytest.approx(probability, abs=1e-5) and found.steps[-1].operation == "softmax"
    assert found.steps[-1].terms.products.sum() == pytest.approx(1)
    logit = core.dissect(net, picture, core.LOGITS, net.labels.index(label))
    assert logit.steps[-1].value == pytest.approx(found.steps[-2].value)


def test_every_input_can_be_walked_to_and_ends_in_the_picture(net, picture):
    layer, channel, row, column = core.LOGITS, 1, 0, 0
    passed = []
    while layer != core.PICTURE:
        found = core.dissect(net, picture, layer, channel, row, column)
        best = found.terms.strongest(1)[0]
        passed.append(layer)
        layer, channel = found.terms.layers[best], int(found.terms.channels[best])
        row, column = found.terms.place(best)
    assert passed[0] == core.LOGITS and passed[-1] in ("padded", "rescaled") and len(set(passed)) == len(passed)
    assert 0 <= row < 24 and 0 <= column < 40 and 0 <= channel < 3
    assert core.dissect(net, picture, "pointwise", 0, 0, 0).readers == ("grouped", "residual", "both")


def test_windows_say_where_it_lies(net, picture):
    found = core.dissect(net, picture, "six", 0, row=5, column=7)
    assert found.window == net.layer("six").receptive_field.window(5, 7)
    assert found.source == found.window, "the first convolution's patch is all that it sees"
    assert core.dissect(net, picture, "hidden", 0).window is None


def test_other_sizes_and_other_styles(tiny, linear, pictures):
    one = pictures[:1]
    found = core.activations(tiny, one, ["conv2_relu", core.LOGITS])
    for layer, activation in found.items():
        assert list(check(tiny, one, layer, activation[0]))
    inner = keras.Sequential([keras.Input((24, 40, 1)), L.Conv2D(4, 3, activation="elu", name="conv")], name="base")
    image = keras.Input((24, 40, 1), name="image")
    end = L.Dense(1, name="end", activation="sigmoid")(L.GlobalAveragePooling2D(name="gap")(inner(image)))
    nested = core.classifier(uneven(keras.Model(image, end)), name="nested")
    grey = pictures[:1, :24, :40] if pictures.shape[1:3] == (24, 40) else None
    if grey is not None:
        for layer, activation in core.activations(nested, grey, ["base/conv", core.LOGITS]).items():
            assert list(check(nested, grey, layer, activation[0]))
        first = core.dissect(linear, grey, core.LOGITS, 1)
        np.testing.assert_allclose(
            first.terms.products.sum() + first.steps[1].value - first.steps[0].value, first.value
        )
        (said,) = core.predict(nested, grey)
        answers = {
            label: core.dissect(nested, grey, core.PROBABILITIES, i).value for i, label in enumerate(nested.labels)
        }
        assert answers == pytest.approx(dict(said), abs=1e-5)


def test_what_cannot_be_taken_apart_gets_one_sentence(tiny, picture):
    for sentence, asked in (
        ("has no layer 'conv9'", ("conv9", 0, 0, 0)),
        ("Expected a channel of conv1 from 0 to 5, got 6", ("conv1", 6, 0, 0)),
        ("Expected a row of conv1 from 0 to 23, got 24", ("conv1", 0, 24, 0)),
        ("Expected a column of conv1 from 0 to 39, got -1", ("conv1", 0, 0, -1)),
        ("Expected a row of gap from 0 to 0, got 1", ("gap", 0, 1, 0)),
        ("Expected a row and a column, got 1", ("conv1", 0, 0)),
    ):
        with pytest.raises(ValueError, match=sentence):
            core.dissect(tiny, picture, *asked)
    with pytest.raises(ValueError, match="Expected one picture"):
        core.dissect(tiny, np.zeros((2, 24, 40, 3)), "conv1", 0, 0, 0)
    with pytest.raises(ValueError, match=r"Expected (larger pictures|pictures large enough)"):
        core.dissect(tiny, np.zeros((1, 4, 4, 3)), "conv2", 0, 0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_the_last_line_is_the_activation_in_every_family(family):
    keras.utils.set_random_seed(3)
    size = FAMILIES[family]
    net = core.classifier(
        uneven(getattr(keras.applications, family)(weights=None, input_shape=(size, size, 3))), name=family
    )
    picture = np.random.default_rng(2).random((1, size, size, 3), dtype=np.float32)
    found = core.activations(net, picture, [*net.layers, core.LOGITS])
    kinds = defaultdict(int)
    for layer, activation in found.items():
        own = net.layers[layer].kind if layer in net.layers else "answer"
        kinds[own] += 1
        if kinds[own] <= 6:
            assert list(check(net, picture, layer, activation[0], count=1))
