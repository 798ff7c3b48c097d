"""The page of units: the story, one unit under every lens, own pictures, stop, and bad input."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

import core
from dashboard.recipes import Unit
from dashboard.server import jobs, networks, sets, uploads

APP = str(Path(__file__).parents[3] / "dashboard" / "frame.py")
NETWORK = "lens5_standard"
STAGES = [stage.layer for stage in core.stages(core.load(NETWORK))]


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """What a test leaves behind is not the next one's; the index of the samples stays, for speed."""
    yield
    uploads.BROUGHT.forget()
    jobs.TABLE.forget(lambda key: key[0] != "drawing" and "samples" not in key)


def open_page(**address: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=200)
    app.query_params.update({"network": NETWORK, **address})
    app.run()
    return app.switch_page("app_pages/units.py").run()


def words(app: AppTest) -> str:
    return " ".join(element.value for element in (*app.markdown, *app.caption, *app.subheader, *app.info))


def picture_file(seed: int, height: int = 40, width: int = 60) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def folder(path: Path, count: int = 12) -> Path:
    for number in range(count):
        (path / f"{number}.png").write_bytes(picture_file(number))
    (path / "broken.jpg").write_bytes(b"hello")
    return path


def test_story_tells_every_stage() -> None:
    app = open_page()
    assert not app.exception and not app.error
    shown = words(app)
    for stage in core.stages(core.load(NETWORK)):
        assert stage.says in shown and f"of {stage.layer}. Click one." in shown
    assert len(app.main.get("bidi_component")) == 2 * len(STAGES)
    assert not [button for button in app.button if button.label == "Go on"]


def test_one_unit_under_every_lens() -> None:
    app = open_page(show="unit", layer="conv3_2_relu", channel="6", picture="cat", projected="guided", factor="0.0")
    assert not app.exception and not app.error
    shown = words(app)
    assert "Unit 6" in shown and "Projections by Guided backprop" in shown
    for title in ("On your picture", "What excites it most", "What in them excites it", "Most similar units"):
        assert f"**{title}**" in shown
    assert "The network says " in shown and "are answered otherwise." in shown
    assert "best patches" in shown, "its name, or that it has none"
    walls = {one.key for one in app.main.get("bidi_component")}
    assert walls == {"What excites it most", "What in them excites it", "wiring_Fed by", "wiring_Feeds", "nearest"}
    assert len(app.get("image")) == 5
    names = [one.label for one in app.get("download_button")]
    assert names[:4] == ["PNG", "What excites it", "What silences it", "Settings as JSON"]
    for negative in (False, True):
        assert jobs.find(("drawing", NETWORK, "conv3_2_relu", 6, negative)).state is jobs.State.FINISHED
    app.segmented_control(key="units.factor").set_value(1.0).run()
    assert not app.exception and "The network says" not in words(app)


def test_families_are_shown_by_answers_and_by_kernels() -> None:
    app = open_page(show="families", layer="conv2_relu", least="0.5")
    assert not app.exception and not app.error
    index = next(
        job.latest["conv2_relu"] for job in jobs.TABLE.all() if "conv2_relu" in str(job.key[2:3]) and job.latest
    )
    found = core.families(core.answer_similarities(index))
    assert f"**{len(found)} families**" in words(app) and f"**{len(found[0].channels)} units**" in words(app)
    app.segmented_control(key="units.alike").set_value("kernels").run()
    assert not app.exception and "quarter turns" in words(app)
    made = core.families(core.kernel_similarities(core.load(NETWORK), "conv2_relu"))
    assert f"**{len(made)} families**" in words(app)
    app.selectbox(key="units.layer").set_value("normalize").run()
    assert not app.exception and "Expected a layer that kernels make" in app.error[0].value


def test_units_are_found_by_their_names() -> None:
    app = open_page(show="unit", layer="conv3_2_relu", channel="6")
    box = app.selectbox(key="units.by_name")
    name, hits, unit = box.options[0].split(" · ")
    box.select_index(0).run()
    assert not app.exception and unit.capitalize() in [one.value for one in app.subheader]
    assert (
        f"**{name}**: {hits.replace(' of ', ' of its ')} best patches are cut from pictures that the network answers"
        in words(app)
    )
    assert app.selectbox(key="units.by_name").value is None, "it can be used again"


@pytest.mark.slow
def test_a_labelled_set_names_units_itself_where_that_is_wanted() -> None:
    app = open_page(show="unit", layer="conv2_relu", channel="3", set="digits")
    assert not app.exception and not app.error
    (asked,) = [one for one in app.segmented_control if one.key == "units.named"]
    assert asked.value == "labels" and "best patches" in words(app)
    first = words(app)
    asked.set_value("answers").run()
    assert not app.exception and words(app) != first


@pytest.mark.slow
def test_unit_that_stands_out_comes_first_and_another_layer_works() -> None:
    app = open_page(show="unit")
    assert not app.exception and f"**{STAGES[-2]}**" in words(app)
    (index,) = [job.latest[STAGES[-2]] for job in jobs.TABLE.all() if job.key[2:3] == ((*STAGES, core.LOGITS),)]
    assert f"Unit {index.selective(1)[0]}" in words(app)
    app.selectbox(key="units.layer").set_value("gap").run()
    assert not app.exception and not app.error
    app.selectbox(key="units.layer").set_value("normalize").run()
    assert not app.exception


