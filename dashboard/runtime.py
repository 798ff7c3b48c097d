"""What the pages share: the network, the pictures, cached results. The only place that caches.

Streamlit does two things to TensorFlow that cost dearly (measured; tests fail without the measures taken here):
it calls ``keras.backend.clear_session`` for the whole process after every script run, which breaks models that another
session is building, and it collects garbage twice per run, which takes 0.8 s once TensorFlow's objects are there.
"""

from __future__ import annotations

import gc
import logging
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import psutil
import streamlit as st

import core

UPLOADS_KEPT = 16
REELS_KEPT = 3
SMALL = ("mobilenet_0.25", "mobilenet", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0", "nasnet_mobile")
MIB = 2**20


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
    return LIMITS["local" if os.environ.get("CONVSCOPE_MODE") == "local" else "public"]


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
    classifier = core.load(name)
    blank = np.zeros((1, *classifier.size, 3), np.float32)
    for stage in core.stages(classifier):
        core.activations(classifier, blank, [stage.layer])
    core.activations(classifier, blank, [stage.layer for stage in core.stages(classifier)])
    if classifier.labels:
        core.predict(classifier, blank)
    gc.collect()
    gc.freeze()
    return classifier


def network_names() -> tuple[str, ...]:
    """The networks that can be chosen: those in the box, then keras.applications, in public mode its small ones."""
    many = core.applications() if limits() is LIMITS["local"] else SMALL
    return (*core.available(), *many)


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


def harmless(text: str) -> str:
    """A person's own text, fit to be shown as Markdown."""
    return re.sub(r"[^\w .,-]", "·", text)[:60]


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


@st.cache_data(max_entries=128, show_spinner=False)
def explanation(name: str, picture_name: str, target: int, method: str) -> npt.NDArray[np.float32]:
    """The map (h, w) of one method for one class of one picture."""
    return core.attribute(network(name), core.seen_by(network(name), picture(picture_name)), target, method=method)


@st.cache_data(max_entries=32, show_spinner=False)
def shuffled_explanation(name: str, picture_name: str, target: int, method: str) -> npt.NDArray[np.float32]:
    """The same by the network with all its weights shuffled. Raises ValueError where it cannot be copied."""
    seen = core.seen_by(network(name), picture(picture_name))
    return core.attribute(shuffled_network(name), seen, target, method=method)


@st.cache_resource(max_entries=1, show_spinner="Shuffling the weights…")
def shuffled_network(name: str) -> core.Classifier:
    """The network with all its weights shuffled."""
    return core.randomised(network(name))


# ------------------------------------------------------------------------------------------------- in words


def chosen() -> tuple[str, str]:
    """The names of the network and of the picture that the frame shows."""
    return st.session_state.network, st.session_state.picture


@st.cache_data(show_spinner=False)
def network_title(name: str) -> str:
    """What to call a network."""
    return str(core.card(name).get("title", name))


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


def _next(frames: Iterator[core.Frame], bar: Any) -> core.Frame | None:
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
