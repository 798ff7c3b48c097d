"""Networks of Keras 2: translated, they answer as before; what would change an answer is refused by its name."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
from keras import layers as L  # noqa: N812

from core.networks import keras2, keras2_operations, saved_models
from tests.core.networks.keras2_files import aged, description, randomized, write_h5

ops = keras.ops


def opened(path):
    return saved_models.build(path, "h5")


def same(path, network, expected=None):
    """The file answers as the network does; returns its notes."""
    made, notes, _ = opened(path)
    pictures = np.random.default_rng(1).uniform(-1, 1, (2, *network.input_shape[1:])).astype(np.float32)
    wanted = np.asarray(network(pictures, training=False) if expected is None else expected(pictures))
    np.testing.assert_allclose(np.asarray(made(pictures, training=False)), wanted, rtol=1e-5, atol=1e-5)
    return notes


def end(x, units=3):
    return L.Dense(units, activation="softmax", name="out")(L.GlobalAveragePooling2D(name="gap")(x))


def functional():
    x = keras.Input((20, 24, 3), name="image")
    y = a = L.Conv2D(6, 3, padding="same", name="conv_a")(x)
    y = L.BatchNormalization(name="bn_a")(y)
    y = L.LeakyReLU(0.2, name="leaky")(y)
    b = L.Conv2D(6, 3, padding="same", name="conv_b")(y)
    y = L.Add(name="add")([L.BatchNormalization(name="bn_b")(b), a])
    y = L.Concatenate(name="cat")([y, L.DepthwiseConv2D(3, padding="same", name="dw")(y)])
    y = L.SeparableConv2D(5, 3, activation="relu", name="sep")(y)
    y = L.Conv2DTranspose(4, 3, strides=2, name="up")(L.PReLU(shared_axes=[1, 2], name="prelu")(y))
    return keras.Model(x, end(L.SpatialDropout2D(0.2, name="drop")(y)), name="functional")


def sequential():
    layers = [L.Input((20, 24, 3)), L.RandomFlip(name="flip"), L.Rescaling(0.5, name="scale")]
    layers += [L.Conv2D(4, 3, activation="relu", name="conv"), L.MaxPooling2D(name="pool"), L.Flatten(name="flat")]
    return keras.Sequential([*layers, L.Dropout(0.3, name="drop"), L.Dense(3, name="out")], name="sequential")


def nested():
    x = keras.Input((20, 24, 3), name="inner_image")
    y = L.BatchNormalization(name="bn1")(L.Conv2D(5, 3, name="c1")(x))
    y = L.BatchNormalization(name="bn2")(L.Conv2D(5, 3, name="c2")(y))
    base = keras.Model(x, y, name="base")
    head = keras.Sequential([L.Input((16, 20, 5)), L.GlobalMaxPooling2D(name="max"), L.Dense(3, name="d")], name="head")
    image = keras.Input((20, 24, 3), name="image")
    return keras.Model(image, head(base(image)), name="nested")


def attention():
    x = keras.Input((16, 16, 3), name="image")
    y = L.Reshape((16, 8), name="tokens")(L.Conv2D(8, 4, strides=4, name="patches")(x))
    y = L.Add(name="sum")([y, L.MultiHeadAttention(2, 4, name="mha")(y, y)])
    y = L.LayerNormalization(name="norm")(y)
    return keras.Model(x, L.Dense(3, name="out")(L.GlobalAveragePooling1D(name="mean")(y)))


@pytest.mark.parametrize("make", [functional, sequential, nested, attention])
def test_an_old_file_answers_as_its_network_did(make, tmp_path):
    network = randomized(make())
    notes = same(write_h5(tmp_path / "old.h5", network, aged(network)), network)
    assert notes[0] == "Written by Keras 2.15.0 and translated."
    assert "kernel_initializer" in notes[1]


@pytest.mark.parametrize("make", [functional, sequential, nested, attention])
def test_a_translation_is_what_this_keras_reads_and_is_its_own_translation(make):
    old = aged(make())
    before = json.dumps(old)
    made = keras2.translate(old, version="2.15.0")
    assert json.dumps(old) == before, "the argument stays as it is"
    again = keras2.translate(made.description, version=keras.__version__)
    assert again.description == made.description and not again.notes
    assert json.loads(json.dumps(made.description)) == made.description


def test_the_form_tells_who_wrote_it_where_no_version_does():
    assert keras2.is_legacy(aged(functional())) and not keras2.is_legacy(description(functional()))


def test_weights_go_by_their_names_whatever_their_order(tmp_path):
    """A frozen base in the file, trained here: Keras goes by an order that differs, and mixes up equal shapes."""
    network = randomized(nested())
    network.get_layer("base").trainable = False
    path = write_h5(tmp_path / "frozen.h5", network, aged(network))
    network.get_layer("base").trainable = True
    same(path, network)


def test_a_layer_whose_name_has_a_slash_gets_another_and_keeps_its_weights(tmp_path):
    network = randomized(sequential())
    text = json.dumps(aged(network)).replace('"conv"', '"block/conv"')
    path = write_h5(tmp_path / "slash.h5", network, json.loads(text), rename={"conv": "block/conv"})
    made, *_ = opened(path)
    same(path, network)
    assert "block_conv" in [layer.name for layer in made.layers]


@pytest.mark.parametrize("place", ["Activation", "Conv2D"])
def test_hard_sigmoid_is_computed_as_keras_2_did(place, tmp_path):
    x = keras.Input((20, 24, 3), name="image")
    conv = L.Conv2D(4, 3, name="conv", activation="hard_sigmoid" if place == "Conv2D" else None)(x)
    y = L.Activation("hard_sigmoid", name="act")(conv) if place == "Activation" else conv
    network = randomized(keras.Model(x, L.GlobalAveragePooling2D(name="gap")(y)))
    linear = keras.Model(x, L.Conv2D(4, 3, name="linear")(x))
    linear.set_weights(network.get_weights())
    path = write_h5(tmp_path / "hard.h5", network, aged(network))
    notes = same(path, network, lambda p: np.clip(0.2 * np.asarray(linear(p)) + 0.5, 0, 1).mean(axis=(1, 2)))
    assert any("hard_sigmoid as Keras 2 computed it" in note for note in notes)


@pytest.mark.parametrize(
    ("kind", "key", "value", "sentence"),
    [
        ("DepthwiseConv2D", "groups", 2, "DepthwiseConv2D 'dw' with groups=2"),
        ("Conv2D", "rounding", "down", "Conv2D 'conv_a' with rounding=down"),
        ("BatchNormalization", "virtual_batch_size", 4, "with virtual_batch_size=4"),
        ("Conv2D", "activation", "mine", "the activation 'mine', whose code this file does not hold"),
    ],
)
def test_a_key_that_would_change_the_result_is_refused_by_its_name(kind, key, value, sentence):
    def change(old):
        next(one for one in old["config"]["layers"] if one["class_name"] == kind)["config"][key] = value

    with pytest.raises(ValueError, match=sentence):
        keras2.translate(aged(functional(), change=change), version="2.15.0")


@pytest.mark.parametrize("value", [None, False])
def test_keys_of_newer_versions_that_say_nothing_are_dropped(value):
    new = description(functional())
    layer = next(one for one in new["config"]["layers"] if one["class_name"] == "Conv2D")
    layer["config"]["of_next_year"] = value
    made = keras2.translate(new, version="3.99.0")
    assert "of_next_year" not in json.dumps(made.description) and any("of_next_year" in note for note in made.notes)
    layer["config"]["of_next_year"] = 3
    assert "of_next_year" in json.dumps(keras2.translate(new, version="3.99.0").description), "Keras will refuse it"


# ------------------------------------------------------------------------------- functions of TensorFlow


def with_function(*calls, version="2.15.0"):
    """An old Sequential-like network: image -> functions of TensorFlow, one after another -> pooling -> Dense."""
    x = keras.Input((12, 16, 3), name="image")
    network = randomized(keras.Model(x, L.Dense(3, name="out")(L.GlobalMaxPooling2D(name="gap")(x))))
    old = aged(network)
    before = "image"
    for number, (function, settings) in enumerate(calls):
        name = f"tf.op_{number}"
        kind = "SlicingOpLambda" if "getitem" in function else "TFOpLambda"
        config = {"name": name, "trainable": True, "dtype": "float32", "function": function}
        entry = {"class_name": kind, "config": config, "name": name, "inbound_nodes": [[before, 0, 0, settings]]}
        old["config"]["layers"].insert(-2, entry)
        before = name
    next(one for one in old["config"]["layers"] if one["name"] == "gap")["inbound_nodes"] = [[[before, 0, 0, {}]]]
    return network, old


FLIP = {"slice_spec": [{"class_name": "__ellipsis__"}, {"start": None, "stop": None, "step": -1}]}


@pytest.mark.parametrize(
    ("calls", "wanted"),
    [
        ([("math.truediv", {"y": 127.5, "name": None}), ("math.subtract", {"y": 1.0})], lambda x: x / 127.5 - 1),
        ([("__operators__.getitem", FLIP), ("nn.bias_add", {"bias": [-1, -2, -3.5], "data_format": "NHWC"})],
         lambda x: x[..., ::-1] + np.array([-1, -2, -3.5], np.float32)),
        ([("math.multiply", {"y": [1, 2, 3]}), ("__operators__.add", {"y": 3})], lambda x: x * np.array([1, 2, 3]) + 3),
        ([("cast", {"dtype": "float32"}), ("nn.relu", {"name": None})], lambda x: np.maximum(x, 0)),
        ([("clip_by_value", {"clip_value_min": -0.5, "clip_value_max": 0.25})], lambda x: np.clip(x, -0.5, 0.25)),
        ([("math.maximum", {"y": 0.1}), ("math.sqrt", {})], lambda x: np.sqrt(np.maximum(x, 0.1))),
        ([("nn.leaky_relu", {"alpha": 0.3})], lambda x: np.where(x < 0, 0.3 * x, x)),
        ([("nn.silu", {"beta": 1.0})], lambda x: x / (1 + np.exp(-x))),
        ([("math.negative", {}), ("math.abs", {}), ("math.square", {})], lambda x: x * x),
        ([("math.reduce_mean", {"axis": -1, "keepdims": True}), ("image.grayscale_to_rgb", {})],
         lambda x: x.mean(-1, keepdims=True).repeat(3, -1)),
        ([("transpose", {"perm": [0, 2, 1, 3]}), ("transpose", {"perm": [0, 2, 1, 3]})], lambda x: x),
    ],
)  # fmt: skip
def test_functions_of_tensorflow_become_operations(calls, wanted, tmp_path):
    network, old = with_function(*calls)
    path = write_h5(tmp_path / "functions.h5", network, old)
    notes = same(path, network, lambda pictures: network(wanted(pictures).astype(np.float32)))
    assert all(any(f"{function} as " in note for note in notes) for function, _ in calls)


def test_a_constant_before_the_picture(tmp_path):
    network, old = with_function(("math.subtract", {}))
    node = ["_CONSTANT_VALUE", -1, 1.0, {"y": ["image", 0, 0], "name": None}]
    next(one for one in old["config"]["layers"] if one["name"] == "tf.op_0")["inbound_nodes"] = [node]
    same(write_h5(tmp_path / "constant.h5", network, old), network, lambda pictures: network(1 - pictures))


@pytest.mark.parametrize(
    ("function", "settings", "sentence"),
    [
        (
            "image.adjust_gamma",
            {"gamma": 2},
            "TensorFlow's function image.adjust_gamma, which is no operation of Keras",
        ),
        ("math.reduce_mean", {"axis": 1, "weights": 2}, "math.reduce_mean with weights=2"),
        ("nn.silu", {"beta": 2.0}, "nn.silu with beta"),
        ("nn.bias_add", {"bias": [1, 2], "data_format": "NCHW"}, "bias_add with channels first"),
        ("image.resize", {"size": ["shape", 0, 0]}, "a size that is not fixed"),
        ("os.system", {"command": "true"}, "os.system, which is no operation"),
    ],
)
def test_other_functions_and_settings_are_refused_by_name(function, settings, sentence):
    _, old = with_function((function, settings))
    with pytest.raises(ValueError, match=sentence):
        keras2.translate(old, version="2.15.0")


@pytest.mark.parametrize("text", [True, False])
@pytest.mark.parametrize(
    ("op", "constants", "wanted"),
    [
        ("RealDiv", {"1": 127.5}, lambda x: x / 127.5),
        ("Sub", {"1": 1.0}, lambda x: x - 1),
        ("Sub", {"0": 1.0}, lambda x: 1 - x),
        ("AddV2", {"1": [1.0, 2.0, 3.0]}, lambda x: x + np.array([1, 2, 3], np.float32)),
        ("BiasAdd", {"1": [1.0, 2.0, 3.0]}, lambda x: x + np.array([1, 2, 3], np.float32)),
        ("Relu6", {}, lambda x: np.clip(x, 0, 6)),
    ],
)
def test_operations_of_tensorflow_2_0_to_2_3(op, constants, wanted, text, tmp_path):
    network, old = with_function(("relu", {}))
    node = f'name: "{op}"\nop: "{op}"\ninput: "image"' if text else json.dumps({"name": op, "op": op})
    config = {"name": "tf_op_layer_x", "trainable": True, "dtype": "float32", "node_def": node, "constants": constants}
    entry = next(one for one in old["config"]["layers"] if one["name"] == "tf.op_0")
    entry |= {"class_name": "TensorFlowOpLayer", "config": config, "inbound_nodes": [[["image", 0, 0, {}]]]}
    same(write_h5(tmp_path / "node.h5", network, old, version="2.3.0"), network,
         lambda pictures: network(wanted(pictures).astype(np.float32)))  # fmt: skip


def test_every_operation_in_the_tables_exists():
    from core.networks.description_parts import operation_class

    binary = [("numpy", kind) for kind in keras2_operations._BINARY.values()]
    reductions = [("numpy", kind) for kind in keras2_operations._REDUCTIONS.values()]
    for _, kind in [*binary, *reductions, *keras2_operations._UNARY.values()]:
        assert operation_class(kind) is not None, kind
