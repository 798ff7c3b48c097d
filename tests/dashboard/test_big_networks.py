"""The four pages' techniques on large networks with random weights: slow, so ``pytest -m slow`` runs them."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import numpy as np
import pytest
from test_pages import open_app

import core
from dashboard.server import networks

pytestmark = pytest.mark.slow
NETWORKS = ("vgg16", "resnet50_v2", "inception_v3", "efficientnet_v2_b0", "densenet121", "convnext_tiny")
PAGES = ("start", "network", "activations", "filters", "dream", "attack", "why")


@pytest.fixture(scope="module", params=NETWORKS)
def net(request: pytest.FixtureRequest) -> Iterator[core.Classifier]:
    yield core.load(request.param, weights=None)
    gc.collect()


def test_the_four_techniques(net: core.Classifier) -> None:
    photo = core.seen_by(net, core.samples.load("cat"))
    layer = core.stages(net)[1].layer
    assert np.isfinite(core.activations(net, photo, [layer])[layer]).all()
    climbed = core.last(core.maximize(net, layer, [0, 1], size=96, steps=4)).images.numpy()
    assert climbed.shape == (2, 96, 96, 3) and climbed.std() > 0.01
    dreamed = core.last(core.dream(net, photo, {layer: 1.0}, octaves=1, steps=2)).images.numpy()
    assert np.abs(dreamed - photo).max() > 0.01
    label = int(core.logits_of(net, photo)[0].argmax())
    fooled = core.last(core.pgd(net, photo, [label], epsilon=8 / 255, steps=2)).images.numpy()
    assert 0 < np.abs(fooled - photo).max() < 9 / 255


@pytest.mark.parametrize("name", NETWORKS)
def test_pages(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    load = core.load
    monkeypatch.setenv("CONVSCOPE_MODE", "local")
    monkeypatch.setattr(networks, "_brought", lambda one: load(one, weights=None))
    for page in PAGES:
        app = open_app(f"app_pages/{page}.py", network=name)
        assert not app.exception and not app.error, page
        assert app.selectbox(key="network").value == name
    networks.NETWORKS.forget()
