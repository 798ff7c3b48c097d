"""What a newcomer does with the pages, and what goes wrong on the way, in a real browser."""

from __future__ import annotations

import io
import re
import struct
import time
import zlib
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from driven import Arrive, Person, Server
from PIL import Image
from playwright.sync_api import expect

import core

NEW = "data => [...document.querySelectorAll('[data-testid^=stBidi]')].some(host => "
NEW += "host.shadowRoot?.querySelector('.wall')?.getAttribute('aria-label')?.includes(data))"
SAMPLES = {sample.name: sample.title for sample in core.samples.samples()}
ONE, OTHER = core.samples.names()[1:3]  # the first one is the default, which the address leaves out


def photo(seed: int = 0, *, size: tuple[int, int] = (180, 120), kind: str = "PNG") -> bytes:
    """A smooth picture of its own for each seed, wider than high."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).save(file, kind)
    return file.getvalue()


def huge_png() -> bytes:
    """A small file that says it has 60,000 x 60,000 pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return photo()[:12] + header + struct.pack(">I", zlib.crc32(header)) + photo()[33:]


BROKEN = [
    ("words.png", b"This is not a picture.", "Expected a JPEG, PNG, WebP or GIF picture"),
    ("cut.jpg", photo(kind="JPEG")[:900], "cut off or damaged"),
    ("vast.png", huge_png(), "megapixels"),
    ("heavy.png", b"\x89PNG" + bytes(12 * 2**20), "10.0MB or smaller"),
]


def asked(person: Person) -> dict[str, str]:
    """The choices in the address."""
    return {key: values[0] for key, values in parse_qs(urlsplit(person.page.url).query).items()}


def expect_in_address(person: Person, **choices: str) -> None:
    expect(person.page).to_have_url(
        re.compile("".join(f"(?=.*[?&]{key}={value}(&|$))" for key, value in choices.items()))
    )


def expect_channel(person: Person, channel: str) -> None:
    expect(person.page.get_by_role("heading", name=f"Channel {channel}", exact=True)).to_be_visible()


def expect_wall(person: Person, *words: str) -> None:
    for word in words:
        expect(person.wall.first).to_have_attribute("aria-label", re.compile(re.escape(word)))


def test_newcomer_goes_from_the_first_screen_to_a_channel_and_shares_it(arrive: Arrive) -> None:
    me = arrive()
    page = me.page
    expect(page.get_by_text("It says")).to_be_visible()
    expect(page.locator(".js-plotly-plot .barlayer path")).to_have_count(5)
    before = page.get_by_text("It says").inner_text()

    me.bring("garden.png", photo())
    expect(page.get_by_test_id("stImageCaption").filter(has_text="garden.png")).to_be_visible()
    expect(page.get_by_text("It says")).not_to_have_text(before)

    page.get_by_role("link", name="14 × 14").click()
    expect_wall(me, "of block6a_expand on garden.png")
    me.settle().click_tile(0.5)
    expect_in_address(me, layer="block6a_expand", channel=r"\d+")
    channel = asked(me.settle())["channel"]
    expect_channel(me, channel)
    expect(page.locator(".js-plotly-plot .heatmaplayer image").first).to_be_visible()

    wall = Image.open(io.BytesIO(me.download("Wall")))
    wall.load()
    assert wall.format == "PNG" and min(wall.size) > 200 and len(np.unique(np.asarray(wall))) > 20
    numbers = np.load(io.BytesIO(me.download("Numbers")))
    assert numbers["block6a_expand"].shape == (1, 14, 14, numbers["mean"].size)
    np.testing.assert_allclose(numbers["mean"], numbers["block6a_expand"].mean((0, 1, 2)), rtol=1e-4, atol=1e-6)

    friend = arrive(page.url, computer="a friend's")
    expect_wall(friend, "of block6a_expand on garden.png")
    expect_channel(friend, channel)
    assert friend.wall.locator("img").get_attribute("src") == me.wall.locator("img").get_attribute("src")


def test_wall_answers_to_the_keyboard(arrive: Arrive) -> None:
    me = arrive("/activations?network=lens5_standard&layer=conv2_relu")
    expect(me.wall).to_be_visible()
    me.wall.focus()
    names = [me.wall.locator("output").inner_text()]
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowDown"):
        me.page.keyboard.press(key)
        expect(me.wall.locator("output")).to_be_visible()
        names.append(me.wall.locator("output").inner_text().split(":")[0])
    assert len(set(names)) == 5
    me.page.keyboard.press("Enter")
    expect_channel(me, names[-1].removeprefix("channel "))
    expect_in_address(me, channel=names[-1].removeprefix("channel "))


