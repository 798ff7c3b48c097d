"""Explanations made of the gradient of the score with respect to the picture, and of sums of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core import checks
from core.networks.classifiers import PICTURES
from core.networks.gradient_overrides import GRADIENT_OVERRIDES, overridden
from core.optimize.ascent import batch_size
from core.pauses import each
from core.settings import Setting
from core.techniques.attribution.question import UNITS, Map, Question, folded, score
from core.types import Pictures

COUNT = Setting("count", "Points", 50, least=2, most=1000, help="More are smoother, and take longer.")
SPREAD = Setting(
    "spread", "Noise", 0.15, least=0.001, most=1.0,
    help="Standard deviation of the noise, as a fraction of the picture's range.",
)  # fmt: skip
SEED = Setting("seed", "Seed", 0, least=0, most=checks.MOST_SEED, help="Another one draws other noise.")


def gradient(question: Question) -> Map:
    """The largest absolute slope of the three colours, as Simonyan et al., arXiv:1312.6034."""
    return _magnitude(mean_gradient(question, [question.picture]))


def gradient_input(question: Question) -> Map:
    """The slope times the pixel, summed over the colours."""
    return _times(mean_gradient(question, [question.picture]), question.picture)


def guided(question: Question) -> Map:
    """Guided backpropagation (Springenberg et al., arXiv:1412.6806)."""
    return _magnitude(mean_gradient(question, [question.picture], override="guided"))


def deconvnet(question: Question) -> Map:
    """DeconvNet (Zeiler and Fergus, arXiv:1311.2901)."""
    return _magnitude(mean_gradient(question, [question.picture], override="deconvnet"))


def integrated(question: Question, *, count: int) -> Map:
    """Integrated gradients from black, at the middles of ``count`` parts (Sundararajan et al., arXiv:1703.01365)."""
    return _times(mean_gradient(question, _way(question.picture, count)), question.picture)


def smooth(question: Question, *, count: int, spread: float, seed: int) -> Map:
    """SmoothGrad: the mean slope of ``count`` noisy copies (Smilkov et al., arXiv:1706.03825)."""
    return _magnitude(mean_gradient(question, _noisy(question.picture, count, spread, seed)))


def mean_gradient(question: Question, batches: Iterable[Pictures], *, override: str = "") -> Pictures:
    """The mean gradient (H, W, 3) of the score over pictures; ``override`` says how rectifiers let it through."""
    classifier, layer = question.classifier, question.layer

    def make() -> Any:
        rule = GRADIENT_OVERRIDES.get(override)
        forward = overridden(classifier, [layer], rule) if rule else folded(classifier, [layer])

        @tf.function(input_signature=[PICTURES, UNITS], autograph=False)
        def slope(x: tf.Tensor, units: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = score(forward(x), layer, units)
            slopes = tape.gradient(value, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            return tf.reduce_sum(slopes, axis=0)

        return classifier.told([layer], slope)

    compiled = classifier.keep(("attribution", layer, override), make)
    total, count = np.float32(0), 0
    for batch in batches:
        total, count = total + compiled(tf.constant(batch), tf.constant(question.units)).numpy(), count + len(batch)
    return np.asarray(total / count, np.float32)


def _way(picture: Pictures, count: int) -> Iterator[Pictures]:
    """Points in the middle of ``count`` stretches of the way from black to the picture."""
    fractions = (np.arange(count, dtype=np.float32) + 0.5) / count
    batch = batch_size(*picture.shape[1:3])
    for first in each(range(0, count, batch)):
        yield np.asarray(fractions[first : first + batch, None, None, None] * picture, np.float32)


def _noisy(picture: Pictures, count: int, spread: float, seed: int) -> Iterator[Pictures]:
    """Noisy copies of a picture."""
    rng, width = np.random.default_rng(seed), np.float32(spread * np.ptp(picture))
    batch = batch_size(*picture.shape[1:3])
    for first in each(range(0, count, batch)):
        shape = (min(batch, count - first), *picture.shape[1:])
        yield np.asarray(picture + width * rng.standard_normal(shape, np.float32), np.float32)


def _magnitude(slope: npt.NDArray[np.floating[Any]]) -> Map:
    """The largest absolute value of the three colours, as Simonyan et al."""
    return np.asarray(np.abs(slope).max(axis=-1), np.float32)


def _times(slope: Pictures, picture: Pictures) -> Map:
    """What each pixel adds, if the network were linear."""
    return np.asarray((slope * picture[0]).sum(axis=-1), np.float32)
