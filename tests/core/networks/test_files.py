"""A person's own file: what works is opened, what is hostile is answered by one sentence and runs nothing."""

from __future__ import annotations

import io
import json
import pickle
import time
import zipfile

import h5py
import keras
import numpy as np
import psutil
import pytest
from keras import layers as L  # noqa: N812

import core
from core.networks import descriptions, files, saved_models, trial

pytestmark = pytest.mark.usefixtures("forked_trials")


def network(*, name="small", width=4):
    keras.utils.set_random_seed(3)
    image = keras.Input((24, 40, 3), name="image")
    x = L.Conv2D(width, 3, activation="relu", name="conv")(image)
    x = keras.ops.relu6(x) + 0.5
    x = L.GlobalAveragePooling2D(name="gap")(x)
    return keras.Model(image, L.Dense(3, activation="softmax", name="out")(x), name=name)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "good.keras"
    network().save(path)
    return path


def rewritten(good, folder, *, config=None, weights=None, more=None, name="hostile.keras", packing=zipfile.ZIP_STORED):
    """A copy of a good archive with other contents."""
    path = folder / name
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(path, "w", packing) as new:
        for entry in old.namelist():
            data = old.read(entry)
            if entry == "config.json" and config is not None:
                data = config if isinstance(config, bytes) else json.dumps(config).encode()
            if entry == "model.weights.h5" and weights is not None:
                data = weights
            new.writestr(entry, data)
        for entry, data in (more or {}).items():
            new.writestr(entry, data)
    return path


def description(good):
    with zipfile.ZipFile(good) as archive:
        return json.loads(archive.read("config.json"))


def with_layer(good, kind, config, **more):
    """The good network's description with one more layer in it."""
    whole = description(good)
    whole["config"]["layers"][2:2] = [
        {"module": "keras.layers", "class_name": kind, "config": config, "registered_name": None, "inbound_nodes": []}
        | more
    ]
    return whole


def refused(path, sentence, **options):
    """Refused with that one sentence, and quickly, since no child is needed."""
    with pytest.raises(ValueError, match=sentence) as refusal:
        files.inspect(path, **options)
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 500


def test_a_report_says_what_is_in_the_file(good, trials_of_their_own):
    report = core.inspect(good)
    assert report.input_shape == (24, 40, 3)
    assert report.parameters == network().count_params()
    assert report.layers == len(network().layers)


def test_a_file_gives_the_network_that_was_saved(good):
    own = core.load(good, labels=["a", "b", "c"], normalization="symmetric")
    picture = np.random.default_rng(0).random((1, 24, 40, 3), dtype=np.float32)
    expected = np.asarray(network()(picture * 2 - 1))[0]
    said = dict(core.predict(own, picture)[0])
    np.testing.assert_allclose([said[label] for label in "abc"], expected, atol=1e-5)
    assert own.name == "good" and own.card["normalization"] == "symmetric"


def test_a_path_as_text_and_a_legacy_file_work_too(tmp_path):
    keras.utils.set_random_seed(0)
    plain = keras.Sequential([L.Input((20, 20, 1)), L.Conv2D(3, 3, name="conv"), L.Flatten(), L.Dense(2, name="out")])
    path = tmp_path / "old.h5"
    plain.save(path)
    own = core.load(str(path))
    assert own.labels == ("class 0", "class 1") and own.size == (20, 20) and own.grey


def test_a_network_that_scales_its_pictures_itself_gets_bytes(tmp_path):
    inside = [L.Input((20, 20, 3)), L.RandomFlip(), L.Rescaling(1 / 255), L.Conv2D(3, 3), L.GlobalMaxPooling2D()]
    keras.Sequential(inside).save(tmp_path / "scaled.keras")
    assert core.load(tmp_path / "scaled.keras").card["normalization"] == "bytes"
    nested = keras.Sequential([L.Input((20, 20, 3)), keras.Sequential(inside, name="inner"), L.Dense(2)])
    nested.save(tmp_path / "nested.keras")
    assert core.load(tmp_path / "nested.keras").card["normalization"] == "bytes"


def test_options_are_checked(good):
    with pytest.raises(ValueError, match="no normalization 'half'; there is unit, symmetric"):
        core.load(good, normalization="half")
    with pytest.raises(ValueError, match="options that load_file takes, got alpha"):
        core.load(good, alpha=1)
    with pytest.raises(ValueError, match="Expected 3 labels for good, got 2"):
        core.load(good, labels=["a", "b"])


