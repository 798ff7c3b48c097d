"""The table of results: Markdown, in the README between two marks, and all numbers as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.benchmarks import machine

HERE = Path(__file__).resolve().parent
RESULTS, README = HERE / "results.json", HERE.parents[1] / "README.md"
BEGIN, END = "<!-- benchmarks: written by python -m tests.benchmarks -->", "<!-- end of benchmarks -->"
HEAD = ("| work | Convscope | beside | times as fast | goal | |", "|---|---|---|---|---|---|")


def lines(rows: Iterable[dict[str, Any]]) -> list[str]:
    """A line for each side that ours was measured beside."""
    found = []
    for row in rows:
        own = "failed" if row["seconds"] is None else time_of(row["seconds"])
        own += f" (bound {row['most']:.0f} s{'' if row['within'] else ', missed'})" if "most" in row else ""
        own += f", {row['gflops']:.0f} GFLOP/s ({row['share']:.0%} of the product's)" if "share" in row else ""
        few = " (one round)" if row.get("rounds") == 1 else ""
        for name, one in row["beside"].items():
            goal = "" if one["goal"] is None else f"{one['goal']:.2g}"
            if "failed" in one:
                found.append(f"| {row['work']} | {own} | {name}: {_plain(one['failed'])} | | {goal} | not measured |")
                continue
            steps = f", {one['our_steps']} steps against {one['steps']}" if "our_steps" in one else ""
            reached = "reached" if one["reached"] else "missed"
            beside = f"{name}, {time_of(one['seconds'])}"
            found.append(f"| {row['work']}{few} | {own}{steps} | {beside} | {one['ratio']:.2f} | {goal} | {reached} |")
    return found


def markdown(found: dict[str, Any]) -> str:
    """The whole table, and on what it was measured."""
    return "\n".join([machine.sentence(found["machine"]), "", *HEAD, *lines(found["rows"])])


def write(found: dict[str, Any]) -> None:
    """Write ``results.json``, and the table between the marks of the README."""
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    text = README.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}\n{markdown(found)}\n{END}{after}")


def time_of(seconds: float) -> str:
    """For people."""
    return f"{seconds * 1e3:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _plain(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")
