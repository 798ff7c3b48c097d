"""Damaged and hostile files of Keras 2: no crash, no code, one sentence each."""

from __future__ import annotations

import base64
import json
import marshal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.core.networks import mutations

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("count", [20, pytest.param(1000, marks=pytest.mark.slow)])
def test_mutated_files_open_or_get_one_sentence(count, tmp_path):
    command = [sys.executable, "-m", "tests.core.networks.mutations", str(count), "1", str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=3600)
    assert run.returncode == 0, run.stderr[-2000:]
    said = json.loads(run.stdout.splitlines()[-1])
    assert said["odd"] == [] and sum(said["tally"].values()) == count
    assert "opened" in said["tally"] and len(said["tally"]) > 1
    assert said["ran"] is False, "no code of a file has run"


def test_the_witness_would_tell(tmp_path):
    """The code that the mutations carry leaves its file where somebody runs it, as Keras's unsafe mode does."""
    eval(marshal.loads(base64.b64decode(mutations.lambda_that_writes(tmp_path / "witness"))))
    assert (tmp_path / "witness").read_text() == "ran"
