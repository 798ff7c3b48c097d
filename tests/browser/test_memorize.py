"""Two networks are trained in front of somebody, and other pages open them."""

from __future__ import annotations

import re

from driven import Arrive
from playwright.sync_api import expect

SHORT = "epochs=10&width=4"


def test_both_networks_train_and_join_the_others(arrive: Arrive) -> None:
    me = arrive(f"/memorize?{SHORT}")
    expect(me.page.get_by_text("A finished run on the digits")).to_be_visible()
    expect(me.page.get_by_role("button", name="Draw it with my settings")).to_be_visible()
    me.page.get_by_role("button", name="Run", exact=True).click()
    told = me.page.get_by_test_id("stTable")
    expect(told).to_contain_text("not in 10 epochs")
    assert told.inner_text().count("95 %: ") == 2
    curves = me.page.get_by_test_id("stPlotlyChart").first
    expect(curves.locator(".scatterlayer .trace")).to_have_count(4)
    expect(me.page.get_by_role("button", name="20 more epochs of both")).to_be_enabled()
    me.settle().page.get_by_role("link", name="activations").last.click()
    expect(me.page).to_have_url(re.compile("/activations.*network=trained-"))
    expect(me.wall).to_have_attribute("aria-label", re.compile("conv"))
    expect(me.page.get_by_role("combobox", name="Network")).to_have_value(re.compile("random labels"))
