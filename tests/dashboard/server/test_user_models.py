"""Files of networks: whole or not at all, one file for all who have it open, and gone with the server."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

import core
from dashboard.server import networks, user_models

ROOT = Path(__file__).parents[3]


@pytest.fixture
def opens(monkeypatch: pytest.MonkeyPatch, tiny: core.Classifier):
    """``core.load_file`` without a child process; what it raises can be set."""
    outcome: dict[str, Exception] = {}

    def load(path, **_):
        if "error" in outcome:
            raise outcome["error"]
        return tiny

    monkeypatch.setattr(core, "load_file", load)
    networks.NETWORKS.forget()
    yield outcome
    user_models.MODELS.forget()
    networks.NETWORKS.forget()


def test_a_trial_that_times_out_does_not_delete_the_file_of_the_open_network(opens, people):
    people.be("she")
    name = user_models.bring(b"a network", "mine.keras")
    path = user_models.get(name).path
    networks.NETWORKS.forget()
    opens["error"] = ValueError("Expected a network that opens within 60 seconds")
    people.be("he")
    with pytest.raises(ValueError, match="within 60 seconds"):
        user_models.bring(b"a network", "the same.keras")
    assert path.read_bytes() == b"a network" and user_models.get(name) is not None
    opens.clear()
    assert networks.network(name) is not None


def test_a_refused_file_is_not_kept(opens, people):
    opens["error"] = ValueError("Expected a network")
    with pytest.raises(ValueError, match="Expected a network"):
        user_models.bring(b"no network", "x.keras")
    assert list(user_models.folder().iterdir()) == []


def test_a_full_temporary_folder_is_one_sentence_and_leaves_no_part(opens, people, monkeypatch):
    def full(path, data):
        path.touch()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ValueError, match="room in this server's temporary folder, got less: No space left on device"):
        user_models.bring(bytes(2**21), "x.keras")
    assert list(user_models.folder().iterdir()) == []


def test_a_file_goes_when_nobody_who_is_here_uses_it_and_room_is_needed(opens, people, monkeypatch):
    monkeypatch.setattr(user_models, "ROOM", 2500)
    people.be("she")
    first = user_models.get(user_models.bring(bytes(1000), "a.keras")).path
    people.be("he")
    second = user_models.get(user_models.bring(bytes([1]) * 1000, "b.keras")).path
    people.be("third")
    with pytest.raises(ValueError, match="full of other people's"):
        user_models.bring(bytes([2]) * 1000, "c.keras")
    assert first.exists() and second.exists()
    people.gone.add("she")
    user_models.bring(bytes([2]) * 1000, "c.keras")
    assert not first.exists() and second.exists()


def test_two_people_with_two_networks_keep_both_open(opens, people):
    names = []
    for who in ("she", "he"):
        people.be(who)
        names.append(user_models.bring(who.encode(), f"{who}.keras"))
        networks.choose(names[-1])
    first = networks.network(names[0])
    assert networks.network(names[0]) is first and networks.network(names[1]) is not first


SERVER = """
import subprocess, sys, threading, time
from dashboard.server import user_models
import core

def trial(path, **_):
    subprocess.run([sys.executable, "-c", "import time; print('trying', flush=True); time.sleep(600)"])
    raise ValueError("ended")

core.load_file = trial
threading.Thread(target=lambda: user_models.bring(b"x", "x.keras")).start()
while not list(user_models.folder().iterdir()):
    time.sleep(0.01)
time.sleep(0.5)
print(user_models.folder(), flush=True)
user_models.end()
"""


def test_the_folder_and_the_trying_child_end_with_the_server():
    run = subprocess.run([sys.executable, "-c", SERVER], cwd=ROOT, capture_output=True, text=True, timeout=400)
    folder = next(line for line in run.stdout.splitlines() if "convscope-" in line)
    assert not Path(folder).exists(), "and it waited for no child that sleeps for ten minutes"


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_a_trying_child_ends_with_a_server_that_is_killed():
    parent = (
        "import subprocess, sys; from core.networks import trial;"
        "child = subprocess.Popen([sys.executable, '-c', trial._ENDS_WITH_PARENT + '; import time;"
        " print(1, flush=True); time.sleep(60)'], stdout=subprocess.PIPE);"
        "child.stdout.readline(); print(child.pid, flush=True); import time; time.sleep(60)"
    )
    server = subprocess.Popen([sys.executable, "-c", parent], cwd=ROOT, stdout=subprocess.PIPE)
    watch = threading.Timer(100, server.kill)
    watch.start()
    child = int(server.stdout.readline())
    server.send_signal(signal.SIGKILL)
    server.wait()
    watch.cancel()
    end = time.monotonic() + 5
    while time.monotonic() < end and psutil.pid_exists(child) and psutil.Process(child).status() != "zombie":
        time.sleep(0.05)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie"


def test_two_uploads_at_once_share_one_folder(monkeypatch):
    made = tempfile.TemporaryDirectory

    def slowly(**options):
        time.sleep(0.05)
        return made(**options)

    other = subprocess.Popen(["sleep", "60"])
    user_models.end()
    assert other.poll() is None, "what else this process has begun goes on"
    other.kill()
    monkeypatch.setattr(user_models.tempfile, "TemporaryDirectory", slowly)
    with ThreadPoolExecutor(8) as pool:
        folders = set(pool.map(lambda _: user_models.folder(), range(8)))
    assert len(folders) == 1
    user_models.end()
    assert not any(one.exists() for one in folders)
