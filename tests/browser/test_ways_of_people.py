"""Three people's ways from the start page to what they came for: how many clicks and seconds, printed and bounded."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from driven import Arrive, Way
from PIL import Image
from playwright.sync_api import Page, expect

import core

PHONE = {"width": 390, "height": 844}
SIDEWAYS = 6
"""The EXIF orientation of a phone that was held upright: the camera's picture lies on its side."""


def phone_photo() -> bytes:
    """A portrait photograph as a phone writes it: stored lying, with the note that it must be turned."""
    upright = Image.fromarray(core.to_uint8(core.fit(core.samples.load("coffee"), height=1024, width=768))[0])
    lying, file = upright.transpose(Image.Transpose.ROTATE_90), io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = SIDEWAYS
    lying.save(file, "JPEG", quality=92, exif=exif)
    return file.getvalue()


def to(page: Page, title: str) -> None:
    """Another page, by the list of pages beside every one."""
    page.get_by_test_id("stSidebarNavLink").filter(has_text=title).click()


@pytest.mark.slow
def test_a_teacher_without_internet_shows_layer_1_to_5(arrive: Arrive, capsys: pytest.CaptureFixture[str]) -> None:
    me = arrive("/")
    way, page = Way(me, "A teacher who shows layer 1 to 5"), me.page
    to(page, "Lessons")
    page.get_by_role("button", name="3. From edges to things").click()
    expect(page.get_by_role("heading", name="3. From edges to things")).to_be_visible()
    page.get_by_role("link", name="Open the live page").click()
    expect(page.get_by_text(re.compile(r"^Lesson 3 of \d+: "))).to_be_visible()
    stages = core.stages(core.load(core.available()[0]))[-5:]
    for stage in stages:
        expect(page.get_by_role("heading", name=stage.name, exact=True)).to_be_visible()
    walls = page.locator("div.wall")
    expect(walls.nth(2 * len(stages) - 1)).to_be_visible()
    assert all("nine patches each" in (wall.get_attribute("aria-label") or "") for wall in walls.all())
    way.end(capsys, clicks=3, seconds=240)
    me.settle().page.get_by_role("link", name="Question").click()
    expect(page).to_have_url(re.compile("/lessons.*step=3"))


def test_a_pupil_with_a_phone_photo_fools_the_network(arrive: Arrive, capsys: pytest.CaptureFixture[str]) -> None:
    me = arrive("/", computer="a phone", **PHONE)
    way, page = Way(me, "A pupil with a phone photo who fools the network"), me.page
    page.get_by_test_id("stExpandSidebarButton").click()
    me.bring("IMG_0042.JPG", phone_photo()).settle()
    to(page, "Adversarial examples")
    expect(page).to_have_url(re.compile("/attack"))
    close = me.settle().page.get_by_test_id("stSidebarCollapseButton").get_by_role("button")
    if close.is_visible():  # the list of pages lies over the page
        close.click()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("Ready when you came")).to_have_count(0)
    expect(page.get_by_text("Fools the network, verified from the file.")).to_be_visible()
    file = me.settle().download("Adversarial PNG")
    net, photo = core.load(core.available()[0]), core.open_image(phone_photo())
    assert photo.shape == (1, 1024, 768, 3), "it stands upright"
    seen, found = core.to_float(core.to_uint8(core.seen_by(net, photo))), core.open_image(file)
    assert np.abs(found - seen).max() < 2 / 255
    assert core.logits_of(net, found).argmax() != core.logits_of(net, seen).argmax()
    assert me.widths == (390, 390)
    way.end(capsys, clicks=8, seconds=300)


@pytest.mark.slow
def test_an_artist_makes_a_video(arrive: Arrive, capsys: pytest.CaptureFixture[str]) -> None:
    me = arrive("/")
    way, page = Way(me, "An artist who wants a film"), me.page
    me.picture("A dahlia").click()
    to(page, "DeepDream")
    expect(page.locator(".compare .after")).to_be_visible()
    me.settle().page.get_by_text("An endless zoom", exact=True).click()
    frames = me.settle().page.get_by_role("slider", name="Frames")
    frames.focus()
    page.keyboard.press("ArrowLeft")
    me.settle().page.get_by_role("button", name="Dream", exact=True).click()
    expect(page.locator("video")).to_be_visible()
    opened = core.open_video(me.settle().download("MP4"))
    assert len(opened.pictures) == 12 and len(np.unique(opened.pictures[-1])) > 50
    way.end(capsys, clicks=7, seconds=400)
