"""One benchmark: all its sides take turns; medians, ratios, and whether the goals are reached."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.catalogue import SAME_SCORE_WORK, Bench, Contender
from tests.benchmarks.sides import Failed, Side

PATIENCE = 300.0
"""Seconds that one run of a side may take."""


@dataclass(frozen=True)
class Running:
    """How to start sides.

    Attributes:
        python: the interpreter of the peers' environment, if there is one.
        quick: one round each.
    """

    python: Path | None
    quick: bool = False

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
        for _ in range((1 if running.quick else bench.rounds) + bench.warm):
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
    ours = seconds.get(names[0])
    if ours and bench.most:
        row |= {"most": bench.most, "within": ours <= bench.most}
    if ours and "gflop" in times[names[0]][-1]:
        row["gflops"] = round(times[names[0]][-1]["gflop"] / ours, 1)
    return row


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
    settings, goals = {"file": str(folder / "network.keras")}, {"Convscope": None, name: peer.goal}
    pictures = str(folder / "pictures.npy")
    try:
        with (
            running.side(own, settings, own=True) as ours,
            running.side(peer, settings | {"pictures": pictures}) as other,
        ):
            theirs = [other.run()]
            needed = ours.run(pictures=pictures)
            mine = [ours.run(steps=needed["steps"])]
            for _ in range(0 if running.quick else 2):
                theirs.append(other.run())
                mine.append(ours.run(steps=needed["steps"]))
        row = _row(f"score_{name}", SAME_SCORE_WORK, {"Convscope": _median(mine), name: _median(theirs)}, {}, goals)
        row["beside"][name] |= {"steps": theirs[0]["steps"], "our_steps": needed["steps"], "better": needed["better"]}
    except Failed as error:
        row = _row(f"score_{name}", SAME_SCORE_WORK, {}, {name: str(error)}, goals)
    return row
