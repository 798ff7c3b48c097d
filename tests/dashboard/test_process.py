"""Where a server's process starts, and what a page shows before TensorFlow is there."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import core
from dashboard import process
from dashboard.server import compiling, networks, sessions
from dashboard.server.compiling import COMPILING, Compiling

ROOT = Path(__file__).parents[2]
APP = str(ROOT / "dashboard" / "frame.py")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    networks.NETWORKS.forget()
    yield
    COMPILING.serving = False
    networks.NETWORKS.forget()


def test_the_persons_own_settings_stay(monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    process.prepare()
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == "0" and os.environ["TF_CPP_MIN_LOG_LEVEL"] == "2"
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL")


def test_the_frame_of_every_page_needs_no_tensorflow():
    names = "address, components, figures, first_look, own_files, process, words, streamlit_app"
    code = (
        f"from dashboard import {names}; from dashboard.server import limits, networks, sets, uploads, results; "
        "uploads.thumbnail('coffee'), networks.network_names(), networks.network_title('mobilenet_v2'); "
        "import sys; assert not {'tensorflow', 'keras', 'sklearn'} & set(sys.modules), sys.modules"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def test_a_package_is_hidden_in_one_thread_only_and_for_a_while():
    found = []

    def elsewhere() -> None:
        import colorsys

        found.append(colorsys)

    sys.modules.pop("colorsys", None)
    with process.without("colorsys"):
        with pytest.raises(ImportError):
            import colorsys
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    import colorsys

    assert found == [colorsys]


def test_the_first_network_is_loaded_once_when_its_thread_and_a_session_meet(monkeypatch):
    loads, real = [], core.load

    def slow(name: str) -> core.Classifier:
        loads.append(name)
        time.sleep(0.3)
        return real("lens5_standard")

    monkeypatch.setattr(core, "load", slow)
    name = core.available()[0]
    found: list[core.Classifier] = []
    threads = [threading.Thread(target=lambda: found.append(networks.network(name))) for _ in range(3)]
    for thread in threads:
        thread.start()
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    assert loads == [name] and len({id(one) for one in found}) == 1
    assert networks.is_open(name)


def test_a_network_is_made_quick_beside_its_first_use_and_one_that_is_gone_is_left_out():
    own = Compiling()
    own.serving = True
    net, gone = core.load("lens5_standard"), core.load("lens5_robust")
    may_begin = threading.Event()
    own.ask(net, ("before",), may_begin.wait)
    own.soon(gone)
    own.soon(net)
    left = weakref.ref(gone)
    del gone
    gc.collect()
    may_begin.set()
    own.done(lambda: None)
    assert left() is None
    every = [*net.layers, core.LOGITS]
    assert net.has_tap(every)


class Network:
    """Stands for a network: what is asked of it fails."""

    def prepare(self) -> None:
        raise ValueError("Expected another layer")  # what is logged with its trace is kept by pytest


def test_a_network_is_made_quick_when_the_first_page_is_drawn_or_somebody_waits_for_a_function(monkeypatch):
    monkeypatch.setattr(sessions, "_drawn_since", {})
    prepared = threading.Event()
    monkeypatch.setattr(core, "prepare", lambda _: prepared.set())
    monkeypatch.setattr(compiling, "leave_alone", lambda: None)
    monkeypatch.setattr(compiling, "LATER", 60.0)
    for end in (lambda _: sessions.end_page(), lambda one: one.done(lambda: None)):
        compilers, network = Compiling(), Network()
        compilers.serving = True
        prepared.clear()
        sessions.begin_page()
        compilers.soon(network)
        assert not prepared.wait(0.1), "what is drawn now does not share the processor with it"
        end(compilers)
        assert prepared.wait(10)


def test_what_could_not_be_compiled_does_not_keep_its_network():
    own, net = Compiling(), Network()
    assert own.ask(net, ("layer",), net.prepare, wait=True), "it counts as done"
    own.done(lambda: None)
    left = weakref.ref(net)
    del net
    gc.collect()
    assert left() is None


def test_where_no_thread_serves_nothing_is_compiled():
    net = networks.network("lens5_standard")
    assert len(net.kept) == 0


@pytest.mark.parametrize("page", ["start", "filters", "activations"])
def test_before_tensorflow_is_there_a_page_shows_its_picture_and_words(page, monkeypatch):
    monkeypatch.setattr(process, "ready", lambda: False)
    monkeypatch.setattr(process, "wait", lambda touch: st.stop())
    app = AppTest.from_file(APP, default_timeout=60)
    app.query_params["network"] = "lens5_standard"
    app.run()
    if page != "start":
        app.switch_page(f"app_pages/{page}.py").run()
    assert not app.exception and not networks.is_open("lens5_standard")
    titles = {"start": "See what a network sees", "filters": "Filter maximization", "activations": "Layer activations"}
    assert [one.value for one in app.title] == [titles[page]]
    pictures = [one.proto.imgs[0].alt for one in app.get("image")]
    assert "The picture" in pictures
    assert len(pictures) == (1 if page == "activations" else 2), "and the ready one"
    assert any("thumbnails" in one.proto.component_name for one in app.get("bidi_component"))


def test_when_tensorflow_is_there_the_page_is_the_usual_one():
    app = AppTest.from_file(APP, default_timeout=120)
    app.query_params["network"] = "lens5_standard"
    app.run()
    said = " ".join(one.value for one in app.markdown)
    assert not app.exception and "It says" in said
    assert len([one for one in app.get("image") if one.proto.imgs[0].alt.startswith("Sixteen")]) == 5
    assert not [one for one in app.get("image") if "respond to most" in one.proto.imgs[0].alt]