# ------------------------------------------------------------------------------------------ hostile files


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"hello, I am a text file", "neither a zip archive nor HDF5"),
        (b"", "neither a zip archive nor HDF5"),
        (pickle.dumps({"weights": [1, 2]}), "a pickle, which may run any code"),
        (b"PK\x03\x04 and nothing of an archive", "broken or cut off"),
        (b"\x89HDF\r\n\x1a\n and nothing of HDF5", "broken or cut off"),
    ],
)
def test_what_is_no_network_is_refused(tmp_path, content, sentence):
    path = tmp_path / "bad.keras"
    path.write_bytes(content)
    refused(path, sentence)


def test_a_file_that_is_two_kinds_at_once_is_refused(good, tmp_path):
    """Readers go by the beginning or by the end of a file: both must see the same network."""
    old = tmp_path / "old.h5"
    network().save(old)
    for name in ("both.keras", "both.h5"):
        both = tmp_path / name
        both.write_bytes(old.read_bytes() + good.read_bytes())
        refused(both, "whose contents are not what its name says")
    (tmp_path / "zip.h5").write_bytes(good.read_bytes())
    assert (
        core.inspect(tmp_path / "zip.h5").parameters == network().count_params()
    )  # one network: its name is no matter


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    bad = network()
    bad.set_weights([weight * np.nan for weight in bad.get_weights()])
    bad.save(tmp_path / "nan.keras")
    refused(tmp_path / "nan.keras", "weights that are numbers, got nan.keras")


@pytest.mark.parametrize("kernel", [[10**4000] * 400, [[1], [1, 2]], "x", -1, [2**40]])
def test_an_absurd_kernel_costs_no_time(good, tmp_path, kernel):
    began = time.monotonic()
    entry = {"class_name": "Dense", "config": {"kernel_size": kernel, "filters": 3}}
    assert descriptions._declared(entry) == 0 and time.monotonic() - began < 0.1


def test_separable_kernels_are_counted_as_they_are():
    layer = L.SeparableConv2D(64, 5, use_bias=False)
    layer.build((None, 8, 8, 32))
    entry = {"class_name": "SeparableConv2D", "config": layer.get_config(), "build_config": {"input_shape": [1, 32]}}
    entry["config"]["kernel_size"] = [5, 5]
    assert descriptions._declared(entry) == layer.count_params()


def test_layers_called_very_often_are_refused(monkeypatch):
    monkeypatch.setattr("core.networks.graphs.MOST_CALLS", 500)  # Keras takes half a minute for 5,000
    image = keras.Input((16, 16, 3))
    once = keras.Model(image, L.ReLU(name="r")(image), name="m0")
    for depth in range(1, 10):
        image = keras.Input((16, 16, 3))
        once = keras.Model(image, once(once(image)), name=f"m{depth}")
    with pytest.raises(ValueError, match="at most 500 layer calls"):
        core.classifier(once, name="deep")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    refused(tmp_path / "none.keras", "cannot be read")
    refused(tmp_path, "a folder; a SavedModel may run any code")


@pytest.mark.parametrize("share", [0.2, 0.6, 0.97])
def test_a_truncated_file_is_refused(good, tmp_path, share):
    data = good.read_bytes()
    path = tmp_path / "cut.keras"
    path.write_bytes(data[: int(len(data) * share)])
    refused(path, "cut.keras, which is broken or cut off")


def test_truncated_weights_are_refused(good, tmp_path):
    with zipfile.ZipFile(good) as archive:
        half = archive.read("model.weights.h5")[:-4000]
    refused(rewritten(good, tmp_path, weights=half), "broken or cut off")


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_a_lambda_is_refused_and_does_not_run(tmp_path, suffix):
    witness = tmp_path / "witness"
    code = L.Lambda(eval(f"lambda x: (__import__('pathlib').Path({str(witness)!r}).touch(), x)[1]"))
    image = keras.Input((24, 40, 3))
    path = tmp_path / f"lambda.{suffix}"
    keras.Model(image, L.GlobalMaxPooling2D()(code(image))).save(path)
    witness.unlink(missing_ok=True)
    refused(path, "with Lambda, which runs code of its own")
    assert not witness.exists()


