"""What core says of a picture is what the network itself says, wherever its softmax or sigmoid stands."""

import keras
import numpy as np
import pytest
from keras import layers as L  # noqa: N812
from keras import ops

import core

SIZE = (12, 14)
WIDE = keras.initializers.RandomNormal(0, 3, seed=1)  # without a seed, another one in every run
PICTURES = np.random.default_rng(0).random((3, *SIZE, 3), dtype=np.float32)


def dense(units, last=None):
    return L.Dense(units, activation=last, kernel_initializer=WIDE)


def conv(last, kernel=(10, 12)):
    return L.Conv2D(4, kernel, activation=last, kernel_initializer=WIDE)


def vector(maps):
    return L.GlobalAveragePooling2D()(maps)


def network(end):
    image = keras.Input((*SIZE, 3), name="image")
    maps = L.Conv2D(6, 3, activation="relu", name="conv")(image)
    return keras.Model(image, end(maps), name="network")


def by_hand(maps):
    z = dense(4)(vector(maps))
    raised = ops.exp(z - ops.max(z, axis=-1, keepdims=True))
    return raised / ops.sum(raised, axis=-1, keepdims=True)


def used_again(maps):
    probabilities = dense(4, "softmax")(vector(maps))
    return [probabilities, dense(2)(probabilities)]


def mean(last, units):
    return lambda maps: L.Average()([dense(units, last)(vector(maps)), dense(units, last)(vector(maps))])


TAKEN_OFF = {
    "dense softmax": lambda maps: dense(4, "softmax")(vector(maps)),
    "softmax, then linear in single precision": lambda maps: L.Activation("linear", dtype="float32")(
        dense(4, "softmax")(vector(maps))
    ),
    "softmax, then reshape": lambda maps: L.Reshape((4,))(L.Softmax()(dense(4)(vector(maps)))),
    "softmax as an operation": lambda maps: ops.softmax(dense(4)(vector(maps))),
    "softmax as a function": lambda maps: keras.activations.softmax(dense(4)(vector(maps))),
    "softmax with a temperature": lambda maps: ops.softmax(dense(4)(vector(maps)) / 2.5),
    "softmax over another axis": lambda maps: L.Flatten()(L.Softmax(axis=1)(L.Reshape((4, 1))(dense(4)(vector(maps))))),
    "softmax in a convolution, then flatten": lambda maps: L.Flatten()(conv("softmax")(maps)),
    "softmax in a convolution, then mean": lambda maps: L.GlobalAveragePooling2D()(conv("softmax")(maps)),
    "one sigmoid": lambda maps: dense(1, "sigmoid")(vector(maps)),
    "one sigmoid as an operation": lambda maps: ops.sigmoid(dense(1)(vector(maps))),
    "one sigmoid, then reshape": lambda maps: L.Reshape((1,))(L.Activation("sigmoid")(dense(1)(vector(maps)))),
    "sigmoids, then dropout": lambda maps: L.Dropout(0.2)(dense(3, "sigmoid")(vector(maps))),
    "sigmoids on maps, then flatten": lambda maps: L.Flatten()(
        L.Conv2D(2, (10, 6), activation="sigmoid", kernel_initializer=WIDE)(maps)
    ),
}
UNDONE = {
    "mean of two softmaxes": mean("softmax", 4),
    "mean of two sigmoids": mean("sigmoid", 1),
    "mean of many sigmoids": mean("sigmoid", 3),
    "weighted mean": lambda maps: 0.3 * dense(4, "softmax")(vector(maps)) + 0.7 * dense(4, "softmax")(vector(maps)),
    "mean of places": lambda maps: L.GlobalAveragePooling2D()(conv("softmax", 3)(maps)),
    "mean of places, sigmoid": lambda maps: L.GlobalAveragePooling2D()(conv("sigmoid", 3)(maps)),
    "softmax by hand": by_hand,
    "softmax that is used again": used_again,
}


def said(net, pictures):
    """The probabilities that the network itself gives; (1 - p, p) where it gives one."""
    own = np.asarray(keras.tree.flatten(net.network(pictures))[0])
    return np.concatenate([1 - own, own], axis=-1) if own.shape[-1] == 1 else own


@pytest.fixture(params=[*TAKEN_OFF, *UNDONE])
def net(request):
    keras.utils.set_random_seed(1)
    return core.classifier(network({**TAKEN_OFF, **UNDONE}[request.param]), name=request.param)


