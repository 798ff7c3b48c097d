"""Results that sessions share, by the names of network, picture and layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import core
from dashboard import words
from dashboard.server import jobs, limits, networks, sets, uploads
from dashboard.server.cache import cached, cached_saying
from dashboard.server.slot import ASIDE, SLOT


@cached
def activations(
    name: str, picture_name: str, layers: tuple[str, ...], scale: int = 1
) -> Mapping[str, npt.NDArray[np.float32]]:
    """{layer: activation} of one picture as the network sees it, ``scale`` times as large."""
    classifier = networks.network(name)
    seen = core.seen_by(classifier, uploads.picture(picture_name), scale=scale)
    with SLOT.turn(short=True):
        return core.activations(classifier, seen, layers)


@cached
def backdrop(name: str, picture_name: str, scale: int) -> bytes:
    """A picture as the network sees it, ``scale`` times as large, as a JPEG to lie below a map."""
    seen = core.seen_by(networks.network(name), uploads.picture(picture_name), scale=scale)
    return core.encode_jpeg(seen[0], quality=92)


def strongest(name: str, picture_name: str, layer: str) -> tuple[int, ...]:
    """The channels of a layer, the one that responds most to a picture first."""
    activation = activations(name, picture_name, (layer,))[layer]
    return tuple(int(channel) for channel in core.statistics(activation).strongest())


@cached
def prediction(name: str, picture_name: str) -> Sequence[tuple[str, float]]:
    """The five likeliest classes and their probabilities."""
    classifier, picture = networks.network(name), uploads.picture(picture_name)
    with SLOT.turn(short=True):
        return core.predict(classifier, picture)[0]


def answers(name: str, pixels: npt.NDArray[np.float32], *, top: int = 5) -> Sequence[Sequence[tuple[str, float]]]:
    """The likeliest classes of pictures (N, h, w, 3) that were only just made, such as an attacked one: not kept."""
    classifier = networks.network(name)
    with SLOT.turn(short=True):
        return core.predict(classifier, pixels, top=top)


def fools(name: str, picture: npt.NDArray[np.float32], label: int, *, targeted: bool) -> bool:
    """Whether a picture (1, h, w, 3) leads the network away from a label, or to it."""
    classifier = networks.network(name)
    with SLOT.turn(short=True):
        return bool(core.fools(classifier, picture, [label], targeted=targeted)[0])


@cached
def every_sample(name: str) -> npt.NDArray[np.float32]:
    """All sample pictures (N, H, W, 3) as a network sees them."""
    return np.concatenate(
        [core.seen_by(networks.network(name), uploads.read(sample)) for sample in core.samples.names()]
    )


AT_A_LOOK = 128 * 2**20
"""Bytes of all activations of one picture up to which all layers are looked at together."""


def dead_channels(name: str, layer: str) -> Sequence[int]:
    """Channels that no sample picture excites."""
    net = networks.network(name)
    together = networks.facts(net).activations <= AT_A_LOOK
    return _dead(name, tuple(net.layers) if together else (layer,))[layer]


@cached_saying("The network looks at every sample…")
def _dead(name: str, layers: tuple[str, ...]) -> Mapping[str, Sequence[int]]:
    """The same for several layers: one look at each sample serves all of them."""
    classifier = networks.network(name)
    highest: dict[str, npt.NDArray[np.float32]] = {}
    for seen in every_sample(name):
        with SLOT.turn(short=True):
            found = core.activations(classifier, seen[None], layers)
        for layer, activation in found.items():
            maximum = activation.reshape(-1, activation.shape[-1]).max(axis=0)
            highest[layer] = np.maximum(highest.get(layer, maximum), maximum)
    return {layer: [int(channel) for channel in np.flatnonzero(one <= 0)] for layer, one in highest.items()}


@cached
def needed(
    name: str, picture_name: str, *, norm: str, epsilons: tuple[float, ...], target: str
) -> tuple[Mapping[str, npt.NDArray[np.float32]], float]:
    """How sure the network stays while epsilon grows, for several attacks, and the least epsilon that fools it."""
    classifier = networks.network(name)
    seen = core.to_float(core.to_uint8(core.seen_by(classifier, uploads.picture(picture_name))))
    label = classifier.labels.index(target) if target else int(core.logits_of(classifier, seen)[0].argmax())
    settings: dict[str, Any] = {"norm": norm, "targeted": bool(target)}
    curves: dict[str, npt.NDArray[np.float32]] = {}
    for attack in (key for key, one in core.ATTACKS.items() if one.own_epsilon):
        with SLOT.turn():
            curves |= core.epsilon_curve(classifier, seen, label, epsilons, names=[attack], **settings)
    with SLOT.turn():
        return curves, float(core.minimal_epsilon(classifier, seen, [label], **settings)[0])


def strengthened(
    origin: npt.NDArray[np.float32], found: npt.NDArray[np.float32], strength: float
) -> npt.NDArray[np.float32]:
    """A picture with ``strength`` times the change from ``origin`` to ``found``, in 8 bits, as a file would hold it."""
    moved = origin + np.float32(strength) * (found - origin)
    return core.to_float(core.to_uint8(np.clip(moved, 0, 1)))


def fooled(name: str, images: npt.NDArray[np.float32], label: int, *, leads: bool) -> tuple[int, int]:
    """How many of a picture and all samples, as an attack on many has changed them, fool a network, and of how many.

    ``label`` is the answer that the attack ``leads`` to, or the first picture's own, from which it leads away.
    """
    classifier = networks.network(name)
    after = core.logits_of(classifier, images).argmax(axis=1)
    if leads:
        return int((after == label).sum()), len(after)
    before = core.logits_of(classifier, every_sample(name)).argmax(axis=1)
    return int((after[1:] != before).sum() + (after[0] != label)), len(after)


@cached
def explanation(
    name: str,
    picture_name: str,
    unit: tuple[str, int],
    method: str,
    *,
    options: tuple[tuple[str, Any], ...] = (),
    fraction: float = 0.0,
) -> npt.NDArray[np.float32]:
    """The map (h, w) of one method for one unit (layer, channel) on one picture.

    ``options`` are settings of the method, (name, value). Where ``fraction`` is above 0 it is the map of the network
    with this fraction of its layers shuffled. Raises ValueError.
    """
    classifier = networks.shuffled_network(name, fraction) if fraction else networks.network(name)
    seen = core.seen_by(classifier, uploads.picture(picture_name))
    with SLOT.turn(), core.sharing_latest(classifier, (picture_name, unit)):
        return core.attribute(classifier, seen, unit[1], method=method, layer=unit[0], **dict(options))


def conserved(
    name: str, picture_name: str, unit: tuple[str, int, int], method: str, *, found: npt.NDArray[np.float32]
) -> tuple[float, float] | None:
    """What a map adds up to, and what it should, where it should; ``unit`` is (layer, channel, what it is against)."""
    if not core.METHODS[method].adds_up_to:
        return None
    classifier = networks.network(name)
    seen = core.seen_by(classifier, uploads.picture(picture_name))
    layer, channel, against = unit
    with SLOT.turn(short=True):
        return core.conservation(
            classifier, seen, channel, found, method=method, layer=layer, against=against if against >= 0 else None
        )


@cached
def hiding(
    name: str, picture_name: str, layer: str, units: tuple[int, ...], *, window: float | None, fill: str
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """What ``core.occlusions`` finds for several units of a layer."""
    classifier = networks.network(name)
    seen = core.seen_by(classifier, uploads.picture(picture_name))
    with SLOT.turn():
        return core.occlusions(classifier, seen, units, layer=layer, window=window, fill=fill)


def hidden(
    photo: npt.NDArray[np.float32], place: tuple[int, int], grid: tuple[int, int], *, window: float | None, fill: str
) -> npt.NDArray[np.float32]:
    """A picture (1, h, w, 3) with the square hidden at a ``place`` (row, column) of the grid of ``hiding``."""
    side = core.window_side(photo.shape[1:3], window)
    row, column = (
        round(at * (length - side) / max(1, count - 1)) + side // 2
        for at, length, count in zip(place, photo.shape[1:3], grid, strict=True)
    )
    return core.occluded(photo, row, column, window=side, fill=fill)


TILE = 112
DRAWN_SIZE, DRAWN_STEPS = 96, 48


def unit_indexes(
    name: str, layers: tuple[str, ...], set_name: str, pictures: core.PictureSet
) -> Mapping[str, core.UnitIndex]:
    """{layer: index} over a set, made in one pass with progress and stop; empty where nothing is seen yet."""
    for key in [job.key for job in jobs.TABLE.all() if job.state is jobs.State.FINISHED]:
        same = key[:2] == ("units", name) and key[3:] == (set_name, len(pictures))
        if same and set(layers) <= set(key[2]):
            layers = key[2]
    result: Mapping[str, core.UnitIndex] | None = jobs.follow(
        ("units", name, layers, set_name, len(pictures)),
        lambda: sets.indexed(name, networks.network(name), (set_name, pictures), layers),
        say=lambda found: "{0.done:,} of {0.total:,} pictures seen".format(found[layers[0]]),
        progress=lambda found: found[layers[0]].progress,
    )
    return result or {}


@dataclass(frozen=True)
class Excited:
    """The patches that excite a unit and their projections, (n, h, w, 3) uint8 fit to be shown, with words."""

    patches: npt.NDArray[np.uint8]
    projections: npt.NDArray[np.uint8]
    labels: tuple[str, ...]
    dead: bool


@cached
def best_patches(
    name: str, set_name: str, channel: int, *, _index: core.UnitIndex, _pictures: core.PictureSet, key: tuple[Any, ...]
) -> npt.NDArray[np.uint8]:
    """The patches that excite a unit (n, h, w, 3), fit to be shown; ``key`` as for ``excited``."""
    return _tile(core.patches(networks.network(name), _index, _pictures, channel).cut())


@cached
def excited(
    name: str, set_name: str, channel: int, method: str, *, _index: core.UnitIndex, _pictures: core.PictureSet,
    key: tuple[Any, ...],
) -> Excited:  # fmt: skip
    """What excites a unit; ``key`` says which index and how much of the set (see ``index_key``)."""
    net, layer = networks.network(name), _index.layer
    found = core.patches(net, _index, _pictures, channel)
    with SLOT.turn(short=True):
        back = core.projection(net, found.pictures, layer, channel, positions=found.positions, method=method)
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
    progress: float


def drawing(name: str, layer: str, channel: int, *, negative: bool) -> Drawing | None:
    """The picture that a unit responds to most, or least, with progress and stop. Raises ValueError as ``maximize``."""

    def frames() -> Iterator[Drawing]:
        size = DRAWN_SIZE if networks.network(name).runs_at([layer], DRAWN_SIZE, DRAWN_SIZE) else None
        for frame in core.maximize(
            networks.network(name), layer, [channel], size=size, steps=DRAWN_STEPS, negative=negative
        ):
            yield Drawing(core.to_uint8(frame.images.numpy()[0]), frame.step, frame.progress)

    key = ("drawing", name, layer, channel, negative)
    result: Drawing | None = jobs.follow(key, frames, say=lambda one: f"Drawing, step {one.step} of {DRAWN_STEPS}")
    return result


MAP_SETS = {"tiles": "Sample photographs, and tiles of them", "photos": "Sample photographs"}
MAP_MOST = 600
THUMBNAIL = 64
AT_ONCE = 32


def map_names() -> list[str]:
    """The sets that can be laid out on a map."""
    return [*MAP_SETS, *(one for one in sets.set_names() if one != "samples")]


def map_title(name: str) -> str:
    """What to call a set."""
    return MAP_SETS.get(name) or sets.set_title(name)


def map_pictures(name: str, set_name: str, named: tuple[str, ...]) -> core.PictureSet | None:
    """The ``named`` pictures, which are the first sources, and those of a set; None where nothing is read yet."""
    size = networks.network(name).size
    if set_name in MAP_SETS:
        return _tiled(size, named, (1,) if set_name == "photos" else (1, 2, 3))
    found = sets.picture_set(set_name, size)
    if found is None:
        return None
    own = _tiled(size, named, (1,))
    few = sets.some(found, MAP_MOST)
    return core.PictureSet(
        np.concatenate([own.pixels, few.pixels]),
        np.concatenate([own.sources, few.sources + len(own.titles)]),
        (*own.titles, *found.titles),
        skipped=found.skipped,
    )


@cached_saying("Cutting the photographs…")
def _tiled(size: tuple[int, int], named: tuple[str, ...], levels: tuple[int, ...]) -> core.PictureSet:
    return core.tiles(((uploads.picture_title(one), uploads.read(one)) for one in named), size=size, levels=levels)


@dataclass(frozen=True)
class Embedding:
    """A set as one layer sees it: codes (N, channels), positions (N, 2), and in words what the network says of each."""

    codes: npt.NDArray[np.float32]
    positions: npt.NDArray[np.float32]
    answers: tuple[str, ...]
    thumbnails: tuple[bytes, ...]


def embedding(
    name: str, layer: str, pictures: core.PictureSet, *, method: str, packed: bool, seed: int, key: tuple[Any, ...]
) -> Embedding:
    """Where the pictures of a set lie; ``packed`` moves them apart, and ``key`` tells the set from others.

    Raises ValueError.
    """
    key = (key, sets.extent(pictures))
    codes = _codes(name, layer, key, _pictures=pictures)
    positions = _positions(name, layer, key, method, seed, _codes=codes)
    return Embedding(
        codes,
        core.grid_layout(positions, aspect=0.8 if limits.phone() else 1.5) if packed else positions,
        *_said(name, key, _pictures=pictures),
    )  # fmt: skip


def neighbours(
    codes: npt.NDArray[np.float32], pictures: core.PictureSet, chosen: int, *, elsewhere: bool, most: int = 8
) -> list[tuple[int, float]]:
    """The pictures with the codes most similar to the chosen one's, with the cosine, the most similar first.

    ``elsewhere`` leaves out those cut from the same photograph.
    """
    order, cosines = core.nearest(codes, codes[chosen], len(pictures))
    keep = (pictures.sources != pictures.sources[chosen]) if elsewhere else (np.arange(len(pictures)) != chosen)
    found = [(int(index), float(cosine)) for index, cosine in zip(order, cosines, strict=True) if keep[index]]
    return found[:most]


@cached_saying("The network looks at every picture…")
def _codes(name: str, layer: str, key: Any, *, _pictures: core.PictureSet) -> npt.NDArray[np.float32]:
    classifier, parts = networks.network(name), []
    for batch in _batches(_pictures):
        with SLOT.turn():
            parts.append(core.codes(classifier, batch, layer))
    return np.concatenate(parts)


def _batches(pictures: core.PictureSet) -> Iterator[npt.NDArray[np.float32]]:
    """Some of a set's pictures at a time (n, H, W, 3): as floats, all of them would take four times as much memory."""
    for first in range(0, len(pictures), AT_ONCE):
        yield core.to_float(pictures.pixels[first : first + AT_ONCE])


