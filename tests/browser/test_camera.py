"""The live camera with Chromium's fake one: frames, what is clicked, and what stands in where something is missing.

The figures that are wanted of it are measured by ``tests/benchmarks/bench_camera.py`` on a machine that does nothing
else; here they only have to be of the right order.
"""

from __future__ import annotations

import base64
import io
import re
import statistics
import time

import av
import numpy as np
import pytest
from driven import Arrive, Person, Server
from PIL import Image
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

import core

PAGE = "/camera?network=lens5_standard&layer=conv4_2_relu"
REFUSED = {
    "NotAllowedError": "does not let this page use the camera",
    "NotFoundError": "No camera was found",
    "NotReadableError": "in use by another program",
}
NO_FILM = """
HTMLCanvasElement.prototype.captureStream = (capture => () => {
  const empty = document.createElement("canvas");
  window.saved = [];
  HTMLAnchorElement.prototype.click = function () { window.saved.push(this.download); };
  return capture.call(empty, 0);
})(HTMLCanvasElement.prototype.captureStream);
"""
NO_SECOND_SOCKET = """
const Socket = window.WebSocket;
window.WebSocket = class extends Socket {
  constructor(url, protocols) { super(String(url).includes("/convscope/live") ? "ws://127.0.0.1:9/" : url, protocols); }
};
"""


def camera(person: Person) -> Locator:
    return person.page.locator("div.camera")


def press(person: Person, name: str) -> None:
    person.page.get_by_role("button", name=name, exact=True).click()


def seen(person: Person) -> int:
    return int(camera(person).get_attribute("data-frames") or 0)


def see(person: Person, more: int) -> list[float]:
    """Wait until so many more frames have been answered; how long those took that were noticed, in milliseconds."""
    start, took, end = seen(person), [], time.monotonic() + 60
    while seen(person) < start + more:
        assert time.monotonic() < end, "no frames came"
        took.append(float(camera(person).get_attribute("data-ms") or 0))
        time.sleep(0.02)
    return took


def order_of_magnitude(person: Person) -> None:
    """Of the best of three looks: who else is at the machine is not what this is about."""
    for last in (False, False, True):
        since = time.monotonic()
        took = see(person, 30)
        rate, median = 30 / (time.monotonic() - since), statistics.median(took)
        if rate > 3 and median < 600:
            return
        assert not last, f"{rate:.1f} frames a second, {median:.0f} ms"


def stand_still(person: Person) -> int:
    """Wait until no frame is on its way any more; how many were answered."""
    count, since, end = seen(person), time.monotonic(), time.monotonic() + 60
    while time.monotonic() < since + 0.5:
        assert time.monotonic() < end, "frames go on"
        time.sleep(0.05)
        if seen(person) != count:
            count, since = seen(person), time.monotonic()
    return count


def later(person: Person, seconds: float) -> None:
    """Move the clock of the page on."""
    person.page.evaluate(
        "more => { performance.now = (now => () => now() + more)(performance.now.bind(performance)); }", 1000 * seconds
    )


def lines_of(page: Page, lines: list[WebSocketRoute]) -> None:
    """Note the live connections that a page makes from now on; each is passed on to the server."""

    def through(line: WebSocketRoute) -> None:
        lines.append(line)
        line.connect_to_server()

    page.route_web_socket(re.compile("/convscope/live"), through)


def wall(person: Person) -> str:
    """What the wall of channels looks like now."""
    return str(person.page.locator("div.wall canvas").evaluate("canvas => canvas.toDataURL('image/png')"))


def test_a_camera_is_looked_at_frame_by_frame(arrive: Arrive, server: Server) -> None:
    me = arrive(PAGE)
    expect(camera(me)).to_have_attribute("data-network", "lens5_standard")  # the chosen picture, before anything moves
    assert seen(me) == 0
    press(me, "Start the camera")
    see(me, 8)
    memory = server.memory
    order_of_magnitude(me)
    first, _ = wall(me), see(me, 5)
    assert wall(me) != first, "the fake camera's picture moves, and so must the wall"
    expect(me.page.locator("ol.answers li span:last-child")).to_have_text([re.compile(r"^\d+%$")] * 5)

    friend = arrive("/activations?network=lens5_standard&layer=conv2_relu")
    friend.find("Layer", "conv5_2_relu").click()
    expect(friend.wall).to_have_attribute("aria-label", re.compile("conv5_2_relu"))
    see(me, 3)
    assert server.memory - memory < 200 * 2**20

    me.page.locator("div.wall canvas").click(position={"x": 30, "y": 30})
    expect(me.page).to_have_url(re.compile(r"[?&]channel=\d+"))
    expect(me.page.locator("figure.moments canvas").first).to_be_visible()
    me.find("Draw", "DeconvNet").click()
    expect(me.page.locator("figure.back canvas")).to_be_visible()
    me.find("Network", "robust").click()  # while it runs
    expect(camera(me)).to_have_attribute("data-network", "lens5_robust")
    see(me, 2)
    expect(me.page.locator("p.says")).to_have_text("")


