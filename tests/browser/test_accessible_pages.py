"""Every page on a phone, in light and dark, under axe-core, which the package ``axe-playwright-python`` carries."""

from __future__ import annotations

import importlib.resources

import pytest
from driven import ROOT, Arrive, Person, Server
from playwright.sync_api import expect

AXE = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js")
RUN = "axe.run({exclude: [['[data-testid=stSidebarNav]']]}, {resultTypes: ['violations']})"
"""Streamlit's own list of pages is left out: it puts the headings of its sections between the items of one list."""
BACKGROUNDS = {"light": "rgb(251, 250, 247)", "dark": "rgb(16, 22, 21)"}
DARK = ("inversion", "lessons")
"""Pages with most kinds of widgets, which axe looks at in the dark; at all others it looks in the light."""
SOON = ("start", "network", "activations", "filters", "dream", "attack", "why", "camera", "inversion", "lessons")
"""What every run of the tests looks at; all others are slow tests."""
PAGES = {path.stem for path in (ROOT / "dashboard" / "app_pages").glob("*.py")}


def findings(me: Person) -> list[str]:
    """What axe calls serious or critical, with the first place of each."""
    me.page.evaluate(AXE.read_text(encoding="utf-8"))
    return [
        f"{one['id']} ({len(one['nodes'])}): {one['nodes'][0]['html'][:160]}"
        for one in me.page.evaluate(RUN)["violations"]
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize(
    "pages", [SOON, pytest.param(sorted(PAGES - {*SOON}), marks=pytest.mark.slow)], ids=["first", "others"]
)
def test_pages_fit_a_phone_and_axe_finds_nothing_serious_and_memory_stays_small(
    arrive: Arrive, fresh: Server, capsys: pytest.CaptureFixture[str], pages: tuple[str, ...]
) -> None:
    me = arrive(width=390, height=844)
    found: dict[str, list[str]] = {}
    for page in pages:
        for scheme in ("dark", "light") if page in DARK else ("light", "dark"):
            me.page.emulate_media(color_scheme=scheme)
            if page not in found:  # loaded in this theme: while it changes, its colours do not fit each other
                me.go(f"{fresh.url}/{'' if page == 'start' else page}?network=lens5_standard")
                found[page] = findings(me)
            expect(me.app).to_have_css("background-color", BACKGROUNDS[scheme])
            assert me.widths == (390, 390), f"{page} sticks out"
    assert not {page: what for page, what in found.items() if what}
    with capsys.disabled():
        print(f"\nThe server's memory at its peak after {len(pages)} pages: {fresh.memory / 2**20:.0f} MiB")
    assert fresh.memory < 1.2 * 2**30


@pytest.mark.slow
def test_nor_on_a_wide_screen_where_the_sidebar_is_open(arrive: Arrive) -> None:
    me = arrive("/attack?network=lens5_standard", color_scheme="light")
    assert findings(me) == []
