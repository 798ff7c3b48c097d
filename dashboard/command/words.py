"""Settings -> options of the command line, and back: what a recipe can be set to, each with its own default."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

import core

TAKEN = frozenset({"network", "picture", "output"})


def option(name: str) -> str:
    """What an option is called: ``step_size`` -> ``--step-size``."""
    return "--" + name.replace("_", "-")


def add(reader: Any, settings: Iterable[core.Setting]) -> None:
    """An option for each setting; what nobody says stays as it is."""
    known: set[str] = set()
    for one in settings:
        if one.name in known | TAKEN:
            continue
        known.add(one.name)
        switch = one.kind == "switch" or one.choices == (False, True)
        how: dict[str, Any] = {"action": argparse.BooleanOptionalAction} if switch else {"type": _type(one)}
        if not switch:
            how["metavar"] = "|".join(map(str, one.choices or ())) if _type(one) is str else "N"
        reader.add_argument(option(one.name), default=None, help=_help(one).replace("%", "%%"), **how)


def given(asked: argparse.Namespace, settings: Iterable[core.Setting]) -> dict[str, Any]:
    """{name: value} of the settings that were said. Raises ValueError for a value that one cannot have."""
    values = {one.name: (one, getattr(asked, one.name, None)) for one in settings if one.name not in TAKEN}
    return {name: one.check(value) for name, (one, value) in values.items() if value is not None}


def number(text: str) -> float:
    """A number, or a fraction of two: ``0.5``, ``8/255``. Raises ArgumentTypeError with a sentence."""
    parts = text.split("/")
    try:
        values = [float(part) for part in parts]
        return values[0] / values[1] if len(values) == 2 else float(text)
    except (ValueError, ZeroDivisionError) as error:
        raise argparse.ArgumentTypeError(f"Expected a number, such as 0.5 or 8/255, got {text!r}.") from error


def whole(text: str) -> int:
    """A whole number. Raises ArgumentTypeError with a sentence."""
    try:
        return int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"Expected a whole number, got {text!r}.") from error


def positive(text: str) -> int:
    """A whole number from 1 on. Raises ArgumentTypeError with a sentence."""
    if whole(text) < 1:
        raise argparse.ArgumentTypeError(f"Expected a whole number from 1 on, got {text!r}.")
    return int(text)


def listed(text: str | None) -> list[str]:
    """Names with commas between them."""
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def weighted(text: str) -> tuple[tuple[str, float], ...]:
    """Layers with weights, such as ``conv3=1,conv4=0.5``. Raises ArgumentTypeError with a sentence."""
    pairs = (one.partition("=") for one in listed(text))
    return tuple((layer, number(weight) if weight else 1.0) for layer, _, weight in pairs)


def _type(one: core.Setting) -> Any:
    if one.least is not None:
        return whole if isinstance(one.least, int) and isinstance(one.most, int) else number
    choices = [value for value in one.choices or () if value is not None]
    numbers = choices and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in choices)
    return (whole if all(isinstance(value, int) for value in choices) else number) if numbers else str


def _help(one: core.Setting) -> str:
    usual = "as usual" if one.default is None else f"{one.default:g}" if isinstance(one.default, float) else one.default
    bounds = "" if one.least is None else f"; {_plainly(one.least)} to {_plainly(one.most)}"
    return f"{one.title} ({usual}{bounds})"


def _plainly(value: float | None) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"
