import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import core
from core.networks import cards, zoo


def test_available_names_networks_best_for_a_newcomer_first():
    names = core.available()
    assert names == ("efficientnet_lite0", "lens5_standard", "lens5_robust")
    orders = [core.card(name)["order"] for name in names]
    assert orders == sorted(orders)


def test_the_order_is_that_of_the_cards(tmp_path, monkeypatch):
    for name, order in (("b", 2), ("c", 1), ("a", 2)):
        (tmp_path / f"{name}.json").write_text(f'{{"order": {order}}}')
    monkeypatch.setattr(cards, "BUNDLED", tmp_path)
    assert core.available() == ("c", "a", "b")


@pytest.mark.parametrize("ask", [core.load, core.card])
@pytest.mark.parametrize("name", ["lens6", "", "../bundled/lens5_standard"])
def test_an_unknown_name_names_the_choices(ask, name):
    with pytest.raises(ValueError, match=f"There is no network '{name}'; there is efficientnet_lite0, lens5_standard"):
        ask(name)


def test_a_loaded_network_is_a_new_one_each_time_and_says_the_same():
    one, two = core.load("lens5_standard"), core.load("lens5_standard")
    photo = core.samples.load("cat")
    assert one is not two and one.network is not two.network
    assert core.predict(one, photo) == core.predict(two, photo)


@pytest.mark.parametrize(("low", "high"), [(0, 255), (-1, 1), (0, 1)])
def test_pictures_reach_the_network_in_the_range_that_its_card_names(low, high, monkeypatch):
    card = core.card("lens5_standard") | {"pixels": {"low": low, "high": high}}
    monkeypatch.setattr(zoo, "card", lambda name: card)
    net = core.load("lens5_standard")
    ramp = np.linspace(0, 1, 12, dtype=np.float32).reshape(1, 2, 2, 3)
    np.testing.assert_allclose(net.preprocess(ramp), low + ramp * (high - low), rtol=1e-6)


def test_load_runs_at_any_picture_size():
    net = core.load("lens5_standard")
    layer = core.stages(net)[-1].layer
    picture = np.asarray(Image.new("RGB", (101, 67), "teal"), np.float32)[None] / 255
    assert core.activations(net, picture, [layer])[layer].shape[:3] == (1, 67 // 16, 101 // 16)


FAMILIES = {
    name: getattr(keras.applications, function.__module__.rsplit(".", 1)[-1])
    for name, function in vars(keras.applications).items()
    if inspect.isfunction(function)
}


def test_every_classifier_of_keras_has_a_name():
    plain = [name for name in core.applications() if name not in zoo.VARIANTS]
    assert sorted(zoo._function(name).__name__ for name in plain) == sorted(FAMILIES)
    assert {"mobilenet_v2", "resnet50_v2", "efficientnet_v2_b0", "vgg16", "inception_v3", "nasnet_mobile"} <= set(
        core.applications()
    )
    assert all(core.card(name)["title"] for name in core.applications())


@pytest.mark.parametrize("name", core.applications())
def test_preprocessing_is_that_of_the_family(name):
    levels = np.arange(256, dtype=np.float32)
    known = np.stack([levels, levels[::-1], np.roll(levels, 77)], axis=-1).reshape(1, 16, 16, 3)
    ours = zoo.preprocessing(name)(known / np.float32(255)).numpy()
    theirs = FAMILIES[zoo._function(name).__name__].preprocess_input(known.copy())
    np.testing.assert_allclose(ours, theirs, atol=2e-4)


def test_random_weights_need_no_network_and_options_are_passed_on():
    net = core.load("mobilenet", weights=None, alpha=0.25, input_shape=(96, 96, 3))
    assert net.size == (96, 96) and len(net.labels) == 1000 and net.labels[1] == "goldfish"
    assert net.network.count_params() < 500_000
    assert core.predict(net, core.samples.load("cat"), top=2)[0][0][1] > 0
    assert core.load("mobilenet_0.25", weights=None).network.count_params() == net.network.count_params()


def test_labels_of_imagenet_are_all_different():
    assert len(set(core.load("mobilenet_0.25", weights=None).labels)) == 1000


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("mobilenet_v2", {"alfa": 1}, "options that MobileNetV2 takes, got alfa"),
        ("mobilenet_v2", {"input_shape": (8, 8, 3)}, "settings with which MobileNetV2 can be built"),
        ("lens5_standard", {"alpha": 1}, "no options for lens5_standard"),
    ],
)
def test_impossible_options_get_one_sentence(name, options, sentence):
    with pytest.raises(ValueError, match=sentence) as refusal:
        core.load(name, weights=None, **options)
    assert "\n" not in str(refusal.value)


FAILURE = "URL fetch failure on https://storage.example/mobilenet_v2/weights_224.h5: None -- [Errno -2] no"


def test_a_download_that_fails_says_which_file_to_put_where(monkeypatch, tmp_path):
    def offline(weights=None):
        raise Exception(FAILURE)  # the type is Keras's choice

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(zoo, "_function", lambda name: offline)
    for ask in (lambda: core.load("mobilenet_v2"), lambda: list(core.download("mobilenet_v2"))):
        with pytest.raises(ValueError, match=r"put the file weights_224\.h5 into .*, or choose another") as refusal:
            ask()
        assert str(tmp_path) in str(refusal.value) and "\n" not in str(refusal.value)


REAL = """
import json, sys, core
steps = list(core.download("mobilenet_0.25"))
net = core.load("mobilenet_0.25")
hits = []
for path in sys.argv[1:]:
    hits.append(net.labels.index(core.predict(net, core.open_image(path), top=1)[0][0][0]))
print(json.dumps([hits, len(steps)]))
"""


def test_real_weights_load_from_the_cache_of_keras_and_know_photographs(shared):
    paths = sorted((shared / "imagenet_samples").glob("*.jpg"))[:40]
    home = {
        **os.environ,
        "KERAS_HOME": str(shared / "weights" / "keras_home"),
        "PYTHONPATH": str(Path(core.__file__).parents[1]),
    }
    run = subprocess.run(
        [sys.executable, "-c", REAL, *map(str, paths)], env=home, capture_output=True, text=True, check=True
    )
    hits, steps = json.loads(run.stdout.splitlines()[-1])
    assert steps >= 1
    assert np.mean([int(path.name.split("_")[0]) == hit for path, hit in zip(paths, hits, strict=True)]) > 0.35


def test_normalization_may_be_spelled_with_an_s(monkeypatch):
    image = keras.Input((8, 9, 3))
    network = keras.Model(image, keras.layers.GlobalAveragePooling2D(name="gap")(image))
    monkeypatch.setattr(zoo.files, "open_file", lambda *_, **__: zoo.files.Opened(network, (), (), "", {}, {}))
    net = core.load("mine.keras", normalisation="symmetric")
    assert net.card["normalization"] == "symmetric"
    with pytest.raises(ValueError, match="Expected normalization or normalisation, got both"):
        core.load("mine.keras", normalisation="symmetric", normalization="unit")
