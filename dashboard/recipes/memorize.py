"""Two networks, trained in turn under two conditions until each has fit what it was told, as a recipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import core
from dashboard.recipes.base import SEED, Runs
from dashboard.server import sets, trained
from dashboard.server.labelled import labelled, labelled_names, labelled_title

MORE = 20
OPTIONS = tuple(setting.name for setting in core.MEMORIZATION_SETTINGS)
CALLS = {"digits": "core.digits()", "tiles": "core.labelled_tiles()", "cifar10": "core.labelled_cifar10()"}
OWN_FOLDER = 'core.by_folder(core.last(core.gather("my_folder", size=(16, 16))))'
SCRIPT = """\
import numpy as np

import core

data = {data}
for condition in {conditions}:
    frame = core.last(core.memorize(data, condition{options}))
    low, high = core.accuracy_interval(frame.test_accuracy, frame.test_pictures)
    print(condition, frame.epoch, frame.train_accuracy, frame.test_accuracy, (low, high), "chance", frame.chance)
    frame.classifier.network.save(f"{{condition}}.keras")
    np.savez(f"{{condition}}.npz", **frame.curves)
"""


@dataclass(frozen=True)
class Pair:
    """What both runs have reached; a network that has not begun yet is not there."""

    frames: Mapping[str, core.TrainingFrame]
    done: frozenset[str] = frozenset()

    @property
    def step(self) -> int:
        """The epochs of both together."""
        return sum(frame.epoch for frame in self.frames.values())

    @property
    def total(self) -> int:
        """The epochs that there will be at most."""
        return sum(frame.total for frame in self.frames.values())

    @property
    def progress(self) -> float:
        """The part of the work that is done, 0 to 1: a guess, since nobody knows when everything will be fit."""
        return sum(self._part(key) for key in ("a", "b")) / 2

    def _part(self, key: str) -> float:
        if key in self.done or key not in self.frames:
            return float(key in self.done)
        frame = self.frames[key]
        return max(frame.progress, 0.0 if frame.fitted else 0.95 * frame.train_accuracy**2)


@dataclass(frozen=True)
class Memorize(Runs):
    """``first`` and ``second`` are conditions; ``extra`` epochs follow after everything has been fit."""

    technique: ClassVar[str] = "memorize"

    network: str = ""
    data: str = "digits"
    first: str = "true_labels"
    second: str = "random_labels"
    corruption: float = 0.5
    width: int = 32
    weight_decay: float = 0.0
    augment: bool = False
    dropout: float = 0.0
    batch_norm: bool = False
    optimizer: str = "adam"
    step_size: float = 1e-3
    epochs: int = 200
    extra: int = 0
    seed: int = 0

    @classmethod
    def _settings(cls) -> tuple[core.Setting, ...]:
        return (
            core.Setting("data", "Pictures", "digits", tuple(labelled_names())),
            core.Setting("first", "One network is told", "true_labels", tuple(core.CONDITIONS)),
            core.Setting("second", "The other one is told", "random_labels", tuple(core.CONDITIONS)),
            core.Setting("corruption", "Partly corrupted: how many labels", 0.5, (0.1, 0.25, 0.5, 0.75, 0.9), 0.0, 1.0),
            *core.MEMORIZATION_SETTINGS,
            core.Setting("extra", "Epochs after that", 0, least=0, most=2000),
            SEED,
        )

    @property
    def conditions(self) -> dict[str, str]:
        """{"a": condition, "b": condition}."""
        return {"a": self.first, "b": self.second}

    def options(self, key: str) -> dict[str, Any]:
        """What ``core.memorize`` is given for one of the two, beside data and condition."""
        chosen = {name: getattr(self, name) for name in (*OPTIONS, "extra", "seed")}
        corruptible = core.CONDITIONS[self.conditions[key]].corruptible
        return chosen | ({"corruption": self.corruption} if corruptible else {})

    def task(self, key: str) -> core.MemorizationTask:
        """What one of the two is told. Raises ValueError."""
        corruption = self.options(key).get("corruption")
        return core.memorization_task(labelled(self.data), self.conditions[key], corruption=corruption, seed=self.seed)

    def run(self, after: Any = None) -> Iterator[Any]:
        """Both networks in turn, an epoch each, until both have ended. Raises ValueError before any heavy work."""
        self.check()
        data, before = labelled(self.data), dict(after.frames) if after else {}
        runs = {
            key: core.memorize(data, condition, after=before.get(key), **self.options(key))
            for key, condition in self.conditions.items()
        }

        def in_turn() -> Iterator[Pair]:
            frames, done = before, frozenset[str]()
            while len(done) < len(runs):
                for key, run in runs.items():
                    frame = next(run, None) if key not in done else None
                    if frame is None:
                        done |= {key}
                        continue
                    frames = {**frames, key: frame}
                    done |= {key} if frame.progress == 1 else set()
                    yield Pair(frames, done)

        return in_turn()

    def longer(self) -> Self:
        """Some more epochs of both."""
        return replace(self, extra=self.extra + MORE)

    def title(self, key: str) -> str:
        """What to call one of the two networks."""
        condition = core.CONDITIONS[self.conditions[key]]
        part = f", {self.corruption:.0%}" if condition.corruptible else ""
        return f"{labelled_title(self.data)}: {condition.title.lower()}{part}"

    def keep(self, key: str, frame: core.TrainingFrame) -> str:
        """Keep one of the two networks for this session, where its weights are finite; its name, or nothing."""
        if not frame.finite:
            return ""
        told = f", at epoch {frame.epoch}" if frame.progress < 1 or self.extra else ""  # others of it may be there, too
        return trained.put(f"{self.settings()} {key}", frame, self.title(key) + told, self.expression(key, frame))

    def expression(self, key: str, frame: core.TrainingFrame) -> str:
        """Code that gives one of the two networks as it was in a frame."""
        ended = frame.epoch == frame.total
        options = self._code(key) if ended else self._code(key, epochs=frame.epoch, extra=0)
        return f"core.last(core.memorize({self._data()}, {self.conditions[key]!r}{options})).classifier"

    def _data(self) -> str:
        return OWN_FOLDER if sets.own_set(self.data) else CALLS[self.data]

    def _code(self, key: str, **other: Any) -> str:
        """The options of one of the two that are not as usual, as code."""
        usual = {setting.name: setting.default for setting in type(self)._settings()}
        chosen = {**self.options(key), **other}
        told = {name: value for name, value in chosen.items() if value != usual[name] or name == "corruption"}
        return "".join(f", {name}={value!r}" for name, value in told.items())

    def script(self) -> str:
        """A Python script that makes the same."""
        both = {key: self._code(key) for key in self.conditions}
        options = both["a"]
        if both["a"] != both["b"]:  # one of them has a corruption
            plain = self._code("a" if "corruption" not in both["a"] else "b")
            options = plain + f", corruption={self.corruption!r} if core.CONDITIONS[condition].corruptible else None"
        return SCRIPT.format(data=self._data(), conditions=tuple(self.conditions.values()), options=options)
