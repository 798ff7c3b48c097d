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
    """

    work: str
    settings: Mapping[str, Any]
    sides: Mapping[str, Contender]
    warm: bool = True
    most: float | None = None
    rounds: int = 3
    quick: Mapping[str, Any] = field(default_factory=dict)


def _filters() -> dict[str, Bench]:
    titles = {"mobilenet_v2": ("MobileNetV2", 8.0), "resnet50v2": ("ResNet50V2", 4.5), "vgg16": ("VGG16", 2.0)}
    found = {}
    for key, (title, goal) in titles.items():
        sides = {
            "Convscope": Contender(f"{HERE}.bench_filters:ours"),
            "Keras example": Contender(f"{HERE}.bench_filters:keras_example", goal=goal),
        }
        work = f"64 filters of {title}, 128 px, 30 steps"
        found[f"filters_{key}"] = Bench(work, {"network": key}, sides, warm=False, quick={"filters": 16})
    sides = {
        "Convscope": Contender(f"{HERE}.bench_filters:page"),
        "Keras example": Contender(f"{HERE}.bench_filters:keras_example_page", goal=8.0),
    }
    work = "64 filters of EfficientNet-Lite0, the page's default run (96 px, 32 steps)"
    return found | {"filters_page": Bench(work, {}, sides, warm=False, most=20.0, quick={"filters": 16})}


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
)

BENCHES: Mapping[str, Bench] = {**_activations(), **_filters(), "dream": DREAM, **_attacks(), **_attribution()}

SAME_SCORE = {
    "Keras example": Contender(f"{HERE}.bench_same_score:keras_example", goal=5.0),
    "tf-keras-vis": Contender(f"{HERE}.bench_same_score:tf_keras_vis", True, goal=5.0),
}
OUR_SCORE = Contender(f"{HERE}.bench_same_score:ours")
SAME_SCORE_WORK = "16 units of EfficientNet-Lite0, 128 px, to the score that the other reaches"
CEILINGS = Contender(f"{HERE}.bench_machine:ceilings")