def test_broken_files_get_one_sentence_each_and_the_screen_stays(arrive: Arrive) -> None:
    me = arrive(f"/activations?picture={ONE}&network=lens5_standard&layer=conv2_relu&channel=3")
    expect_wall(me, SAMPLES[ONE])
    url, shown = me.page.url, me.wall.locator("img").get_attribute("src")
    me.page.get_by_role("button", name="Your own picture").click()
    chooser = me.page.locator('[data-testid="stFileUploader"] input[type=file]')
    for name, content, sentence in BROKEN:
        chooser.set_input_files({"name": name, "mimeType": "image/png", "buffer": content})
        told = me.page.get_by_text(sentence)
        expect(told).to_have_count(1)
        expect(told).to_be_visible()
        me.settle()
        assert (me.page.url, me.wall.locator("img").get_attribute("src")) == (url, shown)
    expect(me.page.get_by_test_id("stException")).to_have_count(0)
    expect_channel(me, "3")


def test_camera_picture_becomes_the_picture(arrive: Arrive) -> None:
    me = arrive("/activations")
    me.page.get_by_role("button", name="Your own picture").click()
    me.page.get_by_text("Use the camera").click()
    expect(me.page.locator("video")).to_be_visible()
    me.page.get_by_role("button", name="Take Photo").click()
    expect_wall(me, "on Camera")
    expect_in_address(me, picture="[0-9a-f]{24}")


def test_pages_keep_the_picture_and_back_goes_back(arrive: Arrive) -> None:
    me = arrive(f"/?picture={ONE}")
    top = me.page.get_by_test_id("stSidebarNavLink")
    top.filter(has_text="Layer activations").click()
    expect_wall(me, SAMPLES[ONE])
    me.settle()
    strongest = me.page.get_by_role("heading").first.inner_text()
    me.click_tile(0.5)
    expect_in_address(me, picture=ONE, channel=r"\d+")
    expect(me.page.get_by_role("heading").first).not_to_have_text(strongest)
    me.settle().page.go_back()
    expect(me.page.get_by_role("heading").first).to_have_text(strongest)
    assert asked(me.settle()) == {"picture": ONE}
    top.filter(has_text="Start").click()
    expect(me.page.get_by_test_id("stImageCaption").filter(has_text=SAMPLES[ONE])).to_be_visible()
    expect_in_address(me.settle(), picture=ONE)
    me.page.go_back()  # to the address of Start before the picture was written into it
    expect_in_address(me.settle(), picture=ONE)
    if urlsplit(me.page.url).path == "/":
        me.page.go_back()
    expect_wall(me, SAMPLES[ONE])


def test_picture_is_chosen_by_keyboard_among_thumbnails(arrive: Arrive) -> None:
    me = arrive(f"/activations?network=lens5_standard&picture={ONE}&layer=conv2_relu")
    names = list(SAMPLES)
    me.picture(SAMPLES[ONE]).focus()
    assert names.index(ONE) + 1 < len(names)
    me.page.keyboard.press("ArrowRight")
    after = SAMPLES[names[names.index(ONE) + 1]]
    expect(me.picture(after)).to_be_focused()
    expect(me.picture(SAMPLES[ONE])).to_have_attribute("aria-selected", "true")
    assert me.picture(after).locator("img").get_attribute("alt") == after
    me.page.keyboard.press("Enter")
    expect(me.picture(after)).to_have_attribute("aria-selected", "true")
    expect_in_address(me, picture=names[names.index(ONE) + 1])


def test_fast_clicks_end_where_the_last_one_went(arrive: Arrive) -> None:
    me = arrive("/activations?network=lens5_standard&layer=conv2_relu")
    expect(me.wall).to_be_visible()
    for part in (0.1, 0.3, 0.5, 0.7, 0.9):
        me.click_tile(part)
    last = me.wall.locator("output").inner_text().split(":")[0].removeprefix("channel ")
    expect_channel(me, last)
    expect_in_address(me.settle(), channel=last)
    expect_channel(me, last)


def test_two_people_at_once_do_not_disturb_each_other(arrive: Arrive) -> None:
    me, other = (
        arrive(f"/activations?picture={ONE}&network=lens5_standard&layer=conv1_relu"),
        arrive(f"/activations?network=lens5_standard&picture={OTHER}", computer="a friend's"),
    )
    expect_wall(me, "of conv1_relu", SAMPLES[ONE])
    expect_wall(other, SAMPLES[OTHER])
    mine, theirs = me.find("Layer", "conv2_relu"), other.find("Layer", "conv5_2_relu")
    mine.click(no_wait_after=True)
    theirs.click(no_wait_after=True)
    expect_wall(me, "of conv2_relu", SAMPLES[ONE])
    expect_wall(other, "of conv5_2_relu", SAMPLES[OTHER])
    expect_in_address(me.settle(), layer="conv2_relu", picture=ONE)
    expect_in_address(other.settle(), layer="conv5_2_relu", picture=OTHER)


