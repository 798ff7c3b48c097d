"""From the command to the goal, with its clicks and seconds: people who begin with a file of their own."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from driven import ROOT, Arrive, Way, free_port, start
from playwright.sync_api import expect

import core


@contextmanager
def command(folder: Path, *words: str) -> Iterator[str]:
    """``convscope WORDS``, with a browser that only notes the address that it is to open, which this gives."""
    opened, browser = folder / "opened.txt", folder / "browser.sh"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}.part && mv {opened}.part {opened}\n')
    browser.chmod(0o755)
    port = free_port()
    arguments = ["-m", "dashboard", *words, "--port", str(port)]
    server = start(arguments, port=port, folder=ROOT, BROWSER=f"{browser} %s")
    try:
        server.wait()
        end = time.monotonic() + 30
        while not opened.exists() and time.monotonic() < end:
            time.sleep(0.1)
        yield opened.read_text().strip()
    finally:
        server.stop()


def teachable(folder: Path) -> Path:
    """What Teachable Machine exports: a Keras file of HDF5 and the names of its classes, in one zip."""
    net, path = core.load("lens5_standard"), folder / "keras_model.h5"
    net.network.save(path)
    zipped = folder / "converted_keras.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.write(path, "keras_model.h5")
        archive.writestr("labels.txt", "\n".join(f"{at} {label}" for at, label in enumerate(net.labels)))
    return zipped


@pytest.mark.slow
def test_an_engineer_asks_why_a_network_of_teachable_machine_fails(
    arrive: Arrive, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo, zipped, since = tmp_path / "failure.png", teachable(tmp_path), time.monotonic()
    photo.write_bytes(core.encode_png(core.shrink(core.samples.load("cat"), max_side=200)[0]))
    with command(tmp_path, str(zipped), str(photo)) as address:
        me = arrive(address)
        way, page = Way(me, "An engineer who asks why a Teachable Machine network fails", since), me.page
        expect(page.get_by_text("It says")).to_be_visible()
        expect(me.picture("failure.png")).to_have_attribute("aria-selected", "true")
        expect(page.get_by_role("combobox", name="Network")).to_have_value("converted_keras.zip")
        said = page.get_by_text("It says").inner_text()
        page.get_by_role("link", name="Why this answer?").first.click()
        expect(page.get_by_text("why “")).to_be_visible()
        label = me.settle().page.get_by_text("why “").inner_text().split("“")[1].split("”")[0]
        assert label in said, "what it explains is what it said"
        expect(page.get_by_role("img", name=f"Grad-CAM for {label}", exact=True)).to_be_visible()
        way.end(capsys, clicks=1, seconds=240)


@pytest.mark.slow
def test_a_researcher_leaves_with_numbers_and_a_script_that_makes_them_again(
    arrive: Arrive, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    since = time.monotonic()
    with command(tmp_path, "lens5_standard", "cat") as address:
        me = arrive(address)
        way = Way(me, "A researcher who leaves with numbers and a script", since)
        me.page.get_by_test_id("stSidebarNavLink").filter(has_text="Layer activations").click()
        expect(me.wall).to_be_visible()
        me.settle().find("Layer", "conv2_relu").click()
        expect(me.wall).to_have_attribute("aria-label", re.compile("of conv2_relu on"))
        me.settle().page.get_by_role("button", name="Take it with you").click()
        content = me.download("Everything (ZIP)")
        way.end(capsys, clicks=5, seconds=240)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(tmp_path / "taken")
    folder = tmp_path / "taken"
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "script.py"], cwd=folder, env=environment, check=True, capture_output=True)
    with np.load(folder / "numbers" / "arrays.npz") as seen, np.load(folder / "activations.npz") as again:
        np.testing.assert_allclose(seen["conv2_relu"], again["conv2_relu"], rtol=1e-4, atol=1e-5)
    assert json.loads((folder / "settings.json").read_text())["layer"] == "conv2_relu"
