"""One picture, drawn again from the activations of some layers, as a recipe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

import core
from dashboard.recipes.base import SEED, OnPicture, Runs, opening, upto
from dashboard.server import limits, networks, uploads

MORE = 48
STEPS = (24, 48, 96, 192, 384, 768)
BODY = """\
photo = core.seen_by(net, {photo}, scale={scale})
layers = {layers}
frame = core.last(core.{call}(net, photo, layers, {option}, steps={steps}, seed={seed}))
images = frame.images.numpy()
Path("inverted.png").write_bytes(core.encode_png(core.tile(images, columns=len(layers))))
for index, layer in enumerate(layers):
    print(layer, core.feature_distance(net, photo, layer, images)[index], core.pixel_distance(photo, images)[index])
"""


@dataclass(frozen=True)
class Invert(Runs, OnPicture):
    """Feature inversion, or a caricature.

    ``preset`` is a name of ``core.INVERSIONS``; ``power`` is the caricature's. ``scale`` says how many times as large
    as the network's own size the picture is.
    """

    technique: ClassVar[str] = "invert"

    layers: tuple[str, ...]
    preset: str = "convscope"
    power: float = 1.0
    steps: int = 96
    scale: int = 1
    seed: int = 0

    @classmethod
    def _settings(cls) -> tuple[core.Setting, ...]:
        most = limits.limits()
        return (
            core.Setting("preset", "Draw", "convscope", tuple(core.INVERSIONS)),
            core.Setting("steps", "Steps", 96, upto(STEPS, most.steps), 1, most.steps),
            core.Setting("scale", "Size", 1, (1, 2, 3), 1, 4),
            core.Setting("power", "Caricature: stay near the picture", 1.0, (0.0, 0.5, 1.0, 2.0, 4.0), 0.0, 16.0),
            SEED,
        )

    def quick(self) -> Self:
        """The first, the middle and the last of them, in few steps."""
        middle = len(self.layers) // 2
        few = dict.fromkeys((*self.layers[:1], *self.layers[middle : middle + 1], *self.layers[-1:]))
        return type(self)(self.network, self.picture, tuple(few), steps=24)

    def check(self) -> None:
        """Raise ValueError where it asks for more than one person may ask of this server."""
        super().check()
        height, width = networks.network(self.network).size
        limits.limits().check_units(len(self.layers), self.scale * height, self.scale * width)

    def photo(self) -> npt.NDArray[np.float32]:
        """The picture (1, h, w, 3) as the network sees it, ``scale`` times as large."""
        return core.seen_by(networks.network(self.network), uploads.picture(self.picture), scale=self.scale)

    def run(self, after: core.Frame | None = None) -> Iterator[core.Frame]:
        """Run it, or what is left of it after a frame of a shorter one. Raises ValueError before any heavy work."""
        self.check()
        net = networks.network(self.network)
        settings: dict[str, Any] = {"steps": self.steps, "seed": self.seed}
        if after is not None:
            settings |= {"state": after.state, "steps": self.steps - after.step}
        if self.exaggerates:
            return core.caricature(net, self.photo(), self.layers, power=self.power, **settings)
        return core.invert(net, self.photo(), self.layers, preset=self.preset, **settings)

    def estimate(self) -> core.Estimate:
        """Seconds and bytes that it will take. Raises ValueError as ``run`` does."""
        self.check()
        preset = core.INVERSIONS[self.preset]
        preset = replace(preset, power=self.power) if self.exaggerates else preset
        net = networks.network(self.network)
        return core.estimate_inversion(net, self.photo(), self.layers, preset=preset, steps=self.steps)

    def reached(self, frame: core.Frame) -> Self:
        """With as many steps as it really took."""
        return replace(self, steps=frame.step)

    def longer(self) -> Self:
        """Some more steps."""
        return replace(self, steps=self.steps + MORE)

    @property
    def exaggerates(self) -> bool:
        """Whether it is a caricature, which has a power."""
        return core.INVERSIONS[self.preset].dot_product

    def _body(self) -> str:
        call, option = (
            ("caricature", f"power={self.power!r}") if self.exaggerates else ("invert", f"preset={self.preset!r}")
        )
        own = {"photo": opening(self.picture), "layers": list(self.layers), "call": call, "option": option}
        return BODY.format(**asdict(self) | own)