@pytest.mark.parametrize(
    ("kind", "config", "more", "sentence"),
    [
        ("TFSMLayer", {"filepath": "/tmp/some", "name": "x"}, {}, "with TFSMLayer, which runs foreign code"),
        ("StringLookup", {"vocabulary": "/etc/passwd"}, {}, "'StringLookup', whose code this file does not hold"),
        ("Mine", {}, {"registered_name": "Custom>Mine", "module": None}, "'Mine', whose code this file does not hold"),
        ("system", {}, {"module": "os"}, "'system', whose code"),
        ("Dense", {}, {"module": "evil"}, "'Dense', whose code"),
        ("Map", {"function": "x"}, {"module": "keras.src.ops.core"}, "'Map', whose code"),
        (["Dense"], {}, {}, "classes have no names"),
    ],
)
def test_a_class_that_is_not_listed_is_refused(good, tmp_path, kind, config, more, sentence):
    refused(rewritten(good, tmp_path, config=with_layer(good, kind, config, **more)), sentence)


@pytest.mark.parametrize(
    ("module", "function"),
    [
        *[("os", "system"), ("builtins", "eval"), ("keras.utils", "get_file"), ("keras.saving", "load_model")],
        *[("keras.activations", "get_file"), ("keras.config", "enable_unsafe_deserialization")],
    ],
)
def test_a_function_that_is_no_activation_is_refused(good, tmp_path, module, function):
    config = description(good)
    layer = next(one for one in config["config"]["layers"] if one["class_name"] == "Conv2D")
    layer["config"]["activation"] = {
        "module": module, "class_name": "function", "config": function, "registered_name": "function",
    }  # fmt: skip
    refused(rewritten(good, tmp_path, config=config), f"'{function}', whose code")


def test_a_huge_declared_layer_is_refused_at_once(good, tmp_path):
    config = with_layer(good, "Dense", {"name": "huge", "units": 20_000}, build_config={"input_shape": [None, 5_000]})
    began = time.monotonic()
    refused(rewritten(good, tmp_path, config=config), r"100,000,\d+ parameters and [\d,]+ bytes of weights")
    more = with_layer(good, "Dense", {"units": 2_000_000}, build_config={"input_shape": [None, 2_000_000]})
    refused(rewritten(good, tmp_path, config=more), "at most 500,000,000 parameters")
    assert time.monotonic() - began < 1


def test_a_layer_that_is_larger_than_it_says_dies_alone(good, tmp_path, trials_of_their_own):
    """Nothing here says how large the kernel is until Keras has allocated it."""
    huge = {"name": "huge", "kernel_size": [3, 3], "depth_multiplier": 40_000_000, "use_bias": False}
    config = with_layer(good, "DepthwiseConv2D", huge, name="huge")
    layer = next(one for one in config["config"]["layers"] if one["class_name"] == "DepthwiseConv2D")
    conv = next(one for one in config["config"]["layers"] if one["class_name"] == "Conv2D")
    layer["inbound_nodes"] = conv["inbound_nodes"]
    before = psutil.Process().memory_info().rss
    refused(rewritten(good, tmp_path, config=config), "Keras can open|memory", memory=1024 * trial.MIB)
    assert psutil.Process().memory_info().rss - before < 100 * trial.MIB


@pytest.mark.slow
def test_a_picture_that_grows_beyond_the_memory_dies_alone(tmp_path, trials_of_their_own):
    image = keras.Input((64, 64, 3))
    grown = L.UpSampling2D(400)(L.Conv2D(64, 1)(image))
    keras.Model(image, L.GlobalMaxPooling2D()(grown)).save(tmp_path / "grown.keras")
    refused(tmp_path / "grown.keras", "a network that .*runs")


def test_a_large_description_and_a_bomb_are_refused_at_once(good, tmp_path):
    padded = json.dumps(description(good)).encode() + b" " * (200 * trial.MIB)
    began = time.monotonic()
    path = rewritten(good, tmp_path, config=padded, packing=zipfile.ZIP_DEFLATED)
    began = time.monotonic()
    refused(path, "bytes that unpack to 2")
    zeros = rewritten(good, tmp_path, weights=bytes(300 * trial.MIB), packing=zipfile.ZIP_DEFLATED, name="bomb.keras")
    refused(zeros, "bytes that unpack to 3")
    stored = json.dumps(description(good)).encode() + b" " * (20 * trial.MIB)
    refused(rewritten(good, tmp_path, config=stored, name="c.keras"), "description of at most 8 MB")
    assert time.monotonic() - began < 5


def test_a_deep_description_is_refused(good, tmp_path):
    deep = b"[" * 100_000 + b"]" * 100_000
    refused(rewritten(good, tmp_path, config=deep), "one that cannot be read")
    refused(rewritten(good, tmp_path, config=[1, 2]), "something else")


