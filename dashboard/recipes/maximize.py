"""The pictures that some units of a layer respond to most, as a recipe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Self

import core
from dashboard.recipes.base import SEED, Recipe, Runs, opening, upto
from dashboard.server import limits, networks, uploads

STARTS = ("noise", "grey")
MORE = 30
STEPS = (16, 32, 64, 96, 128, 256, 512, 1000)
SIZES = (64, 96, 128, 192, 256)
SIDE = 1024
HOLDS = (2.0, 5.0, 10.0, 20.0, 50.0)
HELD = "More keeps the photograph: the unit may change what an earlier layer hardly sees (arXiv:2402.10039)."
BODY = """\
frames = core.maximize(
    net,
    {layer!r},
    {channels},
    size={size},
    steps={steps},
    seed={seed},
    preset={preset!r},
    start={start},
    negative={negative},
    position={position!r},
    facets={facets},
)
frame = core.last(frames)
wall = core.tile(frame.images.numpy())
Path("filters.png").write_bytes(core.encode_png(wall))
"""


ACCENTUATE = """\
photo = {start}
frames = core.accentuate(
    net, photo, {layer!r}, {channels}, hold={hold}, steps={steps}, negative={negative}, seed={seed}
)
frame = core.last(frames)
wall = core.tile(frame.images.numpy())
Path("filters.png").write_bytes(core.encode_png(wall))
"""


@dataclass(frozen=True)
class Maximize(Runs, Recipe):
    """Gradient ascent on some units of a layer.

    ``start`` is ``"noise"``, ``"grey"`` or the name of a picture; ``facets`` says how many pictures of each unit. With
    ``hold`` above 0 the picture stays itself but for what the units like in it (``core.accentuate``), at the network's
    own size, whatever preset, size, position and facets say.
    """

    technique: ClassVar[str] = "maximize"

    layer: str
    channels: tuple[int, ...]
    preset: str = "convscope"
    steps: int = 64
    size: int = 128
    seed: int = 0
    start: str = "noise"
    negative: bool = False
    position: str | None = None
    facets: int = 1
    hold: float = 0.0

    @classmethod
    def _settings(cls) -> tuple[core.Setting, ...]:
        most = limits.limits()
        return (
            core.Setting("preset", "Preset", "convscope", tuple(core.PRESETS)),
            core.Setting("steps", "Steps", 64, upto(STEPS, most.steps), 1, most.steps),
            core.Setting("size", "Size", 128, SIZES, 1, SIDE),
            core.Setting("negative", "Maximize or minimize", False, (False, True)),
            core.Setting("hold", "Feature accentuation", 0.0, (0.0, *HOLDS), 0.0, 100.0, HELD),
            core.Setting("facets", "Different pictures of each unit", 1, (1, 2, 4), 1, 16),
            SEED,
        )

    def quick(self) -> Self:
        """Half as many units, smaller, in few steps."""
        fits = networks.network(self.network).runs_at([self.layer], 64, 64)
        return replace(
            type(self)(self.network, self.layer, self.channels[:8]), steps=16, size=64 if fits else self.size
        )

    def check(self) -> None:
        """Raise ValueError where it asks for more than one person may ask of this server."""
        super().check()
        if self.hold and self.start in STARTS:
            raise ValueError(f"Expected a picture that is held, got a start from {self.start}")
        sides = networks.network(self.network).size if self.hold else (self.size, self.size)
        limits.limits().check_units(len(self.units), *sides)

    def pictures(self) -> tuple[str, ...]:
        """The picture that it starts from, where it is one."""
        return () if self.start in STARTS else (self.start,)

    def shows(self, network: str, layer: str, channel: int) -> bool:
        """Whether one of its pictures is of this unit, as it is: from noise, at its largest, one picture of each."""
        plain = (
            not self.hold and self.start == "noise" and not self.negative and self.position is None and self.facets == 1
        )
        return plain and (self.network, self.layer) == (network, layer) and channel in self.channels

    def run(self, after: core.Frame | None = None) -> Iterator[core.Frame]:
        """Run it, or what is left of it after a frame of a shorter one. Raises ValueError before any heavy work."""
        self.check()
        net, options = networks.network(self.network), self._options()
        if after is not None:
            options |= {"state": after.state, "steps": self.steps - after.step}
        if self.hold:
            return core.accentuate(net, options["start"], self.layer, self.channels, **self._held(options))
        return core.maximize(net, self.layer, self.channels, **options)

    def estimate(self) -> core.Estimate:
        """Seconds and bytes that it will take. Raises ValueError as ``run`` does."""
        self.check()
        net, options = networks.network(self.network), self._options()
        if self.hold:
            start = options["start"]
            return core.estimate_accentuation(net, start, self.layer, self.channels, **self._held(options))
        return core.estimate(net, self.layer, self.channels, **options)

    def reached(self, frame: core.Frame) -> Self:
        """With as many steps as it really took."""
        return replace(self, steps=frame.step)

    def longer(self) -> Self:
        """Some more steps."""
        return replace(self, steps=self.steps + MORE)

    @property
    def units(self) -> tuple[int, ...]:
        """The channel of each picture: every channel as many times as it has facets."""
        return tuple(channel for channel in self.channels for _ in range(1 if self.hold else self.facets))

    def _options(self) -> dict[str, Any]:
        """The settings of ``core.maximize``, the start as a picture where it is one."""
        names = ("preset", "steps", "size", "seed", "negative", "position", "facets")
        start = self.start if self.start in STARTS else uploads.picture(self.start)
        return {**{name: getattr(self, name) for name in names}, "start": start}

    def _held(self, options: dict[str, Any]) -> dict[str, Any]:
        """Those of the options that ``core.accentuate`` has, and how much it holds."""
        own: dict[str, Any] = {
            name: options[name] for name in ("steps", "seed", "negative", "state") if name in options
        }
        return {"hold": self.hold, **own}

    def _body(self) -> str:
        start = repr(self.start) if self.start in STARTS else opening(self.start)
        body = ACCENTUATE if self.hold else BODY
        return body.format(**asdict(self) | {"channels": list(self.channels), "start": start})
