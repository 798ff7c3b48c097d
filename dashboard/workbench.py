"""What every page that computes does the same way: Run, Stop, go on, more, beside, history, files, code.

The rule, for all of them: a result belongs to the settings that made it. The settings on the screen name recipes, and
what was made of these is shown, by whomever and whenever: after a reload in the middle of a run, after a visit to
another page, after a change of settings and back. Where nothing was made of them yet, the last result of this page
stays, and the page says which settings made it. Before the first one there is a finished result of the network, made
with the settings that are usual (``default_results``), or for another network a quick one that is made at
once. A result is finished, or the page says how far it is.

    bench = workbench.Bench({"a": recipe, "b": other}, mosaic=mosaic)
    with st.container(horizontal=True):
        bench.buttons(more="30 more steps")
    made = bench.results()                       # {"a": Made, "b": Made}, those that are there
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import streamlit as st

import core
from dashboard import address, notices, words
from dashboard.downloads import code, download, files, pictures, png, take_away
from dashboard.server import jobs, limits, memory, networks
from dashboard.server.cache import cached_saying

if TYPE_CHECKING:  # the recipes look into the catalogues of techniques, which need TensorFlow
    from dashboard.recipes import Recipe, Runs

__all__ = [
    "Bench",
    "Growth",
    "Made",
    "ask",
    "chosen",
    "code",
    "cost",
    "download",
    "files",
    "find",
    "grown",
    "history",
    "lengthened",
    "maximized",
    "meanwhile",
    "mp4",
    "pictures",
    "png",
    "steps",
    "take_away",
    "watch",
]
Pixels = npt.NDArray[np.uint8]
PREVIEWS = 30
MEANWHILE = 48
BAR_SECONDS, LIVE_SECONDS = 0.25, 1.0
"""A browser that draws more often takes the time of what is computed, where both are on one machine."""
MOST_MORE = 99


def chosen() -> tuple[str, str]:
    """The names of the network and of the picture that the frame shows."""
    return st.session_state.network, st.session_state.picture


@dataclass(frozen=True)
class Growth:
    """What a run has reached: its newest frame, small pictures of how it came there, as (step, JPEG), and its cost."""

    frame: core.Frame
    history: tuple[tuple[int, bytes], ...] = ()
    cost: str = ""

    @property
    def progress(self) -> float:
        """The part of the work that is done, 0 to 1."""
        return self.frame.progress


@dataclass(frozen=True)
class Made:
    """A result: the recipe of what it shows, the growth, and whether it is what was asked for, or a part of it."""

    recipe: Any
    growth: Growth
    finished: bool = True

    @property
    def frame(self) -> Any:
        """The newest frame."""
        return self.growth.frame

    @property
    def images(self) -> npt.NDArray[np.float32]:
        """Its pictures (N, H, W, 3)."""
        return np.asarray(self.growth.frame.images)


def steps(frame: core.Frame) -> str:
    """Where a run is, in words."""
    return f"Step {frame.step} of {frame.total}"


@dataclass
class Bench:
    """The runs of a page.

    Attributes:
        recipes: what the settings on the screen ask for: "a", and "b" where there is something beside it.
        mosaic: the picture (h, w, 3) that is shown of a frame while it grows.
        say: where a frame is, in words.
        video: whether the frames of a recipe are those of a video, of which every one is kept.
        live: draws a frame into a place while it grows, where that is no picture and there is no ``mosaic``.
    """

    recipes: Mapping[str, Runs]
    mosaic: Callable[[Any, core.Frame], Pixels] | None = None
    say: Callable[[Any], str] = steps
    video: Callable[[Any], bool] = lambda _: False
    live: Callable[[Any, Any], object] | None = None
    wanted: dict[str, Runs] = field(init=False)
    before: dict[str, Runs] = field(init=False)
    _asked: bool = field(init=False)

    def __post_init__(self) -> None:
        """Settings that were changed end a run, unless the same click asked for another one."""
        state, own = st.session_state, address.session_key("recipes")
        fresh = state.pop(address.session_key("fresh"), False)
        if state.get(own, self.recipes) != self.recipes:
            address.put(more="", **({} if fresh else {"run": ""}))
        state[own] = dict(self.recipes)
        more = address.value("more", most=2)
        times = int(more) if re.fullmatch("[0-9]{1,2}", more) else 0
        self.wanted, self.before = (lengthened(self.recipes, times) for times in (times, max(0, times - 1)))
        self._asked = address.value("run", most=1) == "1"

    def buttons(self, title: str = "Run", *, icon: str = "play_arrow", more: str = "", more_icon: str = "add") -> None:
        """Run, and where ``more`` says how to call it, a way to go further."""
        st.button(title, type="primary", icon=f":material/{icon}:", key="run", on_click=_ask_anew)
        found = [job for job in map(find, self.wanted.values()) if job]
        if any(job.state is not jobs.State.FINISHED and job.latest for job in found) and not self._asked:
            st.button("Go on", icon=":material/resume:", key="go_on", on_click=ask)
        elif more:
            can = bool(found) and all(one.longer() for one in self.wanted.values()) and not self._asked
            st.button(more, icon=f":material/{more_icon}:", key="more", disabled=not can, on_click=_ask_more)

    def results(self) -> dict[str, Made]:
        """Run what was asked for; then what there is to show."""
        if self._asked:
            self._run()
        there = self._there(self.wanted)
        own = address.session_key("shown")
        if there:
            st.session_state[own] = dict(self.wanted)
        else:
            there = self._there(st.session_state.get(own, {})) or self._first()
            _tell_difference(there, self.wanted)
        for one in there.values():
            if not one.finished:
                st.caption(f":material/pause_circle: Stopped: {self.say(one.frame).lower()}.")
        return there

    def _there(self, recipes: Mapping[str, Runs]) -> dict[str, Made]:
        """What was made of these, and can be shown."""
        known = networks.known_networks(chosen()[0])
        jobs_there = {key: find(one) for key, one in recipes.items() if one.network in ("", *known) and one.available()}
        return {
            key: Made(recipes[key].reached(job.latest.frame), job.latest, job.state is jobs.State.FINISHED)
            for key, job in jobs_there.items()
            if job and job.latest
        }

    def _first(self) -> dict[str, Made]:
        """Something of this network to look at before anybody has pressed Run."""
        from dashboard import default_results

        one = self.wanted["a"]
        if found := default_results.find(one.technique, one.network):
            st.caption(":material/inventory_2: Ready when you came. Press the button for a result of your own.")
            return {"a": Made(found[0], Growth(found[1]))}
        quick = one.quick()
        if quick is None:
            return {}
        try:
            begin = partial(grown, quick, self._drawing(quick))
            jobs.follow(_key(quick), begin, say=lambda growth: self.say(growth.frame))
        except ValueError as error:
            st.caption(words.text(str(error)))
            return {}
        st.caption(":material/bolt: A quick first look. Press the button for a result with your settings.")
        return self._there({"a": quick})

    def _run(self) -> None:
        """Follow the jobs with progress, a live picture and Stop; what refuses them is said in one sentence."""
        place = st.empty()
        with place.container(), st.columns([3, 2], gap="large")[0]:
            st.button("Stop", icon=":material/stop:", key="stop", on_click=_stop, help="What is there stays.")
            bar, picture = st.progress(0.0, "Getting ready…"), st.empty()
        try:
            for key, one in self.wanted.items():
                job = jobs.open(_key(one), partial(self._grow, one, self.before[key]))
                watch(job, bar, picture, say=self.say, live=self.live)
        except ValueError as error:
            place.empty()
            notices.refused(error)
            address.put(run="")
            address.value("run")
        else:
            address.put(run="")
            st.rerun()

    def _drawing(self, recipe: Runs) -> Callable[[core.Frame], Pixels] | None:
        """What draws the frames of a recipe, where they are pictures."""
        return partial(self.mosaic, recipe) if self.mosaic else None

    def _grow(self, recipe: Runs, shorter: Runs) -> Iterator[Growth]:
        """The recipe's run, from the result of the shorter one where that is there."""
        before = find(shorter) if shorter != recipe else None
        after = before.latest if before and before.state is jobs.State.FINISHED else None
        return grown(recipe, self._drawing(recipe), after=after, video=self.video(recipe))


