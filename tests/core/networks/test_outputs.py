"""What an output is, is found; said otherwise, it is taken so; and what is said of it is what the network says."""

import json
import zipfile

import h5py
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers as L  # noqa: N812
from keras import ops

import core
from core.networks import files, saved_weights
from core.networks.losses import training_losses

pytestmark = pytest.mark.usefixtures("forked_trials")

SIZE = (12, 14)
PICTURES = np.random.default_rng(0).random((3, *SIZE, 3), dtype=np.float32)


def body():
    image = keras.Input((*SIZE, 3), name="image")
    return image, L.GlobalAveragePooling2D(name="gap")(L.Conv2D(8, 3, activation="relu", name="conv")(image))


def network(end):
    keras.utils.set_random_seed(1)
    image, code = body()
    return keras.Model(image, end(code))


def by_hand(code):
    z = L.Dense(16)(code)
    return z / ops.sqrt(ops.sum(z * z, axis=-1, keepdims=True))


NUMBER = {
    "linear": lambda z: L.Dense(1)(z),
    "linear, shaped": lambda z: L.Reshape((1,))(L.Dense(1)(z)),
    "relu": lambda z: L.Dense(1, activation="relu", bias_initializer="ones", name="years")(z),
    "relu as a layer": lambda z: L.ReLU()(L.Dense(1, bias_initializer="ones")(z)),
    "tanh": lambda z: L.Dense(1, activation="tanh", name="angle")(z),
    "tanh as an operation": lambda z: ops.tanh(L.Dense(1)(z)),
    "softplus": lambda z: L.Dense(1, activation="softplus")(z),
    "arctangent, twice": lambda z: 2 * ops.arctan(L.Dense(1)(z)),
    "sigmoid in years": lambda z: L.Rescaling(100.0)(L.Dense(1, activation="sigmoid")(z)),
    "four of tanh": lambda z: L.Dense(4, activation="tanh")(z),
    "four by name": lambda z: L.Dense(4, name="bbox")(z),
    "softmax of one": lambda z: L.Dense(1, activation="softmax")(z),
}
EMBEDDING = {
    "unit normalization": lambda z: L.UnitNormalization()(L.Dense(16)(z)),
    "normalize": lambda z: ops.normalize(L.Dense(16)(z), axis=-1),
    "by hand": by_hand,
    "tanh": lambda z: L.Dense(16, activation="tanh")(z),
    "relu": lambda z: L.Dense(16, activation="relu")(z),
    "batch normalization": lambda z: L.BatchNormalization()(L.Dense(32)(z)),
    "features": lambda z: L.Dropout(0.1)(L.Dense(12, activation="relu")(z)),
    "by name": lambda z: L.Dense(20, name="embedding")(z),
    "linear, as wide as embeddings are": lambda z: L.Dense(128)(z),
}
CLASSES = {
    "softmax": lambda z: L.Dense(5, activation="softmax")(z),
    "softmax as a layer": lambda z: L.Softmax()(L.Dense(64)(z)),
    "sigmoids": lambda z: L.Dense(5, activation="sigmoid")(z),
    "logits": lambda z: L.Dense(10)(z),
}


def said(net):
    """What core says, in the order of the units."""
    rows = [dict(row) for row in core.predict(net, PICTURES, top=999)]
    return np.array([[row[label] for label in net.labels] for row in rows])


@pytest.mark.parametrize(("kind", "end"), [("numbers", one) for one in NUMBER.values()]
                         + [("embedding", one) for one in EMBEDDING.values()])  # fmt: skip
def test_numbers_and_embeddings_are_no_classes(kind, end):
    own = network(end)
    net = core.classifier(own, name="net")
    assert net.kind == kind and not net.has_classes and net.output.why
    assert not any(label.startswith("class") for label in net.labels)
    np.testing.assert_allclose(said(net), own(PICTURES), atol=1e-5)


@pytest.mark.parametrize("end", CLASSES.values(), ids=CLASSES)
def test_classes_stay_classes(end):
    own = network(end)
    net = core.classifier(own, name="net")
    values = np.asarray(own(PICTURES))
    assert net.kind == "classes" and net.has_classes
    assert net.output.sure == (values.min() >= 0)
    expected = values if values.min() >= 0 else np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(said(net), expected, atol=1e-5)


def test_numbers_are_called_as_their_makers_called_them():
    called = {name: core.classifier(network(end), name="net").labels for name, end in NUMBER.items()}
    assert called["relu"] == ("years",) and called["tanh"] == ("angle",)
    assert called["linear"] == called["arctangent, twice"] == called["relu as a layer"] == ("number",)
    assert called["four by name"] == ("number 0", "number 1", "number 2", "number 3")


