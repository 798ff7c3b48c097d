"""Every recipe's script runs as it is, and makes the same picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import core
from dashboard.recipes import AttackRecipe, Concepts, Dream, Explain, Invert, Maximize, Memorize, Runs, Unit
from dashboard.server import jobs, sets

RECIPE = Maximize("lens5_standard", "conv2_relu", (3, 5), steps=3, size=32)


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
    ours = core.tile(core.last(recipe.run()).images.numpy())
    theirs = core.open_image(tmp_path / "filters.png")[0]
    np.testing.assert_allclose(ours, theirs, atol=1.01 / 255)


CELLS = "_" * 85 + "A" * 86 + "="
DREAM = Dream("lens5_standard", "cat", 96, steps=2, octaves=2, layers=(("conv3_2_relu", 1.0),))


@pytest.mark.parametrize(
    "recipe",
    [
        DREAM,
        replace(DREAM, layers=(), preset="google", jitter=8, rounds=2),
        replace(DREAM, guide="flower", mask=CELLS, channels=(1, 5), keep_colours=True, step_size=0.02, seed=3),
    ],
    ids=["plain", "preset", "guide"],
)
def test_script_makes_the_same_dream(recipe: Dream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(recipe.script(), {})
    ours = core.last(recipe.run()).images.numpy()
    theirs = core.open_image(tmp_path / "dream.png")
    np.testing.assert_allclose(ours, theirs, atol=1.01 / 255)


def test_script_makes_the_same_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = replace(DREAM, make="zoom", frames=3, rotate=2.0, drift=1, octaves=1)
    exec(recipe.script(), {})
    ours = np.concatenate([frame.images.numpy() for frame in recipe.run() if not isinstance(frame, core.Between)])
    theirs = core.to_float(core.open_video((tmp_path / "dream.mp4").read_bytes()).pictures)
    assert theirs.shape == ours.shape and np.abs(theirs - ours).mean() < 0.04
    exec(replace(recipe, make="video").script().replace("my_video.mp4", "dream.mp4"), {})
    again = core.open_video((tmp_path / "dream.mp4").read_bytes())
    assert again.pictures.shape == ours.shape


@pytest.mark.parametrize(
    "recipe",
    [
        AttackRecipe("lens5_standard", "cat", options=(("steps", 5), ("seed", 2))),
        AttackRecipe("lens5_robust", "coffee", "mifgsm", "l2", 2.0, "pretzel"),
        AttackRecipe("lens5_standard", "cat", "deepfool", epsilon=None),
        AttackRecipe("lens5_standard", "cat", "few_pixels", epsilon=None, options=(("pixels", 3), ("steps", 2))),
    ],
    ids=lambda recipe: recipe.attack,
)
def test_script_makes_the_same_adversarial_picture(
    recipe: AttackRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(recipe.script(), {})
    ours = core.last(recipe.run()).images.numpy()
    np.testing.assert_array_equal(core.to_uint8(ours), core.to_uint8(core.open_image(tmp_path / "adversarial.png")))


NETWORK = "lens5_standard"
INVERT = Invert(NETWORK, "cat", ("conv1_relu", "conv3_2_relu"), steps=3)


@pytest.mark.parametrize("recipe", [INVERT, replace(INVERT, preset="caricature", power=2.0, scale=2, seed=1)])
def test_script_makes_the_same_inversion(recipe: Invert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(recipe.script(), {})
    ours = core.tile(core.last(recipe.run()).images.numpy(), columns=2)
    np.testing.assert_allclose(ours, core.open_image(tmp_path / "inverted.png")[0], atol=1.01 / 255)


@pytest.mark.parametrize(
    "recipe",
    [
        Explain(NETWORK, "cat", unit=3, options=(("window", 0.25), ("fill", "black"))),
        Explain(NETWORK, "coffee", "conv2_relu", 5),
        Explain(NETWORK, "cat", unit=3, methods=("hires_cam", "lrp"), against=7),
    ],
    ids=["class", "unit", "other methods"],
)
def test_script_makes_the_same_maps(recipe: Explain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(recipe.script(), {})
    with np.load(tmp_path / "maps.npz") as theirs:
        assert set(theirs) == set(recipe.methods)
        for method in recipe.methods:
            ours = recipe.found(method)
            np.testing.assert_allclose(theirs[method], ours, rtol=1e-3, atol=1e-5 * float(np.abs(ours).max()))


def test_script_of_a_unit_finds_its_patches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(Unit(NETWORK, "cat", "samples", "conv2_relu", 5).script(), {})
    patches, back = (core.open_image(tmp_path / name) for name in ("patches.png", "projections.png"))
    assert patches.shape == back.shape and patches.std() > 0.05 and back.std() > 0.001


@pytest.mark.parametrize(
    "recipe", [Unit(NETWORK, "cat", "digits", "conv2_relu", 5), Concepts(NETWORK, "cat", "conv2_relu", "digits")]
)
def test_scripts_read_the_set_that_the_page_shows(recipe: Unit | Concepts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sets, "most_pictures", lambda size: 12)
    net = core.load(NETWORK)
    code = next(line for line in recipe.script().splitlines() if line.startswith("pictures = "))
    scope = {"core": core, "net": net}
    exec(code, scope)
    jobs.TABLE.forget(lambda key: key[:2] == ("set", "digits"))
    page = sets.picture_set("digits", net.size)
    jobs.TABLE.forget(lambda key: key[:2] == ("set", "digits"))
    assert page is not None and page.titles[0].startswith("digit "), "no other set"
    np.testing.assert_array_equal(scope["pictures"].pixels, page.pixels)
    assert len(page) == 12 and "core.cifar10(size=net.size, count=12)" in replace(recipe, source="cifar10").script()


@pytest.mark.parametrize(
    "recipe",
    [
        Memorize(epochs=2, width=4, batch_norm=True, seed=3),
        Memorize(epochs=1, width=4, second="partly_corrupted", corruption=0.25),
    ],
)
def test_script_trains_the_same_networks(recipe: Memorize, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(recipe.script(), {})
    for key, frame in core.last(recipe.run()).frames.items():
        with np.load(tmp_path / f"{recipe.conditions[key]}.npz") as theirs:
            np.testing.assert_array_equal(theirs["train_loss"], frame.curves["train_loss"])
        assert (tmp_path / f"{recipe.conditions[key]}.keras").exists()
        scope: dict[str, core.Classifier] = {}
        exec(f"import core\nnet = {recipe.expression(key, frame)}", scope)
        np.testing.assert_array_equal(scope["net"].weights("conv1")[0], frame.classifier.weights("conv1")[0])


def test_going_on_is_the_same_as_going_further_at_once() -> None:
    short, long = replace(RECIPE, steps=4), replace(RECIPE, steps=34)
    frame = core.last(short.run())
    assert short.longer() == long
    further = core.last(long.run(frame))
    assert further.step == 34 and short.reached(further) == long
    np.testing.assert_allclose(further.images, core.last(long.run()).images, atol=1e-3)


def test_a_deeper_dream_goes_on_from_the_dream_before() -> None:
    deeper = DREAM.longer()
    assert deeper == replace(DREAM, rounds=2)
    at_once = core.last(deeper.run()).images
    np.testing.assert_allclose(core.last(deeper.run(core.last(DREAM.run()))).images, at_once, atol=1e-3)
    assert replace(DREAM, make="zoom").longer() is None


@pytest.mark.parametrize("recipe", [RECIPE, replace(RECIPE, start="coffee", hold=2.0), DREAM, INVERT])
def test_what_it_costs_is_told_before(recipe: Runs) -> None:
    cost = recipe.estimate()
    assert cost is not None and cost.seconds > 0 and cost.bytes > 0
