"""Pictures and videos that people brought; see ``brought`` for how long they stay."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import streamlit as st

import core
from dashboard import words
from dashboard.server import limits, memory
from dashboard.server.brought import Brought
from dashboard.server.cache import cached

ROOM = {"public": memory.budget(0.06, least=64 * memory.MIB, most=256 * memory.MIB),
        "local": memory.budget(0.2, least=256 * memory.MIB, most=2048 * memory.MIB)}  # fmt: skip
"""Bytes for everything that people brought, by mode."""
BROUGHT = Brought(lambda: ROOM["local" if limits.local() else "public"], lambda: limits.limits().session_bytes)
"""Pictures, videos and sets, which share the room."""


@dataclass(frozen=True)
class Photo:
    """A picture that a person brought."""

    title: str
    pixels: npt.NDArray[np.uint8]


def keep(photo: Photo) -> str:
    """Keep a picture; returns its name for addresses, a digest. Raises ValueError where there is no room."""
    name = core.digest(core.to_float(photo.pixels))[:24]
    return BROUGHT.add(name, photo, photo.pixels.nbytes)


def bring(file: bytes | Path, title: str) -> str:
    """Take in a picture file that a person brought; returns its name for addresses. Raises ValueError."""
    limit = limits.limits()
    pictures = core.open_image(file, max_bytes=limit.picture_bytes, max_side=limit.picture_side)
    return keep(Photo(words.harmless(title), core.to_uint8(pictures)))


def picture_names(wanted: str | None = None) -> list[str]:
    """The samples, this server's and this session's own pictures, the ``wanted`` one where it is still there."""
    brought = (*BROUGHT.held(Photo), *st.session_state.get("own_pictures", ()), wanted)
    own = [name for name in brought if name and _photo(name)]
    return [*core.samples.names(), *dict.fromkeys(own)]


def there(name: str) -> bool:
    """Whether a picture of that name can still be shown."""
    return name in core.samples.names() or _photo(name) is not None


def missing(name: str | None) -> str:
    """A sentence where an address names somebody's own picture that is no longer here, else nothing."""
    if not name or not re.fullmatch("[0-9a-f]{24}", name) or there(name):
        return ""
    return (
        "The picture of this address is no longer here, so a sample is shown: people's own pictures stay while "
        "somebody has them open, and on the server to which they were brought. Bring it again under "
        "**Your own picture**."
    )


def picture_title(name: str) -> str:
    """What to call a picture."""
    photo = _photo(name)
    titles = {sample.name: sample.title for sample in core.samples.samples()}
    return photo.title if photo else titles.get(name, "a picture that is no longer here")


def picture(name: str) -> npt.NDArray[np.float32]:
    """The picture (1, H, W, 3) of that name: a sample, or one that a person brought. Raises ValueError."""
    _require_there(name)
    return _pixels(name)


def read(name: str) -> npt.NDArray[np.float32]:
    """The same, read anew and not kept: for what looks at every picture once. All samples together take 70 MiB."""
    _require_there(name)
    photo = _photo(name)
    return core.to_float(photo.pixels) if photo else core.samples.load(name)


_pixels = cached(read)


def _require_there(name: str) -> None:
    if not there(name):
        raise ValueError("Expected a picture that is here, got one that is no longer here")


def _photo(name: str) -> Photo | None:
    found = BROUGHT.get(name)
    return found if isinstance(found, Photo) else None


@cached
def thumbnail(name: str) -> bytes:
    """The middle of a picture, 96 pixels a side, as a JPEG; a few kilobytes each."""
    return core.encode_jpeg(core.fit(read(name), height=96, width=96)[0], quality=80)


def bring_video(data: bytes) -> str:
    """Take in a video file that a person brought; returns its name for addresses. Raises ValueError."""
    limit = limits.limits()
    found = core.open_video(
        data, max_frames=limit.video_frames, max_side=limit.video_side, max_bytes=limit.video_bytes
    )  # fmt: skip
    return BROUGHT.add(core.digest(core.to_float(found.pictures))[:24], found, found.pictures.nbytes)


def video(name: str) -> core.Video | None:
    """The video of that name, where it is still here."""
    found = BROUGHT.get(name)
    return found if isinstance(found, core.Video) else None
