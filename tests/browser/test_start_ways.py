"""The ways to start the dashboard that conftest's server does not use."""

from __future__ import annotations

from pathlib import Path

from driven import ROOT, Person, free_port, start
from playwright.sync_api import Browser, expect


def test_module_starts_from_anywhere_for_this_machine_only(browser: Browser, tmp_path: Path) -> None:
    port = free_port()
    settings = {"PYTHONPATH": str(ROOT), "STREAMLIT_SERVER_PORT": str(port), "STREAMLIT_SERVER_HEADLESS": "true"}
    server = start(["-m", "dashboard"], port=port, folder=tmp_path, **settings)
    try:
        server.wait()
        assert server.listens_on == {"127.0.0.1"}
        context = browser.new_context(color_scheme="light")
        person = Person(context.new_page(), server.url).go()
        expect(person.page.get_by_text("It says")).to_be_visible()
        colour = person.app.evaluate("app => getComputedStyle(app).backgroundColor")
        assert colour == "rgb(251, 250, 247)", "The look of theme.toml is missing."
        context.close()
    finally:
        server.stop()
    assert not list(tmp_path.iterdir())
