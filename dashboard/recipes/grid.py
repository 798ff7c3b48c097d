"""Every place of a layer, drawn as what the layer likes there, as a recipe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Self

import core
from dashboard.recipes.base import SEED, OnPicture, Runs, opening, upto
from dashboard.server import limits, networks

MORE = 24
STEPS = (16, 24, 32, 48, 64, 96, 128)
BODY = """\
photo = core.seen_by(net, {photo})
rows, columns, _ = core.grid_vectors(net, photo, {layer!r}, most={most}).shape
frame = core.last(
    core.activation_grid(net, photo, {layer!r}, most={most}, size={size}, steps={steps}, seed={seed})
)
grid = core.tile(frame.images.numpy(), columns=columns, margin=0)
Path("grid.png").write_bytes(core.encode_png(grid))
"""


@dataclass(frozen=True)
class Grid(Runs, OnPicture):
    """An activation grid: at most ``most`` places a side, each a picture of ``size`` pixels."""

    technique: ClassVar[str] = "grid"

    layer: str
    most: int = 7
    size: int = 80
    steps: int = 48
    seed: int = 0

    @classmethod
    def _settings(cls) -> tuple[core.Setting, ...]:
        most = limits.limits()
        return (
            core.Setting("most", "Places a side, at most", 7, (4, 7, 10, 14), 1, 14,
                         "A layer with more places is averaged over squares of them."),
            core.Setting("size", "Pixels of each", 80, (48, 64, 80, 96), 32, 128),
            core.Setting("steps", "Steps", 48, upto(STEPS, most.steps), 1, most.steps),
            SEED,
        )  # fmt: skip

    def quick(self) -> Self:
        """Few places, small, in few steps."""
        return replace(self, most=4, size=48, steps=24, seed=0)

    def check(self) -> None:
        """Raise ValueError where it asks for more than one person may ask of this server."""
        super().check()
        rows, columns = self.places
        limits.limits().check_units(rows * columns, self.size, self.size)

    @property
    def places(self) -> tuple[int, int]:
        """Rows and columns of the grid. Raises ValueError for a layer without a map."""
        info = networks.network(self.network).layer(self.layer)
        if not info.spatial:
            raise ValueError(f"Expected a layer with height and width, got {self.layer!r}, which has none")
        step = -(-max(info.shape[:2]) // self.most)
        return -(-info.shape[0] // step), -(-info.shape[1] // step)

    def run(self, after: core.Frame | None = None) -> Iterator[core.Frame]:
        """Run it, or what is left of it after a frame of a shorter one. Raises ValueError before any heavy work."""
        self.check()
        settings: dict[str, Any] = {name: getattr(self, name) for name in ("most", "size", "steps", "seed")}
        if after is not None:
            settings |= {"state": after.state, "steps": self.steps - after.step}
        return core.activation_grid(networks.network(self.network), self.photo(), self.layer, **settings)

    def reached(self, frame: core.Frame) -> Self:
        """With as many steps as it really took."""
        return replace(self, steps=frame.step)

    def longer(self) -> Self:
        """Some more steps."""
        return replace(self, steps=self.steps + MORE)

    def _body(self) -> str:
        return BODY.format(**asdict(self) | {"photo": opening(self.picture)})
