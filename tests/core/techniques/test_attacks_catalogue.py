"""The catalogue: what each attack says of itself is what its function takes; epsilons and how they are written."""

import inspect

import numpy as np
import pytest

import core


def parameters(attack):
    return {name: one for name, one in inspect.signature(attack.run).parameters.items() if one.kind == one.KEYWORD_ONLY}


@pytest.mark.parametrize("name", core.ATTACKS)
def test_settings_are_those_of_the_function(name):
    attack = core.ATTACKS[name]
    taken = parameters(attack)
    for one in attack.settings:
        own = attack.quick.get(one.name, taken[one.name].default)
        assert one.default in (None, own), f"{one.name} is {own} where nobody says"
        assert one.title and one.help.endswith(".")
    assert set(attack.quick) <= set(taken)
    assert len({one.name for one in attack.settings}) == len(attack.settings)


@pytest.mark.parametrize("name", core.ATTACKS)
def test_what_it_can_do_is_what_the_function_takes(name):
    attack = core.ATTACKS[name]
    taken = parameters(attack)
    assert bool(attack.norms) == ("epsilon" in taken)
    assert set(attack.norms) <= set(core.NORMS)
    assert bool(attack.targeted) == ("targeted" in taken)
    for setting in ("steps", "seed", "pixels"):
        assert (attack.setting(setting) is not None) == (setting in taken)


@pytest.mark.parametrize("name", core.ATTACKS)
def test_bounds_are_those_that_the_function_refuses_beyond(tiny, name):
    picture = np.full((1, 24, 40, 3), 0.5, np.float32)
    for one in core.ATTACKS[name].settings:
        if one.least is None:
            continue
        for beyond in (one.least - 1, one.most + 1):
            with pytest.raises(ValueError, match=rf"Expected {one.name} from .*, got {beyond}"):
                core.attack(tiny, name, picture, [0], **{one.name: beyond})


def test_an_attack_with_an_epsilon_for_each_picture_takes_one_for_each(tiny):
    one = np.random.default_rng(0).integers(0, 256, (1, 24, 40, 3)).astype(np.float32) / np.float32(255)
    pictures, label = np.repeat(one, 2, axis=0), int(core.logits_of(tiny, one).argmax())
    able = [name for name, one in core.ATTACKS.items() if one.own_epsilon]
    assert list(core.epsilon_curve(tiny, one, label, [0.01, 0.02])) == able
    for name in able:
        found = core.last(core.attack(tiny, name, pictures, [label] * 2, epsilon=np.array([1, 9]) / 255)).images.numpy()
        np.testing.assert_allclose(core.distance(found, pictures, "linf"), [1 / 255, 9 / 255], atol=0.6 / 255)


def test_how_epsilons_are_written():
    assert core.NORMS["linf"].written(8 / 255) == "8/255"
    assert core.NORMS["linf"].written(0.5 / 255) == "0.5/255"
    assert core.NORMS["l2"].written(0.25) == "0.25"
    for norm in core.NORMS.values():
        assert norm.usual in norm.epsilons
        assert norm.written(norm.radius(norm.usual)).startswith(f"{norm.usual:g}")
