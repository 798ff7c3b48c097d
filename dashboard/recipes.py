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
from dashboard import words
from dashboard.server import limits, networks, results, uploads


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
            networks.network(self.network), self.layer, self.channels, state=state, **self._options()
        )  # fmt: skip

    def estimate(self) -> core.Estimate:
        """Seconds and bytes that it will take. Raises ValueError as ``frames`` does."""
        return core.estimate(networks.network(self.network), self.layer, self.channels, **self._options())

    def _options(self) -> dict[str, Any]:
        """The settings of ``core.maximize``, the start as a picture where it is one."""
        names = ("preset", "steps", "size", "seed", "negative", "position", "facets")
        start = self.start if self.start in ("noise", "grey") else uploads.picture(self.start)
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
        sample = _load(self.start)
        return _MAXIMIZE.format(
            **asdict(self)
            | {"channels": list(self.channels), "start": starts.get(self.start, sample)}
            | {"load": networks.loading(self.network)}
        )

    def beside(self, what: str, value: str) -> Maximize:
        """The recipe with one thing changed: ``network``, ``preset`` or ``steps``."""
        changes: dict[str, Any] = {what: int(value) if what == "steps" else value}
        return replace(self, **changes)


@dataclass(frozen=True)
class Unit:
    """One unit under every lens, over a set of pictures."""

    network: str
    picture: str
    pictures: str
    layer: str
    channel: int
    method: str = "deconvnet"

    def settings(self) -> str:
        """Everything as JSON."""
        return json.dumps({"technique": "units", **asdict(self)}, indent=2)

    def script(self) -> str:
        """A script that finds the same patches."""
        own = {"pictures": _SETS.get(self.pictures, _SETS[""]), "photo": _load(self.picture)}
        return _UNIT.format(load=networks.loading(self.network), **asdict(self) | own)


