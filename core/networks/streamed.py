"""A network over a stream of pictures: a map over parts, here or on a cluster; bad files are counted and named."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.networks.carried import carry, network_digest, prepared_probe
from core.networks.classifiers import Classifier
from core.parts.run import Reached, over_parts
from core.parts.work import Arrays, PartWork
from core.pauses import pause
from core.pictures.shards import Part
from core.pictures.streams import Batch, PictureStream, read_part, stream

__all__ = ["BadFiles", "Looked", "StreamWork", "as_stream", "looked", "over_stream"]

MOST_NAMED = 1000
COUNTED = ("(pictures)", "(bad)", "(bad numbers)", "(bad titles)")


class StreamWork(PartWork):
    """What is made of a stream's parts, a batch of pictures at a time; results of batches and of parts merge alike."""

    @abstractmethod
    def seen(self, net: Classifier, batch: Batch) -> Arrays:
        """The result of a batch, which has a picture at least."""

    @abstractmethod
    def united(self, one: Arrays, other: Arrays) -> Arrays:
        """Two results as one."""

    def look(self, shared: Any, part: Any) -> Arrays:
        """The result of a part."""
        found: Arrays = {}
        for batch in read_part(part, shared.size):
            one = _counted(batch) | (self.seen(shared, batch) if len(batch) else {})
            found = self.merge(found, one) if found else one
            pause()
        return found

    def merge(self, one: Arrays, other: Arrays) -> Arrays:
        """Both as one, with what is counted of files."""
        first, second = (
            {name: value for name, value in found.items() if name not in COUNTED} for found in (one, other)
        )
        own = self.united(first, second) if first and second else first or second
        pictures, bad, numbers, titles = COUNTED
        named, called = (np.concatenate([one[name], other[name]]) for name in (numbers, titles))
        order = np.argsort(named, kind="stable")[:MOST_NAMED]
        counts = {name: one[name] + other[name] for name in (pictures, bad)}
        return {**own, **counts, numbers: named[order], titles: called[order]}

    def summary(self, result: Arrays) -> Arrays:
        """What is counted of files, which is merged in any case."""
        return {name: value for name, value in result.items() if name in COUNTED}


def _counted(batch: Batch) -> Arrays:
    pictures, bad, numbers, titles = COUNTED
    return {
        pictures: np.array([len(batch)], np.int64),
        bad: np.array([len(batch.bad)], np.int64),
        numbers: np.array([number for number, _ in batch.bad], np.int64),
        titles: np.array([title for _, title in batch.bad], np.str_),
    }


@dataclass(frozen=True)
class BadFiles:
    """Files of a stream that could not be read: how many, and the names of the first of them."""

    count: int
    titles: tuple[str, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Looked:
    """What every result over a stream tells, of the parts that are finished.

    Attributes:
        pictures: how many were looked at.
        bad: files that could not be read.
        done: parts that are finished, of ``total``.
        total: how many parts there are.
    """

    pictures: int
    bad: BadFiles
    done: int
    total: int

    @property
    def progress(self) -> float:
        """The part of the stream that was looked at, 0 to 1."""
        return self.done / self.total


def looked(reached: Reached) -> dict[str, Any]:
    """The fields of ``Looked``."""
    pictures, bad, _, titles = COUNTED
    state = reached.state
    count = int(state[pictures][0]) if state else 0
    files = BadFiles(int(state[bad][0]), tuple(map(str, state[titles]))) if state else BadFiles(0, ())
    return {"pictures": count, "bad": files, "done": reached.done, "total": reached.total}


def as_stream(pictures: PictureStream | str | Path) -> PictureStream:
    """A stream, or that of an address. Raises ValueError."""
    return pictures if isinstance(pictures, PictureStream) else stream(pictures)


def over_stream(
    net: Classifier,
    work: StreamWork,
    pictures: PictureStream,
    *,
    cluster: Any = None,
    folder: str | Path | None = None,
    order: list[int] | None = None,
) -> Iterator[Reached]:
    """``over_parts`` of a stream's parts, with the network going along; errors are those of it."""
    run = {
        "network": network_digest(net), "name": net.name, "prepared": list(prepared_probe(net)),
        "pictures": pictures.fingerprint, "parts": len(pictures),
    }  # fmt: skip
    parts: tuple[Part, ...] = pictures.parts
    return over_parts(
        work, parts, lambda: net, carried=lambda: carry(net), cluster=cluster, folder=folder, run=run, order=order
    )
