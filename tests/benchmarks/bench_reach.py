"""Does a maximized picture raise its unit beyond what real pictures do?

    python -m tests.benchmarks.bench_reach [NETWORK]

For eight units of every stage and eight classes: the score of the maximized picture (the mean of the unit's map
before the nonlinearity, on the picture as it is, at the network's own size) against the 99.9th percentile over 1,000
validation pictures. Needs ``../shared/tiny_imagenet``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import core
from core.bundled.train import validation
from core.techniques.filters import objective

DATA = Path(__file__).parents[3] / "shared" / "tiny_imagenet"
PICTURES, UNITS, STEPS = 1000, 8, 128


def scores(net: core.Classifier, layer: str, unit: int, pictures: np.ndarray) -> np.ndarray:
    """The score of one unit on every picture (N,)."""
    goal = objective(net, layer)
    chunks = [pictures[i : i + 250] for i in range(0, len(pictures), 250)]
    return np.concatenate([core.score(net, goal, chunk, [unit] * len(chunk)).numpy() for chunk in chunks])


def main() -> None:
    """Print a table: stage, units beyond the percentile, and the median ratio of score to percentile."""
    if not DATA.exists():
        sys.exit(f"Skipped: there is no {DATA}")
    net = core.load(sys.argv[1] if len(sys.argv) > 1 else "lens5_standard")
    real = core.to_float(validation(DATA)[0][:: 10_000 // PICTURES])
    print(f"{net.name}: {len(real)} real pictures, {STEPS} steps at {net.size[0]} x {net.size[1]}")
    print(f"{'layer':16} {'beyond the 99.9th percentile':>30} {'median score / percentile':>28}")
    for layer in (*(stage.layer for stage in core.stages(net)), core.LOGITS):
        count = len(net.labels) if layer == core.LOGITS else net.layer(layer).channels
        units = np.linspace(0, count - 1, UNITS).astype(int).tolist()
        made = core.last(core.maximize(net, layer, units, size=net.size, steps=STEPS)).images.numpy()
        reached = np.array([scores(net, layer, unit, made[i : i + 1])[0] for i, unit in enumerate(units)])
        limits = np.array([np.percentile(scores(net, layer, unit, real), 99.9) for unit in units])
        print(f"{layer:16} {f'{(reached > limits).sum()} of {UNITS}':>30} {np.median(reached / limits):>28.2f}")


if __name__ == "__main__":
    main()
