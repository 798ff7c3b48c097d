"""Who is fooled: logits, margins and verdicts, of pictures as their files would be read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core.networks.classifiers import LOGITS, Classifier
from core.optimize.ascent import Frame
from core.pauses import each
from core.pictures.grey import as_grey
from core.types import Floats, Pictures

__all__ = ["fools", "logits_of", "margin_frame", "margins"]

AT_ONCE, PIXELS_AT_ONCE = 100, 16 * 224 * 224

Labels = Sequence[int] | npt.NDArray[np.integer]
"""A class for each picture."""


def logits_of(classifier: Classifier, pictures: npt.ArrayLike) -> Floats:
    """The logits (N, classes) of pictures (N, H, W, 3), a batch at a time.

    A network that sees grey is asked about what Pillow's ``Image.convert("L")`` would read from the pictures' files.
    """
    tap = classifier.tap([LOGITS])
    array = as_grey(pictures) if classifier.grey else np.asarray(pictures, np.float32)
    size = max(1, min(AT_ONCE, PIXELS_AT_ONCE // (array.shape[1] * array.shape[2])))
    parts = [array[first : first + size] for first in range(0, len(array), size)]
    return np.concatenate([tap(tf.constant(part))[LOGITS].numpy() for part in each(parts)])


def fools(
    classifier: Classifier, pictures: npt.ArrayLike, labels: Labels, *, targeted: bool = False
) -> npt.NDArray[np.bool_]:
    """Whether each picture gets another answer than its label; with ``targeted``, just that answer."""
    answers = logits_of(classifier, pictures).argmax(axis=1)
    same: npt.NDArray[np.bool_] = answers == np.asarray(labels)
    return same if targeted else ~same


def margins(classifier: Classifier, pictures: Pictures, labels: npt.ArrayLike, *, targeted: bool = False) -> Floats:
    """By how much the best other class leads (N,); with ``targeted``, by how much the label does. Above 0 it fools."""
    logits, rows = logits_of(classifier, pictures), np.arange(len(pictures))
    own = logits[rows, np.asarray(labels)].copy()
    logits[rows, np.asarray(labels)] = -np.inf
    margin: Floats = logits.max(axis=1) - own
    return -margin if targeted else margin


def margin_frame(pictures: Pictures, scores: Sequence[Floats], at: tuple[int, int]) -> Frame:
    """The frame of an attack that has a loop of its own, at (step, of so many); its score is the margin."""
    curve = np.stack(scores)
    return Frame(*at, tf.constant(pictures), tf.constant(curve[-1]), tf.constant(curve))