def test_layer_and_picture_change_quickly(arrive: Arrive, capsys: pytest.CaptureFixture[str]) -> None:
    me = arrive("/activations?network=lens5_standard&picture=flower&layer=conv3_2_relu")
    expect_wall(me, "of conv3_2_relu")
    steps = [("Layer", f"conv{n}_relu") for n in ("4_2", "2", "5_2")]
    steps += [("Picture", SAMPLES[name]) for name in ("temple", "rocket", "coins")]
    taken: dict[str, list[float]] = {"Layer": [], "Picture": []}
    for label, option in steps:
        choice = me.settle().find(label, option) if label == "Layer" else me.picture(option)
        choice.wait_for()
        begin = time.perf_counter()
        choice.click(no_wait_after=True)
        me.page.wait_for_function(NEW, arg=option, polling="raf")
        taken[label].append(time.perf_counter() - begin)
    with capsys.disabled():
        print("".join(f"\n{label} change on screen after {np.round(sorted(t), 2)} s" for label, t in taken.items()))
    assert np.median(taken["Layer"]) < 3 and np.median(taken["Picture"]) < 3


def test_two_pictures_beside_each_other_do_not_grow_the_server(arrive: Arrive, server: Server) -> None:
    me = arrive(f"/activations?other={OTHER}&scale=4&network=lens5_standard&layer=conv1_relu")
    expect(me.wall).to_have_count(2)
    assert server.memory < 2.5 * 2**30, "with every network of these tests"


def test_dream_is_seen_before_and_after_and_taken_home(arrive: Arrive) -> None:
    me = arrive("/dream?network=lens5_standard&picture=cat&octaves=1&steps=2&size=256")
    expect(me.page.locator(".compare .after")).to_be_visible()
    me.page.get_by_role("button", name="Dream", exact=True).click()
    expect(me.page.get_by_text("as Lens 5 dreams it: Convscope, 256 × 170 pixels")).to_be_visible()
    line, slider = me.page.locator(".compare .line"), me.page.locator(".compare input")
    slider.focus()
    before = line.bounding_box()
    for _ in range(5):
        me.page.keyboard.press("ArrowRight")
    after = line.bounding_box()
    assert before and after and after["x"] > before["x"] + 10
    file = me.settle().download("PNG")
    assert Image.open(io.BytesIO(file)).size == (256, 170)
    assert '"picture": "cat"' in core.read_png_metadata(file)["convscope"]


def test_painted_mask_goes_into_the_address(arrive: Arrive) -> None:
    me = arrive("/dream?network=lens5_standard&picture=cat&octaves=1&steps=2&size=256&where=painted")
    canvas = me.page.locator(".paint canvas")
    expect(canvas).to_be_visible()
    box = canvas.bounding_box()
    assert box
    me.page.mouse.move(box["x"] + 20, box["y"] + 20)
    me.page.mouse.down()
    me.page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.5, steps=12)
    me.page.mouse.up()
    expect_in_address(me, mask="[-_0-9A-Za-z]+(=|%3D)*")
    mask = core.painted_mask(asked(me.settle())["mask"], height=100, width=100)
    assert 0.02 < mask.mean() < 0.3 and mask[:60, :50].mean() > 0.9 * mask.mean() * 100 * 100 / 3000


def test_adversarial_file_fools_whoever_reads_it_and_leads_on_and_back(arrive: Arrive) -> None:
    me = arrive("/attack?network=lens5_standard&picture=cat&epsilon_linf=2.0")
    me.page.get_by_role("button", name="Run", exact=True).click()
    expect(me.page.get_by_text("Ready when you came")).to_have_count(0)
    expect(me.page.get_by_text("Fools the network, verified from the file.")).to_be_visible()
    file = me.settle().download("Adversarial PNG")
    pixels = np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))
    net = core.load("lens5_standard")
    clean = core.to_uint8(core.seen_by(net, core.samples.load("cat")))
    assert np.abs(pixels.astype(int) - clean[0]).max() == 2
    answers = core.logits_of(net, core.to_float(np.stack([clean[0], pixels]))).argmax(axis=1)
    assert answers[0] != answers[1]
    me.page.get_by_role("button", name="Why is it answered so?").click()
    for label in answers:
        expect(me.page.get_by_text(f"why “{net.labels[label]}”").first).to_be_visible()
    me.settle().page.get_by_role("link", name="Back to the attack on").click()
    expect(me.page.get_by_text("Fools the network, verified from the file.")).to_be_visible()
    expect_in_address(me.settle(), picture="cat", network="lens5_standard")
    me.page.get_by_role("button", name="Its activations beside the original's").click()
    expect(me.wall).to_have_count(2)
    expect_wall(me, SAMPLES["cat"])
    expect(me.wall.last).to_have_attribute("aria-label", re.compile("attacked"))
    me.settle().page.go_back()
    expect(me.page.get_by_text("Fools the network, verified from the file.")).to_be_visible()
    expect(me.page.get_by_text("other settings than those above")).to_have_count(0)
