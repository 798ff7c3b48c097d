"""Several servers behind one address: nginx as the package configures it, and what people see of it.

Two people land on two servers and stay there; a server ends under one of them. And what a proxy may do to the camera's
connection: pass it on in a folder of its address, refuse it, or let it wait.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from driven import Arrive, Person, Server, free_port
from playwright.sync_api import Page, expect
from proxied import Proxy, configured, nginx, passed_on, serve, takes
from test_camera import camera, press, see

import core

ATTACK = "/attack?network=lens5_standard&epsilon_linf=2.0"
CAMERA = "/camera?network=lens5_standard&layer=conv4_2_relu"
VERDICT = re.compile("Fools the network, verified|Does not fool")
NOT_UPGRADED = """
    location ~ /convscope/live$ {
        proxy_pass http://$convscope_group;
        proxy_set_header Host $http_host;
        proxy_set_header Connection close;
    }
"""
SILENT = """
    location ~ /convscope/live$ {{
        proxy_pass http://127.0.0.1:{port};
    }}
"""
NOTE_WHEN_IT_CONNECTS = """
const Socket = window.WebSocket;
window.WebSocket = class extends Socket {
  constructor(url, protocols) {
    super(url, protocols);
    if (String(url).includes("/convscope/live")) window.connectedAt = performance.now();
  }
};
"""
UNTIL_IT_SAYS_SO = """says => new Promise(done => {
  const look = () => /lets no live connection through/.test(says.textContent)
    ? done(performance.now() - window.connectedAt) : setTimeout(look, 5);
  look();
})"""


@dataclass
class House:
    """Two servers behind nginx, by the number that its cookie has."""

    proxy: Proxy
    servers: dict[int, Server]

    @property
    def url(self) -> str:
        return self.proxy.url

    def of(self, person: Person) -> int:
        """The server on which a person is."""
        found = [one for one in person.page.context.cookies(self.url) if one["name"] == "convscope"]
        assert found[0]["httpOnly"] and found[0]["path"] == "/"
        return int(found[0]["value"])

    def end(self, number: int) -> None:
        self.servers[number].stop()

    def begin(self, number: int) -> None:
        """Start a server that has ended."""
        self.servers[number] = serve(self.servers[number].port)
        self.servers[number].wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """What people arrive at in this file."""
    nginx()
    servers = {number: serve(free_port()) for number in (1, 2)}
    try:
        for one in servers.values():
            one.wait()
        with passed_on(tmp_path_factory.mktemp("nginx"), [one.port for one in servers.values()]) as proxy:
            yield House(proxy, servers)
    finally:
        for one in servers.values():
            one.stop()


@pytest.fixture
def all_there(server: House) -> Iterator[House]:
    """The servers; whichever ended is there again after the test."""
    yield server
    for number, one in server.servers.items():
        if one.process.poll() is not None:
            server.begin(number)


def own_picture() -> bytes:
    """A file that no server has."""
    return core.encode_jpeg(core.fit(core.samples.load("cat"), height=96, width=128)[0, :, ::-1])


def shown(page: Page, name: str) -> None:
    """The picture of that name is chosen, and is what the page is about."""
    expect(page.get_by_role("option", name=name, exact=True)).to_have_attribute("aria-selected", "true")
    expect(
        page.get_by_test_id("stImageCaption").or_(page.get_by_test_id("stCaptionContainer")).filter(has_text=name).first
    ).to_be_visible()


def moved(house: House, person: Person, before: int) -> None:
    """Wait until a person is on another server than before."""
    end = time.monotonic() + 60
    while house.of(person) == before:
        assert time.monotonic() < end, f"still on server {before}, which has ended"
        person.page.wait_for_timeout(100)


def without_alarm(person: Person) -> None:
    """No error, no trace, no dialog; and somewhere to go."""
    for one in ("stException", "stAlertContentError", "stDialog"):
        expect(person.page.get_by_test_id(one)).to_have_count(0)
    expect(person.page.get_by_text("Traceback")).to_have_count(0)


def test_nginx_takes_the_configuration(tmp_path: Path) -> None:
    assert takes(configured(tmp_path, 8080, (8601, 8602))) == ""
    assert "unknown directive" in takes(configured(tmp_path, 8080, (8601, 8602), more="sticky;"))


@pytest.mark.slow
def test_two_people_are_on_two_servers_and_each_stays_on_theirs(arrive: Arrive, all_there: House) -> None:
    me, friend = arrive(computer="first"), arrive(computer="second")
    mine, theirs = all_there.of(me), all_there.of(friend)
    assert {mine, theirs} == {1, 2}

    me.bring("garden.jpg", own_picture())
    me.page.goto(f"{all_there.url}{ATTACK}&{me.page.url.partition('?')[2]}")
    me.settle()
    shown(me.page, "garden.jpg")
    me.page.get_by_role("button", name="Run", exact=True).click()
    expect(me.page.get_by_text(VERDICT)).to_be_visible()
    verdict = me.settle().page.get_by_text(VERDICT).inner_text()
    me.page.reload()
    me.settle()
    shown(me.page, "garden.jpg")
    expect(me.page.get_by_text(VERDICT)).to_have_text(verdict)
    without_alarm(me)

    friend.go(me.page.url.removeprefix(all_there.url))  # my address, on another server
    expect(friend.page.get_by_text("The picture of this address is no longer here")).to_be_visible()
    expect(friend.page.get_by_text("Bring it again under Your own picture")).to_be_visible()
    without_alarm(friend)
    assert (all_there.of(me), all_there.of(friend)) == (mine, theirs)
    for one in all_there.proxy.asked:
        assert one.status < 400 or one.path.startswith("/media/"), (
            one
        )  # a run's last preview may be gone before it came
        assert not one.number or one.port == all_there.servers[int(one.number)].port, one


@pytest.mark.slow
def test_a_camera_and_its_person_go_on_when_their_server_ends(arrive: Arrive, all_there: House) -> None:
    me = arrive(computer="first")
    me.bring("garden.jpg", own_picture())
    me.go(f"{CAMERA}&{me.page.url.partition('?')[2]}")
    press(me, "Start the camera")
    see(me, 5)
    before = all_there.of(me)
    all_there.end(before)
    expect(me.page.locator("p.says")).to_contain_text("Connecting again")
    see(me, 5)
    after = all_there.of(me)
    assert {before, after} == {1, 2}
    expect(me.page.locator("p.says")).to_have_text("")
    expect(me.page.get_by_text("The picture of this address is no longer here")).to_be_visible()
    without_alarm(me)

    me.page.get_by_role("link", name="Adversarial examples").first.click()
    me.settle()
    me.bring("again.jpg", own_picture())
    shown(me.page, "again.jpg")
    all_there.begin(before)
    me.page.reload()
    shown(me.settle().page, "again.jpg")
    assert all_there.of(me) == after, "who was moved once stays there"
    without_alarm(me)


@pytest.mark.slow
def test_a_run_whose_server_ends_is_made_by_another(arrive: Arrive, all_there: House) -> None:
    me = arrive("/filters?network=lens5_standard&many=16&steps=512&size=128", computer="first")
    me.page.get_by_role("button", name="Run", exact=True).click()
    expect(me.page.get_by_text(re.compile("^Step ([2-9][0-9]|[0-9]{3}) of 512"))).to_be_visible()
    before = all_there.of(me)
    all_there.end(before)
    moved(all_there, me, before)
    expect(me.page.get_by_text(re.compile("^Step 1?[0-9] of 512"))).to_be_visible()  # it began anew
    me.page.get_by_role("button", name="Stop", exact=True).click()
    expect(me.page.get_by_text(re.compile("Stopped: step"))).to_be_visible()
    assert all_there.of(me) != before
    without_alarm(me)


@pytest.mark.slow
def test_where_no_server_is_left_a_sentence_says_so_until_one_is_there(arrive: Arrive, all_there: House) -> None:
    me = arrive(computer="first")
    for number in all_there.servers:
        all_there.end(number)
    me.page.goto(all_there.url + ATTACK)
    expect(me.page.get_by_text("Convscope is not running at the moment.")).to_be_visible()
    all_there.begin(2)
    expect(me.page.get_by_role("button", name="Run", exact=True)).to_be_visible()
    without_alarm(me.settle())
    assert all_there.of(me) == 2


@pytest.mark.slow
def test_pages_in_a_folder_and_their_camera_come_through(arrive: Arrive, server: House, tmp_path: Path) -> None:
    port = free_port()
    inside = serve(port, base="/in/a-folder")
    try:
        inside.wait()
        with passed_on(tmp_path, [port, port]) as proxy:
            me = arrive(f"{proxy.url}/in/a-folder{CAMERA}", computer="third")
            press(me, "Start the camera")
            see(me, 5)
            expect(me.page.locator("p.says")).to_have_text("")
            me.bring("garden.jpg", own_picture())
            shown(me.page, "garden.jpg")
            assert {one.status for one in proxy.asked if "/in/a-folder" in one.path} <= {101, 200, 204, 206, 304}
            me.page.goto("about:blank")
    finally:
        inside.stop()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["refused", "silent"])
def test_a_camera_whose_connection_does_not_come_through_sends_sixteen_frames(
    arrive: Arrive, server: House, tmp_path: Path, how: str
) -> None:
    ports = [one.port for one in server.servers.values()]
    with socket.create_server(("127.0.0.1", 0)) as mute:  # takes connections, and never says anything
        more = NOT_UPGRADED if how == "refused" else SILENT.format(port=mute.getsockname()[1])
        with passed_on(tmp_path, ports, more=more) as proxy:
            me = arrive(
                proxy.url + CAMERA, computer=how, before=lambda page: page.add_init_script(NOTE_WHEN_IT_CONNECTS)
            )
            press(me, "Start the camera")
            noticed = me.page.locator("p.says").evaluate(UNTIL_IT_SAYS_SO)
            assert noticed < (2000 if how == "silent" else 1000), f"{noticed:.0f} ms"
            expect(me.page.get_by_role("slider", name="Frame")).to_be_visible()
            expect(camera(me)).to_have_attribute("data-which", "0")
            without_alarm(me)
            me.page.goto("about:blank")
