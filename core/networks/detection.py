"""Which normalization does this network want? Try the usual ones on pictures and look at the answers.

A network that gets its pictures in the wrong range says the same of all of them, or nothing surely, or something else
as soon as the picture is mirrored. So with pictures whose classes are known the right normalization is the one under
which those are likeliest; without, the one under which the answers, averaged over five views of each picture, say
most of the picture: the largest mutual information. (Of 18 trials with the bundled network behind six normalizations,
one view proposed 13 rightly, five views all.) What the network itself tells of its range (``core.networks.ranges``)
goes before that. Photographs say little of a network that knows digits: each finding says how sure it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from core import checks
from core.networks.classifiers import LOGITS, Classifier
from core.networks.preprocessing import NORMALIZATIONS, normalization
from core.networks.ranges import RangeFinding, told_range
from core.networks.requirements import require_classes
from core.pictures import images
from core.types import Floats


@dataclass(frozen=True, eq=False)
class PreprocessingFinding:
    """What a network says under one normalization.

    Attributes:
        name: of ``NORMALIZATIONS``.
        probabilities: (N, classes) probabilities, averaged over the views.
        score: larger is better. With truths, the mean logarithm of their probabilities (at most 0); without, the
            mutual information of picture and answer in nats, between 0 and the logarithm of N.
        right: how many of the truths are the likeliest answer; None without truths.
        sure: whether the evidence for it is good; of the first one only. Photographs say little of a network that
            knows digits, so without truths a grey network is believed only where it tells its range itself.
    """

    name: str
    probabilities: Floats
    score: float
    right: int | None
    sure: bool = False


_TRUTHS = 3  # of eleven published networks for digits, one truth proposed wrongly and surely for two; ten for none
_CLEAR = 0.25  # of the best mutual information: how far the next one has to be behind


def choices(classifier: Classifier) -> tuple[str, ...]:
    """The normalizations that can differ for this network: with one channel, their order cannot."""
    if classifier.grey:
        return ("unit", "symmetric", "bytes")
    return tuple(NORMALIZATIONS)


def detect_preprocessing(
    classifier: Classifier, pictures: Sequence[npt.ArrayLike], truths: Sequence[int] = ()
) -> list[PreprocessingFinding]:
    """Try every normalization; the one to propose comes first.

    Args:
        classifier: a network with classes.
        pictures: each (H, W, 3) or (1, H, W, 3) RGB in [0, 1], at least two, or one with its truth.
        truths: the class of each picture, where they are known.

    Raises:
        ValueError: no classes, too few pictures, truths that do not fit. Before the work.
    """
    require_classes(classifier)
    if len(truths) not in (0, len(pictures)) or len(pictures) < (1 if len(truths) else 2):
        raise ValueError(f"Expected two pictures or more, or one truth for each, got {len(pictures)} and {len(truths)}")
    for truth in truths:
        checks.whole("classes", truth, 0, len(classifier.labels) - 1)
    batch = np.stack([_views(classifier, picture) for picture in pictures])
    bare = classifier.prepared(preprocess=lambda prepared: prepared)  # compiled once for all of them
    found = [_finding(bare, name, batch, truths) for name in choices(classifier)]
    told = None if len(truths) else told_range(classifier.graph)
    kept = {name for name in NORMALIZATIONS if told and told.sure and _alike(name, told)}
    found.sort(key=lambda finding: (bool(kept) and finding.name not in kept, -finding.score))
    return [replace(found[0], sure=_is_sure(classifier, found, kept)), *found[1:]]


def _alike(name: str, told: RangeFinding) -> bool:
    """Whether a normalization is what the network tells; the order of channels counts where it tells that too."""
    return name == told.name if told.ordered else name.removesuffix("_bgr") == told.name.removesuffix("_bgr")


def _is_sure(classifier: Classifier, found: Sequence[PreprocessingFinding], kept: set[str]) -> bool:
    """Whether the first finding has good evidence: truths, what the network itself tells, or a clear lead."""
    best, next_one = found[:2]
    if not np.isfinite(best.score):
        return False
    if best.right is not None:
        enough = len(best.probabilities) >= _TRUTHS and 2 * best.right >= len(best.probabilities)
        return bool(enough and best.score - next_one.score > 0.5)
    if kept and next_one.name not in kept:
        return True
    much = best.score > 0.5 * np.log(len(best.probabilities))
    return bool(not classifier.grey and much and best.score - next_one.score > _CLEAR * best.score)


def _views(classifier: Classifier, picture: npt.ArrayLike) -> Floats:
    """The picture as the network sees it, mirrored, and cut three ways to nine tenths: (5, H, W, 3)."""
    one = np.asarray(picture, np.float32)
    height, width = classifier.size
    seen = images.fit(one if one.ndim == 4 else one[None], height=height, width=width)
    rim = max(1, height // 20)
    cuts = [(rim, -rim), (0, -2 * rim), (2 * rim, None)] if min(height, width) > 8 * rim else []
    parts = (images.resize(seen[:, low:high, low:high], height=height, width=width) for low, high in cuts)
    return np.concatenate([seen, seen[:, :, ::-1], *parts])


def _finding(classifier: Classifier, name: str, batch: Floats, truths: Sequence[int]) -> PreprocessingFinding:
    tap = classifier.tap([LOGITS])
    brought = map(normalization(name), batch)
    answers = [classifier.probabilities(tap(views)[LOGITS]).mean(axis=0) for views in brought]
    probabilities: Floats = np.asarray(answers, np.float32)
    if not np.isfinite(probabilities).all():
        return PreprocessingFinding(name, np.nan_to_num(probabilities), -np.inf, 0 if len(truths) else None)
    if len(truths):
        own = probabilities[np.arange(len(truths)), list(truths)]
        right = int((probabilities.argmax(axis=-1) == np.array(truths)).sum())
        return PreprocessingFinding(name, probabilities, float(np.log(np.maximum(own, 1e-12)).mean()), right)
    return PreprocessingFinding(
        name,
        probabilities,
        _entropy(probabilities.mean(axis=0)) - float(np.mean([*map(_entropy, probabilities)])),
        None,
    )


def _entropy(probabilities: Any) -> float:
    return float(-(probabilities * np.log(np.maximum(probabilities, 1e-12))).sum())
