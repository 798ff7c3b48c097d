"""Files under any name and in any box: the content decides; what is no network gets a sentence that helps."""

from __future__ import annotations

import io
import json
import pickle
import runpy
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers as L  # noqa: N812

import core
from core.networks import containers, saved_models
from tests.core.networks.keras2_files import aged, randomized, write_h5

pytestmark = pytest.mark.usefixtures("forked_trials")


def network():
    x = keras.Input((20, 24, 3), name="image")
    y = L.GlobalAveragePooling2D(name="gap")(L.Conv2D(4, 3, name="conv")(x))
    return randomized(keras.Model(x, L.Dense(2, name="out")(y), name="small"))


@pytest.fixture(scope="module")
def h5(tmp_path_factory):
    made = network()
    return write_h5(tmp_path_factory.mktemp("boxes") / "keras_model.h5", made, aged(made)).read_bytes()


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("boxes") / "network.keras"
    network().save(path)
    return path.read_bytes()


def zipped(entries):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as box:
        for name, content in entries.items():
            box.writestr(name, content)
    return data.getvalue()


def opened(path):
    """The network of a file without a child process, and what lay beside it."""
    with containers.opened(path) as box:
        if box.kind == "keras":
            saved_models.check_archive(box.path)
        made, *_ = saved_models.build(box.path, box.kind)
        return made, box.labels


def same(path):
    pictures = np.random.default_rng(0).random((1, 20, 24, 3), dtype=np.float32)
    made, labels = opened(path)
    np.testing.assert_allclose(np.asarray(made(pictures)), np.asarray(network()(pictures)), atol=1e-5)
    return labels


def refused(path, sentence):
    with pytest.raises(ValueError, match=sentence) as refusal:
        opened(path)
    text = str(refusal.value)
    assert "\n" not in text and len(text) < 450 and path.name in text


@pytest.mark.parametrize("name", ["a.h5", "a.keras", "a.hdf5", "a.model", "A.H5", "a", "a.zip", "a.bin"])
def test_the_content_decides_whatever_the_name(name, h5, archive, tmp_path):
    (tmp_path / name).write_bytes(h5)
    same(tmp_path / name)
    (tmp_path / name).write_bytes(archive)
    same(tmp_path / name)


@pytest.mark.parametrize("labels", ["labels.txt", "model/labels.txt", "class_names.txt", "classes.csv"])
@pytest.mark.parametrize("inside", ["keras_model.h5", "converted_keras/keras_model.h5", "best.keras"])
def test_a_zip_with_one_network_is_a_box_and_its_labels_come_along(inside, labels, h5, archive, tmp_path):
    content = archive if inside.endswith(".keras") else h5
    entries = {inside: content, labels: "0 cat\n1 dog\n", "__MACOSX/._keras_model.h5": b"x", "readme.md": b"hello"}
    (tmp_path / "converted_keras.zip").write_bytes(zipped(entries))
    assert same(tmp_path / "converted_keras.zip") == ("cat", "dog")


def test_labels_beside_a_loose_file_are_found(h5, tmp_path):
    (tmp_path / "keras_model.h5").write_bytes(h5)
    (tmp_path / "labels.txt").write_text("0 cat\n1 dog\n")
    assert same(tmp_path / "keras_model.h5") == ("cat", "dog")


def test_a_box_opens_with_its_labels_through_the_front_door(h5, tmp_path):
    (tmp_path / "converted_keras.zip").write_bytes(zipped({"keras_model.h5": h5, "labels.txt": "0 cat\n1 dog\n"}))
    own = core.load(tmp_path / "converted_keras.zip")
    assert own.labels == ("cat", "dog") and own.size == (20, 24)
    assert any("labels.txt" in note for note in own.card["notes"])
    assert any("translated" in note for note in own.card["notes"])
    assert core.load(tmp_path / "converted_keras.zip", labels=["a", "b"]).labels == ("a", "b")


def test_the_cases_of_the_shared_folder(h5, shared, tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "made").mkdir()
    (tmp_path / "source" / "network.h5").write_bytes(h5)
    source = (shared / "cases" / "containers.py").read_text().split("import core")[0]
    script = tmp_path / "generate.py"
    script.write_text(source)
    arguments, sys.argv = sys.argv, ["generate.py", str(tmp_path / "source" / "network.h5"), str(tmp_path / "made")]
    try:
        runpy.run_path(str(script))
    finally:
        sys.argv = arguments
    for name in ("UPPER.H5", "converted_keras.zip", "hdf5_named.keras", "mask_detector.model"):
        same(tmp_path / "made" / name)
    for name, sentence in (
        ("network.tflite", "TensorFlow Lite"),
        ("pointer.h5", "git lfs pull"),
        ("saved_model.zip", "a SavedModel"),
    ):
        refused(tmp_path / "made" / name, sentence)


