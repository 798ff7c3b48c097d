"""An adversarial picture, as a recipe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

import core
from dashboard.recipes.base import OnPicture, Runs, opening
from dashboard.server import limits, networks

BODY = """\
photo = core.seen_by(net, {photo})
photo = core.to_float(core.to_uint8(photo))
label = {goal}
frames = core.attack(net, {attack!r}, photo, [label]{options})
found = core.last(frames).images.numpy()[0]
Path("adversarial.png").write_bytes(core.encode_png(found))
print(core.predict(net, core.open_image("adversarial.png"))[0])
"""


@dataclass(frozen=True)
class AttackRecipe(Runs, OnPicture):
    """An attack of ``core.ATTACKS`` on one picture.

    ``epsilon`` has the unit of pictures in [0, 1] and is None for an attack without one; without a ``target`` any other
    answer will do. ``options`` are (name, value) of the attack's own settings; others are as the attack has them.
    """

    technique: ClassVar[str] = "attack"

    attack: str = "pgd"
    norm: str = "linf"
    epsilon: float | None = 1 / 255
    target: str = ""
    options: tuple[tuple[str, Any], ...] = ()

    def check(self) -> None:
        """Raise ValueError for a setting that the attack does not have, or that this server does not allow."""
        if self.attack not in core.ATTACKS:
            raise ValueError(f"Expected an attack among {', '.join(core.ATTACKS)}, got {self.attack[:40]!r}.")
        own = {setting.name: setting for setting in core.ATTACKS[self.attack].settings}
        for name, value in self.options:
            if name not in own:
                raise ValueError(f"Expected settings of {core.ATTACKS[self.attack].title}, got {name[:40]!r}.")
            own[name].check(value)
        limits.limits().check_steps(dict(self.options).get("steps") or 0)

    def photo(self) -> npt.NDArray[np.float32]:
        """The picture (1, h, w, 3) as the network sees it, in 8 bits."""
        return core.to_float(core.to_uint8(super().photo()))

    @property
    def leads(self) -> bool:
        """Whether it leads to a chosen answer, rather than away from the network's own."""
        return bool(self.target) or core.ATTACKS[self.attack].targeted is None

    def label(self) -> int:
        """What to lead to, or the network's own answer, to lead away from. Raises ValueError."""
        net = networks.network(self.network)
        if not self.target:
            return int(core.logits_of(net, self.photo())[0].argmax())
        if self.target not in net.labels:
            raise ValueError(f"{self.network} knows no {self.target!r}.")
        return net.labels.index(self.target)

    def run(self, after: core.Frame | None = None) -> Iterator[core.Frame]:
        """Run it. Raises ValueError before any heavy work."""
        self.check()
        net = networks.network(self.network)
        return core.attack(net, self.attack, self.photo(), [self.label()], **self._options())

    def _options(self) -> dict[str, Any]:
        """The settings that this attack takes."""
        chosen = core.ATTACKS[self.attack]
        options: dict[str, Any] = {"epsilon": self.epsilon} if chosen.norms else {}
        if len(chosen.norms) > 1:
            options["norm"] = self.norm
        if chosen.targeted:
            options["targeted"] = bool(self.target)
        return options | dict(self.options)

    def _body(self) -> str:
        options = "".join(f", {name}={value!r}" for name, value in self._options().items())
        goal = f"net.labels.index({self.target!r})" if self.target else "int(core.logits_of(net, photo)[0].argmax())"
        return BODY.format(photo=opening(self.picture), goal=goal, attack=self.attack, options=options)
