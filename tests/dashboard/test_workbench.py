"""The one rule of all pages that compute: what a run keeps, when it is refused, and what goes on from what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

import core
from dashboard import workbench
from dashboard.recipes import Recipe, Runs
from dashboard.server import jobs, slot


@dataclass(frozen=True)
class Grey(Runs, Recipe):
    """A run that needs no network: a picture that gets lighter."""

    technique: ClassVar[str] = "grey"

    steps: int = 10
    bytes: int = 2**20
    seconds: float = 2.2

    def run(self, after: core.Frame | None = None) -> Iterator[core.Frame]:
        for step in range(after.step + 1 if after else 1, self.steps + 1):
            images = np.full((1, 4, 4, 3), step / self.steps, np.float32)
            yield core.Frame(step, self.steps, images, np.zeros(1), np.zeros((step, 1)), core.State((), ()))

    def estimate(self) -> core.Estimate:
        return core.Estimate(self.seconds, self.bytes)

    def longer(self) -> Grey:
        return replace(self, steps=self.steps + 5)


@dataclass(frozen=True)
class Once(Grey):
    """A run that cannot go on."""

    def longer(self) -> None:
        return None


def mosaic(frame: core.Frame) -> np.ndarray:
    return core.to_uint8(frame.images)[0]


def test_a_run_keeps_few_pictures_and_both_ends() -> None:
    *_, last = workbench.grown(Grey("none", 1000), mosaic)
    steps = [step for step, _ in last.history]
    assert steps[0] == 1 and steps[-1] == 1000 and sorted(set(steps)) == steps
    assert workbench.PREVIEWS // 2 < len(steps) <= workbench.PREVIEWS + 2


def test_a_video_keeps_every_picture() -> None:
    *_, last = workbench.grown(Grey("none", 100), mosaic, video=True)
    assert [step for step, _ in last.history] == list(range(1, 101))
    assert workbench.pictures(last).shape == (100, 4, 4, 3)


@dataclass(frozen=True)
class Zoom(Grey):
    """A run that yields twice while each of its pictures is made."""

    def run(self, after: core.Frame | None = None) -> Iterator[core.Frame]:
        for frame in super().run():
            for part in (0.3, 0.6):
                yield core.Between(frame.step - 1, self.steps, frame.images, frame.score, frame.curve, part=part)
            yield frame


def test_what_is_between_two_pictures_of_a_video_is_told_and_no_picture_of_it() -> None:
    found = list(workbench.grown(Zoom("none", 4), mosaic, video=True))
    assert len(found) == 12 and [growth.progress for growth in found][:3] == [0.3 / 4, 0.6 / 4, 1 / 4]
    assert [step for step, _ in found[-1].history] == [1, 2, 3, 4] and found[1].history == ()


def test_a_run_goes_on_with_its_history() -> None:
    *_, first = workbench.grown(Grey("none"), mosaic)
    *_, longer = workbench.grown(Grey("none", 15), mosaic, after=first)
    assert longer.frame.step == 15 and longer.history[: len(first.history)] == first.history
    assert [step for step, _ in longer.history][-2:] == [14, 15]


def test_a_run_that_does_not_fit_is_refused_before_it_begins() -> None:
    assert "About 2 s and" in workbench.cost([core.Estimate(2.2, 2**20)])
    with pytest.raises(ValueError, match="free memory"):
        workbench.cost([core.Estimate(1, 2**20), core.Estimate(1, 2**60)])
    with pytest.raises(ValueError, match="free memory"):
        next(workbench.grown(Grey("none", bytes=2**60), mosaic))
    with pytest.raises(ValueError, match="seconds of computing"):
        next(workbench.grown(Grey("none", seconds=1e9), mosaic))


class Interrupted(BaseException):
    """What Streamlit raises inside an ``st`` call when somebody clicks."""


class Screen:
    """A progress bar and a picture; a click comes at the ``click``-th step."""

    def __init__(self, click: int = 0) -> None:
        self.click, self.told, self.shown = click, 0, 0

    def progress(self, _: float, said: str) -> None:
        assert said.startswith("Step ")
        self.told += 1
        if self.told == self.click:
            raise Interrupted

    def image(self, jpeg: bytes, **_: object) -> None:
        assert core.open_image(jpeg).shape == (1, 4, 4, 3)
        self.shown += 1


def test_a_click_stops_a_run_and_what_was_reached_stays() -> None:
    """A loop that does not call Streamlit would run to its end in an orphan thread, one more for each click."""
    recipe = Grey("click", 50)
    job = jobs.open(("run", recipe), lambda: workbench.grown(recipe, mosaic))
    screen = Screen(click=3)
    with pytest.raises(Interrupted):
        workbench.watch(job, screen, screen)
    assert job.latest is not None and job.latest.frame.step == 3 and not slot.SLOT.held
    workbench.watch(job, screen, screen)
    assert job.latest.frame.step == 50 and job.state is jobs.State.FINISHED
    assert screen.told == 50, "no step is made twice"


def test_few_pictures_are_drawn_of_a_long_run() -> None:
    recipe, screen = Grey("long", 1000), Screen()
    workbench.watch(jobs.open(("run", recipe), lambda: workbench.grown(recipe, mosaic)), screen, screen)
    assert workbench.PREVIEWS // 2 < screen.shown <= workbench.PREVIEWS + 2


def test_a_refused_run_is_told_once_and_is_never_a_result() -> None:
    recipe = Grey("none", bytes=2**60)
    job = jobs.open(("run", recipe), lambda: workbench.grown(recipe, mosaic))
    with pytest.raises(ValueError, match="free memory"):
        list(job.follow())
    assert job.latest is None and job.state is jobs.State.FAILED


def test_what_goes_on_is_longer_and_what_cannot_stays() -> None:
    recipes: dict[str, Runs] = {"a": Grey("none"), "b": Once("none")}
    assert workbench.lengthened(recipes, 0) == recipes
    assert workbench.lengthened(recipes, 3) == {"a": Grey("none", 25), "b": Once("none")}
    assert workbench.lengthened(recipes, 10**9)["a"] == Grey("none", 10 + 5 * workbench.MOST_MORE)


def test_pictures_of_a_run_are_all_as_large_as_the_last() -> None:
    sizes = (8, 12, 16)
    history = tuple((side, core.encode_jpeg(np.full((side, 2 * side, 3), 0.5, np.float32))) for side in sizes)
    assert workbench.pictures(workbench.Growth(None, history)).shape == (3, 16, 32, 3)