ARCHITECTURE = json.dumps({"class_name": "Sequential", "config": {"layers": []}})


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.pb", b"\x08\x01\x12\x05hello", "a SavedModel, which may run any code"),
        ("frozen.pb", b"\x0a\x05input", "a graph of TensorFlow without Keras's layers"),
        ("a.tflite", b"\x1c\0\0\0TFL3", "a TensorFlow Lite network"),
        ("a.onnx", b"\x08\x07\x12\x07pytorch", "an ONNX network; convert it to Keras"),
        ("a.h5", b"\x08\x07\x12\x07pytorch", "an ONNX network"),
        ("a.pt", zipped({"archive/data.pkl": b"x", "archive/version": b"3"}), "a network of PyTorch"),
        ("a.pth", pickle.dumps([1]), "a pickle, which may run any code"),
        ("a.json", ARCHITECTURE.encode(), "layers of a network without their weights"),
        ("model.json", b'{"modelTopology": {}, "weightsManifest": []}', "a TensorFlow.js network"),
        ("web.zip", zipped({"model.json": b"{}", "weights.bin": b"x"}), "in Teachable Machine choose Export"),
        ("lite.zip", zipped({"model_unquant.tflite": b"x", "labels.txt": b"0 a"}), "a TensorFlow Lite network"),
        ("two.zip", zipped({"a.h5": b"x", "b.h5": b"x"}), "a zip with 2 networks .a.h5, b.h5.; unpack it"),
        ("photos.zip", zipped({"a.jpg": b"x"}), "a zip of pictures"),
        ("empty.zip", zipped({}), "an empty zip"),
        ("some.zip", zipped({"a.txt": b"x"}), "a zip without a network"),
        ("w.npz", zipped({"w0.npy": b"x"}), "weights only, as NumPy arrays"),
        ("folder.zip", zipped({"n/config.json": b"{}", "n/model.weights.h5": b"x", "n/metadata.json": b"{}"}),
         "an unpacked .keras in a folder"),
        ("box.zip", zipped({"inner.h5": zipped({"a.h5": b"\x89HDF"})}), "a zip inside it; unpack it first"),
        ("page.h5", b"<!DOCTYPE html><html>", "a web page instead of the file"),
        ("a.safetensors", (60).to_bytes(8, "little") + b'{"a":1}', "weights in safetensors"),
        ("a.tar.gz", b"\x1f\x8b\x08", "a packed archive; unpack it"),
        ("yolo.weights", b"\0\0\0\0\2\0", "weights of Darknet"),
        ("model.ckpt.data-00000-of-00001", b"\0\1\2\3", "a checkpoint, which holds weights only"),
        ("cat.h5", b"\xff\xd8\xff\xe0", "a picture; open it as your own picture"),
        ("empty.h5", b"", "which is empty"),
        ("pointer.keras", b"version https://git-lfs.github.com/spec/v1\noid", "a pointer of Git LFS"),
    ],
)  # fmt: skip
def test_what_is_no_network_of_keras_gets_its_own_sentence(name, content, sentence, tmp_path):
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, sentence)


def test_folders_get_their_own_sentences(tmp_path):
    saved = tmp_path / "saved"
    saved.mkdir()
    (saved / "saved_model.pb").write_bytes(b"\x08\x01")
    refused(saved, r"a SavedModel may run any code \(this is one\)")
    (saved / "best.h5").write_bytes(b"x")
    refused(saved, "choose the file in it, best.h5")


def test_hdf5_without_a_network(tmp_path):
    with h5py.File(tmp_path / "photos.h5", "w") as file:
        file["pictures"] = np.zeros((2, 3))
    refused(tmp_path / "photos.h5", "an HDF5 file with data and without a network")
    with h5py.File(tmp_path / "old_weights.h5", "w") as file:
        file.create_group("conv").attrs["weight_names"] = [b"conv/kernel:0"]
        file.attrs["layer_names"] = [b"conv"]
    refused(tmp_path / "old_weights.h5", "holds weights only; save it with model.save")


def test_a_box_that_unpacks_to_far_more_is_refused(tmp_path):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as box:
        box.writestr("keras_model.h5", bytes(200 * 2**20))
    (tmp_path / "bomb.zip").write_bytes(data.getvalue())
    refused(tmp_path / "bomb.zip", "an honest archive")


def layered(kind, *, module=None, registered=None):
    """An archive's description with one layer of that class in it."""
    whole = json.loads(network().to_json())
    one = {"module": module, "class_name": kind, "config": {"name": "x"}, "registered_name": registered, "name": "x"}
    whole["config"]["layers"].insert(1, {**one, "inbound_nodes": []})
    return whole


@pytest.mark.parametrize(
    ("kind", "module", "sentence"),
    [
        ("KerasLayer", "tensorflow_hub.keras_layer", "a layer of TensorFlow Hub, whose network is not in the file"),
        ("KerasLayer", None, "a layer of TensorFlow Hub"),
        ("EfficientNetBackbone", "keras_hub.src.models", "'EfficientNetBackbone' of keras_hub"),
        ("LSTM", "keras.layers", "with LSTM, a layer for texts, sounds, videos or volumes"),
        ("Conv3D", "keras.layers", "with Conv3D, a layer for texts"),
        ("Lambda", "keras.layers", "with Lambda, which runs code of its own"),
        ("Mine", None, "'Mine', whose code this file does not hold"),
    ],
)
def test_layers_that_are_not_opened_say_what_they_are(kind, module, sentence, archive, tmp_path):
    with zipfile.ZipFile(io.BytesIO(archive)) as old:
        entries = {name: old.read(name) for name in old.namelist()}
    entries["config.json"] = json.dumps(layered(kind, module=module)).encode()
    (tmp_path / "a.keras").write_bytes(zipped(entries))
    refused(tmp_path / "a.keras", sentence)
