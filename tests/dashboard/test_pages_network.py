"""The page of the network, own files, and what happens to the one before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import keras
import pytest
from keras import layers as L  # noqa: N812
from streamlit.testing.v1 import AppTest
from test_pages import open_app, words

import core
from dashboard.figures import maps, network_map
from dashboard.server import networks, user_models

PAGE = "app_pages/network.py"
FOUR = ("activations", "filters", "dream", "attack", "why")


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSCOPE_MODE", "local")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small nested network of open size, as a person might have trained."""
    keras.utils.set_random_seed(1)
    inner = keras.Sequential(
        [L.Input((None, None, 3)), L.Conv2D(6, 3, activation="relu", name="a"), L.Conv2D(8, 3, name="b")], name="body"
    )
    image = keras.Input((None, None, 3), name="image")
    x = L.GlobalAveragePooling2D(name="gap")(inner(image))
    path = tmp_path_factory.mktemp("own") / "mine.keras"
    keras.Model(image, L.Dense(3, activation="softmax", name="out")(x), name="mine").save(path)
    return path


@pytest.fixture
def no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child process has its own tests; here it would only take time."""
    monkeypatch.setattr(core.networks.trial, "in_a_child", lambda *_: core.Report(1, 1, (None, None, 3), 1))


def bring(app: AppTest, file: Path) -> AppTest:
    app.text_input(key="network_path").set_value(str(file)).run()
    return app.button(key="open_network").click().run()


def test_card_and_map_of_the_bundled_network() -> None:
    app = open_app(PAGE)
    assert not app.exception
    assert {one.label: one.value for one in app.metric}["Parameters"] == "1,883,560"
    assert app.get("plotly_chart")
    assert "RGB, 0 to 255" in words(app)


def test_layer_of_the_address_is_described() -> None:
    app = open_app(PAGE, layer="conv4_2")
    assert "**conv4_2**, Conv2D: 8 × 8 positions" in words(app)


def test_public_mode_takes_no_network(file: Path) -> None:
    app = open_app(PAGE)
    assert "open_network" not in {one.key for one in app.button}


def test_own_file_opens_and_every_page_shows_it(local: None, no_child: None, file: Path) -> None:
    app = bring(open_app(PAGE), file)
    assert not app.exception and not app.error
    name = app.selectbox(key="network").value
    assert name.startswith("own-") and networks.network_title(name) == "mine.keras"
    assert "The evidence is thin: " in words(app), "its weights are random"
    assert "body/a" in app.selectbox(key="network.layer").options
    for page in FOUR:
        app.switch_page(f"app_pages/{page}.py").run()
        assert not app.exception and not app.error, page
        assert app.selectbox(key="network").value == name


@pytest.mark.parametrize("kind", ["no classes", "no maps", "half"])
def test_unusual_networks_break_no_page(local: None, no_child: None, tmp_path: Path, kind: str) -> None:
    image = keras.Input((16, 16, 3), name="image", dtype="float32")
    x = L.Flatten(name="flat")(image) if kind == "no maps" else L.Conv2D(4, 3, name="conv")(image)
    if kind == "half":
        x = L.Dense(3, name="out", dtype="float16")(L.GlobalMaxPooling2D(dtype="float16")(x))
    elif kind == "no maps":
        x = L.Dense(3, name="out")(x)
    keras.Model(image, x).save(tmp_path / "odd.keras")
    app = bring(open_app(PAGE), tmp_path / "odd.keras")
    for page in ("start", "network", "activations", "filters", "attack", "why"):
        app.switch_page(f"app_pages/{page}.py").run()
        assert not app.exception and app.selectbox(key="network").value.startswith("own-"), page


def test_what_a_person_says_of_it_is_used(local: None, no_child: None, file: Path) -> None:
    app = bring(open_app(PAGE), file)
    before = app.selectbox(key="network").value
    wish = next(one for one in app.selectbox if one.label == "Prepare them as")
    wish.set_value("symmetric").run()
    next(one for one in app.button if one.label == "Use this").click().run()
    name = app.selectbox(key="network").value
    assert name != before and networks.network(name).card["normalization"] == "symmetric"
    assert "normalization='symmetric'" in app.code[-1].value
    assert networks.network(name).network is networks.network(before).network


def test_labels_and_size_make_another_name(no_child: None, file: Path) -> None:
    one = user_models.Own(file, "mine.keras", "d")
    named = user_models.Own(file, "mine.keras", "d", labels=("ant", "bee", "cat"), side=48)
    assert one.name != named.name
    net = networks.network(user_models.put(named))
    assert net.labels == ("ant", "bee", "cat") and net.size == (48, 48)
    assert "size=(48, 48)" in named.script() and "read_labels" in named.script()
    with pytest.raises(ValueError, match="Expected 3 labels for mine, got 2"):
        user_models.put(user_models.Own(file, "mine.keras", "d", labels=("ant", "bee")))


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [("evil.keras", b"PK\x03\x04 no archive", "broken or cut off"), ("text.keras", b"hello", "neither a zip archive")],
)
def test_hostile_file_gets_one_sentence_and_the_screen_stays(
    local: None, name: str, data: bytes, sentence: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(data)
    app = bring(open_app(PAGE), tmp_path / name)
    assert [sentence in one.value and name in one.value for one in app.error] == [True]
    assert app.selectbox(key="network").value == "lens5_standard" and app.metric
    app = open_app(PAGE)
    app.file_uploader(key="network_file").upload(name, data).run()
    app.button(key="open_network").click().run()
    assert [sentence in one.value and name in one.value for one in app.error] == [True]
    assert not list(Path(user_models.folder()).glob("*.keras")), "a refused file is not kept"


def test_path_that_is_none_gets_one_sentence(local: None) -> None:
    app = bring(open_app(PAGE), Path("/nowhere/at.all"))
    assert "Expected the path of a .keras or .h5 file" in app.error[0].value


def test_shelf_is_bounded(no_child: None, file: Path) -> None:
    names = [user_models.put(user_models.Own(file, "mine.keras", str(i))) for i in range(12)]
    assert all(user_models.get(name) for name in names), "what a session brought stays while it is here"


def test_map_of_five_hundred_layers() -> None:
    layers = [(f"layer{i}", "Conv2D" if i % 2 else "Add", (64 - i // 10, 64, 8)) for i in range(500)]
    links = [(f"layer{i}", f"layer{i + 3}") for i in range(0, 497, 3)]
    figure = network_map(layers, links, "layer7")
    drawn = [point[0] for trace in figure.data if trace.customdata is not None for point in trace.customdata]
    assert sorted(drawn) == sorted(name for name, *_ in layers)
    places = maps.places([shape[:-1] for *_, shape in layers])
    assert len(set(places)) == 500 and max(column for _, column in places) < maps.MAP_COLUMNS
    assert [maps.kind_of(kind) for kind in ("Add", "LeakyReLU", "MaxPooling2D", "Average", "Flatten", "Dense")] == [
        "merge", "activation", "pooling", "merge", "other", "convolution",
    ]  # fmt: skip


CHANGES = """
import os, psutil
import core
from dashboard.server import networks, user_models

def use(name):
    net = networks.network(name)
    picture = core.seen_by(net, core.samples.load("cat"))
    core.last(core.fgsm(net, picture, [0], epsilon=1 / 255))
    core.attribute(net, picture, 0, method="gradient")

names, own = ("lens5_standard", "lens5_robust"), psutil.Process()
use(names[0])
before = own.memory_info().rss
for change in range(10):
    networks.NETWORKS.forget()
    use(names[(change + 1) % 2])
print((own.memory_info().rss - before) / 2**20)
"""


def test_memory_returns_after_ten_changes_of_network() -> None:
    root = str(Path(core.__file__).parents[1])
    run = subprocess.run(
        [sys.executable, "-c", CHANGES], cwd=root, capture_output=True, text=True, check=True, timeout=300
    )
    assert float(run.stdout.split()[-1]) < 100