def test_what_is_said_is_what_the_network_says(net):
    expected = said(net, PICTURES)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(net.probabilities(core.logits_of(net, PICTURES)), expected, atol=1e-5)
    for row, found in zip(expected, core.predict(net, PICTURES, top=99), strict=True):
        answers = {net.labels.index(label): probability for label, probability in found}
        assert answers == pytest.approx(dict(enumerate(row)), abs=1e-5)


@pytest.mark.parametrize("name", TAKEN_OFF)
def test_what_is_taken_off_leaves_logits_that_do_not_saturate(name):
    keras.utils.set_random_seed(1)
    own = network(TAKEN_OFF[name])
    for layer in own.layers[1:]:
        layer.set_weights([300 * weight for weight in layer.get_weights()])
    net = core.classifier(own, name=name)
    logits = core.logits_of(net, PICTURES)
    assert np.isfinite(logits).all() and np.abs(logits).max() > 100, "the logarithm of a probability ends at -28"


def test_what_only_looks_like_an_end_stays():
    image = keras.Input((*SIZE, 3))
    weighed = L.Multiply()([dense(4)(vector(image)), dense(4, "sigmoid")(vector(image))])
    keras.utils.set_random_seed(1)
    net = core.classifier(keras.Model(image, weighed), name="gated")
    np.testing.assert_allclose(core.logits_of(net, PICTURES), net.network(PICTURES), atol=1e-6)
    behind = network(lambda maps: dense(4)(dense(5, "softmax")(vector(maps))))
    np.testing.assert_allclose(
        core.logits_of(core.classifier(behind, name="behind"), PICTURES), behind(PICTURES), rtol=1e-5, atol=1e-5
    )


def two_halves():
    """One sigmoid: class 1 for red on the left, class 0 for red on the right."""
    x = image = keras.Input((32, 32, 3))
    x = L.Conv2D(2, 1, use_bias=False, activation="relu", name="red")(x)
    x = L.AveragePooling2D((32, 16), name="halves")(x)
    z = L.Dense(1, activation="sigmoid", use_bias=False, name="dog")(L.Flatten(name="flat")(x))
    own = keras.Model(image, z)
    own.get_layer("red").set_weights([np.array([[[[1, 0], [0, 0], [0, 1]]]], np.float32)])
    own.get_layer("dog").set_weights([np.array([[8], [0], [-8], [0]], np.float32)])
    return core.classifier(own, name="halves", labels=["cat", "dog"])


@pytest.mark.parametrize("method", core.METHODS)
def test_both_classes_of_one_sigmoid_have_maps(method):
    net = two_halves()
    picture = np.full((1, 32, 32, 3), 0.2, np.float32)
    picture[:, 8:24, 20:28, 0] = 1
    cat, dog = (core.attribute(net, picture, target, method=method, count=8) for target in (0, 1))
    if core.METHODS[method].signed:
        np.testing.assert_allclose(cat, -dog, atol=1e-5)
    if method == "grad_cam":  # the mean slope of the two halves is none, for either class
        assert np.abs(cat).max() == np.abs(dog).max() == 0
    else:
        assert np.abs(cat).max() > 1e-4
    if core.METHODS[method].group != "maps of a layer":  # these show nothing where all evidence is against
        assert np.abs(dog).max() > 1e-4
    if method in ("gradient", "smooth"):
        np.testing.assert_allclose(cat, dog, atol=1e-6)


def test_both_classes_of_one_sigmoid_can_be_maximized_and_attacked():
    net = two_halves()
    drawn = core.last(core.maximize(net, core.LOGITS, [0, 1], steps=16, seed=0)).images
    for target, picture in enumerate(drawn):
        assert np.asarray(picture).std() > 0.05
        assert core.predict(net, picture[None], top=1)[0][0][0] == net.labels[target]
    grey = np.full((1, 32, 32, 3), 0.5, np.float32)
    for label in (0, 1):
        moved = core.last(core.pgd(net, grey, [label], epsilon=0.1, steps=4, seed=0)).images
        assert core.logits_of(net, moved)[0].argmax() == 1 - label


def test_equal_names_are_told_apart():
    end = network(lambda maps: dense(4)(vector(maps)))
    assert core.classifier(end, name="n", labels=["blight", "blight", "healthy", "rust"]).labels == (
        *("blight (0)", "blight (1)", "healthy", "rust"),
    )
    for names in (["a", "a", "a (0)", "b"], ["a (1)", "a", "a", "a (1)"], ["", "", "", ""]):
        labels = core.classifier(end, name="n", labels=names).labels
        assert len(set(labels)) == 4
        assert all(label.startswith(name) for label, name in zip(labels, names, strict=True))
    assert core.classifier(end, name="n").prepared(labels=["a", "b", "a", "c"]).labels == ("a (0)", "b", "a (2)", "c")
