"""What may be done to a picture before a network is asked: it takes small perturbations away, and some of the picture.

None of these stops an attacker who knows of it (Athalye et al., arXiv:1802.00420); they show which perturbations are
brittle. Every defence takes and gives (N, H, W, 3) float32 in [0, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from skimage.filters import gaussian
from skimage.restoration import denoise_tv_chambolle

from core import checks
from core.pictures import decoding, encoding, images
from core.types import Pictures

__all__ = ["DEFENCES", "defended"]


def _jpeg(picture: Pictures) -> Pictures:
    return decoding.open_image(encoding.encode_jpeg(picture, quality=75))[0]


def _blur(picture: Pictures) -> Pictures:
    blurred: Pictures = gaussian(picture, sigma=1, channel_axis=-1, mode="reflect")
    return blurred


def _fewer_bits(picture: Pictures) -> Pictures:
    return (np.rint(picture * 15) / 15).astype(np.float32)


def _resize(picture: Pictures) -> Pictures:
    height, width = picture.shape[:2]
    small = images.resize(picture[None], height=max(1, height * 3 // 4), width=max(1, width * 3 // 4))
    return images.resize(small, height=height, width=width)[0]


def _smooth(picture: Pictures) -> Pictures:
    smooth: Pictures = denoise_tv_chambolle(picture, weight=0.1, channel_axis=-1)
    return smooth


DEFENCES: Mapping[str, tuple[str, Callable[[Pictures], Pictures]]] = MappingProxyType(
    {
        "jpeg": ("JPEG, quality 75", _jpeg),
        "blur": ("Gaussian blur of 1 pixel", _blur),
        "bits": ("4 bits a colour", _fewer_bits),
        "resize": ("Three quarters of the size, and back", _resize),
        "tv": ("Total-variation denoising", _smooth),
    }
)
"""Title and function of each defence, which takes and gives one picture (H, W, 3)."""


def defended(pictures: npt.ArrayLike, name: str) -> Pictures:
    """Pictures (N, H, W, 3) in [0, 1] after a defence of ``DEFENCES``.

    Raises ValueError for other pictures or another name.
    """
    _, defend = DEFENCES[checks.one_of("defence", name, DEFENCES)]
    return np.stack([defend(picture) for picture in checks.pictures(pictures)]).astype(np.float32).clip(0, 1)
