"""Explanations made of the gradient of the score with respect to the picture, and of sums of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from scipy.fft import dctn, idctn

from core import checks
from core.networks.classifiers import PICTURES
from core.networks.compiled import FEW
from core.networks.gradient_overrides import GRADIENT_OVERRIDES, overridden
from core.optimize.ascent import batch_size
from core.pauses import each
from core.pictures import images, samples
from core.pictures.grey import as_grey
from core.settings import Setting
from core.techniques.attribution.question import UNITS, Map, Question, folded, score
from core.techniques.attribution.sharing import shared
from core.types import Floats, Pictures

COUNT = Setting("count", "Points", 50, least=2, most=1000, help="More are smoother, and take longer.")
SPREAD = Setting(
    "spread", "Noise", 0.15, least=0.001, most=1.0,
    help="Standard deviation of the noise, as a fraction of the picture's range.",
)  # fmt: skip
SEED = Setting("seed", "Seed", 0, least=0, most=checks.MOST_SEED, help="Another one draws other noise.")
MOST_BLUR = 0.2
"""Of the shorter side: the blur with which blurred integrated gradients begin (the authors have 50 of 299)."""
WEIGHTS = tf.TensorSpec((None, None, None, None), tf.float32)
EVERY = np.ones((1, 1, 1, 1), np.float32)


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


def blur_integrated(question: Question, *, count: int) -> Map:
    """Blurred integrated gradients (Xu et al., arXiv:2004.03383): from ``most_blurred`` to the picture.

    The gradient at the middle of each of ``count`` parts, times what the picture gains in that part.
    """
    return _total(products(question, _sharpening(question.picture, count)))


def expected(question: Question, *, count: int, seed: int) -> Map:
    """Expected gradients (Erion et al., arXiv:1906.10670): the starts are the sample photographs.

    Each of ``count`` points lies at random on the way from a photograph drawn at random; the places on the way are
    stratified, so that few points do.
    """
    return _total(products(question, _from_photographs(question, count, seed))) / np.float32(count)


def mean_gradient(question: Question, batches: Iterable[Pictures], *, override: str = "") -> Pictures:
    """The mean gradient (H, W, 3) of the score over pictures; ``override`` says how rectifiers let it through."""
    total, count = np.float32(0), 0
    for batch in batches:
        total, count = total + _summed(question, batch, EVERY, override), count + len(batch)
    return np.asarray(total / count, np.float32)


def products(question: Question, batches: Iterable[tuple[Pictures, Pictures]]) -> Pictures:
    """The gradients of the score at pictures, each times a change (N, H, W, 3), summed over all: (H, W, 3)."""
    return np.asarray(sum(_summed(question, batch, change, "") for batch, change in batches), np.float32)


def _summed(question: Question, pictures: Pictures, weights: Floats, override: str) -> Any:
    """The gradients of the score at pictures times ``weights``, summed over the pictures: (H, W, 3)."""
    classifier, layer = question.classifier, question.layer

    def make() -> Any:
        rule = GRADIENT_OVERRIDES.get(override)
        forward = overridden(classifier, [layer], rule) if rule else folded(classifier, [layer])

        @tf.function(input_signature=[PICTURES, WEIGHTS, UNITS], autograph=False)
        def slope(x: tf.Tensor, weights: tf.Tensor, units: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = score(forward(x), layer, units)
            slopes = tape.gradient(value, x, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            return tf.reduce_sum(slopes * weights, axis=0)

        return classifier.told([layer], slope)

    key, given = ("attribution", layer, override), (pictures, weights, question.units)
    compiled = classifier.compiled(key, make, plain=FEW)

    def run() -> Any:
        return compiled(*map(tf.constant, given)).numpy()

    return shared(classifier, key, given, run) if len(pictures) == 1 else run()


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


def most_blurred(picture: Pictures) -> Pictures:
    """The picture (1, H, W, 3) as blurred as blurred integrated gradients begin."""
    return _blurs(picture, np.array([0.0]))


def _blurs(picture: Pictures, fractions: npt.NDArray[np.floating[Any]]) -> Pictures:
    """The picture at fractions (n,) of the way from blurred to sharp: (n, H, W, 3).

    By the cosine transform: a Gaussian blur whose picture is mirrored at its edges, of any width at the same cost.
    """
    sides = picture.shape[1:3]
    sigmas = (1 - fractions) * MOST_BLUR * min(sides)
    down, along = (np.square(np.pi * np.arange(side) / side) for side in sides)
    waves = dctn(picture[0].astype(np.float64), axes=(0, 1), norm="ortho")
    kept = np.exp(-0.5 * np.square(sigmas)[:, None, None] * (down[:, None] + along))
    return np.asarray(idctn(waves * kept[..., None], axes=(1, 2), norm="ortho"), np.float32)


def _sharpening(picture: Pictures, count: int) -> Iterator[tuple[Pictures, Pictures]]:
    """Pictures in the middle of ``count`` parts of the way from blurred to sharp, and what each part changes."""
    batch = batch_size(*picture.shape[1:3])
    for first in each(range(0, count, batch)):
        places = np.arange(first, min(first + batch, count) + 1) / count
        ends = _blurs(picture, places)
        yield _blurs(picture, (places[1:] + places[:-1]) / 2), ends[1:] - ends[:-1]


def _from_photographs(question: Question, count: int, seed: int) -> Iterator[tuple[Pictures, Pictures]]:
    """Points between photographs and the picture, and the differences between picture and photographs."""
    picture, rng = question.picture, np.random.default_rng(seed)
    grey, (height, width) = question.classifier.grey, picture.shape[1:3]
    starts = photographs(height, width, grey=grey)
    places = (rng.permutation(count) + rng.random(count)) / count
    batch = batch_size(*picture.shape[1:3])
    for first in each(range(0, count, batch)):
        fraction = places[first : first + batch, None, None, None].astype(np.float32)
        start = starts[rng.integers(0, len(starts), len(fraction))]
        yield start + fraction * (picture - start), picture - start


@lru_cache(2)  # sizes: some ten pictures each
def photographs(height: int, width: int, *, grey: bool = False) -> Pictures:
    """The sample photographs (N, H, W, 3) at a size; not to be written to."""
    found = [images.fit(samples.load(name), height=height, width=width) for name in samples.names()]
    every = np.concatenate([as_grey(one) if grey else one for one in found])
    every.flags.writeable = False
    return every


def _total(slopes: Pictures) -> Map:
    """The sum over the colours."""
    return np.asarray(slopes.sum(axis=-1), np.float32)


def _magnitude(slope: npt.NDArray[np.floating[Any]]) -> Map:
    """The largest absolute value of the three colours, as Simonyan et al."""
    return np.asarray(np.abs(slope).max(axis=-1), np.float32)


def _times(slope: Pictures, picture: Pictures) -> Map:
    """What each pixel adds, if the network were linear."""
    return np.asarray((slope * picture[0]).sum(axis=-1), np.float32)
