"""How long a page goes on after Stop: ``python -m tests.benchmarks.bench_stop [--only filters why]``.

A server of its own and one browser. On each page that computes somebody presses its button, and then Stop: at once,
while it still compiles; after two seconds; and a second after the first result. The seconds are from the click until
the page shows no Stop any more, which is when it has been drawn anew, with what was reached.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "browser"))

from conftest import CHROMIUM, FLAGS  # noqa: E402
from driven import Person, free_port, start  # noqa: E402
from playwright.sync_api import Browser, TimeoutError, expect, sync_playwright  # noqa: E402

GOAL = 1.0
PATIENCE = 120_000
STOPS = "button:has-text('Stop'):visible"
UNDER_WAY = (
    "() => ![...document.querySelectorAll('[data-testid=stProgress]')].every(one => /ready/.test(one.innerText))"
)
GONE = """() => ![...document.querySelectorAll('button')].some(
  one => one.innerText.trim().split('\\n').pop() === 'Stop' && one.offsetParent)"""


@dataclass(frozen=True)
class Case:
    """A page, what begins the work on it (nothing where the page begins by itself), and what goes on after a stop."""

    name: str
    address: str
    begin: str = ".st-key-run button"
    again: str = ".st-key-go_on button, .st-key-run button"


QUICK = "/why?methods_gradients=gradient&methods_maps=|"
FOLLOWED = "button:has-text('Go on')"
CASES = (
    Case("filters", "/filters?steps=256"),
    Case("dream", "/dream?steps=50"),
    Case("inversion", "/inversion?steps=512"),
    Case("attack", "/attack?attack=pgd&steps=200"),
    Case("memorize", "/memorize?second=random_labels"),
    Case("grid", "/activations?below=grid&layer=block3a_expand"),
    Case(
        "why: occlusion",
        QUICK + "&methods_hiding=occlusion&window=0.0625",
        "",
        FOLLOWED,
    ),
    Case("why: RISE", QUICK + "&methods_hiding=rise&masks=2000", "", FOLLOWED),
    Case("concepts of a set", "/concepts?set=samples", "", FOLLOWED),
    Case(
        "which map, one picture",
        QUICK + "&methods_hiding=|&closer=right",
        "",
        FOLLOWED,
    ),
    Case(
        "which map, ranked",
        QUICK + "&methods_hiding=|&closer=right&over=set",
        ".st-key-rank button",
        FOLLOWED,
    ),
    Case("robust accuracy", "/attack?view=set", ".st-key-measure button", FOLLOWED),
    Case("unit index", "/units", "", FOLLOWED),
)
MOMENTS = {"at once": 0.0, "after 2 s": 2.0, "under way": 1.0}


def stopped(browser: Browser, url: str, case: Case) -> dict[str, float]:
    """Seconds from Stop until it is gone, by when it was pressed; less where the work had ended before that."""
    page = browser.new_context(reduced_motion="reduce", viewport={"width": 1440, "height": 1000}).new_page()
    page.set_default_timeout(PATIENCE)
    person = Person(page, url)
    page.goto(url + case.address)
    found: dict[str, float] = {}
    for moment, seconds in MOMENTS.items():
        button = case.again if found else case.begin
        if button:  # the page may have a Stop of its own while it is drawn first
            page.locator(button).first.wait_for()
            page.wait_for_function(GONE)
            person.settle().page.locator(button).first.click()
        try:
            page.wait_for_selector(STOPS, timeout=20_000)
            if moment == "under way":
                page.wait_for_function(UNDER_WAY, timeout=20_000)
            time.sleep(seconds)
            since = time.perf_counter()
            page.locator(STOPS).first.click(timeout=3000)
        except TimeoutError:
            break  # it has ended
        page.wait_for_function(GONE)
        found[moment] = time.perf_counter() - since
    page.context.close()
    return found


def stops(browser: Browser, root: Path, only: list[str] | None = None) -> dict[str, dict[str, float]]:
    """{case: {moment: seconds}} of a checkout's server, printed as they come."""
    port = free_port()
    server = start(["-m", "dashboard", "--no-browser", "--port", str(port)], port=port, folder=root)
    table = {}
    try:
        server.wait()
        for case in CASES:
            if not only or any(one in case.name for one in only):
                table[case.name] = row = stopped(browser, server.url, case)
                cells = ", ".join(f"{moment} {seconds:.2f} s" for moment, seconds in row.items())
                late = "   LATE" if row and max(row.values()) > GOAL else ""
                print(f"{case.name:24}{cells or 'ended before Stop'}{late}", flush=True)
    finally:
        server.stop()
    return table


def main(only: list[str] | None = None) -> dict[str, dict[str, float]]:
    """Measure, print, and return it."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            return stops(browser, ROOT, only)
        finally:
            browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", help="cases whose name has one of these words")
    found = main(parser.parse_args().only)
    sys.exit(any(seconds > GOAL for row in found.values() for seconds in row.values()))
