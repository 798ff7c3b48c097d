"""What a person asked for, as a value: one frozen dataclass per technique, that runs, is a file, and is a script."""

from __future__ import annotations

from dashboard.recipes.attack import AttackRecipe
from dashboard.recipes.base import OnPicture, Recipe, Runs
from dashboard.recipes.concepts import Concepts
from dashboard.recipes.contributions import Contributions
from dashboard.recipes.describe import Describe
from dashboard.recipes.dream import Dream
from dashboard.recipes.embed import Embed
from dashboard.recipes.explain import Explain
from dashboard.recipes.grid import Grid
from dashboard.recipes.invert import Invert
from dashboard.recipes.look import Look
from dashboard.recipes.maximize import Maximize
from dashboard.recipes.memorize import Memorize, Pair
from dashboard.recipes.numbers import numbers
from dashboard.recipes.unit import Unit

__all__ = [
    "TECHNIQUES",
    "AttackRecipe",
    "Concepts",
    "Contributions",
    "Describe",
    "Dream",
    "Embed",
    "Explain",
    "Grid",
    "Invert",
    "Look",
    "Maximize",
    "Memorize",
    "OnPicture",
    "Pair",
    "Recipe",
    "Runs",
    "Unit",
]
__all__ += ["numbers"]

_ALL = (
    Maximize,
    Dream,
    AttackRecipe,
    Explain,
    Invert,
    Unit,
    Embed,
    Look,
    Describe,
    Memorize,
    Contributions,
    Concepts,
    Grid,
)
TECHNIQUES = {one.technique: one for one in _ALL}
