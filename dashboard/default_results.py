"""Finished results of the networks in the box, which the pages show until a person runs their own.

    python -m dashboard.default_results efficientnet_lite0 lens5_standard lens5_robust

makes them: what every page that computes asks for where nobody says otherwise, of the first sample picture. Of each, a
picture file holds the pictures one below the other, and a JSON file the settings and the scores. Where a number is read
from the pictures (attacks, inversions) they are PNG, as they were made; else JPEG.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np

import core
from dashboard.recipes import TECHNIQUES, Runs, usual

FOLDER = Path(__file__).parent / "assets"
ENDINGS = {"maximize": "jpg", "dream": "jpg", "invert": "png", "attack": "png"}
USUAL: Mapping[str, Callable[[str, str], Runs]] = {
    "maximize": usual.maximize, "dream": usual.dream, "invert": usual.invert, "attack": usual.attack,
}  # fmt: skip
DIGITS = 5


@cache
def find(technique: str, network: str) -> tuple[Runs, core.Frame] | None:
    """The settings and the last frame of the result of a network, None where there is none."""
    about = FOLDER / f"default_{technique}_{network}.json"
    if technique not in ENDINGS or network not in core.available() or not about.is_file():
        return None
    told = json.loads(about.read_text(encoding="utf-8"))
    curve = np.asarray(told["curve"], np.float32)
    stack = core.open_image(about.with_suffix(f".{ENDINGS[technique]}"))[0]
    images = stack.reshape(curve.shape[1], -1, *stack.shape[1:])
    recipe = TECHNIQUES[technique].from_settings(json.dumps(told["settings"]))
    return (recipe, core.Frame.finished(images, curve)) if isinstance(recipe, Runs) else None


def make(technique: str, network: str, folder: Path) -> None:
    """Run what is usual, and write its two files."""
    recipe = USUAL[technique](network, core.samples.names()[0])
    frame = core.last(recipe.run())
    images = np.asarray(frame.images)
    stack, stem = images.reshape(-1, *images.shape[2:]), folder / f"default_{technique}_{network}"
    png = ENDINGS[technique] == "png"
    data = core.encode_png(stack) if png else core.encode_jpeg(stack, quality=90)
    stem.with_suffix(f".{ENDINGS[technique]}").write_bytes(data)
    curve = [[float(f"{value:.{DIGITS}g}") for value in row] for row in np.asarray(frame.curve)]
    told = {"settings": json.loads(recipe.settings()), "curve": curve}
    stem.with_suffix(".json").write_text(json.dumps(told) + "\n", encoding="utf-8")


def main() -> None:
    """Parse the command line; the module's docstring shows it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="+", choices=core.available())
    parser.add_argument("--folder", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    for network in arguments.networks:
        for technique in ENDINGS:
            make(technique, network, arguments.folder)


if __name__ == "__main__":
    main()