@pytest.mark.parametrize("name", ["../../outside.txt", "assets/vocabulary.txt", "evil.py"])
def test_entries_that_no_network_needs_are_refused(good, tmp_path, name):
    refused(rewritten(good, tmp_path, more={name: b"x"}), "nothing but a network's description and weights")


def hdf5(make):
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        make(file)
    return data.getvalue()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda file: file.create_dataset("a", (8,), "u1", external=[("/etc/passwd", 0, 8)]), "a link to another file"),
        (lambda file: file.__setitem__("a", h5py.ExternalLink("/etc/passwd", "/")), "a link to somewhere else"),
        (lambda file: file.__setitem__("a", h5py.SoftLink("/b")), "a link to somewhere else"),
        (lambda file: file.create_dataset("a", (10**9,), "f4", chunks=(1000,)), "bytes that declare 4,000,000,000"),
    ],
)
def test_weights_that_lie_elsewhere_are_refused(good, tmp_path, make, sentence):
    with pytest.raises(ValueError, match=sentence):  # what the child does first, here without the child
        saved_models.build(rewritten(good, tmp_path, weights=hdf5(make) + bytes(2000)), "keras")


def test_the_child_looks_at_the_weights_too(good, tmp_path, trials_of_their_own):
    link = hdf5(lambda file: file.__setitem__("a", h5py.ExternalLink("/etc/passwd", "/")))
    refused(rewritten(good, tmp_path, weights=link), "a link to somewhere else")


def test_weights_alone_are_refused(tmp_path):
    path = tmp_path / "only.weights.h5"
    network().save_weights(path)
    refused(path, "holds weights only; save it with model.save")


def test_a_child_that_takes_too_long_is_stopped(good, monkeypatch, trials_of_their_own):
    monkeypatch.setattr(trial, "SECONDS", 0.2)
    refused(good, "opens within 0.2 seconds")


def test_a_subclassed_network_is_refused_with_the_name_of_its_class(tmp_path):
    class Mine(keras.Model):
        def __init__(self):
            super().__init__(name="mine")
            self.dense = L.Dense(2, name="dense")

        def call(self, x):
            return self.dense(x)

    model = Mine()
    model(np.zeros((1, 20, 20, 3), np.float32))
    model.save(tmp_path / "mine.keras")
    refused(tmp_path / "mine.keras", "with 'Mine', whose code this file does not hold")


def test_channels_first_is_refused(tmp_path):
    image = keras.Input((3, 24, 40))
    body = L.Conv2D(4, 1, data_format="channels_first")(image)
    with pytest.raises(ValueError, match=r"with one input of shape|channels first"):
        core.classifier(keras.Model(image, L.Flatten()(body)), name="first")


def test_a_network_that_answers_nan_is_refused(tmp_path):
    huge = network()
    huge.set_weights([np.full_like(weight, 3e38) for weight in huge.get_weights()])
    huge.save(tmp_path / "huge.keras")
    refused(
        tmp_path / "huge.keras", "a network that answers with numbers, got huge.keras, which answers NaN or infinity"
    )


def test_a_damaged_entry_is_said_to_be_damaged_not_too_large(good, tmp_path):
    data = bytearray(good.read_bytes())
    data[data.index(b"model.weights.h5") + 3000] ^= 255  # inside the stored weights: the archive's checksum fails
    (tmp_path / "damaged.keras").write_bytes(data)
    refused(tmp_path / "damaged.keras", "broken or cut off|damaged")


def test_what_keras_says_of_a_description_goes_to_the_log(good, tmp_path, caplog):
    config = description(good)
    next(one for one in config["config"]["layers"] if one["class_name"] == "Conv2D")["config"]["strides"] = -7
    path = rewritten(good, tmp_path, config=config)
    refused(path, rf"^Expected a file that Keras can open, got {path.name}, whose layers Keras [\d.]+ cannot build$")
    assert "strides" in caplog.text and path.name in caplog.text


def test_whatever_a_library_raises_in_the_child_is_one_sentence(good, monkeypatch, capsys):
    monkeypatch.setattr(trial, "limit", lambda *_, **__: None)
    monkeypatch.setattr(trial.saved_models, "build", lambda *_: {}["nothing"])
    monkeypatch.setattr(trial.sys, "argv", ["child", str(good), "keras", str(trial.MEMORY)])
    trial.child()
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said == {"refused": "Expected an undamaged file, got good.keras, which is damaged (KeyError)"}
