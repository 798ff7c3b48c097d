"""The pictures of pages in the README and in the lessons, taken anew: ``python tests/browser/pictures.py``.

Starts a server, opens each page as it is for a newcomer, and writes what its main part shows, or all of the window,
into ``dashboard/assets``.
"""

from __future__ import annotations

import argparse
import io
from dataclasses import dataclass
from pathlib import Path

from driven import ROOT, Person, free_port, start
from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

PATIENCE = 240_000
WIDTH, SIDEBAR, SCALE, MARGIN = 1440, 290, 1.5, 16


@dataclass(frozen=True)
class Shot:
    """A page: its address, from where to where it is shown, in pixels from its top, and whether with the sidebar.

    It ends earlier where the first ``last`` ends, a test id of Streamlit's.
    """

    address: str
    top: int
    bottom: int
    sidebar: bool = False
    last: str = ""


SHOTS = {
    "start": Shot("/", 0, 1130, sidebar=True),
    "activations": Shot("/activations?picture=shapes&layer=stem&channel=19", 150, 640),
    "attack": Shot("/attack", 490, 1290),
    "why": Shot("/why?picture=cat", 265, 1070),
    "units": Shot("/units", 235, 1250),
    "network": Shot("/network", 0, 1150),
    "memorize": Shot("/memorize", 240, 1400, last="stPlotlyChart"),
    "map": Shot("/map", 255, 900),
}


def taken(browser: Browser, url: str, shot: Shot) -> Image.Image:
    """A picture of a page that has come to rest."""
    page = browser.new_page(
        viewport={"width": WIDTH, "height": shot.bottom}, color_scheme="light", reduced_motion="reduce",
        device_scale_factor=SCALE,
    )  # fmt: skip
    page.set_default_timeout(PATIENCE)
    me = Person(page, url).go(shot.address)
    page.wait_for_timeout(3000)  # charts and components draw themselves
    me.settle()
    left, bottom = 0 if shot.sidebar else SIDEBAR, float(shot.bottom)
    if shot.last:
        box = page.get_by_test_id(shot.last).first.bounding_box()
        assert box is not None
        bottom = min(bottom, box["y"] + box["height"] + MARGIN)
    clip = {"x": left, "y": shot.top, "width": WIDTH - left, "height": bottom - shot.top}
    data = page.screenshot(clip=clip)
    page.close()
    return Image.open(io.BytesIO(data)).convert("RGB")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*SHOTS, []], help="which; all, where not said")
    parser.add_argument("--folder", type=Path, default=ROOT / "dashboard" / "assets")
    asked = parser.parse_args()
    port = free_port()
    server = start(["-m", "dashboard", "--no-browser", "--port", str(port)], port=port, folder=ROOT)
    expect.set_options(timeout=PATIENCE)
    try:
        server.wait()
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            for name in asked.names or SHOTS:
                picture = taken(browser, server.url, SHOTS[name])
                picture.thumbnail((1200, 1200))
                picture.save(asked.folder / f"{name}.jpg", quality=85, optimize=True)
            browser.close()
    finally:
        server.stop()


if __name__ == "__main__":
    main()
