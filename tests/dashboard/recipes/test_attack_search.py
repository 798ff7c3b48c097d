"""The default attack, on every sample; and the search for the smallest epsilon that fools, where one does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import core
from dashboard.recipes import AttackRecipe
from dashboard.server import networks

SOON = core.samples.names()[:4]


@pytest.mark.parametrize(
    "picture", [pytest.param(one, marks=() if one in SOON else pytest.mark.slow) for one in core.samples.names()]
)
def test_the_default_attack_fools_the_default_network_from_the_file(picture: str) -> None:
    recipe = AttackRecipe(core.available()[0], picture)
    origin, net = recipe.photo(), networks.network(recipe.network)
    file = core.encode_png(core.last(recipe.run()).images.numpy()[0])
    read = core.open_image(file)
    assert np.abs(read - origin).max() <= 1.01 / 255
    assert core.logits_of(net, read).argmax() != core.logits_of(net, origin).argmax()


def test_the_search_ends_at_the_smallest_usual_epsilon_that_fools() -> None:
    weak = AttackRecipe("lens5_robust", "cat", epsilon=0.5 / 255)
    assert not weak.fools(core.last(weak.run()))
    *_, found = weak.search()
    smaller = [one for one in weak.stronger() if one.epsilon < found.recipe.epsilon]
    assert found.fools and found.recipe.fools(core.last(found.recipe.run())) and found.progress == 1
    assert smaller and not any(one.fools(core.last(one.run())) for one in smaller)
    written = found.settings()["epsilon_linf"]
    assert (
        found.recipe == replace(weak, epsilon=core.NORMS["linf"].radius(written)) and str(written)[0] in found.written
    )


def test_pgd_is_tried_where_another_attack_has_no_epsilon_or_none_that_does() -> None:
    names = [one.attack for one in AttackRecipe("lens5_standard", "cat", "few_pixels", epsilon=None).stronger()]
    assert names == ["pgd"] * len(core.NORMS["linf"].epsilons)
    tried = AttackRecipe("lens5_standard", "cat", "fgsm", epsilon=16 / 255).stronger()
    assert [(one.attack, one.epsilon) for one in tried[:2]] == [("fgsm", 32 / 255), ("pgd", 0.5 / 255)]
