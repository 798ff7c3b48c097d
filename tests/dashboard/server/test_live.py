"""The live camera's door: who comes in, what closes it, and what survives. Spoken to as ASGI does, without a server."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras import Input, Model
from keras import layers as L  # noqa: N812
from PIL import Image
from starlette.websockets import WebSocket

import core
from dashboard.server import frames, live, networks, sessions
from dashboard.server.compiling import Compiling
from dashboard.server.slot import Slot

HOST = "convscope.example"
SETTINGS = {"layer": "conv1_relu"}


def jpeg(seed: int = 0, size: tuple[int, int] = (40, 24)) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), np.uint8)
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return file.getvalue()


def message(settings: Any = None, picture: bytes | None = None) -> bytes:
    text = json.dumps(settings or SETTINGS).encode()
    return struct.pack("<I", len(text)) + text + (jpeg() if picture is None else picture)


def huge() -> bytes:
    """A small file that says it has 20,000 x 20,000 pixels."""
    data = jpeg()
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", 20_000, 20_000) + data[at + 4 :]


class Browser:
    """One connection, as a browser would make it."""

    def __init__(self, session: str = "ada", *, ticket: str = "", **headers: str) -> None:
        headers = {"host": HOST, "origin": f"https://{HOST}", **headers}
        self._in: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._out: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._in.put_nowait({"type": "websocket.connect"})
        scope = {
            "type": "websocket",
            "path": "/convscope/live",
            "query_string": f"ticket={ticket or live.TICKETS.of(session)}".encode(),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items() if value],
        }
        self.task = asyncio.ensure_future(live.serve(WebSocket(scope, self._in.get, self._out.put)))

    async def hears(self) -> dict[str, Any]:
        return await asyncio.wait_for(self._out.get(), 20)

    async def accepted(self) -> Browser:
        assert (await self.hears())["type"] == "websocket.accept"
        return self

    async def asks(self, data: bytes | None = None) -> dict[str, Any]:
        """Send a frame; what was found in it."""
        self.sends(bytes=message() if data is None else data)
        heard = await self.hears()
        assert heard["type"] == "websocket.send", heard
        said, parts = frames.unpacked(heard["bytes"])
        return said | {"pictures": parts}

    def sends(self, **content: Any) -> None:
        self._in.put_nowait({"type": "websocket.receive", **content})

    async def closed(self) -> tuple[int, str]:
        heard = await self.hears()
        assert heard["type"] == "websocket.close", heard
        await asyncio.wait_for(self.task, 20)
        return heard["code"], heard.get("reason") or ""

    async def leaves(self) -> None:
        self._in.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await asyncio.wait_for(self.task, 20)


@pytest.fixture
def chosen(tiny: core.Classifier, people: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, core.Classifier]:
    """The network that each session has chosen; and nobody is here yet."""
    uses: dict[str, core.Classifier] = dict.fromkeys(("ada", "bob", "cyd", "dan"), tiny)
    monkeypatch.setattr(live.NETWORKS, "chosen", lambda session: session if session in uses else None)
    monkeypatch.setattr(networks, "network", uses.__getitem__)
    monkeypatch.setattr(live, "TICKETS", live.Tickets())
    monkeypatch.setattr(live, "CAMERAS", live.Cameras())
    return uses


def talk(act: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(act())


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://elsewhere.example"},
        {"origin": f"https://{HOST}:8443"},
        {"origin": f"https://{HOST}.elsewhere.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "https://elsewhere.example", "x_forwarded_host": HOST},
    ],
    ids=str,
)
def test_pages_of_others_are_refused_before_anything_is_accepted(chosen: Any, headers: dict[str, str]) -> None:
    async def act() -> None:
        assert await Browser(**headers).closed() == (live.FOREIGN, "")

    talk(act)


def test_a_proxy_may_call_the_server_by_another_name(chosen: Any) -> None:
    async def act() -> None:
        browser = await Browser(host="10.0.0.7:8501", x_forwarded_host=HOST).accepted()
        assert (await browser.asks())["network"] == "tiny"
        await browser.leaves()

    talk(act)


def test_who_has_no_ticket_of_an_open_page_is_refused(chosen: Any, people: Any) -> None:
    async def act() -> None:
        assert (await (await Browser(ticket="guessed").accepted()).closed())[0] == live.STRANGER
        ticket = live.TICKETS.of("bob")
        people.gone.add("bob")
        assert (await (await Browser(ticket=ticket).accepted()).closed())[0] == live.STRANGER

    talk(act)


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ({"text": json.dumps(SETTINGS)}, live.TEXT, "got text"),
        ({"bytes": message(picture=bytes(2**20))}, live.LARGE, "at most 128 kB, got 1024 kB"),
        ({"bytes": message(picture=b"\x89PNG\r\n\x1a\n" + bytes(50))}, live.WRONG, "as JPEG"),
        ({"bytes": message(picture=b"")}, live.WRONG, "as JPEG"),
        ({"bytes": message(picture=jpeg()[:300])}, live.WRONG, "cut off or damaged"),
        ({"bytes": message(picture=huge())}, live.WRONG, "megapixels"),
        ({"bytes": b""}, live.WRONG, "Expected settings and a frame"),
        ({"bytes": b"\xff\xff\xff\xff" + jpeg()}, live.WRONG, "Expected settings and a frame"),
        ({"bytes": message([1, 2])}, live.WRONG, "Expected settings and a frame"),
        ({"bytes": struct.pack("<I", 2000) + b"[" * 2000 + jpeg()}, live.WRONG, "Expected settings and a frame"),
        ({"bytes": message({"layer": 7})}, live.WRONG, "name of a layer"),
        ({"bytes": message({**SETTINGS, "channel": True})}, live.WRONG, "numbers of channels"),
        ({"bytes": message({**SETTINGS, "draw": ["cam"]})}, live.WRONG, "Expected settings"),
        ({"bytes": message({**SETTINGS, "count": 10**9})}, live.WRONG, "Expected settings"),
        ({"bytes": message({**SETTINGS, "count": 16.0})}, live.WRONG, "numbers of channels"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_leaves_the_rules_closes_with_a_sentence(
    chosen: Any, content: dict[str, Any], code: int, words: str
) -> None:
    async def act() -> None:
        browser = await Browser().accepted()
        browser.sends(**content)
        got, reason = await browser.closed()
        assert got == code and words in reason
        assert len(reason.encode()) <= live.MOST_REASON
        assert len(live.CAMERAS) == 0

    talk(act)


def test_a_frame_is_answered(chosen: Any, tiny: core.Classifier) -> None:
    async def act() -> None:
        browser = await Browser().accepted()
        found = await browser.asks(message({"layer": "conv1_relu", "count": 16, "order": "now"}))
        look = core.look(tiny, frames.picture(jpeg()), "conv1_relu")
        assert found["channels"] == look.ranking.tolist() and found["strongest"] == look.ranking[:5].tolist()
        assert [one[0] for one in found["answers"]] == np.argsort(-look.answers).tolist()
        assert found["answers"][0][1:3] == [
            tiny.labels[int(look.answers.argmax())],
            round(float(look.answers.max()), 4),
        ]
        wall, grid = np.asarray(Image.open(io.BytesIO(found["pictures"]["wall"]))), found["grid"]
        for index, own in enumerate(look.maps):
            top, left = index // grid["columns"] * grid["down"], index % grid["columns"] * grid["right"]
            tile = wall[top : top + grid["height"], left : left + grid["width"]].astype(int)
            assert np.abs(tile - own).mean() < 12, "noise in a JPEG; another channel is 40 away"
        await browser.leaves()

    talk(act)


def test_the_network_may_change_while_it_runs(chosen: dict[str, core.Classifier]) -> None:
    image = Input((16, 16, 3))
    other = core.classifier(Model(image, L.Conv2D(4, 3, name="only", activation="relu")(image)), name="other")

    async def act() -> None:
        browser = await Browser().accepted()
        assert (await browser.asks())["network"] == "tiny"
        chosen["ada"] = other
        found = await browser.asks()
        assert found["network"] == "other" and "has no layer 'conv1_relu'" in found["note"] and not found["pictures"]
        found = await browser.asks(message({"layer": "only", "channel": 3}))
        assert found["channel"] == 3 and found["answers"] == [] and "note" not in found
        assert "0 to 3" in (await browser.asks(message({"layer": "only", "channel": 4})))["note"]
        while "note" not in (found := await browser.asks(message({"layer": "only", "draw": "cam"}))):
            assert not found["ready"] and found["draw"] == "activations"
        assert "classes" in found["note"]
        await browser.leaves()

    talk(act)


def test_a_closed_tab_leaves_nothing(chosen: Any, people: Any) -> None:
    async def act() -> None:
        first = await Browser().accepted()
        await first.asks()
        assert len(live.CAMERAS) == 1
        await first.leaves()
        assert len(live.CAMERAS) == 0
        second = await Browser().accepted()
        await second.asks()
        people.gone.add("ada")  # its page went, and the connection did not
        second.sends(bytes=message())
        assert (await second.closed())[0] == live.GONE
        assert len(live.CAMERAS) == 0

    talk(act)


def test_a_session_has_one_camera_and_others_have_theirs(chosen: Any) -> None:
    async def act() -> None:
        first, other = await Browser().accepted(), await Browser("bob").accepted()
        await first.asks()
        second = await Browser().accepted()
        assert await first.closed() == (live.REPLACED, "Another camera of this page took over")
        found = await asyncio.gather(*(one.asks() for one in (second, other)))
        assert all("note" not in one for one in found) and len(live.CAMERAS) == 2
        await second.leaves()
        assert len(live.CAMERAS) == 1, "the one that was replaced takes nobody's place with it"
        await other.leaves()

    talk(act)


def test_public_mode_has_a_few_at_once(chosen: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSCOPE_MODE", "public")

    async def act() -> None:
        there = [await Browser(who).accepted() for who in ("ada", "bob", "cyd")]
        for one in there:
            await one.asks()
        code, reason = await (await Browser("dan").accepted()).closed()
        assert code == live.FULL and "at most 3 live cameras" in reason
        await there[0].leaves()
        late = await Browser("dan").accepted()
        assert (await late.asks())["network"] == "tiny"
        for one in (*there[1:], late):
            await one.leaves()

    talk(act)


def test_pages_that_others_draw_go_first_but_not_for_ever(chosen: Any, people: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(sessions, "FRESH", 60.0)
    monkeypatch.setattr(sessions, "_drawn_since", {})
    waited: dict[str, float] = {}

    async def act(what: str, camera: Browser) -> None:
        since = time.monotonic()
        await camera.asks()
        waited[what] = time.monotonic() - since

    async def several() -> None:
        camera = await Browser("ada").accepted()
        await act("compiling", camera)
        for what, who in (("nobody", ""), ("my own page", "ada"), ("another's page", "bob"), ("drawn", "")):
            people.be(who or "bob")
            (sessions.begin_page if who else sessions.end_page)()
            await act(what, camera)
            people.be("ada")
            sessions.end_page()
        await camera.leaves()

    monkeypatch.setattr(live, "MOST_WAIT", 1.0)
    talk(several)
    assert waited["another's page"] >= 1.0, "it waits for it, and then goes on all the same"
    assert max(waited[one] for one in ("nobody", "my own page", "drawn")) < 1.0, waited


def test_silence_closes_and_one_may_come_again(chosen: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert live.SILENCE == 60

    async def act() -> None:
        monkeypatch.setattr(live, "SILENCE", 0.3)
        browser = await Browser().accepted()
        await browser.asks()
        code, reason = await browser.closed()
        assert code == live.SILENT and "without a frame" in reason
        monkeypatch.setattr(live, "SILENCE", 20)
        again = await Browser().accepted()
        assert (await again.asks())["network"] == "tiny"
        await again.leaves()

    talk(act)


def test_the_app_has_the_route_and_starts_without_tensorflow() -> None:
    said = (
        "import sys; from dashboard.streamlit_app import app; "
        "from starlette.routing import Match; "
        "found = lambda path: any(r.matches({'type': 'websocket', 'path': path, 'headers': []})[0] == Match.FULL "
        "for r in app._user_routes); "
        "paths = ('/convscope/live', '/in/a/folder/convscope/live', '/convscope/live/', '/a/convscope/lives'); "
        "print([found(path) for path in paths], 'tensorflow' in sys.modules)"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", said], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[True, True, False, False] False"


def test_a_burst_is_answered_like_frames(chosen: Any, people: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    people.be("ada")
    asked = [message(picture=jpeg(seed)) for seed in range(3)]
    found = live.burst([base64.b64encode(one).decode() for one in asked])
    watcher = frames.Watcher()
    for one, answer in zip(asked, found, strict=True):
        wish, picture = frames.split(one)
        said, parts = frames.unpacked(watcher.answer(chosen["ada"], wish, frames.picture(picture)))
        own, own_parts = frames.unpacked(base64.b64decode(answer))
        assert own | {"ms": 0} == said | {"ms": 0} and own_parts == parts


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([], "1 to 16 frames"),
        ([""] * 17, "1 to 16 frames"),
        (["not base64!"], "Expected settings"),
        (["A" * 300_000], "at most 128 kB"),
        ([base64.b64encode(message(picture=huge())).decode()], "megapixels"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_burst_out_of_the_rules_is_refused(chosen: Any, people: Any, messages: list[str], words: str) -> None:
    people.be("ada")
    with pytest.raises(ValueError, match=words):
        live.burst(messages)


def test_the_wall_keeps_its_order_or_not_as_it_is_asked(tiny: core.Classifier) -> None:
    looks = [core.look(tiny, frames.picture(jpeg(seed)), "conv1_relu").ranking.tolist() for seed in range(8)]
    other = next(seed for seed, ranking in enumerate(looks) if ranking != looks[0])
    for order, expected in (("once", looks[0]), ("now", looks[other]), ("number", list(range(6)))):
        watcher, wish = frames.Watcher(), frames.Wish("conv1_relu", order=order)
        said = [frames.unpacked(watcher.answer(tiny, wish, frames.picture(jpeg(one))))[0] for one in (0, other)]
        assert said[1]["channels"] == expected and said[1]["strongest"] == looks[other][:5]


@pytest.mark.parametrize("draw", frames.DRAWS)
def test_every_way_of_drawing_gives_pictures(tiny: core.Classifier, draw: str) -> None:
    watcher = frames.Watcher()
    frame = core.resize(frames.picture(jpeg(size=(80, 48))), height=24, width=40)
    said, parts = frames.unpacked(
        watcher.answer(tiny, frames.Wish("conv2_relu", draw=draw, channel=2), frame, wait=True)
    )
    if draw == "dream":  # this network's pictures are under 32 pixels high
        assert "at least 32 pixels" in said["note"]
        return
    assert "note" not in said and set(parts) - {"wall", "map"} == (
        {"over"} if draw == "cam" else {"picture"} - ({"picture"} if draw == "activations" else set())
    )
    for part in parts.values():
        Image.open(io.BytesIO(part)).load()


def test_tiles_of_every_size_come_back_where_the_grid_says() -> None:
    for side, shown in ((1, 14), (4, 16), (7, 14), (14, 14), (28, 28), (112, 56), (113, 37)):
        maps = np.random.default_rng(side).integers(0, 256, (5, side, side), np.uint8)
        laid, grid = frames.tiles(maps)
        assert (grid["height"], grid["width"]) == (shown, shown) and grid["down"] % 8 == grid["right"] % 8 == 0
        for index in range(5):
            top, left = index // grid["columns"] * grid["down"], index % grid["columns"] * grid["right"]
            tile = laid[top : top + shown, left : left + shown]
            assert abs(float(tile.mean()) - float(maps[index].mean())) < 3


def test_long_work_and_frames_go_on_beside_each_other(tiny: core.Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    slot = Slot(chunk=0.02)
    monkeypatch.setattr(frames, "SLOT", slot)
    done: list[str] = []

    def work() -> None:
        with slot.turn():
            for _ in range(40):
                time.sleep(0.01)
                done.append("work")
                slot.give_way()

    worker = threading.Thread(target=work)
    worker.start()
    watcher = frames.Watcher()
    for _ in range(5):
        watcher.answer(tiny, frames.Wish("conv1_relu"), frames.picture(jpeg()))
        done.append("frame")
    worker.join(20)
    assert done.count("work") == 40 and done[-1] == "work", "no frame waited for the end of it"
    first, last = done.index("frame"), len(done) - done[::-1].index("frame")
    assert "work" in done[first:last], "and it did not wait for the frames"


def test_frames_go_on_while_something_is_compiled(tiny: core.Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, may_end = threading.Event(), threading.Event()
    real = frames.prepare

    def slowly(classifier: core.Classifier, wish: frames.Wish) -> None:
        begun.set()
        assert may_end.wait(20)
        real(classifier, wish)

    monkeypatch.setattr(frames, "prepare", slowly)
    monkeypatch.setattr(frames, "COMPILING", Compiling())
    watcher, wish = frames.Watcher(), frames.Wish("conv1_relu", draw="guided", channel=0)

    def ask(wait: bool = False) -> tuple[dict[str, Any], dict[str, bytes]]:
        return frames.unpacked(watcher.answer(tiny, wish, frames.picture(jpeg()), wait=wait))

    for _ in range(3):
        said, parts = ask()
        assert not said["ready"] and set(parts) == {"wall", "map"} and said["answers"]
    assert begun.wait(20) and not frames.SLOT.held
    may_end.set()
    said, parts = ask(wait=True)
    assert said["ready"] and said["draw"] == "guided" and "picture" in parts