def watch(
    job: jobs.Job[Growth],
    bar: Any,
    picture: Any,
    *,
    say: Callable[[Any], str] = steps,
    live: Callable[[Any, Any], object] | None = None,
) -> None:
    """Follow a job to its end, with a progress bar and a picture that is drawn anew at most 30 times a run.

    Every picture that is drawn stays in the server's memory until the script run ends. ``live`` draws something else
    than a picture, at most once a second, and the bar is told four times a second. Any click interrupts this, and what
    was reached stays in the job. Raises ValueError where the run is refused.
    """
    shown, since, told = -1.0, 0.0, 0.0
    for growth in job.follow(tell=lambda waiting: bar.progress(job.progress, waiting.sentence)):
        if not live or time.monotonic() - told > BAR_SECONDS:
            left = f", about {job.seconds_left:.0f} s left" if job.seconds_left >= 1 else ""
            bar.progress(job.progress, f"{say(growth.frame)}{left}. {growth.cost}")
            told = time.monotonic()
        if live:
            if time.monotonic() - since > LIVE_SECONDS:
                live(picture, growth.frame)
                since = time.monotonic()
        elif growth.history and (growth.progress >= shown + 1 / PREVIEWS or growth.progress == 1):
            shown = growth.progress
            picture.image(growth.history[-1][1], width="stretch", alt=say(growth.frame))


