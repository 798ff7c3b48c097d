"""Many pictures at once: tiles of photographs, a folder or a zip of picture files, CIFAR-10.

A set is 8-bit and of one size, that of a network, so that thousands of pictures fit into memory. Files are opened one
by one with the care of ``decoding``: what is no picture is counted and left out, and a zip is never unpacked to disk.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core import checks
from core.pictures import images, samples
from core.pictures.decoding import open_image
from core.pictures.names import KINDS, is_named_as_picture, plain, require_harmless
from core.types import Pictures, Pixels

__all__ = ["PictureSet", "as_set", "cifar10", "evenly", "fingerprint", "gather", "sample_tiles", "tiles"]

Size = tuple[int, int]

LEVELS = (1, 2, 3, 4, 6)
ENLARGED = 1.25
CHUNK = 0.2
MOST = 5000
MEMORY = 512 * 2**20
MAX_FILE = 20 * 2**20
MAX_NAMES = 200_000
CIFAR_LABELS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

UNREADABLE = (OSError, EOFError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)


@dataclass(frozen=True, eq=False)
class PictureSet:
    """Pictures of one size, and where each comes from.

    Attributes:
        pixels: (N, H, W, 3) uint8 RGB.
        sources: (N,) for each picture the number of the file or photograph that it was cut from.
        titles: what to call each source: one line of printable text, as its file was named.
        skipped: files that were no pictures, or none that could be read.
        total: how many files there are; ``progress`` of them have been read.
    """

    pixels: Pixels
    sources: npt.NDArray[np.int32]
    titles: tuple[str, ...]
    skipped: int = 0
    total: int = 0

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def size(self) -> Size:
        """Height and width of every picture."""
        return self.pixels.shape[1], self.pixels.shape[2]

    @property
    def progress(self) -> float:
        """The part of the files that has been read, 0 to 1."""
        return (len(self.titles) + self.skipped) / self.total if self.total else 1.0

    def pictures(self, which: Sequence[int] | npt.NDArray[np.integer]) -> Pictures:
        """Some of them, as (n, H, W, 3) float32 in [0, 1]."""
        return images.to_float(self.pixels[np.asarray(which, np.intp)])

    def title(self, picture: int) -> str:
        """What to call the source of a picture."""
        return self.titles[self.sources[picture]]


def as_set(pictures: npt.ArrayLike, *, titles: Sequence[str] = ()) -> PictureSet:
    """A set of pictures (N, H, W, 3) in [0, 1], each its own source; rounded to 8 bits.

    Raises ValueError for another shape or type, or another number of titles.
    """
    batch = images.finite_batch(pictures)
    names = tuple(titles) or tuple(f"picture {index}" for index in range(len(batch)))
    if len(names) != len(batch):
        raise ValueError(f"Expected {len(batch)} titles, got {len(names)}")
    return PictureSet(images.to_uint8(batch), np.arange(len(batch), dtype=np.int32), names)


def tiles(photographs: Iterable[tuple[str, Pictures]], *, size: Size, levels: Sequence[int] = LEVELS) -> PictureSet:
    """Photographs cut into tiles of ``size`` (height, width), near and far.

    Each photograph (title, (1, H, W, 3)) is brought to several sizes, at which 1, 2, 3, 4 and 6 tiles (``levels``) fit
    its shorter side, and cut without overlap; sizes at which it would be enlarged by more than a quarter are left out.
    So a few photographs become hundreds of pictures, with whole things in some and their texture in others.

    Raises ValueError for no photographs, or a size that cannot be.
    """
    height, width = _size(size)
    cut, sources, titles = [], [], []
    for source, (title, photo) in enumerate(photographs):
        titles.append(title)
        for level in levels:
            found = _level(photo, (height, width), level)
            cut += found
            sources += [source] * len(found)
    if not cut:
        raise ValueError("Expected at least one photograph, got none")
    return PictureSet(np.stack(cut), np.array(sources, np.int32), tuple(titles), total=len(titles))


def sample_tiles(*, size: Size) -> PictureSet:
    """``tiles`` of the sample photographs that this machine has. Raises ValueError where it has none."""
    photographs = [sample for sample in samples.samples() if sample.file]
    return tiles(((sample.title, samples.load(sample.name)) for sample in photographs), size=size)


def gather(
    source: str | Path | bytes, *, size: Size, most: int = MOST, max_bytes: int = MAX_FILE
) -> Iterator[PictureSet]:
    """The pictures of a folder (with the folders in it) or of a zip, cut to the middle and resized to ``size``.

    Yields the set about every 0.2 seconds, and at the end; each can be used. Files that are no pictures, are damaged,
    larger than ``max_bytes`` or locked are counted in ``skipped``. Of more than ``most`` files an even spread is taken,
    and never more than half a gigabyte of pixels. Links are not followed; nothing is written.

    Args:
        source: path of a folder or a zip, or the bytes of a zip.
        size: (height, width), that of the network.
        most: 1 to 100,000 pictures.
        max_bytes: of one picture file.

    Raises:
        ValueError: no such folder or zip; nothing in it that is named as a picture, or in the end no picture at all;
            a zip with names that lead out of it, with more than 200,000 names, or with a file that unpacks to more
            than 200 times its size.
    """
    height, width = _size(size)
    checks.whole("most", most, 1, 100_000)
    files = _archived(source, max_bytes) if isinstance(source, bytes) or Path(source).is_file() else _filed(source)
    if not files:
        raise ValueError(f"Expected files that end in {', '.join(KINDS)}, got none")
    count = min(len(files), int(most), max(1, MEMORY // (3 * height * width)))
    return _gathered([files[index] for index in evenly(len(files), count)], (height, width), max_bytes)


def evenly(count: int, most: int) -> npt.NDArray[np.intp]:
    """The numbers (n,) of at most ``most`` of ``count`` things: evenly spread, the first and the last among them."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.intp)


