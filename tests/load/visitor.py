"""One person with a browser, without the browser: Streamlit's own messages over its websocket."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

INTERNAL = "$$STREAMLIT_INTERNAL_KEY"
FINISHED = {ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_WITH_COMPILE_ERROR}


class UnsettledError(Exception):
    """The page did not come to rest in time."""


class Visitor:
    """A tab: what is on its page, and what a person can do with it."""

    def __init__(self, port: int, *, patience: float = 240.0) -> None:
        self.patience = patience
        self.pages: dict[str, str] = {}
        self.exceptions: list[str] = []
        self._page = ""
        self._query = ""
        self._states: dict[str, WidgetState] = {}
        self._cached: dict[str, ForwardMsg] = {}
        self._elements: dict[tuple[int, ...], Any] = {}
        self._fresh: dict[tuple[int, ...], Any] = {}
        self._news = threading.Condition()
        self._runs = self._ended = 0
        self._begun = False
        self._socket = connect(
            f"ws://127.0.0.1:{port}/_stcore/stream", subprotocols=["streamlit"], max_size=None,  # type: ignore[list-item]
            origin=f"http://127.0.0.1:{port}", open_timeout=patience,  # type: ignore[arg-type]
        )  # fmt: skip
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        """Close the tab."""
        self._socket.close()

    # ------------------------------------------------------------------------------------------- what one does

    def go(self, page: str = "", **query: str) -> None:
        """Open a page, by its name in addresses; waits until it is there."""
        self._query = urlencode(query)
        self._states = {}
        self._page = self.pages.get(page, "")
        self.settle(self._send())

    def choose(self, key: str, value: str) -> None:
        """Choose an option of a selectbox, by the option's words; waits."""
        self._set(key).string_value = value
        self.settle(self._send())

    def click(self, key: str, *, wait: bool = True) -> int:
        """Press a button; returns the number of the run, for ``settle``."""
        state = self._set(key)
        state.trigger_value = True
        run = self._send()
        del self._states[state.id]
        if wait:
            self.settle(run)
        return run

    def pick(self, key: str, event: str, value: Any) -> None:
        """What a component of our own tells: ``event`` with ``value``; waits."""
        state = self._set(key)
        state.json_value = "{}"
        told = WidgetState(id=f"{INTERNAL}_{state.id}__events")
        told.json_trigger_value = json.dumps([{"event": event, "value": value}])
        self._states[told.id] = told
        run = self._send()
        del self._states[told.id]
        self.settle(run)

    def settle(self, run: int) -> None:
        """Wait until the page of this run, or of a later one, is at rest."""
        self.until(lambda: self._ended >= run and self._ended == self._runs)

    def until(self, true: Callable[[], Any]) -> None:
        """Wait until something is true of the page."""
        end = time.monotonic() + self.patience
        with self._news:
            while not true():
                if not self._news.wait(min(1.0, end - time.monotonic())) and time.monotonic() >= end:
                    raise UnsettledError

    # ------------------------------------------------------------------------------------------- what one sees

    @property
    def elements(self) -> list[Any]:
        """What is on the page; while it is drawn, what has come of it so far."""
        with self._news:
            return list((self._elements if self._ended == self._runs else self._fresh).values())

    def find(self, key: str) -> Any:
        """The widget whose key this is, None where it is not on the page."""
        for element in self.elements:
            widget = getattr(element, element.WhichOneof("type") or "empty", None)
            if getattr(widget, "id", "").endswith(f"-{key}"):
                return widget
        return None

    def options(self, key: str) -> list[str]:
        """The options of a selectbox."""
        return list(self.find(key).options)

    @property
    def words(self) -> str:
        """All text."""
        texts = [one for one in self.elements if one.WhichOneof("type") in ("markdown", "alert", "progress", "heading")]
        return "\n".join(
            one.markdown.body or one.alert.body or one.progress.text or one.heading.body for one in texts
        )  # fmt: skip

    @property
    def errors(self) -> list[str]:
        """What the page says went wrong."""
        return [one.alert.body for one in self.elements if one.WhichOneof("type") == "alert" and one.alert.format == 1]

    # ------------------------------------------------------------------------------------------- the messages

    def _set(self, key: str) -> WidgetState:
        widget = self.find(key)
        if widget is None:
            raise LookupError(f"no {key} on the page")
        return self._states.setdefault(widget.id, WidgetState(id=widget.id))

    def _send(self) -> int:
        message = BackMsg()
        message.rerun_script.query_string = self._query
        message.rerun_script.page_script_hash = self._page
        message.rerun_script.widget_states.widgets.extend(self._states.values())
        with self._news:
            self._runs += 1
            self._begun = False  # what ends before it has begun is an earlier run
            run = self._runs
        self._socket.send(message.SerializeToString())
        return run

    def _listen(self) -> None:
        try:
            for data in self._socket:
                message = ForwardMsg.FromString(bytes(data))  # type: ignore[arg-type]
                if ref := message.ref_hash:
                    where = message.metadata
                    message = ForwardMsg()
                    message.CopyFrom(self._cached[ref])
                    message.metadata.CopyFrom(where)
                elif message.metadata.cacheable or message.hash:
                    self._cached[message.hash] = message
                with self._news:
                    self._take(message)
                    self._news.notify_all()
        except ConnectionClosed:
            return

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._fresh = {}
            self._begun = self._page in ("", message.new_session.page_script_hash)
        elif kind == "navigation":
            self.pages = {page.url_pathname: page.page_script_hash for page in message.navigation.app_pages}
            self.pages[""] = next(page.page_script_hash for page in message.navigation.app_pages if page.is_default)
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            element = message.delta.new_element
            self._fresh[tuple(message.metadata.delta_path)] = element
            if element.WhichOneof("type") == "exception":
                self.exceptions.append(element.exception.message)
        elif kind == "script_finished" and message.script_finished in FINISHED and self._begun:
            self._elements = self._fresh
            self._ended = self._runs


def answer(words: str) -> str:
    """What the first page says of the picture: the likeliest class."""
    found = re.search(r"\*\*(.+?)\*\*", words.split("It says", 1)[-1])
    return found[1] if found else ""
