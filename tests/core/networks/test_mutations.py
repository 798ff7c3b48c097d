"""Damaged and hostile files of Keras 2: no crash, no code, one sentence each."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("count", [20, pytest.param(1000, marks=pytest.mark.slow)])
def test_mutated_files_open_or_get_one_sentence(count, tmp_path):
    command = [sys.executable, "-m", "tests.core.networks.mutations", str(count), "1", str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=3600)
    assert run.returncode == 0, run.stderr[-2000:]
    said = json.loads(run.stdout.splitlines()[-1])
    assert said["odd"] == [] and sum(said["tally"].values()) == count
    assert "opened" in said["tally"] and len(said["tally"]) > 1
