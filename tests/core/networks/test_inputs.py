"""Networks whose input is not (height, width, 1 or 3): those that can be shown open, others say what they take."""

from __future__ import annotations

import json
import runpy
import sys

import keras
import numpy as np
import pytest
from keras import layers as L  # noqa: N812

import core
from core.networks import containers, inputs, saved_models

pytestmark = pytest.mark.usefixtures("forked_trials")


def end(y, units=3):
    return L.Dense(units, activation="softmax", name="out")(L.GlobalAveragePooling2D(name="gap")(y))


def test_a_picture_without_channels_gets_one_and_answers_the_same():
    x = keras.Input((28, 28), name="digits")
    network = keras.Model(x, end(L.Conv2D(4, 3, name="conv")(L.Reshape((28, 28, 1), name="add")(x)), 10))
    made, notes, _ = inputs.adapted(network, "mnist.h5", notes=("first",))
    pictures = np.random.default_rng(0).random((2, 28, 28), dtype=np.float32)
    np.testing.assert_allclose(np.asarray(made(pictures[..., None])), np.asarray(network(pictures)), atol=1e-6)
    assert notes == ("first", "Its pictures have no channels; they are given to it as grey ones.")
    own = core.classifier(made, name="mnist")
    assert own.grey and "conv" in own.layers


def test_a_flat_network_for_digits_opens():
    network = keras.Sequential([L.Input((28, 28)), L.Flatten(), L.Dense(8, activation="relu"), L.Dense(10)])
    made, *_ = inputs.adapted(network, "mnist.h5")
    pictures = np.random.default_rng(0).random((2, 28, 28), dtype=np.float32)
    np.testing.assert_allclose(np.asarray(made(pictures[..., None])), np.asarray(network(pictures)), atol=1e-5)


@pytest.mark.parametrize("second", [(20, 24, 3), (5,), (None, 24, 3), ()])
def test_a_second_input_is_held_at_zero_and_the_card_says_so(second):
    picture, other = keras.Input((20, 24, 3), name="photo"), keras.Input(second, name="table")
    y = L.GlobalAveragePooling2D(name="gap")(L.Conv2D(4, 3, name="conv")(picture))
    extra = {3: lambda: L.GlobalAveragePooling2D(name="gap2")(other), 1: lambda: other, 0: lambda: None}[len(second)]()
    extra = L.Reshape((1,), name="one")(other) if extra is None else extra
    network = keras.Model([picture, other], L.Dense(2, name="out")(L.Concatenate(name="cat")([y, extra])))
    made, notes, _ = inputs.adapted(network, "twins.keras")
    pictures = np.random.default_rng(0).random((3, 20, 24, 3), dtype=np.float32)
    nothing = np.zeros((3, *(20 if side is None else side for side in second)), np.float32)
    np.testing.assert_allclose(np.asarray(made(pictures)), np.asarray(network([pictures, nothing])), atol=1e-5)
    assert notes == ("The picture is its input 'photo'; input 'table' held at 0.",)
    own = core.classifier(made, name="twins")
    assert "conv" in own.layers and own.layers["conv"].spatial


def test_no_picture_at_all_is_refused_with_what_it_takes():
    x = keras.Input((5,))
    with pytest.raises(ValueError, match=r"for pictures, got table\.h5, which takes 5 values"):
        inputs.adapted(keras.Model(x, L.Dense(2)(x)), "table.h5")


def test_the_cases_of_the_shared_folder(shared, tmp_path, monkeypatch):
    script = tmp_path / "generate.py"
    script.write_text((shared / "cases" / "input_shapes.py").read_text().split("import core")[0])
    (tmp_path / "made").mkdir()
    monkeypatch.setattr(sys, "argv", ["generate.py", str(tmp_path / "made")])
    try:
        runpy.run_path(str(script))
    finally:
        keras.backend.set_image_data_format("channels_last")
    refusals = {
        "rgba": "pictures of RGBA",
        "channels_first": "channels first, which processors cannot compute; build it",
    }
    files = sorted((tmp_path / "made").glob("*.keras"))
    assert len(files) >= 8
    for file in files:
        if file.stem in refusals:
            with pytest.raises(ValueError, match=refusals[file.stem]):
                saved_models.check_archive(file)
            continue
        assert containers.identify(file) == "keras"
        saved_models.check_archive(file)
        made, *_ = saved_models.build(file, "keras")
        own = core.classifier(made, name=file.stem)
        assert own.layers, file.name


@pytest.mark.parametrize("augment", ["RandAugment", "AugMix", "CutMix", "MixUp", "RandomGrayscale", "AutoContrast"])
def test_augmentation_of_keras_opens(augment, tmp_path):
    x = keras.Input((16, 16, 3), name="image")
    layer = getattr(L, augment)(name="augment")
    keras.Model(x, end(L.Conv2D(3, 3, name="conv")(layer(x)))).save(tmp_path / "a.keras")
    made, *_ = saved_models.build(tmp_path / "a.keras", "keras")
    assert json.loads(made.to_json())["config"]["layers"][1]["class_name"] == augment