@dataclass(frozen=True)
class Dream:
    """A dream of one picture, a fall into it, or a dreaming film.

    A setting of None is the preset's own; without ``layers`` they are the preset's too. ``size`` is the longer side at
    which to dream, 0 for the picture's own; ``rounds`` says how often a still picture was dreamed on; ``make`` is
    ``"still"``, ``"zoom"`` or ``"video"``.
    """

    network: str
    picture: str
    size: int = 512
    layers: tuple[tuple[str, float], ...] = ()
    channels: tuple[int, ...] = ()
    preset: str = "convscope"
    steps: int | None = None
    octaves: int | None = None
    ratio: float | None = None
    rate: float | None = None
    normalize: str | None = None
    jitter: int | None = None
    guide: str = ""
    mask: str = ""
    keep_colours: bool = False
    seed: int = 0
    make: str = "still"
    rounds: int = 1
    frames: int = 60
    zoom: float = 0.05
    turn: float = 0.0
    drift: int = 0
    video: str = ""
    blend: float = 0.5

    def photo(self) -> Any:
        """The picture (1, H, W, 3) at the size in which it is dreamed on."""
        picture = uploads.picture(self.picture)
        return core.shrink(picture, max_side=self.size) if self.size else picture

    def run(self, start: Any = None) -> Iterator[core.Frame]:
        """Run it once, from the picture or from ``start``. Raises ValueError before any heavy work."""
        net, photo = networks.network(self.network), self.photo()
        if start is not None:  # it is smaller where an earlier run was stopped in a small octave
            photo = core.resize(start, height=photo.shape[1], width=photo.shape[2])
        options = self._options(photo.shape[1:3])
        if self.make == "zoom":
            return core.dream_zoom(
                net, photo, frames=self.frames, zoom=self.zoom, turn=self.turn, drift=(0, self.drift), **options
            )  # fmt: skip
        if self.make == "video":
            return core.dream_video(net, self._film().pictures, blend=self.blend, **options)
        return core.dream(net, photo, **options)

    def estimate(self) -> core.Estimate:
        """Seconds and bytes that it will take. Raises ValueError as ``run`` does."""
        photo, count = self.photo(), 1
        usual: dict[str, Any] = {}
        if self.make == "zoom":
            count, usual = self.frames, {"octaves": 2, "steps": 6}
        elif self.make == "video":
            film = self._film().pictures
            photo, count, usual = core.to_float(film[:1]), len(film), {"octaves": 3, "steps": 6}
        one = core.estimate_dream(networks.network(self.network), photo, **{**usual, **self._options(photo.shape[1:3])})
        return core.Estimate(one.seconds * count, one.bytes + count * photo.shape[1] * photo.shape[2])

    def _film(self) -> core.Film:
        if self.video not in uploads.reels():
            raise ValueError("Expected a film to dream on; bring one first.")
        return uploads.reels()[self.video]

    def _options(self, size: tuple[int, int]) -> dict[str, Any]:
        """The settings of ``core.dream`` that say something."""
        names = ("channels", "preset", "steps", "octaves", "ratio", "rate", "normalize", "jitter", "keep_colours")
        options = {name: getattr(self, name) for name in (*names, "seed") if getattr(self, name) is not None}
        options["layers"] = dict(self.layers) or None
        if self.guide:
            options["guide"] = uploads.picture(self.guide)
        if self.mask and self.make == "still":
            options["mask"] = core.painted_mask(self.mask, height=size[0], width=size[1])
        return options

    def settings(self) -> str:
        """Everything as JSON."""
        return json.dumps({"technique": "dream", **asdict(self)}, indent=2)

    def script(self) -> str:
        """A script that makes the same picture or film."""
        own = {name: value for name, value in self._options((1, 1)).items() if name not in ("guide", "mask", "layers")}
        lines = [f"{name}={value!r}," for name, value in own.items()]
        lines.insert(0, f"layers={dict(self.layers) or None!r},")
        if self.guide:
            lines.append(f"guide={_load(self.guide).replace('my_picture', 'my_guide')},")
        if self.mask and self.make == "still":
            lines.append(f'mask=core.painted_mask("{self.mask}", height=photo.shape[1], width=photo.shape[2]),')
        settings = "".join(f"\n    {line}" for line in lines)
        photo = _load(self.picture)
        photo = f"core.shrink({photo}, max_side={self.size})" if self.size else photo
        head = _DREAM_HEAD.format(load=networks.loading(self.network), settings=settings)
        if self.make == "zoom":
            facts = {name: getattr(self, name) for name in ("frames", "zoom", "turn")} | {"drift": (0, self.drift)}
            return head.replace("PHOTO", photo) + _ZOOM.format(", ".join(f"{k}={v!r}" for k, v in facts.items()))
        if self.make == "video":
            limit = limits.limits()
            most = f"max_frames={limit.film_frames}, max_side={limit.film_side}"
            return head.replace("photo = PHOTO\n", "") + _VIDEO.format(blend=self.blend, most=most)
        return head.replace("PHOTO", photo) + _STILL.format(rounds=self.rounds)


@dataclass(frozen=True)
class Fool:
    """An adversarial picture.

    ``epsilon`` has the unit of pictures in [0, 1] and is None for an attack without one; without a ``target`` any other
    answer will do; the other settings are None where the attack's own are meant.
    """

    network: str
    picture: str
    attack: str = "pgd"
    norm: str = "linf"
    epsilon: float | None = 1 / 255
    target: str = ""
    steps: int | None = None
    pixels: int | None = None
    seed: int = 0

    def origin(self) -> Any:
        """The picture (1, h, w, 3) as the network sees it, in 8 bits."""
        seen = core.seen_by(networks.network(self.network), uploads.picture(self.picture))
        return core.to_float(core.to_uint8(seen))

    def label(self) -> int:
        """What to lead to, or the network's own answer, to lead away from. Raises ValueError."""
        net = networks.network(self.network)
        if not self.target:
            return int(core.logits_of(net, self.origin())[0].argmax())
        if self.target not in net.labels:
            raise ValueError(f"{self.network} knows no {self.target!r}.")
        return net.labels.index(self.target)

    def run(self) -> Iterator[core.Frame]:
        """Run it. Raises ValueError before any heavy work."""
        return core.attack(
            networks.network(self.network), self.attack, self.origin(), [self.label()], **self._options()
        )  # fmt: skip

    def _options(self) -> dict[str, Any]:
        """The settings that this attack takes."""
        chosen = core.ATTACKS[self.attack]
        options: dict[str, Any] = {}
        if chosen.norms:
            options["epsilon"] = self.epsilon
        if len(chosen.norms) > 1:
            options["norm"] = self.norm
        if chosen.targeted:
            options["targeted"] = bool(self.target)
        if self.attack in ("pgd", "square", "few_pixels", "patch"):
            options["seed"] = self.seed
        if self.steps is not None and self.attack not in ("fgsm", "bim"):
            options["steps"] = self.steps
        if self.pixels is not None and self.attack == "few_pixels":
            options["pixels"] = self.pixels
        return options

    def settings(self) -> str:
        """Everything as JSON."""
        return json.dumps({"technique": "attack", **asdict(self)}, indent=2)

    def script(self) -> str:
        """A script that makes the same picture."""
        options = "".join(f", {name}={value!r}" for name, value in self._options().items())
        goal = f"net.labels.index({self.target!r})" if self.target else "int(core.logits_of(net, photo)[0].argmax())"
        return _FOOL.format(
            load=networks.loading(self.network),
            photo=_load(self.picture),
            goal=goal,
            attack=self.attack,
            options=options,
        )


