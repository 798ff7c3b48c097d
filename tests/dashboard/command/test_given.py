"""What is given on the command line: looked at at once, taken in for everyone, and kept."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import core
from dashboard.command import given
from dashboard.server import limits, networks, sets, uploads, user_models

PNG = core.encode_png(np.random.default_rng(3).random((40, 50, 3)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A picture, a folder and a zip of pictures, two networks by their beginnings, and what is none of them."""
    (tmp_path / "many" / "inner").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    (tmp_path / "photo.png").write_bytes(PNG)
    (tmp_path / "many" / "inner" / "one.JPG").write_bytes(PNG)
    (tmp_path / "nothing.png").write_bytes(b"")
    (tmp_path / "net").write_bytes(given.HDF5 + bytes(9))
    for name, member in (("pictures.zip", "a/one.png"), ("teachable.zip", "keras_model.h5"), ("net.keras", "x.json")):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(member, PNG)
    return tmp_path


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    uploads.BROUGHT.forget()
    user_models.MODELS.forget()


@pytest.mark.parametrize(
    ("name", "kind"),
    [("photo.png", "picture"), ("many", "set"), ("pictures.zip", "set"), ("net", "network"), ("net.keras", "network"),
     ("teachable.zip", "network")],
)  # fmt: skip
def test_content_says_what_it_is(folder: Path, name: str, kind: str) -> None:
    assert [one.kind for one in given.look([str(folder / name)])] == [kind]


def test_a_word_alone_may_be_the_name_of_a_network_or_a_sample() -> None:
    assert [one.kind for one in given.look(["lens5_standard", "coffee"])] == ["name", "name"]
    assert given.take_in(given.look(["lens5_standard", "coffee"])) == "?network=lens5_standard&picture=coffee"
    with pytest.raises(ValueError, match=r"got mobilenet_v7, which is no file; of networks there are .*mobilenet_v2"):
        given.take_in(given.look(["mobilenet_v7"]))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("gone.png", "does not exist"), ("empty", "a folder without pictures"), ("nothing.png", "an empty file"),
     ("bad\0name.png", "cannot be read")],
)  # fmt: skip
def test_what_is_not_there_gets_a_sentence_at_once(folder: Path, name: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"Expected a picture, a network or a folder of pictures, got .*{sentence}"):
        given.look([str(folder / name)])


def test_what_does_not_open_gets_a_sentence_before_the_server_starts(folder: Path) -> None:
    (folder / "photo.png").write_bytes(PNG[:60])
    with pytest.raises(ValueError, match="cut off or damaged"):
        given.take_in(given.look([str(folder / "photo.png")]))
    with pytest.raises(ValueError, match=r"Expected .*\bnet"):
        given.take_in(given.look([str(folder / "net")]))


def test_everyone_may_choose_what_was_given_also_in_public_mode(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSCOPE_MODE", "public")
    core.load("lens5_standard").network.save(folder / "mine.keras")
    names = ("photo.png", "mine.keras", "many")
    address = given.take_in(given.look([str(folder / name) for name in names]))
    assert address.startswith("map?picture=") and not limits.local()
    picture, network = uploads.picture_names()[-1], next(one for one in networks.network_names() if "own-" in one)
    assert f"picture={picture}&network={network}&set={sets.set_names()[-1]}" in address
    assert uploads.picture_title(picture) == "photo.png" and networks.network_title(network) == "mine.keras"
    assert [thing.used() for thing in uploads.BROUGHT._things.values()] == [True, True], "they stay"
    with pytest.raises(ValueError, match="Expected Convscope on your own machine"):
        sets.bring_set(str(folder / "many"), "many")