def test_what_a_second_input_is_held_at_can_be_chosen():
    picture, table = keras.Input((20, 24, 3), name="photo"), keras.Input((3,), name="table")
    y = L.GlobalAveragePooling2D(name="gap")(L.Conv2D(4, 3, name="conv")(picture))
    network = keras.Model([picture, table], L.Dense(2, name="out")(L.Concatenate(name="cat")([y, table])))
    pictures = np.random.default_rng(0).random((2, 20, 24, 3), dtype=np.float32)
    for value, said in ((2.5, "2.5"), ([1, -2, 3.5], "1, -2, 3.5")):
        made, notes, shapes = inputs.adapted(network, "mixed.keras", held={"table": value})
        rows = np.broadcast_to(np.asarray(value, np.float32), (2, 3))
        np.testing.assert_allclose(np.asarray(made(pictures)), np.asarray(network([pictures, rows])), atol=1e-5)
        own = core.classifier(made, name="mixed", kind="numbers")
        np.testing.assert_allclose(core.logits_of(own, pictures), np.asarray(network([pictures, rows])), atol=1e-5)
        assert notes == (f"The picture is its input 'photo'; input 'table' held at {said}.",) and shapes == {
            "table": (3,)
        }


def test_a_twin_can_be_held_at_a_picture():
    one, other = keras.Input((8, 10, 3), name="left"), keras.Input((8, 10, 3), name="right")
    twin = L.Conv2D(3, 3, name="twin")
    network = keras.Model(
        [one, other], L.GlobalAveragePooling2D(name="gap")(L.Subtract(name="by")([twin(one), twin(other)]))
    )
    rng = np.random.default_rng(0)
    pictures, fixed = rng.random((2, 8, 10, 3), dtype=np.float32), rng.random((8, 10, 3), dtype=np.float32)
    made, notes, _ = inputs.adapted(network, "twins.keras", held={"right": fixed})
    wanted = network([pictures, np.stack([fixed, fixed])])
    np.testing.assert_allclose(np.asarray(made(pictures)), np.asarray(wanted), atol=1e-5)
    assert "'right' held at 240 numbers from" in notes[0]


@pytest.mark.parametrize(
    ("held", "sentence"),
    [
        ({"tabel": 1}, r"inputs of m\.keras beside its picture \('table'\), got 'tabel'"),
        ({"photo": 1}, "got 'photo'"),
        ({"table": [1, 2]}, "one finite number or 3 of them for the input 'table', got 2"),
        ({"table": np.nan}, "got others"),
        ({"table": "x"}, "got others"),
    ],
)
def test_values_that_do_not_fit_are_refused(held, sentence):
    picture, table = keras.Input((20, 24, 3), name="photo"), keras.Input((3,), name="table")
    network = keras.Model([picture, table], L.Concatenate()([L.GlobalAveragePooling2D()(picture), table]))
    with pytest.raises(ValueError, match=sentence):
        inputs.adapted(network, "m.keras", held=held)


def test_pictures_that_come_as_a_row_are_pictures():
    x = keras.Input((480,))
    network = keras.Model(x, end(L.Conv2D(4, 3, name="conv")(L.Reshape((20, 24, 1), name="picture")(x))))
    made, notes, _ = inputs.adapted(network, "row.h5")
    pictures = np.random.default_rng(0).random((2, 20, 24, 1), dtype=np.float32)
    np.testing.assert_allclose(np.asarray(made(pictures)), np.asarray(network(pictures.reshape(2, 480))), atol=1e-6)
    assert made.input_shape == (None, 20, 24, 1) and "as a row of numbers" in notes[0]


def test_a_file_is_loaded_with_its_second_input_held(tmp_path):
    picture, table = keras.Input((12, 14, 3), name="photo"), keras.Input((2,), name="table")
    y = L.Concatenate(name="cat")([L.GlobalAveragePooling2D(name="gap")(picture), table])
    network = keras.Model([picture, table], L.Dense(2, activation="softmax", name="out")(y))
    network.save(tmp_path / "mixed.keras")
    own = core.load(tmp_path / "mixed.keras", held={"table": [3, -1]}, normalization="unit")
    pictures = np.random.default_rng(0).random((1, 12, 14, 3), dtype=np.float32)
    wanted = np.asarray(network([pictures, np.array([[3, -1]], np.float32)]))
    np.testing.assert_allclose(own.probabilities(core.logits_of(own, pictures)), wanted, atol=1e-5)
    assert own.card["held"] == {"table": (2,)} and any("held at 3, -1" in note for note in own.card["notes"])
