"""How long activations take, beside ``keras.Model.predict``: ``python -m tests.benchmarks.bench_activations``.

The two take turns in one process on the same weights and picture, so that whatever else the machine does hits both.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from statistics import median
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import core

NETWORKS = {"MobileNetV2": (keras.applications.MobileNetV2, 2.5), "VGG16": (keras.applications.VGG16, 2.0)}


def seconds(work: Callable[[], Any]) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def alternating(works: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds of every round of each piece of work, in turns, after one round that does not count."""
    for work in works.values():
        work()
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(seconds(work))
    return times


def all_layers(name: str, rounds: int) -> tuple[int, float, float]:
    """How many layers; median seconds of ours and of one ``predict`` with all outputs."""
    network = NETWORKS[name][0](weights=None)
    classifier = core.classifier(network, name=name)
    layers = [name for name in classifier.layers if classifier.layers[name].kind != "InputLayer"]
    every = keras.Model(network.inputs, [layer.output for layer in network.layers[1:]])
    picture = np.random.default_rng(0).random((1, 224, 224, 3), dtype=np.float32)
    times = alternating(
        {
            "ours": lambda: core.activations(classifier, picture, layers),
            "predict": lambda: every.predict(picture, verbose=0),
        },
        rounds,
    )
    return len(layers), median(times["ours"]), median(times["predict"])


def first_and_next(rounds: int) -> dict[str, float]:
    """Median seconds of a bundled network's change of layer (a tap not yet compiled) and of a new picture."""
    classifier = core.load("lens5_standard")
    layers = [name for name, info in classifier.layers.items() if info.kind in ("Conv2D", "ReLU")]
    photos = np.random.default_rng(0).random((rounds + 1, 1, *classifier.size, 3), dtype=np.float32)
    new_layer = [seconds(lambda layer=layer: core.activations(classifier, photos[0], [layer])) for layer in layers]
    deepest = layers[-1]
    new_picture = [seconds(lambda p=photo: core.activations(classifier, p, [deepest])) for photo in photos[1:]]
    large = [seconds(lambda: core.activations(classifier, photos[0].repeat(8, 1).repeat(8, 2), [deepest]))]
    return {
        "another layer (trace and run)": median(new_layer[1:]),
        "another picture": median(new_picture),
        "a picture 8 times as large, not seen before": large[0],
    }


def main(rounds: int = 15) -> None:
    """Print the tables."""
    print(f"{'all layers, 224 x 224':24}{'layers':>8}{'ours':>10}{'predict':>10}{'ratio':>8}{'goal':>6}")
    for name, (_, goal) in NETWORKS.items():
        count, ours, predict = all_layers(name, rounds)
        print(f"{name:24}{count:8}{ours * 1e3:8.0f}ms{predict * 1e3:8.0f}ms{predict / ours:7.1f}x{goal:5.1f}x")
    print("\nlens5_standard")
    for what, took in first_and_next(rounds).items():
        print(f"{what:50}{took * 1e3:8.0f}ms")


if __name__ == "__main__":
    main()