@pytest.mark.parametrize("channel", ["-1", "99999", "x"])
def test_impossible_unit_falls_back(channel: str) -> None:
    app = open_page(show="unit", layer="conv1_relu", channel=channel, set="nonsense")
    assert not app.exception and not app.error
    assert app.number_input(key="units.channel").value is None and app.selectbox(key="units.set").value == "samples"


def test_stopped_look_shows_what_it_saw_and_goes_on() -> None:
    open_page()
    net = networks.network(NETWORK)
    pictures = jobs.find(("set", "samples", net.size)).latest
    key = ("units", NETWORK, ("pool2",), "samples", len(pictures))
    *_, found = core.index_units(net, ["pool2"], core.PictureSet(*_first(pictures, 64)))
    partial = {"pool2": _within(found["pool2"], len(pictures))}
    job = jobs.open(
        key, lambda: core.index_units(net, ["pool2"], pictures), progress=lambda found: found["pool2"].progress
    )
    job.latest = partial
    job._stopped.add("test session id")
    app = AppTest.from_file(APP, default_timeout=200)
    app.query_params.update(network=NETWORK, show="unit", layer="pool2", channel="3")
    app.run()
    app = app.switch_page("app_pages/units.py").run()
    assert not app.exception and not app.error
    assert f"64 of {len(pictures)} pictures" in words(app) and "Unit 3" in words(app)
    (go_on,) = [button for button in app.button if button.label == "Go on"]
    go_on.click().run()
    assert not app.exception and job.state is jobs.State.FINISHED
    assert f"{len(pictures)} of {len(pictures)} pictures" in words(app)
    jobs.TABLE.forget(lambda other: other == key)


def _first(pictures: core.PictureSet, count: int) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    return pictures.pixels[:count], pictures.sources[:count], pictures.titles


def _within(index: core.UnitIndex, total: int) -> core.UnitIndex:
    return replace(index, total=total)


def test_own_folder_is_read_in_local_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSCOPE_MODE", "local")
    app = open_page(show="unit", layer="conv2_relu", channel="5")
    app.text_input(key="own_folder").set_value(str(folder(tmp_path))).run()
    app.button(key="open_set").click().run()
    assert not app.exception and not app.error
    assert "12 of 12 pictures" in words(app) and "1 files could not be read" in words(app)
    name = app.selectbox(key="units.set").value
    assert sets.own_set(name) and app.query_params["set"] in (name, [name])
    monkeypatch.delenv("CONVSCOPE_MODE")
    public = open_page(set=name)
    assert public.selectbox(key="units.set").value == "samples", "a public page shows nobody's folders"


def test_own_zip_is_read_in_local_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSCOPE_MODE", "local")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as out:
        for number in range(10):
            out.writestr(f"a/{number}.png", picture_file(number))
    name = sets.bring_set(file.getvalue(), "my**zip.zip")
    app = open_page(show="unit", layer="conv2_relu", channel="5", set=name)
    assert not app.exception and not app.error
    assert "10 of 10 pictures" in words(app) and sets.set_title(name) == "my··zip.zip"


def test_bad_sets_get_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="got a public one"):
        sets.bring_set(str(tmp_path), "x")
    monkeypatch.setenv("CONVSCOPE_MODE", "local")
    app = open_page(show="unit", layer="conv2_relu")
    app.text_input(key="own_folder").set_value(str(tmp_path / "nowhere")).run()
    app.button(key="open_set").click().run()
    assert not app.exception and "got one that does not exist" in app.error[0].value
    assert "Unit" in words(app), "what was there stays"
    for source, sentence in ((b"no zip", "got no zip"), (str(tmp_path), "Expected files that end in")):
        app = open_page(set=sets.bring_set(source, "bad"))
        assert not app.exception and sentence in app.error[0].value
    (tmp_path / "a.png").write_bytes(b"x")
    app = open_page(set=sets.bring_set(str(tmp_path), "bad"))
    assert not app.exception and "of which none is one" in app.error[0].value


def test_cifar_that_does_not_come_gets_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline() -> None:
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.datasets.cifar10, "load_data", offline)
    app = open_page(set="cifar10")
    assert not app.exception and "CIFAR-10 could not be downloaded" in app.error[0].value
    app.selectbox(key="units.set").set_value("samples").run()
    assert not app.exception and not app.error


def test_code_of_the_page_runs_and_settings_tell_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_page(show="unit", layer="conv2_relu", channel="5", picture="cat")
    monkeypatch.chdir(tmp_path)
    exec(app.code[0].value, {})
    assert {path.name for path in tmp_path.iterdir()} == {"patches.png", "projections.png"}
    settings = json.loads(Unit(NETWORK, "cat", "samples", "conv2_relu", 5).settings())
    assert settings["technique"] == "units" and settings["channel"] == 5 and settings["method"] == "deconvnet"
