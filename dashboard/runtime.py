"""What the pages share: the network, the pictures, cached results. The only place that caches.

Streamlit does two things to TensorFlow that cost dearly (measured; tests fail without the measures taken here):
it calls ``keras.backend.clear_session`` for the whole process after every script run, which breaks models that another
session is building, and it collects garbage twice per run, which takes 0.8 s once TensorFlow's objects are there.
"""

from __future__ import annotations

import gc
import hashlib
import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import keras
import numpy as np
import numpy.typing as npt
import psutil
import streamlit as st

import core
from dashboard import shelf

UPLOADS_KEPT = 16
REELS_KEPT = 3
SMALL = ("mobilenet_0.25", "mobilenet", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0", "nasnet_mobile")
MIB = 2**20
Anything = TypeVar("Anything")


@dataclass(frozen=True)
class Limits:
    """What one person may ask of the host."""

    picture_bytes: int
    picture_side: int
    film_frames: int
    film_side: int


LIMITS = {"public": Limits(10 * MIB, 1024, 60, 320), "local": Limits(50 * MIB, 4096, 240, 640)}


def limits() -> Limits:
    """The limits of public mode, or of local mode when ``CONVSCOPE_MODE=local``, as the console script sets it."""
    return LIMITS["local" if local() else "public"]


def local() -> bool:
    """Whether the dashboard serves the person in front of this machine, who may bring networks and folders."""
    return os.environ.get("CONVSCOPE_MODE") == "local"


# -------------------------------------------------------------------------------------------------- networks


def spare_keras() -> None:
    """Make the ``clear_session`` that Streamlit calls after each script run do nothing.

    Only the attribute that Streamlit uses is replaced; ``keras.utils.clear_session`` stays.
    """
    keras.backend.clear_session = lambda *_, **__: None
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it takes one tap for each layer for retracing


@st.cache_resource(max_entries=2, show_spinner="Opening the network…", on_release=lambda _: gc.unfreeze())
def network(name: str) -> core.Classifier:
    """The network of that name, warm: every stage has run once, and the garbage collector leaves it alone."""
    own = shelf.get(name)
    classifier = own.classifier() if own else core.load(name)
    blank = np.zeros((1, *classifier.size, 3), np.float32)
    for stage in core.stages(classifier):
        core.activations(classifier, blank, [stage.layer])
    core.activations(classifier, blank, [stage.layer for stage in core.stages(classifier)])
    if classifier.labels:
        core.predict(classifier, blank)
    gc.collect()
    gc.freeze()
    return classifier


def release(name: str, *, after: str = "") -> None:
    """Let go of a network and of what was compiled for it, since ``after`` comes: by default one is in memory."""
    for kept in (network, shuffled_network):
        kept.clear(name)
    own, other = shelf.get(name), shelf.get(after)
    if own and not (other and other.path == own.path):
        shelf.close()
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def network_names(wanted: str | None = None) -> tuple[str, ...]:
    """The networks that can be chosen: in the box, this session's own and the ``wanted`` one, then keras.applications.

    Public mode has only the small ones of keras.applications, and no own ones.
    """
    own = [name for name in (*st.session_state.get("own_networks", ()), wanted or "") if local() and shelf.get(name)]
    return (*core.available(), *dict.fromkeys(own), *(core.applications() if local() else SMALL))


def known_networks(name: str) -> tuple[str, ...]:
    """The networks that can be asked at once: those in the box, and the one of that name."""
    return tuple(dict.fromkeys((*core.available(), name)))


def fetched(name: str) -> core.Classifier:
    """The network of that name; what has to be downloaded first comes with a progress bar. Raises ValueError."""
    if name in core.applications() and name not in fetched_names():
        bar = st.progress(0.0, f"Opening {network_title(name)}…")
        for arrived, total in core.download(name):
            if arrived:
                bar.progress(min(arrived / total, 1.0), f"{arrived / 1e6:.0f} of about {total / 1e6:.0f} MB")
        bar.empty()
        fetched_names().add(name)
    return network(name)


@st.cache_resource
def fetched_names() -> set[str]:
    """Networks whose weights are known to be in Keras's cache."""
    return set()


# -------------------------------------------------------------------------------------------------- pictures


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
    limit = limits()
    pictures = core.open_image(data, max_bytes=limit.picture_bytes, max_side=limit.picture_side)
    return album().add(Photo(harmless(title), core.to_uint8(pictures)))


harmless = shelf.harmless


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
def reels() -> OrderedDict[str, core.Film]:
    """The latest films that people brought, by the digest of their content."""
    return OrderedDict()


def bring_film(data: bytes) -> str:
    """Take in a film file that a person brought; returns its name for addresses. Raises ValueError."""
    limit = limits()
    film = core.open_video(data, max_frames=limit.film_frames, max_side=limit.film_side, max_bytes=limit.picture_bytes)
    name = core.digest(core.to_float(film.pictures))[:24]
    reels()[name] = film
    while len(reels()) > REELS_KEPT:
        reels().popitem(last=False)
    return name


# --------------------------------------------------------------------------------------------------- results


@st.cache_data(max_entries=12, show_spinner=False)
def activations(
    name: str, picture_name: str, layers: tuple[str, ...], scale: int = 1
) -> Mapping[str, npt.NDArray[np.float32]]:
    """{layer: activation} of one picture as the network sees it, ``scale`` times as large."""
    classifier = network(name)
    return core.activations(classifier, core.seen_by(classifier, picture(picture_name), scale=scale), layers)


@st.cache_data(max_entries=32, show_spinner=False)
def prediction(name: str, picture_name: str) -> list[tuple[str, float]]:
    """The five likeliest classes and their probabilities."""
    return core.predict(network(name), picture(picture_name))[0]


@st.cache_data(max_entries=2, show_spinner=False)
def every_sample(name: str) -> npt.NDArray[np.float32]:
    """All sample pictures (N, H, W, 3) as a network sees them."""
    return np.concatenate([core.seen_by(network(name), picture(sample)) for sample in core.samples.names()])


@st.cache_data(max_entries=32, show_spinner=False)
def dead_channels(name: str, layer: str) -> list[int]:
    """Channels that no sample picture excites."""
    dead = core.statistics(core.activations(network(name), every_sample(name), [layer])[layer]).dead
    return [int(channel) for channel in np.flatnonzero(dead)]


@st.cache_data(max_entries=16, show_spinner=False)
def needed(
    name: str, picture_name: str, *, norm: str, epsilons: tuple[float, ...], target: str
) -> tuple[dict[str, npt.NDArray[np.float32]], float]:
    """How sure the network stays while epsilon grows, for several attacks, and the least epsilon that fools it."""
    classifier = network(name)
    seen = core.to_float(core.to_uint8(core.seen_by(classifier, picture(picture_name))))
    label = classifier.labels.index(target) if target else int(core.logits_of(classifier, seen)[0].argmax())
    settings: dict[str, Any] = {"norm": norm, "targeted": bool(target)}
    curves: dict[str, npt.NDArray[np.float32]] = {}
    for attack in ("fgsm", "bim", "pgd", "mifgsm"):
        with compute_slot():
            curves |= core.epsilon_curve(classifier, seen, label, epsilons, names=[attack], **settings)
    with compute_slot():
        return curves, float(core.minimal_epsilon(classifier, seen, [label], **settings)[0])


@st.cache_data(max_entries=256, show_spinner=False)
def explanation(
    name: str,
    picture_name: str,
    unit: tuple[str, int],
    method: str,
    *,
    window: float = 1 / 8,
    fill: str = "grey",
    share: float = 0.0,
) -> npt.NDArray[np.float32]:
    """The map (h, w) of one method for one unit (layer, channel) on one picture.

    Where ``share`` is above 0 it is that of the network with this share of its layers shuffled. Raises ValueError.
    """
    classifier = shuffled_network(name, share) if share else network(name)
    seen = core.seen_by(classifier, picture(picture_name))
    settings: dict[str, Any] = {"window": window, "fill": fill} if method == "occlusion" else {}
    with compute_slot():
        return core.attribute(classifier, seen, unit[1], method=method, layer=unit[0], **settings)


@st.cache_resource(max_entries=2, show_spinner=False)
def shuffled_network(name: str, share: float) -> core.Classifier:
    """The network with the weights of this share of its layers shuffled, from the last one on."""
    return core.randomised(network(name), share=share)


@st.cache_data(max_entries=16, show_spinner=False)
def hiding(
    name: str, picture_name: str, layer: str, units: tuple[int, ...], *, window: float, fill: str
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """What ``core.occlusions`` finds for several units of a layer."""
    classifier = network(name)
    seen = core.seen_by(classifier, picture(picture_name))
    with compute_slot():
        return core.occlusions(classifier, seen, units, layer=layer, window=window, fill=fill)


# --------------------------------------------------------------------------- long work that is kept and shared

WORKS_KEPT = 48


@dataclass
class Work:
    """A long routine that any session may go on with, and its newest result."""

    results: Iterator[Any]
    latest: Any = None
    finished: bool = False


@st.cache_resource
def works() -> OrderedDict[tuple[Any, ...], Work]:
    """The latest long routines of this server, by what they work on."""
    return OrderedDict()


def pursue(
    key: tuple[Any, ...],
    begin: Callable[[], Iterator[Any]],
    *,
    say: Callable[[Any], str],
    share: Callable[[Any], float] = lambda result: float(result.share),
) -> Any:
    """Go on with a routine where it was left, to its end; its newest result, None where there is none yet.

    It is begun when nobody has. Any click interrupts it and leaves the rest for the next run; after Stop it rests until
    ``go_on``, and what was reached is returned. Raises ValueError as the routine does.
    """
    if key not in works():
        works()[key] = Work(begin())
    work = works()[key]
    works().move_to_end(key)
    while len(works()) > WORKS_KEPT:
        works().popitem(last=False)
    if not work.finished and key not in st.session_state.get("halted", ()):
        _pursue(key, work, say, share)
    return work.latest


def _pursue(key: tuple[Any, ...], work: Work, say: Callable[[Any], str], share: Callable[[Any], float]) -> None:
    place = st.empty()
    with place.container():
        bar = st.progress(0.0, "Getting ready…")
        st.button("Stop", icon=":material/stop:", key=f"stop {key}", on_click=_halt, args=(key,))
    began: float | None = None
    done = 0.0
    try:
        while (one := _next(work.results, bar)) is not None:
            work.latest, part = one, min(share(one), 1.0)
            if began is None:  # what came before the first result was mostly getting ready
                began, done = time.monotonic(), part
            left = (time.monotonic() - began) * (1 - part) / max(part - done, 1e-3)
            bar.progress(part, say(one) + (f", about {left:.0f} s left" if left >= 1 else ""))
    except ValueError:
        works().pop(key, None)
        raise
    work.finished, work.results = True, iter(())
    place.empty()


def _halt(key: tuple[Any, ...]) -> None:
    st.session_state.halted = {*st.session_state.get("halted", ()), key}


def halted() -> bool:
    """Whether this session has stopped a routine and not gone on."""
    return any(key in works() and not works()[key].finished for key in st.session_state.get("halted", ()))


def go_on() -> None:
    """Take up what was stopped."""
    st.session_state.halted = set()


# ------------------------------------------------------------------------------------------- sets of pictures

SETS = {"samples": "The sample photographs", "cifar10": "CIFAR-10"}
SETS_KEPT = 3
SET_BYTES = 200 * MIB


@dataclass(frozen=True)
class OwnSet:
    """A folder or a zip that a person brought."""

    title: str
    source: Path | bytes


@st.cache_resource
def own_sets() -> OrderedDict[str, OwnSet]:
    """The latest folders and zips that people brought, by a digest."""
    return OrderedDict()


def may_bring_sets() -> bool:
    """Whether this is the person's own machine."""
    return limits() is LIMITS["local"]


def bring_set(source: str | bytes, title: str) -> str:
    """Take in a folder or zip of pictures; returns its name for addresses. Raises ValueError, in public mode always."""
    if not may_bring_sets():
        raise ValueError("Expected Convscope on your own machine for a folder or a zip, got a public one")
    if isinstance(source, bytes) and len(source) > SET_BYTES:
        raise ValueError(f"Expected a zip of at most {SET_BYTES // MIB} MB, got {len(source) // MIB} MB")
    if isinstance(source, str) and not Path(source).expanduser().exists():
        raise ValueError("Expected the path of a folder or a zip on this machine, got one that does not exist")
    name = hashlib.sha256(source if isinstance(source, bytes) else source.encode()).hexdigest()[:24]
    own_sets()[name] = OwnSet(harmless(title), source if isinstance(source, bytes) else Path(source).expanduser())
    while len(own_sets()) > SETS_KEPT:
        own_sets().popitem(last=False)
    return name


def set_names() -> list[str]:
    """The sets that can be looked through."""
    return [*SETS, *(own_sets() if may_bring_sets() else ())]


def set_title(name: str) -> str:
    """What to call a set."""
    return SETS.get(name) or own_sets()[name].title


def picture_set(name: str, size: tuple[int, int]) -> core.PictureSet | None:
    """The set at the size of a network, read with progress and stop; None where nothing is read yet."""

    def begin() -> Iterator[core.PictureSet]:
        if name == "samples":
            with st.spinner("Cutting the sample photographs…", show_time=True):
                return iter([core.sample_tiles(size=size)])
        if name == "cifar10":
            with st.spinner("Downloading CIFAR-10, 170 MB, once…", show_time=True):
                return iter([core.cifar10(size=size)])
        limit = limits()
        return core.gather(own_sets()[name].source, size=size, max_bytes=limit.picture_bytes)

    def say(found: core.PictureSet) -> str:
        return f"{len(found):,} of {max(found.total, len(found)):,} pictures read"

    result: core.PictureSet | None = pursue(("set", name, size), begin, say=say)
    return result


# -------------------------------------------------------------------------------------------------- units

TILE = 112
DRAWN_SIZE, DRAWN_STEPS = 96, 48


def unit_indexes(
    name: str, layers: tuple[str, ...], set_name: str, pictures: core.PictureSet
) -> Mapping[str, core.UnitIndex]:
    """{layer: index} over a set, made in one pass with progress and stop; empty where nothing is seen yet."""
    for key, work in works().items():
        same = key[:2] == ("units", name) and key[3:] == (set_name, len(pictures))
        if same and work.finished and set(layers) <= set(key[2]):
            return work.latest
    result: Mapping[str, core.UnitIndex] | None = pursue(
        ("units", name, layers, set_name, len(pictures)),
        lambda: core.index_units(network(name), layers, pictures),
        say=lambda found: "{0.done:,} of {0.total:,} pictures seen".format(found[layers[0]]),
        share=lambda found: found[layers[0]].share,
    )
    return result or {}


@dataclass(frozen=True)
class Excited:
    """The patches that excite a unit and their projections, (n, h, w, 3) uint8 fit to be shown, with words."""

    patches: npt.NDArray[np.uint8]
    projections: npt.NDArray[np.uint8]
    labels: tuple[str, ...]
    silent: bool


@st.cache_data(max_entries=128, show_spinner=False)
def excited(
    name: str, set_name: str, channel: int, method: str, *, _index: core.UnitIndex, _pictures: core.PictureSet,
    key: tuple[Any, ...],
) -> Excited:  # fmt: skip
    """What excites a unit; ``key`` says which index and how much of the set (see ``index_key``)."""
    net, layer = network(name), _index.layer
    found = core.patches(net, _index, _pictures, channel)
    with compute_slot():
        back = core.projection(net, found.pictures, layer, channel, places=found.places, method=method)
    labels = [
        f"{_pictures.title(int(which))}: {value:.3g}" for which, value in zip(found.which, found.values, strict=True)
    ]
    carried = core.to_float(_tile(core.around_grey(found.cut(back)))) - 0.5
    carried[np.abs(carried) < 1 / 255] = 0  # half grey is between two of the 256 values
    shown = (_tile(found.cut()), core.to_uint8(core.around_grey(carried)))
    return Excited(*shown, tuple(labels), bool(found.values[0] <= 0))


def index_key(index: core.UnitIndex) -> tuple[Any, ...]:
    """What tells two indexes of one network and set apart."""
    return index.layer, index.done, index.total


def _tile(pictures: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Pictures with a longer side of 112 pixels."""
    zoom = TILE / max(pictures.shape[1:3])
    height, width = (max(1, round(side * zoom)) for side in pictures.shape[1:3])
    return core.to_uint8(core.resize(pictures, height=height, width=width))


@dataclass(frozen=True)
class Drawing:
    """A unit's maximized picture (H, W, 3) on its way."""

    pixels: npt.NDArray[np.uint8]
    step: int
    share: float


def drawing(name: str, layer: str, channel: int, *, negative: bool) -> Drawing | None:
    """The picture that a unit likes most, or least, made with progress and stop. Raises ValueError as ``maximize``."""

    def frames() -> Iterator[Drawing]:
        size = DRAWN_SIZE if network(name).runs_at([layer], DRAWN_SIZE, DRAWN_SIZE) else None
        for frame in core.maximize(network(name), layer, [channel], size=size, steps=DRAWN_STEPS, negative=negative):
            yield Drawing(core.to_uint8(frame.images.numpy()[0]), frame.step, frame.share)

    key = ("drawing", name, layer, channel, negative)
    result: Drawing | None = pursue(key, frames, say=lambda one: f"Drawing, step {one.step} of {DRAWN_STEPS}")
    return result


@st.cache_data(max_entries=32, show_spinner=False)
def all_chances(name: str, picture_name: str) -> dict[str, float]:
    """{label: probability} of every class."""
    return dict(core.predict(network(name), picture(picture_name), top=len(network(name).labels))[0])


@st.cache_data(max_entries=128, show_spinner=False)
def without_units(name: str, picture_name: str, layer: str, channels: tuple[int, ...]) -> dict[str, float]:
    """{label: probability} of every class when channels of a layer are switched off."""
    net = network(name)
    seen = core.seen_by(net, picture(picture_name))
    return dict(core.ablate(net, seen, layer, channels, top=len(net.labels))[0])


# ------------------------------------------------------------------------------------------------------ maps

MAP_SETS = {"tiles": "Sample photographs, and tiles of them", "photos": "Sample photographs"}
MAP_MOST = 600
THUMBNAIL = 64


def phone() -> bool:
    """Whether the browser says that it is a phone's: what is wide there has to be high."""
    return "Mobi" in (st.context.headers.get("User-Agent") or "")


def map_names() -> list[str]:
    """The sets that can be laid out on a map."""
    return [*MAP_SETS, *(one for one in set_names() if one != "samples")]


def map_title(name: str) -> str:
    """What to call a set."""
    return MAP_SETS.get(name) or set_title(name)


def map_pictures(name: str, set_name: str, named: tuple[str, ...]) -> core.PictureSet | None:
    """The ``named`` pictures, which are the first sources, and those of a set; None where nothing is read yet."""
    size = network(name).size
    if set_name in MAP_SETS:
        return _tiled(size, named, (1,) if set_name == "photos" else (1, 2, 3))
    found = picture_set(set_name, size)
    if found is None:
        return None
    own = _tiled(size, named, (1,))
    few = np.unique(np.linspace(0, len(found) - 1, min(len(found), MAP_MOST)).round().astype(int))
    return core.PictureSet(
        np.concatenate([own.pixels, found.pixels[few]]),
        np.concatenate([own.sources, found.sources[few] + len(own.titles)]),
        (*own.titles, *found.titles),
        skipped=found.skipped,
    )


@st.cache_resource(max_entries=4, show_spinner="Cutting the photographs…")
def _tiled(size: tuple[int, int], named: tuple[str, ...], levels: tuple[int, ...]) -> core.PictureSet:
    return core.tiles(((picture_title(one), picture(one)) for one in named), size=size, levels=levels)


@dataclass(frozen=True)
class Atlas:
    """A set as one layer sees it: codes (N, channels), places (N, 2), and in words what the network says of each."""

    codes: npt.NDArray[np.float32]
    places: npt.NDArray[np.float32]
    answers: tuple[str, ...]
    thumbnails: tuple[bytes, ...]


def atlas(
    name: str, layer: str, pictures: core.PictureSet, *, method: str, packed: bool, seed: int, key: tuple[Any, ...]
) -> Atlas:
    """Where the pictures of a set lie; ``packed`` moves them apart, and ``key`` tells the set from others.

    Raises ValueError.
    """
    key = (key, len(pictures))
    codes = _codes(name, layer, key, _pictures=pictures)
    places = _places(name, layer, key, method, seed, _codes=codes)
    return Atlas(
        codes,
        core.apart(places, aspect=0.8 if phone() else 1.5) if packed else places,
        *_said(name, key, _pictures=pictures),
    )  # fmt: skip


@st.cache_data(max_entries=16, show_spinner="The network looks at every picture…")
def _codes(name: str, layer: str, key: Any, *, _pictures: core.PictureSet) -> npt.NDArray[np.float32]:
    with compute_slot():
        return core.codes(network(name), core.to_float(_pictures.pixels), layer)


@st.cache_data(max_entries=16, show_spinner="Like ones find each other…")
def _places(
    name: str, layer: str, key: Any, method: str, seed: int, *, _codes: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    with compute_slot():
        return core.arrange(_codes, method, seed=seed)


@st.cache_data(max_entries=4, show_spinner=False)
def _said(name: str, key: Any, *, _pictures: core.PictureSet) -> tuple[tuple[str, ...], tuple[bytes, ...]]:
    """The likeliest answer to each picture, and small JPEGs of them."""
    batch = core.to_float(_pictures.pixels)
    answers = ("",) * len(batch)
    if network(name).labels:
        parts = [batch[first : first + 64] for first in range(0, len(batch), 64)]
        found = [best for part in parts for best in core.predict(network(name), part, top=1)]
        answers = tuple(f"{label} {chance:.0%}" for ((label, chance),) in found)
    small = core.shrink(batch, max_side=THUMBNAIL)
    return answers, tuple(core.encode_jpeg(one, quality=80) for one in small)


# ------------------------------------------------------------------------------------------------- in words


def chosen() -> tuple[str, str]:
    """The names of the network and of the picture that the frame shows."""
    return st.session_state.network, st.session_state.picture


@st.cache_data(show_spinner=False)
def network_title(name: str) -> str:
    """What to call a network."""
    own = shelf.get(name)
    return own.title if own else str(core.card(name).get("title", name))


def loading(name: str) -> str:
    """Code that loads a network."""
    own = shelf.get(name)
    return own.script() if own else f'core.load("{name}")'


def remark(classifier: core.Classifier) -> str:
    """How far to trust the answer."""
    accuracy = classifier.card.get("accuracy", {})
    if "top1" not in accuracy:
        return ""
    return (
        f"It knows {len(classifier.labels)} things, and of 100 pictures that it never saw it names "
        f"{accuracy['top1']:.0%} right at first guess, {accuracy['top5']:.0%} in five.".replace("%", "")
    )


def extent(info: core.LayerInfo) -> str:
    """A layer's size in words."""
    if not info.spatial:
        return f"{info.channels} units"
    height, width, channels = info.shape
    field = info.receptive_field
    sees = f"each unit sees {field.size[0]} × {field.size[1]} pixels" if field else "each unit sees the whole picture"
    if field and min(field.size) >= 2 * max(height, width) * max(field.stride):
        sees = f"each unit sees the whole picture (its field is {field.size[0]} × {field.size[1]} pixels)"
    return f"{height} × {width} places, {channels} channels; {sees}"


@dataclass(frozen=True)
class Facts:
    """A network in numbers: parameters, and bytes of its weights and of all activations of one picture."""

    parameters: int
    weights: int
    activations: int


def facts(classifier: core.Classifier) -> Facts:
    """How large a network is."""
    numbers = sum(int(np.prod(info.shape)) for info in classifier.layers.values())
    weights = sum(int(np.prod(one.shape)) * np.dtype(one.dtype).itemsize for one in classifier.network.weights)
    return Facts(classifier.network.count_params(), weights, 4 * numbers)


def prepares(name: str) -> str:
    """How a network's pictures are prepared, in words."""
    card = network(name).card
    if "normalisation" in card:
        return f"RGB, {core.NORMALISATIONS[card['normalisation']].title}"
    if "pixels" in card:
        return f"RGB, {card['pixels']['low']} to {card['pixels']['high']}"
    return f"as keras.applications does for {network_title(name)}"


@st.cache_data(max_entries=8, show_spinner="Trying every normalisation…")
def diagnosis(name: str, pictures: tuple[str, ...], truths: tuple[int, ...]) -> list[core.Finding]:
    """What a network says under every normalisation, the one to propose first. Raises ValueError."""
    return core.diagnose(network(name), [picture(one) for one in pictures], truths)


def answers(classifier: core.Classifier, finding: core.Finding, pictures: Sequence[str]) -> dict[str, str]:
    """One row of the table of normalisations: its name, its evidence, and the likeliest answer to every picture."""
    evidence = f"{finding.score:.2f}" if finding.right is None else f"{finding.right} right, {finding.score:.2f}"
    row = {"prepared as": core.NORMALISATIONS[finding.name].title, "evidence": evidence}
    for one, chances in zip(pictures, finding.chances, strict=True):
        best = int(chances.argmax())
        row[picture_title(one)] = f"{classifier.labels[best]} {chances[best]:.0%}"
    return row


def story(classifier: core.Classifier, layer: str) -> str:
    """What is known to live in the stage of a layer."""
    stage = next((stage for stage in core.stages(classifier) if layer.startswith(stage.name)), None)
    return stage.says if stage else ""


def listing(numbers: Iterable[int], most: int = 20) -> str:
    """Numbers in words, not too many of them."""
    numbers = list(numbers)
    return ", ".join(map(str, numbers[:most])) + (", …" if len(numbers) > most else "")


def fields_in_words(info: core.LayerInfo, places: tuple[int, int], size: tuple[int, int]) -> list[str]:
    """For each place of a map, row by row: which pixels of a picture of ``size`` (height, width) its unit sees."""
    if info.receptive_field is None:
        return ["sees the whole picture"] * (places[0] * places[1])
    windows = (info.receptive_field.window(row, column) for row in range(places[0]) for column in range(places[1]))
    return [
        f"sees rows {max(top, 0)} to {min(bottom, size[0])}, columns {max(left, 0)} to {min(right, size[1])}"
        for top, left, bottom, right in windows
    ]


def download(label: str, data: bytes | Callable[[], bytes], file_name: str, mime: str) -> None:
    """A download that leaves the page as it is."""
    st.download_button(label, data, file_name, mime, icon=":material/download:", on_click="ignore", key=file_name)


# ---------------------------------------------------------------------------------------------- long routines

PREVIEWS = 30


@dataclass(frozen=True)
class Growth:
    """What a run has reached: its newest frame, and small pictures of how it came there, as (step, JPEG)."""

    frame: core.Frame
    history: tuple[tuple[int, bytes], ...] = ()


@st.cache_resource
def compute_slot() -> threading.Lock:
    """Whoever computes takes it for one chunk of work, so that several people share the machine."""
    return threading.Lock()


def run(
    frames: Iterator[core.Frame],
    *,
    key: str,
    mosaic: Callable[[core.Frame], npt.NDArray[np.uint8]],
    say: Callable[[core.Frame], str] = lambda frame: f"Step {frame.step} of {frame.total}",
    film: bool = False,
) -> None:
    """Run a routine to its end: progress, a live picture, and the newest frame in the session under ``key``.

    Any click interrupts the loop at its next Streamlit call, and what was reached stays. ``mosaic`` makes the picture
    that is shown, at most 30 times a run: every one of them stays in the server's memory until the run ends. ``say``
    puts a frame into words. With ``film``, every frame is kept as a picture of the film that it belongs to.
    """
    history = () if film else getattr(st.session_state.get(key), "history", ())
    bar, picture = st.progress(0.0, "Getting ready…"), st.empty()
    shown = 0.0
    while (frame := _next(frames, bar)) is not None:
        show = frame.share >= shown or frame.share == 1
        if show or film:
            pixels = mosaic(frame)
            history = (*history, (frame.step, core.encode_jpeg(core.to_float(pixels), quality=92 if film else 85)))
        if show:
            picture.image(pixels, output_format="JPEG", width="stretch", alt=f"After {frame.step} steps")
            shown = frame.share + 1 / PREVIEWS
        st.session_state[key] = Growth(frame, history)
        bar.progress(frame.share, say(frame))
    bar.empty()
    picture.empty()


@contextmanager
def stoppable() -> Iterator[None]:
    """A Stop button while a run lasts; what refuses it is said in one sentence, and at its end the page draws anew."""
    stop = st.empty()
    stop.button("Stop", icon=":material/stop:", key="stop", help="What is there stays.")
    try:
        yield
    except ValueError as error:
        st.error(str(error), icon=":material/error:")
        stop.empty()
    else:
        st.rerun()


def _next(frames: Iterator[Anything], bar: Any) -> Anything | None:
    """The next frame, computed in the compute slot; while others hold it, says so."""
    while not compute_slot().acquire(timeout=0.2):
        bar.progress(0.0, "Waiting for the machine: somebody else's picture is being made…")
    try:
        return next(frames, None)
    finally:
        compute_slot().release()


def film(growth: Growth, *, max_side: int = 640) -> npt.NDArray[np.float32]:
    """The pictures of a run (frames, H, W, 3), all as large as the last one, which is at most this large."""
    *_, last = pictures = [core.open_image(jpeg, max_side=max_side) for _, jpeg in growth.history]
    height, width = last.shape[1:3]
    same = (one if one.shape == last.shape else core.resize(one, height=height, width=width) for one in pictures)
    return np.concatenate(list(same))


@st.cache_data(max_entries=4, show_spinner="Encoding the film…")
def mp4(jpegs: tuple[bytes, ...], frames_per_second: int) -> bytes:
    """A film of pictures of one size, encoded once."""
    return core.encode_mp4((core.open_image(jpeg)[0] for jpeg in jpegs), frames_per_second=frames_per_second)


def cost(estimates: Sequence[core.Estimate]) -> str:
    """Time and memory in words. Raises ValueError where this machine has too little memory."""
    needed, free = max(one.bytes for one in estimates), psutil.virtual_memory().available
    if needed > 0.8 * free:
        raise ValueError(
            f"Expected a run that fits into {free / 2**30:.1f} GiB of free memory, got one that needs about "
            f"{needed / 2**30:.1f} GiB; choose fewer units or a smaller size."
        )
    seconds = sum(one.seconds for one in estimates)
    return f"About {max(1, round(seconds))} seconds and {needed / 2**30:.2f} GiB of memory."


def unit_title(name: str, layer: str, channel: int) -> str:
    """A class by its label, another unit by its number."""
    return network(name).labels[channel] if layer == core.LOGITS else f"{layer} {channel}"


def silent(name: str, layer: str, units: Sequence[int], frame: core.Frame) -> set[int]:
    """Which pictures of a run leave their unit at zero everywhere."""
    if layer == core.LOGITS:
        return set()
    return {int(index) for index in np.flatnonzero(~core.awake(network(name), layer, units, frame.images.numpy()))}


def sources(presets: Mapping[str, core.Preset | core.DreamPreset] = core.PRESETS) -> str:
    """What each preset follows."""
    return "\n\n".join(f"**{preset.title}**: {preset.source}" for preset in presets.values())


def contact_sheet(name: str) -> None:
    """Finished pictures of a bundled network, until the person runs their own."""
    path = Path(__file__).parent / "assets" / f"filters_{name}.jpg"
    if path.exists():
        st.image(str(path), alt=f"Eight units of each stage of {name}, maximized", width="stretch")
        st.caption("Eight units of each stage, first to last, and eight classes. Press Run to make your own.")


def finished_dream(name: str) -> bytes | None:
    """A dream of the first sample picture by a bundled network, made by ``core.bundled.sheet``."""
    path = Path(__file__).parent / "assets" / f"dream_{name}.jpg"
    return path.read_bytes() if path.exists() else None
