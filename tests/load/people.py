"""People who use one server at once: how long they wait, what they see, and how much memory it takes.

    python -m tests.load.people --people 12 --minutes 9

Starts a server in public mode and as many visitors, each with a thread of its own, who look at pictures and layers, run
filters, dreams and attacks, stop them, and ask why. Prints, for each kind of action, how often it was done, the median
and the 95th of 100 of its seconds; then what did not settle, what was wrong, and the server's memory over time.
"""

from __future__ import annotations

import argparse
import os
import random
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from tests.load.visitor import UnsettledError, Visitor, answer

ROOT = Path(__file__).parents[2]
PICTURES = 10
"""How many of the samples people choose from."""
KINDS = ("first page", "picture", "layer", "filters", "dream", "attack", "why", "stop")


@dataclass
class Record:
    """What happened to everybody."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    unsettled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def timed(self, kind: str):
        """Note how long an action takes."""
        since = time.monotonic()
        try:
            yield
        except UnsettledError:
            with self.lock:
                self.unsettled.append(kind)
        else:
            with self.lock:
                self.seconds[kind].append(time.monotonic() - since)

    def note(self, question: str, said: str) -> None:
        """One question has one answer, whoever asks."""
        with self.lock:
            before = self.answers.setdefault(question, said)
            if said != before:
                self.wrong.append(f"{question}: {said!r}, before {before!r}")


class Person(threading.Thread):
    """Somebody who does one thing after the other until the time is over."""

    def __init__(self, port: int, record: Record, until: float, seed: int) -> None:
        super().__init__(daemon=True)
        self.port, self.record, self.end = port, record, until
        self.chance = random.Random(seed)
        self.acts: list[Callable[[], None]] = [
            *[self.picture] * 3, *[self.layer] * 4, self.filters, self.dream, self.attack, self.why,
        ]  # fmt: skip

    def run(self) -> None:
        """Come, act, leave."""
        with self.record.timed("first page"):
            self.visitor = Visitor(self.port)
            self.visitor.go()
        while time.monotonic() < self.end:
            try:
                self.chance.choice(self.acts)()
            except LookupError as error:
                self._at = None
                self.record.wrong.append(f"{error}: {self.visitor.words[:200]!r}")
                self.visitor.go()
            time.sleep(self.chance.uniform(0.5, 3))
        self.record.wrong += [f"exception: {one}" for one in self.visitor.exceptions]
        self.visitor.close()

    def picture(self) -> None:
        """Another picture on the first page: what does the network say?"""
        self._open("")
        chosen = self.chance.randrange(PICTURES)
        with self.record.timed("picture"):
            self.visitor.pick("thumbnails", "picked", chosen)
            self.record.note(f"answer to picture {chosen}", answer(self.visitor.words))

    def layer(self) -> None:
        """Another layer on the activations page."""
        self._open("activations")
        key = next(one for one in ("activations.layer", "layer") if self.visitor.find(one) is not None)
        with self.record.timed("layer"):
            self.visitor.choose(key, self.chance.choice(self.visitor.options(key)))

    def filters(self) -> None:
        self._run("filters")

    def dream(self) -> None:
        self._run("dream")

    def attack(self) -> None:
        self._run("attack")

    def why(self) -> None:
        """Every explanation of one answer."""
        self._at = None
        with self.record.timed("why"):
            self.visitor.go("why")

    def _open(self, page: str) -> None:
        if getattr(self, "_at", None) != page:
            self.visitor.go(page)
            self._at = page

    def _run(self, page: str) -> None:
        """Press Run; half of the people see it through, the others press Stop after some seconds."""
        self._open(page)
        self._at = None
        if self.chance.random() < 0.5:
            with self.record.timed(page):
                self.visitor.click("run")
            return
        self.visitor.click("run", wait=False)
        time.sleep(self.chance.uniform(1, 4))
        stops = [key for key in ("stop", f"{page}.stop") if self.visitor.find(key) is not None]
        if stops:
            with self.record.timed("stop"):
                self.visitor.click(stops[0])
        else:
            with self.record.timed(page):
                self.visitor.settle(self.visitor._runs)


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def serving(port: int):
    """A server in public mode, from a checkout."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("STREAMLIT_", "CONVSCOPE"))}
    words = f"-m streamlit run dashboard --server.port {port} --server.headless true".split()
    process = subprocess.Popen(
        [sys.executable, *words], cwd=ROOT, env={**environment, "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5).close()
                break
            except OSError:
                time.sleep(0.2)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


def meet(people: int, seconds: float) -> Record:
    """So many people for so long; what happened to them."""
    record, port = Record(), free_port()
    with serving(port) as server:
        began = time.monotonic()
        crowd = [Person(port, record, began + seconds, seed) for seed in range(people)]
        for one in crowd:
            one.start()
        while any(one.is_alive() for one in crowd) and time.monotonic() < began + seconds + 260:
            record.memory.append((time.monotonic() - began, server.memory_info().rss / 2**20))
            time.sleep(2)
        record.unsettled += ["a person who did not come home" for one in crowd if one.is_alive()]
    return record


def report(record: Record) -> str:
    """The record as a table and a few lines."""
    lines = [f"{'action':12} {'times':>5} {'median':>7} {'95th':>7} {'longest':>8}"]
    for kind in KINDS:
        if seconds := record.seconds.get(kind):
            middle, high = np.percentile(seconds, [50, 95])
            lines.append(f"{kind:12} {len(seconds):5} {middle:7.2f} {high:7.2f} {max(seconds):8.2f}")
    lines.append(f"unsettled: {len(record.unsettled)} {sorted(set(record.unsettled))}")
    lines.append(f"wrong: {len(record.wrong)} {record.wrong[:5]}")
    marks = record.memory[:: max(1, len(record.memory) // 12)]
    lines.append("memory in MB: " + ", ".join(f"{at:.0f} s {size:.0f}" for at, size in marks))
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--minutes", type=float, default=9.0)
    asked = parser.parse_args()
    print(report(meet(asked.people, asked.minutes * 60)))


if __name__ == "__main__":
    main()
