"""Write the pictures that the README and the pages show: what a bundled network's units like, and what it dreams.

    python -m core.bundled.sheet units lens5_standard dashboard/assets/filters_lens5_standard.jpg
    python -m core.bundled.sheet dream lens5_standard dashboard/assets/dream_lens5_standard.jpg
    python -m core.bundled.sheet dreams lens5_robust dashboard/assets/dreams.jpg
    python -m core.bundled.sheet inversion lens5_standard dashboard/assets/inversion_lens5_standard.jpg

``units`` are eight of each stage, spread evenly over its channels, so nobody chose them, and eight classes. ``dream``
is the first sample picture; ``dreams`` are three photographs, each above what the network dreams into it.
``inversion`` is two photographs, each beside what the stages have kept of it and above their caricatures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import core
from core.types import Pictures

ACROSS = 8
DREAMED = ("coffee", "cat", "flower")
INVERTED = ("coffee", "temple")


def units(name: str, *, size: int = 112, steps: int = 128) -> Pictures:
    """The sheet (H, W, 3), one row for each stage, the first on top, and one for classes."""
    net = core.load(name)
    rows = []
    for layer in (*(stage.layer for stage in core.stages(net)), core.LOGITS):
        count = len(net.labels) if layer == core.LOGITS else net.layer(layer).channels
        channels = np.linspace(0, count - 1, ACROSS).astype(int).tolist()
        rows.append(core.last(core.maximize(net, layer, channels, size=size, steps=steps)).images.numpy())
    return core.tile(np.concatenate(rows), columns=ACROSS, margin=2)


def dream(name: str) -> Pictures:
    """The first sample picture as the network dreams it (H, W, 3), 768 pixels wide."""
    photo = core.shrink(core.samples.load(core.samples.names()[0]), max_side=768)
    dreamed: Pictures = core.last(core.dream(core.load(name), photo)).images.numpy()[0]
    return dreamed


def dreams(name: str) -> Pictures:
    """Three photographs above their dreams (H, W, 3)."""
    net = core.load(name)
    photos = [core.fit(core.samples.load(sample), height=320, width=448) for sample in DREAMED]
    dreamed = [core.last(core.dream(net, photo)).images.numpy() for photo in photos]
    return core.tile(np.concatenate([*photos, *dreamed]), columns=len(DREAMED), margin=4)


def inversion(name: str) -> Pictures:
    """Two photographs, drawn again from every stage (H, W, 3): inversion above, caricature below."""
    net = core.load(name)
    layers = [stage.layer for stage in core.stages(net)]
    rows = []
    for sample in INVERTED:
        photo = core.seen_by(net, core.samples.load(sample))
        for frames in (core.invert(net, photo, layers), core.caricature(net, photo, layers)):
            rows.append(np.concatenate([photo, core.last(frames).images.numpy()]))
    tiles = core.resize(np.concatenate(rows), height=160, width=160)
    return core.tile(tiles, columns=len(layers) + 1, margin=3)


def main() -> None:
    """Parse the command line; the module's docstring shows it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = {"units": units, "dream": dream, "dreams": dreams, "inversion": inversion}
    parser.add_argument("what", choices=what)
    parser.add_argument("name", choices=core.available())
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    arguments.out.write_bytes(core.encode_jpeg(what[arguments.what](arguments.name), quality=88))


if __name__ == "__main__":
    main()