def fingerprint(source: str | Path) -> str:
    """What tells whether a folder of pictures, or a zip, has changed: 64 hexadecimal digits, from its listing alone.

    Equal as long as the same picture files have the same names, sizes and times of change; nothing is opened, so it
    costs milliseconds where ``gather`` costs minutes. Files that ``gather`` would not read do not count.

    Raises:
        ValueError: no such folder or file, or a folder with more than 200,000 pictures.
    """
    root = Path(source)
    facts = []
    for path in [root] if root.is_file() else _listed(root):
        try:
            status = path.stat()
        except OSError:  # it went away between listing and looking
            continue
        facts.append((str(path.relative_to(root)), status.st_size, status.st_mtime_ns))
    return hashlib.sha256(repr(facts).encode("utf-8", "surrogateescape")).hexdigest()


def cifar10(*, size: Size, count: int = 2000) -> PictureSet:
    """The first test pictures of CIFAR-10, enlarged to ``size``; Keras downloads 170 MB when it has not done so yet.

    1 to 10,000 pictures of 32 x 32 pixels in ten classes (Krizhevsky, 2009). Raises ValueError where they do not come.
    """
    height, width = _size(size)
    checks.whole("count", count, 1, 10_000)
    try:
        import keras  # here, since whoever opens a picture needs no network

        _, (pixels, labels) = keras.datasets.cifar10.load_data()
    except Exception as error:  # Keras raises a plain Exception when a download fails
        raise ValueError(
            "CIFAR-10 could not be downloaded: this needs the network once, or the file "
            "datasets/cifar-10-batches-py-target_archive in Keras's own folder (~/.keras)."
        ) from error
    count = min(int(count), len(pixels), max(1, MEMORY // (3 * height * width)))
    enlarged = [fitted(images.to_float(pixels[index][None]), (height, width)) for index in range(count)]
    names = tuple(CIFAR_LABELS[int(label)] for label in np.ravel(labels)[:count])
    return PictureSet(np.stack(enlarged), np.arange(count, dtype=np.int32), names, total=count)


# ------------------------------------------------------------------------------------------- one by one


@dataclass(frozen=True)
class _File:
    title: str
    read: Callable[[], bytes]


def _gathered(files: list[_File], size: Size, max_bytes: int) -> Iterator[PictureSet]:
    pixels = np.empty((len(files), *size, 3), np.uint8)
    titles: list[str] = []
    since = time.monotonic()

    def reached(done: int) -> PictureSet:
        count = len(titles)
        sources = np.arange(count, dtype=np.int32)
        return PictureSet(pixels[:count], sources, tuple(titles), skipped=done - count, total=len(files))

    for done, file in enumerate(files, start=1):
        try:
            photo = open_image(file.read(), max_bytes=max_bytes, max_side=4 * max(size))
            pixels[len(titles)] = fitted(photo, size)
            titles.append(file.title)
        except UNREADABLE:
            pass  # it is counted: what was tried and has no title was skipped
        if titles and (time.monotonic() - since > CHUNK or done == len(files)):
            yield reached(done)
            since = time.monotonic()
    if not titles:
        raise ValueError(f"Expected pictures, got {len(files)} files of which none is one")


def _filed(folder: str | Path) -> list[_File]:
    root = Path(folder)
    return [_File(plain(str(path.relative_to(root))), lambda path=path: _bytes_of(path)) for path in _listed(root)]  # type: ignore[misc]


def _listed(root: Path) -> list[Path]:
    """The picture files of a folder and of the folders in it, by name."""
    if not root.is_dir():
        raise ValueError(f"Expected a folder or a zip file, got {str(root)!r}, which is neither")
    found: list[Path] = []
    for place, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = (Path(place) / name for name in sorted(names) if is_named_as_picture(name))
        found += [path for path in paths if path.is_file() and not path.is_symlink()]
        if len(found) > MAX_NAMES:
            raise ValueError(f"Expected at most {MAX_NAMES:,} picture files, got a folder with more")
    return found


def _bytes_of(path: Path) -> bytes:
    size = path.stat().st_size
    if size > MAX_FILE * 4:
        raise ValueError(f"Expected a picture file, got one of {size} bytes")
    return path.read_bytes()


def _archived(source: str | Path | bytes, max_bytes: int) -> list[_File]:
    """The picture files of a zip, by name. Raises ValueError for a zip that means harm."""
    try:
        archive = zipfile.ZipFile(BytesIO(source) if isinstance(source, bytes) else Path(source))
    except UNREADABLE as error:
        raise ValueError("Expected a folder or a zip of pictures, got no zip, or a damaged one") from error
    entries = archive.infolist()
    if len(entries) > MAX_NAMES:
        raise ValueError(f"Expected a zip with at most {MAX_NAMES:,} names, got {len(entries):,}")
    for entry in entries:
        require_harmless(entry)
    named = sorted((entry for entry in entries if is_named_as_picture(entry.filename)), key=lambda one: one.filename)

    def read(entry: zipfile.ZipInfo) -> bytes:
        with archive.open(entry) as file:
            return file.read(max_bytes + 1)

    return [_File(plain(entry.filename), lambda entry=entry: read(entry)) for entry in named]  # type: ignore[misc]


# ------------------------------------------------------------------------------------------- small parts


def _size(size: Size) -> Size:
    sides = tuple(size)
    if len(sides) != 2 or not all(isinstance(side, (int, np.integer)) and 1 <= side <= 4096 for side in sides):
        raise ValueError(f"Expected a size (height, width) from 1 to 4096 pixels, got {size!r}")
    return int(sides[0]), int(sides[1])


def fitted(photo: Pictures, size: Size) -> Pixels:
    """A picture (1, H, W, 3), cut to the middle and resized: (height, width, 3)."""
    return images.to_uint8(images.fit(photo, height=size[0], width=size[1]))[0]


def _level(photo: Pictures, size: Size, level: int) -> list[Pixels]:
    """The tiles of a photograph at the size at which ``level`` of them fit where it is tightest."""
    zoom = level * max(side / own for side, own in zip(size, photo.shape[1:3], strict=True))
    if zoom > ENLARGED and level > 1:
        return []
    rows, columns = (max(1, int(own * zoom / side + 1e-6)) for side, own in zip(size, photo.shape[1:3], strict=True))
    whole = images.to_uint8(images.fit(photo, height=rows * size[0], width=columns * size[1]))[0]
    grid = whole.reshape(rows, size[0], columns, size[1], 3).swapaxes(1, 2)
    return list(grid.reshape(rows * columns, *size, 3))
