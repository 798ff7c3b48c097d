"""The Streamlit app: a frame, one file for each page, and nothing that computes."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path


def version() -> str:
    """This version, also of a checkout that is not installed."""
    settings = Path(__file__).parents[1] / "pyproject.toml"
    if settings.is_file() and (found := re.search('^version = "(.+)"', settings.read_text(encoding="utf-8"), re.M)):
        return found[1]
    return metadata.version("convscope")
