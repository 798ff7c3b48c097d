"""A recipe runs, and its script makes the same picture."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import core
from dashboard.recipes import Dream, Fool, Maximize, numbers

RECIPE = Maximize(core.available()[0], "conv2_relu", (3, 5), steps=3, size=32)


@pytest.mark.parametrize(
    "recipe",
    [
        RECIPE,
        replace(RECIPE, preset="keras", negative=True),
        replace(RECIPE, start="coffee", layer=core.LOGITS, seed=4),
    ],
)
def test_script_makes_the_same_picture(recipe: Maximize, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {}
    exec(recipe.script(), scope)
    ours = core.tile(core.last(recipe.frames()).images.numpy())
    theirs = core.open_image(tmp_path / "filters.png")[0]
    np.testing.assert_allclose(ours, theirs, atol=1.01 / 255)


CELLS = "_" * 85 + "A" * 86 + "="
DREAM = Dream(core.available()[0], "cat", 96, steps=2, octaves=2, layers=(("conv3_2_relu", 1.0),))


@pytest.mark.parametrize(
    "recipe",
    [
        DREAM,
        replace(DREAM, layers=(), preset="google", jitter=8, rounds=2),
        replace(DREAM, guide="flower", mask=CELLS, channels=(1, 5), keep_colours=True, rate=0.02, seed=3),
    ],
    ids=["plain", "preset", "guide"],
)
def test_script_makes_the_same_dream(recipe: Dream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(recipe.script(), {})
    ours = None
    for _ in range(recipe.rounds):
        ours = core.last(recipe.run(ours)).images.numpy()
    assert ours is not None
    theirs = core.open_image(tmp_path / "dream.png")
    np.testing.assert_allclose(ours, theirs, atol=1.01 / 255)


def test_script_makes_the_same_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = replace(DREAM, make="zoom", frames=3, turn=2.0, drift=1, octaves=1)
    exec(recipe.script(), {})
    ours = np.concatenate([frame.images.numpy() for frame in recipe.run()])
    theirs = core.to_float(core.open_video((tmp_path / "dream.mp4").read_bytes()).pictures)
    assert theirs.shape == ours.shape and np.abs(theirs - ours).mean() < 0.04
    exec(replace(recipe, make="video").script().replace("my_film.mp4", "dream.mp4"), {})
    again = core.open_video((tmp_path / "dream.mp4").read_bytes())
    assert again.pictures.shape == ours.shape


@pytest.mark.parametrize(
    "recipe",
    [
        Fool(core.available()[0], "cat", steps=5, seed=2),
        Fool(core.available()[1], "coffee", "mifgsm", "l2", 2.0, "pretzel"),
        Fool(core.available()[0], "cat", "deepfool", epsilon=None),
        Fool(core.available()[0], "cat", "few_pixels", epsilon=None, pixels=3, steps=2),
    ],
    ids=lambda recipe: recipe.attack,
)
def test_script_makes_the_same_adversarial_picture(
    recipe: Fool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(recipe.script(), {})
    ours = core.last(recipe.run()).images.numpy()
    np.testing.assert_array_equal(core.to_uint8(ours), core.to_uint8(core.open_image(tmp_path / "adversarial.png")))


def test_settings_hold_everything() -> None:
    settings = json.loads(RECIPE.settings())
    assert settings.pop("technique") == "maximize"
    assert Maximize(**{**settings, "channels": tuple(settings["channels"])}) == RECIPE


def test_beside_changes_one_thing() -> None:
    assert RECIPE.beside("steps", "16") == replace(RECIPE, steps=16)
    assert RECIPE.beside("preset", "keras") == replace(RECIPE, preset="keras")


@pytest.mark.parametrize(("text", "chosen"), [("0-3, 7", (0, 1, 2, 3, 7)), ("5", (5,)), ("2 2;1", (2, 1))])
def test_numbers(text: str, chosen: tuple[int, ...]) -> None:
    assert numbers(text, 9) == chosen


@pytest.mark.parametrize("text", ["", "x", "1-", "-3", "10", "0-10", "0-999999", "9" * 50, "1.5"])
def test_impossible_numbers_get_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="Expected channel numbers"):
        numbers(text, 9)
