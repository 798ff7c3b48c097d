"""Pictures with labels: the parts to train on and to test share nothing, and every class has its folder."""

from __future__ import annotations

import numpy as np
import pytest

import core


def test_digits_are_in_the_box_and_split_once() -> None:
    one, other = core.digits(), core.digits()
    assert (len(one), len(one.test_pixels), one.size, one.grey) == (1347, 450, (8, 8), True)
    np.testing.assert_array_equal(one.pixels, other.pixels)
    np.testing.assert_array_equal(one.test_labels, other.test_labels)
    assert set(np.unique(one.labels)) == set(range(10)) and np.bincount(one.test_labels).min() > 30
    assert one.pictures.min() == 0 and one.pictures.max() == 1 and one.pictures.shape == (1347, 8, 8, 3)


def test_tiles_to_test_come_from_the_other_half(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)

    def photo(name: str) -> np.ndarray:
        left = 0.1 + 0.25 * np.kron(rng.random((8, 5, 3), dtype=np.float32), np.ones((20, 20, 1), np.float32))[None]
        return np.concatenate([left, 1 - left], axis=2)

    monkeypatch.setattr(core.samples, "load", photo)
    found = core.labelled_tiles(side=12)
    assert found.pixels.max() <= 116 and found.test_pixels.min() >= 138, "no pixel is in both"


def test_tiles_of_every_photograph_have_some_contrast() -> None:
    found = core.labelled_tiles()
    assert len(found.names) == 10 and found.size == (12, 12) and not found.grey
    assert np.bincount(found.labels).tolist() == [60] * 10 and np.bincount(found.test_labels).min() >= 20
    assert found.pixels.std(axis=(1, 2)).max(axis=-1).min() >= 10
    assert len(np.unique(found.pixels.reshape(len(found), -1), axis=0)) > 590, "equal tiles cannot be told apart"


def folder(titles: list[str]) -> core.PictureSet:
    pictures = np.linspace(0, 1, len(titles), dtype=np.float32)[:, None, None, None] * np.ones((1, 6, 5, 3), np.float32)
    return core.as_set(pictures, titles=titles)


def test_the_class_is_the_folder_and_a_quarter_is_kept_to_test() -> None:
    titles = [f"pets/{kind}/{number}.png" for kind in ("dogs", "cats") for number in range(8)]
    pictures = folder([*titles, "stray.png", "pets/lonely/1.png"])
    found = core.by_folder(pictures, title="Pets")
    assert found.names == ("cats", "dogs") and len(found) == 12 and len(found.test_pixels) == 4 and found.size == (6, 5)
    both = np.concatenate([found.pixels[:, 0, 0, 0], found.test_pixels[:, 0, 0, 0]])
    assert sorted(both) == sorted(pictures.pixels[:16, 0, 0, 0]), "each picture is in one part, strays in none"
    cats = set(pictures.pixels[8:16, 0, 0, 0])
    assert all(
        (value in cats) == (label == 0) for value, label in zip(found.pixels[:, 0, 0, 0], found.labels, strict=True)
    )


def test_what_a_person_says_of_each_picture() -> None:
    assert core.labels_of(folder(["a/cat/1.png", "a/dog/1.png", "2.png"])) == ("cat", "dog", "")
    assert core.labels_of(folder(["digit 1", "digit 7", "digit 1"])) == ("digit 1", "digit 7", "digit 1")
    assert core.labels_of(folder(["a/1.png", "a/2.png"])) == () == core.labels_of(folder(["x", "x"]))
    tiles = core.PictureSet(np.zeros((4, 6, 5, 3), np.uint8), np.array([0, 0, 1, 1]), ("a photograph", "another"))
    assert core.labels_of(tiles) == (), "a photograph is no label of its tiles"


@pytest.mark.parametrize("titles", [["a/1.png", "a/2.png"], ["1.png", "2.png"], ["a/1.png", "b/1.png"]])
def test_too_few_folders_get_a_sentence(titles: list[str]) -> None:
    with pytest.raises(ValueError, match="Expected at least two folders with two or more pictures each"):
        core.by_folder(folder(titles))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"labels": np.zeros(3, np.int32)}, "Expected 4 labels from 0 to 1"),
        ({"labels": np.full(4, 2, np.int32)}, "Expected 4 labels from 0 to 1"),
        ({"pixels": np.zeros((4, 8, 8, 3), np.float32)}, "of 8 bits, got float32"),
        ({"test_pixels": np.zeros((4, 9, 8, 3), np.uint8)}, "test pictures of the same size"),
        ({"names": ("one",), "labels": np.zeros(4, np.int32), "test_labels": np.zeros(4, np.int32)}, "two classes"),
    ],
)
def test_what_is_no_labelled_set_gets_a_sentence(change: dict[str, object], sentence: str) -> None:
    labels = np.array([0, 1, 0, 1], np.int32)
    pixels = np.zeros((4, 8, 8, 3), np.uint8)
    right = {
        "title": "",
        "pixels": pixels,
        "labels": labels,
        "test_pixels": pixels,
        "test_labels": labels,
        "names": "ab",
    }
    with pytest.raises(ValueError, match=sentence):
        core.LabelledSet(**(right | change))
