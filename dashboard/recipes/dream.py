"""A dream of one picture, an endless zoom into it, or a dreaming video, as a recipe."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

import core
from dashboard.recipes.base import GUIDE_FILE, SEED, OnPicture, Runs, opening, upto
from dashboard.server import limits, networks, uploads

MOVING = {"zoom": {"octaves": 2, "steps": 6}, "video": {"octaves": 3, "steps": 6}}
"""What moves, and what ``core`` takes there where nothing else is said."""

SIZES = (256, 384, 512, 768, 1024)
STEPS = (2, 5, 10, 20, 50, 100)
STEP_SIZES = (0.5, 1.0, 1.5, 2.5, 4.0, 8.0)
FRAMES = (12, 24, 60, 100, 200)
ROUNDS = 10
TURNS = (-5.0, -2.0, -1.0, 0.0, 1.0, 2.0, 5.0)

SETTINGS = "settings = dict({}\n)\n"
STILL = """\
for _ in range({rounds}):
    photo = core.last(core.dream(net, photo, **settings)).images.numpy()
Path("dream.png").write_bytes(core.encode_png(photo[0]))
"""
ZOOM = """\
frames = core.dream_zoom(net, photo, {}, **settings)
video = np.concatenate([frame.images.numpy() for frame in frames])
Path("dream.mp4").write_bytes(core.encode_mp4(video))
"""
VIDEO = """\
video = core.open_video(Path("my_video.mp4").read_bytes(), {most})
frames = core.dream_video(net, video.pictures, blend={blend}, **settings)
dreamed = np.concatenate([frame.images.numpy() for frame in frames])
Path("dream.mp4").write_bytes(core.encode_mp4(dreamed, frames_per_second=round(video.frames_per_second)))
"""


@dataclass(frozen=True)
class Dream(Runs, OnPicture):
    """DeepDream.

    A setting of None is the preset's own; without ``layers`` they are the preset's too. ``size`` is the longer side at
    which to dream, 0 for the picture's own; ``rounds`` says how often a still picture was dreamed on; ``make`` is
    ``"still"``, ``"zoom"`` or ``"video"``.
    """

    technique: ClassVar[str] = "dream"
    imports: ClassVar[str] = "import numpy as np\n\n"

    size: int = 512
    layers: tuple[tuple[str, float], ...] = ()
    channels: tuple[int, ...] = ()
    preset: str = "convscope"
    steps: int | None = None
    octaves: int | None = None
    ratio: float | None = None
    step_size: float | None = None
    normalize: str | None = None
    jitter: int | None = None
    guide: str = ""
    mask: str = ""
    keep_colours: bool = False
    seed: int = 0
    make: str = "still"
    rounds: int = 1
    frames: int = 24
    zoom: float = 0.05
    rotate: float = 1.0
    drift: int = 0
    video: str = ""
    blend: float = 0.5

    @classmethod
    def _settings(cls) -> tuple[core.Setting, ...]:
        most = limits.limits()
        return (
            core.Setting("make", "Make", "still", ("still", "zoom", "video")),
            core.Setting("preset", "Preset", "convscope", tuple(core.DREAMS)),
            core.Setting("size", "Longer side", 512, (*upto(SIZES, most.dream_side), 0), 0, most.dream_side),
            core.Setting("octaves", "Octaves", None, (1, 2, 3, 4, 5, 6, 8), 1, 12),
            core.Setting("steps", "Steps at each octave", None, upto(STEPS, most.steps), 1, most.steps),
            core.Setting("step_size", "Step size", None, tuple(one / 255 for one in STEP_SIZES), 1e-6, 0.5),
            core.Setting("ratio", "Ratio of octaves", None, (1.2, 1.3, 1.4, 1.6, 2.0), 1.05, 3.0),
            core.Setting("jitter", "Jitter in pixels", None, (8, 16, 32, 64), 0, 256),
            core.Setting("normalize", "Gradient divided by its", None, ("mean", "std", "rms", "l2")),
            core.Setting("keep_colours", "Colours", False, (False, True)),
            core.Setting("rounds", "Rounds", 1, None, 1, ROUNDS),
            core.Setting("frames", "Frames", 24, upto(FRAMES, most.zoom_frames), 1, most.zoom_frames),
            core.Setting("zoom", "Zoom per frame", 0.05, (0.0, 0.02, 0.05, 0.1), -0.2, 0.5),
            core.Setting("rotate", "Rotation per frame, in degrees", 1.0, TURNS, -45.0, 45.0),
            core.Setting("drift", "Drift to the right, in pixels", 0, (-4, -2, 0, 2, 4), -500, 500),
            core.Setting("blend", "Blend", 0.5, (0.0, 0.3, 0.5, 0.7, 0.85), 0.0, 0.95),
            SEED,
        )

    def quick(self) -> Self:
        """A small still picture."""
        return type(self)(self.network, self.picture, size=256, octaves=2, steps=5)

    def pictures(self) -> tuple[str, ...]:
        """The photograph and the guide."""
        return tuple(filter(None, (self.picture, self.guide)))

    def photo(self) -> npt.NDArray[np.float32]:
        """The picture (1, H, W, 3) at the size in which it is dreamed on."""
        picture = uploads.picture(self.picture)
        return core.shrink(picture, max_side=self.size) if self.size else picture

    def run(self, after: core.Frame | None = None) -> Iterator[core.Frame]:
        """Run it, or its last round after the frame of those before. Raises ValueError before any heavy work."""
        self.check()
        net = networks.network(self.network)
        if self.make == "video":
            return core.dream_video(net, self._video().pictures, blend=self.blend, fine=True, **self._options((1, 1)))
        photo = self.photo()
        options = self._options(photo.shape[1:3])
        if self.make == "zoom":
            return core.dream_zoom(net, photo, fine=True, **self._motion(), **options)
        if after is not None:
            return core.dream(net, after.images.numpy(), **options)
        return self._rounds(core.dream(net, photo, **options), options)

    def _rounds(self, first: Iterator[core.Frame], options: dict[str, Any]) -> Iterator[core.Frame]:
        """All rounds, of which the ``first`` has begun."""
        frame = yield from _through(first)
        for _ in range(self.rounds - 1):
            frame = yield from _through(core.dream(networks.network(self.network), frame.images.numpy(), **options))

    def estimate(self) -> core.Estimate:
        """Seconds and bytes that it will take. Raises ValueError as ``run`` does."""
        self.check()
        if self.make == "video":
            pictures = self._video().pictures
            photo, count = core.to_float(pictures[:1]), len(pictures)
        else:
            photo, count = self.photo(), self.frames if self.make == "zoom" else self.rounds
        options = {**MOVING.get(self.make, {}), **self._options(photo.shape[1:3])}
        one = core.estimate_dream(networks.network(self.network), photo, **options)
        return core.Estimate(one.seconds * count, one.bytes + count * photo.shape[1] * photo.shape[2])

    def longer(self) -> Self | None:
        """The same once more, on what was dreamed; a zoom or a video ends where it ends."""
        return replace(self, rounds=self.rounds + 1) if self.make == "still" else None

    def _video(self) -> core.Video:
        found = uploads.video(self.video)
        if found is None:
            raise ValueError("Expected a video to dream on; bring one first.")
        return found

    def _motion(self) -> dict[str, Any]:
        """The settings of a zoom."""
        return {name: getattr(self, name) for name in ("frames", "zoom", "rotate")} | {"drift": (0, self.drift)}

    def _plain(self) -> dict[str, Any]:
        """The settings of ``core.dream`` that say something, but for pictures and layers."""
        names = ("channels", "preset", "steps", "octaves", "ratio", "step_size", "normalize", "jitter", "keep_colours")
        return {name: getattr(self, name) for name in (*names, "seed") if getattr(self, name) is not None}

    def _options(self, size: tuple[int, int]) -> dict[str, Any]:
        """The settings of ``core.dream`` that say something, for a picture of ``size``."""
        options = {**self._plain(), "layers": dict(self.layers) or None}
        if self.guide:
            options["guide"] = uploads.picture(self.guide)
        if self.mask and self.make == "still":
            options["mask"] = core.painted_mask(self.mask, height=size[0], width=size[1])
        return options

    def _body(self) -> str:
        photo = opening(self.picture)
        photo = f"core.shrink({photo}, max_side={self.size})" if self.size else photo
        begin = "" if self.make == "video" else f"photo = {photo}\n"
        return begin + self._settings_in_code() + self._run_in_code()

    def _settings_in_code(self) -> str:
        lines = [f"layers={dict(self.layers) or None!r},"]
        lines += [f"{name}={value!r}," for name, value in self._plain().items()]
        if self.guide:
            lines.append(f"guide={opening(self.guide, file=GUIDE_FILE)},")
        if self.mask and self.make == "still":
            lines.append(f"mask=core.painted_mask({self.mask!r}, height=photo.shape[1], width=photo.shape[2]),")
        return SETTINGS.format("".join(f"\n    {line}" for line in lines))

    def _run_in_code(self) -> str:
        if self.make == "zoom":
            return ZOOM.format(", ".join(f"{name}={value!r}" for name, value in self._motion().items()))
        if self.make == "video":
            limit = limits.limits()
            return VIDEO.format(blend=self.blend, most=f"max_frames={limit.video_frames}, max_side={limit.video_side}")
        return STILL.format(rounds=self.rounds)


def _through(frames: Iterator[core.Frame]) -> Generator[core.Frame, None, core.Frame]:
    """All frames; returns the last one. Raises ValueError where there is none."""
    frame = None
    for frame in frames:
        yield frame
    if frame is None:
        raise ValueError("Expected a dream of at least one step, got none")
    return frame
