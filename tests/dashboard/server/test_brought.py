"""What people brought: it stays while they are here, and a full server refuses instead of forgetting."""

from __future__ import annotations

import numpy as np
import pytest

import core
from dashboard.server import jobs, sets, uploads
from dashboard.server.brought import Brought
from dashboard.server.evaluations import Attacked
from dashboard.server.uploads import BROUGHT

MIB = 2**20


@pytest.fixture
def shelf() -> Brought:
    return Brought(lambda: 10 * MIB, lambda: 4 * MIB)


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CONVSCOPE_MODE", "public")
    BROUGHT.forget()
    yield
    BROUGHT.forget()


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CONVSCOPE_MODE", "local")
    BROUGHT.forget()
    yield
    BROUGHT.forget()


def jpeg(number: int, side: int = 64) -> bytes:
    pixels = np.random.default_rng(number).random((side, side, 3), dtype=np.float32)
    return core.encode_jpeg(pixels)


def test_the_first_pupils_picture_is_still_there_after_the_thirtieth(public, people):
    names = []
    for number in range(30):
        people.be(f"pupil {number}")
        names.append(uploads.bring(jpeg(number), f"mine {number}"))
    people.be("pupil 0")
    assert [uploads.picture_title(name) for name in names] == [f"mine {number}" for number in range(30)]
    assert uploads.picture(names[0]).shape == (1, 64, 64, 3)


def test_a_full_server_refuses_in_one_sentence_and_drops_nobody(shelf, people):
    for number in range(3):
        people.be(f"pupil {number}")
        shelf.add(f"picture {number}", number, 3 * MIB)
    people.be("late")
    with pytest.raises(ValueError, match="full of other people's; please try again later"):
        shelf.add("more", 9, 3 * MIB)
    assert [shelf.get(f"picture {number}") for number in range(3)] == [0, 1, 2]


def test_what_nobody_here_uses_makes_room_the_oldest_first(shelf, people):
    for number in range(3):
        people.be(f"pupil {number}")
        shelf.add(f"picture {number}", number, 3 * MIB)
    people.gone |= {"pupil 0", "pupil 1"}
    people.be("late")
    assert shelf.get("picture 1") == 1, "late has opened its address"
    shelf.add("more", 9, 3 * MIB)
    assert "picture 0" not in shelf and {"picture 1", "picture 2", "more"} <= set(shelf._things)


def test_one_person_cannot_take_all_the_room(shelf, people):
    people.be("greedy")
    shelf.add("a", 1, 3 * MIB)
    with pytest.raises(ValueError, match="at most 4 MB of one person's own files at a time, got 6 MB"):
        shelf.add("b", 2, 3 * MIB)
    people.be("other")
    shelf.add("b", 2, 3 * MIB)


def test_the_same_thing_twice_is_one_and_belongs_to_both(shelf, people):
    people.be("she")
    shelf.add("a", 1, 3 * MIB)
    people.be("he")
    shelf.add("a", 1, 3 * MIB)
    people.gone.add("she")
    people.be("third")
    shelf.add("b", 2, 3 * MIB)
    people.be("fourth")
    shelf.add("c", 2, 3 * MIB)
    people.be("fifth")
    with pytest.raises(ValueError, match="full"):
        shelf.add("d", 2, 3 * MIB)
    assert "a" in shelf and shelf.size == 9 * MIB


def test_an_address_of_a_picture_that_is_gone_says_so(public, people):
    people.be("she")
    name = uploads.bring(jpeg(1), "mine")
    assert uploads.missing(name) == "" and uploads.missing("coffee") == "" and uploads.missing(None) == ""
    BROUGHT.forget(name)
    assert "no longer here" in uploads.missing(name) and "Bring it again" in uploads.missing(name)
    with pytest.raises(ValueError, match="no longer here"):
        uploads.picture(name)


def test_an_address_of_a_set_that_is_gone_says_so(local, people, tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg(1))
    name = sets.bring_set(str(tmp_path), "mine")
    assert sets.missing(name) == "" and name in sets.set_names()
    BROUGHT.forget(name)
    assert "no longer here" in sets.missing(name)
    with pytest.raises(ValueError, match="no longer here"):
        sets.picture_set(name, (32, 32))


def test_sets_are_for_ones_own_machine_and_bounded(public, people, monkeypatch):
    with pytest.raises(ValueError, match="your own machine"):
        sets.bring_set(b"PK", "x")
    monkeypatch.setenv("CONVSCOPE_MODE", "local")
    with pytest.raises(ValueError, match="zip of at most 200 MB, got 201 MB"):
        sets.bring_set(bytes(201 * MIB), "x")


def test_a_public_server_reads_fewer_pictures_of_a_set(public, monkeypatch):
    public_count = sets.most_pictures((224, 224))
    monkeypatch.setenv("CONVSCOPE_MODE", "local")
    assert public_count * 3 * 224 * 224 <= 64 * MIB and sets.most_pictures((224, 224)) > public_count


def test_a_folder_that_changed_is_read_anew_with_all_that_came_of_it(local, people, tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg(1))
    name = sets.bring_set(str(tmp_path), "mine")
    first = sets.picture_set(name, (32, 32))
    assert sets.picture_set(name, (32, 32)) is first
    attacked = ("robust", "net", Attacked(name, 8, "linf", ("fgsm",), (1.0,)))
    for key in (("units", "net", ("conv",), name, 1), attacked):
        jobs.open(key, lambda: iter(()))
    (tmp_path / "a.jpg").write_bytes(jpeg(2, side=70))
    second = sets.picture_set(name, (32, 32))
    assert len(second) == len(first) == 1 and np.abs(second.pixels.astype(int) - first.pixels).max() > 0
    assert jobs.find(("units", "net", ("conv",), name, 1)) is None and jobs.find(attacked) is None


def test_pictures_that_were_decoded_cannot_be_changed(public, people):
    name = uploads.bring(jpeg(3), "mine")
    with pytest.raises(ValueError, match="read-only"):
        uploads.picture(name)[0, 0, 0, 0] = 1


def test_many_people_bring_at_once(public, people):
    def act():
        return [uploads.bring(jpeg(number), "x") for number in range(12)]

    for name in "abcdef":
        people.start(name, act)
    said = people.wait(60)
    assert len({tuple(names) for names in said.values()}) == 1
    assert all(uploads.there(name) for name in said["a"])
