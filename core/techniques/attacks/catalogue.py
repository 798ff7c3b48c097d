"""Every attack as data: what it is, what it can do, what a person may set; and one function that runs any of them.

A new attack is a function in a file of its own, and a row here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from core import checks
from core.networks.classifiers import Classifier
from core.optimize.ascent import Frame
from core.pictures import images, samples
from core.pictures.grey import as_grey
from core.settings import Setting
from core.techniques.attacks.arguments import MOST_STEPS, checked
from core.techniques.attacks.auto_pgd import auto_pgd, auto_pgd_dlr
from core.techniques.attacks.black_box import few_pixels, square
from core.techniques.attacks.gradient import bim, fgsm, mifgsm, pgd, universal
from core.techniques.attacks.judge import Labels, logits_of
from core.techniques.attacks.minimal import carlini_wagner, deepfool
from core.techniques.attacks.patch import patch

__all__ = ["ATTACKS", "Attack", "attack"]


@dataclass(frozen=True)
class Attack:
    """An attack as the page offers it.

    Attributes:
        title: its name.
        says: two sentences, with the paper.
        run: the function.
        norms: in which an epsilon can be asked for; empty where there is none.
        settings: what else a person may set: keyword arguments of ``run``.
        targeted: whether it can be led to a chosen class; None where it must be.
        quick: what it is run with where nobody says otherwise, because the published settings take longer than a person
            waits, or seldom succeed.
        many: whether it works on many pictures at once, and needs them.
        own_epsilon: whether each picture may have an epsilon of its own.
        margins: whether the score of its frames says by how much each picture fools, above 0 where it does.
    """

    title: str
    says: str
    run: Callable[..., Iterator[Frame]]
    norms: tuple[str, ...] = ()
    settings: tuple[Setting, ...] = ()
    targeted: bool | None = True
    quick: Mapping[str, Any] = field(default_factory=dict)
    many: bool = False
    own_epsilon: bool = False
    margins: bool = False

    def setting(self, name: str) -> Setting | None:
        """The setting of that name, where the attack has it."""
        return next((one for one in self.settings if one.name == name), None)


_STEPS = Setting(
    "steps", "Steps", None, choices=(1, 5, 10, 20, 40, 100, 500), least=1, most=MOST_STEPS,
    help="More steps take longer and find more.",
)  # fmt: skip
_SEED = Setting("seed", "Seed", 0, least=0, most=checks.MOST_SEED, help="The same seed draws the same random numbers.")

ATTACKS: Mapping[str, Attack] = MappingProxyType(
    {
        "fgsm": Attack(
            "FGSM",
            "One step: every pixel moves by epsilon in the direction that raises the loss. The first fast attack, and "
            "a sign that networks are too linear ([Goodfellow et al., 2014](https://arxiv.org/abs/1412.6572)).",
            fgsm, ("linf", "l2", "l1"), own_epsilon=True,
        ),
        "bim": Attack(
            "BIM",
            "FGSM in many steps of 1/255, never further than epsilon from the picture. Its authors printed the result, "
            "photographed it, and it still fooled ([Kurakin et al., 2016](https://arxiv.org/abs/1607.02533)).",
            bim, ("linf", "l2", "l1"), own_epsilon=True,
        ),
        "pgd": Attack(
            "PGD",
            "Like BIM, but from a random point of the ball. The standard test of robustness: networks that are trained "
            "against it are hard to fool by any other ([Madry et al., 2017](https://arxiv.org/abs/1706.06083)).",
            pgd, ("linf", "l2", "l1"),
            (
                _STEPS,
                Setting("random_start", "Random start", True, help="Begin at a random point of the ball."),
                _SEED,
            ),
            quick={"steps": 20}, own_epsilon=True,
        ),
        "apgd_ce": Attack(
            "APGD",
            "PGD that finds its own step size and goes back to its best point where it is stuck: nothing is left to "
            "choose badly, so it is half of the usual test of robustness "
            "([Croce & Hein, 2020](https://arxiv.org/abs/2003.01690)).",
            auto_pgd, ("linf", "l2"), (_STEPS, _SEED), quick={"steps": 20}, margins=True,
        ),
        "apgd_dlr": Attack(
            "APGD on DLR",
            "APGD on the difference of logits ratio, which does not vanish where a network is sure: it gets through "
            "where cross-entropy has no gradient left ([Croce & Hein, 2020](https://arxiv.org/abs/2003.01690)).",
            auto_pgd_dlr, ("linf", "l2"), (_STEPS, _SEED), targeted=False, quick={"steps": 20},
            margins=True,
        ),
        "mifgsm": Attack(
            "MI-FGSM",
            "Steps that keep their momentum, so that they do not get stuck in what one network alone falls for. Its "
            "pictures fool other networks more often ([Dong et al., 2017](https://arxiv.org/abs/1710.06081)).",
            mifgsm, ("linf", "l2", "l1"),
            (
                _STEPS,
                Setting("momentum", "Momentum", 1.0, least=0.0, most=1.0, help="How much of the earlier steps stays."),
            ),
            own_epsilon=True,
        ),
        "deepfool": Attack(
            "DeepFool",
            "Goes straight to the nearest border between two classes, as if the network were linear, and again from "
            "there. It measures how near that border is "
            "([Moosavi-Dezfooli et al., 2015](https://arxiv.org/abs/1511.04599)).",
            deepfool, (),
            (
                _STEPS,
                Setting("overshoot", "Overshoot", 0.02, least=0.0, most=10.0, help="How far beyond the border."),
                Setting("candidates", "Classes", 10, least=2, most=1000, help="How many of the likeliest."),
            ),
            targeted=False,
        ),
        "carlini_wagner": Attack(
            "Carlini & Wagner",
            "Looks for the smallest change at all that fools, weighing size against success. It broke the defences of "
            "its time ([Carlini & Wagner, 2016](https://arxiv.org/abs/1608.04644)); here in fewer steps than theirs.",
            carlini_wagner, (),
            (
                _STEPS,
                Setting("searches", "Searches", 4, least=1, most=20, help="How often size and success are weighed."),
                Setting("confidence", "Confidence", 0.0, least=0.0, most=1000.0, help="By how many logits it fools."),
            ),
            quick={"steps": 150, "searches": 4, "constant": 1.0, "step_size": 0.002},
        ),
        "few_pixels": Attack(
            "Few pixels",
            "Changes a few pixels and leaves all others as they are. It asks the network only for answers, and lets "
            "candidates evolve ([Su et al., 2017](https://arxiv.org/abs/1710.08864)).",
            few_pixels, (),
            (
                _STEPS,
                Setting("pixels", "Pixels", 5, choices=(1, 3, 5, 10, 20), least=1, most=100, help="How many change."),
                _SEED,
            ),
            quick={"population": 200, "steps": 40, "pixels": 5},
        ),
        "square": Attack(
            "Square",
            "Puts squares of plus or minus epsilon at random places and keeps what helps. It never sees a gradient, so "
            "hiding gradients is no defence ([Andriushchenko et al., 2019](https://arxiv.org/abs/1912.00049)).",
            square, ("linf",),
            (
                _STEPS,
                Setting("fraction", "First squares", 0.3, least=1e-6, most=1.0, help="How much they cover."),
                _SEED,
            ),
            margins=True,
        ),
        "universal": Attack(
            "Universal",
            "One change for all pictures: here it is learned on the samples and on yours. That it exists says that "
            "weaknesses belong to the network, not to a picture "
            "([Moosavi-Dezfooli et al., 2016](https://arxiv.org/abs/1610.08401)).",
            universal, ("linf", "l2"), (_STEPS,), many=True,
        ),
        "patch": Attack(
            "Patch",
            "A sticker that means one class wherever it lies: it does not hide, it shouts. It is learned on all "
            "samples, turned, scaled and moved ([Brown et al., 2017](https://arxiv.org/abs/1712.09665)).",
            patch, (),
            (_STEPS, Setting("rotation", "Rotation", 22.5, least=0.0, most=180.0, help="Degrees at most."), _SEED),
            targeted=None, quick={"steps": 150}, many=True,
        ),
    }
)  # fmt: skip


def attack(
    classifier: Classifier, name: str, pictures: npt.ArrayLike, labels: Labels, **settings: Any
) -> Iterator[Frame]:
    """Any attack of ``ATTACKS`` by name, with its quick settings where ``settings`` say nothing else.

    An attack that learns on many pictures gets the samples beside the first one given: frames then hold that one first.
    Raises ValueError as the attack itself does.
    """
    chosen = ATTACKS[checks.one_of("attack", name, ATTACKS)]
    settings = {**chosen.quick, **settings}
    if not chosen.many:
        return chosen.run(classifier, pictures, labels, **settings)
    origin, targets = checked(classifier, pictures, labels)
    height, width = origin.shape[1:3]
    photos = np.concatenate([images.fit(samples.load(one), height=height, width=width) for one in samples.names()])
    photos = images.to_float(images.to_uint8(as_grey(photos) if classifier.grey else photos))
    led = chosen.targeted is None or settings.get("targeted")
    goals = np.full(len(photos), targets[0]) if led else logits_of(classifier, photos).argmax(axis=1)
    return chosen.run(classifier, np.concatenate([origin, photos]), np.concatenate([targets, goals]), **settings)
