"""Write a contact sheet: eight units of each stage of a bundled network, and eight classes, maximized.

    python -m core.bundled.sheet lens5_standard dashboard/assets/filters_lens5_standard.jpg

The units of a stage are spread evenly over its channels, so nobody chose them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import core

ACROSS = 8


def sheet(name: str, *, size: int = 112, steps: int = 128) -> core.images.Pictures:
    """The sheet (H, W, 3), one row for each stage, the first on top, and one for classes."""
    net = core.load(name)
    rows = []
    for layer in (*(stage.layer for stage in core.stages(net)), core.LOGITS):
        count = len(net.labels) if layer == core.LOGITS else net.layer(layer).channels
        units = np.linspace(0, count - 1, ACROSS).astype(int).tolist()
        rows.append(core.last(core.maximize(net, layer, units, size=size, steps=steps)).images.numpy())
    return core.tile(np.concatenate(rows), columns=ACROSS, margin=2)


def main() -> None:
    """Parse the command line; the module's docstring shows it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=core.available())
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    arguments.out.write_bytes(core.encode_jpeg(sheet(arguments.name), quality=88))


if __name__ == "__main__":
    main()
