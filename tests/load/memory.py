"""How much memory a public server takes for one person, within the limit of Streamlit Community Cloud.

    python -m tests.load.memory --limit 2.7

The server is killed, as the cloud does it, where its processes together have more than this many GB in RAM, which is
looked at ten times a second. (A limit of the operating system on a process counts what it has reserved and never
used as well, 4.3 GB here.) One person opens every page, and presses Run on each that has it, without a browser: what is
counted is the server and its child processes, pages of files that the system may drop at any time included. Prints the
memory after each, and the most.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Iterator

import psutil

from tests.load.people import free_port, serving
from tests.load.visitor import Visitor

GB = 1e9
EVERY = 0.1
"""Seconds between two looks at the memory."""
REST = 12


class Watch(threading.Thread):
    """Looks at a server and its child processes, and kills it where it has more than the limit."""

    def __init__(self, server: psutil.Process, limit: float) -> None:
        super().__init__(daemon=True)
        self.server, self.limit = server, limit
        self.now = self.most = 0.0
        self.killed = False
        self._over = threading.Event()

    def run(self) -> None:
        """Until ``end``."""
        while not self._over.wait(EVERY):
            try:
                processes = [self.server, *self.server.children(recursive=True)]
                self.now = sum(one.memory_info().rss for one in processes) / GB
            except psutil.NoSuchProcess:
                continue
            self.most = max(self.most, self.now)
            if self.most > self.limit:
                self.killed = True
                self.server.kill()
                return

    def end(self) -> None:
        """Look no more."""
        self._over.set()
        self.join()


def visit(visitor: Visitor, page: str) -> str:
    """Open a page and press its first button; what it was, "" where there is none. Raises where something is wrong."""
    visitor.go(page)
    pressed = next((key for key in (f"{page}.run", "run") if visitor.find(key) is not None), "")
    if pressed:
        visitor.click(pressed)
    if visitor.errors or visitor.exceptions:
        raise RuntimeError(f"{page}: {visitor.errors or visitor.exceptions}")
    return pressed


def visited(port: int) -> Iterator[tuple[str, str, float]]:
    """One person opens every page: its name, whether it was run, and how many seconds that took."""
    visitor = Visitor(port)
    visitor.go()
    for page in visitor.pages:
        since = time.monotonic()
        did = "opened, Run" if visit(visitor, page) else "opened"
        yield page or "start", did, time.monotonic() - since
    visitor.close()


def mapped(server: psutil.Process) -> float:
    """GB of it that are files in memory, mostly TensorFlow's code, which the system takes back by itself (Linux)."""
    return getattr(server.memory_info(), "shared", 0) / GB


def measured(limit: float) -> float:
    """The most GB that the server took, with all its processes; says it page by page. Raises where it was too much."""
    port = free_port()
    with serving(port) as server:
        watch = Watch(server, limit)
        watch.start()
        for page, did, seconds in visited(port):
            sizes = f"{watch.now:6.2f} GB, {mapped(server):.2f} of them files; the most so far {watch.most:.2f}"
            print(f"{page:14} {did:12} {seconds:6.1f} s {sizes}", flush=True)
        time.sleep(REST)
        print(f"{f'{REST} s after that person has left':34} {watch.now:6.2f} GB", flush=True)
        watch.end()
        if watch.killed or not server.is_running():
            raise RuntimeError(f"The server took more than {limit} GB.")
        return watch.most


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=float, default=2.7, help="GB; Streamlit Community Cloud kills an app at 2.7")
    limit = parser.parse_args().limit
    print(f"at most {measured(limit):.2f} GB of {limit:.2f}, and not killed")


if __name__ == "__main__":
    main()
