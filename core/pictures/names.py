"""Names of files in folders and archives that people bring: which are pictures, and which mean harm."""

from __future__ import annotations

import re
import zipfile
from pathlib import PurePosixPath

MAX_RATIO = 200
MAX_TITLE = 200
KINDS = (".jpg", ".jpeg", ".png", ".webp", ".gif")


def require_harmless(entry: zipfile.ZipInfo) -> None:
    """Raise ValueError for an entry whose name leads out of its zip, or that unpacks to far more than its size."""
    path, name = PurePosixPath(entry.filename.replace("\\", "/")), plain(entry.filename)[:80]
    if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", entry.filename):
        raise ValueError(f"Expected a zip whose names stay inside it, got {name!r}")
    if entry.file_size > 2**20 and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
        raise ValueError(
            f"Expected a zip of pictures, got {name!r}, which unpacks to more than {MAX_RATIO} times its size"
        )


def plain(name: str) -> str:
    """A name as text of one line: what would break it, turn its direction or hide in it shows as a replacement mark."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in name[:MAX_TITLE])


def is_named_as_picture(name: str) -> bool:
    """Whether a file is named as a picture, and not hidden."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return not hidden and name.lower().endswith(KINDS)
