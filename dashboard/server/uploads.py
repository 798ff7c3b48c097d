"""Pictures and videos that people brought."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import streamlit as st

import core
from dashboard import words
from dashboard.server import limits

UPLOADS_KEPT = 16
REELS_KEPT = 3


@dataclass(frozen=True)
class Photo:
    """A picture that a person brought."""

    title: str
    pixels: npt.NDArray[np.uint8]


@dataclass
class Album:
    """The latest pictures that people brought, by the digest of their content.

    A digest cannot be guessed, so an address with one opens the picture for those who were given the address.
    """

    photos: OrderedDict[str, Photo] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, photo: Photo) -> str:
        """Keep a picture, forget the oldest one when there are too many; returns its digest."""
        name = core.digest(core.to_float(photo.pixels))[:24]
        with self.lock:
            self.photos[name] = photo
            self.photos.move_to_end(name)
            while len(self.photos) > UPLOADS_KEPT:
                self.photos.popitem(last=False)
        return name


@st.cache_resource
def album() -> Album:
    """The one album of this server."""
    return Album()


def bring(data: bytes, title: str) -> str:
    """Take in a picture file that a person brought; returns its name for addresses. Raises ValueError."""
    limit = limits.limits()
    pictures = core.open_image(data, max_bytes=limit.picture_bytes, max_side=limit.picture_side)
    return album().add(Photo(words.harmless(title), core.to_uint8(pictures)))


def picture_names(wanted: str | None = None) -> list[str]:
    """The samples, then this session's own pictures, then the ``wanted`` one of an address, where it is still there."""
    own = [name for name in (*st.session_state.get("own_pictures", ()), wanted) if name in album().photos]
    return [*core.samples.names(), *dict.fromkeys(own)]


def there(name: str) -> bool:
    """Whether a picture of that name can still be shown; the album forgets the oldest ones."""
    return name in core.samples.names() or name in album().photos


def picture_title(name: str) -> str:
    """What to call a picture."""
    photo = album().photos.get(name)
    titles = {sample.name: sample.title for sample in core.samples.samples()}
    return photo.title if photo else titles.get(name, "a picture that is no longer here")


@st.cache_data(max_entries=8, show_spinner=False)
def picture(name: str) -> npt.NDArray[np.float32]:
    """The picture (1, H, W, 3) of that name: a sample, or one that a person brought."""
    photo = album().photos.get(name)
    return core.to_float(photo.pixels) if photo else core.samples.load(name)


@st.cache_resource
def reels() -> OrderedDict[str, core.Video]:
    """The latest films that people brought, by the digest of their content."""
    return OrderedDict()


def bring_film(data: bytes) -> str:
    """Take in a film file that a person brought; returns its name for addresses. Raises ValueError."""
    limit = limits.limits()
    film = core.open_video(data, max_frames=limit.film_frames, max_side=limit.film_side, max_bytes=limit.picture_bytes)
    name = core.digest(core.to_float(film.pictures))[:24]
    reels()[name] = film
    while len(reels()) > REELS_KEPT:
        reels().popitem(last=False)
    return name
