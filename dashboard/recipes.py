"""What a person asked for, as a value: it runs, goes into a file, and is a short script against ``core``.

A recipe holds names and numbers only. Two equal recipes make the same picture.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import core
from dashboard import runtime


@dataclass(frozen=True)
class Maximize:
    """The pictures that some units of a layer like most."""

    network: str
    layer: str
    channels: tuple[int, ...]
    preset: str = "convscope"
    steps: int = 64
    size: int = 96
    seed: int = 0
    start: str = "noise"
    negative: bool = False
    position: str | None = None
    facets: int = 1

    def frames(self, state: core.State | None = None) -> Iterator[core.Frame]:
        """Run it, or go on from a frame's state. Raises ValueError before any heavy work."""
        return core.maximize(
            runtime.network(self.network), self.layer, self.channels, state=state, **self._options()
        )  # fmt: skip

    def estimate(self) -> core.Estimate:
        """Seconds and bytes that it will take. Raises ValueError as ``frames`` does."""
        return core.estimate(runtime.network(self.network), self.layer, self.channels, **self._options())

    def _options(self) -> dict[str, Any]:
        """The settings of ``core.maximize``, the start as a picture where it is one."""
        names = ("preset", "steps", "size", "seed", "negative", "position", "facets")
        start = self.start if self.start in ("noise", "grey") else runtime.picture(self.start)
        return {**{name: getattr(self, name) for name in names}, "start": start}

    @property
    def units(self) -> tuple[int, ...]:
        """The channel of each picture: every channel as many times as it has facets."""
        return tuple(channel for channel in self.channels for _ in range(self.facets))

    def settings(self) -> str:
        """Everything as JSON."""
        return json.dumps({"technique": "maximize", **asdict(self)}, indent=2)

    def script(self) -> str:
        """A script that makes the same pictures."""
        starts = {"noise": '"noise"', "grey": '"grey"'}
        sample = f'core.samples.load("{self.start}")' if self.start in core.samples.names() else _OWN
        return _MAXIMIZE.format(
            **asdict(self) | {"channels": list(self.channels), "start": starts.get(self.start, sample)}
        )

    def beside(self, what: str, value: str) -> Maximize:
        """The recipe with one thing changed: ``network``, ``preset`` or ``steps``."""
        changes: dict[str, Any] = {what: int(value) if what == "steps" else value}
        return replace(self, **changes)


_OWN = 'core.open_image("my_picture.jpg")'
_MAXIMIZE = """\
from pathlib import Path

import core

net = core.load("{network}")
frames = core.maximize(
    net,
    "{layer}",
    {channels},
    size={size},
    steps={steps},
    seed={seed},
    preset="{preset}",
    start={start},
    negative={negative},
    position={position!r},
    facets={facets},
)
frame = core.last(frames)
wall = core.tile(frame.images.numpy())
Path("filters.png").write_bytes(core.encode_png(wall))
"""


def numbers(text: str, most: int) -> tuple[int, ...]:
    """Channel numbers from text such as ``0-7, 12``. Raises ValueError with one sentence."""
    chosen: list[int] = []
    for part in filter(None, re.split(r"[,;\s]+", text.strip())):
        match = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", part)
        if match is None:
            raise ValueError(f"Expected channel numbers such as 0-7, 12, got {part[:30]!r}.")
        first = int(match[1])
        chosen += range(first, min(int(match[2] or first), max(first, most + 1)) + 1)
    outside = [number for number in chosen if number > most]
    if outside or not chosen:
        raise ValueError(f"Expected channel numbers from 0 to {most}, got {outside[0] if outside else 'none'}.")
    return tuple(dict.fromkeys(chosen))
