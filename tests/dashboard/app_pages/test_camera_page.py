"""The page of the live camera without a browser: what the component is told, and what comes back from it."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import core
from dashboard import workbench
from dashboard.recipes import Maximize
from dashboard.server import jobs


def told(app: AppTest) -> dict[str, Any]:
    """What the component is told."""
    return next(json.loads(one.proto.json) for one in app.get("bidi_component") if '"ticket"' in one.proto.json)


def test_the_component_is_told_what_the_address_asks_for(open_page) -> None:
    app = open_page("camera", layer="conv4_2_relu", draw="cam", channel="3", count="16", order="now", opacity="0.5")
    assert not app.exception
    said = told(app)
    assert said["settings"] == {"layer": "conv4_2_relu", "draw": "cam", "channel": 3, "order": "now", "count": 16}
    assert (said["network"], said["side"], said["opacity"]) == ("lens5_standard", [64, 64], 0.5)
    assert len(said["ticket"]) >= 32 and said["film"] == [] and said["burst"] is None
    assert len(base64.b64decode(said["colours"])) == 768 and said["still"].startswith("data:image/jpeg")


def test_nonsense_in_the_address_is_the_default(open_page) -> None:
    app = open_page("camera", **dict.fromkeys(("layer", "draw", "channel", "count", "order", "opacity"), "<b>"))
    assert not app.exception
    assert told(app)["settings"] | {"layer": ""} == {
        "layer": "", "draw": "activations", "channel": None, "order": "once", "count": 64,
    }  # fmt: skip


def test_another_layer_follows_no_channel(open_page) -> None:
    app = open_page("camera", layer="conv4_2_relu", channel="9999")
    assert told(app)["settings"]["channel"] is None, "it has fewer"
    app = open_page("camera", layer="conv4_2_relu", channel="100")
    assert told(app)["settings"]["channel"] == 100
    app.selectbox(key="camera.layer").set_value("conv1_relu").run()
    assert told(app)["settings"]["channel"] is None and told(app)["settings"]["layer"] == "conv1_relu"


def test_the_page_says_that_nothing_is_kept(open_page, words) -> None:
    assert "Nothing is kept" in words(open_page("camera"))


@pytest.mark.parametrize("changes", [{}, {"negative": True}, {"channels": (5, 6)}, {"start": "grey"}, {"facets": 2}])
def test_a_maximized_picture_is_shown_where_it_was_made_before(changes: dict[str, Any]) -> None:
    settings = {"network": "lens5_standard", "layer": "conv2_relu", "channels": (3, 5), **changes}
    recipe = Maximize(**settings)
    jobs.TABLE.forget()
    assert workbench.maximized("lens5_standard", "conv2_relu", 3) is None
    pictures = np.zeros((2, 4, 4, 3), np.float32)
    pictures[0] = 1
    frame = core.Frame(1, 1, pictures, np.zeros(2), np.zeros((1, 2)))
    job = jobs.open(("run", recipe), lambda: iter([workbench.Growth(frame)]))
    list(job.follow())
    found = workbench.maximized("lens5_standard", "conv2_relu", 3)
    assert (found is not None) == (not changes)
    if found is not None:
        assert found.dtype == np.uint8 and found.min() == 255
