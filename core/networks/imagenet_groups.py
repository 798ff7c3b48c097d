"""To which group of things a class of ImageNet-1k belongs: a thousand names are easier to search with it beside each.

ImageNet's order follows WordNet's tree as far as animals, food, landscapes and plants go, so that runs of indices are
groups; the things that people make stand in one alphabetical run. The bounds were read off the list of names.
"""

from __future__ import annotations

from bisect import bisect_right

from core import checks

CLASSES = 1000
GROUPS = (
    (0, "fish"), (7, "birds"), (25, "amphibians"), (33, "reptiles"), (69, "spiders and their kin"), (80, "birds"),
    (101, "other mammals"), (107, "sea animals and molluscs"), (118, "crustaceans"), (127, "birds"),
    (147, "sea mammals"), (151, "dogs"), (269, "wolves and foxes"), (281, "cats"), (294, "bears and mongooses"),
    (300, "insects"), (327, "sea animals and molluscs"), (330, "rabbits and rodents"), (339, "hoofed animals"),
    (356, "other mammals"), (365, "apes and monkeys"), (385, "elephants and pandas"), (389, "fish"), (398, "things"),
    (916, "signs and print"), (923, "food"), (970, "landscapes"), (971, "things"), (972, "landscapes"),
    (981, "people"), (984, "plants and fungi"), (999, "things"),
)  # fmt: skip
"""The first index of each run, and the name of its group."""

_STARTS = [start for start, _ in GROUPS]


def imagenet_group(index: int) -> str:
    """The group of a class of ImageNet-1k, such as ``"dogs"``. Raises ValueError for no index from 0 to 999."""
    return GROUPS[bisect_right(_STARTS, checks.whole("index", index, 0, CLASSES - 1)) - 1][1]
