"""One layer after the other: every way gives the same numbers, and nothing is compiled that need not be."""

import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as L  # noqa: N812

import core
from core.networks import looking

SIZE = (24, 40)


def stem(x, norm=True):
    x = L.Conv2D(6, 3, padding="same", name="conv1")(x)
    x = L.BatchNormalization(name="bn1")(x) if norm else x
    x = L.ReLU(6.0, name="relu1")(x)
    x = L.DepthwiseConv2D(3, strides=2, padding="same", name="depthwise")(x)
    return L.Activation("relu", name="relu2")(x)


def functional(channels=3):
    image = keras.Input((None, None, channels), name="image")
    x = stem(image)
    y = L.Add(name="add")([x, L.Conv2D(6, 1, name="side")(x)])
    x = L.Concatenate(name="both")([x, y])
    return keras.Model(image, L.Dense(4, activation="softmax", name="out")(L.GlobalAveragePooling2D(name="gap")(x)))


def nested():
    inner_image = keras.Input((None, None, 3))
    inner = keras.Model(inner_image, stem(inner_image), name="inner")
    image = keras.Input((*SIZE, 3), name="image")
    x = L.Flatten(name="flat")(inner(L.Rescaling(2.0, offset=-1.0, name="scale")(image)))
    return keras.Model(image, L.Dense(3, name="out")(x))


def several():
    image = keras.Input((*SIZE, 3), name="image")
    x = stem(image, norm=False)
    return keras.Model(
        image, [L.Conv2D(2, 1, name="map")(x), L.Dense(3, name="out")(L.GlobalMaxPooling2D(name="g")(x))]
    )


def half():
    layers = [L.Conv2D(4, 3, dtype="mixed_float16", name="conv"), L.ReLU(dtype="mixed_float16", name="relu")]
    return keras.Sequential([L.Input((*SIZE, 3)), *layers])


STYLES = {"functional": functional, "grey": lambda: functional(1), "nested": nested, "several": several, "half": half}


@pytest.fixture(params=STYLES)
def net(request):
    keras.utils.set_random_seed(3)
    return core.classifier(STYLES[request.param](), name=request.param, size=SIZE)


def picture(seed=0, size=SIZE):
    return np.random.default_rng(seed).random((1, *size, 3), dtype=np.float32)


def every(net):
    return [*net.layers, *([core.LOGITS] if net.labels else [])]


def test_every_way_gives_the_same_numbers(net):
    photo, names = picture(), every(net)
    plain = {name: looking.look(net, photo, [name])[name].numpy() for name in names}
    assert not any(net.has_tap([name]) for name in names), "the first look compiles nothing"
    assert core.prepare(net)
    together = {name: looking.look(net, photo, [name])[name].numpy() for name in names}
    assert len(net.kept) == 2, "one function serves all of them"
    for name in names:
        traced = net.tap([name])(photo)[name].numpy()
        scale = 1e-6 * max(1.0, float(np.abs(traced).max())) * (1000 if net.name == "half" else 1)
        np.testing.assert_allclose(plain[name], traced, rtol=0, atol=scale)
        np.testing.assert_allclose(together[name], traced, rtol=0, atol=scale)
        assert plain[name].dtype == together[name].dtype == traced.dtype == np.float32


def test_what_is_asked_for_the_third_time_gets_a_function_of_its_own(net):
    name = every(net)[1]
    for seed in range(looking.UNCOMPILED):
        core.activations(net, picture(seed), [name])
        assert not net.has_tap([name])
    for seed in range(3):
        core.activations(net, picture(seed), [name])
    assert net.has_tap([name]) and net.tap([name]).experimental_get_tracing_count() == 1


def test_many_layers_make_one_function_once_it_is_prepared(net):
    core.prepare(net)
    kept = len(net.kept)
    for seed in range(4):
        for name in every(net):
            core.activations(net, picture(seed), [name])
    assert len(net.kept) == kept
    assert net.tap(every(net)).experimental_get_tracing_count() == 1


def test_other_sizes_and_batches_do_not_go_through_the_function_for_all():
    net = core.classifier(functional(), name="net", size=SIZE)
    core.prepare(net)
    large = picture(size=(48, 80))
    np.testing.assert_allclose(
        core.activations(net, large, ["relu2"])["relu2"], net.tap(["relu2"])(large)["relu2"].numpy(), atol=1e-5
    )
    two = np.concatenate([picture(1), picture(2)])
    assert core.activations(net, two, ["add"])["add"].shape[0] == 2


def test_a_network_of_large_activations_is_not_computed_at_once(monkeypatch):
    net = core.classifier(functional(), name="net", size=SIZE)
    monkeypatch.setattr(looking, "MOST_AT_ONCE", 1000)
    assert not core.prepare(net)
    assert not net.has_tap(every(net))


def test_what_is_not_wanted_any_more_is_freed_on_the_way():
    net = core.classifier(functional(), name="net", size=SIZE)
    gone, alive = [], []
    change = {
        "conv1": lambda value: gone.append(weakref.ref(value)) or value,
        "add": lambda value: alive.append(gone[0]() is not None) or value,
    }
    found = net.forward(["depthwise", "out"], change=change)(tf.constant(picture()))
    assert alive == [False] and set(found) == {"depthwise", "out"}


def test_too_small_a_picture_gets_the_same_sentence_however_it_is_computed(tiny):
    small = np.full((1, 4, 6, 3), 0.5, np.float32)
    said = set()
    for _ in range(looking.UNCOMPILED + 2):
        with pytest.raises(ValueError) as error:
            core.activations(tiny, small, ["conv2_relu"])
        said.add(str(error.value))
    assert len(said) == 1 and said.pop().startswith("Expected")


def test_the_result_does_not_follow_the_picture():
    net = core.classifier(keras.Sequential([L.Input((64, 64, 3)), L.Dropout(0.5, name="drop")]), name="n")
    photo = np.full((1, 64, 64, 3), 0.5, np.float32)
    found = core.activations(net, photo, ["drop"])["drop"]
    photo[:] = 0
    np.testing.assert_array_equal(found, np.float32(0.5))
