"""Top patches of all units of a layer beside plain prediction: ``python -m tests.benchmarks.bench_units``.

The works take turns on the same 1,000 pictures of 224 x 224 in one process, so that whatever else the machine does hits
all. MobileNet 0.25 has its ImageNet weights where Keras finds them (``KERAS_HOME``), random ones elsewhere.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from statistics import median
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import core

GOAL = 1.3
COUNT, BATCH = 1000, 16
LAYERS = ("conv_pw_1_relu", "conv_pw_3_relu", "conv_pw_6_relu", "conv_pw_11_relu", "conv_pw_13_relu")


def alternating(works: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds of every round of each piece of work, in turns, after one round that does not count."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds + 1):
        for name, work in works.items():
            since = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - since)
    return {name: seconds[1:] for name, seconds in times.items()}


def mobilenet() -> tuple[core.Classifier, str]:
    """The network, and which weights it has."""
    try:
        return core.load("mobilenet", alpha=0.25), "ImageNet weights"
    except ValueError:
        return core.load("mobilenet", alpha=0.25, weights=None), "random weights: the others could not be had"


def photographs(size: tuple[int, int]) -> core.PictureSet:
    """1,000 pictures: the tiles of the sample photographs, again and again, each a little brighter or darker."""
    tiles = core.sample_tiles(size=size).pixels
    light = np.random.default_rng(0).uniform(0.6, 1.0, (COUNT, 1, 1, 1)).astype(np.float32)
    pixels = np.stack([tiles[index % len(tiles)] * light[index] for index in range(COUNT)]).astype(np.uint8)
    return core.PictureSet(pixels, np.arange(COUNT, dtype=np.int32), tuple(map(str, range(COUNT))))


def predicted(net: core.Classifier, floats: core.types.Pictures) -> None:
    """The logits of every picture, by the compiled network; the pictures are floats already."""
    run = net.tap([core.LOGITS])
    for first in range(0, COUNT, BATCH):
        run(floats[first : first + BATCH])[core.LOGITS].numpy()


def indexed(net: core.Classifier, pictures: core.PictureSet, layers: tuple[str, ...]) -> None:
    """The top patches of every unit."""
    for _ in core.index_units(net, layers, pictures):
        pass


def keras_predicted(net: core.Classifier, floats: core.types.Pictures) -> None:
    """``keras.Model.predict`` on the same pictures."""
    net.network.predict(floats, batch_size=BATCH, verbose=0)


def main(rounds: int = 5) -> None:
    """Print the table."""
    net, weights = mobilenet()
    pictures = photographs(net.size)
    floats = pictures.pictures(range(COUNT))
    works = {"plain prediction": lambda: predicted(net, floats)}
    works["keras.Model.predict"] = lambda: keras_predicted(net, floats)
    for layer in LAYERS:
        works[f"top patches, {layer}"] = lambda layer=layer: indexed(net, pictures, (layer,))
    works["top patches, all of these in one pass"] = lambda: indexed(net, pictures, LAYERS)
    times = {name: median(all_) for name, all_ in alternating(works, rounds).items()}
    plain = times["plain prediction"]
    print(f"MobileNet 0.25, {weights}; {COUNT} pictures of 224 x 224; median of {rounds} rounds; goal {GOAL}x")
    for name, took in times.items():
        print(f"{name:40}{took:8.2f} s{took / plain:8.2f}x")


if __name__ == "__main__":
    main()
