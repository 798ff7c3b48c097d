"""A layer's codes of many pictures: which pictures are alike to the network, and a map on which they lie together.

A code is what a layer says of a picture, one number for each channel. ``embed`` puts codes on a plane by t-SNE or
PCA, ``grid_layout`` moves what would overlap, and ``nearest`` finds the pictures most like one. (t-SNE: van der Maaten
and Hinton, JMLR 9, 2008; a map of ImageNet made so: Karpathy's cnnembed.)
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from threadpoolctl import threadpool_limits

from core import checks
from core.networks.classifiers import Classifier
from core.networks.requirements import require_size
from core.networks.streamed import Looked, StreamWork, as_stream, looked, over_stream
from core.parts.run import Reached
from core.parts.store import parts_in
from core.parts.work import Arrays, joined
from core.pauses import each
from core.pictures.images import to_float
from core.pictures.sets import evenly
from core.pictures.streams import Batch, PictureStream
from core.types import Floats

__all__ = ["EMBEDDINGS", "StreamCodes", "codes", "embed", "grid_layout", "nearest", "read_codes", "stream_codes"]

EMBEDDINGS = ("tsne", "pca")
BATCH, PIXELS_AT_ONCE = 64, 4 * 224 * 224
PERPLEXITY = 30
FIRST_AXES = 50
MAX_CODES, MOST_CODES = 5000, 1_000_000
NEAR, AT_ONCE = 5, 1000
OTHERS = {"umap": ("umap", "umap-learn"), "opentsne": ("openTSNE", "openTSNE")}
"""Embeddings by packages that one may install: the module, and the package."""
MOST_NEAREST = 1_000_000


def codes(classifier: Classifier, pictures: npt.ArrayLike, layer: str, *, flat: bool = False) -> Floats:
    """The codes of pictures (N, H, W, 3) in [0, 1] at a layer or ``LOGITS``: (N, channels), the mean over the map.

    With ``flat`` every place of the map counts by itself: (N, h w channels), which also tells where things are.
    Raises ValueError for a layer that does not exist, and for anything else than such pictures.
    """
    batch = checks.pictures(pictures)
    require_size(classifier, [layer], *batch.shape[1:3])
    tap = classifier.tap([layer])
    size = max(1, min(BATCH, PIXELS_AT_ONCE // (batch.shape[1] * batch.shape[2])))
    cuts = each(batch[first : first + size] for first in range(0, len(batch), size))
    return np.concatenate([_code(tap(cut)[layer], flat) for cut in cuts])


@dataclass(frozen=True, eq=False)
class StreamCodes(Looked):
    """The codes of the pictures of a stream, over the parts that are done.

    Attributes:
        numbers: (N,) of the pictures in the stream, rising.
        codes: (N, channels).
    """

    numbers: npt.NDArray[np.int64]
    codes: Floats


@dataclass(frozen=True)
class CodesWork(StreamWork):
    """Codes, one under the other."""

    layer: str
    appended = True

    def seen(self, net: Classifier, batch: Batch) -> Arrays:
        """Those of a batch."""
        return {"numbers": batch.numbers, "codes": codes(net, to_float(batch.pixels), self.layer)}

    def united(self, one: Arrays, other: Arrays) -> Arrays:
        """Those of both."""
        return joined(one, other, by="numbers")


def stream_codes(
    classifier: Classifier,
    pictures: PictureStream | str | Path,
    layer: str,
    *,
    cluster: Any = None,
    folder: str | Path | None = None,
    order: list[int] | None = None,
) -> Iterator[StreamCodes]:
    """``codes`` of a stream's pictures; yields what is known after every part.

    With a ``folder`` they are not held in memory: every part's are in a file of their own there, and ``read_codes``
    reads them. ``pictures``, ``cluster`` and ``order`` are as for ``core.top_patches``, and so are the errors.
    """
    require_size(classifier, [layer], *classifier.size)
    work = CodesWork(layer)
    reached = over_stream(classifier, work, as_stream(pictures), cluster=cluster, folder=folder, order=order)
    none: Arrays = {"numbers": np.zeros(0, np.int64), "codes": np.zeros((0, 0), np.float32)}

    def told(one: Reached) -> StreamCodes:
        state = {**none, **one.state}
        return StreamCodes(numbers=state["numbers"], codes=state["codes"], **looked(one))

    return (told(one) for one in reached)


def read_codes(folder: str | Path) -> Iterator[tuple[npt.NDArray[np.int64], Floats]]:
    """(numbers, codes) of every part that ``stream_codes`` has left in a folder, in the order of the pictures."""
    for _, found in parts_in(Path(folder)):
        if "codes" in found:
            yield found["numbers"], found["codes"]


def _code(units: tf.Tensor, flat: bool) -> Floats:
    if units.shape.rank == 4 and not flat:
        units = tf.reduce_mean(units, axis=(1, 2))
    code: Floats = tf.reshape(units, (len(units), -1)).numpy()
    return code


def embed(codes: npt.ArrayLike, method: str = "tsne", *, seed: int = 0) -> Floats:
    """An embedding (N, 2) on a plane of codes (N, channels), like ones together.

    Args:
        codes: up to 1,000,000 of them. Of more than 5,000 t-SNE lays out an even spread of 5,000; each other one lies
            amid its five nearest of these.
        method: ``"umap"`` or ``"opentsne"`` where umap-learn or openTSNE is installed, which take all of them;
            ``"pca"``, the two directions of largest variance, centred: distances far apart are right; or
            ``"tsne"``: who is next to whom is right, but neither size nor distance of the clusters means anything.
        seed: of t-SNE; PCA has none.

    Raises:
        ValueError: another method, or codes that are not finite numbers (N, channels).
    """
    values = _codes(codes)
    checks.one_of("embedding", method, (*EMBEDDINGS, *OTHERS))
    if len(values) > MOST_CODES:
        raise ValueError(f"Expected at most {MOST_CODES:,} codes, got {len(values):,}")
    if method in OTHERS:
        return _by_another(values, method, seed)
    if len(values) > MAX_CODES and method == "tsne":
        some = evenly(len(values), MAX_CODES)
        return _amid(values, values[some], embed(values[some], method, seed=seed))
    # t-SNE matches who is near whom, not distances: two dimensions have no room for the many neighbours of a point in
    # hundreds, so it lets moderate distances grow (the heavy tail of a t distribution). Fifty principal components
    # first: what is beyond is mostly noise, and the search for neighbours is much faster.
    same = not np.ptp(values, axis=0).any()  # scikit-learn's t-SNE crashes the whole process on equal codes
    if method == "pca" or len(values) < 3 or same:
        return _pca(values, 2, seed)
    few = _pca(values, min(FIRST_AXES, *values.shape), seed) if values.shape[1] > FIRST_AXES else _wide(values)
    perplexity = min(PERPLEXITY, (len(few) - 1) / 3)
    from sklearn.manifold import TSNE  # here, since it takes a second to import, and few ask for a map

    # Its threads wait for each other by spinning: on a busy machine that takes ten times the processor's time.
    with threadpool_limits(1, user_api="openmp"):
        embedding = TSNE(perplexity=perplexity, init="pca", random_state=seed, n_jobs=1).fit_transform(few / few.std())
    return np.asarray(embedding, np.float32)


def _by_another(values: Floats, method: str, seed: int) -> Floats:
    """By a package that one may install. Raises ValueError where it is not."""
    package, name = OTHERS[method]
    try:
        module = importlib.import_module(package)
    except ImportError as error:
        raise ValueError(f"Expected {name} for this embedding, got none installed: pip install {name}") from error
    few = _pca(values, min(FIRST_AXES, *values.shape), seed)
    made = (
        module.UMAP(random_state=seed).fit_transform(few)
        if method == "umap"
        else module.TSNE(random_state=seed).fit(few)
    )
    return np.asarray(made, np.float32)


def _amid(values: Floats, known: Floats, embedding: Floats) -> Floats:
    """Where codes lie among those whose places are known: amid the five nearest, nearer ones weighing more."""
    found = np.empty((len(values), 2), np.float32)
    squares = np.square(known).sum(axis=1)
    for first in each(range(0, len(values), AT_ONCE)):
        some = values[first : first + AT_ONCE]
        ways = np.maximum(np.square(some).sum(axis=1)[:, None] + squares - 2 * some @ known.T, 0)
        near = np.argpartition(ways, NEAR, axis=1)[:, :NEAR]
        weights = 1 / (np.take_along_axis(ways, near, axis=1) + 1e-6 * squares.mean() + 1e-12)
        found[first : first + AT_ONCE] = (embedding[near] * weights[..., None]).sum(1) / weights.sum(1, keepdims=True)
    return found


def _pca(values: Floats, count: int, seed: int) -> Floats:
    """The first ``count`` principal components; zeros where there are not as many."""
    whole = np.zeros((len(values), count), np.float32)
    able = min(count, *values.shape)
    if len(values) > 1 and np.ptp(values, axis=0).any():
        from sklearn.decomposition import PCA

        whole[:, :able] = PCA(able, random_state=seed).fit_transform(values)
    return whole


def _wide(values: Floats) -> Floats:
    """At least two columns, which t-SNE's start needs."""
    return np.pad(values, ((0, 0), (0, max(0, 2 - values.shape[1]))))


