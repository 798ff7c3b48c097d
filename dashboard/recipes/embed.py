"""Many pictures on one map, by a layer's codes, as a recipe."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar

from dashboard.recipes.base import Recipe

BODY = """\
photographs = [(one.title, core.samples.load(one.name)) for one in core.samples.samples()]
pictures = core.tiles(photographs, size=net.size, levels={levels})
codes = core.codes(net, core.to_float(pictures.pixels), {layer!r})
embedding = core.embed(codes, {method!r}, seed={seed})
print(embedding.shape, core.grid_layout(embedding).shape)
for index, cosine in zip(*core.nearest(codes, codes[0], 8)):
    print(pictures.title(index), cosine)
"""

ATLAS = """\
cells = core.atlas_cells(codes, {placed}, columns={atlas})
frame = core.last(core.draw_directions(net, {layer!r}, cells.directions, size=96, steps=96))
drawn = core.tile(frame.images.numpy())  # in the order of cells.places
Path("atlas.png").write_bytes(core.encode_png(drawn))
"""

METHODS = {  # title, and what it shows
    "tsne": (
        "t-SNE",
        "t-SNE keeps neighbours together; the distances between clusters, and their sizes, mean nothing "
        "([van der Maaten and Hinton, 2008](https://www.jmlr.org/papers/v9/vandermaaten08a.html)).",
    ),
    "pca": (
        "PCA",
        "PCA shows the two directions in which the codes differ most: pictures that lie far apart really are, but "
        "neighbours may still differ in directions that are not shown.",
    ),
}


@dataclass(frozen=True)
class Embed(Recipe):
    """The pictures of the set ``source`` on a plane.

    ``side_by_side``: on a grid, so that none hides another; ``atlas``: so many squares a side are drawn, 0 for none.
    """

    technique: ClassVar[str] = "map"

    source: str
    layer: str
    method: str = "tsne"
    seed: int = 0
    side_by_side: bool = True
    atlas: int = 0

    def _body(self) -> str:
        placed = "core.grid_layout(embedding)" if self.side_by_side else "embedding"
        body = BODY + (ATLAS.replace("{placed}", placed) if self.atlas else "")
        return body.format(**asdict(self), levels=(1,) if self.source == "photos" else (1, 2, 3))
