"""Every technique of the four pages on every style of network, those from a file included."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers as L  # noqa: N812

import core
from tests.core.network_styles import Subclassed

SIZE = (32, 40)


def stem(channels):
    return [
        L.Conv2D(6, 3, padding="same", name="early"),
        L.BatchNormalization(name="norm"),
        L.Activation("relu", name="relu"),
        L.MaxPooling2D(2, name="pool"),
        L.Conv2D(8, 3, name="late"),
    ]


def head(last):
    return [L.GlobalAveragePooling2D(name="gap"), L.Dense(4, activation=last, name="out")]


def functional(last, channels=3, size=SIZE):
    x = image = keras.Input((*size, channels), name="image")
    for layer in [*stem(channels), *head(last)]:
        x = layer(x)
    return keras.Model(image, x, name="functional")


def sequential(last):
    return keras.Sequential([L.Input((*SIZE, 3)), *stem(3), *head(last)], name="sequential")


def nested(last):
    image = keras.Input((*SIZE, 3), name="image")
    inner = keras.Sequential([L.Input((None, None, 3)), *stem(3)], name="inner")
    x = inner(L.Rescaling(2.0, offset=-1.0, name="scale")(L.RandomFlip(name="flip")(image)))
    for layer in head(last):
        x = layer(x)
    return keras.Model(image, x, name="nested")


def subclassed(last):
    network = Subclassed([*stem(3), *head(last)])
    network(np.zeros((1, *SIZE, 3), np.float32))
    return network


def grey(last):
    return functional(last, channels=1)


def two_outputs(last):
    x = image = keras.Input((*SIZE, 3), name="image")
    for layer in stem(3):
        x = layer(x)
    maps = L.Conv2D(2, 1, name="maps")(x)
    for layer in head(last):
        x = layer(x)
    return keras.Model(image, [maps, x], name="two_outputs")


def open_size(last):
    return functional(last, size=(None, None))


STYLES = {one.__name__: one for one in (functional, sequential, nested, subclassed, grey, two_outputs, open_size)}


@pytest.fixture(scope="module", params=[(name, last) for name in STYLES for last in ("softmax", None)], ids=str)
def net(request, tmp_path_factory):
    """The network as a person would bring it: through a file where its style can be saved."""
    name, last = request.param
    keras.utils.set_random_seed(5)
    network = STYLES[name](last)
    if name == "subclassed":
        return core.classifier(network, name=name, size=SIZE)
    path = tmp_path_factory.mktemp("styles") / f"{name}.keras"
    network.save(path)
    opened = keras.models.load_model(path, compile=False, safe_mode=True)  # tests/test_files.py tries the child process
    return core.classifier(opened, name=name, size=SIZE)


def layer(net, name):
    return f"inner/{name}" if f"inner/{name}" in net.layers else name


PICTURES = core.to_float(core.to_uint8(np.random.default_rng(1).random((2, *SIZE, 3), dtype=np.float32)))


def test_activations(net):
    names = [layer(net, "early"), layer(net, "late"), core.LOGITS]
    found = core.activations(net, PICTURES, names)
    assert found[names[0]].shape == (2, 32, 40, 6) and found[names[1]].shape == (2, 14, 18, 8)
    assert len(net.labels) == 4
    probabilities = np.array([[chance for _, chance in row] for row in core.predict(net, PICTURES, top=4)])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_what_is_said_is_what_the_network_says(net):
    outputs = keras.tree.flatten(net.network(net.preprocess(PICTURES), training=False))
    own = next(one for one in map(np.asarray, outputs) if one.ndim == 2)
    ends = np.allclose(own.sum(axis=1), 1, atol=1e-4)
    expected = own if ends else np.exp(own) / np.exp(own).sum(axis=1, keepdims=True)
    for row, found in zip(expected, core.predict(net, PICTURES, top=4), strict=True):
        answers = {net.labels.index(label): probability for label, probability in found}
        assert answers == pytest.approx(dict(enumerate(row)), abs=1e-5)


def test_maximize(net):
    frames = list(core.maximize(net, layer(net, "late"), [0, 3], size=32, steps=12, seed=0))
    curve = np.asarray(frames[-1].curve)
    assert (curve[-1] > curve[0]).all()
    classes = core.last(core.maximize(net, core.LOGITS, [1], size=SIZE[0], steps=2)) if net.runs_at(
        [core.LOGITS], SIZE[0], SIZE[0]
    ) else None  # fmt: skip
    assert classes is None or classes.images.shape == (1, 32, 32, 3)


def test_dream(net):
    found = core.last(core.dream(net, PICTURES[:1], {layer(net, "early"): 1.0}, octaves=1, steps=3)).images.numpy()
    assert found.shape == (1, *SIZE, 3) and np.abs(found - PICTURES[:1]).max() > 0.01


def test_attack(net):
    labels = core.logits_of(net, PICTURES).argmax(axis=-1)
    found = core.last(core.pgd(net, PICTURES, labels, epsilon=16 / 255, steps=5)).images.numpy()
    assert np.abs(found - PICTURES).max() <= 16 / 255 + 1e-6
    own = np.arange(2), labels

    def lead(pictures):
        logits = core.logits_of(net, pictures)
        rest = logits.copy()
        rest[own] = -np.inf
        return logits[own] - rest.max(axis=-1)

    assert (lead(found) < lead(PICTURES)).all()


def test_attribution(net):
    found = core.attribute(net, PICTURES[0], 1, method="grad_cam")
    assert found.shape == SIZE and np.isfinite(found).all()
