"""How far a photograph went that was held while a unit was maximized, for sessions to share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

import core
from dashboard.server import networks, uploads
from dashboard.server.cache import cached
from dashboard.server.slot import SLOT

Pixels = npt.NDArray[np.uint8]


def moved(name: str, picture_name: str, layer: str, pixels: Pixels) -> float:
    """How far a picture (h, w, 3) is from the photograph that it was, at the layer that held it; 0 is the same.

    1 is as far as no activations at all. Raises ValueError.
    """
    return _moved(name, picture_name, layer, core.digest(core.to_float(pixels)[None]), _pixels=pixels)


@cached
def _moved(name: str, picture_name: str, layer: str, digest: str, *, _pixels: Pixels) -> float:
    net = networks.network(name)
    photo = core.fit(uploads.picture(picture_name), height=_pixels.shape[0], width=_pixels.shape[1])
    with SLOT.turn(short=True):
        return float(core.feature_distance(net, photo, core.holding_layer(net, layer), core.to_float(_pixels)[None])[0])