def test_one_linear_unit_asks_and_the_person_says():
    own = network(NUMBER["linear"])
    unsure = core.classifier(own, name="net")
    assert not unsure.output.sure and unsure.labels == ("number",)
    p = 1 / (1 + np.exp(-np.asarray(own(PICTURES))))
    binary = [core.classifier(own, name="net", kind="binary"), core.classifier(own, name="net", labels=["cat", "dog"])]
    binary += [unsure.answering(kind="binary"), unsure.answering(labels=["cat", "dog"])]
    for net in binary:
        assert net.kind == "binary" and net.output.sure
        np.testing.assert_allclose(said(net), np.concatenate([1 - p, p], axis=1), atol=1e-5)
    assert [net.labels for net in binary[::3]] == [("class 0", "class 1"), ("cat", "dog")]
    assert core.classifier(own, name="net", labels=["years"]).labels == ("years",)
    assert binary[0].answering(kind="numbers").labels == ("number",)


def test_a_sigmoid_may_be_a_number():
    own = network(lambda z: L.Dense(1, activation="sigmoid", name="ripeness")(z))
    assert core.classifier(own, name="net").kind == "binary"
    net = core.classifier(own, name="net", kind="numbers")
    assert net.labels == ("ripeness",) and net.scale == "sigmoid"
    np.testing.assert_allclose(said(net), own(PICTURES), atol=1e-6)


def test_labels_make_classes_of_what_is_no_unit_vector():
    names = [f"name {i}" for i in range(128)]
    assert core.classifier(network(EMBEDDING["linear, as wide as embeddings are"]), name="n", labels=names).has_classes
    net = core.classifier(network(EMBEDDING["unit normalization"]), name="n", labels=names[:16])
    assert net.kind == "embedding" and net.labels == tuple(names[:16])
    assert net.answering(kind="classes", labels=names[:16]).has_classes


def two(z):
    return [L.Dense(1, name="age")(z), L.Dense(2, activation="softmax", name="sex")(z)]


def test_of_several_outputs_classes_answer_and_any_can_be_chosen():
    own = network(two)
    net = core.classifier(own, name="net")
    assert [(one.name, one.kind, one.units) for one in net.outputs] == [("age", "numbers", 1), ("sex", "classes", 2)]
    age, sex = own(PICTURES)
    assert net.output.name == "sex"
    np.testing.assert_allclose(said(net), sex, atol=1e-5)
    for other in (core.classifier(own, name="net", output="age"), net.answering(output="age")):
        assert other.kind == "numbers" and other.labels == ("age",)
        np.testing.assert_allclose(said(other), age, atol=1e-5)
    named = core.classifier(own, name="net", labels=["woman", "man"])
    assert named.output.name == "sex", "two names make no logit of the age"


def test_a_dictionary_names_its_outputs_and_maps_come_last():
    def end(z):
        maps = L.Reshape((2, 4, 1))(z)
        return {"z_depth": maps, "numbers": L.Dense(3, activation="tanh")(z), "kinds": L.Dense(3)(z)}

    net = core.classifier(network(end), name="net")
    assert {one.name: one.kind for one in net.outputs} == {"kinds": "classes", "numbers": "numbers", "z_depth": "maps"}
    assert net.output.name == "kinds"
    assert net.answering(output="z_depth").labels == ()


def test_a_mask_is_no_class():
    image = keras.Input((*SIZE, 3))
    own = keras.Model(image, L.Conv2D(1, 3, padding="same", activation="sigmoid", name="mask")(image))
    net = core.classifier(own, name="net")
    assert net.kind == "mask" and net.output.sure and not net.labels and not net.has_classes
    with pytest.raises(ValueError, match="with classes, got net"):
        core.predict(net, PICTURES)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"output": "weight"}, "no output 'weight'; there is age, sex"),
        (
            {"output": "age", "kind": "classes"},
            "Expected binary or numbers as the kind of output 'age' of 1 units, got 'classes'",
        ),
        (
            {"kind": "binary"},
            "Expected classes or numbers or embedding as the kind of output 'sex' of 2 units, got 'binary'",
        ),
        ({"kind": "mask"}, "Expected classes or numbers or embedding as the kind .* got 'mask'"),
        ({"output": "age", "labels": ["a", "b", "c"]}, "Expected 1 labels for net, got 3"),
    ],
)
def test_what_an_output_cannot_be_gets_a_sentence(asked, sentence):
    own = network(two)
    with pytest.raises(ValueError, match=sentence):
        core.classifier(own, name="net", **asked)
    with pytest.raises(ValueError, match=sentence):
        core.classifier(own, name="net").answering(**asked)


@pytest.mark.parametrize("end", ["linear", "relu", "tanh", "four of tanh"])
def test_a_number_is_maximized_explained_and_attacked(end):
    net = core.classifier(network(NUMBER[end]), name="net")
    labels = [0] * len(PICTURES)
    before = said(net)[:, 0]
    lowered, raised = (
        core.last(core.pgd(net, PICTURES, labels, epsilon=8 / 255, steps=6, targeted=targeted)).images.numpy()
        for targeted in (False, True)
    )
    down, up = (np.array([row[0][1] for row in core.predict(net, one, top=1)]) for one in (lowered, raised))
    assert (down <= before).all() and (down < before).any() and (up > before).all()
    curve = np.asarray(core.last(core.maximize(net, core.LOGITS, [0], steps=8, seed=0)).curve)
    assert curve[-1] > curve[0]
    maps = [core.attribute(net, PICTURES[0], 0, method=method) for method in ("gradient", "integrated", "occlusion")]
    assert all(np.abs(one).max() > 0 for one in maps)


