"""What is looked at after training: intervals, components, retrained layers, the paper's figure 1."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import core
from core.techniques.memorization.architecture import compiled
from core.techniques.memorization.training import TrainingState, epochs_of


def test_two_accuracies_that_only_seem_different() -> None:
    low, high = core.accuracy_interval(0.093, 450)
    other = core.accuracy_interval(0.11, 450)
    assert low < 0.093 < high and other[0] < high, "9.3 % and 11 % on 450 pictures are the same"
    assert (low, high) == pytest.approx((0.0696, 0.1234), abs=1e-3)
    assert core.chance_interval(10, 450) == pytest.approx((0.1 - 0.0277, 0.1 + 0.0277), abs=1e-4)
    assert core.accuracy_interval(1.0, 450)[0] > 0.98 and core.accuracy_interval(0.0, 3) == pytest.approx(
        (0, 0.561), abs=1e-3
    )


def test_the_interval_holds_the_truth_95_times_of_100() -> None:
    rng = np.random.default_rng(0)
    for truth in (0.1, 0.5, 0.97):
        found = rng.binomial(450, truth, 1000) / 450
        inside = [low <= truth <= high for low, high in (core.accuracy_interval(float(one), 450) for one in found)]
        assert 0.93 < np.mean(inside) < 0.98


@pytest.mark.parametrize("accuracy", [-0.1, 1.1, float("nan"), "1"])
def test_what_is_no_accuracy_gets_a_sentence(accuracy: object) -> None:
    with pytest.raises(ValueError, match="Expected accuracy from 0 to 1"):
        core.accuracy_interval(accuracy, 450)


def test_components_are_orthonormal_and_the_first_is_the_way_in_which_patches_differ() -> None:
    rng = np.random.default_rng(0)
    stripes = np.sin(np.arange(12) * np.pi / 2)[None, :, None, None] * np.ones((1, 1, 12, 1))
    pictures = rng.normal(size=(50, 1, 1, 1)) * stripes + 0.01 * rng.normal(size=(50, 12, 12, 1))
    found = core.patch_components(pictures, side=4, count=6)
    flat = found.reshape(6, -1)
    np.testing.assert_allclose(flat @ flat.T, np.eye(6), atol=1e-5)
    assert np.ptp(found[0], axis=1).max() < 0.02, "the strongest is constant along the stripes"
    assert core.patch_components(pictures, side=2, count=32).shape == (4, 2, 2, 1)
    with pytest.raises(ValueError, match="Expected side from 1 to 12"):
        core.patch_components(pictures, side=13)


@pytest.fixture(scope="module")
def few() -> core.LabelledSet:
    digits = core.digits()
    return replace(digits, pixels=digits.pixels[:320], labels=digits.labels[:320])


def test_layers_that_are_kept_stay_and_the_others_learn(few: core.LabelledSet) -> None:
    *_, frame = core.memorize(few, "random_labels", epochs=40)
    made = compiled(frame.run.architecture)
    told = core.memorization_task(few, "true_labels")
    free = tuple(float(layer not in ("conv1", "conv2")) for layer in made.layers)
    state = TrainingState(frame.state.trained, made.kept, made.memory)
    *_, after = epochs_of(replace(frame.run, free=free, epochs=2, weight_decay=0.1), told, title="", start=state)
    for layer, was, now in zip(made.layers, frame.state.trained, after.state.trained, strict=True):
        assert (was == now).all() == (layer in ("conv1", "conv2")), layer
    found = [one for one in core.retrain(frame, few, epochs=8) if one.done]
    assert [one.keep for one in found] == list(core.KEEPABLE) and found[-1].progress == 1
    assert found[0].test_accuracy > 0.6 > found[-1].test_accuracy, "its logits alone cannot undo what it memorized"
    with pytest.raises(ValueError, match="There is no layer to keep 'conv9'"):
        core.retrain(frame, few, keep=("conv9",))
    with pytest.raises(ValueError, match="Expected the data that this network was trained on"):
        core.retrain(frame, core.labelled_tiles())


def test_a_sweep_fills_its_points_as_runs_end(few: core.LabelledSet) -> None:
    found = list(core.corruption_sweep(few, corruptions=(0.0, 0.5), epochs=30))
    counts = [len(one.points) for one in found]
    assert counts == sorted(counts) and counts[-1] == 2 and found[-1].progress == 1
    assert all(a.progress <= b.progress + 0.5 for a, b in pairwise(found))
    clean, half = found[-1].points
    assert clean.epochs > 0 and clean.test_error < 0.2 < half.test_error
    assert clean.interval[0] < clean.test_error < clean.interval[1]
    with pytest.raises(ValueError, match="Expected corruption from 0 to 1"):
        core.corruption_sweep(few, corruptions=(0.0, 2.0))
