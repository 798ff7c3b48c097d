"""Occlusion: how much a score falls when a square hides each place of the picture.

Nothing is assumed of the network. The squares are hidden in batches; where crops around the square tell the same
(``crops``), the first layers are only computed there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core import checks
from core.networks.classifiers import LOGITS, Classifier
from core.pauses import each
from core.pictures import images
from core.settings import Setting
from core.techniques.attribution.crops import hiding
from core.techniques.attribution.question import Map, Question, ask
from core.types import Pictures

FILLS = ("grey", "black", "blurred")
BATCH = 16  # pictures at once: MobileNetV2 at 224 is not faster with more, and needs the memory
MOST_WINDOW = 4096.0

WINDOW = Setting(
    "window", "Square", None, (0.0625, 0.125, 0.25), 0.0, MOST_WINDOW,
    "Its side: pixels from 1 on, below that a fraction of the picture's shorter side; an eighth where nothing is said. "
    "A larger one hides more, and is less sure where.",
)  # fmt: skip
FILL = Setting("fill", "Filled with", "grey", FILLS, help="What it hides the picture with.")


def explain(question: Question, *, window: float | None, fill: str) -> Map:
    """The mean fall at each pixel."""
    targets = [question.target] if question.against is None else [question.target, question.against]
    found, _ = occlusions(
        question.classifier, question.picture, targets, layer=question.layer, window=window, fill=fill
    )
    return found[0] if question.against is None else found[0] - found[1]


def occlusion(
    classifier: Classifier,
    picture: npt.ArrayLike,
    target: int,
    *,
    layer: str = LOGITS,
    window: float | None = None,
    stride: int | None = None,
    fill: str = "grey",
) -> tuple[Map, npt.NDArray[np.float32]]:
    """How much a score falls when a square hides each place (Zeiler and Fergus, arXiv:1311.2901, figures 6 and 7).

    Arguments and errors are those of ``attribute``; ``stride`` is the way from one square to the next in pixels, from 1
    to the window, of which it is half where None. Returns the mean fall at each pixel (H, W), and the falls themselves
    (rows, columns).
    """
    found, falls = occlusions(classifier, picture, [target], layer=layer, window=window, stride=stride, fill=fill)
    return found[0], falls[0]


def occlusions(
    classifier: Classifier,
    picture: npt.ArrayLike,
    targets: Sequence[int],
    *,
    layer: str = LOGITS,
    window: float | None = None,
    stride: int | None = None,
    fill: str = "grey",
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """``occlusion`` of several targets from one set of hidden pictures: (targets, H, W) and (targets, rows, columns).

    Raises ValueError as ``occlusion`` does, and without a target.
    """
    if not len(targets):
        raise ValueError("Expected at least one target, got none")
    one, *_ = (ask(classifier, picture, target, layer=layer).picture for target in targets)
    side = window_side(one.shape[1:3], window)
    step = max(1, side // 2) if stride is None else checks.whole("a stride in pixels", stride, 1, side)
    cover = filled(one, fill)
    rows, columns = (_positions(length, side, step) for length in one.shape[1:3])
    corners = np.array([(row, column) for row in rows for column in columns], np.int32)
    scores = _hidden_scores(classifier, one, cover, side, layer)
    nowhere = np.array([one.shape[1:3]], np.int32)  # a square outside the picture hides nothing
    hidden = [scores(corners[first : first + BATCH]) for first in each(range(0, len(corners), BATCH))]
    falls = (scores(nowhere) - np.concatenate(hidden))[:, list(targets)]
    return _spread(falls.T, corners, side, one.shape[1:3]), falls.T.reshape(len(targets), len(rows), len(columns))


def window_side(size: tuple[int, int], window: float | None = None) -> int:
    """Side in pixels of an occluding window on a picture of ``size`` (height, width), as ``attribute`` reads it.

    Raises ValueError for a window that is larger than the picture, or none.
    """
    shorter = min(size)
    number = window is None or (isinstance(window, (int, float, np.number)) and not isinstance(window, bool))
    wish = (1 / 8 if window is None else float(window)) if number else 0.0
    if not 0 < wish <= shorter or (wish > 1 and wish % 1):
        raise ValueError(f"Expected a window from 1 to {shorter} pixels, or a fraction of them below 1, got {window!r}")
    return max(1, int(wish * shorter)) if wish < 1 else int(wish)


def occluded(picture: npt.ArrayLike, row: int, column: int, *, window: int, fill: str = "grey") -> Pictures:
    """The picture (1, H, W, 3) with a square hidden whose middle is at this row and column."""
    one = checks.picture(picture).copy()
    places = zip((row, column), one.shape[1:3], strict=True)
    top, left = (max(0, min(at - window // 2, side - window)) for at, side in places)
    one[:, top : top + window, left : left + window] = filled(one, fill)[:, top : top + window, left : left + window]
    return one


def filled(picture: Pictures, fill: str) -> Pictures:
    """What the picture is hidden with."""
    if fill == "blurred":
        height, width = picture.shape[1:3]
        small = images.resize(picture, height=max(1, height // 8), width=max(1, width // 8))
        return images.resize(small, height=height, width=width)
    checks.one_of("fill", fill, FILLS)
    return np.full_like(picture, 0.5 if fill == "grey" else 0.0)


def _hidden_scores(classifier: Classifier, picture: Pictures, cover: Pictures, side: int, layer: str) -> Any:
    """Corners (N, 2) of squares -> every unit's score (N, units) of the pictures that they hide."""
    size = picture.shape[1:3]
    work = classifier.keep_aside(("occlusion", layer, size, side), lambda: hiding(classifier, layer, size, side))
    own = work.before(tf.constant(picture))
    return lambda corners: work.scores(tf.constant(picture), tf.constant(cover), tf.constant(corners), own).numpy()


def _spread(
    falls: npt.NDArray[np.float32], corners: npt.NDArray[np.int32], side: int, size: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """The mean fall (targets, H, W) at each pixel over all squares that hid it."""
    total, times = np.zeros((len(falls), *size), np.float32), np.zeros(size, np.float32)
    for (row, column), fall in zip(corners, falls.T, strict=True):
        total[:, row : row + side, column : column + side] += fall[:, None, None]
        times[row : row + side, column : column + side] += 1
    return total / times


def _positions(length: int, side: int, step: int) -> list[int]:
    """Where squares begin so that the first and the last pixel are hidden too."""
    return sorted({*range(0, length - side + 1, step), length - side})
