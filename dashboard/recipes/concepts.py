"""The parts that a layer sees in a picture, or in many, as a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import core
from dashboard.recipes.base import OnPicture, opening
from dashboard.recipes.sets import reading
from dashboard.server import networks

COUNT = core.Setting(
    "count", "Concepts", 8, (4, 5, 6, 7, 8, 9, 10), 1, 10, "Into how many parts the layer is taken apart."
)
BODY = """\
photo = core.seen_by(net, {photo})
pictures = {pictures}
found = core.last(core.concepts(net, pictures, {layer!r}, count={count}))
print(f"{{found.unexplained:.1%}} of the activations is in no concept")
{importance}for concept in range(found.count):
    crops = core.concept_crops(net, found, concept).cut(pictures)
    if len(crops):
        Path(f"concept_{{concept + 1}}.png").write_bytes(core.encode_png(core.tile(crops, columns=len(crops))))
maps = core.concept_maps(net, found, photo)
Path("concepts.npz").write_bytes(core.encode_npz({{"directions": found.directions, "maps": maps}}))
"""
IMPORTANCE = """\
worth = core.concept_importance(net, found, photo, {target})
for concept in range(found.count):
    print(concept + 1, "lost without it", worth.lost[concept], "total Sobol index", worth.sobol[concept])
"""
FEW = "  # the page takes at most 200 of a set, evenly spread"


@dataclass(frozen=True)
class Concepts(OnPicture):
    """The concepts of a layer in a picture, or in the set ``source``, and what each is worth to a class there.

    ``target`` is the class, None where the network has no answers.
    """

    technique: ClassVar[str] = "concepts"

    layer: str
    source: str = ""
    count: int = COUNT.default
    target: int | None = None

    @classmethod
    def _settings(cls) -> tuple[core.Setting, ...]:
        return (COUNT,)

    def _body(self) -> str:
        size = networks.network(self.network).size
        pictures = reading(self.source, size) + FEW if self.source else "photo"
        importance = "" if self.target is None else IMPORTANCE.format(target=self.target)
        return BODY.format(
            photo=opening(self.picture), pictures=pictures, layer=self.layer, count=self.count, importance=importance
        )
