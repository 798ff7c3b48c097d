"""The arrays that the whole package passes around."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Pictures = npt.NDArray[np.float32]
"""(N, H, W, 3) RGB in [0, 1]; height comes before width."""

Floats = npt.NDArray[np.float32]
"""Numbers of any shape."""

Pixels = npt.NDArray[np.uint8]
"""(..., H, W, 3) RGB on the 8-bit grid."""
