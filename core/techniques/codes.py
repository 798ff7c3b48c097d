"""A layer's codes of many pictures: which pictures are alike to the network, and a map on which they lie together.

A code is what a layer says of a picture, one number for each channel. ``embed`` puts codes on a plane by t-SNE or
PCA, ``grid_layout`` moves what would overlap, and ``nearest`` finds the pictures most like one. (t-SNE: van der Maaten
and Hinton, JMLR 9, 2008; a map of ImageNet made so: Karpathy's cnnembed.)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from scipy.optimize import linear_sum_assignment
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from core.networks.classifiers import Classifier

__all__ = ["EMBEDDINGS", "codes", "embed", "grid_layout", "nearest"]

EMBEDDINGS = ("tsne", "pca")
BATCH = 64
PERPLEXITY = 30
FIRST_AXES = 50
MAX_PLACED = 5000

Floats = npt.NDArray[np.float32]


def codes(classifier: Classifier, pictures: npt.ArrayLike, layer: str, *, flat: bool = False) -> Floats:
    """The codes of pictures (N, H, W, 3) in [0, 1] at a layer or ``LOGITS``: (N, channels), the mean over the map.

    With ``flat`` every place of the map counts by itself: (N, h w channels), which also tells where things are.
    Raises ValueError for a layer that does not exist, and for anything else than such pictures.
    """
    batch = np.asarray(pictures, np.float32)
    if batch.ndim != 4 or batch.shape[-1] != 3 or 0 in batch.shape:
        raise ValueError(f"Expected pictures of shape (N, H, W, 3), got {batch.shape}")
    if not classifier.runs_at([layer], *batch.shape[1:3]):
        own = "{} x {}".format(*classifier.size)
        raise ValueError(f"Expected pictures of {own} for {layer}, got {batch.shape[1]} x {batch.shape[2]}")
    tap = classifier.tap([layer])
    parts = [_code(tap(batch[first : first + BATCH])[layer], flat) for first in range(0, len(batch), BATCH)]
    return np.concatenate(parts)


def _code(units: tf.Tensor, flat: bool) -> Floats:
    if units.shape.rank == 4 and not flat:
        units = tf.reduce_mean(units, axis=(1, 2))
    code: Floats = tf.reshape(units, (len(units), -1)).numpy()
    return code


def embed(codes: npt.ArrayLike, method: str = "tsne", *, seed: int = 0) -> Floats:
    """Places (N, 2) on a plane for codes (N, channels), like ones together.

    Args:
        codes: up to 5000 of them.
        method: ``"pca"``, the two directions of largest variance, centred: distances far apart are right; or
            ``"tsne"``: who is next to whom is right, but neither size nor distance of the clusters means anything.
        seed: of t-SNE; PCA has none.

    Raises:
        ValueError: another method, or codes that are not finite numbers (N, channels).
    """
    values = _codes(codes)
    if method not in EMBEDDINGS:
        raise ValueError(f"Expected method to be one of {', '.join(EMBEDDINGS)}, got {method!r}")
    if len(values) > MAX_PLACED:
        raise ValueError(f"Expected at most {MAX_PLACED} codes, got {len(values)}")
    same = not np.ptp(values, axis=0).any()  # scikit-learn's t-SNE crashes the whole process on equal codes
    if method == "pca" or len(values) < 3 or same:
        return _pca(values, 2, seed)
    few = _pca(values, min(FIRST_AXES, *values.shape), seed) if values.shape[1] > FIRST_AXES else _wide(values)
    perplexity = min(PERPLEXITY, (len(few) - 1) / 3)
    places = TSNE(perplexity=perplexity, init="pca", random_state=seed, n_jobs=1).fit_transform(few / few.std())
    return np.asarray(places, np.float32)


def _pca(values: Floats, count: int, seed: int) -> Floats:
    """The first ``count`` principal components; zeros where there are not as many."""
    whole = np.zeros((len(values), count), np.float32)
    able = min(count, *values.shape)
    if len(values) > 1 and np.ptp(values, axis=0).any():
        whole[:, :able] = PCA(able, random_state=seed).fit_transform(values)
    return whole


def _wide(values: Floats) -> Floats:
    """At least two columns, which t-SNE's start needs."""
    return np.pad(values, ((0, 0), (0, max(0, 2 - values.shape[1]))))


def grid_layout(places: npt.ArrayLike, *, aspect: float = 1.6, room: float = 1.5) -> Floats:
    """The nearest places (N, 2) on a grid on which no two are the same, so that pictures there do not overlap.

    Moves as little as possible as a whole (an optimal assignment).

    Args:
        places: (N, 2), up to 5000.
        aspect: columns for each row of the grid.
        room: cells for each place, at least 1; more leave gaps between clusters.

    Raises:
        ValueError: places that are not finite numbers (N, 2), or an aspect or room that cannot be.
    """
    values = _codes(places)
    if values.shape[1] != 2 or len(values) > MAX_PLACED:
        raise ValueError(f"Expected up to {MAX_PLACED} places (N, 2), got {values.shape}")
    if not 0.1 <= aspect <= 10 or not 1 <= room <= 10:
        raise ValueError(f"Expected an aspect from 0.1 to 10 and room from 1 to 10, got {aspect!r} and {room!r}")
    rows = max(1, int(np.ceil(np.sqrt(len(values) * room / aspect))))
    columns = int(np.ceil(len(values) * room / rows))
    low, span = values.min(axis=0), np.ptp(values, axis=0)
    wish = np.divide(values - low, span, out=np.full_like(values, 0.5), where=span > 0) * (columns - 1, rows - 1)
    cells = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2)
    costs = np.square(wish[:, None] - cells[None]).sum(axis=-1)
    return cells[linear_sum_assignment(costs)[1]].astype(np.float32)


def nearest(codes: npt.ArrayLike, code: npt.ArrayLike, count: int) -> tuple[npt.NDArray[np.intp], Floats]:
    """The ``count`` codes most like one code (channels,): their indices and cosines, the most alike first.

    Raises ValueError where the codes are not (N, channels) with as many channels, or a count below 1.
    """
    values, one = _codes(codes), np.asarray(code, np.float32)
    if one.shape != values.shape[1:]:
        raise ValueError(f"Expected a code of {values.shape[1]} channels, got shape {one.shape}")
    if not isinstance(count, (int, np.integer)) or count < 1:
        raise ValueError(f"Expected a count of at least 1, got {count!r}")
    lengths = np.linalg.norm(values, axis=1) * np.linalg.norm(one)
    cosines = np.divide(values @ one, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    order = np.argsort(-cosines, kind="stable")[:count]
    return order, cosines[order]


def _codes(codes: npt.ArrayLike) -> Floats:
    values = np.asarray(codes, np.float32)
    if values.ndim != 2 or 0 in values.shape or not np.isfinite(values).all():
        raise ValueError(f"Expected finite numbers (N, channels), got shape {values.shape}")
    return values
