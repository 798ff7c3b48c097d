"""The page of adversarial examples: every attack of the catalogue, judged from the file, and looked at closer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

import core
from dashboard import workbench
from dashboard.recipes import AttackRecipe
from dashboard.server import jobs

Opener = Callable[..., AppTest]
Words = Callable[[AppTest], str]
NETWORK = "lens5_standard"


def test_fools_the_standard_network_and_says_so_from_the_file(open_page: Opener, words: Words) -> None:
    app = open_page("attack", picture="cat", epsilon_linf="2.0")
    app.button(key="run").click().run()
    assert not app.exception and not app.error
    assert "verified from the file" in app.success[0].value
    assert "Largest change: **2/255**" in words(app)
    app.slider(key="strength_a").set_value(0.0).run()
    assert not app.exception


def test_both_networks_side_by_side(open_page: Opener) -> None:
    app = open_page("attack", picture="cat", epsilon_linf="0.5")
    app.button(key="both").click().run()
    assert not app.exception and not app.error
    recipe = AttackRecipe(NETWORK, "cat", epsilon=0.5 / 255)
    assert all(workbench.find(replace(recipe, network=one)).latest for one in ("lens5_standard", "lens5_robust"))
    assert len(app.info) == 2 and not app.success, "half a step cannot be saved, so nobody is fooled"


def test_what_does_not_fool_says_why_and_one_click_does(open_page: Opener) -> None:
    app = open_page("attack", picture="cat", epsilon_linf="0.5")
    app.button(key="run").click().run()
    assert not app.success and "still says" in app.info[0].value and "whole steps of 1/255" in app.info[0].value
    app.button(key="fool_a").click().run()
    assert not app.exception and not app.error and "verified from the file" in app.success[0].value
    assert app.query_params.get("epsilon_linf", ["1.0"])[0] != "0.5"


@pytest.mark.parametrize("closer", ["layers", "transfer", "defences", pytest.param("epsilon", marks=pytest.mark.slow)])
def test_looked_at_closer(open_page: Opener, words: Words, closer: str) -> None:
    app = open_page("attack", picture="cat", epsilon_linf="4.0", attack="fgsm", closer=closer)
    app.button(key="run").click().run()
    assert not app.exception and not app.error and app.code
    assert bool(app.table) == (closer in ("transfer", "defences"))
    assert ("(Grad-CAM)" in words(app)) == (closer == "layers")
    assert ("The least epsilon" in words(app)) == (closer == "epsilon")


@pytest.mark.parametrize("attack", list(core.ATTACKS))
def test_every_attack_follows_the_address(open_page: Opener, attack: str) -> None:
    told = core.ATTACKS[attack]
    own = {one.name for one in told.settings}
    target = {"target": "pretzel"} if told.targeted is not False else {}
    app = open_page("attack", picture="cat", attack=attack, steps="1", seed="3", **target)
    assert told.says in [one.value for one in app.markdown]
    app.button(key="run").click().run()
    assert not app.exception and not app.error
    (recipe,) = [job.key[1] for job in jobs.TABLE.all() if job.key[0] == "run"]
    assert (recipe.attack, recipe.target) == (attack, target.get("target", ""))
    assert dict(recipe.options) == {name: value for name, value in (("steps", 1), ("seed", 3)) if name in own}


@pytest.mark.parametrize("nonsense", ["-1", "nan", "1e9", "", "²", "0"])
def test_nonsense_in_the_address_falls_back(open_page: Opener, nonsense: str) -> None:
    names = {"norm", "epsilon_linf", "target", "beside", "closer"}
    names |= {setting.name for attack in core.ATTACKS.values() for setting in attack.settings}
    for attack in ("nonsense", "few_pixels", "carlini_wagner"):
        app = open_page("attack", picture="cat", attack=attack, **dict.fromkeys(names, nonsense))
        assert not app.exception and not app.error