def grid_layout(embedding: npt.ArrayLike, *, aspect: float = 1.6, room: float = 1.5) -> Floats:
    """The nearest cells (N, 2) of a grid to an embedding, no two the same, so that pictures there do not overlap.

    Moves as little as possible as a whole: an optimal assignment of points to cells (Jonker and Volgenant, 1987). t-SNE
    packs what is alike closer than any picture is wide, and its distances mean little: neighbours are what to keep, and
    the sum of squared ways keeps them, where drawing every point at its own place would hide most pictures.

    Args:
        embedding: (N, 2), up to 5000.
        aspect: columns for each row of the grid.
        room: cells for each point, at least 1; more leave gaps between clusters.

    Raises:
        ValueError: an embedding that is not finite numbers (N, 2), or an aspect or room that cannot be.
    """
    values = _codes(embedding)
    if values.shape[1] != 2 or len(values) > MAX_CODES:
        raise ValueError(f"Expected an embedding of up to {MAX_CODES} points (N, 2), got {values.shape}")
    checks.number("aspect", aspect, 0.1, 10)
    checks.number("room", room, 1, 10)
    rows = max(1, int(np.ceil(np.sqrt(len(values) * room / aspect))))
    columns = int(np.ceil(len(values) * room / rows))
    low, span = values.min(axis=0), np.ptp(values, axis=0)
    wish = np.divide(values - low, span, out=np.full_like(values, 0.5), where=span > 0) * (columns - 1, rows - 1)
    cells = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2)
    costs = np.square(wish[:, None] - cells[None]).sum(axis=-1)
    from scipy.optimize import linear_sum_assignment

    return cells[linear_sum_assignment(costs)[1]].astype(np.float32)


def nearest(codes: npt.ArrayLike, code: npt.ArrayLike, count: int) -> tuple[npt.NDArray[np.intp], Floats]:
    """The ``count`` codes most like one code (channels,): their indices and cosines, the most alike first.

    Raises ValueError where the codes are not (N, channels) with as many channels, or a count below 1.
    """
    values, one = _codes(codes), np.asarray(code, np.float32)
    if one.shape != values.shape[1:]:
        raise ValueError(f"Expected a code of {values.shape[1]} channels, got shape {one.shape}")
    checks.whole("count", count, 1, MOST_NEAREST)
    lengths = np.linalg.norm(values, axis=1) * np.linalg.norm(one)
    cosines = np.divide(values @ one, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    order = np.argsort(-cosines, kind="stable")[:count]
    return order, cosines[order]


def _codes(codes: npt.ArrayLike) -> Floats:
    values = np.asarray(codes, np.float32)
    if values.ndim != 2 or 0 in values.shape or not np.isfinite(values).all():
        raise ValueError(f"Expected finite numbers (N, channels), got shape {values.shape}")
    return values
