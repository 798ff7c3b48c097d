"""What a layer sees at a place of a picture, or in many pictures, drawn: the picture that a vector of its units likes.

A vector of activations is a direction in the space of a layer's channels. ``draw_directions`` maximizes many of them at
once, ``activation_grid`` those of every place of one picture (Olah et al., "The Building Blocks of Interpretability",
Distill 2018, doi:10.23915/distill.00010), ``atlas_cells`` gathers those of many pictures that lie together on a map
(Carter et al., "Activation Atlas", Distill 2019, doi:10.23915/distill.00015).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core import checks
from core.networks.classifiers import LOGITS, Classifier
from core.networks.looking import look
from core.networks.nonlinearities import after_nonlinearity, before_nonlinearity
from core.networks.requirements import require_finite, require_finite_weights, require_size
from core.networks.tails import require_map
from core.optimize.ascent import Frame, State, ascend
from core.optimize.objectives import GivenDirection
from core.optimize.parameterizations import Fourier
from core.optimize.starts import alike, as_seen_by, require_state
from core.optimize.transforms import Chain, Resize, Roll, Scale
from core.optimize.updates import Adam
from core.types import Floats

__all__ = ["AtlasCells", "activation_grid", "atlas_cells", "draw_directions", "grid_vectors"]

MAX_STEPS = 5000
MIN_SIDE, MAX_SIDE = 32, 256
MAX_VECTORS = 4096
MAX_BYTES = 2**29
"""Of all pictures together; what is kept beside them is some times as much."""
MAX_PLACES = 14
PARAMETERIZATION, UPDATE = Fourier(decay=1.2, max_std=4.0), Adam(0.05)
VIEWS = Chain((Roll(), Scale(0.85, 1.15, 9)))
POWER = 1.0
SHRINKAGE = 1.0
"""What is added to the covariance of codes before it is inverted, as a part of its mean diagonal."""


def draw_directions(
    classifier: Classifier,
    layer: str,
    vectors: npt.ArrayLike,
    *,
    size: int = 64,
    steps: int = 48,
    power: float = POWER,
    seed: int = 0,
    state: State | None = None,
) -> Iterator[Frame]:
    """The picture that each direction of a layer likes most; yields frames about 0.2 seconds apart.

    All begin from the same noise, so that directions that are alike give pictures that are. Units are maximized before
    their nonlinearity where there is one.

    Args:
        classifier, layer: the network; one of its ``layers``, or ``LOGITS``.
        vectors: (N, channels), 1 to 4096 of them, whose pictures take 512 MiB at most; their lengths do not count.
        size: side of the pictures, 32 to 256 or the network's own where it takes no other.
        steps: 1 to 5000; more are sharper.
        power: 0 to 10, of the cosine; more asks that nothing but the direction is active (Lucid's atlas takes 4).
        seed: of the noise and the views.
        state: of a frame to go on from, with the same other settings; ``steps`` are then further ones.

    Yields:
        Frames with ``images`` (N, size, size, 3).

    Raises:
        ValueError: a layer, vectors or number that cannot be, or weights that are not finite. All before the work.
    """
    wanted = np.asarray(vectors, np.float32)
    classifier.forward([layer])
    channels = len(classifier.labels) if layer == LOGITS else classifier.layer(layer).channels
    if wanted.ndim != 2 or wanted.shape[1] != channels or not 1 <= len(wanted) <= MAX_VECTORS:
        raise ValueError(f"Expected 1 to {MAX_VECTORS} vectors (N, {channels}), got shape {wanted.shape}")
    if not np.isfinite(wanted).all():
        raise ValueError("Expected vectors of finite numbers, got NaN or infinity")
    free = classifier.runs_at([layer], 0, 0)
    checks.whole("size", size, MIN_SIDE, MAX_SIDE)
    sides = (size, size) if free else classifier.size
    count = checks.whole("steps", steps, 1, MAX_STEPS)
    checks.memory("pictures", (len(wanted), *sides, 3), MAX_BYTES)
    goal = GivenDirection(_before(classifier, layer), checks.number("power", power, 0, 10))
    require_finite_weights(classifier, goal.layers)
    parameterization = as_seen_by(classifier, PARAMETERIZATION)
    if state is not None:
        require_state(state, len(wanted), *sides)
    return ascend(
        classifier,
        goal,
        state or alike(parameterization.start(1, *sides, checks.seed(seed)), len(wanted)),
        [0] * len(wanted),
        update=UPDATE,
        steps=count,
        parameterization=parameterization,
        transform=VIEWS if free else Chain((*VIEWS.transforms, Resize(*classifier.size))),
        vectors=tf.constant(wanted),
        seed=seed,
    )


def grid_vectors(classifier: Classifier, picture: npt.ArrayLike, layer: str, *, most: int = MAX_PLACES) -> Floats:
    """What a layer says at every place of a picture: (rows, columns, channels), what is below zero left out.

    A map of more than ``most`` rows or columns (1 to 64) is averaged over squares of places, until it has no more.

    Raises ValueError for a layer without height and width, or a picture that cannot be.
    """
    one = checks.picture(picture)
    require_map(classifier, layer)
    checks.whole("most", most, 1, 64)
    require_size(classifier, [layer], *one.shape[1:3])
    shown = after_nonlinearity(classifier, layer)
    units = np.maximum(np.asarray(look(classifier, one, [shown])[shown], np.float32)[0], 0)
    require_finite(units, layer)
    step = -(-max(units.shape[:2]) // most)
    firsts = [np.arange(0, length, step) for length in units.shape[:2]]
    sums = np.add.reduceat(np.add.reduceat(units, firsts[0], axis=0), firsts[1], axis=1)
    counts = np.multiply.outer(*(np.diff([*first, length]) for first, length in zip(firsts, units.shape, strict=False)))
    return np.asarray(sums / counts[..., None], np.float32)


def activation_grid(
    classifier: Classifier,
    picture: npt.ArrayLike,
    layer: str,
    *,
    most: int = MAX_PLACES,
    size: int = 64,
    steps: int = 48,
    power: float = POWER,
    seed: int = 0,
    state: State | None = None,
) -> Iterator[Frame]:
    """Every place of a layer, drawn as the picture that the layer likes there; frames as ``draw_directions``.

    Args:
        classifier: the network.
        picture: (H, W, 3) or (1, H, W, 3) RGB in [0, 1].
        layer: one with height and width.
        most: 1 to 64 places in a row or column; larger maps are averaged, as ``grid_vectors`` says.
        size, steps, power, seed, state: as for ``draw_directions``.

    Yields:
        Frames with ``images`` (rows x columns, size, size, 3), row by row.

    Raises:
        ValueError: as ``draw_directions`` and ``grid_vectors``.
    """
    vectors = grid_vectors(classifier, picture, layer, most=most)
    return draw_directions(
        classifier, layer, vectors.reshape(-1, vectors.shape[-1]), size=size, steps=steps, power=power, seed=seed,
        state=state,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class AtlasCells:
    """The squares of a map that hold pictures, row by row from the top.

    Attributes:
        places: (cells, 2) row and column of each.
        vectors: (cells, channels) the mean of the codes there, what is below zero left out.
        directions: (cells, channels) the same, whitened: what tells a cell from all others, for ``draw_directions``.
        counts: (cells,) how many pictures lie there.
        members: (N,) for each picture the cell in which it lies.
        rows, columns: of the whole map.
    """

    places: npt.NDArray[np.int32]
    vectors: Floats
    directions: Floats
    counts: npt.NDArray[np.int32]
    members: npt.NDArray[np.int32]
    rows: int
    columns: int


def atlas_cells(codes: npt.ArrayLike, positions: npt.ArrayLike, *, columns: int = 12) -> AtlasCells:
    """The mean code of the pictures in every square of a map, and the direction to draw for it.

    Most units that are active in one square are so everywhere, and the picture of a mean code shows little but them.
    So the direction is S^-1 (v - m), where m is the mean of all codes and S their covariance (Carter et al. whiten,
    too, but do not take m off). S of few pictures tells little, so a part of its mean diagonal is added to it.

    Args:
        codes: (N, channels), as ``codes`` gives them.
        positions: (N, 2) on a plane, x to the right and y upwards, as ``embed`` gives them.
        columns: 1 to 64 squares along the longer side of the map.

    Raises:
        ValueError: codes or positions that are not finite numbers of these shapes, or columns out of their range.
    """
    values, places = np.asarray(codes, np.float32), np.asarray(positions, np.float32)
    checks.whole("columns", columns, 1, 64)
    if values.ndim != 2 or places.shape != (len(values), 2) or not len(values):
        raise ValueError(
            f"Expected codes (N, channels) and positions (N, 2), got shapes {values.shape} and {places.shape}"
        )
    if not np.isfinite(values).all() or not np.isfinite(places).all():
        raise ValueError("Expected codes and positions of finite numbers, got NaN or infinity")
    low, span = places.min(axis=0), np.ptp(places, axis=0)
    side = max(float(span.max()), 1e-12) / columns
    counts = [max(1, min(columns, int(np.ceil(length / side - 1e-6)))) for length in span]
    across, up = (np.minimum((places[:, at] - low[at]) // side, counts[at] - 1).astype(np.int64) for at in (0, 1))
    keys, members = np.unique((counts[1] - 1 - up) * counts[0] + across, return_inverse=True)
    totals = np.bincount(members)
    sums, positive = np.zeros((len(keys), values.shape[1]), np.float64), np.maximum(values, 0).astype(np.float64)
    np.add.at(sums, members, positive)
    means = sums / totals[:, None]
    return AtlasCells(
        np.stack([keys // counts[0], keys % counts[0]], axis=1).astype(np.int32),
        means.astype(np.float32), _whitened(means, positive).astype(np.float32), totals.astype(np.int32),
        members.astype(np.int32), counts[1], counts[0],
    )  # fmt: skip


def _whitened(vectors: npt.NDArray[np.float64], codes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """S^-1 (v - m) of vectors (n, channels): S is the covariance of codes (N, channels) with more on its diagonal.

    m is their mean. A vector that is the mean stays as it is: nothing tells it from the others.
    """
    mean = codes.mean(axis=0)
    apart, centred = vectors - mean, codes - mean
    added = max(SHRINKAGE * float(np.square(centred).mean()), 1e-12)
    count, channels = codes.shape
    if count >= channels:
        found = np.linalg.solve(centred.T @ centred / count + added * np.eye(channels), apart.T).T
    else:
        inner = centred @ centred.T + count * added * np.eye(count)  # the same by Woodbury's identity, smaller
        found = (apart - np.linalg.solve(inner, centred @ apart.T).T @ centred) / added
    same = np.abs(apart).max(axis=1) <= 1e-6 * np.abs(vectors).max(initial=1e-12)
    return np.where(same[:, None], vectors, found)


def _before(classifier: Classifier, layer: str) -> str:
    return LOGITS if layer == LOGITS else before_nonlinearity(classifier, layer)
