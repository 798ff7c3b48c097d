"""On what was measured: processor, cores, what else it did, which commit."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ISA = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile")


def facts() -> dict[str, Any]:
    """Of this machine, now."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    told = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in reversed(lines))}
    flags = set(told.get("flags", "").split())
    return {
        "processor": told.get("model name", "unknown"),
        "instructions": [name for name in ISA if name in flags],
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "onednn": "on, as the program sets it; the peers' as TensorFlow has it",
        "commit": _git("rev-parse", "--short", "HEAD") + ("+changes" if _git("status", "--porcelain", "-uno") else ""),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def sentence(machine: dict[str, Any]) -> str:
    """The same for people."""
    share = "" if "gflops" not in machine else (
        f" A product of matrices reaches {machine['gflops']:.0f} GFLOP/s, a copy {machine['gigabytes']:.0f} GB/s."
    )  # fmt: skip
    return (
        f"{machine['processor']} ({', '.join(machine['instructions'])}), {machine['cores']} cores, TensorFlow"
        f" {machine.get('tensorflow', '?')}, oneDNN {machine['onednn']}; load before {machine['load_before']}; commit"
        f" {machine['commit']}, {machine['date']}.{share}"
    )


def _git(*arguments: str) -> str:
    try:
        said = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return said.stdout.strip()
