"""All benchmarks, one table: ``python -m tests.benchmarks --peers DIR``.

    python -m tests.benchmarks --peers /path/to/peers           # all, in 19 minutes; makes DIR if need be
    python -m tests.benchmarks --peers /path/to/peers --quick   # one round each, fewer filters: a few minutes
    python -m tests.benchmarks --only filters_vgg16 dream       # some of them, beside what needs no peers
    python -m tests.benchmarks --install --peers DIR              # only make the peers' environment

Every side runs in a process of its own, started as its users would start it; all sides of a benchmark take turns, and
medians are compared. Writes ``tests/benchmarks/results.json``, and from it the table in the README (not with ``--only``
or ``--quick``, unless ``--write`` says so). A side that fails or is not installed is said to be in its row.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.benchmarks import machine, peers, table
from tests.benchmarks.catalogue import BENCHES, CEILINGS, OUR_SCORE, SAME_SCORE, SAME_SCORE_SECONDS
from tests.benchmarks.measure import Running, measured, same_score

STARTS = 180.0
"""Seconds that all processes need to start."""


def main() -> None:
    """Run what was asked for, print it, write it."""
    options = _options()
    if options.peers and (options.install or not peers.python(options.peers).exists()):
        peers.install(options.peers)
    if options.install:
        return
    since, python = time.monotonic(), peers.python(options.peers) if options.peers else None
    running = Running(python, quick=options.quick, patience=(options.minutes * 60 - STARTS) / _planned())
    found: dict[str, Any] = {"machine": machine.facts(), "quick": options.quick, "rows": []}
    found["machine"] |= running.once(CEILINGS, {})
    print(machine.sentence(found["machine"]), flush=True)
    for key in options.only or [*BENCHES, "same_score"]:
        for row in _rows(key, running):
            if "gflops" in row:
                row["share"] = round(row["gflops"] / found["machine"]["gflops"], 3)
            found["rows"].append(row)
            print("\n".join(table.lines([row])), flush=True)
    found["seconds"] = round(time.monotonic() - since)
    print(f"{found['seconds']} s in all")
    if options.write or not (options.only or options.quick):
        table.write(found)


def _rows(key: str, running: Running) -> list[dict[str, Any]]:
    """The rows of a benchmark; whatever goes wrong, the others go on."""
    try:
        return _same_scores(running) if key == "same_score" else [measured(key, BENCHES[key], running)]
    except Exception as error:
        said = {"failed": f"{type(error).__name__}: {error}"[:200], "goal": None}
        return [{"key": key, "work": key, "seconds": None, "beside": {"all": said}}]


def _planned() -> float:
    """Seconds of all rounds of everything."""
    return sum(bench.seconds for bench in BENCHES.values()) + len(SAME_SCORE) * SAME_SCORE_SECONDS


def _same_scores(running: Running) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        return [same_score(name, OUR_SCORE, one, Path(folder), running) for name, one in SAME_SCORE.items()]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="All benchmarks, one table.")
    parser.add_argument("--peers", type=Path, help="folder of the peers' environment, made where it is not there")
    parser.add_argument("--install", action="store_true", help="only make the peers' environment, or complete it")
    parser.add_argument("--minutes", type=float, default=19, help="fewer rounds where all would take longer than this")
    parser.add_argument("--quick", action="store_true", help="one round each, and fewer filters")
    parser.add_argument("--write", action="store_true", help="write results.json and the README's table in any case")
    parser.add_argument("--only", nargs="+", choices=[*BENCHES, "same_score"], help="some benchmarks")
    return parser.parse_args()


if __name__ == "__main__":
    main()
