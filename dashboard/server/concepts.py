"""Concepts of layers, for sessions to share: found in a picture or a set, what they are worth, and a person's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import core
from dashboard.server import jobs, networks, sets, uploads
from dashboard.server.cache import cached, cached_saying
from dashboard.server.slot import SLOT

Floats = npt.NDArray[np.float32]
Show = Callable[[Any, core.Concepts], object]
MOST = 200
ASKED, EXAMPLES, OTHERS = 24, 40, 80
WORTH_OVER = 12
AT_ONCE = 16


def seen(name: str, picture: str) -> Floats:
    """A picture (1, h, w, 3) as a network sees it."""
    return core.seen_by(networks.network(name), uploads.picture(picture))


def pictures_of(name: str, source: str, layer: str) -> core.PictureSet | None:
    """Up to 200 pictures of a set, evenly spread, as many as a layer's maps allow; None where nothing is read yet."""
    net = networks.network(name)
    found = sets.picture_set(source, net.size)
    if found is None:
        return None
    return sets.some(found, min(MOST, core.most_concept_pictures(net, layer)))


def found(
    name: str, picture: str, layer: str, count: int, *, pictures: core.PictureSet | None, source: str, show: Show
) -> core.Concepts | None:
    """The concepts of a layer in a picture, or in ``pictures``, with progress and Stop. Raises ValueError."""
    over: Any = seen(name, picture) if pictures is None else pictures
    read = None if pictures is None else sets.extent(pictures)
    key = ("concepts", name, layer, count, source or picture, read)
    result: core.Concepts | None = jobs.follow(
        key, lambda: core.concepts(networks.network(name), over, layer, count=count), show=show if source else None,
        say=lambda one: f"{one.done:,} of {one.total:,} pictures",
    )  # fmt: skip
    return result


def maps(name: str, picture: str, concepts: core.Concepts, *, key: tuple[Any, ...]) -> Floats:
    """How much of each concept is at each place of a picture: (h, w, count); ``key`` tells the concepts from others."""
    return _maps(name, picture, key, _concepts=concepts)


@cached
def _maps(name: str, picture: str, key: Any, *, _concepts: core.Concepts) -> Floats:
    with SLOT.turn(short=True):
        return core.concept_maps(networks.network(name), _concepts, seen(name, picture))[0]


@cached_saying("Taking out each concept, and mixing them…")
def worth(
    name: str, picture: str, key: Any, target: int, *, designs: int, _concepts: core.Concepts
) -> core.ConceptImportance:
    """What each concept is worth to a class on a picture. Raises ValueError."""
    with SLOT.turn():
        return core.concept_importance(networks.network(name), _concepts, seen(name, picture), target, designs=designs)


@dataclass(frozen=True)
class Worth:
    """What concepts are worth over some pictures of a set: (done, count) of each, of ``total`` pictures."""

    lost: Floats
    sobol: Floats
    total: int

    @property
    def progress(self) -> float:
        """The part that is known."""
        return len(self.lost) / self.total


def worth_over(
    name: str, pictures: core.PictureSet, target: int, *, concepts: core.Concepts, key: tuple[Any, ...], designs: int
) -> Worth | None:
    """The same on twelve pictures of a set, evenly spread, with progress and Stop. Raises ValueError."""
    few = core.evenly(len(pictures), WORTH_OVER)

    def begin() -> Iterator[Worth]:
        found = []
        for which in few:
            one = pictures.pictures([which])
            found.append(core.concept_importance(networks.network(name), concepts, one, target, designs=designs))
            yield Worth(np.stack([one.lost for one in found]), np.stack([one.sobol for one in found]), len(few))

    result: Worth | None = jobs.follow(
        ("worth", name, key, target, designs), begin, say=lambda one: f"{len(one.lost)} of {one.total} pictures"
    )
    return result


# ------------------------------------------------------------------------------------------- a person's own


def sensitivity(
    name: str, layer: str, target: int, *, concept: str, over: core.PictureSet, over_key: str
) -> core.Tcav | None:
    """Whether a class depends on a drawn pattern or on the pictures of a set, with progress and Stop.

    Asked of the 24 pictures of ``over`` that the network finds most like the class, against tiles of the sample
    photographs. Raises ValueError; None where nothing is known yet.
    """
    net = networks.network(name)
    others = sets.picture_set("samples", net.size)
    examples = example_pictures(name, concept)
    if others is None or examples is None:
        return None
    best = likest(name, target, (over_key, sets.extent(over)), _pictures=over)
    key = ("tcav", name, layer, target, concept, core.digest(examples), over_key, sets.extent(over))
    result: core.Tcav | None = jobs.follow(
        key,
        lambda: core.tcav(
            net, over.pictures(best), layer, target, concept=examples,
            others=core.to_float(sets.some(others, OTHERS).pixels),
        ),
        say=lambda one: f"{len(one.scores)} directions" if len(one.scores) else "The network looks at the pictures",
    )  # fmt: skip
    return result


def example_pictures(name: str, concept: str) -> Floats | None:
    """Up to 40 pictures of a concept: drawn ones of a pattern, or those of a set; None where none is read yet."""
    net = networks.network(name)
    if concept in core.PATTERNS:
        return core.patterns(concept, EXAMPLES, height=net.size[0], width=net.size[1])
    found = sets.picture_set(concept, net.size)
    return None if found is None else core.to_float(sets.some(found, EXAMPLES).pixels)


@cached_saying("The network looks at every picture…")
def likest(name: str, target: int, key: Any, *, _pictures: core.PictureSet) -> npt.NDArray[np.intp]:
    """The numbers of the pictures with the highest logits of a class."""
    net, values = networks.network(name), []
    for first in range(0, len(_pictures), AT_ONCE):
        part = _pictures.pictures(range(first, min(first + AT_ONCE, len(_pictures))))
        with SLOT.turn():
            values.append(core.activations(net, part, [core.LOGITS])[core.LOGITS][:, target])
    return np.argsort(-np.concatenate(values), kind="stable")[:ASKED]
