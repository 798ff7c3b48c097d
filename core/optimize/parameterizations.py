"""What is optimized, and how it becomes a picture.

A parameterization turns parameters, real numbers (N, H, W, 3), into pictures (N, H, W, 3) RGB in [0, 1],
differentiably. The parameters of every parameterization have the shape of the picture, so one compiled gradient serves
all sizes; what they mean differs: pixels, waves, phases. A good one makes natural pictures the easy ones to reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from core.networks.custom_gradients import custom_gradient

__all__ = ["Fourier", "MaCo", "Parameterization", "Pixels"]

# Why not optimize red, green and blue? In photographs the three go along with one another, so most of what tells them
# apart is brightness. In decorrelated colours a step of equal size is equally likely along every axis, and ascent makes
# grey shapes first and colours where they matter, instead of the rainbow noise that independent channels give.
# Lucid (tensorflow/lucid, optvis/param/color.py): a square root of the covariance of colours in ImageNet, columns =
# brightness, blue against yellow-red, green against magenta; divided by the length of the longest column.
_COLOUR_ROOT = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]], np.float32)
COLOURS = _COLOUR_ROOT / np.linalg.norm(_COLOUR_ROOT, axis=0).max()

_LUMA = (0.2989, 0.5870, 0.1140)
_DARKEST = 1 / 1024  # the nearest to black and white that a sigmoid is asked to come


@dataclass(frozen=True)
class Parameterization:
    """What is optimized. A subclass has ``start``, ``decode``, ``encode``, and ``project`` where there are bounds.

    Attributes:
        grey: render in grey, for a network that sees no colour.
    """

    grey: bool = False

    def start(self, count: int, height: int, width: int, seed: int) -> tf.Tensor:
        """Random parameters (count, height, width, 3); the same seed gives the same."""
        raise NotImplementedError

    def decode(self, parameters: tf.Tensor) -> tf.Tensor:
        """Parameters (N, H, W, 3) as a picture in colour, in [0, 1]."""
        raise NotImplementedError

    def encode(self, pictures: tf.Tensor) -> tf.Tensor:
        """The parameters (N, H, W, 3) whose rendering is nearest to the pictures (N, H, W, 3)."""
        raise NotImplementedError

    def project(self, parameters: tf.Tensor) -> tf.Tensor:
        """Parameters after a step, put back to where they may be."""
        return parameters

    def render(self, parameters: tf.Tensor) -> tf.Tensor:
        """Parameters (N, H, W, 3) as pictures (N, H, W, 3) RGB in [0, 1]."""
        pictures = self.decode(parameters)
        if not self.grey:
            return pictures
        return tf.repeat(tf.tensordot(pictures, tf.constant(_LUMA) / sum(_LUMA), 1)[..., None], 3, axis=-1)


@dataclass(frozen=True)
class Pixels(Parameterization):
    """The pixels themselves: the Keras example, Yosinski et al., DeepDream, attacks.

    Attributes:
        spread: a start differs from mid grey by this: at most (uniform noise; 1/16 is the Keras example's, which says
            0.125 in [-1, 1]), or as standard deviation (normal noise; 10/255 is Yosinski's).
        normal: whether the noise is normal.
    """

    spread: float = 1 / 16
    normal: bool = False

    def start(self, count: int, height: int, width: int, seed: int) -> tf.Tensor:
        """Noise around mid grey."""
        shape, pair = (count, height, width, 3), _seed(seed)
        if self.normal:
            return self.project(0.5 + self.spread * tf.random.stateless_normal(shape, pair))
        return tf.random.stateless_uniform(shape, pair, 0.5 - self.spread, 0.5 + self.spread)

    def decode(self, parameters: tf.Tensor) -> tf.Tensor:
        """The pixels, clipped."""
        return _clipped(parameters)

    def encode(self, pictures: tf.Tensor) -> tf.Tensor:
        """The pictures."""
        return tf.convert_to_tensor(pictures, tf.float32)

    def project(self, parameters: tf.Tensor) -> tf.Tensor:
        """Clipped to [0, 1]: beyond it a pixel would no longer feel its gradient."""
        return _clipped(parameters)


@dataclass(frozen=True)
class Fourier(Parameterization):
    """Waves in decorrelated colours, long ones stronger: the parameterization of Lucid (doi:10.23915/distill.00007).

    Each wave has one number of its own, so a step moves all scales of a picture alike, where a step on pixels makes
    mostly fine noise. Lucid keeps real and imaginary parts of half the spectrum; here they are the coefficients of the
    discrete Hartley transform (as many real numbers as pixels; Bracewell 1983, doi:10.1364/JOSA.73.001832), scaled so
    that Lucid's spread and step sizes mean the same.

    Attributes:
        spread: standard deviation of the start's parameters; 0.01 starts at almost plain grey, 1 at coloured clouds.
        decay: how much weaker short waves are, 1 / frequency ** decay; higher is smoother (Lucid 1, Xplique 0.85).
        contrast: strength of the picture before the sigmoid, which also makes each step larger; 1 is Lucid's.
        max_std: the highest standard deviation before the sigmoid; a unit that wants no more than strong colours would
            otherwise end in clipped areas. None is Lucid's.
    """

    spread: float = 0.01
    decay: float = 1.0
    contrast: float = 1.0
    max_std: float | None = None

    def start(self, count: int, height: int, width: int, seed: int) -> tf.Tensor:
        """Normal numbers of standard deviation ``spread``."""
        return self.spread * tf.random.stateless_normal((count, height, width, 3), _seed(seed))

    def decode(self, parameters: tf.Tensor) -> tf.Tensor:
        """The sum of all waves, through a sigmoid."""
        return tf.sigmoid(_colourful(_hartley(parameters * self._scale(parameters))))

    def encode(self, pictures: tf.Tensor) -> tf.Tensor:
        """Exact, but for black and white, which a sigmoid reaches to within 1/1024."""
        planes = _hartley(_colourless(_logit(pictures)))
        return planes / self._scale(planes)

    def project(self, parameters: tf.Tensor) -> tf.Tensor:
        """Weaker as a whole where the standard deviation would exceed ``max_std``; the transform keeps lengths."""
        if self.max_std is None:
            return parameters
        std = tf.sqrt(tf.reduce_mean(tf.square(parameters * self._scale(parameters)), (1, 2, 3), keepdims=True))
        return parameters * tf.minimum(1.0, self.max_std / (std + 1e-12))

    def _scale(self, planes: tf.Tensor) -> tf.Tensor:
        frequency = _frequencies(planes)
        lowest = 1 / tf.cast(tf.reduce_max(tf.shape(planes)[1:3]), tf.float32)
        return self.contrast * np.sqrt(2) / 4 / tf.maximum(frequency, lowest) ** self.decay


@dataclass(frozen=True)
class MaCo(Parameterization):
    """Phases only; how strong each wave is comes from natural pictures and stays (Fel et al., arXiv:2306.06805).

    No wave can become stronger than in a photograph, so no fine noise appears even in deep networks. Where the authors
    fetch the mean spectrum of ImageNet, this takes that of any pictures: ``MaCo.like(pictures)``.

    Attributes:
        spectrum: logarithm of the mean magnitude in octaves of frequency, highest first (from 1/2 cycle per pixel
            down), for each of the three decorrelated colours; 1 / frequency where not given.
        contrast: standard deviation of the picture before the sigmoid.
    """

    spectrum: tuple[tuple[float, float, float], ...] = ()
    contrast: float = 1.0

    @classmethod
    def like(cls, pictures: Any, *, contrast: float = 1.0) -> MaCo:
        """A parameterization with the mean magnitudes of pictures (N, H, W, 3) in [0, 1], any number of them."""
        planes = _colourless(_logit(pictures))
        magnitudes = tf.reduce_mean(tf.abs(_fourier(planes - tf.reduce_mean(planes, axis=(1, 2), keepdims=True))), 0)
        octaves = np.rint(-np.log2(2 * np.maximum(_frequencies(planes).numpy()[..., 0], 1e-3))).clip(0)
        count = int(np.log2(min(planes.shape[1:3])))
        bands = [magnitudes.numpy()[octaves == octave].mean(axis=0) for octave in range(count)]
        return cls(spectrum=tuple(tuple(np.log(band + 1e-6).tolist()) for band in bands), contrast=contrast)

    def start(self, count: int, height: int, width: int, seed: int) -> tf.Tensor:
        """Every phase equally likely."""
        return tf.random.stateless_uniform((count, height, width, 3), _seed(seed), -np.pi, np.pi)

    def decode(self, parameters: tf.Tensor) -> tf.Tensor:
        """The sum of all waves, standardized, through a sigmoid."""
        # A real picture has opposite phases at opposite frequencies. Parameters are free, so each phase is made of the
        # difference of two of them: odd by construction, and every parameter moves the picture.
        opposite = tf.roll(parameters[:, ::-1, ::-1], (1, 1), axis=(1, 2))
        phase = parameters - opposite
        magnitude = self._magnitudes(parameters)
        planes = _inverse_fourier(tf.complex(magnitude * tf.cos(phase), magnitude * tf.sin(phase)))
        planes = _colourful(planes)
        mean, variance = tf.nn.moments(planes, axes=(1, 2, 3), keepdims=True)
        return tf.sigmoid(self.contrast * (planes - mean) * tf.math.rsqrt(variance + 1e-8))

    def encode(self, pictures: tf.Tensor) -> tf.Tensor:
        """The phases of the pictures: their edges and shapes, not their contrast."""
        return tf.math.angle(_fourier(_colourless(_logit(pictures)))) / 2

    def _magnitudes(self, planes: tf.Tensor) -> tf.Tensor:
        """(H, W, 3), interpolated between octaves; no mean."""
        frequency = _frequencies(planes)
        lowest = 1 / tf.cast(tf.reduce_max(tf.shape(planes)[1:3]), tf.float32)
        octave = -tf.math.log(2 * tf.maximum(frequency, lowest)) / np.log(2).astype(np.float32)
        if self.spectrum:
            table = tf.constant(self.spectrum, tf.float32)
            place = tf.clip_by_value(octave, 0.0, float(len(self.spectrum) - 1))
            below = tf.minimum(tf.cast(place, tf.int32), max(len(self.spectrum) - 2, 0))
            fraction = place - tf.cast(below, tf.float32)
            above = tf.minimum(below + 1, len(self.spectrum) - 1)
            level = (1 - fraction) * tf.gather(table, below[..., 0]) + fraction * tf.gather(table, above[..., 0])
        else:
            level = octave * np.log(2).astype(np.float32)
        return tf.where(frequency > 0, tf.exp(level), 0.0) * tf.ones(3)


def _seed(seed: int) -> tf.Tensor:
    return tf.constant([seed % 2**31, 0], tf.int32)


@custom_gradient
def _clipped(values: tf.Tensor) -> Any:
    """``tf.clip_by_value`` to [0, 1], whose own gradient selects number by number, three times as slowly."""
    clipped = tf.minimum(tf.maximum(values, 0.0), 1.0)
    return clipped, lambda upstream: upstream * tf.cast(tf.equal(values, clipped), upstream.dtype)


def _frequencies(planes: tf.Tensor) -> tf.Tensor:
    """Length of the frequency of each coefficient (H, W, 1), in cycles per pixel."""
    rows, columns = (_frequency(tf.shape(planes)[axis]) for axis in (1, 2))
    return tf.sqrt(rows[:, None] ** 2 + columns[None] ** 2)[..., None]


def _frequency(side: tf.Tensor) -> tf.Tensor:
    """The frequencies along one side in the order of a Fourier transform, without sign."""
    index = tf.range(side)
    return tf.cast(tf.minimum(index, side - index), tf.float32) / tf.cast(side, tf.float32)


def _fourier(planes: tf.Tensor) -> tf.Tensor:
    """Orthonormal transform of (N, H, W, 3) over height and width, complex."""
    spectrum = tf.signal.fft2d(_complex(tf.transpose(planes, (0, 3, 1, 2))))
    return tf.transpose(spectrum, (0, 2, 3, 1)) / _complex(_root(planes))


def _inverse_fourier(spectrum: tf.Tensor) -> tf.Tensor:
    """The real part of the inverse of ``_fourier``."""
    planes = tf.math.real(tf.signal.ifft2d(tf.transpose(spectrum, (0, 3, 1, 2))))
    return tf.transpose(planes, (0, 2, 3, 1)) * _root(spectrum)


def _hartley(planes: tf.Tensor) -> tf.Tensor:
    """Orthonormal discrete Hartley transform of (N, H, W, 3) over height and width; it is its own inverse."""
    spectrum = tf.signal.fft2d(_complex(tf.transpose(planes, (0, 3, 1, 2))))
    return tf.transpose(tf.math.real(spectrum) - tf.math.imag(spectrum), (0, 2, 3, 1)) / _root(planes)


def _complex(values: tf.Tensor) -> tf.Tensor:
    return tf.complex(values, tf.zeros_like(values))


def _root(planes: tf.Tensor) -> tf.Tensor:
    """The square root of the number of pixels."""
    return tf.sqrt(tf.cast(tf.reduce_prod(tf.shape(planes)[1:3]), tf.float32))


def _colourful(planes: tf.Tensor) -> tf.Tensor:
    """Decorrelated colours -> RGB."""
    return tf.tensordot(planes, tf.constant(COLOURS.T), 1)


def _colourless(planes: tf.Tensor) -> tf.Tensor:
    """RGB -> decorrelated colours."""
    return tf.tensordot(planes, tf.constant(np.linalg.inv(COLOURS).T), 1)


def _logit(pictures: Any) -> tf.Tensor:
    values = tf.clip_by_value(tf.convert_to_tensor(pictures, tf.float32), _DARKEST, 1 - _DARKEST)
    return tf.math.log(values) - tf.math.log1p(-values)
