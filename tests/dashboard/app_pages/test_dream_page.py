"""The page of DeepDream: pictures, zooms and videos, deeper, by surprise, and what cannot be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import core
from dashboard import workbench
from dashboard.recipes import Dream
from dashboard.server import jobs

Opener = Callable[..., AppTest]
Words = Callable[[AppTest], str]
NETWORK = "lens5_standard"
QUICK = {"octaves": "1", "steps": "2", "size": "256"}


def only() -> Dream:
    """The recipe of the one dream that was run."""
    (recipe,) = [job.key[1] for job in jobs.TABLE.all() if job.key[0] == "run"]
    assert isinstance(recipe, Dream)
    return recipe


def test_dreams_and_goes_deeper(open_page: Opener, words: Words) -> None:
    app = open_page("dream", picture="cat", **QUICK)
    assert app.button(key="more").disabled and app.main.get("bidi_component"), "a finished one until then"
    app.button(key="run").click().run()
    assert not app.exception and not app.error
    recipe = only()
    assert (recipe.picture, recipe.octaves, recipe.steps, recipe.rounds) == ("cat", 1, 2, 1)
    first = workbench.find(recipe).latest.frame
    assert first.progress == 1 and max(first.images.shape) == 256
    app.button(key="more").click().run()
    assert not app.exception and not app.error
    deeper = workbench.find(replace(recipe, rounds=2)).latest.frame
    assert np.abs(deeper.images - first.images).mean() > 0.005
    assert "dreamed on 2 times" in words(app)


def test_follows_the_address(open_page: Opener) -> None:
    app = open_page(
        "dream", preset="keras", layers_keras="conv2_relu|conv3_2_relu", weight_keras_conv2_relu="2.5",
        channels="3, 8-9", keep_colours="True", guide="flower", seed="7", step_size=str(4 / 255), normalize="l2",
        **QUICK,
    )  # fmt: skip
    app.button(key="run").click().run()
    assert not app.exception and not app.error
    recipe = only()
    assert recipe.layers == (("conv2_relu", 2.5), ("conv3_2_relu", 1.0)) and recipe.channels == (3, 8, 9)
    assert (recipe.keep_colours, recipe.guide, recipe.seed, recipe.normalize) == (True, "flower", 7, "l2")
    assert recipe.step_size == pytest.approx(4 / 255)


def test_surprise_dreams_something_else_at_once(open_page: Opener) -> None:
    app = open_page("dream", steps="2", size="256")
    app.button(key="surprise").click().run()
    assert not app.exception and not app.error
    recipe = only()
    assert recipe.seed == app.number_input(key="dream.seed").value and recipe.octaves and recipe.layers
    assert workbench.find(recipe).latest.frame.progress == 1


def test_zoom_makes_a_video(open_page: Opener, words: Words) -> None:
    app = open_page("dream", make="zoom", frames="12", **QUICK)
    app.button(key="run").click().run()
    assert not app.exception and not app.error
    assert len(workbench.find(only()).latest.history) == 12 and "12 of 12 frames" in words(app)
    assert app.button(key="more").disabled, "a zoom ends where it ends"


def test_own_video_dreams_and_a_broken_one_gets_a_sentence(open_page: Opener, words: Words) -> None:
    app = open_page("dream", make="video", **QUICK)
    app.button(key="run").click().run()
    assert "bring one first" in app.error[0].value
    video = core.encode_mp4(np.random.default_rng(0).random((3, 64, 80, 3), dtype=np.float32))
    app.file_uploader(key="video_file").upload("video.mp4", video, "video/mp4").run()
    app.button(key="run").click().run()
    assert not app.exception and not app.error and "3 of 3 frames" in words(app)
    app.file_uploader(key="video_file").upload("cut.mp4", video[:400], "video/mp4").run()
    assert "cut.mp4" in app.error[0].value and "Expected a short" in app.error[0].value
    assert "3 of 3 frames" in words(app), "what was there stays"


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ({"mask": "nonsense", "where": "painted"}, "Expected a mask"),
        ({"channels": "9999"}, "Expected channel numbers"),
        ({"more": "99", "run": "1"}, "rounds"),
    ],
)
def test_impossible_dreams_get_a_sentence(open_page: Opener, address: dict[str, str], sentence: str) -> None:
    app = open_page("dream", **address, **QUICK)
    assert not app.exception and sentence in app.error[0].value


@pytest.mark.parametrize("nonsense", ["-1", "nan", "1e9", "", "²"])
def test_nonsense_in_the_address_falls_back(open_page: Opener, nonsense: str) -> None:
    names = ("make", "preset", "size", "octaves", "steps", "ratio", "step_size", "jitter", "normalize", "guide", "seed")
    app = open_page("dream", **dict.fromkeys(names, nonsense))
    assert not app.exception and not app.error
