"""An adversarial picture, as a recipe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

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

    def quick(self) -> Self:
        """PGD takes seconds."""
        return type(self)(self.network, self.picture)

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

    def fools(self, frame: core.Frame) -> bool:
        """Whether the file of a frame's first picture fools the network."""
        saved = core.to_float(core.to_uint8(np.asarray(frame.images)[:1]))
        return bool(core.fools(networks.network(self.network), saved, [self.label()], targeted=bool(self.target))[0])

    def stronger(self) -> list[Self]:
        """This attack with every larger usual epsilon, the smallest first; then PGD, where this is another attack."""
        measure = core.NORMS[self.norm]
        radii = [measure.radius(written) for written in measure.epsilons]
        own = [replace(self, epsilon=one) for one in radii if self.epsilon is not None and one > self.epsilon]
        return own + [replace(self, attack="pgd", epsilon=one, options=()) for one in radii if self.attack != "pgd"]

    def search(self) -> Iterator[Search]:
        """Each of the stronger ones, until one fools: exactly the runs that their settings give."""
        tried = self.stronger()
        for at, one in enumerate(tried):
            for frame in one.run():
                fooled = frame.step == frame.total and one.fools(frame)
                yield Search(one, fooled, 1.0 if fooled else (at + frame.progress) / len(tried))
            if fooled:
                return

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


@dataclass(frozen=True)
class Search:
    """Where a search for the smallest epsilon that fools is: what is tried, whether it fools, the part that is done."""

    recipe: AttackRecipe
    fools: bool
    progress: float

    @property
    def written(self) -> str:
        """The attack and its epsilon in words: ``PGD with 2/255``."""
        epsilon = core.NORMS[self.recipe.norm].written(self.recipe.epsilon or 0.0)
        return f"{core.ATTACKS[self.recipe.attack].title} with {epsilon}"

    def settings(self) -> dict[str, Any]:
        """The settings of the page that ask for it, by their names in the address."""
        measure = core.NORMS[self.recipe.norm]
        written = next(one for one in measure.epsilons if measure.radius(one) == self.recipe.epsilon)
        return {"attack": self.recipe.attack, "norm": self.recipe.norm, f"epsilon_{self.recipe.norm}": written}
