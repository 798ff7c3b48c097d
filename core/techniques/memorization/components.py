"""The principal components of the data's patches: what filters would be that only describe the pictures.

To lay beside the filters of two networks. Those that were trained on random labels need not look like noise: in part
they align with these components (Maennel et al., "What do neural networks learn when trained with random labels?",
arXiv:2006.10455).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from core import checks
from core.types import Floats

__all__ = ["patch_components"]

MOST_PATCHES = 20_000


def patch_components(pictures: npt.ArrayLike, *, side: int = 5, count: int = 32, seed: int = 0) -> Floats:
    """The first principal components (count, side, side, channels) of all patches, each of length 1, strongest first.

    Args:
        pictures: (N, H, W, channels) finite numbers.
        side: of the square patches, 1 to the shorter side of the pictures.
        count: at least 1; as many as a patch has numbers at most, of which the rest are left out.
        seed: which 20,000 patches are taken where there are more.

    Raises:
        ValueError: something else than such pictures, or a side that does not fit in.
    """
    batch = np.asarray(pictures, np.float32)
    if batch.ndim != 4 or 0 in batch.shape or not np.isfinite(batch).all():
        raise ValueError(f"Expected pictures (N, H, W, channels) of finite numbers, got shape {batch.shape}")
    checks.whole("side", side, 1, min(batch.shape[1:3]))
    checks.whole("count", count, 1, 10_000)
    windows = np.lib.stride_tricks.sliding_window_view(batch, (side, side), axis=(1, 2))  # (N, h, w, channels, s, s)
    patches = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, side * side * batch.shape[-1])
    if len(patches) > MOST_PATCHES:
        chosen = np.random.default_rng(checks.seed(seed)).choice(len(patches), MOST_PATCHES, replace=False)
        patches = patches[np.sort(chosen)]
    from sklearn.decomposition import PCA  # here, since it takes a second to import

    able = min(count, *patches.shape)
    found = PCA(able, svd_solver="full").fit(patches).components_
    return np.asarray(found, np.float32).reshape(able, side, side, batch.shape[-1])
