"""Every page under axe-core, which the test package ``axe-playwright-python`` carries: nothing serious or critical."""

from __future__ import annotations

import importlib.resources

import pytest
from driven import ROOT, Arrive, Person

AXE = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js")
PAGES = sorted(path.stem for path in (ROOT / "dashboard" / "app_pages").glob("*.py"))
RUN = "axe.run({exclude: [['[data-testid=stSidebarNav]']]}, {resultTypes: ['violations']})"
"""Streamlit's own list of pages is left out: it puts the headings of its sections between the items of one list."""


def findings(me: Person) -> list[str]:
    """What axe calls serious or critical, with the first place of each."""
    me.page.evaluate(AXE.read_text(encoding="utf-8"))
    return [
        f"{one['id']} ({len(one['nodes'])}): {one['nodes'][0]['html'][:160]}"
        for one in me.page.evaluate(RUN)["violations"]
        if one["impact"] in ("serious", "critical")
    ]


SOON = {"activations", "attack", "camera", "dream", "start"}
"""What every run of the tests looks at, with most kinds of widgets; all others are slow tests."""


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=() if page in SOON else pytest.mark.slow, id=page) for page in PAGES]
)
def test_axe_finds_nothing_serious(arrive: Arrive, page: str) -> None:
    me = arrive(f"/{'' if page == 'start' else page}?network=lens5_standard", color_scheme="light")
    assert findings(me) == []


@pytest.mark.parametrize("page", ["inversion", "lessons"])
def test_nor_in_the_dark_where_the_most_kinds_of_widgets_are(arrive: Arrive, page: str) -> None:
    me = arrive(f"/{page}?network=lens5_standard", color_scheme="dark")
    assert findings(me) == []
