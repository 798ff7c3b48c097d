"""What is known of networks before one is loaded: their names and their cards. Answers without TensorFlow.

A bundled network is a ``.keras`` file and a card (``.json``) beside it, which names its picture size, its label file
and the pixel range that it wants. The order of ``available()`` is the one in which a newcomer should meet them. The
weights of ``efficientnet_lite0`` come in an installed package; here is its card only.
"""

from __future__ import annotations

import importlib.util
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from core.networks import efficientnet_lite_weights

BUNDLED = Path(__file__).resolve().parents[1] / "bundled"
IMAGENET = "imagenet_labels.txt"
VARIANTS = {"mobilenet_0.25": ("mobilenet", {"alpha": 0.25}), "mobilenet_0.5": ("mobilenet", {"alpha": 0.5})}


def available() -> tuple[str, ...]:
    """The names of the bundled networks whose weights are here, best for a newcomer first."""
    there = efficientnet_lite_weights.installed()
    return tuple(name for name, facts in _cards().items() if there or "package" not in facts)


def _cards() -> dict[str, dict[str, Any]]:
    """The cards of the bundled networks, whether their weights are here or not, best for a newcomer first."""
    cards = {path.stem: json.loads(path.read_text()) for path in BUNDLED.glob("*.json")}
    return dict(sorted(cards.items(), key=lambda item: (item[1]["order"], item[0])))


@cache
def families() -> dict[str, str]:
    """The functions of keras.applications by our names: ``mobilenet_v2`` -> ``MobileNetV2``.

    Read from the list of names that Keras's package holds, without importing it.
    """
    keras = importlib.util.find_spec("keras")
    folders = keras.submodule_search_locations if keras else None
    listed = [Path(folder) / "applications" / "__init__.py" for folder in folders or ()]
    names = re.findall(r"\b([A-Z]\w+) as \1\b", "".join(file.read_text("utf-8") for file in listed if file.is_file()))
    return {_snake(name): name for name in names}


@cache
def applications() -> tuple[str, ...]:
    """The names of all classifiers of keras.applications, such as ``mobilenet_v2``, and some of their variants."""
    return tuple(sorted({*families(), *VARIANTS}))


def imagenet_labels() -> tuple[str, ...]:
    """The names of ImageNet's 1,000 classes in the order that Keras uses; no two are the same."""
    return tuple((BUNDLED / IMAGENET).read_text().splitlines())


def card(name: str) -> dict[str, Any]:
    """What is known of a network before it is loaded: title, data, recipe, accuracy, ... Raises ValueError."""
    if name in applications():
        return {
            "title": families()[VARIANTS.get(name, (name,))[0]]
            + name.removeprefix(VARIANTS.get(name, (name,))[0]).replace("_", " "),
            "data": "ImageNet-1k: 1,000 classes.",
            "origin": "keras.applications, with the weights that its authors trained on ImageNet.",
        }
    cards = _cards()
    if name not in cards:
        raise ValueError(
            f"There is no network {name!r}; there is {', '.join(available())}, and of keras.applications "
            f"{', '.join(applications())}"
        )
    return cards[name]


def _snake(name: str) -> str:
    """``MobileNetV2`` -> ``mobilenet_v2``, ``EfficientNetV2B0`` -> ``efficientnet_v2_b0``, ``VGG16`` -> ``vgg16``."""
    for whole in ("MobileNet", "EfficientNet", "DenseNet", "ResNet", "NASNet", "ConvNeXt"):
        name = name.replace(whole, whole.capitalize())
    words = re.findall(r"VGG\d+|[A-Z][a-z]+\d*|V\d|[BSML]\d?|XL", name)
    return "_".join(words).lower()
