"""Pixels taken out of a picture so that nothing gives away where they were: noisy linear imputation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import splu

from core import checks
from core.types import Pictures

NOISE = 0.01
"""Standard deviation of what is added to imputed pixels, as Rong et al. and their followers have it."""
_NEAR, _DIAGONAL = 1 / 6, 1 / 12
_NEIGHBOURS = tuple(
    (row, column, _DIAGONAL if row and column else _NEAR)
    for row in (-1, 0, 1)
    for column in (-1, 0, 1)
    if row or column
)
Mask = npt.NDArray[np.bool_]


def imputed(picture: npt.ArrayLike, removed: npt.ArrayLike, *, noise: float = NOISE, seed: int = 0) -> Pictures:
    """The picture with some pixels replaced by what their neighbours let expect, so that the gap itself is no cue.

    Noisy linear imputation (Rong et al., arXiv:2202.00449): each removed pixel is the weighted mean of its eight
    neighbours, 1/6 for those beside it and 1/12 for those at its corners; neighbours that were removed too make this a
    sparse system of linear equations.

    Args:
        picture: (H, W, 3) or (1, H, W, 3) RGB in [0, 1].
        removed: (H, W) Booleans, not all of them true.
        noise: standard deviation of the normal noise on removed pixels, 0 to 1; it hides that they are smooth.
        seed: of the noise.

    Returns:
        (1, H, W, 3); what noise would bring outside [0, 1] is cut off.

    Raises:
        ValueError: another shape, no pixel left, or such a noise.
    """
    one = checks.picture(picture)
    mask = np.asarray(removed, bool)
    if mask.shape != one.shape[1:3] or mask.all():
        raise ValueError(f"Expected a mask of shape {one.shape[1:3]} that leaves a pixel, got shape {mask.shape}")
    spread, rng = checks.number("noise", noise, 0, 1), np.random.default_rng(checks.seed(seed))
    found = one[0].copy()
    if mask.any():
        found[mask] = _solved(found, mask) + spread * rng.standard_normal((int(mask.sum()), 3))
    return np.clip(found, 0, 1)[None].astype(np.float32)


def _solved(picture: Pictures, removed: Mask) -> npt.NDArray[np.float64]:
    """The values (n, 3) of the removed pixels."""
    height, width = removed.shape
    places = np.argwhere(removed)
    number = np.full(removed.shape, -1)
    number[removed] = own = np.arange(len(places))
    total, right = np.zeros(len(places)), np.zeros((len(places), 3))
    rows, columns, values = [], [], []
    for down, across, weight in _NEIGHBOURS:
        row, column = places[:, 0] + down, places[:, 1] + across
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        total += weight * inside
        beside, which = number[row[inside], column[inside]], own[inside]
        unknown = beside >= 0
        rows.append(which[unknown])
        columns.append(beside[unknown])
        values.append(np.full(int(unknown.sum()), -weight))
        known = which[~unknown]
        right[known] += weight * picture[row[inside][~unknown], column[inside][~unknown]]
    entries = np.concatenate([*values, total]), (np.concatenate([*rows, own]), np.concatenate([*columns, own]))
    system = csc_matrix(entries, shape=(len(places),) * 2)
    # it is symmetric and diagonally dominant: no pivoting is needed, and minimum degree keeps the factors sparse
    solver = splu(system, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    return np.asarray(solver.solve(right))
