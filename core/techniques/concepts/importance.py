"""What concepts are worth to an answer: what is lost without each, and the total Sobol index of each.

The network runs from the layer on, with some of each concept taken out of the picture's map. What no concept explains
stays where it is, so with all concepts whole the answer is the network's own; CRAFT (Fel et al., arXiv:2211.10154)
leaves that rest out. The total Sobol index of a concept is the part of the answer's variance to which it contributes,
alone or together with others, when each concept is there by a random amount from none to all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core import checks
from core.networks.classifiers import LOGITS, Classifier
from core.networks.requirements import require_size
from core.networks.tails import tail
from core.pauses import each
from core.techniques.concepts.factorization import Concepts, concept_maps
from core.types import Floats

__all__ = ["ConceptImportance", "concept_importance"]

DESIGNS = (8, 16, 32, 64, 128, 256, 512, 1024)
NUMBERS_AT_ONCE = 2**21
"""Of maps that run together: 8 MiB, which is some tenths of a second in the deepest blocks."""


@dataclass(frozen=True, eq=False)
class ConceptImportance:
    """What each concept is worth to one answer on one picture.

    Attributes:
        lost: (count,) by how much the logit falls when the concept is taken out of the map; negative where it rises.
        sobol: (count,) total Sobol index, 0 to about 1; 0 for all where nothing depends on any concept.
        score: the logit as it is.
        rest: the logit with no concept at all.
    """

    lost: Floats
    sobol: Floats
    score: float
    rest: float


def concept_importance(
    classifier: Classifier, found: Concepts, picture: npt.ArrayLike, target: int, *, designs: int = 32, seed: int = 0
) -> ConceptImportance:
    """How much the logit of a class depends on each concept in a picture; pauses about every 0.2 seconds.

    Args:
        classifier, found: the network and what ``concepts`` found.
        picture: (H, W, 3) or (1, H, W, 3) RGB in [0, 1], of a size at which the network answers.
        target: the class, by its number.
        designs: 8 to 1024, a power of two; more make the Sobol indices more exact. Each costs ``count + 2`` runs from
            the layer on; CRAFT takes 32.
        seed: of the quasi-random amounts (a scrambled Sobol sequence).

    The estimator is that of Jansen (Computer Physics Communications 117, 1999).

    Raises:
        ValueError: a layer that does not lead to the answer, or a class, picture or number that cannot be.
    """
    one = checks.picture(picture)
    if designs not in DESIGNS:
        raise ValueError(f"Expected designs among {', '.join(map(str, DESIGNS))}, got {designs!r}")
    behind = tail(classifier, found.layer)
    label = checks.whole("a class", target, 0, len(classifier.labels) - 1)
    require_size(classifier, [LOGITS], *one.shape[1:3])
    begun = behind.begin(tf.constant(one))
    amounts = tf.constant(concept_maps(classifier, found, one))
    directions = tf.constant(found.directions)
    size = max(1, NUMBERS_AT_ONCE // int(np.prod(begun.maps.shape[1:])))

    def scores(kept: Floats) -> Floats:
        """The logits (n,) with so much of each concept kept (n, count), 0 to 1."""
        cuts = each(kept[first : first + size] for first in range(0, len(kept), size))
        return np.concatenate([_run(cut) for cut in cuts])

    def _run(kept: Floats) -> Floats:
        taken = tf.tensordot(tf.constant(kept - 1)[:, None, None] * amounts, directions, 1)
        return np.asarray(behind.logits(begun, begun.maps + taken)[:, label])

    count = found.count
    without = np.concatenate([np.ones((1, count)), np.zeros((1, count)), 1 - np.eye(count)]).astype(np.float32)
    score, rest, *others = scores(without).astype(np.float64)
    lost = (score - np.array(others)).astype(np.float32)
    return ConceptImportance(lost, total_sobol(scores, count, designs, seed), float(score), float(rest))


def total_sobol(scores: Callable[[Floats], Floats], count: int, designs: int, seed: int) -> Floats:
    """Total Sobol indices (count,) of a function of points (n, count) in the unit cube, by Jansen's estimator."""
    from scipy.stats import qmc

    both = qmc.Sobol(2 * count, scramble=True, rng=np.random.default_rng(seed)).random(designs).astype(np.float32)
    first, second = both[:, :count], both[:, count:]
    crossed = np.repeat(first[:, None], count, axis=1)
    own = np.arange(count)
    crossed[:, own, own] = second
    values = scores(np.concatenate([first, second, crossed.reshape(-1, count)])).astype(np.float64)
    ours, others = values[:designs], values[2 * designs :].reshape(designs, count)
    variance = values[: 2 * designs].var()
    if variance <= 1e-12 * max(1.0, float(np.square(values).mean())):
        return np.zeros(count, np.float32)
    return (np.square(ours[:, None] - others).mean(axis=0) / (2 * variance)).astype(np.float32)
