"""Write the pictures that the README and the lessons show: what a bundled network's units like, and what it dreams.

    python -m core.bundled.sheet all efficientnet_lite0 dashboard/assets
    python -m core.bundled.sheet filters lens5_standard dashboard/assets/filters_lens5_standard.jpg
    python -m core.bundled.sheet dreams efficientnet_lite0 dashboard/assets/dreams.jpg

The results that the pages show until a person runs their own are made by ``python -m dashboard.default_results``.

``all`` is the filters and the inversion of a network, each as ``KIND_NAME.jpg`` in a folder. ``filters`` are eight
units of each stage, spread evenly over its channels, so nobody chose them, and eight classes that people recognize.
``dreams`` are three photographs, each above what the network dreams into it. ``inversion`` is two photographs, each
beside what the stages have kept of it and above their caricatures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import core
from core.types import Pictures

ACROSS = 8
SMALL, LARGE = 112, 160  # sides of the pictures of filters, by what the network was made for
DREAMED = ("coffee", "cat", "flower")
INVERTED = ("coffee", "temple")
CLASSES = ("flamingo", "scorpion", "tiger", "zebra", "sports car", "teddy", "bubble", "daisy")
"""What people recognize, where a network knows it; else eight classes, spread evenly."""


def filters(name: str, *, steps: int = 128) -> Pictures:
    """The sheet (H, W, 3), one row for each stage, the first on top, and one for classes.

    Units that see 3 pixels are left out: their mean over a map says little more than the mean colour.
    """
    net = core.load(name)
    size = SMALL if max(net.size) < LARGE else LARGE
    fields = {stage.layer: net.layer(stage.layer).receptive_field for stage in core.stages(net)}
    rows = []
    for layer in (*(layer for layer, field in fields.items() if not field or max(field.size) > 3), core.LOGITS):
        channels = _drawn(net, layer)
        rows.append(core.last(core.maximize(net, layer, channels, size=size, steps=steps)).images.numpy())
    return core.tile(np.concatenate(rows), columns=ACROSS, margin=2)


def _drawn(net: core.Classifier, layer: str) -> list[int]:
    """The channels, or the classes, that the sheet shows of a layer."""
    if layer == core.LOGITS and set(CLASSES) <= set(net.labels):
        return [net.labels.index(label) for label in CLASSES]
    count = len(net.labels) if layer == core.LOGITS else net.layer(layer).channels
    return [int(channel) for channel in np.linspace(0, count - 1, ACROSS)]


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


KINDS = {"filters": filters, "inversion": inversion}


def save(kind: str, name: str, out: Path) -> None:
    """One picture as a JPEG file."""
    out.write_bytes(core.encode_jpeg({**KINDS, "dreams": dreams}[kind](name), quality=85))


def main() -> None:
    """Parse the command line; the module's docstring shows it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["all", *KINDS, "dreams"])
    parser.add_argument("name", choices=core.available())
    parser.add_argument("out", type=Path, help="a file; for all, a folder")
    arguments = parser.parse_args()
    if arguments.what != "all":
        save(arguments.what, arguments.name, arguments.out)
        return
    for kind in KINDS:
        save(kind, arguments.name, arguments.out / f"{kind}_{arguments.name}.jpg")


if __name__ == "__main__":
    main()
