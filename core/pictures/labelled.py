"""Pictures with a label each, in two parts: those to train on, and those that only test. Small: they train in seconds.

Handwritten digits, tiles of the sample photographs (which photograph is it from?), the pictures of CIFAR-10, and a
person's own folder with a folder for each class. The two parts never share a picture, nor tiles a place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt

from core import checks
from core.pictures import images, samples, sets
from core.pictures.sets import PictureSet, tiles
from core.types import Pictures, Pixels

__all__ = ["LABELLED", "LabelledSet", "by_folder", "digits", "labelled_cifar10", "labelled_tiles", "labels_of"]

DIGITS_TEST, DIGITS_SPLIT = 450, 0
TILE_SIDE, TILE_LEVELS, PHOTOGRAPHS = 12, (6, 8, 10), 10
TRAIN_EACH, TEST_EACH = 60, 40
CONTRAST = 12
CIFAR_SIDE, CIFAR_COUNT = 16, 1600
OWN_SIDE = 16
TEST_PART = 4
"""Every fourth picture of a class is a test picture, where nobody has split them."""

Labels = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class LabelledSet:
    """Pictures of one size with their classes.

    Attributes:
        title: what to call it.
        pixels: (N, H, W, 3) uint8 RGB, to train on.
        labels: (N,) the class of each.
        test_pixels, test_labels: the same of pictures that are never trained on.
        names: what each class is called.
    """

    title: str
    pixels: Pixels
    labels: Labels
    test_pixels: Pixels
    test_labels: Labels
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        counts = {"labels": (self.pixels, self.labels), "test labels": (self.test_pixels, self.test_labels)}
        for what, (pixels, labels) in counts.items():
            if pixels.ndim != 4 or pixels.dtype != np.uint8 or pixels.shape[-1] != 3 or not len(pixels):
                raise ValueError(f"Expected pixels (N, H, W, 3) of 8 bits, got {pixels.dtype} {pixels.shape}")
            if labels.shape != (len(pixels),) or labels.min() < 0 or labels.max() >= len(self.names):
                raise ValueError(f"Expected {len(pixels)} {what} from 0 to {len(self.names) - 1}, got others")
        if len(self.names) < 2 or self.pixels.shape[1:] != self.test_pixels.shape[1:]:
            raise ValueError("Expected at least two classes, and test pictures of the same size, got others")

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of every picture."""
        return self.pixels.shape[1], self.pixels.shape[2]

    @property
    def grey(self) -> bool:
        """Whether no picture to train on has any colour."""
        return bool((self.pixels == self.pixels[..., :1]).all())

    @property
    def pictures(self) -> Pictures:
        """Those to train on, (N, H, W, 3) float32 in [0, 1]."""
        return images.to_float(self.pixels)

    @property
    def test_pictures(self) -> Pictures:
        """The test pictures, (N, H, W, 3) float32 in [0, 1]."""
        return images.to_float(self.test_pixels)


def digits() -> LabelledSet:
    """1,347 handwritten digits of 8 x 8 pixels to train on and 450 to test, which come with scikit-learn.

    They are the test part of the "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak, 1998, UCI), shuffled
    once and always in the same way before they are split; so both parts have digits by the same writers.
    """
    from sklearn.datasets import load_digits  # here, since it takes a second to import

    values, labels = load_digits(return_X_y=True)
    pixels = images.to_uint8(np.repeat(values.reshape(-1, 8, 8, 1).astype(np.float32) / 16, 3, axis=-1))
    order = np.random.default_rng(DIGITS_SPLIT).permutation(len(pixels))
    test, train = order[:DIGITS_TEST], order[DIGITS_TEST:]
    labels = labels.astype(np.int32)
    names = tuple(map(str, range(10)))
    return LabelledSet("Handwritten digits", pixels[train], labels[train], pixels[test], labels[test], names)


