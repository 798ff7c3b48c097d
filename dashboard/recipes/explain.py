"""Which pixels a unit of a network depends on, by every method, as a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

import core
from dashboard.recipes.base import OnPicture, opening
from dashboard.server import results

BODY = """\
photo = core.seen_by(net, {photo})
unit = {unit}
settings = {settings}
maps = {{}}
for method in core.METHODS:
    maps[method] = core.attribute(net, photo, unit, method=method, layer={layer!r}, **settings.get(method, {{}}))
    print(method, maps[method].shape, maps[method].min(), maps[method].max())
Path("maps.npz").write_bytes(core.encode_npz(maps))
"""


@dataclass(frozen=True)
class Explain(OnPicture):
    """Attribution. ``options`` are (name, value) of settings that some methods of ``core.METHODS`` have."""

    technique: ClassVar[str] = "attribute"

    layer: str = core.LOGITS
    unit: int = 0
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def title(self) -> str:
        """What is explained: a class by its name, another unit by its layer and number."""
        return results.unit_title(self.network, self.layer, self.unit)

    def options_of(self, method: str) -> dict[str, Any]:
        """Those of the options that a method takes."""
        own = {setting.name for setting in core.METHODS[method].settings}
        return {name: value for name, value in self.options if name in own}

    def square(self) -> dict[str, Any]:
        """What hides a place: ``window`` and ``fill`` of ``core.occlusions``, as set or as usual."""
        chosen = dict(self.options)
        return {"window": chosen.get("window"), "fill": chosen.get("fill", "grey")}

    def found(self, method: str, *, fraction: float = 0.0) -> npt.NDArray[np.float32]:
        """The map (h, w) of one method, by the network with this fraction of its layers shuffled. Raises ValueError."""
        unit, options = (self.layer, self.unit), tuple(self.options_of(method).items())
        return results.explanation(self.network, self.picture, unit, method, options=options, fraction=fraction)

    def _body(self) -> str:
        unit = f"net.labels.index({self.title!r})" if self.layer == core.LOGITS else str(self.unit)
        settings = {method: self.options_of(method) for method in core.METHODS if self.options_of(method)}
        return BODY.format(photo=opening(self.picture), unit=unit, settings=settings, layer=self.layer)
