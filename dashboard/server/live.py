"""The live camera's own door: a WebSocket beside Streamlit's, one binary message for each frame and each answer.

Who comes in: a browser on a page of this server (its Origin is the host that it talks to), with the ticket of a session
whose page is open. The network is the one that this session has chosen; everything else comes with each frame, so that
widgets change it without a new connection. The browser sends the next frame when the answer has come: nothing queues.
What leaves the rules closes the connection with a sentence. One camera per session: a new one takes over. A frame is
computed in a thread, in the compute slot for as long as it takes.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.websockets import WebSocket, WebSocketDisconnect

import core
from dashboard.server import frames, limits, networks, sessions, uploads
from dashboard.server.cache import cached
from dashboard.server.frames import COUNTS
from dashboard.server.loaded import NETWORKS

__all__ = ["COUNTS", "burst", "film", "frame_size", "serve", "still", "ticket"]

SILENCE = 60.0
"""Seconds after which a connection without frames is closed."""
FOREIGN, TEXT, WRONG, LARGE = 1008, 1003, 1007, 1009
FULL, STRANGER, REPLACED, SILENT, GONE = 4001, 4002, 4003, 4004, 4005
MOST_REASON = 123
THREADS = 8
MOST_WAIT, LOOK_AGAIN = 0.3, 0.01
"""Seconds that a frame waits at most while others' pages are drawn, so that their clicks go before live pictures."""
BURST = 16
FRAME_SIDE, FILM_SIDE = 448, 320
_POOL = ThreadPoolExecutor(THREADS, thread_name_prefix="camera")


class Tickets:
    """Who may connect: a secret for each session that has the page open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[str, str] = {}

    def of(self, session: str) -> str:
        """The ticket of a session."""
        with self._lock:
            self._sessions = {one: who for one, who in self._sessions.items() if sessions.here(who)}
            found = next((ticket for ticket, who in self._sessions.items() if who == session), None)
            ticket = found or secrets.token_urlsafe(24)
            self._sessions[ticket] = session
            return ticket

    def session(self, ticket: str) -> str | None:
        """Whose ticket it is, where that session's page is open."""
        with self._lock:
            session = self._sessions.get(ticket)
        return session if session is not None and sessions.connected(session) else None


TICKETS = Tickets()


def ticket() -> str:
    """The ticket of this session, for its page."""
    return TICKETS.of(sessions.current())


@dataclass(eq=False)
class Camera:
    """One connection."""

    session: str
    watcher: frames.Watcher = field(default_factory=frames.Watcher)
    replaced: asyncio.Event = field(default_factory=asyncio.Event)


