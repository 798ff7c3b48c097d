"""RISE: the picture behind many random masks, and how the score goes along with what they show."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from core.optimize.ascent import batch_size
from core.pauses import each
from core.settings import Setting
from core.techniques.attribution.question import Map, Question, scores_of
from core.types import Floats

MASKS = Setting("masks", "Masks", 160, (80, 160, 500, 2000), 8, 8000, "More are less noisy, and take longer.")
CELLS = 7


def rise(question: Question, *, masks: int, seed: int) -> Map:
    """RISE (Petsiuk et al., arXiv:1806.07421): half of the picture is hidden by ``masks`` random masks of 7 x 7 cells.

    The paper takes the mean of masks weighted by probabilities. Here it is the slope of the score against what a mask
    shows of each pixel: the same up to a scale and a shift, for scores that may be negative. Masks come in pairs, each
    with its reverse, which is drawn as often: that takes off much of the noise.
    """
    height, width = question.picture.shape[1:3]
    rng, batch = np.random.default_rng(seed), max(2, batch_size(height, width) // 2 * 2)
    weighted, sums, squares = (np.zeros((height, width)) for _ in range(3))
    scores, count = 0.0, 0
    for first in each(range(0, masks, batch)):
        many = min(batch, masks - first)
        drawn = random_masks(rng, -(-many // 2), (height, width))
        drawn = np.concatenate([drawn, 1 - drawn])[:many]
        found = scores_of(question, np.asarray(drawn[..., None] * question.picture, np.float32))
        weighted += np.tensordot(found, drawn, 1)
        sums, squares = sums + drawn.sum(axis=0), squares + np.square(drawn).sum(axis=0)
        scores, count = scores + float(found.sum()), count + len(drawn)
    variance = squares / count - np.square(sums / count)
    together = weighted / count - (scores / count) * (sums / count)
    return np.divide(together, variance, out=np.zeros_like(together), where=variance > 1e-12).astype(np.float32)


def random_masks(rng: np.random.Generator, count: int, size: tuple[int, int]) -> Floats:
    """Masks (count, H, W) in [0, 1]: cells of 0 or 1 with equal chance, enlarged bilinearly and shifted at random."""
    sides = [-(-side // CELLS) for side in size]
    whole = [side * (CELLS + 1) for side in sides]
    cells = rng.integers(0, 2, (count, CELLS + 1, CELLS + 1)).astype(np.float32)
    large = tf.image.resize(cells[..., None], whole).numpy()[..., 0]
    places = [rng.integers(0, side, count) for side in sides]
    shifted = [
        mask[row : row + size[0], column : column + size[1]] for mask, row, column in zip(large, *places, strict=True)
    ]
    return np.stack(shifted)
