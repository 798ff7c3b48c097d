"""Local mode, as ``python -m dashboard`` starts it from anywhere; a person's own network on every page of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from driven import ROOT, Arrive, Server, free_port, start
from playwright.sync_api import expect

FILE = "tiny_darknet_imagenet.keras"


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder in which the server is started."""
    return tmp_path_factory.mktemp("elsewhere")


@pytest.fixture(scope="module")
def local(elsewhere: Path) -> Iterator[Server]:
    """A server in local mode, as the console script starts it."""
    port = free_port()
    variables = {"STREAMLIT_SERVER_PORT": str(port), "STREAMLIT_SERVER_HEADLESS": "true", "PYTHONPATH": str(ROOT)}
    running = start(["-m", "dashboard"], port=port, folder=elsewhere, **variables)
    try:
        running.wait()
        yield running
    finally:
        running.stop()


@pytest.mark.slow
def test_module_starts_from_anywhere_for_this_machine_only(arrive: Arrive, local: Server, elsewhere: Path) -> None:
    assert local.listens_on == {"127.0.0.1"}
    me = arrive(color_scheme="light")
    me.go(local.url)
    expect(me.page.get_by_text("It says")).to_be_visible()
    colour = me.app.evaluate("app => getComputedStyle(app).backgroundColor")
    assert colour == "rgb(251, 250, 247)", "The look of theme.toml is missing."
    assert not list(elsewhere.iterdir())


@pytest.mark.slow
def test_own_file_opens_by_upload_and_is_maximized_and_attacked(arrive: Arrive, local: Server, shared: Path) -> None:
    me = arrive()
    me.url = local.url
    me.go("/network")
    me.page.get_by_role("button", name="Your own network").click()
    chooser = me.page.locator('[data-testid="stFileUploader"] input[type=file]').first

    chooser.set_input_files({"name": "evil.keras", "mimeType": "application/zip", "buffer": b"PK\x03\x04 no archive"})
    me.page.wait_for_timeout(2000)  # clicked before the upload has ended, it would open nothing
    me.settle().page.get_by_role("button", name="Open it").click()
    expect(me.page.get_by_role("alert").filter(has_text="evil.keras, which is broken or cut off")).to_be_visible()
    expect(me.page.get_by_text("Parameters", exact=True)).to_be_visible()

    me.go("/network").page.get_by_role("button", name="Your own network").click()
    chooser.set_input_files(shared / "models" / FILE)
    me.page.wait_for_timeout(2000)  # clicked before the upload has ended, it would open nothing
    me.settle().page.get_by_role("button", name="Open it").click()
    expect(me.page.get_by_role("combobox", name="Network")).to_have_value(FILE)
    expect(me.page.get_by_text(re.compile("Proposed: .*0 to 1"))).to_be_visible()
    name = re.search(r"network=(own-\w+)", me.page.url)
    assert name is not None

    me.go(f"/activations?network={name[1]}")
    expect(me.wall.first).to_be_visible()
    me.go(f"/filters?network={name[1]}&many=8&steps=16&size=64")
    me.page.get_by_role("button", name="Run", exact=True).click()
    expect(me.page.get_by_text(re.compile("^16 steps|Step 16 of 16|16 steps")).first).to_be_visible()
    me.settle()
    expect(me.wall.first).to_be_visible()
    me.go(f"/attack?network={name[1]}&epsilon_linf=2.0")
    me.page.get_by_role("button", name="Run", exact=True).click()
    expect(me.page.get_by_text(re.compile("Fools the network, verified|Does not fool"))).to_be_visible()
    expect(me.page.get_by_role("alert")).to_have_count(0)


@pytest.mark.slow
def test_later_pages_fit_a_phone(arrive: Arrive, local: Server) -> None:
    me = arrive(width=390, height=844)
    me.url = local.url
    for path, shown in (("/units", "div.wall"), ("/inversion", "[data-testid=stImage] img"), ("/map", ".main-svg")):
        me.go(path)
        expect(me.page.locator(shown).first).to_be_visible()
        for scheme in ("light", "dark"):
            me.page.emulate_media(color_scheme=scheme)
            assert me.widths == (390, 390)
