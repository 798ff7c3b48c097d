"""Frames a second and latency of the live camera, with Chromium's fake one, on a machine that does nothing else.

    python -m tests.benchmarks.bench_camera [--seconds 10] [--long 60] [--only 0 2]

A server of its own, one browser, 640 x 480 at 30 frames a second (Chromium's fake camera gives 20 unless it is told).
Latency is from the frame that the page takes from the camera to its answer on the canvas. The last case runs
``--long`` seconds and says whether latency or memory grew, and how long another person waited for another layer
meanwhile. It ends with 1 where a wanted figure was not reached.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from playwright.sync_api import Browser, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))

from conftest import CHROMIUM, FLAGS
from driven import ROOT, Person, free_port, start

FIRST_SECONDS = 2
FAKE = "--use-fake-device-for-media-stream"


@dataclass(frozen=True)
class Case:
    """What to look at, and the figures wanted: frames a second at least, milliseconds at most."""

    title: str
    address: str
    rate: float
    latency: float


CASES = (
    Case("Lens 5, conv4", "network=lens5_standard&layer=conv4_2_relu", 28, 60),
    Case("EfficientNet-Lite0, block5a", "network=efficientnet_lite0&layer=block5a_expand", 18, 60),
    Case("... with Grad-CAM", "network=efficientnet_lite0&layer=block5a_expand&draw=cam", 10, 120),
    Case("... with DeconvNet", "network=efficientnet_lite0&layer=block5a_expand&draw=deconvnet&channel=12", 10, 120),
    Case("... dreaming", "network=efficientnet_lite0&layer=block5a_expand&draw=dream", 5, 240),
)
"""The issue wants no figure of DeconvNet and none of a dream's latency: these are Grad-CAM's, and five a second."""


def watch(person: Person, seconds: float) -> tuple[float, list[float]]:
    """Frames a second over so many seconds, and the latency of each frame in milliseconds."""
    found = person.page.locator("div.camera").evaluate(
        """(root, seconds) => new Promise(done => {
            const took = [], began = performance.now(), first = Number(root.dataset.frames);
            const watcher = new MutationObserver(() => took.push(Number(root.dataset.ms)));
            watcher.observe(root, { attributeFilter: ["data-ms"] });
            setTimeout(() => {
                watcher.disconnect();
                done([1000 * (Number(root.dataset.frames) - first) / (performance.now() - began), took]);
            }, 1000 * seconds);
        })""",
        seconds,
    )
    return float(found[0]), [float(one) for one in found[1]]


def arrive(browser: Browser, url: str, path: str) -> Person:
    """Somebody at a window of their own."""
    page = browser.new_context(permissions=["camera"], reduced_motion="reduce").new_page()
    page.set_default_timeout(180_000)
    return Person(page, url).go(path)


def begin(browser: Browser, url: str, case: Case) -> Person:
    """The camera runs, and what it needs is compiled."""
    person = arrive(browser, url, f"/camera?{case.address}")
    person.page.get_by_role("button", name="Start the camera").click()
    expect(person.page.locator("div.camera")).to_have_attribute("data-frames", re.compile(r"^\d{2,}$"))
    return person


def short(browser: Browser, url: str, case: Case, seconds: float) -> bool:
    """One line of figures; whether they are those wanted."""
    person = begin(browser, url, case)
    rate, took = watch(person, seconds)
    latency, slow = statistics.median(took), statistics.quantiles(took, n=20)[-1]
    reached = rate >= case.rate and latency <= case.latency
    print(
        f"{case.title:30} {rate:5.1f} frames/s (wanted {case.rate:g}), {latency:4.0f} ms median, {slow:4.0f} ms 95th "
        f"(wanted {case.latency:g}){'' if reached else '   NOT REACHED'}"
    )
    person.page.context.close()
    return reached


def long(browser: Browser, url: str, process: psutil.Process, seconds: float) -> bool:
    """A minute: latency and memory at its beginning and its end, and another person's layer change in the middle."""
    case = CASES[1]
    friend = arrive(browser, url, "/activations?network=efficientnet_lite0&layer=block3a_expand")
    for layer in ("block4a_expand", "block6a_expand", "block3a_expand"):  # each was used before
        change(friend, layer)
    person = begin(browser, url, case)
    _, early = watch(person, FIRST_SECONDS)
    memory = own(process)
    waits = []
    end = time.monotonic() + seconds
    for layer in ("block4a_expand", "block6a_expand", "block3a_expand"):
        watch(person, max(0.1, (end - time.monotonic()) / 4))
        waits.append(change(friend, layer))
    _, late = watch(person, max(FIRST_SECONDS, end - time.monotonic()))
    grown = (own(process) - memory) / 2**20
    before, after = statistics.median(early), statistics.median(late)
    print(f"{seconds:.0f} s: {before:.0f} ms at first, {after:.0f} ms at the end; the server grew by {grown:.0f} MiB")
    print("another person's layer change meanwhile: " + ", ".join(f"{one:.2f} s" for one in waits) + " (wanted 0.5)")
    person.page.context.close()
    friend.page.context.close()
    return after <= 1.25 * before and grown < 30 and statistics.median(waits) <= 0.5


def own(process: psutil.Process) -> int:
    """Bytes of a process's memory but for mapped files, whose pages come and go."""
    found = process.memory_info()
    return int(found.rss - getattr(found, "shared", 0))


def change(person: Person, layer: str) -> float:
    """How long another layer takes to be on the screen, in seconds, after the click on its name."""
    option = person.find("Layer", layer)
    since = time.monotonic()
    option.click()
    expect(person.wall).to_have_attribute("aria-label", re.compile(f"of {layer} "))
    return time.monotonic() - since


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--long", type=float, default=60, help="0 leaves the last case out")
    parser.add_argument("--only", type=int, nargs="*", default=range(len(CASES)), help="cases by number, from 0")
    asked = parser.parse_args()
    port = free_port()
    server = start(["-m", "dashboard", "--no-browser", "--port", str(port)], port=port, folder=ROOT)
    server.wait()
    expect.set_options(timeout=180_000)
    reached = []
    try:
        with sync_playwright() as driver:
            flags = [f"{FAKE}=fps=30" if flag == FAKE else flag for flag in FLAGS]
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=[*flags, "--mute-audio"])
            reached += [short(browser, server.url, CASES[which], asked.seconds) for which in asked.only]
            if asked.long:
                reached.append(long(browser, server.url, psutil.Process(server.process.pid), asked.long))
            browser.close()
    finally:
        server.stop()
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
