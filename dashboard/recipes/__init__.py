"""What a person asked for, as a value: one frozen dataclass per technique, that runs, is a file, and is a script."""

from __future__ import annotations

from dashboard.recipes.attack import AttackRecipe
from dashboard.recipes.base import OnPicture, Recipe, Runs
from dashboard.recipes.dream import Dream
from dashboard.recipes.embed import Embed
from dashboard.recipes.explain import Explain
from dashboard.recipes.invert import Invert
from dashboard.recipes.maximize import Maximize
from dashboard.recipes.numbers import numbers
from dashboard.recipes.unit import Unit

__all__ = [
    "TECHNIQUES",
    "AttackRecipe",
    "Dream",
    "Embed",
    "Explain",
    "Invert",
    "Maximize",
    "OnPicture",
    "Recipe",
    "Runs",
    "Unit",
]
__all__ += ["numbers"]

TECHNIQUES = {one.technique: one for one in (Maximize, Dream, AttackRecipe, Explain, Invert, Unit, Embed)}