def test_a_frame_is_frozen_taken_and_recorded(arrive: Arrive) -> None:
    me = arrive(PAGE)
    press(me, "Start the camera")
    see(me, 3)
    with me.page.expect_download() as arriving:
        press(me, "Record 10 s")
        see(me, 8)
        later(me, 9)
    assert arriving.value.suggested_filename == "convscope_live.mp4"
    with av.open(str(arriving.value.path())) as video:
        assert video.streams.video[0].codec_context.name == "h264"
        assert sum(1 for _ in video.decode(video=0)) >= 3
    expect(me.page.locator("p.says")).to_have_text("")

    me.page.evaluate(
        NO_FILM
    )  # as an encoder that is not ready: the clock of a busy machine jumps before its first frame
    press(me, "Record 10 s")
    see(me, 2)
    later(me, 12)
    see(me, 3)
    expect(me.page.get_by_role("button", name=re.compile("^Recording"))).to_be_visible()
    later(me, 9)
    expect(me.page.locator("p.says")).to_contain_text("nothing was saved")
    expect(me.page.get_by_role("button", name="Record 10 s", exact=True)).to_be_visible()
    assert me.page.evaluate("window.saved") == []

    press(me, "Freeze")
    frozen = me.page.get_by_role("button", name="Go on", exact=True)
    expect(frozen).to_have_attribute("aria-pressed", "true")
    count, shown = stand_still(me), wall(me)
    me.find("Layer", "conv2_relu").click()  # a frozen frame can be looked at by other layers
    expect(camera(me)).to_have_attribute("data-layer", "conv2_relu")
    assert seen(me) > count and wall(me) != shown
    view = me.page.locator("canvas.view").evaluate("canvas => canvas.toDataURL('image/png')")
    press(me, "Take as picture")
    expect(me.picture("Live camera")).to_have_attribute("aria-selected", "true")
    expect(me.page).to_have_url(re.compile("picture=[0-9a-f]{24}"))
    assert Image.open(io.BytesIO(base64.b64decode(view.split(",")[1]))).size == (480, 480)
    frozen.click()
    see(me, 2)


def test_what_a_browser_refuses_is_said_in_a_sentence_and_the_film_stands_in(arrive: Arrive) -> None:
    me = arrive(PAGE)
    for name, words in REFUSED.items():
        me.page.evaluate(
            "name => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', name); }; }", name
        )
        press(me, "Start the camera")
        expect(me.page.locator("p.says")).to_contain_text(words)
    me.page.evaluate("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
    press(me, "Start the camera")
    expect(me.page.locator("p.says")).to_contain_text("https://")
    press(me, "Show a short film instead")
    see(me, 3)
    expect(me.page.locator("p.says")).to_have_text("")
    first, _ = wall(me), see(me, 3)
    assert wall(me) != first
    press(me, "Stop")
    own = np.zeros((24, 96, 128, 3), np.float32)
    own[::2] = core.fit(core.samples.load("cat"), height=96, width=128)
    file = {"name": "own.mp4", "mimeType": "video/mp4", "buffer": core.encode_mp4(own)}
    me.page.locator("input.file").set_input_files(file)
    see(me, 3)
    press(me, "Stop")
    me.page.locator("input.file").set_input_files({**file, "buffer": b"no film"})
    expect(me.page.locator("p.says")).to_contain_text("cannot play that film")


def test_where_no_second_socket_comes_through_sixteen_frames_go_at_once(arrive: Arrive) -> None:
    me = arrive(PAGE, before=lambda page: page.add_init_script(NO_SECOND_SOCKET))
    press(me, "Start the camera")
    strip = me.page.get_by_role("slider", name="Frame")
    expect(strip).to_be_visible()
    expect(camera(me)).to_have_attribute("data-which", "0")
    first = wall(me)
    strip.fill("15")
    expect(camera(me)).to_have_attribute("data-which", "15")
    assert wall(me) != first
    me.find("Layer", "conv2_relu").click()
    expect(camera(me)).to_have_attribute("data-layer", "conv2_relu")


def test_it_connects_again_after_sleep(arrive: Arrive) -> None:
    lines: list[WebSocketRoute] = []
    me = arrive(PAGE, before=lambda page: lines_of(page, lines))
    press(me, "Start the camera")
    see(me, 3)
    for code in (4004, 4002):  # a minute without a frame; and the page's own session, which is not back yet
        before = len(lines)
        lines[-1].close(code=code, reason="")
        see(me, 3)
        assert len(lines) == before + 1
    lines[-1].close(code=4003, reason="Another camera of this page took over")
    expect(me.page.locator("p.says")).to_have_text("Another camera of this page took over")
    expect(me.page.get_by_role("button", name="Start the camera", exact=True)).to_be_visible()


@pytest.mark.slow
def test_it_runs_where_the_pages_are_in_a_folder(arrive: Arrive, inside: Server) -> None:
    me = arrive(inside.url + PAGE)
    press(me, "Start the camera")
    see(me, 5)
    expect(camera(me)).to_have_attribute("data-network", "lens5_standard")
    expect(me.page.locator("p.says")).to_have_text("")
