import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as L  # noqa: N812

import core
from core.networks.classifiers import KEPT
from tests.core.network_styles import SIZE, Subclassed, functional, sequential


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(5)


def photos(height=24, width=40, count=2):
    return np.random.default_rng(1).random((count, height, width, 3), dtype=np.float32)


# ---------------------------------------------------------------------------------- styles and endings


def body():
    """Layers to feature vectors; large weights, so that probabilities are far from uniform."""
    return [
        L.Conv2D(6, 3, strides=2, name="conv"),
        L.BatchNormalization(moving_mean_initializer="random_normal", name="norm"),
        L.ReLU(name="relu"),
        L.GlobalMaxPooling2D(name="gmp"),
    ]


def dense(units, **options):
    return L.Dense(units, kernel_initializer=keras.initializers.RandomNormal(0, 2), name="scores", **options)


ENDINGS = {
    "dense softmax": lambda: [dense(5, activation="softmax")],
    "softmax activation": lambda: [dense(5), L.Activation("softmax", name="predictions")],
    "softmax layer": lambda: [dense(5), L.Softmax(name="predictions")],
    "dense sigmoid": lambda: [dense(5, activation="sigmoid")],
    "sigmoid activation": lambda: [dense(5), L.Activation("sigmoid", name="predictions")],
    "one sigmoid": lambda: [dense(1, activation="sigmoid")],
    "one sigmoid activation": lambda: [dense(1), L.Activation("sigmoid", name="predictions")],
    "logits": lambda: [dense(5)],
}


def nested(parts):
    inner = keras.Sequential([L.Input((None, None, 3)), *parts[:3]], name="base")
    image = keras.Input((*SIZE, 3), name="image")
    x = inner(L.Rescaling(2.0, offset=-1.0, name="scale")(image), training=False)
    for part in parts[3:]:
        x = part(x)
    return keras.Model(image, x, name="nested")


def pillow_grey(pictures):
    """(N, H, W, 1) by the weights of ``Image.convert("L")``, not rounded."""
    return (pictures @ np.array([[19595], [38470], [7471]]) / 65536).astype(np.float32)


def subclassed_grey(parts):
    network = Subclassed(parts)
    network(np.zeros((1, *SIZE, 1), np.float32))
    return network


STYLES = {
    "functional": functional,
    "Sequential": sequential,
    "nested": nested,
    "subclassed": Subclassed,
    "grey": lambda parts: functional(parts, channels=1),
    "subclassed grey": subclassed_grey,
}


def as_input(style, pictures):
    return pillow_grey(pictures) if "grey" in style else pictures


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("style", STYLES)
def test_logits_are_those_of_the_network_whatever_its_style_and_ending(style, ending):
    network = STYLES[style]([*body(), *ENDINGS[ending]()])
    net = core.classifier(network, name="n", size=SIZE)
    logits = net.forward([core.LOGITS])(tf.constant(photos()))[core.LOGITS].numpy()
    theirs = network(as_input(style, photos())).numpy()
    assert net.scale == ("sigmoid" if ending in ("dense sigmoid", "sigmoid activation") else "softmax")
    assert len(net.labels) == logits.shape[1] == (2 if "one" in ending else 5)
    if ending == "logits":
        ours = logits
    elif net.scale == "sigmoid":
        ours = tf.sigmoid(logits)
    else:
        ours = tf.nn.softmax(logits)[:, 1 if "one" in ending else 0 :]
        assert np.abs(logits).max() > 1.5, "softmax was taken twice"
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("style", STYLES)
def test_without_a_top_every_layer_answers_and_logits_are_refused(style):
    network = STYLES[style](body()[:3])
    net = core.classifier(network, name="topless", size=SIZE)
    assert net.labels == () and core.LOGITS not in net.layers
    last = list(net.layers)[-1]
    assert last == ("base/relu" if style == "nested" else "relu")
    ours = net.forward([last])(tf.constant(photos()))[last]
    np.testing.assert_allclose(ours, network(as_input(style, photos())), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="Expected a network with classes, got topless, which ends in a feature map"):
        net.tap([core.LOGITS])


