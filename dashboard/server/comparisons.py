"""What two networks that were trained here are compared by: confusion, maps, distances to other answers, retraining."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import core
from dashboard.server import jobs, networks
from dashboard.server.cache import cached, cached_saying
from dashboard.server.slot import ASIDE, SLOT

UNITS = 12
DRAWN_STEPS = 96
ATTACKED = 20
MAPPED = 450
EPOCHS = 15

Floats = npt.NDArray[np.float32]


@cached
def confusion(name: str, *, _task: core.MemorizationTask, key: str) -> Floats:
    """(classes, classes) counts of test pictures: a row for what they are, a column for what the network says."""
    said = _answers(name, _task.shown_test)
    counts = np.zeros((len(_task.names),) * 2, np.float32)
    np.add.at(counts, (_task.test_labels, said), 1)
    return counts


def _answers(name: str, pictures: Floats) -> npt.NDArray[np.intp]:
    with SLOT.turn(short=True):
        return core.logits_of(networks.network(name), pictures).argmax(axis=1)


@cached_saying("Placing pictures that are alike side by side…")
def positions(name: str, layer: str, *, seed: int, _task: core.MemorizationTask, key: str) -> Floats:
    """t-SNE (N, 2) of the test pictures by the codes of a layer."""
    with SLOT.turn():
        found = core.codes(networks.network(name), _task.shown_test[:MAPPED], layer)
    with ASIDE.turn():
        return core.embed(found, "tsne", seed=seed)


@cached
def filters(name: str, layer: str) -> Floats:
    """The kernels (out, h, w, channels) of a layer."""
    return networks.network(name).weights(layer)[0].transpose(3, 0, 1, 2)


@dataclass(frozen=True)
class Distances:
    """How far (L2, pictures in [0, 1]) each picture must be changed, NaN where nothing was found; before and after."""

    values: Floats
    before: Floats
    after: Floats
    step: int
    total: int

    @property
    def progress(self) -> float:
        """The part that is done, 0 to 1."""
        return self.step / self.total


def distances(name: str, task: core.MemorizationTask, key: str) -> Distances | None:
    """DeepFool's distance of 20 pictures to train on, from what is said of them now; with progress and stop."""
    pictures = task.shown[core.evenly(len(task.labels), ATTACKED)].astype(np.float32)

    def frames() -> Iterator[Distances]:
        net = networks.network(name)
        labels = core.logits_of(net, pictures).argmax(axis=1)
        for frame in core.deepfool(net, pictures, labels, on_grid=False, candidates=len(net.labels)):
            now = np.asarray(frame.images)
            found = core.distance(now, pictures, "l2")
            fooled = core.fools(net, now, labels)
            yield Distances(np.where(fooled, found, np.nan).astype(np.float32), pictures, now, frame.step, frame.total)

    result: Distances | None = jobs.follow(
        ("distances", name, key), frames, say=lambda one: f"{np.isfinite(one.values).sum()} of {ATTACKED} pictures"
    )
    return result


@dataclass(frozen=True)
class Retraining:
    """What ``core.retrain`` has reached: {last layer kept: the newest result}."""

    found: Mapping[str, core.Retrained]
    progress: float


def retrained(name: str, frame: core.TrainingFrame, data: core.LabelledSet, seed: int) -> Retraining | None:
    """How right a network becomes whose upper layers are trained anew on true labels; with progress and stop."""

    def results() -> Iterator[Retraining]:
        found: dict[str, core.Retrained] = {}
        for one in core.retrain(frame, data, epochs=EPOCHS, seed=seed):
            found = {**found, one.keep: one}
            yield Retraining(found, one.progress)

    result: Retraining | None = jobs.follow(
        ("retrained", name, seed), results, say=lambda one: f"{len(one.found)} of {len(core.KEEPABLE)} depths"
    )
    return result


def drawn(name: str, layer: str, units: tuple[int, ...]) -> core.Frame | None:
    """The pictures that units respond to most, with progress and stop."""
    net = networks.network(name)
    result: core.Frame | None = jobs.follow(
        ("drawn", name, layer, units),
        lambda: core.maximize(net, layer, units, size=net.size, steps=DRAWN_STEPS),
        say=lambda one: f"Step {one.step} of {one.total}",
    )
    return result


def sweep(
    data_name: str,
    data: core.LabelledSet,
    seed: int,
    settings: Mapping[str, Any],
    *,
    show: Callable[[Any, core.CorruptionSweep], object] | None = None,
) -> core.CorruptionSweep | None:
    """The paper's figure 1 on these data, with ``settings`` of ``core.memorize``; with progress and Stop.

    ``show`` draws what has been found so far into a place of the page.
    """
    result: core.CorruptionSweep | None = jobs.follow(
        _sweep_key(data_name, seed, settings),
        lambda: core.corruption_sweep(data, seeds=(seed,), **settings),
        say=lambda one: f"{len(one.points)} of {one.total} points; {one.corruption:.0%} drawn anew, epoch {one.epoch}",
        show=show,
    )
    return result


def go_on_with_sweep(data_name: str, seed: int, settings: Mapping[str, Any]) -> None:
    """Take it up again where this session has stopped it."""
    if job := jobs.find(_sweep_key(data_name, seed, settings)):
        job.go_on()


def _sweep_key(data_name: str, seed: int, settings: Mapping[str, Any]) -> tuple[Any, ...]:
    return ("sweep", data_name, seed, *settings.items())
