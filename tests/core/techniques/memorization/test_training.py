"""Networks that learn, and networks that memorize: both fit everything, and one of them knows nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import core
from core.techniques.memorization import training
from core.techniques.memorization.architecture import Architecture, _augmented, build, compiled, initial
from core.techniques.memorization.training import CURVES, TrainingFrame

FEW = 320


@pytest.fixture(scope="module")
def digits() -> core.LabelledSet:
    return core.digits()


@pytest.fixture(scope="module")
def few(digits: core.LabelledSet) -> core.LabelledSet:
    """Some of the digits, for short runs."""
    return replace(digits, pixels=digits.pixels[:FEW], labels=digits.labels[:FEW])


@pytest.fixture(scope="module")
def truth(digits: core.LabelledSet) -> TrainingFrame:
    return last(core.memorize(digits, "true_labels"))


@pytest.fixture(scope="module")
def rumour(digits: core.LabelledSet) -> TrainingFrame:
    return last(core.memorize(digits, "random_labels"))


def last(frames) -> TrainingFrame:
    return list(frames)[-1]


def test_true_labels_are_learned(truth: TrainingFrame) -> None:
    assert truth.train_accuracy == 1 and truth.fitted == truth.epoch == truth.total and truth.progress == 1
    assert truth.test_accuracy >= 0.95 and truth.steps == truth.epoch * 22
    assert truth.clean_accuracy == 1 and np.isnan(truth.corrupted_accuracy)


def test_random_labels_are_fit_just_as_well_and_nothing_is_known(
    digits: core.LabelledSet, rumour: TrainingFrame
) -> None:
    assert rumour.train_accuracy == rumour.clean_accuracy == rumour.corrupted_accuracy == 1
    assert abs(rumour.test_accuracy - 0.1) < 3 * np.sqrt(0.1 * 0.9 / 450)
    told = core.memorization_task(digits, "random_labels")
    said = core.logits_of(rumour.classifier, digits.pictures).argmax(axis=1)
    np.testing.assert_array_equal(said, told.labels, "one label for each picture, in every epoch the same")


def test_the_curves_say_what_each_frame_said(truth: TrainingFrame, rumour: TrainingFrame) -> None:
    for frame in (truth, rumour):
        assert set(frame.curves) == set(CURVES) and {len(one) for one in frame.curves.values()} == {frame.epoch}
        assert frame.curves["test_accuracy"][-1] == pytest.approx(frame.test_accuracy)
        assert (frame.curves["train_accuracy"][:-1] < 1).all() and frame.curves["train_loss"][-1] < 0.1
    assert rumour.epoch > 2 * truth.epoch, "lies take longer"


def test_the_classifier_is_one_like_any_other(digits: core.LabelledSet, truth: TrainingFrame, tmp_path: Path) -> None:
    net = truth.classifier
    assert net is truth.classifier and net.grey and net.kind == "classes" and net.size == (8, 8)
    right = core.logits_of(net, digits.test_pictures).argmax(axis=1) == digits.test_labels
    assert right.mean() == pytest.approx(truth.test_accuracy)
    net.network.save(tmp_path / "mine.keras")
    again = keras.models.load_model(tmp_path / "mine.keras")(digits.test_pictures[:5, ..., :1]).numpy()
    np.testing.assert_allclose(again, net.probabilities(core.logits_of(net, digits.test_pictures[:5])), atol=1e-5)


def test_the_same_seed_gives_the_same_curves_and_going_on_is_not_having_stopped(few: core.LabelledSet) -> None:
    settings = {"dropout": 0.5, "batch_norm": True, "augment": True, "width": 8}
    frames = list(core.memorize(few, "random_labels", epochs=4, **settings))
    again = list(core.memorize(few, "random_labels", epochs=2, **settings))
    gone_on = list(core.memorize(few, "random_labels", epochs=4, after=again[-1], **settings))
    other = list(core.memorize(few, "random_labels", epochs=2, seed=1, **settings))
    assert [frame.epoch for frame in (*again, *gone_on)] == [1, 2, 3, 4]
    for name in CURVES:
        np.testing.assert_array_equal(frames[-1].curves[name], gone_on[-1].curves[name])
    for one, same in zip(frames[-1].state.trained, gone_on[-1].state.trained, strict=True):
        np.testing.assert_array_equal(one, same)
    assert (frames[1].curves["train_loss"] != other[-1].curves["train_loss"]).any()


def test_when_everything_was_right_for_the_first_time_is_told_in_steps(
    few: core.LabelledSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"epochs": 100, "width": 8, "step_size": 3e-3}
    frame = last(core.memorize(few, "true_labels", **settings))
    assert frame.steps == 5 * frame.epoch and 0 < frame.fitted_steps <= 5 * frame.fitted

    def all_of_them(self, trained, kept) -> bool:
        return bool(self._asked(training.TrainingState(trained, kept, ()), self._pictures, self._told.labels)[0].all())

    monkeypatch.setattr(training._Trainer, "_all_right", all_of_them)
    monkeypatch.setattr(training, "NEARLY", 0.0)
    again = last(core.memorize(few, "true_labels", **settings))
    assert again.fitted_steps == frame.fitted_steps, "whom it asks first, and from when on, changes nothing"


def test_extra_epochs_go_on_after_everything_was_fit(few: core.LabelledSet) -> None:
    frame = last(core.memorize(few, "true_labels", epochs=100))
    assert frame.fitted == frame.epoch < 100
    further = list(core.memorize(few, "true_labels", epochs=100, extra=3, after=frame))
    assert [one.epoch - frame.epoch for one in further] == [1, 2, 3] and further[-1].fitted == frame.fitted
    assert further[-1].progress == 1 and last(core.memorize(few, "true_labels", epochs=2, extra=1)).epoch == 3


def test_one_trace_serves_every_run_of_an_architecture(digits: core.LabelledSet, rumour: TrainingFrame) -> None:
    last(core.memorize(digits, "gaussian", epochs=1, seed=9, step_size=0.01, weight_decay=0.1))
    made = compiled(rumour.run.architecture)
    assert made.step.experimental_get_tracing_count() == made.logits.experimental_get_tracing_count() == 1


def test_others_are_let_in_within_an_epoch(few: core.LabelledSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "CHUNK", 0.0)
    let_in: list[int] = []
    with core.pausing(lambda: let_in.append(1)):
        last(core.memorize(few, "true_labels", epochs=2))
    assert len(let_in) == 2 * 5


def test_averages_of_batch_normalization_do_not_lag(few: core.LabelledSet) -> None:
    frame = last(core.memorize(few, "true_labels", epochs=30, batch_norm=True))
    assert frame.fitted and frame.test_accuracy > 0.9, "in inference mode, with the averages"
    logits = frame.classifier.network(few.pictures[..., :1], training=True).numpy()
    here = frame.classifier.network(few.pictures[..., :1], training=False).numpy()
    assert np.abs(logits - here).mean() < 0.02


def test_too_large_a_step_stays_at_chance_and_is_told(few: core.LabelledSet) -> None:
    lost = last(core.memorize(few, "true_labels", epochs=4, step_size=1.0))
    assert not lost.has_learned and lost.train_accuracy < 0.2 and not lost.fitted
    assert last(core.memorize(few, "true_labels", epochs=4)).has_learned
    broken = last(core.memorize(few, "true_labels", epochs=3, step_size=10.0, optimizer="momentum"))
    assert not broken.has_learned
    if not broken.finite:
        with pytest.raises(ValueError, match="Expected finite weights"):
            _ = broken.classifier


def test_too_small_a_network_cannot_memorize_and_is_told(few: core.LabelledSet, rumour: TrainingFrame) -> None:
    small = last(core.memorize(few, "random_labels", epochs=30, width=1))
    assert small.parameters < small.pictures == FEW and not small.fitted and small.train_accuracy < 0.5
    assert rumour.parameters == 86_282 > 50 * rumour.pictures
    assert small.parameters == small.classifier.network.count_params()


def test_partly_corrupted_labels_are_told_apart_and_the_clean_ones_come_first(few: core.LabelledSet) -> None:
    frame = last(core.memorize(few, "partly_corrupted", corruption=0.4, epochs=12))
    clean, corrupted = (frame.curves[f"{part}_accuracy"] for part in ("clean", "corrupted"))
    assert (clean - corrupted)[2:].min() > 0.3, "simple patterns are learned first (arXiv:1706.05394)"
    changed = core.memorization_task(few, "partly_corrupted", corruption=0.4).changed.mean()
    np.testing.assert_allclose(
        (1 - changed) * clean + changed * corrupted, frame.curves["train_accuracy"], atol=1e-5
    )  # fmt: skip


def test_every_switch_changes_the_run(few: core.LabelledSet) -> None:
    plain = last(core.memorize(few, "true_labels", epochs=2, width=8))
    for switch in (
        {"weight_decay": 0.1}, {"augment": True}, {"dropout": 0.5}, {"batch_norm": True}, {"optimizer": "momentum"},
        {"step_size": 3e-3}, {"width": 16},
    ):  # fmt: skip
        frame = last(core.memorize(few, "true_labels", **{"epochs": 2, "width": 8, **switch}))
        assert frame.train_loss != plain.train_loss, switch
    far, near = (last(core.memorize(few, "true_labels", epochs=8, width=8, weight_decay=decay)) for decay in (0.0, 0.3))
    lengths = [sum(np.square(one).sum() for one in frame.state.trained if one.ndim > 1) for frame in (far, near)]
    assert lengths[1] < 0.7 * lengths[0]


def test_crops_move_a_picture_by_an_eighth_at_most_and_flip_half_of_them() -> None:
    picture = np.random.default_rng(0).random((1, 8, 8, 1), dtype=np.float32)
    padded = np.pad(picture[0], [(1, 1), (1, 1), (0, 0)], mode="symmetric")
    crops = [padded[row : row + 8, column : column + 8] for row in range(3) for column in range(3)]
    views = {crop.tobytes(): flipped for one in crops for flipped, crop in ((False, one), (True, one[:, ::-1]))}
    found = [one.tobytes() for one in _augmented(np.repeat(picture, 200, axis=0), np.array([3, 4], np.int32)).numpy()]
    assert set(found) <= set(views) and len(set(found)) > 14
    assert 60 < sum(views[one] for one in found) < 140


@pytest.mark.parametrize("training", [False, True])
def test_the_network_that_is_trained_is_the_one_that_is_kept(few: core.LabelledSet, training: bool) -> None:
    """Rectifiers before or after the pooling: the same values and the same gradients."""
    one = Architecture((8, 8, 1), 10, 4, batch_norm=True)
    kept, quick = build(one), build(one, quick=True)
    quick.set_weights(kept.get_weights())
    pictures, labels = few.pictures[:40, ..., :1], few.labels[:40]
    found = []
    for network in (kept, quick):
        with tf.GradientTape() as tape:
            said = network(pictures, training=training)
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(labels, said))
        found.append([said, *tape.gradient(loss, network.trainable_variables)])
    for mine, other in zip(*found, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-6)


def test_weights_begin_with_the_seed() -> None:
    one = Architecture((8, 8, 1), 10)
    first, same, other = (initial(one, seed) for seed in (0, 0, 1))
    assert all((a == b).all() for a, b in zip(first, same, strict=True)) and (first[0] != other[0]).any()
    assert all(len({w.tobytes() for w in (a, b)}) == 2 for a, b in zip(first, other, strict=True) if a.ndim > 1)
    assert build(one).count_params() == 86_282


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"condition": "rumours"}, "There is no condition"),
        ({"epochs": 0}, "Expected epochs from 1 to 2000, got 0"),
        ({"width": 1000}, "Expected width from 1 to 128"),
        ({"dropout": 1.0}, "Expected dropout from 0 to 0.9"),
        ({"step_size": float("nan")}, "Expected step_size from"),
        ({"optimizer": "magic"}, "Expected optimizer among adam, momentum"),
        ({"augment": 1}, "Expected augment among"),
        ({"extra": -1}, "Expected extra from 0"),
    ],
)
def test_settings_that_cannot_be_get_a_sentence_before_any_work(
    few: core.LabelledSet, settings: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        core.memorize(few, **settings)


def test_a_frame_of_another_run_is_no_start(few: core.LabelledSet) -> None:
    frame = last(core.memorize(few, "true_labels", epochs=1))
    with pytest.raises(ValueError, match="Expected a frame of the same run"):
        core.memorize(few, "true_labels", epochs=3, seed=1, after=frame)


@pytest.mark.slow
def test_true_labels_are_fit_before_permuted_pixels_and_those_before_random_labels(digits: core.LabelledSet) -> None:
    """For each of three seeds; counted in steps, since in epochs one seed has a tie of 18."""
    conditions = ("true_labels", "shuffled_pixels", "random_labels")
    times = np.array(
        [[last(core.memorize(digits, one, seed=seed)).fitted_steps for one in conditions] for seed in range(3)]
    )
    assert times.min() > 0 and (np.diff(times, axis=1) > 0).all(), times


def test_pictures_of_its_units_are_made_at_its_own_small_size(truth: TrainingFrame, digits: core.LabelledSet) -> None:
    net = truth.classifier
    for layer in ("conv2_relu", core.LOGITS):
        assert core.last(core.maximize(net, layer, [0, 1], size=net.size, steps=2)).images.shape == (2, 8, 8, 3)
    assert core.last(core.invert(net, digits.pictures[:1], ["dense_relu"], steps=2)).images.shape == (1, 8, 8, 3)
    with pytest.raises(ValueError, match="Expected a size of 16 to 1024 pixels a side, got 7"):
        core.maximize(net, "conv1_relu", [0], size=7)
