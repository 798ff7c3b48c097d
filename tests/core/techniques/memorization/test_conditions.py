"""What a network is told: drawn once, from the seed, with the data and the test labels left as they are."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import core

COUNT = 400


def numbered(channels: int = 3) -> core.LabelledSet:
    """Pictures whose pixels say where they are, plus which picture it is; grey where ``channels`` is 1."""
    place = np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1)
    which = (np.arange(COUNT) % 50).astype(np.uint8).reshape(-1, 1, 1, 1)
    colours = np.array([0, 60, 120], np.uint8) if channels == 3 else np.zeros(3, np.uint8)
    pixels = place + which + colours
    labels = (np.arange(COUNT) % 10).astype(np.int32)
    return core.LabelledSet("numbered", pixels, labels, pixels[:80], labels[:80], tuple("abcdefghij"))


@pytest.fixture(scope="module")
def digits() -> core.LabelledSet:
    return core.digits()


@pytest.mark.parametrize("condition", core.CONDITIONS)
def test_the_data_stay_and_test_labels_are_the_true_ones(digits: core.LabelledSet, condition: str) -> None:
    before = [one.copy() for one in (digits.pixels, digits.labels, digits.test_pixels, digits.test_labels)]
    told = core.memorization_task(digits, condition, seed=3)
    for one in (told.labels, told.true, told.test_labels, told.pictures, told.test_pictures):
        one += 1  # what comes of it must be no view of the data
    told = core.memorization_task(digits, condition, seed=3)
    for now, was in zip((digits.pixels, digits.labels, digits.test_pixels, digits.test_labels), before, strict=True):
        np.testing.assert_array_equal(now, was)
    np.testing.assert_array_equal(told.true, digits.labels)
    np.testing.assert_array_equal(told.test_labels, digits.test_labels)
    assert told.grey and told.shown.shape == (1347, 8, 8, 3) and told.shown.min() >= 0 and told.shown.max() <= 1


@pytest.mark.parametrize("condition", core.CONDITIONS)
def test_the_seed_decides(digits: core.LabelledSet, condition: str) -> None:
    one, same, other = (core.memorization_task(digits, condition, seed=seed) for seed in (5, 5, 6))
    for name in ("pictures", "labels", "test_pictures"):
        np.testing.assert_array_equal(getattr(one, name), getattr(same, name))
    differs = any((getattr(one, name) != getattr(other, name)).any() for name in ("pictures", "labels"))
    assert differs == (condition != "true_labels")


def test_nine_of_ten_random_labels_are_other_ones(digits: core.LabelledSet) -> None:
    changed = [core.memorization_task(digits, "random_labels", seed=seed).changed.mean() for seed in range(5)]
    assert np.mean(changed) == pytest.approx(0.9, abs=0.015), "a uniform draw may hit the true label"
    half = core.memorization_task(digits, "partly_corrupted", corruption=0.5).changed
    assert half.mean() == pytest.approx(0.45, abs=0.04)
    np.testing.assert_array_equal(half, core.memorization_task(digits, "partly_corrupted").changed)


def test_more_corruption_keeps_what_less_has_corrupted(digits: core.LabelledSet) -> None:
    parts = [core.memorization_task(digits, "partly_corrupted", corruption=part) for part in (0, 0.3, 0.7, 1)]
    assert not parts[0].changed.any()
    for less, more in pairwise(parts):
        np.testing.assert_array_equal(less.labels[less.changed], more.labels[less.changed])
    np.testing.assert_array_equal(parts[-1].labels, core.memorization_task(digits, "random_labels").labels)


@pytest.mark.parametrize("channels", [1, 3])
def test_shuffled_pixels_go_the_same_way_in_every_picture_and_in_the_test_pictures(channels: int) -> None:
    data = numbered(channels)
    told = core.memorization_task(data, "shuffled_pixels", seed=1)
    train, test = (np.rint(one * 255).astype(int) for one in (told.pictures, told.test_pictures))
    way = (train - train.min(axis=(1, 2), keepdims=True))[0]
    assert sorted(way[..., 0].ravel()) == list(range(64)) and (way[..., 0].ravel() != np.arange(64)).any()
    for pictures in (train, test):
        np.testing.assert_array_equal(
            pictures - pictures.min(axis=(1, 2), keepdims=True), way[None] * np.ones_like(pictures)
        )
    np.testing.assert_array_equal(told.labels, data.labels)


@pytest.mark.parametrize("channels", [1, 3])
def test_random_pixels_go_another_way_in_each_picture(channels: int) -> None:
    told = core.memorization_task(numbered(channels), "random_pixels", seed=1)
    ways = np.rint(told.pictures * 255).astype(int)
    ways -= ways.min(axis=(1, 2), keepdims=True)
    assert len({way.tobytes() for way in ways[..., 0]}) == COUNT
    assert all(sorted(way) == list(range(64)) for way in ways[..., 0].reshape(COUNT, -1).tolist())
    np.testing.assert_array_equal(
        ways, np.broadcast_to(ways[..., :1], ways.shape), "the colours of a place go together"
    )


def test_gaussian_pixels_have_the_mean_and_the_variance_of_the_data() -> None:
    data = numbered()
    told = core.memorization_task(data, "gaussian")
    for channel in range(3):
        pixels = data.pictures[..., channel]
        assert told.pictures[..., channel].mean() == pytest.approx(pixels.mean(), abs=0.005)
        assert told.pictures[..., channel].std() == pytest.approx(pixels.std(), abs=0.005)
    flat = told.pictures.reshape(COUNT, -1)
    assert np.abs(np.corrcoef(flat[:, :20].T) - np.eye(20)).max() < 0.25, "and nothing else"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"condition": "lies"}, "There is no condition 'lies'; there is true_labels, partly_corrupted"),
        ({"condition": "partly_corrupted", "corruption": 1.5}, "Expected corruption from 0 to 1, got 1.5"),
        ({"condition": "partly_corrupted", "corruption": float("nan")}, "Expected corruption from 0 to 1"),
        ({"condition": "true_labels", "corruption": 0.5}, "Expected corruption with the condition 'partly_corrupted'"),
        ({"seed": -1}, "Expected seed from 0"),
    ],
)
def test_what_cannot_be_told_gets_a_sentence(arguments: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        core.memorization_task(numbered(), **arguments)
