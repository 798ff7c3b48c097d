"""How pictures are brought into the range of numbers that a network was trained on, by name.

A file with a network does not say which of these it wants; ``core.detect_preprocessing`` tries them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import tensorflow as tf

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Normalization:
    """From RGB in [0, 1] to ``(picture * scale - mean) / deviation``, channels in BGR order where ``reverse``.

    ``mean`` and ``deviation`` are those of the channels as the network gets them.
    """

    title: str
    scale: float = 1.0
    mean: Triple = (0.0, 0.0, 0.0)
    deviation: Triple = (1.0, 1.0, 1.0)
    reverse: bool = False

    def __call__(self, pictures: tf.Tensor) -> tf.Tensor:
        """Pictures (N, H, W, 3), or (N, H, W, 1) in grey, in [0, 1] -> the same shape; differentiable."""
        pictures = tf.cast(pictures, tf.float32)
        ordered = pictures[..., ::-1] if self.reverse else pictures
        count = pictures.shape[-1]
        return (ordered * self.scale - self.mean[:count]) / self.deviation[:count]


NORMALIZATIONS: Mapping[str, Normalization] = MappingProxyType(
    {
        "unit": Normalization("0 to 1"),
        "symmetric": Normalization("−1 to 1", 2.0, (1.0, 1.0, 1.0)),
        "bytes": Normalization("0 to 255", 255.0),
        "standard": Normalization("mean and deviation of ImageNet", 1.0, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        "caffe": Normalization("0 to 255 less ImageNet's mean, BGR", 255.0, (103.939, 116.779, 123.68), reverse=True),
        "unit_bgr": Normalization("0 to 1, BGR", reverse=True),
        "symmetric_bgr": Normalization("−1 to 1, BGR", 2.0, (1.0, 1.0, 1.0), reverse=True),
        "bytes_bgr": Normalization("0 to 255, BGR", 255.0, reverse=True),
    }
)
"""The usual ones: of many tutorials, of TensorFlow, of networks that scale by themselves, of PyTorch, of Caffe."""


def normalization(name: str) -> Callable[[tf.Tensor], tf.Tensor]:
    """The normalization of that name. Raises ValueError, naming the choices."""
    if name not in NORMALIZATIONS:
        raise ValueError(f"There is no normalization {name!r}; there is {', '.join(NORMALIZATIONS)}")
    return NORMALIZATIONS[name]
