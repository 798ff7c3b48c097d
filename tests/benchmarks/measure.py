"""One benchmark: all its sides take turns; medians, ratios, and whether the goals are reached."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.catalogue import SAME_SCORE_SECONDS, SAME_SCORE_UNITS, SAME_SCORE_WORK, Bench, Contender
from tests.benchmarks.sides import Failed, Side

PATIENCE = float(os.environ.get("CONVSCOPE_BENCHMARK_PATIENCE", "240"))
"""Seconds that one run of a side may take."""


@dataclass(frozen=True)
class Running:
    """How to start sides.

    Attributes:
        python: the interpreter of the peers' environment, if there is one.
        quick: one round each.
        patience: how much of the time of ``Bench.seconds`` there is.
    """

    python: Path | None
    quick: bool = False
    patience: float = 1.0

    @contextmanager
    def side(self, contender: Contender, settings: Mapping[str, Any], *, own: bool = False) -> Iterator[Side]:
        """A side, until the block is left. Raises Failed."""
        side = self.start(contender, settings, own=own)
        try:
            yield side
        finally:
            side.close()

    def start(self, contender: Contender, settings: Mapping[str, Any], *, own: bool = False) -> Side:
        """A side; its process ends with ``close``. Raises Failed."""
        if contender.peers and self.python is None:
            raise Failed("not installed (--peers DIR)")
        python = str(self.python) if contender.peers else sys.executable
        return Side(python, contender.where, dict(settings), own=own, seconds=PATIENCE)

    def once(self, contender: Contender, settings: Mapping[str, Any]) -> dict[str, Any]:
        """What one run of our side finds, and with which TensorFlow."""
        with self.side(contender, settings, own=True) as side:
            return side.start | side.run()


def measured(key: str, bench: Bench, running: Running) -> dict[str, Any]:
    """The row of a benchmark."""
    settings = dict(bench.settings) | (dict(bench.quick) if running.quick else {})
    names, sides, failed = list(bench.sides), {}, {}
    times: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    try:
        for name in names:
            try:
                sides[name] = running.start(bench.sides[name], settings, own=name == names[0])
            except Failed as error:
                failed[name] = str(error)
        for _ in rounds(
            (1 if running.quick else bench.rounds) + bench.warm, 1 + bench.warm, bench.seconds * running.patience
        ):
            for name in [name for name in names if name in sides and name not in failed]:
                try:
                    times[name].append(sides[name].run())
                except Failed as error:
                    failed[name] = str(error)
    finally:
        for side in sides.values():
            side.close()
    seconds = {name: _median(runs[bench.warm :]) for name, runs in times.items() if name not in failed}
    row = _row(key, bench.work, seconds, failed, {name: one.goal for name, one in bench.sides.items()})
    row["rounds"] = min((len(times[name]) - bench.warm for name in seconds), default=0)
    ours = seconds.get(names[0])
    if ours and bench.most:
        row |= {"most": bench.most, "within": ours <= bench.most}
    if ours and "gflop" in times[names[0]][-1]:
        row["gflops"] = round(times[names[0]][-1]["gflop"] / ours, 1)
    return row


def rounds(most: int, least: int, seconds: float) -> Iterator[int]:
    """As many rounds as end within the time, if each takes as long as the one before it; ``least`` in any case."""
    since = before = time.monotonic()
    for number in range(most):
        now = time.monotonic()
        if number >= least and now - since + (now - before) > seconds:
            return
        before = now
        yield number


def _median(runs: list[dict[str, Any]]) -> float:
    """Of one piece of work: some sides do it several times in a run, others a part of it (``times``)."""
    return median(run["seconds"] / run.get("runs", 1) * run.get("times", 1) for run in runs)


def _row(
    key: str, work: str, seconds: Mapping[str, float], failed: Mapping[str, str], goals: Mapping[str, float | None]
) -> dict[str, Any]:
    ours, *others = goals
    own = seconds.get(ours)
    beside: dict[str, Any] = {}
    for name in others:
        if own is None or name in failed:
            beside[name] = {"failed": failed.get(name) or f"Convscope: {failed.get(ours, '')}", "goal": goals[name]}
            continue
        ratio, goal = seconds[name] / own, goals[name]
        beside[name] = {"seconds": round(seconds[name], 4), "ratio": round(ratio, 2), "goal": goal}
        beside[name]["reached"] = goal is None or ratio >= goal
    return {"key": key, "work": work, "seconds": None if own is None else round(own, 4), "beside": beside}


def same_score(name: str, own: Contender, peer: Contender, folder: Path, running: Running) -> dict[str, Any]:
    """The row of the time until our units are as strongly excited as a peer's."""
    units, part = SAME_SCORE_UNITS[name]
    settings = {"file": str(folder / "network.keras"), "units": units, "part": part}
    goals, work = {"Convscope": None, name: peer.goal}, SAME_SCORE_WORK.format(units)
    pictures = str(folder / "pictures.npy")
    try:
        with (
            running.side(own, settings, own=True) as ours,
            running.side(peer, settings | {"pictures": pictures}) as other,
        ):
            theirs, mine, needed = [], [], {"steps": 0}
            for _ in rounds(1 if running.quick else 3, 1, SAME_SCORE_SECONDS * running.patience):
                theirs.append(other.run())
                needed = needed if needed["steps"] else ours.run(pictures=pictures)
                mine.append(ours.run(steps=needed["steps"]))
        row = _row(f"score_{name}", work, {"Convscope": _median(mine), name: _median(theirs)}, {}, goals)
        row["rounds"] = len(mine)
        row["beside"][name] |= {"steps": theirs[0]["steps"], "our_steps": needed["steps"], "better": needed["better"]}
    except Failed as error:
        row = _row(f"score_{name}", work, {}, {name: str(error)}, goals)
    return row
