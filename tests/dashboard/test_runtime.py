"""The caches, and the measures against what Streamlit does to TensorFlow."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import core
from dashboard import words
from dashboard.server import limits, networks, results, uploads


@pytest.fixture(autouse=True)
def fresh_caches() -> None:
    networks.NETWORKS.forget()
    uploads.BROUGHT.forget()
    results.activations.clear()


def test_garbage_collector_leaves_the_network_alone() -> None:
    """Frozen, TensorFlow's objects are not scanned by the two collections of each script run (0.8 s otherwise)."""
    gc.unfreeze()
    networks.network("lens5_standard")
    assert gc.get_freeze_count() > 100_000


def test_network_is_released() -> None:
    network = weakref.ref(networks.network("lens5_standard"))
    networks.NETWORKS.forget()
    gc.collect()
    assert network() is None


def test_layer_change_and_new_picture_are_not_traced_again() -> None:
    net = networks.network("lens5_standard")
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


def test_a_network_is_seen_beside_its_twin_and_one_without_leads_to_the_pair() -> None:
    assert networks.twins("lens5_standard") == ("lens5_standard", "lens5_robust")
    assert networks.twins("lens5_robust") == ("lens5_robust", "lens5_standard")
    assert networks.others("lens5_robust")[0] == "lens5_standard"
    for name in ("efficientnet_lite0", "mobilenet_v2"):
        assert networks.twins(name) == ("lens5_standard", "lens5_robust")
        assert set(networks.others(name)) == set(core.available()) - {name}


def test_every_layer_has_the_story_of_its_stage() -> None:
    net = networks.network("efficientnet_lite0")
    says = {stage.name: stage.says for stage in core.stages(net)}
    told = {layer: words.story(net, layer) for layer in net.layers}
    assert told["stem_conv"] == says["stem"] and told["block1a_project"] == says["112 × 112"]
    assert told["block2a_depthwise"] == says["56 × 56"] and told["block5b_add"] == says["14 × 14"]
    assert told["block6a_depthwise"] == told["top"] == says["7 × 7"] and told["logits"] == ""
    lens = networks.network("lens5_standard")
    assert words.story(lens, "conv4_2") == core.stages(lens)[3].says and words.story(lens, "pool1") == ""
    assert "75% of its first guesses" in words.remark(net) and "53 right" in words.remark(lens)
