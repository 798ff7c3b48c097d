"""Where classifiers come from: the networks in the box (``core/bundled``), by name.

A bundled network is a ``.keras`` file and a card (``.json``) beside it, which names its picture size, its label file
and the pixel range that it wants. The order of ``available()`` is the one in which a newcomer should meet them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from core.classifiers import Classifier, Preprocess, classifier

BUNDLED = Path(__file__).resolve().parent / "bundled"


def available() -> tuple[str, ...]:
    """The names of the bundled networks, best for a newcomer first."""
    cards = {path.stem: json.loads(path.read_text()) for path in BUNDLED.glob("*.json")}
    return tuple(sorted(cards, key=lambda name: (cards[name]["order"], name)))


def card(name: str) -> dict[str, Any]:
    """What is written about a bundled network: title, data, recipe, accuracy, ... Raises ValueError."""
    if name not in available():
        raise ValueError(f"There is no network {name!r}; there is {', '.join(available())}")
    facts: dict[str, Any] = json.loads((BUNDLED / f"{name}.json").read_text())
    return facts


def load(name: str) -> Classifier:
    """A classifier by name.

    Raises:
        ValueError: no network of that name; the message names those there are.
    """
    facts = card(name)
    return classifier(
        keras.models.load_model(BUNDLED / f"{name}.keras", compile=False),
        name=name,
        labels=(BUNDLED / facts["labels"]).read_text().splitlines(),
        preprocess=_scale(facts["pixels"]),
        size=tuple(facts["size"]),
        card=facts,
    )


def _scale(pixels: dict[str, Any]) -> Preprocess:
    """From [0, 1] to the card's pixel range."""
    low, high = float(pixels["low"]), float(pixels["high"])
    return lambda pictures: tf.cast(pictures, tf.float32) * (high - low) + low