class Refusal(Exception):  # noqa: N818 - it is none that anybody has to handle but ``serve``
    """Why a connection is closed: code and sentence."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class Cameras:
    """Those that are connected, by session. For the event loop only."""

    def __init__(self) -> None:
        self._here: dict[str, Camera] = {}

    def __len__(self) -> int:
        return len(self._here)

    def admit(self, session: str) -> Camera:
        """A new connection; one of the same session ends. Raises Refusal where there are too many."""
        most = limits.limits().cameras
        if session not in self._here and len(self._here) >= most:
            raise Refusal(FULL, f"Expected at most {most} live cameras at once on this server; please try again later")
        if before := self._here.get(session):
            before.replaced.set()
        self._here[session] = Camera(session)
        return self._here[session]

    def leave(self, camera: Camera) -> None:
        """A connection has ended."""
        if self._here.get(camera.session) is camera:
            del self._here[camera.session]


CAMERAS = Cameras()


def own_page(headers: Mapping[str, str]) -> bool:
    """Whether a request comes from a page of this server: a browser says where its page is from, and cannot lie.

    A proxy may call the server by another name; then it tells by which name it was called itself.
    """
    host = urlsplit(headers.get("origin", "")).netloc
    return bool(host) and host in (headers.get("host"), headers.get("x-forwarded-host"))


async def serve(websocket: WebSocket) -> None:
    """One connection, from its beginning to its end."""
    if not own_page(websocket.headers):
        await websocket.close(FOREIGN)  # before it was accepted: the browser sees 403
        return
    await websocket.accept()
    camera = None
    try:
        session = TICKETS.session(websocket.query_params.get("ticket", ""))
        if session is None:
            raise Refusal(STRANGER, "Expected the page of this camera to be open; please reload it")
        camera = CAMERAS.admit(session)
        while True:
            await websocket.send_bytes(await _answer(camera, await _next(websocket, camera)))
    except Refusal as refusal:
        await _close(websocket, refusal)
    except WebSocketDisconnect:
        pass
    finally:
        if camera is not None:
            CAMERAS.leave(camera)


async def _close(websocket: WebSocket, refusal: Refusal) -> None:
    try:
        await websocket.close(refusal.code, refusal.reason[:MOST_REASON])
    except (RuntimeError, WebSocketDisconnect):
        return  # the browser was faster


async def _next(websocket: WebSocket, camera: Camera) -> bytes:
    """The next frame. Raises Refusal or WebSocketDisconnect."""
    came = asyncio.ensure_future(websocket.receive())
    replaced = asyncio.ensure_future(camera.replaced.wait())
    try:
        await asyncio.wait({came, replaced}, timeout=SILENCE, return_when=asyncio.FIRST_COMPLETED)
        if camera.replaced.is_set():
            raise Refusal(REPLACED, "Another camera of this page took over")
        if not came.done():
            raise Refusal(SILENT, f"Closed after {SILENCE:.0f} seconds without a frame")
        message = came.result()
    finally:
        for one in (came, replaced):
            one.cancel()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    data = message.get("bytes")
    if data is None:
        raise Refusal(TEXT, "Expected a frame as a binary message, got text")
    if len(data) > frames.FRAME_BYTES:
        most = frames.FRAME_BYTES // 1024
        raise Refusal(LARGE, f"Expected a frame of at most {most} kB, got {len(data) // 1024} kB")
    return bytes(data)


async def _answer(camera: Camera, message: bytes) -> bytes:
    """The answer to a frame, computed in a thread. Raises Refusal."""
    if not sessions.connected(camera.session):
        raise Refusal(GONE, "Closed, because its page was closed")
    return await asyncio.get_running_loop().run_in_executor(_POOL, _computed, camera, message)


def _computed(camera: Camera, message: bytes) -> bytes:
    try:
        wish, jpeg = frames.split(message)
        frame = frames.picture(jpeg)
    except ValueError as error:
        raise Refusal(WRONG, str(error)) from error
    name = NETWORKS.chosen(camera.session)
    if name is None:
        raise Refusal(GONE, "Closed, because its page has no network")
    _let_others_draw(camera.session)
    return camera.watcher.answer(networks.network(str(name)), wish, frame)


def _let_others_draw(session: str) -> None:
    end = time.monotonic() + MOST_WAIT
    while sessions.others_draw(session) and time.monotonic() < end:
        time.sleep(LOOK_AGAIN)


def burst(messages: Sequence[str]) -> list[str]:
    """The answers to up to 16 frames with their settings, both in base64, for this session. Raises ValueError.

    For where a proxy lets no second socket through: they come through Streamlit's own, all at once.
    """
    if not 1 <= len(messages) <= BURST:
        raise ValueError(f"Expected 1 to {BURST} frames, got {len(messages)}")
    name = NETWORKS.chosen(sessions.current())
    watcher, found = frames.Watcher(), []
    for message in messages:
        if len(message) > 2 * frames.FRAME_BYTES:
            raise ValueError(f"Expected frames of at most {frames.FRAME_BYTES // 1024} kB, got a larger one")
        try:
            data = base64.b64decode(message, validate=True)
        except binascii.Error as error:
            raise ValueError("Expected settings and a frame, got something else") from error
        wish, jpeg = frames.split(data)
        answer = watcher.answer(networks.network(str(name)), wish, frames.picture(jpeg), wait=True)
        found.append(base64.b64encode(answer).decode())
    return found


def frame_size(classifier: core.Classifier) -> tuple[int, int]:
    """Height and width in which frames are sent: the network's own, or smaller where that is large."""
    height, width = classifier.size
    scale = min(1.0, FRAME_SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


@cached
def still(name: str) -> bytes:
    """The middle of a picture as a JPEG of the size of the film's."""
    return core.encode_jpeg(core.fit(uploads.read(name), height=FILM_SIDE, width=FILM_SIDE)[0], quality=75)


def film() -> list[bytes]:
    """The sample photographs, of which the browser draws a film for those who have no camera."""
    return [still(name) for name in core.samples.names()]
