"""What is measured beside whom, and what is to be reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HERE = "benchmarks"


@dataclass(frozen=True)
class Contender:
    """One side: the function of a ``bench_*`` module that makes its work.

    Attributes:
        where: ``module:function``.
        peers: whether it needs the peers' environment; else it runs in ours.
        goal: how many times as long as ours it is to take; None for ours.
    """

    where: str
    peers: bool = False
    goal: float | None = None


@dataclass(frozen=True)
class Bench:
    """A row of the table.

    Attributes:
        work: what is done, for people.
        settings: what the functions of all sides are given.
        sides: by name, ours first.
        warm: whether a first round, which compiles, does not count.
        most: seconds that ours may take, where there is a bound.
        rounds: how many count.
        seconds: for all of it: a round that would end later is not begun, but for the first (a busy machine).
        quick: other settings for ``--quick``.
    """

    work: str
    settings: Mapping[str, Any]
    sides: Mapping[str, Contender]
    warm: bool = True
    most: float | None = None
    rounds: int = 3
    seconds: float = 45.0
    quick: Mapping[str, Any] = field(default_factory=dict)


def _filters() -> dict[str, Bench]:
    titles = {
        "mobilenet_v2": ("MobileNetV2", 8.0),
        "resnet50v2": ("ResNet50V2", 4.5),
        "vgg16": ("VGG16", 2.0),
        "efficientnet_lite0": ("EfficientNet-Lite0", 8.0),
    }
    found = {}
    for key, (title, goal) in titles.items():
        sides = {
            "Convscope": Contender(f"{HERE}.bench_filters:ours"),
            "Keras example": Contender(f"{HERE}.bench_filters:keras_example", goal=goal),
        }
        work = f"64 filters of {title}, 128 px, 30 steps"
        settings, seconds = {"network": key}, {"resnet50v2": 110.0, "vgg16": 150.0}.get(key, 65.0)
        found[f"filters_{key}"] = Bench(work, settings, sides, warm=False, seconds=seconds, quick={"filters": 16})
    sides = {
        "Convscope": Contender(f"{HERE}.bench_filters:page"),
        "Keras example": Contender(f"{HERE}.bench_filters:keras_example_page", goal=8.0),
    }
    work = "the page's default run on EfficientNet-Lite0: 16 units, 128 px, 64 steps"
    return found | {"filters_page": Bench(work, {"part": 4}, sides, warm=False, most=20.0, seconds=55.0)}


def _activations() -> dict[str, Bench]:
    titles = {
        "mobilenet_v2": ("MobileNetV2", 4.5),
        "vgg16": ("VGG16", 2.0),
        "efficientnet_lite0": ("EfficientNet-Lite0", 4.0),
    }
    return {
        f"activations_{key}": Bench(
            f"all layers of {title}, 224 px",
            {"name": key},
            {
                "Convscope": Contender(f"{HERE}.bench_activations:ours"),
                "Keras predict": Contender(f"{HERE}.bench_activations:predict", goal=goal),
            },
            rounds=7,
            seconds=20.0,
        )
        for key, (title, goal) in titles.items()
    }


def _attacks() -> dict[str, Bench]:
    goals = {"fgsm": ("FGSM", 4.5, 4.0, 1.3), "pgd": ("PGD-40", 4.5, 5.0, 1.5)}
    return {
        key: Bench(
            f"{title} on MobileNetV2, 16 pictures of 224 px",
            {"attack": key},
            {
                "Convscope": Contender(f"{HERE}.bench_attacks:ours"),
                "Foolbox": Contender(f"{HERE}.bench_attacks:foolbox", True, foolbox),
                "ART": Contender(f"{HERE}.bench_attacks:art", True, art),
                "CleverHans": Contender(f"{HERE}.bench_attacks:cleverhans", True, cleverhans),
            },
            warm=key == "fgsm",
            seconds=25.0 if key == "fgsm" else 200.0,
        )
        for key, (title, foolbox, art, cleverhans) in goals.items()
    }


def _attribution() -> dict[str, Bench]:
    goals = {"grad_cam": ("Grad-CAM", 3.0), "occlusion": ("occlusion (729 places)", 4.0), "smooth": ("SmoothGrad", 2.5)}
    return {
        key: Bench(
            f"{title} on MobileNetV2, 224 px",
            {"method": key},
            {
                "Convscope": Contender(f"{HERE}.bench_attribution:ours"),
                "Xplique": Contender(f"{HERE}.bench_attribution:xplique", True, goal),
            },
            rounds=5 if key != "occlusion" else 3,
            seconds=65.0 if key == "occlusion" else 28.0,
        )
        for key, (title, goal) in goals.items()
    }


DREAM = Bench(
    "a dream of 600 x 600 on InceptionV3, 3 octaves of 10 steps",
    {},
    {
        "Convscope": Contender(f"{HERE}.bench_dream:ours"),
        "Keras example": Contender(f"{HERE}.bench_dream:keras_example", goal=1 / 0.75),
        "TensorFlow tutorial": Contender(f"{HERE}.bench_dream:tensorflow_tutorial", goal=1 / 0.75),
    },
    warm=False,
    seconds=95.0,
)

BENCHES: Mapping[str, Bench] = {**_activations(), **_filters(), "dream": DREAM, **_attacks(), **_attribution()}

SAME_SCORE = {
    "Keras example": Contender(f"{HERE}.bench_same_score:keras_example", goal=5.0),
    "tf-keras-vis": Contender(f"{HERE}.bench_same_score:tf_keras_vis", True, goal=5.0),
}
SAME_SCORE_SECONDS = 70.0
SAME_SCORE_UNITS = {"Keras example": (64, 16), "tf-keras-vis": (4, 4)}
"""How many units, and how many of them the peer is timed on: the Keras example makes one after the other."""
OUR_SCORE = Contender(f"{HERE}.bench_same_score:ours")
SAME_SCORE_WORK = "{} units of EfficientNet-Lite0, 128 px, to the score that the other reaches"
CEILINGS = Contender(f"{HERE}.bench_machine:ceilings")