_FOOL = """\
from pathlib import Path

import core

net = {load}
photo = core.seen_by(net, {photo})
photo = core.to_float(core.to_uint8(photo))
label = {goal}
frames = core.attack(net, "{attack}", photo, [label]{options})
found = core.last(frames).images.numpy()[0]
Path("adversarial.png").write_bytes(core.encode_png(found))
print(core.predict(net, core.open_image("adversarial.png"))[0])
"""


@dataclass(frozen=True)
class Explain:
    """Which pixels a unit of a network depends on, by every method.

    ``window`` and ``fill`` are those of occlusion; a window below 1 is a share of the picture's shorter side.
    """

    network: str
    picture: str
    layer: str = core.LOGITS
    unit: int = 0
    window: float = 1 / 8
    fill: str = "grey"

    @property
    def title(self) -> str:
        """What is explained: a class by its name, another unit by its layer and number."""
        return results.unit_title(self.network, self.layer, self.unit)

    def photo(self) -> Any:
        """The picture (1, h, w, 3) as the network sees it."""
        return core.seen_by(networks.network(self.network), uploads.picture(self.picture))

    def found(self, method: str, *, share: float = 0.0) -> Any:
        """The map (h, w) of one method, by the network with this share of its layers shuffled. Raises ValueError."""
        unit = (self.layer, self.unit)
        settings: dict[str, Any] = {"window": self.window, "fill": self.fill} if method == "occlusion" else {}
        return results.explanation(self.network, self.picture, unit, method, share=share, **settings)

    def settings(self) -> str:
        """Everything as JSON."""
        return json.dumps({"technique": "attribute", "explains": self.title, **asdict(self)}, indent=2)

    def script(self) -> str:
        """A script that makes the same maps."""
        unit = f"net.labels.index({self.title!r})" if self.layer == core.LOGITS else str(self.unit)
        own = {"load": networks.loading(self.network), "photo": _load(self.picture), "unit": unit}
        return _EXPLAIN.format(**asdict(self) | own)


@dataclass(frozen=True)
class Invert:
    """One picture, drawn again from the activations of some layers.

    ``preset`` is a name of ``core.INVERSIONS``; ``power`` is the caricature's. ``scale`` says how many times as large
    as the network's own size the picture is.
    """

    network: str
    picture: str
    layers: tuple[str, ...]
    preset: str = "convscope"
    power: float = 1.0
    steps: int = 96
    scale: int = 1
    seed: int = 0

    def photo(self) -> Any:
        """The picture (1, h, w, 3) as the network sees it."""
        return core.seen_by(networks.network(self.network), uploads.picture(self.picture), scale=self.scale)

    def frames(self, state: core.State | None = None) -> Iterator[core.Frame]:
        """Run it, or go on from a frame's state. Raises ValueError before any heavy work."""
        net, settings = networks.network(self.network), {"steps": self.steps, "seed": self.seed}
        if self.preset == "caricature":
            return core.caricature(net, self.photo(), self.layers, power=self.power, state=state, **settings)
        return core.invert(net, self.photo(), self.layers, preset=self.preset, state=state, **settings)

    def estimate(self) -> core.Estimate:
        """Seconds and bytes that it will take. Raises ValueError as ``frames`` does."""
        recipe = core.INVERSIONS[self.preset]
        recipe = replace(recipe, power=self.power) if recipe.product else recipe
        net = networks.network(self.network)
        return core.estimate_inversion(net, self.photo(), self.layers, preset=recipe, steps=self.steps)

    def settings(self) -> str:
        """Everything as JSON."""
        return json.dumps({"technique": "invert", **asdict(self)}, indent=2)

    def script(self) -> str:
        """A script that makes the same pictures."""
        power = f"power={self.power!r}"
        call = ("caricature", power) if self.preset == "caricature" else ("invert", f'preset="{self.preset}"')
        own = {"load": networks.loading(self.network), "photo": _load(self.picture), "layers": list(self.layers)}
        return _INVERT.format(call=call[0], option=call[1], **asdict(self) | own)


