"""More pictures than memory holds, as a stream: numbered parts, each read a few pictures at a time.

The parts of a place are the same each time, on every machine, as long as its files are: so work over them can be
shared out, stopped and gone on with (``core.parts``). A picture's number is its part's times 2**32, plus its place in
the part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core import checks
from core.pictures.decoding import open_image
from core.pictures.names import plain
from core.pictures.sets import MAX_FILE, UNREADABLE, PictureSet, fitted
from core.pictures.shards import BROKEN, Part, entries, parts_of
from core.types import Pixels

__all__ = ["PICTURES_PER_PART", "Batch", "PictureStream", "hashed", "read_part", "stream"]

PICTURES_PER_PART = 256
PIXELS_AT_ONCE = 16 * 224 * 224
MOST_AT_ONCE = 256
STRIDE = 2**32
"""Numbers between one part's first picture and the next one's."""


@dataclass(frozen=True, eq=False)
class Batch:
    """A few pictures of one size, of a part.

    Attributes:
        pixels: (N, H, W, 3) uint8.
        numbers: (N,) of the pictures, rising.
        titles: the names of their files, one line of printable text each.
        labels: what each is said to be: WebDataset's ``.cls``, Parquet's label, its folder; "" where nothing is said.
        bad: (number, title) of files since the batch before that could not be read.
    """

    pixels: Pixels
    numbers: npt.NDArray[np.int64]
    titles: tuple[str, ...]
    labels: tuple[str, ...]
    bad: tuple[tuple[int, str], ...] = ()

    def __len__(self) -> int:
        return len(self.pixels)

    def as_set(self) -> PictureSet:
        """Itself as a set of pictures, each its own source."""
        return PictureSet(self.pixels, np.arange(len(self), dtype=np.int32), self.titles)


@dataclass(frozen=True, eq=False)
class PictureStream:
    """Pictures of a place; see ``stream``.

    Attributes:
        address: of the place.
        parts: in their order; ``read_part`` reads one.
    """

    address: str
    parts: tuple[Part, ...]

    def __len__(self) -> int:
        """How many parts there are."""
        return len(self.parts)

    @property
    def fingerprint(self) -> str:
        """What tells whether the parts are the same: 64 hexadecimal digits, of names and sizes of files."""
        told = hashlib.sha256()
        for part in self.parts:
            told.update(repr(part).encode("utf-8", "surrogateescape"))
        return told.hexdigest()


def stream(address: str | Path, *, part: int = PICTURES_PER_PART) -> PictureStream:
    """The pictures of a place, cut into parts; nothing but names and headers is read.

    Args:
        address: a folder (with the folders in it), a zip, a Parquet file, a WebDataset shard (``.tar``, ``.tar.gz``),
            several of them by a folder, ``*`` or ``{000..127}``; or any address that fsspec knows, such as
            ``s3://bucket/shards`` where s3fs is installed.
        part: 1 to 100,000 pictures in each part. Row groups of Parquet, and shards of other machines, are not cut.

    Raises:
        ValueError: an address that cannot be reached or holds no pictures, a shard that cannot be read or means harm,
            or more than 2,000,000 loose files.
    """
    checks.whole("part", part, 1, 100_000)
    return PictureStream(str(address), tuple(parts_of(str(address), each=part)))


def read_part(part: Part, size: tuple[int, int], *, wanted: Collection[int] | None = None) -> Iterator[Batch]:
    """The pictures of a part, cut to the middle and resized to ``size`` (height, width), a few at a time.

    A file that is no picture, or larger than 20 MiB, is in ``Batch.bad``, as is the rest of a shard that breaks off: as
    one. With ``wanted`` only pictures of these numbers are opened. The last batch may have no pictures.
    """
    most = max(1, min(MOST_AT_ONCE, PIXELS_AT_ONCE // (size[0] * size[1])))
    held, bad = _Held(), []
    place, listed = 0, entries(part, max_bytes=MAX_FILE)
    while True:
        number = part.number * STRIDE + place
        try:
            entry = next(listed, None)
        except BROKEN as error:
            bad.append((number, plain(f"{part.address}, from picture {place} on: {type(error).__name__}")))
            break
        if entry is None:
            break
        place += 1
        if wanted is not None and number not in wanted:
            continue
        try:
            photo = open_image(entry.read(), max_bytes=MAX_FILE, max_side=4 * max(size))
            held.add(fitted(photo, size), number, entry.title, entry.label)
        except (*UNREADABLE, *BROKEN):
            bad.append((number, entry.title))
        if len(held.pixels) == most:
            yield held.batch(size, bad)
            held, bad = _Held(), []
    yield held.batch(size, bad)


def hashed(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """Numbers -> hashes, by which a sample is drawn that is the same whoever draws it: SplitMix64's finalizer.

    Steele, Lea and Flood, doi:10.1145/2660193.2660195.
    """
    mixed = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


class _Held:
    """A batch that grows."""

    def __init__(self) -> None:
        self.pixels: list[Pixels] = []
        self.numbers: list[int] = []
        self.titles: list[str] = []
        self.labels: list[str] = []

    def add(self, pixels: Pixels, number: int, title: str, label: str) -> None:
        """One more picture."""
        self.pixels.append(pixels)
        self.numbers.append(number)
        self.titles.append(title)
        self.labels.append(label)

    def batch(self, size: tuple[int, int], bad: list[tuple[int, str]]) -> Batch:
        """What it has grown to."""
        pixels = np.stack(self.pixels) if self.pixels else np.zeros((0, *size, 3), np.uint8)
        numbers = np.array(self.numbers, np.int64)
        return Batch(pixels, numbers, tuple(self.titles), tuple(self.labels), tuple(bad))