def labelled_tiles(*, side: int = TILE_SIDE) -> LabelledSet:
    """Tiles of ten sample photographs; the class is the photograph. 60 of each to train on and 40 to test.

    The tiles to train on come from the left half of each photograph, those to test from the right half: no pixel is in
    both. Tiles of nearly one colour are left out, for nothing tells where they are from. ``side``: 8 to 64 pixels.
    Raises ValueError where this machine has fewer than two photographs.
    """
    checks.whole("side", side, 8, 64)
    chosen = [sample for sample in samples.samples() if sample.file][:PHOTOGRAPHS]
    halves = [np.split(photo[:, :, : photo.shape[2] // 2 * 2], 2, axis=2) for photo in _loaded(chosen)]
    train, train_labels = _cut([left for left, _ in halves], side, TRAIN_EACH)
    test, test_labels = _cut([right for _, right in halves], side, TEST_EACH)
    names = tuple(sample.title for sample in chosen)
    return LabelledSet("Tiles of photographs", train, train_labels, test, test_labels, names)


def _loaded(chosen: list[samples.Sample]) -> list[Pictures]:
    return [samples.load(sample.name) for sample in chosen]


def _cut(photos: list[Pictures], side: int, most: int) -> tuple[Pixels, Labels]:
    """At most so many tiles of each photograph, evenly spread."""
    pixels, labels = [], []
    for label, photo in enumerate(photos):
        found = tiles([("", photo)], size=(side, side), levels=TILE_LEVELS).pixels
        found = found[found.std(axis=(1, 2)).max(axis=-1) >= CONTRAST]
        few = sets.evenly(len(found), most)
        pixels.append(found[few])
        labels += [label] * len(few)
    return np.concatenate(pixels), np.array(labels, np.int32)


def labelled_cifar10(*, side: int = CIFAR_SIDE, count: int = CIFAR_COUNT) -> LabelledSet:
    """The first pictures of CIFAR-10's test part, made smaller; a quarter of each class is kept for testing.

    Keras downloads 170 MB where it has not done so yet. Raises ValueError where they do not come.
    """
    checks.whole("count", count, 40, 10_000)
    checks.whole("side", side, 8, 64)
    found = sets.cifar10(size=(side, side), count=count)
    return _split("CIFAR-10", found, [found.title(index) for index in range(len(found))])


def by_folder(pictures: PictureSet, *, title: str = "A folder") -> LabelledSet:
    """The pictures of a folder or a zip (``gather``) whose class is the folder in which each lies.

    A quarter of each class is kept for testing. Pictures that lie in no folder are left out.
    Raises ValueError for fewer than two folders with at least two pictures each.
    """
    return _split(title, pictures, _folders(pictures))


def labels_of(pictures: PictureSet) -> tuple[str, ...]:
    """What a person says of each picture of a set (N,): the folder in which it lies, or a title that several share.

    Empty where nobody says anything: fewer than two folders, and every title once.
    """
    folders = _folders(pictures)
    if len(set(folders) - {""}) > 1:
        return tuple(folders)
    titles = Counter(pictures.titles)
    if 1 < len(titles) < len(pictures.titles):
        return tuple(pictures.title(index) for index in range(len(pictures)))
    return ()


def _folders(pictures: PictureSet) -> list[str]:
    """The folder in which each picture lies."""
    return [PurePosixPath(pictures.title(index).replace("\\", "/")).parent.name for index in range(len(pictures))]


def _split(title: str, pictures: PictureSet, classes: list[str]) -> LabelledSet:
    """Every fourth picture of each class to test; classes with fewer than two pictures are left out."""
    names = tuple(name for name in sorted(set(classes) - {""}) if classes.count(name) > 1)
    if len(names) < 2:
        raise ValueError(f"Expected at least two folders with two or more pictures each, got {len(names)}")
    train: list[int] = []
    test: list[int] = []
    for name in names:
        own = [index for index, one in enumerate(classes) if one == name]
        test += own[1::TEST_PART]
        train += [index for index in own if index not in set(own[1::TEST_PART])]
    labels = np.array([names.index(one) if one in names else -1 for one in classes], np.int32)
    return LabelledSet(title, pictures.pixels[train], labels[train], pictures.pixels[test], labels[test], names)


LABELLED: dict[str, tuple[str, Callable[[], LabelledSet]]] = {
    "digits": ("Handwritten digits", digits),
    "tiles": ("Tiles of photographs", labelled_tiles),
    "cifar10": ("CIFAR-10", labelled_cifar10),
}
"""{name: (title, how to get it)} of the sets that need no file."""