def test_what_needs_classes_refuses_numbers():
    net = core.classifier(network(NUMBER["four of tanh"]), name="net")
    for ask in (
        lambda: core.deepfool(net, PICTURES, [0, 0, 0]),
        lambda: core.patch(net, PICTURES, [0, 0, 0]),
        lambda: core.detect_preprocessing(net, list(PICTURES)),
    ):
        with pytest.raises(ValueError, match="with classes, got net, which gives numbers"):
            ask()


def test_a_number_far_below_what_relu_lets_through_still_moves():
    own = network(lambda z: L.Dense(1, activation="relu", bias_initializer=keras.initializers.Constant(-2.0))(z))
    net = core.classifier(own, name="net")
    assert said(net).max() == 0
    curve = np.asarray(core.last(core.maximize(net, core.LOGITS, [0], steps=8, seed=0)).curve)
    assert curve[-1] > curve[0]


LOSSES = {
    "mse": ("numbers", 1),
    "huber": ("numbers", 3),
    "mean_absolute_error": ("numbers", 5),
    "binary_crossentropy": ("binary", 1),
    "sparse_categorical_crossentropy": ("classes", 64),
    "categorical_crossentropy": ("classes", 128),
    "cosine_similarity": ("embedding", 10),
}


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.parametrize(("loss", "expected", "units"), [(name, *what) for name, what in LOSSES.items()])
def test_the_loss_in_the_file_tells(loss, expected, units, suffix, tmp_path):
    own = network(lambda z: L.Dense(units)(z))
    own.compile(loss=loss)
    path = tmp_path / f"own.{suffix}"
    own.save(path)
    net = core.classifier(own, name="net", losses=training_losses(path))
    assert (net.kind, net.output.sure) == (expected, True)
    assert net.answering().kind == expected, "it is remembered"


def test_losses_are_read_whichever_way_they_are_written(tmp_path):
    own = network(two)
    binary = keras.losses.BinaryCrossentropy(from_logits=True)
    for loss, expected in (
        ({"age": "mae", "sex": binary}, {"age": "mae", "sex": "binary_crossentropy"}),
        ([keras.losses.MeanSquaredError(), "huber"], ("mean_squared_error", "huber")),
        (None, ("",)),
    ):  # fmt: skip
        own.compile(loss=loss)
        own.save(path := tmp_path / "own.keras")
        assert training_losses(path) == expected
    tags = network(lambda z: L.Dense(4)(z))
    net = core.classifier(tags, name="tags", losses=["binary_crossentropy"])
    assert net.scale == "sigmoid", "several binary logits do not exclude each other"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200) | st.recursive(st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner)
       | st.dictionaries(st.sampled_from(["loss", "compile_config", "class_name", "config", "a"]), inner)))  # fmt: skip
def test_losses_of_anything_are_nothing_worse_than_none(tmp_path_factory, said):
    path = tmp_path_factory.mktemp("losses") / "own.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", said if isinstance(said, bytes) else json.dumps(said))
    found = training_losses(path)
    assert all(isinstance(one, str) for one in (found.values() if isinstance(found, dict) else found))


def test_a_file_answers_as_it_is_asked_to(tmp_path):
    network(two).save(tmp_path / "age_and_sex.keras")
    assert core.load(tmp_path / "age_and_sex.keras").output.name == "sex"
    net = core.load(tmp_path / "age_and_sex.keras", output="age", kind="binary")
    assert net.output.name == "age" and net.labels == ("class 0", "class 1")


def test_the_loss_is_read_inside_a_box(tmp_path, monkeypatch):
    """A zip such as Teachable Machine's: the network in it tells what it was trained with."""
    own = network(lambda z: L.Dense(1)(z))
    own.compile(loss="mae")
    own.save(tmp_path / "keras_model.h5")
    with zipfile.ZipFile(tmp_path / "converted_keras.zip", "w") as box:
        box.write(tmp_path / "keras_model.h5", "keras_model.h5")
    monkeypatch.setattr(files, "_tried", lambda *_: None)  # its child process has tests of its own
    net = core.load(tmp_path / "converted_keras.zip")
    assert (net.kind, net.output.sure, net.output.loss) == ("numbers", True, "mae")


def test_windows_files_of_keras_2_have_one_name_for_a_path(tmp_path):
    """Keras 2.13 to 2.15 wrote ``layers\\conv2d`` as one name there."""
    own = network(lambda z: L.Dense(3)(z))
    own.save_weights(tmp_path / "own.weights.h5")
    with h5py.File(tmp_path / "own.weights.h5") as old, h5py.File(tmp_path / "windows.h5", "w") as new:
        for name in old["layers"]:
            old.copy(f"layers/{name}", new, "layers\\" + name)
    wanted = own.get_weights()
    own.set_weights([np.zeros_like(one) for one in wanted])
    with h5py.File(tmp_path / "windows.h5") as file:
        saved_weights.put(file, own, json.loads(own.to_json()))
    for one, other in zip(own.get_weights(), wanted, strict=True):
        np.testing.assert_array_equal(one, other)
