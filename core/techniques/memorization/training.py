"""``memorize``: a network is trained until it has fit what it is told, be it true or not; a frame for each epoch.

The experiment of Zhang et al., "Understanding deep learning requires rethinking generalization" (arXiv:1611.03530), on
a network and data small enough to watch. All that a run draws depends on its seed and the epoch only: the same seed
gives the same curves, and a run that goes on is the run that was never stopped.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core import checks
from core.networks.classifiers import Classifier, classifier
from core.pauses import pause
from core.pictures.labelled import LabelledSet
from core.settings import Setting
from core.techniques.memorization.architecture import (
    OPTIMIZERS,
    Architecture,
    Functions,
    build,
    compiled,
    filled,
    initial,
)
from core.techniques.memorization.conditions import CONDITIONS, MemorizationTask, memorization_task
from core.techniques.memorization.intervals import chance_interval
from core.types import Floats

__all__ = ["MEMORIZATION_SETTINGS", "TrainingFrame", "TrainingState", "memorize"]

BATCH, AT_ONCE, CHUNK = 64, 512, 0.1
NEARLY = 0.95
"""From which accuracy on it is looked after every step whether everything is right."""
EPOCHS, MOST_EPOCHS = 200, 2000
CURVES = ("train_accuracy", "test_accuracy", "train_loss", "test_loss", "clean_accuracy", "corrupted_accuracy")

MEMORIZATION_SETTINGS = (
    Setting("width", "Width", 32, (4, 8, 16, 32, 64), 1, 128,
            help="Channels of the first convolution; the second has twice, the dense layer four times as many."),
    Setting("weight_decay", "Weight decay", 0.0, (0.0, 1e-4, 5e-4, 1e-3, 1e-2), 0.0, 1.0,
            help="How much the squared length of the kernels adds to the loss."),
    Setting("augment", "Random crops and flips", False,
            help="Every picture is moved by up to an eighth of its side and flipped at random, in training only."),
    Setting("dropout", "Dropout", 0.0, (0.0, 0.25, 0.5), 0.0, 0.9,
            help="The probability with which a unit of the dense layer is left out in training."),
    Setting("batch_norm", "Batch normalization", False, help="After both convolutions and the dense layer."),
    Setting("optimizer", "Optimizer", "adam", tuple(OPTIMIZERS)),
    Setting("step_size", "Step size", 1e-3, (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 1e-1), 1e-6, 10.0,
            help="Too large a one never leaves chance; with momentum, 0.01 is usual."),
    Setting("epochs", "Epochs, at most", EPOCHS, (10, 50, 100, 200, 400), 1, MOST_EPOCHS,
            help="Training ends earlier where everything has been fit."),
)  # fmt: skip
"""What can be set of a run, beside its condition and seed."""


@dataclass(frozen=True)
class TrainingState:
    """All that ``memorize`` needs to go on: weights, averages, and what the optimizer remembers."""

    trained: tuple[Floats, ...]
    kept: tuple[Any, ...]
    memory: tuple[Any, ...]


@dataclass(frozen=True)
class Run:
    """Everything that decides what a run computes, beside its data."""

    architecture: Architecture
    condition: str
    corruption: float
    seed: int
    step_size: float
    weight_decay: float
    epochs: int
    extra: int
    mean: float = 0.0
    deviation: float = 1.0
    free: tuple[float, ...] = ()


@dataclass(frozen=True)
class TrainingFrame:
    """A network at the end of an epoch. All accuracies are of the whole set, 0 to 1, in inference mode.

    Attributes:
        epoch: how often it has seen every picture; ``steps`` is how often its weights were changed.
        total: the epochs that there will be at most; of the last frame, as many as there were.
        train_accuracy: how often it says what it was told; ``train_loss`` is the mean cross-entropy.
        test_accuracy, test_loss: the same on the test pictures, whose labels are always the true ones.
        clean_accuracy: the accuracy on those pictures whose label is the true one, NaN where there are none.
        corrupted_accuracy: ... on those that have another one: how much of the lie it has learned; NaN likewise.
        fitted: after which epoch everything that it was told was right, 0 where that has not happened yet.
        fitted_steps: after how many steps that was so for the first time, at the end of an epoch or within one.
        curves: {name of one of the six: (epoch,) values of every epoch}.
        parameters: how many numbers are trained; ``pictures`` and ``test_pictures``: how many there are of them.
        names: of the classes.
        state: give it to ``memorize`` to go on from here.
    """

    epoch: int
    total: int
    steps: int
    train_accuracy: float
    test_accuracy: float
    train_loss: float
    test_loss: float
    clean_accuracy: float
    corrupted_accuracy: float
    fitted: int
    fitted_steps: int
    curves: Mapping[str, Floats]
    parameters: int
    pictures: int
    test_pictures: int
    names: tuple[str, ...]
    title: str
    run: Run
    state: TrainingState = field(repr=False)

    @property
    def step(self) -> int:
        """The epoch, as other frames call it."""
        return self.epoch

    @property
    def progress(self) -> float:
        """The part of the work that is done, 0 to 1."""
        return min(1.0, self.epoch / self.total)

    @property
    def chance(self) -> tuple[float, float]:
        """Between which test accuracies somebody who guesses stays 95 times of 100."""
        return chance_interval(len(self.names), self.test_pictures)

    @property
    def has_learned(self) -> bool:
        """Whether it says what it was told more often than one who guesses (95 %, and twice the room)."""
        low, high = chance_interval(len(self.names), self.pictures)
        return bool(np.isfinite(self.train_loss)) and self.train_accuracy > high + (high - low) / 2

    @property
    def finite(self) -> bool:
        """Whether its weights are numbers: too large a step makes them infinite."""
        return all(bool(np.isfinite(one).all()) for one in self.state.trained)

    @cached_property
    def classifier(self) -> Classifier:
        """The network as a ``Classifier`` like any other, made when it is first asked for.

        Raises ValueError where its weights are not finite.
        """
        if not self.finite:
            raise ValueError("Expected finite weights, got others: the step size was too large")
        run, title = self.run, f"{self.title}, {CONDITIONS[self.run.condition].title.lower()}"
        network = build(run.architecture, mean=run.mean, deviation=run.deviation)
        facts = {"title": title, "normalization": "unit", "condition": run.condition, "epochs": self.epoch,
                 "data": f"{self.title}: {self.pictures} pictures, {len(self.names)} classes.",
                 "origin": "Trained here, in this session."}  # fmt: skip
        return classifier(
            filled(network, self.state.trained, self.state.kept), name=f"memorized_{run.condition}", labels=self.names,
            card=facts, kind="classes",
        )  # fmt: skip


def memorize(
    data: LabelledSet,
    condition: str = "random_labels",
    *,
    corruption: float | None = None,
    seed: int = 0,
    epochs: int = EPOCHS,
    extra: int = 0,
    width: int = 32,
    weight_decay: float = 0.0,
    augment: bool = False,
    dropout: float = 0.0,
    batch_norm: bool = False,
    optimizer: str = "adam",
    step_size: float = 1e-3,
    after: TrainingFrame | None = None,
) -> Iterator[TrainingFrame]:
    """Train a small network until it says of every picture what it was told (arXiv:1611.03530).

    Args:
        data: pictures and labels (``digits()``, ``labelled_tiles()``, ``by_folder(...)``); they are not changed.
        condition: of ``CONDITIONS``: what the network is told.
        corruption: the probability with which a label is drawn anew, for ``"partly_corrupted"``.
        seed: of labels, weights and order; the same seed gives the same curves.
        epochs: 1 to 2,000 at most; the run ends earlier where every label has been fit.
        extra: 0 to 2,000 more epochs after that.
        width: 1 to 128 channels of the first convolution. A network with far fewer parameters than pictures cannot
            memorize them: ``frame.parameters`` and ``frame.pictures`` tell.
        weight_decay: 0 to 1, how much half the squared length of the kernels adds to the loss.
        augment: whether pictures are cropped at random and flipped in training.
        dropout: 0 to 0.9, of the dense layer.
        batch_norm: whether batch normalization follows the convolutions and the dense layer.
        optimizer: of ``OPTIMIZERS``.
        step_size: of the optimizer. Too large a one stays at chance (``frame.has_learned``).
        after: a frame of the same run with fewer epochs, to go on from there.

    Yields:
        A frame after each epoch; the ``classifier`` of the last one is a ``Classifier`` like any other.

    Raises:
        ValueError: a setting outside its bounds, or no such condition or optimizer; before any heavy work.
    """
    settings = {"width": width, "weight_decay": weight_decay, "augment": augment, "dropout": dropout,
                "batch_norm": batch_norm, "optimizer": optimizer, "step_size": step_size, "epochs": epochs}  # fmt: skip
    for setting in MEMORIZATION_SETTINGS:
        setting.check(settings[setting.name])
    checks.whole("extra", extra, 0, MOST_EPOCHS)
    told = memorization_task(data, condition, corruption=corruption, seed=seed)
    part = CONDITIONS[condition].corruption if corruption is None else corruption
    made = Architecture((*data.size, told.pictures.shape[-1]), len(data.names), width, batch_norm, dropout, augment,
                        optimizer)  # fmt: skip
    if min(data.size) < 4:
        raise ValueError(f"Expected pictures of at least 4 x 4 pixels, got {data.size[0]} x {data.size[1]}")
    mean, deviation = float(told.pictures.mean()), float(told.pictures.std()) or 1.0
    run = Run(made, condition, float(part), seed, step_size, weight_decay, epochs, extra, mean, deviation)
    if after is not None and replace(after.run, epochs=epochs, extra=extra) != run:
        raise ValueError("Expected a frame of the same run to go on from, got one of another")
    return epochs_of(run, told, title=data.title, after=after)


def epochs_of(
    run: Run,
    told: MemorizationTask,
    *,
    title: str,
    start: TrainingState | None = None,
    after: TrainingFrame | None = None,
    to_the_end: bool = False,
) -> Iterator[TrainingFrame]:
    """The frames of a run, from ``start`` (weights at random where None), or from where a frame of it ended.

    ``to_the_end``: all its epochs, also where everything has been fit before.
    """
    made = compiled(run.architecture)
    trainer = _Trainer(run, told, made)
    state = (
        after.state if after else start or TrainingState(initial(run.architecture, run.seed), made.kept, made.memory)
    )
    curves = {name: list(after.curves[name]) if after else [] for name in CURVES}
    fitted, moment, epoch = (after.fitted, after.fitted_steps, after.epoch) if after else (0, 0, 0)
    while epoch < _end(run, 0 if to_the_end else fitted):
        nearly = not moment and epoch > 0 and curves["train_accuracy"][-1] >= NEARLY
        state, found_at = trainer.epoch(state, epoch, watch=nearly)
        epoch += 1
        moment = moment or found_at
        found = trainer.look(state)
        for name in CURVES:
            curves[name].append(found[name])
        fitted = fitted or (epoch if found["train_accuracy"] == 1 else 0)
        moment = moment or (fitted * trainer.steps)
        yield TrainingFrame(
            epoch=epoch, total=_end(run, 0 if to_the_end else fitted), steps=epoch * trainer.steps, fitted=fitted,
            fitted_steps=moment, curves={name: np.array(values, np.float32) for name, values in curves.items()},
            title=title, parameters=made.parameters, pictures=len(told.pictures), test_pictures=len(told.test_pictures),
            names=told.names, run=run, state=state, **found,
        )  # fmt: skip


def _end(run: Run, fitted: int) -> int:
    """After which epoch a run ends: ``extra`` epochs after everything was fit, or after its epochs."""
    return min(fitted or run.epochs, run.epochs) + run.extra


class _Trainer:
    """Runs the epochs of one task, and looks how right the network is."""

    def __init__(self, run: Run, told: MemorizationTask, made: Functions) -> None:
        self._run, self._told, self._made = run, told, made
        self._pictures, self._test = ((one - run.mean) / run.deviation for one in (told.pictures, told.test_pictures))
        self.steps = -(-len(told.pictures) // BATCH)
        self._doubtful = np.zeros(0, np.intp)

    def epoch(self, state: TrainingState, number: int, *, watch: bool) -> tuple[TrainingState, int]:
        """Every picture once, in an order that the seed and the epoch decide; others are let in about every 0.1 s.

        Where ``watch``, it also tells after how many steps everything was right, 0 where that was never so.
        """
        run, values = self._run, (state.trained, state.kept, state.memory)
        order = np.random.default_rng((run.seed, 3, number)).permutation(len(self._pictures))
        free = np.array(run.free or (1.0,) * len(state.trained), np.float32)
        since, moment = time.monotonic(), 0
        for index in range(self.steps):
            which = order[index * BATCH : (index + 1) * BATCH]
            step = np.int32(number * self.steps + index)
            told = (np.float32(run.step_size), np.float32(run.weight_decay), step, np.int32(run.seed), free)
            values = self._made.step(*values, self._pictures[which], self._told.labels[which], told)
            if watch and not moment and self._all_right(*values[:2]):
                moment = int(step) + 1
            if time.monotonic() - since > CHUNK:
                pause()
                since = time.monotonic()
        trained, kept, memory = tf.nest.map_structure(np.asarray, values)
        return TrainingState(trained, kept, memory), moment

    def _all_right(self, trained: tuple[Any, ...], kept: tuple[Any, ...]) -> bool:
        """Whether everything is right; what was wrong when last looked at is asked first, and mostly tells."""
        labels = self._told.labels
        for which in (self._doubtful, np.arange(len(labels))):
            said = [
                self._made.logits(trained, kept, self._pictures[which[cut : cut + AT_ONCE]]).numpy().argmax(axis=1)
                for cut in range(0, len(which), AT_ONCE)
            ]
            wrong = which[np.concatenate(said) != labels[which]] if said else which
            if len(wrong):
                self._doubtful = wrong[:BATCH]
                return False
        return True

    def look(self, state: TrainingState) -> dict[str, float]:
        """Accuracies and losses on the whole set, in inference mode."""
        right, loss = self._asked(state, self._pictures, self._told.labels)
        test_right, test_loss = self._asked(state, self._test, self._told.test_labels)
        parts = [right[those].mean() if those.any() else np.nan for those in (~self._told.changed, self._told.changed)]
        found = (right.mean(), test_right.mean(), loss, test_loss, *parts)
        return {name: float(value) for name, value in zip(CURVES, found, strict=True)}

    def _asked(
        self, state: TrainingState, pictures: Floats, labels: npt.NDArray[np.int32]
    ) -> tuple[npt.NDArray[np.bool_], float]:
        cuts = range(0, len(pictures), AT_ONCE)
        parts = [self._made.logits(state.trained, state.kept, pictures[cut : cut + AT_ONCE]).numpy() for cut in cuts]
        logits = np.concatenate(parts).astype(np.float64)
        high = logits.max(axis=1)
        total = high + np.log(np.exp(logits - high[:, None]).sum(axis=1))
        return logits.argmax(axis=1) == labels, float((total - logits[np.arange(len(labels)), labels]).mean())
