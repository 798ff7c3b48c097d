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
for method in {methods}:
    maps[method] = core.attribute(
        net, photo, unit, method=method, layer={layer!r}, against={against}, **settings.get(method, {{}})
    )
    print(method, maps[method].shape, maps[method].min(), maps[method].max())
Path("maps.npz").write_bytes(core.encode_npz(maps))
"""


@dataclass(frozen=True)
class Explain(OnPicture):
    """Attribution by some ``methods`` of ``core.METHODS``; ``options`` are (name, value) of settings that some have.

    ``against`` is a class whose score is taken off, -1 for none; ``maps`` the layer whose maps Grad-CAM and its kin
    weigh, empty for the last one that has some.
    """

    technique: ClassVar[str] = "attribute"

    layer: str = core.LOGITS
    unit: int = 0
    options: tuple[tuple[str, Any], ...] = ()
    methods: tuple[str, ...] = tuple(name for name, one in core.METHODS.items() if one.usual)
    against: int = -1
    maps: str = ""

    def check(self) -> None:
        """Raise ValueError for a method or a setting that there is not."""
        strange = [one for one in self.methods if one not in core.METHODS]
        if strange or not self.methods:
            raise ValueError(
                f"Expected methods among {', '.join(core.METHODS)}, got {', '.join(strange)[:40] or 'none'}."
            )

    @property
    def own_title(self) -> str:
        """What is explained: a class by its name, another unit by its layer and number."""
        return results.unit_title(self.network, self.layer, self.unit)

    @property
    def title(self) -> str:
        """The same, with what it is held against."""
        if self.against < 0:
            return self.own_title
        return f"{self.own_title} rather than {results.unit_title(self.network, self.layer, self.against)}"

    def options_of(self, method: str) -> dict[str, Any]:
        """Those of the options that a method takes."""
        own = {setting.name for setting in core.METHODS[method].settings}
        chosen = {"maps": self.maps} if self.maps and core.METHODS[method].layered else {}
        return {name: value for name, value in self.options if name in own} | chosen

    @property
    def everything(self) -> tuple[tuple[str, Any], ...]:
        """All that methods are asked for: ``options``, and the layer of the maps."""
        return (*self.options, *([("maps", self.maps)] if self.maps else []))

    def square(self) -> dict[str, Any]:
        """What hides a place: ``window`` and ``fill`` of ``core.occlusions``, as set or as usual."""
        chosen = dict(self.options)
        return {"window": chosen.get("window"), "fill": chosen.get("fill", "grey")}

    def found(self, method: str, *, fraction: float = 0.0) -> npt.NDArray[np.float32]:
        """The map (h, w) of one method, by the network with this fraction of its layers shuffled. Raises ValueError."""
        return results.explanation(*self._asked(method), options=self._options(method), fraction=fraction)

    def there(self, method: str) -> bool:
        """Whether the map of a method has been computed, and is kept."""
        return results.explanation.there(*self._asked(method), options=self._options(method), fraction=0.0)

    def _asked(self, method: str) -> tuple[str, str, tuple[str, int], str]:
        return self.network, self.picture, (self.layer, self.unit), method

    def _options(self, method: str) -> tuple[tuple[str, Any], ...]:
        against = (("against", self.against),) if self.against >= 0 else ()
        return (*self.options_of(method).items(), *against)

    def _body(self) -> str:
        unit = f"net.labels.index({self.own_title!r})" if self.layer == core.LOGITS else str(self.unit)
        settings = {method: self.options_of(method) for method in self.methods if self.options_of(method)}
        return BODY.format(
            photo=opening(self.picture), unit=unit, settings=settings, layer=self.layer, methods=self.methods,
            against=self.against if self.against >= 0 else None,
        )  # fmt: skip
