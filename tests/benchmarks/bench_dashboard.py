"""What a person waits for in the browser, and the server's memory: ``python -m tests.benchmarks.bench_dashboard``.

    python -m tests.benchmarks.bench_dashboard [--root OTHER_CHECKOUT ...] [--rounds 3] [--only start switch ...]

Every checkout's server is started as a person would, in turns, so that whatever else the machine does hits all. It
needs Chromium and Playwright.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil

import core
from tests.benchmarks import bench_stop

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "browser"))

from driven import Person, Server, free_port, start  # noqa: E402
from playwright.sync_api import Browser, Error, expect, sync_playwright  # noqa: E402

from tests.load.memory import visited  # noqa: E402

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
PATIENCE = 180_000
SWITCHES = 100
GOALS = {
    "something real": None, "first answer": 8.0, "all stages": 11.0, "another layer, 95th of 100": 0.25,
    "another picture, 95th of 100": 0.35, "memorizing": 20.0, "peak memory, MiB": 1434,
}  # fmt: skip
PARTS = ("start", "switch", "memorize", "stop", "memory")


@contextmanager
def serving(root: Path) -> Iterator[Server]:
    """A server of a checkout, just started, not yet answering."""
    port = free_port()
    words = ["-m", "dashboard", "--no-browser", "--port", str(port)]
    server = start(words, port=port, folder=root, PYTHONPATH=str(root), CONVSCOPE_MODE="local")
    try:
        yield server
    finally:
        server.stop()


def arrived(browser: Browser, server: Server, path: str = "/") -> Person:
    """Somebody whose browser asks again and again until the server answers."""
    person = Person(browser.new_page(viewport={"width": 1440, "height": 900}), server.url)
    person.page.set_default_timeout(PATIENCE)
    while True:
        try:
            person.page.goto(server.url + path)
            return person
        except Error:
            time.sleep(0.05)


def started(browser: Browser, root: Path) -> dict[str, float]:
    """Seconds from the command to what is on the screen."""
    since = time.perf_counter()
    with serving(root) as server:
        person = arrived(browser, server)
        took = {}
        for name, there in {
            "something real": person.page.get_by_role("img", name="The picture", exact=True).first,
            "first answer": person.page.get_by_text("It says").first,
            "all stages": person.page.get_by_role("img", name="Sixteen channels of").last,
        }.items():
            expect(there).to_be_visible(timeout=PATIENCE)
            if name == "all stages":
                expect(person.page.get_by_role("img", name="Sixteen channels of")).to_have_count(6, timeout=PATIENCE)
            took[name] = time.perf_counter() - since
            took[f"{name}, processor seconds"] = _processor(server)
        person.settle()
        person.page.close()
    return took


def _processor(server: Server) -> float:
    """Seconds of the processor that the server has used so far: less disturbed by what else the machine does."""
    spent = psutil.Process(server.process.pid).cpu_times()
    return spent.user + spent.system


def switched(browser: Browser, root: Path) -> dict[str, list[float]]:
    """Seconds from the choice of another layer, and of another picture, until it is on the screen."""
    with serving(root) as server:
        person = arrived(browser, server, "/activations")
        expect(person.wall).to_be_visible(timeout=PATIENCE)
        person.settle()
        time.sleep(10)  # warm: what a server gets ready beside the first page is ready
        layers = _layers()
        random.Random(0).shuffle(layers)
        times: dict[str, list[float]] = {"another layer": [], "another picture": []}
        for layer in (layers * 2)[:SWITCHES]:
            option = person.find("Layer", f"{layer} ·")
            times["another layer"].append(_seconds(person, option.click, layer))
        titles = [sample.title for sample in core.samples.samples()]
        for number in range(SWITCHES):
            title = titles[(number + 1) % len(titles)]
            times["another picture"].append(_seconds(person, person.picture(title).click, title))
        person.page.close()
    return times


def _layers() -> list[str]:
    """The layers of the first network that have maps, but for its input."""
    net = core.load(core.available()[0])
    return [name for name, info in net.layers.items() if info.spatial and info.kind != "InputLayer"]


def _seconds(person: Person, act: Callable[[], Any], shown: str) -> float:
    since = time.perf_counter()
    act()
    said = f"div.wall img[alt*={shown!r}]".replace("'", '"')
    person.page.wait_for_selector(said, timeout=PATIENCE)
    took = time.perf_counter() - since
    person.settle()
    return took


def memorized(browser: Browser, root: Path) -> dict[str, float]:
    """Seconds from Run to the end of the page of memorizing, with its usual settings: both networks have fit all."""
    with serving(root) as server:
        person = arrived(browser, server, "/memorize")
        expect(person.page.locator(".st-key-run button")).to_be_visible(timeout=PATIENCE)
        _settled(person)
        time.sleep(5)
        spent, since = _processor(server), time.perf_counter()
        _run(person)
        took = {"memorizing": time.perf_counter() - since}
        took["memorizing, processor seconds"] = _processor(server) - spent
        expect(person.page.get_by_text("not in 200 epochs")).to_have_count(0)
        person.page.close()
    return took


def _run(person: Person) -> None:
    """Press Run, and wait until what it runs has ended."""
    stop = person.page.get_by_role("button", name="Stop")
    person.page.locator(".st-key-run button").click()
    expect(stop.first).to_be_visible(timeout=PATIENCE)
    expect(stop).to_have_count(0, timeout=PATIENCE)


def remembered(root: Path) -> dict[str, float]:
    """The most MiB that a server's process has had in RAM, page after page, while one person opens all and runs each.

    The person has no browser: the figure is the server's, its mapped files included.
    """
    found = {}
    with serving(root) as server:
        server.wait()
        for page, did, _ in visited(server.port):
            name = f"memory: {page} {did}, MiB"
            found[name] = server.memory / 2**20
            print(f"{name:34}{found[name]:10.0f}", flush=True)  # all of it takes minutes
        return found | {"peak memory, MiB": server.memory / 2**20}


def _settled(person: Person) -> None:
    """Until the page has been drawn, and nothing runs for half a second."""
    expect(person.page.get_by_test_id("stMainBlockContainer")).to_be_visible(timeout=PATIENCE)
    quiet = 0
    while quiet < 5:
        expect(person.app).to_have_attribute("data-test-script-state", "notRunning", timeout=PATIENCE)
        quiet = quiet + 1 if person.app.get_attribute("data-test-script-state") == "notRunning" else 0
        time.sleep(0.1)


def measured(roots: list[Path], rounds: int, only: list[str]) -> dict[str, dict[str, float]]:
    """{checkout: {what: median}}, in turns."""
    starts: dict[Path, list[dict[str, float]]] = {root: [] for root in roots}
    runs: dict[Path, list[dict[str, float]]] = {root: [] for root in roots}
    table: dict[str, dict[str, float]] = {str(root): {} for root in roots}
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        for _ in range(rounds if "start" in only else 0):
            for root in roots:
                starts[root].append(started(browser, root))
        for _ in range(rounds if "memorize" in only else 0):
            for root in roots:
                runs[root].append(memorized(browser, root))
        for root in roots:
            row = table[str(root)]
            for found in (starts[root], runs[root]):
                row |= {name: median(one[name] for one in found) for name in (found[0] if found else ())}
            if "switch" in only:
                for name, times in switched(browser, root).items():
                    row[f"{name}, median"] = median(times)
                    row[f"{name}, 95th of 100"] = float(np.percentile(times, 95))
            if "stop" in only:
                waits = bench_stop.stops(browser, root)
                row |= {f"Stop, {name}": max(one.values()) for name, one in waits.items() if one}
            if "memory" in only:
                row |= remembered(root)
        browser.close()
    return table


def main(
    roots: list[Path] | None = None, rounds: int = 3, only: list[str] | None = None
) -> dict[str, dict[str, float]]:
    """Measure, print the table, and return it."""
    table = measured(roots or [ROOT], rounds, only or [*PARTS])
    names = list(dict.fromkeys(name for row in table.values() for name in row))
    print(
        f"{'':34}"
        + "".join(f"{Path(root).name:>10}" for root in table)
        + f"{'goal':>8}   load {os.getloadavg()[0]:.1f}"
    )
    for name in names:
        goal = GOALS.get(name)
        cells = "".join(f"{row.get(name, float('nan')):10.2f}" for row in table.values())
        print(f"{name:34}{cells}{goal if goal is not None else '':>8}")
    return table


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, nargs="*")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=[*PARTS])
    asked = parser.parse_args()
    main([one.resolve() for one in asked.root] if asked.root else None, asked.rounds, asked.only)
