"""A running dashboard, and somebody at a browser window, as tests drive them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from playwright.sync_api import Locator, Page, expect

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class Server:
    """A running dashboard."""

    process: subprocess.Popen[bytes]
    port: int
    base: str = ""

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}{self.base}"

    @property
    def memory(self) -> int:
        """The most bytes that the server has had in RAM so far; where the system does not say, what it has now."""
        status = Path(f"/proc/{self.process.pid}/status")
        if status.exists():
            return 1024 * int(status.read_text().split("VmHWM:")[1].split()[0])
        return int(psutil.Process(self.process.pid).memory_info().rss)

    @property
    def listens_on(self) -> set[str]:
        connections = psutil.Process(self.process.pid).net_connections("tcp")
        return {one.laddr.ip for one in connections if one.status == psutil.CONN_LISTEN}

    def wait(self) -> None:
        """Return when the server answers; fail with its words when it ends, or says nothing for two minutes."""
        end = time.monotonic() + 120
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{self.base}/_stcore/health", timeout=5):
                    return
            except OSError:
                time.sleep(0.2)
        pytest.fail(f"The server did not start, exit code {self.process.poll()}.")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start(arguments: list[str], *, port: int, folder: Path, base: str = "", **variables: str) -> Server:
    """Start the server with this Python, as ``arguments`` say, from ``folder``; ``base`` is before all paths."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("STREAMLIT_", "CONVSCOPE"))
    }
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env={**environment, "TF_CPP_MIN_LOG_LEVEL": "3", **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return Server(process, port, base)


@dataclass
class Person:
    """Somebody at a browser window of their own; ``hosts`` are those that the window has talked to."""

    page: Page
    url: str
    hosts: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def go(self, path: str = "/") -> Person:
        self.page.goto(path if path.startswith("http") else self.url + path)
        return self.settle()

    def settle(self) -> Person:
        """Wait until the script has run to its end and the page has drawn what it said."""
        expect(self.app).to_have_attribute("data-test-script-state", "notRunning")
        expect(self.page.locator('[data-stale="true"]')).to_have_count(0)
        return self

    def find(self, label: str, option: str) -> Locator:
        """Open a selectbox and look for an option, by what it says; a click on it chooses it."""
        box = self.page.get_by_role("combobox", name=label)
        box.click()
        box.fill(option)
        return self.page.get_by_role("option").filter(has_text=option).first

    def picture(self, title: str) -> Locator:
        """The thumbnail of a picture; a click on it chooses it."""
        return self.page.get_by_role("option", name=title, exact=True)

    def bring(self, name: str, content: bytes) -> Person:
        """Upload a file through the page's own uploader, and close its popover again."""
        self.page.get_by_role("button", name="Your own picture").click()
        chooser = self.page.locator('[data-testid="stFileUploader"] input[type=file]')
        chooser.set_input_files({"name": name, "mimeType": "application/octet-stream", "buffer": content})
        expect(self.picture(name)).to_have_attribute("aria-selected", "true")  # closed earlier, it would be lost
        self.page.keyboard.press("Escape")
        return self

    def click_tile(self, part: float) -> Person:
        """Click the wall at this part of its width and height."""
        self.wall.scroll_into_view_if_needed()
        box = self.wall.locator("img").bounding_box() or {}
        self.page.mouse.click(box["x"] + box["width"] * part, box["y"] + box["height"] * part)
        return self

    def download(self, label: str) -> bytes:
        """Click a download button; returns what arrives."""
        with self.page.expect_download() as arriving:
            self.page.get_by_role("button", name=label, exact=True).first.click()
        return Path(arriving.value.path()).read_bytes()

    @property
    def app(self) -> Locator:
        return self.page.get_by_test_id("stApp")

    @property
    def wall(self) -> Locator:
        """The mosaic of channels, inside its component."""
        return self.page.locator("div.wall")

    @property
    def widths(self) -> tuple[int, int]:
        """How wide the document and its main part are, what sticks out included."""
        main = self.page.get_by_test_id("stMain")
        document = self.page.evaluate("document.documentElement.scrollWidth")
        return document, main.evaluate("main => main.scrollWidth")

    def note(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob"):
            self.hosts.add(parts.hostname or url)


Arrive = Callable[..., Person]


NOTE = """for (const kind of ["pointerdown", "keydown", "change"])
  window.addEventListener(kind, event => {
    if (kind === "change" ? event.target.type === "file" : event.isTrusted) window.noteClick(kind);
  }, true)"""


@dataclass
class Way:
    """Somebody's way to what they came for: the page's own windows count clicks and keys, from the first screen on.

    What they do in the system's own window to choose a file no page can count: a chosen file counts as one.
    """

    me: Person
    who: str
    since: float = field(default_factory=time.monotonic)
    clicks: int = 0

    def __post_init__(self) -> None:
        self.me.page.expose_function("noteClick", self._note)
        self.me.page.add_init_script(NOTE)
        self.me.page.evaluate(NOTE)

    def _note(self, _: str) -> None:
        self.clicks += 1

    @property
    def seconds(self) -> float:
        """Since they came."""
        return time.monotonic() - self.since

    def end(self, capsys: pytest.CaptureFixture[str], *, clicks: int, seconds: float) -> None:
        """There: write down how many clicks and seconds it took, which are bounded."""
        with capsys.disabled():
            print(f"\n{self.who}: {self.clicks} clicks, {self.seconds:.0f} s")
        assert 0 < self.clicks <= clicks and self.seconds < seconds