@pytest.mark.parametrize(("operation", "scale"), [(keras.ops.sigmoid, "sigmoid"), (keras.ops.softmax, "softmax")])
def test_a_keras_operation_at_the_end_is_taken_off_too(operation, scale):
    network = Subclassed([*body(), dense(4), operation])
    net = core.classifier(network, name="n", size=SIZE)
    logits = net.forward([core.LOGITS])(tf.constant(photos()))[core.LOGITS]
    assert net.scale == scale and list(net.layers)[-1] == "scores"
    np.testing.assert_allclose(operation(logits), network(photos()), rtol=1e-3, atol=1e-5)


def test_the_network_itself_keeps_its_softmax():
    network = functional([*body(), *ENDINGS["dense softmax"]()])
    before = network(photos()).numpy()
    net = core.classifier(network, name="n")
    net.forward([core.LOGITS])(tf.constant(photos()))
    np.testing.assert_array_equal(network(photos()), before)
    assert net.network is network and network.layers[-1].activation is keras.activations.softmax


def test_a_nested_network_may_end_in_its_inner_model():
    inner = functional([*body(), *ENDINGS["dense softmax"]()])
    image = keras.Input((*SIZE, 3), name="outside")
    network = keras.Model(image, inner(L.Rescaling(0.5, name="half")(image)), name="outer")
    net = core.classifier(network, name="n")
    logits = net.forward([core.LOGITS])(tf.constant(photos()))[core.LOGITS]
    np.testing.assert_allclose(tf.nn.softmax(logits), network(photos()), rtol=1e-3, atol=1e-5)
    assert list(net.layers) == ["half", *(f"functional/{name}" for name in ("conv", "norm", "relu", "gmp", "scores"))]


# ---------------------------------------------------------------------------------------------- refusals


def refused(network, sentence, **options):
    with pytest.raises(ValueError, match=sentence):
        core.classifier(network, name="odd", **options)


def picture_network(*shape, **options):
    image = keras.Input(shape, name="image")
    return keras.Model(image, L.Conv2D(2, 3, padding="same", name="conv", **options)(image))


def test_inputs_that_are_no_picture_are_refused():
    sentence = r"Expected a network with one input of shape \(batch, height, width, 1 or 3\), got odd with "
    one, two = keras.Input((*SIZE, 3), name="one"), keras.Input((*SIZE, 3), name="two")
    refused(keras.Model([one, two], L.Add(name="sum")([one, two])), sentence + r"\[\(None, 24, 40, 3\), \(None")
    refused(picture_network(24, 40, 2), sentence + r"\(None, 24, 40, 2\)")
    refused(picture_network(3, 24, 40, data_format="channels_first"), sentence + r"\(None, 3, 24, 40\)")
    vector = keras.Input((7,), name="vector")
    refused(keras.Model(vector, L.Dense(2, name="d")(vector)), sentence + r"\(None, 7\)")


def test_an_open_size_must_be_given():
    sentence = "Expected the picture size of odd, whose input is open, got none"
    refused(picture_network(None, None, 3), sentence)
    refused(picture_network(24, None, 3), sentence)
    refused(Subclassed(body()), sentence)
    assert core.classifier(picture_network(None, None, 3), name="n", size=(23, 41)).size == (23, 41)
    assert core.classifier(picture_network(24, None, 3), name="n", size=(23, 41)).size == (24, 41)


def test_the_count_of_labels_must_be_right():
    network = functional([*body(), *ENDINGS["logits"]()])
    refused(network, "Expected 5 labels for odd, got 4", labels=["a", "b", "c", "d"])
    refused(functional(body()[:3]), "Expected 0 labels for odd, got 1", labels=["a"])
    assert core.classifier(network, name="n", labels="abcde").labels == ("a", "b", "c", "d", "e")
    assert core.classifier(network, name="n").labels[:2] == ("class 0", "class 1")


def test_an_unknown_layer_names_the_choices(tiny):
    sentence = "tiny has no layer 'conv9'; it has scale, conv1, conv1_relu, pool1, conv2, conv2_bn, conv2_relu, gap, "
    for ask in (tiny.layer, tiny.weights, lambda name: tiny.tap([name]), lambda name: tiny.runs_at([name], 1, 1)):
        with pytest.raises(ValueError, match=sentence):
            ask("conv9")


def test_many_choices_are_shortened():
    net = core.classifier(functional([L.ReLU(name=f"r{i}") for i in range(30)]), name="deep")
    with pytest.raises(ValueError, match=r"it has r0, r1, r2, r3, r4, r5, \.\.\., r25, r26, r27, r28, r29$"):
        net.layer("x")


