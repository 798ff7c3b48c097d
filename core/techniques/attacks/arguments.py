"""What every attack asks of its arguments before it begins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from core import checks
from core.networks import requirements
from core.networks.classifiers import LOGITS, Classifier
from core.types import Pictures

__all__ = ["MOST_STEPS", "checked"]

MOST_STEPS = 20_000

Targets = npt.NDArray[np.int32]


def checked(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    labels: Sequence[int] | npt.NDArray[np.integer],
    *,
    numbers: bool = False,
) -> tuple[Pictures, Targets]:
    """Pictures (N, H, W, 3) and a label for each, as arrays.

    ``numbers`` lets networks pass that give numbers: their labels are which number to lower, or, as a goal, to raise.

    Raises:
        ValueError: pictures or labels that cannot be; a network with fewer than two classes, with NaN among its
            weights, or that does not run at this size.
    """
    batch = checks.pictures(pictures)
    height, width = batch.shape[1:3]
    if classifier.has_classes or not numbers:
        requirements.require_classes(classifier, least=2)
    requirements.require_size(classifier, [LOGITS], height, width)
    targets = requirements.require_labels(classifier, labels, len(batch))
    requirements.require_finite_weights(classifier, [LOGITS])
    requirements.require_large_enough(classifier, LOGITS, height, width)
    return batch, targets
