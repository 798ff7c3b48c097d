"""Two networks are trained in front of somebody, who stops them and goes on, and other pages open them."""

from __future__ import annotations

import re

import pytest
from driven import Arrive, Person
from playwright.sync_api import expect

LONG_ENOUGH = "epochs=100&width=8"
EPOCHS = re.compile(r"first network: epoch (\d+), .*; second network: epoch (\d+)", re.IGNORECASE)
TOLD = "root => root.calcdata.filter(one => /told/.test(one[0].trace.name)).map(one => one.length)"
BOTH = ("Handwritten digits: true labels", "Handwritten digits: random labels")


def drawn(me: Person) -> list[int]:
    """How many epochs the curves show of each network."""
    return [int(one) for one in me.page.locator(".js-plotly-plot").first.evaluate(TOLD)]


@pytest.mark.slow
def test_both_networks_train_stop_and_go_on_and_other_pages_open_them(arrive: Arrive) -> None:
    me = arrive(f"/memorize?{LONG_ENOUGH}")
    expect(me.page.get_by_text("A finished run on the digits")).to_be_visible()
    me.page.locator(".st-key-run button").click()
    bar, stop = me.page.get_by_test_id("stProgress"), me.page.get_by_role("button", name="Stop")
    expect(bar).to_contain_text(EPOCHS)
    stop.click()
    stopped = me.page.get_by_text(re.compile("Stopped: first network: epoch"))
    expect(stopped).to_be_visible()
    said = EPOCHS.search(stopped.inner_text())
    before = drawn(me.settle())
    assert said and before == [int(one) for one in said.groups()] and 0 < before[1] <= before[0] < 100

    me.page.locator(".st-key-go_on button").click()
    expect(bar).to_contain_text(EPOCHS)
    going_on = EPOCHS.search(bar.inner_text())
    assert going_on and [int(one) for one in going_on.groups()] >= before, "from where it was"
    expect(stop).to_have_count(0)
    first, second = drawn(me.settle())
    assert before[0] < first <= second == 100, "what can be learned is fit first"
    told = me.page.get_by_test_id("stTable").inner_text()
    assert told.count("(95 %: ") == 2 and "not in 100 epochs" in told

    network = me.page.get_by_role("combobox", name="Network", exact=True)
    network.click()
    for name in BOTH:
        expect(me.page.get_by_role("option", name=name, exact=True)).to_be_visible()
    me.page.get_by_role("option", name=BOTH[1], exact=True).click()
    expect(network).to_have_value(BOTH[1])
    me.settle().page.get_by_role("link", name="Layer activations").click()
    expect(me.page).to_have_url(re.compile("/activations.*network=trained-"))
    expect(me.wall).to_have_attribute("aria-label", re.compile("channels of conv"))
    expect(network).to_have_value(BOTH[1])
