"""Units switched off or turned up, for sessions to share: on one picture, and on a set of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

import core
from dashboard.server import jobs, networks, results, sets, uploads
from dashboard.server.cache import cached_saying
from dashboard.server.slot import SLOT

Factors = tuple[tuple[int, float], ...]
"""(channel, factor), for keys."""
AT_ONCE, MOST = 8, 64


@cached_saying("Asking the changed network…")
def on_picture(name: str, picture_name: str, layer: str, factors: Factors, *, target: int) -> core.WhatIf:
    """What the network makes of a picture when units are scaled. Raises ValueError."""
    net = networks.network(name)
    seen = core.seen_by(net, uploads.picture(picture_name))
    with SLOT.turn(short=True):
        return core.what_if(net, seen, layer, dict(factors), target=target)


@dataclass(frozen=True)
class OnSet:
    """How the answers to pictures change: their titles, both answers, and what is true where somebody says that."""

    titles: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    truths: tuple[str, ...]
    total: int

    @property
    def progress(self) -> float:
        """The part of the pictures that was looked at."""
        return len(self.after) / self.total

    @property
    def changed(self) -> list[int]:
        """The pictures that are answered otherwise."""
        return [i for i, (old, new) in enumerate(zip(self.before, self.after, strict=True)) if old != new]

    def right(self, answers: tuple[str, ...]) -> int:
        """How many answers are what is true."""
        return sum(one == true for one, true in zip(answers, self.truths, strict=False))


def on_set(
    name: str, layer: str, factors: Factors, set_name: str, *, pictures: core.PictureSet | None = None
) -> OnSet | None:
    """The answers to a set with units as they are and scaled, with progress and Stop; without ``pictures`` the samples.

    Of a set, at most 64 pictures evenly spread. Raises ValueError.
    """
    net = networks.network(name)
    count = len(core.samples.names()) if pictures is None else len(pictures)

    def found() -> Iterator[OnSet]:
        batch, titles, truths = _asked(name, pictures)
        before: tuple[str, ...] = ()
        after: tuple[str, ...] = ()
        for first in range(0, len(batch), AT_ONCE):
            part = batch[first : first + AT_ONCE]
            before += _said(net, core.scaled_logits(net, part, layer, {}))
            after += _said(net, core.scaled_logits(net, part, layer, dict(factors)))
            yield OnSet(titles[: len(after)], before, after, truths[: len(after)], len(batch))

    result: OnSet | None = jobs.follow(
        ("what if", name, layer, factors, set_name, count), found,
        say=lambda one: f"Asking the changed network: {len(one.after)} of {one.total} pictures",
    )  # fmt: skip
    return result


def _asked(
    name: str, pictures: core.PictureSet | None
) -> tuple[npt.NDArray[np.float32], tuple[str, ...], tuple[str, ...]]:
    """Pictures, their titles, and their true labels where every one is known to the network."""
    if pictures is None:
        return results.every_sample(name), tuple(map(uploads.picture_title, core.samples.names())), ()
    few = sets.some(pictures, MOST)
    truths = core.labels_of(few)
    known = set(truths) <= set(networks.network(name).labels)
    return core.to_float(few.pixels), tuple(map(few.title, range(len(few)))), truths if known else ()


def _said(net: core.Classifier, logits: npt.NDArray[np.float32]) -> tuple[str, ...]:
    return tuple(net.ranked(row, 1)[0][0] for row in net.probabilities(logits))