@cached_saying("Placing pictures that are alike side by side…")
def _positions(
    name: str, layer: str, key: Any, method: str, seed: int, *, _codes: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    with ASIDE.turn():
        return core.embed(_codes, method, seed=seed)


@cached
def _said(name: str, key: Any, *, _pictures: core.PictureSet) -> tuple[tuple[str, ...], tuple[bytes, ...]]:
    """The likeliest answer to each picture, and small JPEGs of them."""
    classifier = networks.network(name)
    answers: list[str] = []
    thumbnails: list[bytes] = []
    for batch in _batches(_pictures):
        if classifier.labels:
            with SLOT.turn():
                found = core.predict(classifier, batch, top=1)
            answers += [f"{label} {words.value(classifier, value)}" for ((label, value),) in found]
        thumbnails += [core.encode_jpeg(one, quality=80) for one in core.shrink(batch, max_side=THUMBNAIL)]
    return tuple(answers) or ("",) * len(_pictures), tuple(thumbnails)


@cached_saying("Trying every normalization…")
def preprocessing_findings(
    name: str, pictures: tuple[str, ...], truths: tuple[int, ...]
) -> Sequence[core.PreprocessingFinding]:
    """What a network says under every normalization, the one to propose first. Raises ValueError."""
    classifier, batch = networks.network(name), [uploads.picture(one) for one in pictures]
    with SLOT.turn():
        return core.detect_preprocessing(classifier, batch, truths)


def inactive(name: str, layer: str, units: Sequence[int], frame: core.Frame) -> set[int]:
    """Which pictures of a run leave their unit at zero everywhere."""
    if layer == core.LOGITS:
        return set()
    classifier = networks.network(name)
    with SLOT.turn(short=True):
        active = core.active_units(classifier, layer, units, frame.images.numpy())
    return {int(index) for index in np.flatnonzero(~active)}


def prepares(name: str) -> str:
    """How a network's pictures are prepared, in words."""
    card, colours = networks.network(name).card, "grey" if networks.network(name).grey else "RGB"
    if "normalization" in card:
        return f"{colours}, {core.NORMALIZATIONS[card['normalization']].title}"
    if "pixels" in card:
        return f"{colours}, {card['pixels']['low']:.3g} to {card['pixels']['high']:.3g}"
    return f"as keras.applications does for {networks.network_title(name)}"


def preprocessing_row(
    classifier: core.Classifier, finding: core.PreprocessingFinding, pictures: Sequence[str]
) -> dict[str, str]:
    """One row of the table of normalizations: its name, its evidence, and the likeliest answer to every picture."""
    evidence = f"{finding.score:.2f}" if finding.right is None else f"{finding.right} right, {finding.score:.2f}"
    row = {"prepared as": core.NORMALIZATIONS[finding.name].title, "evidence": evidence}
    for one, probabilities in zip(pictures, finding.probabilities, strict=True):
        best = int(probabilities.argmax())
        row[uploads.picture_title(one)] = f"{classifier.labels[best]} {probabilities[best]:.0%}"
    return row


def unit_title(name: str, layer: str, channel: int) -> str:
    """A class by its label, another unit by its number."""
    return networks.network(name).labels[channel] if layer == core.LOGITS else f"{layer} {channel}"