def ask(**settings: Any) -> None:
    """Run, in a callback, with these settings of the page by their names in the address."""
    address.put(run="1", **settings)
    st.session_state[address.session_key("fresh")] = True


def _ask_anew() -> None:
    ask(more="")


def _ask_more() -> None:
    before = str(address.get("more", ""))
    ask(more=str(min(int(before) + 1, MOST_MORE)) if before.isdecimal() else "1")


def _stop() -> None:
    address.put(run="")


def lengthened(recipes: Mapping[str, Runs], times: int) -> dict[str, Runs]:
    """The recipes that go on so many times; one that cannot stays as it is."""
    longer = dict(recipes)
    for _ in range(min(times, MOST_MORE)):
        longer = {key: one.longer() or one for key, one in longer.items()}
    return longer


def _key(recipe: Recipe) -> tuple[Any, ...]:
    return ("run", recipe)


def find(recipe: Recipe) -> Any:
    """The job of a recipe, None where there is none."""
    return jobs.find(_key(recipe))


def maximized(network: str, layer: str, channel: int) -> Pixels | None:
    """The maximized picture of a unit, where a page has drawn it already and it is still here."""
    from dashboard.recipes import Maximize

    drawn = jobs.find(("drawing", network, layer, channel, False))
    if drawn and drawn.latest and drawn.latest.progress == 1:
        pixels: Pixels = drawn.latest.pixels
        return pixels
    for job in jobs.TABLE.all():
        recipe = job.key[-1]
        if job.latest and isinstance(recipe, Maximize) and recipe.shows(network, layer, channel):
            return core.to_uint8(np.asarray(job.latest.frame.images)[recipe.channels.index(channel)])
    return None


def grown(
    recipe: Runs, mosaic: Callable[[core.Frame], Pixels] | None, *, after: Growth | None = None, video: bool = False
) -> Iterator[Growth]:
    """A run with small pictures of how it grows, at most 30 of them or, of a ``video``, all. Raises ValueError.

    Without ``mosaic`` there are none.
    """
    recipe.check()
    estimate = recipe.estimate() if after is None else None
    told = cost([estimate]) if estimate else ""
    history, shown = after.history if after else (), 0.0
    for frame in recipe.run(after.frame if after else None):
        whole = not isinstance(frame, core.Between)  # what is between two pictures of a video is no picture of it
        if mosaic and whole and (video or frame.progress >= shown or frame.progress == 1):
            picture = core.encode_jpeg(core.to_float(mosaic(frame)), quality=92 if video else 85)
            history = (*history, (frame.step, picture))
            shown = frame.progress + 1 / PREVIEWS
        yield Growth(frame, history, told)


