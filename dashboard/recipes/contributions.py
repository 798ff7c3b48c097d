"""Which channels of a layer made an answer, as a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dashboard.recipes.base import OnPicture, opening

BODY = """\
photo = core.seen_by(net, {photo})
target = {target}
found = core.contributions(net, photo, {layer!r}, target)
best = abs(found).argsort()[::-1][:12]
print(core.completeness(net, photo, {layer!r}, target, found=found))
lost = core.ablation_losses(net, photo, {layer!r}, target, channels=best)
for channel, loss in zip(best, lost):
    print(channel, found[channel], loss)
Path("contributions.npz").write_bytes(core.encode_npz({{"contributions": found}}))
"""


@dataclass(frozen=True)
class Contributions(OnPicture):
    """What each channel of a layer gives to a class (its index), or to one class ``against`` another."""

    technique: ClassVar[str] = "contributions"

    layer: str
    target: int
    against: int | None = None

    @property
    def asked(self) -> int | tuple[int, int]:
        """The target as ``core.contributions`` takes it."""
        return self.target if self.against is None else (self.target, self.against)

    def _body(self) -> str:
        return BODY.format(photo=opening(self.picture), layer=self.layer, target=self.asked)
