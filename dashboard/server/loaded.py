"""The networks in memory: each built once, counted by who uses it, bounded by bytes.

A session uses the network that it has chosen, until it chooses another one or its tab is closed. When memory runs
short, the networks that nobody uses go, the least recently used first; one that somebody uses never goes, whatever
others choose. What was made from a network (one with shuffled weights) goes with it. What is garbage then is collected,
which needs ``gc.unfreeze``: see ``networks``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

import core
from dashboard.server import memory, releasing, sessions
from dashboard.server.cache import Cache

OVERHEAD, FUNCTION = 16 * memory.MIB, 10 * memory.MIB
"""About what a network takes beside its weights, and what each function does that is compiled for it."""


class Loaded(Cache):
    """Networks by key; see the module."""

    def __init__(self, budget: int) -> None:
        super().__init__(budget)
        self._values: dict[Hashable, core.Classifier] = {}  # type: ignore[assignment]
        self._last: dict[Hashable, float] = {}
        self._parents: dict[Hashable, Hashable] = {}
        self._copies: dict[Hashable, float] = {}
        self._bytes: dict[Hashable, int] = {}
        self._chosen: dict[str, Hashable] = {}

    def load(
        self,
        key: Hashable,
        build: Callable[[], core.Classifier],
        *,
        parent: Hashable | None = None,
        copies: float = 1.0,
    ) -> core.Classifier:
        """The network of a key, built where it is not there.

        ``parent`` is the network that it was made from and goes with; ``copies`` is the fraction of the weights that it
        holds itself.
        """
        if parent is not None:
            self._parents[key], self._copies[key] = parent, copies
        classifier = self.get(key, build)
        self._make_room(key)
        return classifier

    def __contains__(self, key: Hashable) -> bool:
        return key in self._values

    def choose(self, key: Hashable) -> None:
        """This session uses this network from now on, and no other."""
        with self._lock:
            self._chosen[sessions.current()] = key
            self._chosen = {one: key for one, key in self._chosen.items() if sessions.connected(one)}

    def chosen(self, session: str) -> Hashable | None:
        """What a session uses; None where it has chosen nothing."""
        return self._chosen.get(session)

    def used(self) -> set[Hashable]:
        """What sessions use, with what that stands on."""
        keys = {key for session, key in list(self._chosen.items()) if sessions.connected(session)}
        while more := {self._parents[key] for key in keys if key in self._parents} - keys:
            keys |= more
        return keys

    def forget(self, belongs: Callable[[Any], bool] = lambda key: True) -> None:
        """Drop networks, with what stands on them, and collect what they leave."""
        with self._lock:
            keys = {key for key in (*self._values, *self._flights) if belongs(key)}
        self._drop(keys)

    @property
    def size(self) -> int:
        """Bytes that all of them take, roughly."""
        return sum(self._weight(key) for key in list(self._values))

    @property
    def budget(self) -> int:
        """The most bytes of networks that stay while nobody uses them."""
        return self._budget

    def _found(self, key: Hashable) -> Any:
        self._last[key] = time.monotonic()
        return self._values[key]

    def _sealed(self, value: Any) -> Any:
        return value

    def _keep(self, key: Hashable, value: Any) -> None:
        self._values[key], self._last[key], self._bytes[key] = value, time.monotonic(), weight_bytes(value)

    def _weight(self, key: Hashable) -> int:
        classifier = self._values.get(key)
        if classifier is None:
            return 0
        weights = self._copies.get(key, 1.0) * self._bytes.get(key, 0)
        return int(weights) + OVERHEAD + FUNCTION * len(classifier.kept)

    def _make_room(self, newest: Hashable) -> None:
        """Drop the least recently used of the unused until the rest fits."""
        dropped: set[Hashable] = set()
        used = self.used() | {newest, self._parents.get(newest)}
        size = self.size
        for key in sorted(self._values, key=lambda key: self._last.get(key, 0.0)):
            if size <= self.budget:
                break
            if key not in used:
                gone = self._with_children({key}) - dropped
                if not gone & used:
                    size -= sum(map(self._weight, gone))
                    dropped |= gone
        self._drop(dropped)

    def _with_children(self, keys: set[Hashable]) -> set[Hashable]:
        whole = set(keys)
        while more := {key for key, parent in list(self._parents.items()) if parent in whole} - whole:
            whole |= more
        return whole

    def _drop(self, keys: set[Hashable]) -> None:
        keys = self._with_children(keys)
        with self._lock:
            there = [key for key in keys if self._values.pop(key, None) is not None]
            for key in keys:
                self._flights.pop(key, None)
                self._last.pop(key, None)
                self._parents.pop(key, None)
                self._copies.pop(key, None)
                self._bytes.pop(key, None)
        if there:
            releasing.collect()


def weight_bytes(classifier: core.Classifier) -> int:
    """Bytes of a network's weights."""
    return sum(int(np.prod(one.shape)) * np.dtype(one.dtype).itemsize for one in classifier.network.weights)


NETWORKS = Loaded(memory.budget(0.15, least=192 * memory.MIB, most=1024 * memory.MIB))
