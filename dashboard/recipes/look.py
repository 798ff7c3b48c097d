"""Every channel of a layer on a picture, as a recipe."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

import core
from dashboard.recipes.base import OnPicture, opening
from dashboard.server import networks, results, uploads

BODY = """\
photo = core.seen_by(net, {photo}, scale={scale})
activation = core.activations(net, photo, [{layer!r}])[{layer!r}]
numbers = core.statistics(activation)
for channel in numbers.strongest()[:8]:
    print(channel, numbers.mean[channel], numbers.maximum[channel], numbers.zeros[channel])
Path("activations.npz").write_bytes(core.encode_npz({{{layer!r}: activation}}))
"""
WALL = """\
maps = core.maps(activation[0], shared={shared}){order}[:{count}]
Path("activations.png").write_bytes(core.encode_png(core.tile(np.repeat(maps[..., None], 3, axis=-1))))
"""


@dataclass(frozen=True)
class Look(OnPicture):
    """A layer of a network at work on a picture, which is ``scale`` times as large as the network's own size.

    ``order`` and ``scaling`` are those of the channels and of their brightness; ``colours`` is a name of Matplotlib's.
    """

    technique: ClassVar[str] = "activations"
    imports: ClassVar[str] = "import numpy as np\n\n"

    layer: str
    order: str = "strength"
    scaling: str = "channel"
    scale: int = 1
    count: int = 256
    colours: str = "Viridis"

    @classmethod
    def _settings(cls) -> tuple[core.Setting, ...]:
        return (
            core.Setting("order", "Order", "strength", ("strength", "index")),
            core.Setting("scaling", "Brightness is scaled for", "channel", ("channel", "layer")),
            core.Setting("scale", "Size of the picture", 1, (1, 2, 4), 1, 4),
            core.Setting("count", "Channels shown", 256, (64, 256, 1024, 4096), 1, 4096),
        )

    def photo(self) -> npt.NDArray[np.float32]:
        """The picture (1, h, w, 3) as the network sees it, ``scale`` times as large."""
        return core.seen_by(networks.network(self.network), uploads.picture(self.picture), scale=self.scale)

    def found(self) -> npt.NDArray[np.float32]:
        """The activation (1, h, w, channels) or (1, units). Raises ValueError."""
        return results.activations(self.network, self.picture, (self.layer,), self.scale)[self.layer]

    def ranking(self, activation: npt.NDArray[np.float32]) -> npt.NDArray[np.integer]:
        """The channels in their order, all of them."""
        strongest = core.statistics(activation).strongest()
        return strongest if self.order == "strength" else np.arange(len(strongest))

    def _body(self) -> str:
        own = {"photo": opening(self.picture), "shared": self.scaling == "layer"}
        own["order"] = "[numbers.strongest()]" if self.order == "strength" else ""
        spatial = networks.network(self.network).layer(self.layer).spatial
        return (BODY + (WALL if spatial else "")).format(**asdict(self) | own)
