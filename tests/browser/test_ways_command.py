"""From the command to the goal, with its clicks and seconds: people who begin with a file of their own."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from driven import ROOT, Arrive, Server, free_port, start
from playwright.sync_api import expect

import core


@contextmanager
def command(folder: Path, *words: str) -> Iterator[tuple[Server, str]]:
    """``convscope WORDS``, with a browser that only notes the address that it is to open."""
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
        yield server, opened.read_text().strip()
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
def test_an_engineer_asks_why_a_network_of_teachable_machine_fails(arrive: Arrive, tmp_path: Path) -> None:
    since = time.monotonic()
    photo = tmp_path / "failure.png"
    photo.write_bytes(core.encode_png(core.shrink(core.samples.load("cat"), max_side=200)[0]))
    with command(tmp_path, str(teachable(tmp_path)), str(photo)) as (_, address):
        me = arrive(address)
        expect(me.page.get_by_text("It says")).to_be_visible()
        expect(me.picture("failure.png")).to_have_attribute("aria-selected", "true")
        expect(me.page.get_by_role("combobox", name="Network")).to_have_value("converted_keras.zip")
        said = me.page.get_by_text("It says").inner_text()
        me.page.get_by_role("link", name="Why this answer?").first.click()
        expect(me.page.get_by_text("why “")).to_be_visible()
        me.settle()
        label = me.page.get_by_text("why “").inner_text().split("“")[1].split("”")[0]
        assert label in said, "what it explains is what it said"
        expect(me.page.get_by_test_id("stImage")).not_to_have_count(0)
    seconds = time.monotonic() - since
    print(f"engineer: 1 click, {seconds:.0f} s")
    assert seconds < 240


@pytest.mark.slow
def test_a_researcher_leaves_with_numbers_and_a_script_that_makes_them_again(arrive: Arrive, tmp_path: Path) -> None:
    since, clicks = time.monotonic(), 0
    with command(tmp_path, "lens5_standard", "cat") as (_, address):
        me = arrive(address.replace("/?", "/activations?") + "&layer=conv2_relu")
        me.settle()
        me.page.get_by_role("button", name="Take it with you").click()
        content = me.download("Everything (ZIP)")
        clicks += 2
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(tmp_path / "taken")
    folder = tmp_path / "taken"
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "script.py"], cwd=folder, env=environment, check=True, capture_output=True)
    with np.load(folder / "numbers" / "arrays.npz") as seen, np.load(folder / "activations.npz") as again:
        np.testing.assert_allclose(seen["conv2_relu"], again["conv2_relu"], rtol=1e-4, atol=1e-5)
    assert json.loads((folder / "settings.json").read_text())["layer"] == "conv2_relu"
    seconds = time.monotonic() - since
    print(f"researcher: {clicks} clicks, {seconds:.0f} s")
    assert clicks == 2 and seconds < 240
