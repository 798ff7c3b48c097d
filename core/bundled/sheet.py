"""Write the pictures that the README and the pages show: what a bundled network's units like, and what it dreams.

    python -m core.bundled.sheet all efficientnet_lite0 dashboard/assets
    python -m core.bundled.sheet filters lens5_standard dashboard/assets/filters_lens5_standard.jpg
    python -m core.bundled.sheet dreams efficientnet_lite0 dashboard/assets/dreams.jpg

``all`` is every picture that the pages show of a network until a person runs their own: its filters, dream, inversion
and attack, each as ``KIND_NAME.jpg`` in a folder. ``filters`` are eight units of each stage, spread evenly over its
channels, so nobody chose them, and eight classes that people recognize. ``dream`` is the first sample picture;
``dreams`` are three photographs, each above what the network dreams into it. ``inversion`` is two photographs, each
beside what the stages have kept of it and above their caricatures. ``attack`` is three photographs, each beside a
change that the eye does not see, made visible, and the picture with that change, which the network calls something
else.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import core
from core.types import Pictures

ACROSS = 8
SMALL, LARGE = 112, 160  # sides of the pictures of filters, by what the network was made for
DREAM_SIDE = 512
DREAMED = ("coffee", "cat", "flower")
INVERTED = ("coffee", "temple")
ATTACKED = ("coffee", "cat", "temple")
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


def dream(name: str) -> Pictures:
    """The first sample picture as the network dreams it (H, W, 3), as large as the page makes it by default."""
    photo = core.shrink(core.samples.load(core.samples.names()[0]), max_side=DREAM_SIDE)
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


def attack(name: str) -> Pictures:
    """Three photographs (H, W, 3), each with PGD's change of 2/255, 40 times as strong around grey, and with both."""
    net = core.load(name)
    photos = np.concatenate([core.seen_by(net, core.samples.load(sample)) for sample in ATTACKED])
    photos = core.to_float(core.to_uint8(photos))
    labels = core.logits_of(net, photos).argmax(axis=1).tolist()
    fooled = core.last(core.pgd(net, photos, labels, epsilon=2 / 255)).images.numpy()
    change = np.clip(0.5 + 40 * (fooled - photos), 0, 1)
    rows = np.stack([photos, change, fooled], axis=1).reshape(-1, *photos.shape[1:])
    return core.tile(core.resize(rows, height=224, width=224), columns=3, margin=3)


KINDS = {"filters": filters, "dream": dream, "inversion": inversion, "attack": attack}


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
