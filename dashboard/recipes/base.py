"""What every recipe can do: settings as JSON and back, the beginning of a script, the pictures that it needs."""

from __future__ import annotations

import json
import types
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, ClassVar, Self, Union, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

import core
from dashboard.server import networks, uploads

HEAD = """\
from pathlib import Path

{imports}import core

net = {load}
"""
OWN_FILE = "my_picture.png"
GUIDE_FILE = "my_guide.png"
OWN_PICTURE = 'core.open_image("{}")'


@dataclass(frozen=True)
class Recipe:
    """What a person asked for, as a value: names and numbers only. Two equal recipes make the same picture.

    A technique adds its fields, ``technique`` and ``_body``, and what else it can do.
    """

    technique: ClassVar[str] = ""
    imports: ClassVar[str] = ""

    network: str

    def settings(self) -> str:
        """Everything as JSON; ``from_settings`` reads it back."""
        return json.dumps({"technique": self.technique, **asdict(self)}, indent=2)

    @classmethod
    def from_settings(cls, text: str) -> Self:
        """The recipe of some JSON; what it leaves out is as usual. Raises ValueError with one sentence."""
        given = _object(text)
        if given.pop("technique", cls.technique) != cls.technique:
            raise ValueError(f"Expected settings of the technique {cls.technique!r}, got those of another.")
        known = get_type_hints(cls)
        names = {one.name for one in fields(cls)}
        for name, value in given.items():
            if name not in names:
                raise ValueError(f"Expected settings of {cls.technique}, got one that it does not have: {name[:40]!r}.")
            given[name] = _as(known[name], value, name)
        try:
            return cls(**given)
        except TypeError as error:
            raise ValueError("Expected settings that name the network and the picture, got some without.") from error

    def pictures(self) -> tuple[str, ...]:
        """The names of the pictures that it needs."""
        return ()

    def png(self, picture: npt.NDArray[Any]) -> bytes:
        """A picture (H, W, 3) as a PNG that carries its settings."""
        return core.encode_png(picture, metadata={"convscope": self.settings()})

    def available(self) -> bool:
        """Whether the network can be asked at once, and every picture is still there."""
        return all(map(uploads.there, self.pictures()))

    @classmethod
    def settable(cls) -> dict[str, core.Setting]:
        """{field: how it is set}, within the bounds of this server."""
        return {one.name: one for one in cls._settings()}

    @classmethod
    def _settings(cls) -> tuple[core.Setting, ...]:
        return ()

    def check(self) -> None:
        """Raise ValueError, in one sentence, where it asks for more than one person may ask of this server.

        Pages offer nothing else, but an address may be made by hand.
        """
        for name, setting in self.settable().items():
            setting.check(getattr(self, name))

    def script(self) -> str:
        """A Python script that makes the same."""
        return HEAD.format(imports=self.imports, load=networks.loading(self.network)) + self._body()

    def _body(self) -> str:
        """The script after its head, in which ``net`` is the network."""
        raise NotImplementedError


@dataclass(frozen=True)
class OnPicture(Recipe):
    """A recipe that begins with a picture."""

    picture: str

    def pictures(self) -> tuple[str, ...]:
        """The names of the pictures that it needs."""
        return (self.picture,)

    def photo(self) -> npt.NDArray[np.float32]:
        """The picture (1, h, w, 3) as the network sees it."""
        return core.seen_by(networks.network(self.network), uploads.picture(self.picture))


class Runs(Recipe):
    """A recipe that takes a while, and can be watched."""

    def run(self, after: core.Frame | None = None) -> Iterator[core.Frame]:
        """Run it, or what is left of it after a frame of a shorter one. Raises ValueError before any heavy work."""
        raise NotImplementedError

    def estimate(self) -> core.Estimate | None:
        """Seconds and bytes that it will take, None where nobody knows. Raises ValueError as ``run`` does."""
        return None

    def reached(self, frame: core.Frame) -> Self:
        """The recipe of what a frame shows: a run may have been stopped, or gone on."""
        return self

    def quick(self) -> Self | None:
        """A smaller one that takes a few seconds, to be seen until somebody presses Run; None where there is none."""
        return None

    def longer(self) -> Self | None:
        """The recipe that goes on where this one ends, None where none does."""
        return None

    def beside(self, what: str, value: str) -> Self:
        """The recipe with one field changed, for comparison."""
        kind = type(getattr(self, what))
        return replace(self, **{what: kind(value)})


SEED = core.Setting("seed", "Seed", 0, least=0, most=9999, help="The same seed makes the same picture.")


def upto(choices: tuple[Any, ...], most: float) -> tuple[Any, ...]:
    """Those of the usual values that are within a bound."""
    return tuple(one for one in choices if one <= most)


def opening(picture: str, *, file: str = OWN_FILE) -> str:
    """Code that opens a picture: a sample, or a person's own."""
    return f"core.samples.load({picture!r})" if picture in core.samples.names() else OWN_PICTURE.format(file)


def _object(text: str) -> dict[str, Any]:
    """A JSON object. Raises ValueError."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("Expected settings as JSON, got something else.") from error
    if not isinstance(given, dict):
        raise ValueError("Expected settings as a JSON object, got another kind of JSON.")
    return given


def _as(kind: Any, value: Any, name: str) -> Any:
    """A value from JSON as a field has it: lists become tuples. Raises ValueError."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return None if value is None else _as(next(one for one in inner if one is not type(None)), value, name)
    if origin is tuple and isinstance(value, list):
        each = inner[:1] * len(value) if inner[-1] is Ellipsis else inner
        if len(each) == len(value):
            return tuple(_as(one, part, name) for one, part in zip(each, value, strict=True))
    if kind is Any and isinstance(value, (str, int, float, bool, type(None))):
        return value
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ValueError(f"Expected another kind of value for {name}, got {str(value)[:40]!r}.")
    return value
