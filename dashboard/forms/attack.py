"""The form of attacks: the catalogue says what each can be asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

import core
from dashboard import words
from dashboard.forms.settings import choose, options
from dashboard.recipes import AttackRecipe, usual
from dashboard.server import networks


def recipe(name: str, picture: str) -> AttackRecipe:
    """Everything that a person can set."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        key = choose(
            core.Setting("attack", "Attack", AttackRecipe.attack, tuple(core.ATTACKS)), widget=st.selectbox, width=200,
            names=lambda one: core.ATTACKS[one].title,
        )  # fmt: skip
        attack = core.ATTACKS[key]
        norm, epsilon = size(attack)
        target = goal(attack, networks.network(name))
        own: tuple[tuple[str, Any], ...] = ()
        if attack.settings:
            with st.popover("More", icon=":material/tune:"):
                own = options(attack.settings)
    return AttackRecipe(name, picture, key, norm, epsilon, target, own)


def size(attack: core.Attack) -> tuple[str, float | None]:
    """Norm and epsilon, where the attack has them."""
    if not attack.norms:
        return AttackRecipe.norm, None
    norm, _ = usual.norm(attack)
    if len(attack.norms) > 1:
        norm = choose(
            core.Setting("norm", "Norm", norm, attack.norms), widget=st.selectbox, width=240,
            names=lambda one: f"{core.NORMS[one].title}: {core.NORMS[one].says}",
        )  # fmt: skip
    measure = core.NORMS[norm]
    written = choose(
        core.Setting(f"epsilon_{norm}", "Epsilon", measure.usual, measure.epsilons), width=240,
        names=lambda value: measure.written(measure.radius(value)),
    )  # fmt: skip
    return norm, measure.radius(written)


def goal(attack: core.Attack, net: core.Classifier) -> str:
    """What to make the network say, empty for anything else."""
    if attack.targeted is False:
        return ""
    labels, named = net.labels, words.classes(net)
    choices = (*([""] if attack.targeted else []), *labels)
    chosen: str = choose(
        core.Setting("target", "Make it say" if net.has_classes else "Change", usual.target(attack, net), choices),
        widget=st.selectbox, width=240, names=lambda one: _goal(net, named(one) if one else ""),
    )  # fmt: skip
    return chosen


def _goal(net: core.Classifier, target: str) -> str:
    """A goal in words: another answer, or another number."""
    if net.has_classes:
        return target or "anything else"
    if target:
        return f"raise {target}"
    return f"lower {net.labels[0]}" if len(net.labels) == 1 else "lower the largest number"


def others(one: AttackRecipe) -> dict[str, AttackRecipe]:
    """The same attack on another network, if wanted."""
    twins = tuple(networks.others(one.network))
    other = choose(
        core.Setting("beside", "Networks", "", ("", *twins)), widget=st.selectbox, width=260,
        names=lambda twin: f"{networks.network_title(twin)} too" if twin else "This network only",
    )  # fmt: skip
    return {"b": replace(one, network=other)} if other else {}