_INVERT = """\
from pathlib import Path

import core

net = {load}
photo = core.seen_by(net, {photo}, scale={scale})
layers = {layers}
frame = core.last(core.{call}(net, photo, layers, {option}, steps={steps}, seed={seed}))
images = frame.images.numpy()
Path("inverted.png").write_bytes(core.encode_png(core.tile(images, columns=len(layers))))
for index, layer in enumerate(layers):
    print(layer, core.code_distance(net, photo, layer, images)[index], core.pixel_distance(photo, images)[index])
"""


_EXPLAIN = """\
from pathlib import Path

import core

net = {load}
photo = core.seen_by(net, {photo})
unit = {unit}
maps = {{}}
for method in core.METHODS:
    settings = dict(window={window!r}, fill="{fill}") if method == "occlusion" else {{}}
    maps[method] = core.attribute(net, photo, unit, method=method, layer="{layer}", **settings)
    print(method, maps[method].shape, maps[method].min(), maps[method].max())
Path("maps.npz").write_bytes(core.encode_npz(maps))
"""


def _load(picture: str) -> str:
    """Code that opens a picture: a sample, or a person's own."""
    return f'core.samples.load("{picture}")' if picture in core.samples.names() else _OWN


_DREAM_HEAD = """\
from pathlib import Path

import numpy as np

import core

net = {load}
photo = PHOTO
settings = dict({settings}
)
"""
_STILL = """\
for _ in range({rounds}):
    photo = core.last(core.dream(net, photo, **settings)).images.numpy()
Path("dream.png").write_bytes(core.encode_png(photo[0]))
"""
_ZOOM = """\
frames = core.dream_zoom(net, photo, {}, **settings)
film = np.concatenate([frame.images.numpy() for frame in frames])
Path("dream.mp4").write_bytes(core.encode_mp4(film))
"""
_VIDEO = """\
film = core.open_video(Path("my_film.mp4").read_bytes(), {most})
frames = core.dream_video(net, film.pictures, blend={blend}, **settings)
dreamed = np.concatenate([frame.images.numpy() for frame in frames])
Path("dream.mp4").write_bytes(core.encode_mp4(dreamed, frames_per_second=round(film.frames_per_second)))
"""
_OWN = 'core.open_image("my_picture.jpg")'
_SETS = {
    "samples": "core.sample_tiles(size=net.size)", "cifar10": "core.cifar10(size=net.size)",
    "": 'list(core.gather("my_pictures", size=net.size))[-1]',
}  # fmt: skip
_UNIT = """\
from pathlib import Path

import core

net = {load}
pictures = {pictures}
*_, found = core.index_units(net, ["{layer}"], pictures)
best = core.patches(net, found["{layer}"], pictures, {channel})
back = core.projection(net, best.pictures, "{layer}", {channel}, places=best.places, method="{method}")
Path("patches.png").write_bytes(core.encode_png(core.tile(best.cut())))
Path("projections.png").write_bytes(core.encode_png(core.tile(core.around_grey(best.cut(back)))))
print(found["{layer}"].nearest({channel}))
print(core.ablate(net, core.seen_by(net, {photo}), "{layer}", [{channel}]))
"""
_MAXIMIZE = """\
from pathlib import Path

import core

net = {load}
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
            raise ValueError(f"Expected channel numbers such as 0-7, 12, got {words.harmless(part[:30])!r}.")
        first = int(match[1])
        chosen += range(first, min(int(match[2] or first), max(first, most + 1)) + 1)
    outside = [number for number in chosen if number > most]
    if outside or not chosen:
        raise ValueError(f"Expected channel numbers from 0 to {most}, got {outside[0] if outside else 'none'}.")
    return tuple(dict.fromkeys(chosen))
