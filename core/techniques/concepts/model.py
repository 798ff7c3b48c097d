"""Directions whose sums non-negative numbers are, learned from few rows, from batches, and from all of them."""

from __future__ import annotations

import time
import warnings
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from core.pauses import pause
from core.types import Floats

FIRST_ROWS, ROWS_AT_ONCE, FEW_ROWS = 600, 2048, 6000
PASSES = 2
ROUNDS, MOST_ROUNDS, LEAST_GAIN = 20, 400, 1e-5
"""Of the factorization of the first rows: as many go together, until the error falls by no more than that part."""
NUMBERS_AT_ONCE = 2**22
"""Multiplications of one round over the rows that are projected together."""
CHUNK = 0.2


class Model:
    """Directions that learn from more and more maps: a factorization of the first, of batches, at last of all of them.

    ``directions`` is (count, channels), None until enough is seen.
    """

    def __init__(self, count: int, seed: int) -> None:
        self.directions: Any = None
        self._count, self._seed = count, seed
        self._first: list[Floats] = []
        self._online: Any = None

    def learn(self, maps: Floats) -> None:
        """Take in maps (n, h, w, channels)."""
        rows = maps.reshape(-1, maps.shape[-1])
        if self.directions is None:
            self._first.append(rows)
            if sum(map(len, self._first)) >= max(FIRST_ROWS, 2 * self._count):
                self._begin(np.concatenate(self._first))
        else:
            for part in cuts(rows):
                self._take(part)

    def finish(self, maps: Floats) -> Iterator[float]:
        """Learn from all maps, once more; yields the part of that work that is done."""
        rows = maps.reshape(-1, maps.shape[-1])
        if len(rows) <= FEW_ROWS or self.directions is None:
            for index, directions in enumerate(factorized(rows, self._count, self._seed)):
                self.directions = directions
                yield index * ROUNDS / MOST_ROUNDS
            return
        order = np.random.default_rng(self._seed).permutation(len(rows))
        parts = [order[first : first + ROWS_AT_ONCE] for first in range(0, len(rows), ROWS_AT_ONCE)] * PASSES
        for index, part in enumerate(parts):
            self._take(rows[np.sort(part)])
            pause()
            yield (index + 1) / len(parts)

    def _begin(self, rows: Floats) -> None:
        few = rows[:: -(-len(rows) // FEW_ROWS)]
        if few.any():
            *_, self.directions = factorized(few, self._count, self._seed)
            self._first.clear()

    def _take(self, rows: Floats) -> None:
        from sklearn.decomposition import MiniBatchNMF  # here, since it takes a second to import

        start = {}
        if self._online is None:
            size = min(len(rows), ROWS_AT_ONCE)
            self._online = MiniBatchNMF(self._count, init="custom", batch_size=size, random_state=self._seed)
            known = np.maximum(self.directions, 1e-6 * self.directions.max())  # what is zero would stay so
            start = {"W": np.maximum(projected(rows, self.directions), 1e-6), "H": known.astype(rows.dtype)}
        with threadpool_limits(1, user_api="openmp"):
            self._online.partial_fit(rows, **start)
        self.directions = np.asarray(self._online.components_, np.float32)


def cuts(rows: Floats) -> Iterator[Floats]:
    """The rows in parts."""
    return (rows[first : first + ROWS_AT_ONCE] for first in range(0, len(rows), ROWS_AT_ONCE))


def factorized(rows: Floats, count: int, seed: int) -> Iterator[Floats]:
    """Directions (count, channels) of rows (n, channels), better and better; zeros where there are fewer."""
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    able = min(count, *rows.shape)
    model = NMF(able, init="nndsvda", max_iter=ROUNDS, tol=1e-5, random_state=seed)
    start: dict[str, Any] = {}
    error = np.inf
    for _ in range(0, MOST_ROUNDS, ROUNDS):  # what it has after the last is good enough to look at
        with warnings.catch_warnings(), threadpool_limits(1, user_api="openmp"):
            warnings.simplefilter("ignore", ConvergenceWarning)
            amounts = model.fit_transform(rows, **start)
        pause()
        directions = np.zeros((count, rows.shape[1]), np.float32)
        directions[:able] = model.components_
        yield directions
        if model.n_iter_ < ROUNDS or model.reconstruction_err_ >= (1 - LEAST_GAIN) * error:
            break
        error = model.reconstruction_err_
        start = {"W": amounts, "H": model.components_}
        model.set_params(init="custom")


def projected(rows: Floats, directions: Floats) -> Floats:
    """How much of each direction is in rows (n, channels): (n, count), not negative, of least squares."""
    *_, amounts = projecting(rows, directions)
    return amounts


def projecting(rows: Floats, directions: Floats) -> Iterator[Floats]:
    """``projected``, yielding the amounts about every 0.2 seconds; at the end all are known."""
    from sklearn.decomposition import non_negative_factorization

    amounts = np.zeros((len(rows), len(directions)), np.float32)
    size = max(1, NUMBERS_AT_ONCE // (len(directions) * (len(directions) + rows.shape[1])))
    firsts = deque(range(0, len(rows), size))
    while firsts:
        until = time.monotonic() + CHUNK
        with warnings.catch_warnings(), threadpool_limits(1, user_api="openmp"):
            warnings.simplefilter("ignore")
            while firsts:
                first = firsts.popleft()
                part = rows[first : first + size]
                if part.any():
                    amounts[first : first + size], *_ = non_negative_factorization(
                        part, H=directions.astype(rows.dtype), n_components=len(directions), update_H=False,
                        init="custom", W=None, solver="cd", tol=1e-6, max_iter=400,
                    )  # fmt: skip
                if time.monotonic() >= until:
                    break
        pause()
        if firsts:
            yield amounts
    yield amounts
