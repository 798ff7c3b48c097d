"""Robust accuracy: closed forms on a linear network, what is carried over, what is not known yet, and refusals."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers as L  # noqa: N812

import core

EPSILONS = [0.01, 0.02, 0.05]


@pytest.fixture(scope="module")
def two():
    """Two linear classes, and how much Linf epsilon each of six pictures bears, known in closed form."""
    image = keras.Input((6, 5, 3), name="image")
    net = keras.Model(image, L.Dense(2, name="top")(L.Flatten(name="flat")(image)))
    weights = np.random.default_rng(0).normal(0, 1, (90, 2)).astype(np.float32)
    weights -= weights.mean(axis=0)
    net.get_layer("top").set_weights([weights, np.zeros(2, np.float32)])
    return core.classifier(net, name="two", labels=["left", "right"]), weights[:, 1] - weights[:, 0]


@pytest.fixture(scope="module")
def pictures(two):
    """Six pictures whose margins take from 0.005 to 0.06 of epsilon to overcome, on both sides."""
    away, rng = two[1].astype(np.float64), np.random.default_rng(1)
    found = []
    for side, bears in zip((1, -1, 1, -1, 1, 1), (0.005, 0.015, 0.03, 0.06, 0.015, 0.06), strict=True):
        one = rng.uniform(0.45, 0.55, 90)
        one += (side * bears * np.abs(away).sum() - one @ away) * away / np.square(away).sum()
        found.append(one.reshape(6, 5, 3))
    return np.stack(found).astype(np.float32)


@pytest.mark.parametrize("attack", ["fgsm", "pgd", "apgd_ce"])
def test_of_two_linear_classes_the_curve_is_known(two, pictures, attack):
    net, _ = two
    assert pictures.min() > 0.2 and pictures.max() < 0.8, "nothing is clipped"
    labels = [1, 0, 1, 0, 1, 0]  # the last one is wrong from the start
    found = core.last(core.robust_accuracy(net, pictures, labels, EPSILONS, attacks=[attack], steps=10))
    assert found.epsilons == (0.0, *EPSILONS) and found.progress == 1
    expected = [[1, 1, 1, 1, 1, 0], [0, 1, 1, 1, 1, 0], [0, 0, 1, 1, 0, 0], [0, 0, 0, 1, 0, 0]]
    np.testing.assert_array_equal(found.right[attack], expected)
    np.testing.assert_allclose(found.accuracy(attack), np.mean(expected, axis=1))
    classes = found.by_class()
    assert classes[1][0] == 3 and classes[0][1].tolist() == pytest.approx([2 / 3, 2 / 3, 1 / 3, 1 / 3])


def test_square_attacks_pictures_of_8_bits_below_one_step_of_them(two, pictures):
    net, near = two[0], core.to_float(core.to_uint8(pictures[:1]))
    half = 0.5 / 255
    off = np.asarray(core.last(core.square(net, near, [1], epsilon=half, steps=30, on_grid=False)).images)
    on = np.asarray(core.last(core.square(net, near, [1], epsilon=half, steps=30)).images)
    assert np.array_equal(on, near) and np.abs(off - near).max() == pytest.approx(half, rel=1e-3)
    asked = core.robust_accuracy(net, near, [1], [half, 0.05], attacks=["square"], steps=60)
    sure = core.last(asked).sure["square"][:, 0]
    assert sure[1] < sure[0], "the smallest epsilon does something, too"


def test_it_grows_point_by_point_and_never_says_what_it_does_not_know(two, pictures):
    net, _ = two
    found = list(core.robust_accuracy(net, pictures, [1, 0, 1, 0, 1, 0], EPSILONS, attacks=["fgsm", "pgd", "square"]))
    progress = [one.progress for one in found]
    assert progress == sorted(progress) and progress[0] == 0 and progress[-1] == 1
    assert np.isnan(found[0].accuracy("pgd")[1:]).all() and found[0].accuracy("pgd")[0] == pytest.approx(5 / 6)
    for one in found:
        assert one.together[0] == pytest.approx(5 / 6)
        known = ~np.isnan(one.together)
        worst = np.min([one.accuracy(name) for name in one.right], axis=0)
        assert (one.together[known] <= worst[known] + 1e-6).all()
    last = found[-1]
    for name in last.right:
        assert (np.diff(last.accuracy(name)) <= 0).all(), "a larger ball holds every picture of a smaller one"
        assert last.confidence(name)[0] > last.confidence(name)[-1]


def test_norms_and_attacks_that_a_network_can_have(two, pictures, tiny):
    net, _ = two
    given = {"steps": 2}
    assert set(core.last(core.robust_accuracy(net, pictures, [1] * 6, [0.01], **given)).right) == {
        "fgsm", "pgd", "apgd_ce", "square",
    }  # fmt: skip
    larger = np.random.default_rng(2).random((2, 24, 40, 3), dtype=np.float32)
    own = core.logits_of(tiny, larger).argmax(axis=1)
    assert set(core.last(core.robust_accuracy(tiny, larger, own, [0.1], norm="l2", **given)).right) == {
        "fgsm", "pgd", "apgd_ce", "apgd_dlr",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"epsilons": [0.2, 0.1]}, "Expected epsilons that rise, got 0.2, 0.1"),
        ({"epsilons": []}, "Expected epsilons"),
        ({"epsilons": [0.0]}, "Expected epsilons above 0"),
        ({"attacks": ["patch"]}, "There is no attack in linf 'patch'; there is fgsm"),
        ({"attacks": ["apgd_dlr"]}, "Expected three classes or more for apgd_dlr, got two with 2"),
        ({"attacks": ["square"], "norm": "l2"}, "There is no attack in l2 'square'"),
        ({"attacks": []}, "Expected at least one attack, got none"),
        ({"labels": [0, 1, 2, 0, 1, 0]}, "from 0 to 1"),
        ({"steps": 0}, "Expected steps from 1"),
    ],
    ids=str,
)
def test_impossible_wishes_are_refused_before_any_work(two, pictures, given, sentence):
    asked = {"labels": [1] * 6, "epsilons": EPSILONS, **given}
    with pytest.raises(ValueError, match=sentence):
        core.robust_accuracy(two[0], pictures, asked.pop("labels"), asked.pop("epsilons"), **asked)
