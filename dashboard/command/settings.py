"""What commands can be set to, read from a file: a word that is wrong is answered before TensorFlow is imported.

    python -m dashboard.command.settings

writes ``settings.json`` from the recipes and the catalogues of ``core``, which have the last word; a test compares.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import core

FILE = Path(__file__).with_suffix(".json")


@dataclass(frozen=True)
class Attack:
    """What an attack of the catalogue can be asked for."""

    title: str
    norms: tuple[str, ...]
    settings: tuple[core.Setting, ...]


@dataclass(frozen=True)
class Known:
    """All of it.

    Attributes:
        settings: {command: what it can be set to}.
        attacks: {name: what it can be asked for}.
        norms: of all attacks.
        usual: what is taken where nobody says: the ``attack``, and how ``many`` filters.
    """

    settings: dict[str, tuple[core.Setting, ...]]
    attacks: dict[str, Attack]
    norms: tuple[str, ...]
    usual: dict[str, Any]

    def as_json(self) -> str:
        """Itself as the file has it."""
        return json.dumps(asdict(self), indent=1) + "\n"


@cache
def known() -> Known:
    """What the file says."""
    told = json.loads(FILE.read_text(encoding="utf-8"))
    attacks = {
        name: Attack(one["title"], tuple(one["norms"]), _settings(one["settings"]))
        for name, one in told["attacks"].items()
    }
    settings = {name: _settings(rows) for name, rows in told["settings"].items()}
    return Known(settings, attacks, tuple(told["norms"]), told["usual"])


def _settings(rows: Iterable[dict[str, Any]]) -> tuple[core.Setting, ...]:
    return tuple(
        core.Setting(**{**one, "choices": None if one["choices"] is None else tuple(one["choices"])}) for one in rows
    )


def collected() -> Known:
    """What the recipes and the catalogues say, in local mode; imports TensorFlow."""
    from dashboard.recipes import AttackRecipe, Dream, Invert, Look, Maximize, usual

    attacks = {name: Attack(one.title, one.norms, one.settings) for name, one in core.ATTACKS.items()}
    settings = {
        "activations": Look.settable().values(),
        "filters": _settable(Maximize, without="hold"),
        "dream": _settable(Dream, without="make"),
        "attack": merged(one.settings for one in attacks.values()),
        "why": merged(one.settings for one in core.METHODS.values()),
        "invert": Invert.settable().values(),
    }
    return Known(
        {name: tuple(rows) for name, rows in settings.items()}, attacks, tuple(core.NORMS),
        {"attack": AttackRecipe.attack, "many": usual.MANY.default},
    )  # fmt: skip


def _settable(recipe: Any, *, without: str) -> list[core.Setting]:
    """What a person may set of a recipe, but the one that a command has no words for."""
    return [one for one in recipe.settable().values() if one.name != without]


def merged(rows: Iterable[Iterable[core.Setting]]) -> list[core.Setting]:
    """The settings of all rows of a catalogue; those of one name are one."""
    return list({one.name: one for row in rows for one in row}.values())


if __name__ == "__main__":
    from dashboard.command import terminal

    terminal.quiet()
    FILE.write_text(collected().as_json(), encoding="utf-8")