# -------------------------------------------------------------------------------------------------- taps


def vgg():
    return functional(
        [
            L.Conv2D(4, 3, padding="same", activation="relu", name="conv"),
            L.MaxPooling2D(2, name="pool"),
            L.Flatten(name="flat"),
            L.Dense(5, activation="softmax", name="predictions"),
        ]
    )


def test_a_network_is_cut_at_the_deepest_layer_asked_for():
    net = core.classifier(vgg(), name="vgg")
    assert net.tap(["pool"])(photos(31, 57))["pool"].shape == (2, 15, 28, 4)
    assert [net.layers[name].fixed for name in net.layers] == [False, False, True, True]
    for name in ("flat", "predictions", core.LOGITS):
        assert net.runs_at(["conv", name], 24, 40) and not net.runs_at(["conv", name], 40, 24)
    assert net.runs_at(["conv", "pool"], 40, 24)


def test_one_trace_serves_every_size_and_batch(tiny):
    tap = tiny.tap(["conv2", core.LOGITS])
    for shape in ((24, 40, 1), (24, 40, 2), (23, 41, 2), (50, 30, 3)):
        results = tap(photos(*shape))
        assert results[core.LOGITS].shape == (shape[2], 5)
        assert results["conv2"].shape[0] == shape[2]
    assert tap.experimental_get_tracing_count() == 1


def test_a_tap_is_made_once_and_the_latest_are_kept():
    net = core.classifier(functional([L.ReLU(name=f"r{i}") for i in range(KEPT + 3)]), name="deep")
    first, second = net.tap(["r0"]), net.tap(["r1"])
    assert net.tap(["r0"]) is first and net.tap(("r0", "r0")) is first and net.tap(["r0", "r1"]) is not first
    for i in range(2, KEPT):
        net.tap([f"r{i}"])
        assert net.tap(["r0"]) is first, "the least recently used one should go, not the oldest"
    assert net.tap(["r1"]) is not second
    assert len(net.kept) == KEPT <= 64


def test_a_classifier_goes_when_it_is_dropped():
    network = functional([*body(), *ENDINGS["dense softmax"]()])
    net = core.classifier(network, name="n")
    net.tap(["conv", core.LOGITS])(photos())
    watched = [weakref.ref(net), weakref.ref(network), weakref.ref(net.graph)]
    del net, network
    gc.collect()
    assert [reference() for reference in watched] == [None, None, None]


def test_preprocess_stands_between_the_picture_and_the_network():
    network = functional([L.ReLU(name="relu"), L.GlobalAveragePooling2D(name="gap")])
    net = core.classifier(network, name="n", preprocess=lambda x: x * 255 - 3)
    np.testing.assert_allclose(net.tap(["relu"])(photos())["relu"], np.maximum(photos() * 255 - 3, 0), rtol=1e-5)
    grey = core.classifier(picture_network(24, 40, 1, use_bias=False), name="grey", preprocess=lambda x: x * 2)
    by_hand = grey.network(pillow_grey(photos()) * 2)
    np.testing.assert_allclose(grey.tap(["conv"])(photos())["conv"], by_hand, rtol=1e-4, atol=1e-5)


def test_gradients_flow_through_a_tap(tiny):
    pictures = tf.constant(photos())
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        score = tf.reduce_sum(tiny.forward([core.LOGITS])(pictures)[core.LOGITS][:, 0])
    assert np.abs(tape.gradient(score, pictures)).sum() > 0


def test_a_classifier_is_not_a_value(tiny):
    network = functional([L.ReLU(name="relu")])
    one, two = core.classifier(network, name="n"), core.classifier(network, name="n")
    assert one != two and len({one, two}) == 2
    with pytest.raises(AttributeError):
        one.name = "other"
    with pytest.raises(TypeError):
        one.layers["relu"] = None


def test_stages_are_those_of_the_card_or_one_for_each_size_of_map(tiny):
    assert [(stage.name, stage.layer) for stage in core.stages(tiny)] == [
        *(("conv1_relu", "conv1_relu"), ("pool1", "pool1"), ("conv2_relu", "conv2_relu"))
    ]
    card = {"stages": [{"name": "one", "layer": "relu", "says": "so"}]}
    net = core.classifier(functional([L.ReLU(name="relu")]), name="n", card=card)
    assert core.stages(net) == (core.Stage("one", "relu", "so"),)
