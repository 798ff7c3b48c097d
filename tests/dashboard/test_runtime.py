"""The caches, and the measures against what Streamlit does to TensorFlow."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import numpy as np
import pytest
import streamlit as st

import core
from dashboard import words, workbench
from dashboard.server import limits, networks, results, slot, uploads


@pytest.fixture(autouse=True)
def fresh_caches() -> None:
    networks.NETWORKS.forget()
    uploads.BROUGHT.forget()
    results.activations.clear()


def test_garbage_collector_leaves_the_network_alone() -> None:
    """Frozen, TensorFlow's objects are not scanned by the two collections of each script run (0.8 s otherwise)."""
    gc.unfreeze()
    networks.network(core.available()[0])
    assert gc.get_freeze_count() > 100_000


def test_network_is_released() -> None:
    network = weakref.ref(networks.network(core.available()[0]))
    networks.NETWORKS.forget()
    gc.collect()
    assert network() is None


def test_layer_change_and_new_picture_are_not_traced_again() -> None:
    net = networks.network(core.available()[0])
    stages = [stage.layer for stage in core.stages(net)]
    for name in ("cat", "coffee", "flower"):
        for layer in stages:
            results.activations(net.name, name, (layer,))
            results.activations(net.name, name, (layer,), 2)
    assert [net.tap([layer]).experimental_get_tracing_count() for layer in stages] == [1] * len(stages)


def test_one_changed_pixel_is_another_picture() -> None:
    """st.cache_data samples large arrays when it hashes them; names made of digests do not."""
    pixels = np.zeros((1, 700, 700, 3), np.uint8)
    changed = pixels.copy()
    changed[0, 345, 678, 1] = 1
    first, second = (uploads.keep(uploads.Photo("same title", p)) for p in (pixels, changed))
    assert first != second
    assert uploads.picture(first).max() == 0
    assert uploads.picture(second).max() == np.float32(1 / 255)


def test_bounds_hold_on_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """The uploader's own limits hold in the browser only."""
    monkeypatch.setenv("CONVSCOPE_MODE", "public")
    side = limits.limits().picture_side
    name = uploads.bring(core.encode_jpeg(np.zeros((40, 2 * side, 3), np.float32)), "wide")
    assert uploads.picture(name).shape[2] == side
    with pytest.raises(ValueError, match="MB"):
        uploads.bring(bytes(limits.limits().picture_bytes + 1), "heavy")


def test_public_mode_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONVSCOPE_MODE", raising=False)
    public = limits.limits()
    monkeypatch.setenv("CONVSCOPE_MODE", "local")
    assert limits.limits().picture_side > public.picture_side


def test_fields_in_words_stay_on_the_picture() -> None:
    info = networks.network(core.available()[0]).layer("conv4_2_relu")
    said = words.fields_in_words(info, (8, 8), (64, 64))
    assert len(said) == 64
    assert said[0] == "sees rows 0 to 36, columns 0 to 36"
    assert said[-1] == "sees rows 28 to 64, columns 28 to 64"


class Interrupted(BaseException):
    """What Streamlit raises inside an ``st`` call when somebody clicks."""


def frames(count: int) -> Iterator[core.Frame]:
    for step in range(1, count + 1):
        images = np.full((1, 4, 4, 3), step / count, np.float32)
        yield core.Frame(step, count, images, np.zeros(1), np.zeros((step, 1)), core.State((), ()))


def mosaic(frame: core.Frame) -> np.ndarray:
    return core.to_uint8(frame.images)[0]


def test_a_click_stops_a_run_and_keeps_what_was_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that does not call Streamlit would run to its end in an orphan thread, one more for each click."""
    state: dict[str, workbench.Growth] = {}
    calls = []

    class Bar:
        def progress(self, progress: float, text: str) -> None:
            calls.append(text)
            if len(calls) == 3:
                raise Interrupted

    monkeypatch.setattr(st, "session_state", state)
    monkeypatch.setattr(st, "progress", lambda *_: Bar())
    endless = frames(10_000)
    with pytest.raises(Interrupted):
        workbench.run(endless, key="some", mosaic=mosaic)
    assert state["some"].frame.step == 3
    assert next(endless).step == 4
    assert not slot.SLOT.held


def test_a_run_shows_few_previews_and_both_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    state: dict[str, workbench.Growth] = {}
    monkeypatch.setattr(st, "session_state", state)
    workbench.run(frames(1000), key="some", mosaic=mosaic)
    steps = [step for step, _ in state["some"].history]
    assert steps[0] == 1 and steps[-1] == 1000
    assert workbench.PREVIEWS // 2 < len(steps) <= workbench.PREVIEWS + 2


def test_a_run_that_does_not_fit_is_refused() -> None:
    assert "2 seconds" in workbench.cost([core.Estimate(2.2, 2**20)])
    with pytest.raises(ValueError, match="free memory"):
        workbench.cost([core.Estimate(1, 2**20), core.Estimate(1, 2**60)])
