"""Run a map over parts to its end; what is reached can be used, and stopped, after every part.

    for reached in over_parts(work, parts, lambda: classifier, carried=..., cluster="tcp://...", folder="index/parts"):
        print(f"{reached.progress:.0%}")
    reached.state                                   # all parts, merged

What a cluster gives (measured by ``tests/benchmarks/bench_streams.py``, whose figures are in CONTRIBUTING.md): every
worker looks at a part alone, and this process only writes and merges results, so n workers are n times as quick until
results come faster than they are merged: up to (seconds to look at a part) / (seconds to write and merge one) workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.parts.store import AT_ONCE, Store
from core.parts.work import Arrays, Carried, PartWork, said_of
from core.pauses import pause

__all__ = ["Reached", "over_parts"]


@dataclass(frozen=True, eq=False)
class Reached:
    """What is known after some parts.

    Attributes:
        state: the merged results, empty where none is finished; of work that is appended to files, its summary.
        done: how many parts are finished.
        total: how many there are.
    """

    state: Arrays
    done: int
    total: int

    @property
    def progress(self) -> float:
        """The part of the parts that is finished, 0 to 1."""
        return self.done / self.total


def over_parts(
    work: PartWork,
    parts: Sequence[Any],
    shared: Callable[[], Any],
    *,
    carried: Callable[[], Carried] | None = None,
    cluster: Any = None,
    folder: str | Path | None = None,
    run: dict[str, Any] | None = None,
    order: Sequence[int] | None = None,
) -> Iterator[Reached]:
    """Look at every part, and merge what is found; yields what is reached after every part.

    Args:
        work: what is made of a part.
        parts: by their numbers; each travels to the worker that looks at it.
        shared: gives what parts are looked at with in this process.
        carried: gives the same, packed, for a cluster.
        cluster: None for this process; the address of a Dask scheduler (``"tcp://host:8786"``), or a Dask cluster or
            client.
        folder: where finished parts are kept; what is there is not looked at again. None keeps nothing.
        run: what tells this run from others in this folder, beside the work's settings.
        order: in which to look at parts, all of them.

    Raises:
        ValueError: a folder with another run's parts; a cluster that is not there or has no workers; a part that
            cannot be looked at.
    """
    store = Store(Path(folder), {**work.settings, **(run or {})}) if folder is not None else None
    return _over(work, parts, shared, carried, cluster, store, order)


def _over(
    work: PartWork, parts: Sequence[Any], shared: Any, carried: Any, cluster: Any, store: Store | None, order: Any
) -> Iterator[Reached]:
    gathered = _Gathered(work, store)
    yield Reached(gathered.state, gathered.done, len(parts))
    left = [number for number in (order or range(len(parts))) if number not in gathered.finished]
    if not left:
        return
    if cluster is None:
        found = _here(work, parts, left, shared())
    else:
        from core.parts.cluster import looked_at

        found = looked_at(work, parts, left, carried=carried(), cluster=cluster)
    try:
        for number, result in found:
            gathered.take(number, result)
            yield Reached(gathered.state, gathered.done, len(parts))
            pause()
    finally:
        found.close()
        gathered.rest()


def _here(work: PartWork, parts: Sequence[Any], numbers: Sequence[int], shared: Any) -> Any:
    for number in numbers:
        with said_of(number):
            result = work.look(shared, parts[number])
        yield number, result


class _Gathered:
    """The merged state, and its copy on disk."""

    def __init__(self, work: PartWork, store: Store | None) -> None:
        self._work, self._store = work, store
        self._keeps = work.appended and store is not None
        self.state: Arrays = {}
        self.finished: set[int] = set()
        if store is not None:
            if store.merged is not None:
                self.state = store.merged
            for _, result in store.results():
                self._merge(result)
            self.finished = store.done

    @property
    def done(self) -> int:
        return len(self.finished)

    def take(self, number: int, result: Arrays) -> None:
        """A part is finished: it is on disk before it counts."""
        if self._store is not None:
            self._store.put(number, result)
        self.finished.add(number)
        self._merge(result)
        if self._store is not None and not self._keeps and len(self._store.loose) >= AT_ONCE:
            self._store.compact(self.state)

    def rest(self) -> None:
        """The run is over, or was stopped."""
        if self._store is not None and self.state and not self._keeps:
            self._store.compact(self.state)

    def _merge(self, result: Arrays) -> None:
        part = self._work.summary(result) if self._keeps else result
        self.state = self._work.merge(self.state, part) if self.state and part else part