def _tell_difference(there: Mapping[str, Made], wanted: Mapping[str, Runs]) -> None:
    """Say which settings made what is shown, where they are not those on the screen."""
    for key, one in there.items():
        if key in wanted:
            made, now = asdict(one.recipe), asdict(wanted[key])
            names = [name for name in made if made[name] != now.get(name)]
            if not names:
                continue
            told = ", ".join(f"{name.replace('_', ' ')} {_short(made[name])}" for name in names)
            st.caption(f":material/history: Made with other settings than those above: {told}. Press Run for yours.")


def _short(value: Any) -> str:
    text = (
        ", ".join(map(str, value))
        if isinstance(value, tuple)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )
    return f"`{text[:40].replace('`', '')}{'…' if len(text) > 40 else ''}`"


def cost(estimates: Sequence[core.Estimate]) -> str:
    """Time and memory in words. Raises ValueError where this machine has too little memory."""
    needed, free = max(one.bytes for one in estimates), memory.available()
    if needed > 0.8 * free:
        raise ValueError(
            f"Expected a run that fits into {free / 2**30:.1f} GiB of free memory, got one that needs about "
            f"{needed / 2**30:.1f} GiB; choose fewer units or a smaller size."
        )
    seconds = sum(one.seconds for one in estimates)
    limits.limits().check_seconds(seconds)
    return f"About {max(1, round(seconds))} s and {needed / 2**30:.2f} GiB of memory."


@contextmanager
def meanwhile(pictures: core.PictureSet, says: str, *key: object) -> Iterator[None]:
    """Run what asks about these pictures under its progress; below it, until then, some of them, once in a session.

    ``key`` tells what is computed from other things; ``says`` is what is being done with the pictures.
    """
    done: set[object] = st.session_state.setdefault("looked_through", set())
    above, below = st.container(), st.empty()
    if key not in done:
        few = core.evenly(len(pictures), MEANWHILE)
        wall = core.tile(core.resize(core.to_float(pictures.pixels[few]), height=64, width=64), columns=12)
        below.image(wall, caption=says, alt=f"{len(few)} of the pictures. {says}")
    with above:
        yield
    done.add(key)
    below.empty()


def history(made: Made, stem: str) -> None:
    """A scrubber through a run, and the run as a video."""
    grown = made.growth.history
    if not grown:  # a result that was there before anybody came
        return
    with st.expander("How it grew", icon=":material/timelapse:"):
        if len(grown) < 2:
            st.caption("This run was too short to look back on.")
            return
        places = range(len(grown))
        at = st.select_slider(
            "Back to step", places, value=places[-1], key=f"scrub_{stem}", format_func=lambda one: str(grown[one][0])
        )
        st.image(grown[at][1], width=560, alt=f"After {grown[at][0]} steps")
        with st.container(horizontal=True):
            download("GIF", lambda: core.encode_gif(pictures(made.growth)), f"{stem}_history.gif", "image/gif")
            download("MP4", lambda: core.encode_mp4(pictures(made.growth)), f"{stem}_history.mp4", "video/mp4")


def mp4(jpegs: tuple[bytes, ...], frames_per_second: int) -> bytes:
    """A video of pictures of one size, encoded once."""
    return _encoded(hashlib.sha256(b"".join(jpegs)).hexdigest(), frames_per_second, _jpegs=jpegs)


@cached_saying("Encoding the video…")
def _encoded(digest: str, frames_per_second: int, *, _jpegs: tuple[bytes, ...]) -> bytes:
    return core.encode_mp4((core.open_image(jpeg)[0] for jpeg in _jpegs), frames_per_second=frames_per_second)
