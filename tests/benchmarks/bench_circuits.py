"""How an answer comes about: how long it takes, and how far contributions add up.

``python -m tests.benchmarks.bench_circuits times`` prints medians on EfficientNet-Lite0 with everything warm, beside
what they may take. ``python -m tests.benchmarks.bench_circuits completeness`` prints a table of how much of what a
layer gives is missing in the sum of its channels' contributions, or too much there: at the last maps, from which the
way to the answer is linear as a rule, and at a stage in the middle. Networks of keras.applications have random weights.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import core

ROUNDS = 9
NETWORK, LAYER = "efficientnet_lite0", "block6a_expand"
MOST = {"one number, step by step": 0.3, "contributions of a layer": 0.5, "a river of five stages": 2.0, "a walk": 0.5}
FAMILIES = {
    "VGG16": 64, "ResNet50": 64, "ResNet50V2": 64, "InceptionV3": 96, "InceptionResNetV2": 96, "Xception": 96,
    "MobileNet": 64, "MobileNetV2": 64, "MobileNetV3Small": 64, "DenseNet121": 64, "NASNetMobile": 64,
    "EfficientNetB0": 64, "EfficientNetV2B0": 64, "ConvNeXtTiny": 64,
}  # fmt: skip


def times() -> None:
    """Medians of other pictures, channels and units each time, after one round that does not count."""
    net = core.load(NETWORK)
    pictures = [core.seen_by(net, core.samples.load(name)) for name in core.samples.names()]
    channels = net.layer(LAYER).channels

    def works(at: int) -> dict[str, Callable[[], Any]]:
        picture, unit = pictures[at % len(pictures)], 37 * at % channels
        return {
            "one number, step by step": lambda: core.dissect(net, picture, LAYER, unit, 3, 4),
            "contributions of a layer": lambda: core.contributions(net, picture, LAYER, at),
            "a river of five stages": lambda: core.river(net, picture, at),
            "a walk": lambda: (core.fed_by(net, LAYER, unit), core.feeds(net, LAYER, unit)),
        }

    taken: dict[str, list[float]] = {name: [] for name in MOST}
    for at in range(ROUNDS + 1):
        for name, work in works(at).items():
            since = time.perf_counter()
            work()
            taken[name].append(time.perf_counter() - since)
    print(f"| {NETWORK}, warm, medians of {ROUNDS} | s | at most |\n|---|---|---|")
    for name, seconds in taken.items():
        print(f"| {name} | {median(seconds[1:]):.2f} | {MOST[name]:g} |")


def networks() -> Iterator[tuple[str, core.Classifier]]:
    """Those in the box, and one of each family."""
    for name in core.available():
        yield name, core.load(name)
    for family, side in FAMILIES.items():
        keras.utils.set_random_seed(0)
        network = getattr(keras.applications, family)(weights=None, input_shape=(side, side, 3))
        rng = np.random.default_rng(0)
        for layer in network.layers:  # away from the zeros and ones with which biases and normalizations begin
            weights = layer.get_weights()
            layer.set_weights([w + rng.uniform(0, 0.3, w.shape).astype(w.dtype) if w.ndim == 1 else w for w in weights])
        yield f"{family}, random weights", core.classifier(network, name=family)


def completeness() -> None:
    """One row for each network."""
    print("| network | last maps | error | a middle stage | error |\n|---|---|---|---|---|")
    for name, net in networks():
        picture = core.seen_by(net, core.samples.load("cat"))
        target = int(core.logits_of(net, picture)[0].argmax())
        on_the_way = [one for one in net.before(core.LOGITS) if net.layer(one).spatial and net.layer(one).channels > 1]
        stages = [stage.layer for stage in core.stages(net) if stage.layer in on_the_way]
        cells = []
        for layer in (on_the_way[-1], stages[len(stages) // 2]):
            told = core.completeness(net, picture, layer, target)
            cells += [f"`{layer}`", f"{told.error:.1e}{', exact' if told.linear else ''}"]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    {"times": times, "completeness": completeness}[sys.argv[1] if len(sys.argv) > 1 else "times"]()
