"""Settings as data: what they take, how they are drawn, and what they refuse."""

import pytest

import core

STEPS = core.Setting("steps", "Steps", None, choices=(1, 10, 500), least=1, most=20_000)
SHARE = core.Setting("share", "Share", 0.3, least=0.0, most=1.0)
FILL = core.Setting("fill", "Filled with", "grey", choices=("grey", "mean"))
MIRROR = core.Setting("mirror", "Mirror", False)
SEED = core.Setting("seed", "Seed", 0, least=0, most=9)


def test_how_each_is_drawn():
    assert [one.kind for one in (STEPS, SHARE, FILL, MIRROR, SEED)] == ["choice", "number", "choice", "switch", "whole"]


@pytest.mark.parametrize(
    ("setting", "value"),
    [(STEPS, None), (STEPS, 37), (SHARE, 1.0), (SHARE, 0), (FILL, "mean"), (MIRROR, True), (SEED, 9)],
)
def test_what_they_take(setting, value):
    assert setting.check(value) == value


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        (STEPS, 0, "Expected steps from 1 to 20000, got 0"),
        (STEPS, 2.5, "steps from 1 to 20000, got 2.5"),
        (SHARE, float("nan"), "share from 0 to 1, got nan"),
        (SHARE, None, "share from 0 to 1, got None"),
        (FILL, "gray", "Expected fill among grey, mean, got 'gray'"),
        (MIRROR, 1, "mirror among False, True, got 1"),
        (SEED, True, "seed from 0 to 9, got True"),
    ],
)
def test_what_they_refuse(setting, value, sentence):
    with pytest.raises(ValueError, match=sentence):
        setting.check(value)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"default": 5, "least": 1}, "both bounds of it or neither"),
        ({"default": "word"}, "bounds, choices or a switch for it"),
        ({"default": 5, "least": 1, "most": 3}, "it from 1 to 3, got 5"),
        ({"default": 1, "choices": (1, 4), "least": 1, "most": 3}, "it from 1 to 3, got 4"),
    ],
)
def test_a_setting_that_contradicts_itself_cannot_be_made(words, sentence):
    with pytest.raises(ValueError, match=sentence):
        core.Setting("it", "It", **words)
