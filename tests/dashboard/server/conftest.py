"""Several people at once: threads that each say who they are."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dashboard.server import sessions


class Interrupted(BaseException):
    """What Streamlit raises inside a call when somebody clicks or closes the tab."""


class People:
    """Runs functions as sessions, in threads of their own."""

    Interrupted = Interrupted

    def __init__(self) -> None:
        self.who = threading.local()
        self.gone: set[str] = set()
        self.interrupted: set[str] = set()
        self.threads: list[threading.Thread] = []
        self.said: dict[str, Any] = {}

    def current(self) -> str:
        return getattr(self.who, "name", "somebody")

    def touch(self) -> None:
        if self.current() in self.interrupted and sessions.may_end():
            raise Interrupted

    def be(self, name: str) -> None:
        """This thread is that person from now on."""
        self.who.name = name

    def start(self, name: str, act: Callable[[], Any]) -> threading.Thread:
        """A person acts; the result or the exception is in ``said``."""

        def run() -> None:
            self.be(name)
            try:
                self.said[name] = act()
            except BaseException as error:
                self.said[name] = error

        thread = threading.Thread(target=run, name=name)
        self.threads.append(thread)
        thread.start()
        return thread

    def until(self, true: Callable[[], Any], seconds: float = 20) -> None:
        """Until something is true."""
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, "it never became true"
            time.sleep(0.001)

    def wait(self, seconds: float = 20) -> dict[str, Any]:
        """Until all have done; what they got."""
        for thread in self.threads:
            thread.join(seconds)
            assert not thread.is_alive(), f"{thread.name} still waits"
        return self.said


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch) -> Iterator[People]:
    crowd = People()
    monkeypatch.setattr(sessions, "current", crowd.current)
    monkeypatch.setattr(sessions, "touch", crowd.touch)
    monkeypatch.setattr(sessions, "here", lambda name: name not in crowd.gone)
    monkeypatch.setattr(sessions, "connected", lambda name: name not in crowd.gone)
    yield crowd
    crowd.interrupted |= {thread.name for thread in crowd.threads}
    for thread in crowd.threads:
        thread.join(5)
