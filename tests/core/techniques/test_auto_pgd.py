"""Auto-PGD: the paper's checkpoints, closed forms on linear networks, and where only DLR has a gradient left."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as L  # noqa: N812

import core
from core.techniques.attacks import auto_pgd as module

SIZE = (8, 10)


def linear(classes=2, scale=1.0, seed=0):
    """A network whose logits are linear in the pixels."""
    image = keras.Input((*SIZE, 3), name="image")
    logits = L.Dense(classes, use_bias=False, name="top")(L.Flatten(name="flat")(image))
    net = keras.Model(image, logits)
    weights = np.random.default_rng(seed).normal(0, scale, (240, classes)).astype(np.float32)
    net.get_layer("top").set_weights([weights])
    return core.classifier(net, name=f"linear {classes}"), weights


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(1).uniform(0.3, 0.7, (3, *SIZE, 3)).astype(np.float32)


def labels_of(net, pictures):
    return core.logits_of(net, pictures).argmax(axis=1)


def test_the_checkpoints_are_those_of_the_paper():
    assert module.checkpoints(100) == [22, 41, 57, 70, 80, 87, 93, 99]
    assert module.checkpoints(1) == [1] and module.checkpoints(5)[-1] <= 5


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_of_two_linear_classes_the_farthest_point_is_found(pictures, norm):
    net, weights = linear(scale=0.2)  # so that the cross-entropy is not yet zero in float32
    own = labels_of(net, pictures)
    away = (weights[:, 1] - weights[:, 0])[None] * np.where(own == 0, 1, -1)[:, None]
    away = away.reshape(pictures.shape)
    unit = np.sign(away) if norm == "linf" else away / np.linalg.norm(away.reshape(3, -1), axis=1).reshape(3, 1, 1, 1)
    epsilon = 0.05 if norm == "linf" else 0.4
    # until one fools, the frame holds the point of highest loss
    found = core.last(core.auto_pgd(net, pictures, own, epsilon=epsilon, norm=norm, steps=12, on_grid=False))
    lengths = core.distance(found.images.numpy(), pictures, norm)
    assert (lengths <= epsilon * (1 + 1e-4)).all()
    best = core.logits_of(net, pictures + epsilon * unit)
    rows = np.arange(3)
    expected = best[rows, 1 - own] - best[rows, own]
    reached = core.logits_of(net, found.images.numpy())
    got = reached[rows, 1 - own] - reached[rows, own]
    np.testing.assert_allclose(found.score.numpy(), got, rtol=1e-3, atol=1e-4)
    still = expected <= 0
    start = core.logits_of(net, pictures)
    gain = expected - (start[rows, 1 - own] - start[rows, own])
    near = 1e-3 if norm == "linf" else 0.05  # the way to a corner is short, that to the one point of a sphere is not
    assert (got[still] >= (expected - near * gain)[still]).all() and (got <= expected + 1e-3 * gain).all()
    assert ((got > 0) == (expected > 0)).all()


def test_dlr_by_hand_and_whatever_the_scale():
    loss = module.DifferenceOfLogitsRatio()
    logits = tf.constant([[5.0, 1.0, 3.0, 2.0], [5.0, 1.0, 3.0, 2.0]])
    target = tf.constant([0, 1])
    expected = [(3 - 5) / (5 - 2), (5 - 1) / (5 - 2)]
    np.testing.assert_allclose(loss({core.LOGITS: logits}, target), expected, rtol=1e-6)
    np.testing.assert_allclose(loss({core.LOGITS: 7 * logits - 3}, target), expected, rtol=1e-6)


def test_where_cross_entropy_has_no_gradient_left_dlr_gets_through(pictures):
    net, _ = linear(4, scale=400.0)
    own = labels_of(net, pictures)
    given = {"epsilon": 0.2, "steps": 10, "on_grid": False}
    blind, seeing = (
        core.last(core.auto_pgd(net, pictures, own, loss=loss, **given)).images.numpy() for loss in ("ce", "dlr")
    )
    assert (
        core.fools(net, seeing, own).all() and core.fools(net, blind, own).sum() <= core.fools(net, seeing, own).sum()
    )
    plain, _ = linear(4)
    assert core.fools(plain, core.last(core.auto_pgd(plain, pictures, own, **given)).images.numpy(), own).all()


def test_a_step_size_is_halved_where_the_loss_does_not_rise_and_it_goes_on_from_the_best(pictures):
    net, _ = linear()
    own = labels_of(net, pictures).astype(np.int32)
    calls = []

    def falling(x, y):
        calls.append(x.numpy())
        loss = np.full(len(x), -float(len(calls)), np.float32)
        return tf.ones_like(x), tf.constant(loss), tf.constant(loss)

    climb = module._Climb(pictures, np.full(3, 0.1), "linf", falling, own, False, 0)
    for step in range(22):
        climb.step(step, 100)
    np.testing.assert_allclose(climb._size.ravel(), 0.1), "twice epsilon, halved"
    np.testing.assert_array_equal(climb._at, calls[0])


def test_it_ends_inside_the_ball_on_the_grid_and_is_the_same_again(tiny, pictures):
    own = labels_of(tiny, pictures)
    frames = [core.last(core.auto_pgd(tiny, pictures, own, epsilon=8 / 255, steps=5, seed=3)) for _ in range(2)]
    found = frames[0].images.numpy()
    assert np.array_equal(found, frames[1].images.numpy()) and (found.min(), found.max()) >= (0, 0) and found.max() <= 1
    assert np.abs(found - pictures).max() <= 8 / 255 + 1e-6
    other = core.last(core.auto_pgd(tiny, pictures, own, epsilon=8 / 255, steps=5, seed=4)).images.numpy()
    assert not np.array_equal(found, other)


def test_a_curve_has_a_row_for_each_step_and_a_column_for_each_picture(monkeypatch):
    net, _ = linear()
    monkeypatch.setattr(module, "CHUNK", -1.0)
    monkeypatch.setattr(module, "batch_size", lambda height, width: 2)
    some = np.random.default_rng(5).uniform(0.3, 0.7, (5, *SIZE, 3)).astype(np.float32)
    frames = list(core.auto_pgd(net, some, labels_of(net, some), epsilon=0.02, steps=4, on_grid=False))
    assert len(frames) == 3 * 4, "one for each step of each batch"
    for frame in frames:
        assert frame.total == 4 and frame.curve.shape == (frame.step, 5) and frame.score.shape == (5,)
    assert [one.step for one in frames] == [(done + 1) // 3 for done in range(12)]
    first, last = (np.asarray(frames[at].curve) for at in (6, -1))
    assert np.isfinite(first[:, :4]).all() and np.isnan(first[:, 4:]).all() and np.isfinite(last).all()
    np.testing.assert_array_equal(last[:2, :4], first[:, :4])
    np.testing.assert_array_equal(last[-1], frames[-1].score)


def by_rows(change):
    """Two classes linear in the pixels and in what becomes of the first row."""
    image = keras.Input((*SIZE, 3), name="image")
    both = L.Concatenate(name="both")(change(image))
    return core.classifier(keras.Model(image, L.Dense(2, name="top")(both)), name="by rows")


def test_a_network_without_a_gradient_to_the_picture_gets_one_sentence(pictures):
    net = by_rows(lambda x: [L.Flatten(name=f"flat_{n}")(keras.ops.round(x * n)) for n in (4, 8)])
    with pytest.raises(ValueError, match="Expected layers through which a gradient reaches the picture, got"):
        core.last(core.auto_pgd(net, pictures, [0, 0, 0], steps=2))


def test_where_the_gradient_is_not_finite_nothing_is_changed_by_it(pictures):
    def change(x):
        top = x[:, :1]  # the slope of a root at 0, times 0
        return [L.Flatten(name="flat")(x), L.Flatten(name="row")(keras.ops.sqrt(top * keras.ops.relu(top - 2)))]

    net = by_rows(change)
    found = core.last(core.auto_pgd(net, pictures, [0, 0, 0], epsilon=0.1, steps=4, on_grid=False)).images.numpy()
    assert np.isfinite(found).all()
    np.testing.assert_allclose(np.abs(found - pictures)[:, 1:], 0.1, atol=1e-4), "the others reach a corner"


def test_toward_a_target(tiny, pictures):
    goal = (labels_of(tiny, pictures) + 1) % 5
    found = core.last(core.auto_pgd(tiny, pictures, goal, epsilon=0.3, steps=20, targeted=True)).images.numpy()
    before, after = (core.logits_of(tiny, one)[np.arange(3), goal] for one in (pictures, found))
    assert (after > before).all() and core.fools(tiny, found, goal, targeted=True).any()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"norm": "l1"}, "There is no norm of Auto-PGD 'l1'; there is linf, l2"),
        ({"loss": "mse"}, "There is no loss 'mse'; there is ce, dlr"),
        ({"loss": "dlr"}, "Expected a network with classes to choose between"),
        ({"steps": 0}, "Expected steps from 1"),
        ({"epsilon": 0}, "Expected epsilon above 0"),
    ],
    ids=str,
)
def test_impossible_wishes_are_refused(pictures, given, sentence):
    net, _ = linear()
    with pytest.raises(ValueError, match=sentence):
        core.auto_pgd(net, pictures, [0, 0, 0], **given)


def test_dlr_takes_no_target(tiny, pictures):
    with pytest.raises(ValueError, match="Expected no target for the DLR loss"):
        core.auto_pgd(tiny, pictures, [0, 0, 0], loss="dlr", targeted=True)
