"""An index of very many pictures is a set whose units are known."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import core
from dashboard.command import given
from dashboard.panels import looked_at
from dashboard.server import sets, uploads

LAYER = "conv2"


@pytest.fixture(scope="module")
def folder(tiny: core.Classifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("many")
    for at, one in enumerate(np.random.default_rng(0).random((40, 24, 40, 3), dtype=np.float32)):
        (root / f"{at:02d}.png").write_bytes(core.encode_png(one))
    index = root.parent / "an_index"
    steps = core.index_pictures(tiny, core.stream(root, part=9), index, [LAYER], top=2)
    assert [next(steps).done for _ in range(3)] == [0, 1, 2]
    steps.close()  # type: ignore[attr-defined]
    *_, last = core.index_pictures(tiny, core.stream(root, part=9), index, [LAYER], top=2)
    assert last.progress == 1 and not (index / "parts").exists(), "finished parts go at the end"
    return index


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CONVSCOPE_MODE", "local")
    yield
    uploads.BROUGHT.forget()


def test_a_finished_index_and_a_folder_of_something_else_are_not_written_over(
    tiny: core.Classifier, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "diary.txt").write_text("mine")
    for place, sentence in ((folder, "which holds a finished one"), (tmp_path, "which holds something else")):
        with pytest.raises(ValueError, match=f"Expected a new folder for the index, got .*{sentence}"):
            core.index_pictures(tiny, folder / "pictures", place)


def test_an_index_on_the_command_line_opens_at_its_layer(folder: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "zipped"), "zip", folder.parent, folder.name)
    for place in (str(folder), archive):
        found = given.look([place])
        assert [one.kind for one in found] == ["index"]
        address = given.take_in(found)
        assert address.startswith("units?set=") and address.endswith(f"&show=unit&layer={LAYER}")
    names = uploads.BROUGHT.held(sets.OwnSet)
    assert [sets.set_title(name) for name in names] == ["an_index", "zipped.zip"]


@pytest.mark.parametrize("zipped", [False, True])
def test_its_units_are_known_to_the_network_that_looked_only(
    tiny: core.Classifier, folder: Path, tmp_path: Path, zipped: bool
) -> None:
    archive = shutil.make_archive(str(tmp_path / "index"), "zip", folder) if zipped else ""
    name = sets.bring_set(Path(archive).read_bytes() if zipped else str(folder), "mine")
    known = sets.known_units(name, tiny, name)
    assert list(known) == [LAYER] and known[LAYER].looked_at == 40 and known[LAYER].total == 40
    index = sets.index_of(name, tiny.size)
    assert index is not None
    *_, pictures = index.gather(tiny.size)
    *_, both = sets.indexed(name, tiny, (name, pictures), (LAYER, "gap"))
    assert both[LAYER].looked_at == 40 and both["gap"].looked_at == 0 and both["gap"].done == len(pictures)
    other = core.randomized(tiny, seed=1)
    assert sets.known_units("another", other, name) == {}
    *_, anew = sets.indexed("another", other, (name, pictures), (LAYER,))
    assert anew[LAYER].looked_at == 0, "another network looks itself"
    assert sets.known_units("tiny", tiny, "samples") == {} and sets.index_of("samples", tiny.size) is None


def test_there_is_only_as_much_of_it_as_there_is_room(
    tiny: core.Classifier, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sets, "most_pictures", lambda size: 20)
    name = sets.bring_set(str(folder), "mine")
    index = sets.index_of(name, tiny.size)
    assert index is not None and len(index) <= 20


def test_a_broken_one_is_refused_when_it_is_brought(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    (tmp_path / "copy/units.parquet").write_bytes(b"PAR1")
    with pytest.raises(ValueError, match="Expected the folder of an index"):
        sets.bring_set(str(tmp_path / "copy"), "broken")


def test_the_page_says_what_was_looked_at(tiny: core.Classifier, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(looked_at.st, "caption", said.append)
    monkeypatch.setattr(looked_at.networks, "network", lambda name: tiny)
    name = sets.bring_set(str(folder), "mine")
    index = sets.index_of(name, tiny.size)
    assert index is not None
    *_, pictures = index.gather(tiny.size)
    *_, plain = core.index_units(tiny, ["gap"], pictures)
    looked_at.say("lens5_standard", name, [index.indexes[LAYER]], pictures)
    looked_at.say("lens5_standard", name, [index.indexes[LAYER], plain["gap"]], pictures)
    looked_at.say("lens5_standard", "samples", [plain["gap"]], pictures)
    assert "40 pictures of " in said[0] and "are the 2 best of each unit" in said[0]
    assert "At gap, Lens 5 has looked at the 40 that are here only" in said[1]
    assert said[2] == "40 of 40 pictures cut from 40 photographs were looked at."
