"""Networks that join maps of several sizes take every picture: padded to the next size that fits."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers as L  # noqa: N812

import core
from core.networks import graphs
from core.networks.sides import Sides, padded, sides

SIZE = (48, 32)


def unet(depth=2, up="transposed", *, size=SIZE, padding="same", factor=2, classes=2):
    keras.utils.set_random_seed(0)
    x = image = keras.Input((*size, 3), name="image")
    kept = []
    for level in range(depth):
        kept.append(L.Conv2D(4, 3, padding=padding, activation="relu", name=f"down{level}")(x))
        x = L.MaxPooling2D(factor, name=f"pool{level}")(kept[-1])
    x = L.Conv2D(6, 3, padding=padding, name="bottom")(x)
    for level in reversed(range(depth)):
        x = (L.Conv2DTranspose(4, factor, strides=factor, name=f"up{level}")(x) if up == "transposed"
             else L.UpSampling2D(factor, name=f"up{level}")(x))  # fmt: skip
        x = (
            L.Concatenate(name=f"join{level}")([x, kept[level]])
            if up != "add"
            else L.Add()([L.Conv2D(4, 1)(x), kept[level]])
        )
    return keras.Model(image, L.Conv2D(classes, 1, activation="softmax", name="mask")(x))


@pytest.mark.parametrize(
    ("depth", "factor", "up"), [(1, 2, "transposed"), (2, 2, "nearest"), (3, 2, "add"), (2, 3, "add")]
)
def test_the_multiple_is_the_product_of_the_strides(depth, factor, up):
    multiple = factor**depth
    own = unet(depth, up, size=(multiple * 3, multiple * 2), factor=factor)
    assert sides(graphs.read(own, own.input_shape[1:])) == (Sides(multiple), Sides(multiple))


@pytest.mark.parametrize("name", ["MobileNetV2", "ResNet50V2", "DenseNet121"])
def test_networks_that_take_every_size_are_left_alone(name):
    own = getattr(keras.applications, name)(weights=None, input_shape=(64, 96, 3))
    assert sides(graphs.read(own, (64, 96, 3))) == (Sides(), Sides())


def test_rests_are_found():
    image = keras.Input((34, 21, 3))
    cut = L.Cropping2D(((1, 1), (1, 0)))(image)
    own = keras.Model(image, L.Add(name="add")([L.UpSampling2D(4)(L.AveragePooling2D(4)(cut)), cut]))
    found = sides(graphs.read(own, (34, 21, 3)))
    assert found == (Sides(4, 2), Sides(4, 1))
    net = core.classifier(own, name="net")
    assert core.activations(net, np.zeros((1, 35, 22, 3), np.float32), ["add"])["add"].shape == (1, 36, 24, 3)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 9), st.integers(0, 8))
def test_pictures_are_padded_to_the_next_size_with_their_own_edge(height, width, multiple, rest):
    one = Sides(multiple, rest % multiple)
    pictures = np.random.default_rng(0).random((2, height, width, 3), dtype=np.float32)
    found = padded(tf.constant(pictures), (one, one)).numpy()
    assert found.shape[1:3] == (one.snap(height), one.snap(width))
    assert one.fits(found.shape[1]) and 0 <= found.shape[1] - height < multiple
    np.testing.assert_array_equal(found[:, :height, :width], pictures)
    np.testing.assert_array_equal(
        found[:, height:, :width], np.repeat(pictures[:, -1:], found.shape[1] - height, axis=1)
    )


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70))
def test_every_picture_runs(height, width):
    net = NETS["own"]
    pictures = np.full((1, height, width, 3), 0.25, np.float32)
    mask = core.activations(net, pictures, ["mask"])["mask"]
    assert mask.shape[1:3] == (-(-height // 4) * 4, -(-width // 4) * 4)


NETS = {
    "own": core.classifier(unet(), name="unet"),
    "open": core.classifier(unet(size=(None, None)), name="open", size=SIZE),
}


@pytest.mark.parametrize("net", NETS.values(), ids=NETS)
def test_techniques_run_at_odd_sizes(net):
    assert net.kind == "mask" and net.sides == (Sides(4), Sides(4))
    drawn = core.last(core.maximize(net, "join0", [0], size=(37, 43), steps=6, seed=0))
    assert drawn.images.shape == (1, 37, 43, 3)
    picture = np.random.default_rng(0).random((1, 41, 47, 3), dtype=np.float32)
    assert core.last(core.dream(net, picture, {"bottom": 1.0}, octaves=2, steps=2)).images.shape == picture.shape
    assert core.attribute(net, picture[0], 1, layer="mask", method="gradient").shape == (41, 47)
    fits = core.seen_by(net, picture)
    np.testing.assert_allclose(core.activations(net, fits, ["mask"])["mask"], net.network(fits), atol=1e-5)


def test_what_cannot_run_gets_a_sentence_with_the_layer():
    image = keras.Input((64, 64, 3))
    own = keras.Model(image, L.Conv2D(2, 9, name="wide")(L.MaxPooling2D(4, name="pool")(image)))
    net = core.classifier(own, name="net")
    small = np.zeros((1, 24, 24, 3), np.float32)
    with pytest.raises(ValueError, match="large enough for net, got 24 x 24, at which its layer 'wide' cannot run"):
        net.tap(["wide"])(small)
    with pytest.raises(ValueError, match="'wide'"):
        core.activations(net, small, ["wide"])
    for method in ("gradient", "grad_cam", "integrated", "occlusion"):
        with pytest.raises(ValueError, match="at which its layer 'wide' cannot run"):
            core.attribute(net, small, 0, layer="wide", method=method, count=2)
    for method in core.PROJECTIONS:
        with pytest.raises(ValueError, match="at which its layer 'wide' cannot run"):
            core.projection(net, small, "wide", 0, method=method, positions=[(0, 0)])


def test_other_preprocessing_pads_too():
    net = NETS["own"].prepared(preprocess=core.normalization("symmetric"))
    assert net.preprocess(tf.zeros((1, 5, 6, 3))).shape == (1, 8, 8, 3)
