"""One unit under every lens, over a set of pictures, as a recipe."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar

from dashboard.recipes.base import OnPicture, opening
from dashboard.recipes.sets import reading
from dashboard.server import networks

BODY = """\
pictures = {pictures}
*_, found = core.index_units(net, {layers}, pictures)
best = core.patches(net, found[{layer!r}], pictures, {channel})
back = core.projection(net, best.pictures, {layer!r}, {channel}, positions=best.positions, method={method!r})
Path("patches.png").write_bytes(core.encode_png(core.tile(best.cut())))
Path("projections.png").write_bytes(core.encode_png(core.tile(core.around_grey(best.cut(back)))))
print(found[{layer!r}].nearest({channel}))
"""
NAME = "print(core.name_units(found[{layer!r}], core.answers_of(net, found[core.LOGITS]))[{channel}])\n"
ABLATE = "print(core.ablate(net, core.seen_by(net, {photo}), {layer!r}, [{channel}]))\n"


@dataclass(frozen=True)
class Unit(OnPicture):
    """What excites a unit: ``source`` is the set of pictures, ``method`` carries the patches back to the pixels."""

    technique: ClassVar[str] = "units"

    source: str
    layer: str
    channel: int
    method: str = "deconvnet"

    def _body(self) -> str:
        net = networks.network(self.network)
        layers = f"[{self.layer!r}, core.LOGITS]" if net.has_classes else f"[{self.layer!r}]"
        body = BODY.format(**asdict(self) | {"pictures": reading(self.source, net.size), "layers": layers})
        if net.has_classes:
            body += NAME.format(layer=self.layer, channel=self.channel)
        if not net.labels:
            return body
        return body + ABLATE.format(photo=opening(self.picture), layer=self.layer, channel=self.channel)
