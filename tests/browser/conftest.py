"""The real server and a real Chromium, driven as a person would. Every page's requests are recorded and checked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from driven import ROOT, Arrive, Person, Server, free_port, start
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HERE = {"localhost", "127.0.0.1"}
PATIENCE = 120_000
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


def _running(base: str = "") -> Iterator[Server]:
    """A server from a checkout; with -P, as the ``streamlit`` command, ``core`` is not on the path."""
    port = free_port()
    words = f"-P -m streamlit run dashboard --server.port {port} --server.headless true".split()
    running = start([*words, f"--server.baseUrlPath={base}"] if base else words, port=port, folder=ROOT, base=base)
    try:
        running.wait()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One server for all tests."""
    yield from _running()


@pytest.fixture
def fresh() -> Iterator[Server]:
    """A server that nobody has used."""
    yield from _running()


@pytest.fixture
def inside() -> Iterator[Server]:
    """A server whose pages are all in a folder of its address."""
    yield from _running("/in/a-folder")


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Ended with each file: its event loop stands in the way of other tests that have one of their own."""
    if CHROMIUM is None:
        reason = "Browser tests need Chromium, which is not on this machine's path (Debian: apt-get install chromium)."
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE)
    one = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield one
    one.close()


Windows = dict[str, BrowserContext]


@pytest.fixture(scope="module")
def windows(browser: Browser) -> Windows:
    """Browsers that stay open from test to test, so that the page's scripts are loaded once."""
    return {}


@pytest.fixture
def arrive(browser: Browser, windows: Windows, server: Server) -> Iterator[Arrive]:
    """Open a tab: ``arrive("/activations", color_scheme="dark")``. At the end nobody has left home.

    ``computer`` names whose browser it is: tabs of one computer share their cookies and their cache. ``before`` is
    called with the tab before anything is loaded.
    """
    people: list[Person] = []

    def one(
        path: str = "/",
        *,
        computer: str = "mine",
        width: int = 1440,
        height: int = 900,
        before: Callable[[Page], object] = lambda _: None,
        **options: str,
    ) -> Person:
        if computer not in windows:
            windows[computer] = browser.new_context(reduced_motion="reduce", permissions=["camera"])
            windows[computer].set_default_timeout(PATIENCE)
        person = Person(windows[computer].new_page(), server.url)
        person.page.set_viewport_size({"width": width, "height": height})
        person.page.emulate_media(**options)
        person.page.on("request", lambda request: person.note(request.url))
        person.page.on("websocket", lambda socket: person.note(socket.url))
        person.page.on("pageerror", lambda error: person.faults.append(str(error)))
        people.append(person)
        before(person.page)
        return person.go(path)

    yield one
    for person in people:
        person.page.close()
        assert person.hosts and person.hosts <= HERE, f"The page talked to {person.hosts - HERE}."
        assert not person.faults, f"Errors in the browser: {person.faults}"
