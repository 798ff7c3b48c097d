"""A recipe goes into JSON and comes back; nonsense gets one sentence; typed numbers are read."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.recipes import (
    TECHNIQUES,
    AttackRecipe,
    Concepts,
    Contributions,
    Describe,
    Dream,
    Embed,
    Explain,
    Grid,
    Invert,
    Look,
    Maximize,
    Memorize,
    Recipe,
    Unit,
    numbers,
)

NETWORK = "lens5_standard"
RECIPE = Maximize(NETWORK, "conv2_relu", (3, 5), steps=3, size=32)
RECIPES = [
    RECIPE,
    replace(RECIPE, start="coffee", position="middle"),
    replace(RECIPE, start="coffee", hold=2.0),
    Dream(NETWORK, "cat", 96, steps=2, layers=(("conv3_2_relu", 1.0), ("conv2_relu", -0.5)), channels=(1, 5)),
    AttackRecipe(NETWORK, "cat", options=(("steps", 5), ("seed", 2))),
    AttackRecipe(NETWORK, "cat", "deepfool", epsilon=None, target="pretzel"),
    Explain(NETWORK, "cat", unit=3, options=(("window", 0.25), ("fill", "black"))),
    Invert(NETWORK, "cat", ("conv1_relu",)),
    Unit(NETWORK, "cat", "samples", "conv2_relu", 5),
    Embed(NETWORK, "photos", "conv2_relu", "pca", side_by_side=False, atlas=8),
    Look(NETWORK, "cat", "conv2_relu", count=8),
    Describe(NETWORK),
    Memorize(second="partly_corrupted", corruption=0.25, dropout=0.5),
    Contributions(NETWORK, "cat", "conv2_relu", 3, against=4),
    Grid(NETWORK, "cat", "conv3_2_relu", most=4, steps=8),
    Concepts(NETWORK, "cat", "conv2_relu", "samples", count=5, target=3),
]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.technique)
def test_settings_come_back(recipe: Recipe) -> None:
    told = recipe.settings()
    assert json.loads(told)["technique"] == recipe.technique
    again = TECHNIQUES[recipe.technique].from_settings(told)
    assert again == recipe and hash(again) == hash(recipe), "lists have become tuples again"


def test_every_technique_is_listed_once() -> None:
    assert {type(recipe) for recipe in RECIPES} == set(TECHNIQUES.values())
    assert len(TECHNIQUES) == len({kind.technique for kind in TECHNIQUES.values()}) == 13


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"technique": "dream"}, "got those of another"),
        ({"colour": "red"}, "one that it does not have: 'colour'"),
        ({"steps": "3"}, "Expected another kind of value for steps"),
        ({"steps": True}, "Expected another kind of value for steps"),
        ({"channels": [1.5]}, "Expected another kind of value for channels"),
        ({"layer": None}, "Expected another kind of value for layer"),
    ],
)
def test_wrong_settings_get_one_sentence(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Maximize.from_settings(json.dumps(json.loads(RECIPE.settings()) | change))


@pytest.mark.parametrize("text", ["", "[]", "3", "{", "[" * 100_000, '{"technique": "maximize"}'])
def test_what_is_no_recipe_gets_one_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="Expected settings"):
        Maximize.from_settings(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = sorted({name for recipe in RECIPES for name in json.loads(recipe.settings())})


@given(st.sampled_from(RECIPES), st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4))
@settings(max_examples=300, deadline=None)
def test_any_json_is_a_recipe_or_gets_a_sentence(recipe: Recipe, changes: dict[str, object]) -> None:
    kind = type(recipe)
    try:
        read = kind.from_settings(json.dumps(json.loads(recipe.settings()) | changes))
    except ValueError as error:
        assert str(error).startswith("Expected ") and "\n" not in str(error)
    else:
        assert kind.from_settings(read.settings()).settings() == read.settings()
        hash(read)


def test_beside_changes_one_thing() -> None:
    assert RECIPE.beside("steps", "16") == replace(RECIPE, steps=16)
    assert RECIPE.beside("preset", "keras") == replace(RECIPE, preset="keras")


def test_a_recipe_knows_its_pictures() -> None:
    assert RECIPE.pictures() == () and replace(RECIPE, start="coffee").pictures() == ("coffee",)
    dream = Dream(NETWORK, "cat", guide="flower")
    assert dream.pictures() == ("cat", "flower") and dream.available()
    assert not replace(dream, guide="0" * 24).available(), "nobody brought that one"


@pytest.mark.parametrize(("text", "chosen"), [("0-3, 7", (0, 1, 2, 3, 7)), ("5", (5,)), ("2 2;1", (2, 1))])
def test_numbers(text: str, chosen: tuple[int, ...]) -> None:
    assert numbers(text, 9) == chosen


@pytest.mark.parametrize("text", ["", "x", "1-", "-3", "10", "0-10", "0-999999", "9" * 50, "1.5", "٣", "²"])
def test_impossible_numbers_get_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="Expected channel numbers"):
        numbers(text, 9)


@given(st.text(alphabet=st.sampled_from("0123456789-,; x²٣\n"), max_size=30) | st.text(), st.integers(0, 3000))
def test_any_text_is_numbers_or_gets_a_sentence(text: str, most: int) -> None:
    try:
        chosen = numbers(text, most)
    except ValueError as error:
        assert str(error).startswith("Expected channel numbers") and "\n" not in str(error)
    else:
        assert chosen and len(set(chosen)) == len(chosen) and all(0 <= one <= most for one in chosen)


@given(st.lists(st.integers(0, 99), min_size=1, max_size=20))
def test_numbers_that_are_written_out_come_back(chosen: list[int]) -> None:
    assert numbers(", ".join(map(str, chosen)), 99) == tuple(dict.fromkeys(chosen))
