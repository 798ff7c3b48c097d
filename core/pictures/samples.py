"""Sample pictures to begin with: photographs inside scikit-image and scikit-learn, and a drawn test card.

The photographs are read from the installed packages' own files, without importing the packages and without any
download. A photograph whose package is not installed, or no longer brings it, is left out of ``names``.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.pictures.decoding import open_image
from core.types import Pictures

CARD = 128  # half the side of the test card, in pixels

Plane = NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """One sample: its ``name``, a ``title`` for people, whom to ``credit``, and its ``file`` (none if drawn)."""

    name: str
    title: str
    credit: str
    package: str = ""
    file: str = ""


def _skimage(name: str, title: str, credit: str, file: str) -> Sample:
    return Sample(name, title, f"{credit}; from scikit-image", "skimage", f"data/{file}")


def _sklearn(name: str, title: str, credit: str, file: str) -> Sample:
    return Sample(name, title, f"{credit}; from scikit-learn", "sklearn", f"datasets/images/{file}")


_SAMPLES = (
    _skimage("coffee", "A cup of coffee on a wooden table", "Rachel Michetti, Pikolo Espresso Bar, CC0", "coffee.png"),
    _skimage("cat", "Chelsea the cat", "Stéfan van der Walt, CC0", "chelsea.png"),
    _skimage("rocket", "A Falcon 9 before its launch", "SpaceX, public domain", "rocket.jpg"),
    _sklearn("flower", "A dahlia", "vultilion on Flickr, CC BY 2.0", "flower.jpg"),
    _skimage("motorcycle", "A motorcycle in a garage", "Middlebury Stereo 2014, D. Scharstein", "motorcycle_left.png"),
    _sklearn("temple", "A pagoda in China", "danielbuechele on Flickr, CC BY 2.0", "china.jpg"),
    _skimage("astronaut", "The astronaut Eileen Collins", "NASA, public domain", "astronaut.png"),
    _skimage("photographer", "A photographer, in grey", "Lav Varshney, CC0", "camera.png"),
    _skimage("coins", "Greek coins from Pompeii", "Brooklyn Museum, no known restrictions", "coins.png"),
    _skimage("retina", "The back of a human eye", "Mikael Häggström, CC0", "retina.jpg"),
    _skimage("galaxies", "The Hubble eXtreme Deep Field", "NASA and ESA, public domain", "hubble_deep_field.jpg"),
    _skimage("bricks", "A brick wall, in grey", "CC0Textures, CC0", "brick.png"),
    _skimage("grass", "Grass, in grey", "linolafett on DeviantArt, CC0", "grass.png"),
    _skimage("gravel", "Gravel, in grey", "CC0Textures, CC0", "gravel.png"),
    Sample("shapes", "Test card: every orientation, every hue, spokes and edges", "Drawn by Convscope"),
)


def samples() -> tuple[Sample, ...]:
    """Return the samples that this machine has, the most interesting for a classifier first."""
    return tuple(sample for sample in _SAMPLES if not sample.file or _path(sample) is not None)


def names() -> tuple[str, ...]:
    """Return the names that ``load`` takes, in the order of ``samples``."""
    return tuple(sample.name for sample in samples())


def load(name: str) -> Pictures:
    """Load one sample at its own size: ``(1, H, W, 3)`` float32 RGB in [0, 1], a new array at every call.

    Raises ``ValueError``, with the choices, for a name that is not in ``names``.
    """
    chosen = {sample.name: sample for sample in samples()}.get(name)
    if chosen is None:
        raise ValueError(f"Expected the name of a sample picture, got {name!r}; there is {', '.join(names())}.")
    path = _path(chosen)
    return _shapes() if path is None else open_image(path)


@cache  # asked for hundreds of times while a page is drawn
def _path(sample: Sample) -> Path | None:
    package = importlib.util.find_spec(sample.package) if sample.package else None
    folders = package.submodule_search_locations if package else None
    paths = [Path(folder) / sample.file for folder in folders or ()]
    return next((path for path in paths if path.is_file()), None)


def _shapes() -> Pictures:
    """Draw four squares of ``CARD`` pixels: rings and hues above, spokes and solid shapes below."""
    y, x = np.mgrid[:CARD, :CARD] + 0.5 - CARD / 2
    above = np.concatenate([_rings(y, x), _hues(y, x)], axis=1)
    below = np.concatenate([_spokes(y, x), _solids(y, x)], axis=1)
    return np.concatenate([above, below], axis=0)[None].astype(np.float32)


def _rings(y: Plane, x: Plane) -> Plane:
    """Draw rings that get finer outwards, to a period of 3 pixels: every orientation at every frequency."""
    wave = 0.5 + 0.5 * np.cos(np.pi * (y**2 + x**2) / (2 * CARD))
    return _grey(wave)


def _hues(y: Plane, x: Plane) -> Plane:
    """Draw a disc on grey: the hue follows the angle, and the colour fades to white at the centre."""
    radius = np.hypot(y, x)
    angle = np.arctan2(y, x)[..., None] * 3 / np.pi
    pure = np.clip(np.abs((angle + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)
    colour = 1 + np.clip(radius / (0.45 * CARD), 0, 1)[..., None] * (pure - 1)
    return _over(np.full_like(colour, 0.5), radius - 0.45 * CARD, colour)


def _spokes(y: Plane, x: Plane) -> Plane:
    """Draw 12 black and 12 white sectors: straight edges in every direction."""
    across = np.sin(12 * np.arctan2(y, x)) * np.hypot(y, x) / 12  # near an edge, the distance from it in pixels
    return _grey(np.clip(0.5 + across, 0, 1))


def _solids(y: Plane, x: Plane) -> Plane:
    """Draw a red disc, a green square, a blue triangle and a white frame on black."""
    quarter, size = CARD / 4, CARD / 6
    disc = np.hypot(y + quarter, x + quarter) - size
    square = np.maximum(np.abs(y + quarter), np.abs(x - quarter)) - size
    triangle = np.maximum(y - quarter - size, (2 * np.abs(x + quarter) - (y - quarter) - size) / np.sqrt(5))
    frame = np.abs(np.maximum(np.abs(y - quarter), np.abs(x - quarter)) - 0.8 * size) - 0.2 * size
    picture = np.zeros((*y.shape, 3))
    for distance, colour in ((disc, (1, 0, 0)), (square, (0, 1, 0)), (triangle, (0, 0, 1)), (frame, (1, 1, 1))):
        picture = _over(picture, distance, np.asarray(colour, float))
    return picture


def _over(below: Plane, distance: Plane, colour: Plane) -> Plane:
    """Paint ``colour`` where ``distance`` (in pixels from the border) is negative, the border itself antialiased."""
    cover = np.clip(0.5 - distance, 0, 1)[..., None]
    return below + cover * (colour - below)


def _grey(values: Plane) -> Plane:
    return np.repeat(values[..., None], 3, axis=-1)
