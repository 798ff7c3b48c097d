"""Families: units of a layer that are alike, grouped; by what they answer to, or by the kernels that make them.

Units come in families, such as curves in all directions or contrasts of the same two colours ("An Overview of Early
Vision in InceptionV1", Olah et al., Distill 2020, doi:10.23915/distill.00024.002). Kernels that are the same but for a
quarter turn or a mirror count as alike, so that one family holds all directions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from core import checks
from core.networks.classifiers import Classifier
from core.networks.graphs import Step
from core.networks.nonlinearities import is_nonlinearity
from core.networks.steps import KERNELS, kind
from core.networks.unit_index import UnitIndex
from core.pauses import each
from core.types import Floats

__all__ = ["Family", "answer_similarities", "families", "kernel_similarities"]

_IDLE = frozenset({"Dropout", "GaussianDropout", "GaussianNoise", "Identity", "SpatialDropout2D"})
"""What changes nothing where nobody trains."""


@dataclass(frozen=True)
class Family:
    """Units that are alike.

    Attributes:
        channels: the units, the one that is most like the others first.
        similarity: the mean over all pairs of them, -1 to 1.
    """

    channels: tuple[int, ...]
    similarity: float


def families(similarities: npt.ArrayLike, *, least: float = 0.5) -> tuple[Family, ...]:
    """Units grouped by average linkage, so that the units of two families are on average less alike than ``least``.

    Args:
        similarities: (channels, channels), symmetric, -1 to 1.
        least: raise it for smaller families of units that are more alike; 0 to 1.

    Returns:
        The families of two or more units, the largest first, of equal ones the one whose units are most alike.

    Raises:
        ValueError: another shape, numbers that are not finite, or a bound that cannot be.
    """
    alike = np.asarray(similarities, np.float64)
    checks.number("least", least, 0, 1)
    if alike.ndim != 2 or alike.shape[0] != alike.shape[1] or not np.isfinite(alike).all():
        raise ValueError(f"Expected finite similarities (channels, channels), got shape {alike.shape}")
    if len(alike) < 2:
        return ()
    distances = np.clip(1 - (alike + alike.T) / 2, 0, None)
    np.fill_diagonal(distances, 0)
    groups = hierarchy.fcluster(
        hierarchy.linkage(squareform(distances, checks=False), "average"), 1 - least, "distance"
    )
    found = [_family(alike, np.flatnonzero(groups == group)) for group in np.unique(groups)]
    several = (one for one in found if len(one.channels) > 1)
    return tuple(sorted(several, key=lambda one: (-len(one.channels), -one.similarity, one.channels)))


def _family(alike: npt.NDArray[np.float64], channels: npt.NDArray[np.intp]) -> Family:
    own = alike[np.ix_(channels, channels)]
    others = own.sum(axis=1) - np.diag(own)
    order = channels[np.argsort(-others, kind="stable")]
    pairs = len(channels) * (len(channels) - 1)
    return Family(tuple(int(one) for one in order), float(others.sum() / pairs) if pairs else 1.0)


def answer_similarities(index: UnitIndex) -> Floats:
    """How the mean activations of all units go along with one another over the pictures: (channels, channels), -1 to 1.

    0 for a unit that is the same on every picture.
    """
    means = index.usual_means.astype(np.float64)
    return _cosines((means - means.mean(axis=0)).T)


def kernel_similarities(classifier: Classifier, layer: str) -> Floats:
    """How alike the kernels that make the units of a layer are: (channels, channels) cosines, -1 to 1.

    The best of all quarter turns and mirrors of a square kernel. The layer's own kernels, or those of the convolution
    or dense layer before it, where only batch normalization, whose negative scale turns a kernel's sign, and activation
    stand between. Kernels of a depthwise convolution are compared whatever channel each goes over.

    Raises:
        ValueError: a layer that does not exist, that no kernels make, or whose kernels go over groups of channels.
    """
    kernels = _kernels(classifier, layer)
    height, width = kernels.shape[:2]
    flat = kernels.reshape(-1, kernels.shape[-1]).T
    found = _cosines(flat)
    if height == width > 1:
        turned = (np.rot90(one, turns) for one in (kernels, kernels[:, ::-1]) for turns in range(4))
        for one in each(turned):
            found = np.maximum(found, _cosines(flat, one.reshape(-1, kernels.shape[-1]).T))
    return found


def _cosines(rows: npt.NDArray[np.float64], others: npt.NDArray[np.float64] | None = None) -> Floats:
    """Cosines between the rows of one matrix and of another; 0 for a row without length."""
    units = [_unit(one) for one in (rows, rows if others is None else others)]
    found: Floats = np.clip(units[0] @ units[1].T, -1, 1).astype(np.float32)
    return found


def _unit(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 1e-12)


def _kernels(classifier: Classifier, layer: str) -> npt.NDArray[np.float64]:
    """The kernels that make the units of a layer: (h, w, what goes in, channels)."""
    info, graph = classifier.layer(layer), classifier.graph
    step: Step | None = graph.producer(graph.tensors[layer])
    signs = np.ones(info.channels)
    while step is not None and kind(step) not in KERNELS:
        if _normalizes(step):
            gamma = getattr(step.operation, "gamma", None)
            signs = signs if gamma is None else signs * np.sign(np.asarray(gamma))
        elif not is_nonlinearity(step) and kind(step) not in _IDLE:
            break
        step = graph.producer(next(step.inputs))
    if step is None or kind(step) not in KERNELS:
        raise ValueError(f"Expected a layer that kernels make, got {layer!r}")
    if (groups := getattr(step.operation, "groups", 1)) > 1:
        raise ValueError(f"Expected kernels over the same channels, got {step.name!r} with {groups} groups of them")
    kernel = np.asarray(classifier.weights(step.name)[KERNELS[kind(step)]], np.float64)
    kernel = kernel.reshape((1,) * (4 - kernel.ndim) + kernel.shape)
    if kind(step) == "DepthwiseConv2D":
        kernel = kernel.reshape(*kernel.shape[:2], 1, -1)
    return kernel * signs


def _normalizes(step: Step) -> bool:
    """Whether it is a batch normalization of the channels."""
    last = len(step.outputs[0].shape) - 1
    return kind(step) == "BatchNormalization" and getattr(step.operation, "axis", -1) in (-1, last)
