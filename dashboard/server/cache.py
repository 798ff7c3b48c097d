"""Results that sessions share: one locked cache, bounded by bytes.

A key is computed once, while others who want it wait, and can be interrupted. What is kept cannot be changed: arrays
are read-only, lists are tuples, dictionaries are read-only views. What fails is told to everyone who waits; what is
interrupted, as Streamlit does at a click, is not kept, and one of those who wait computes it instead.

    @cached
    def prediction(name, picture_name, *, _note=""):      # what begins with an underscore is not part of the key
        return core.predict(networks.network(name), uploads.picture(picture_name))[0]
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import threading
from collections.abc import Callable, Hashable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, ParamSpec, TypeVar

import numpy as np
import streamlit as st
from cachetools import LRUCache

from dashboard.server import memory, sessions, slot

Given = ParamSpec("Given")
Result = TypeVar("Result")
NONE: tuple[Any, ...] = ()


@dataclass(eq=False)
class _Flight:
    """A computation that others may wait for."""

    done: threading.Event = field(default_factory=threading.Event)
    value: tuple[Any, ...] = NONE
    error: Exception | None = None


class Cache:
    """Values by key, the least recently used going first; see the module."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._lock = threading.Lock()
        self._values: LRUCache[Hashable, Any] = LRUCache(budget, getsizeof=memory.weigh)
        self._flights: dict[Hashable, _Flight] = {}

    def get(self, key: Hashable, compute: Callable[[], Result]) -> Result:
        """The value of a key, computed where it is not there. Raises what ``compute`` raises."""
        while True:
            with self._lock:
                if key in self._values:
                    return self._found(key)
                flight = self._flights.get(key)
                if flight is None:
                    own = self._flights[key] = _Flight()
                    break
            _wait_for(flight)
            if flight.error is not None:
                raise flight.error
            if flight.value:
                return flight.value[0]
        return self._computed(key, own, compute)

    def _computed(self, key: Hashable, flight: _Flight, compute: Callable[[], Result]) -> Result:
        try:
            value = self._sealed(compute())
            flight.value = (value,)
        except Exception as error:
            flight.error = error
            raise
        finally:  # interrupted: neither value nor error, and who waits begins anew
            with self._lock:
                if self._flights.get(key) is flight:
                    del self._flights[key]
                    if flight.value:
                        self._keep(key, value)
            flight.done.set()
        return value

    def forget(self, belongs: Callable[[Any], bool] = lambda key: True) -> None:
        """Drop the values of keys for which ``belongs`` is true; what is being computed will not be kept."""
        with self._lock:
            for key in [key for key in self._values if belongs(key)]:
                del self._values[key]
            for key in [key for key in self._flights if belongs(key)]:
                del self._flights[key]

    def _found(self, key: Hashable) -> Any:
        return self._values[key]

    def _sealed(self, value: Any) -> Any:
        return frozen(value)

    def _keep(self, key: Hashable, value: Any) -> None:
        if memory.weigh(value) <= self.budget:
            self._values[key] = value

    def __contains__(self, key: Hashable) -> bool:
        return key in self._values

    @property
    def size(self) -> int:
        """Bytes that are held."""
        return int(self._values.currsize)

    @property
    def budget(self) -> int:
        """The most bytes that are held."""
        return self._budget

    def __len__(self) -> int:
        return len(self._values)


def _wait_for(flight: _Flight) -> None:
    """Wait without the compute slot, since the other one may need it."""
    with slot.SLOT.paused():
        while not flight.done.wait(slot.CHUNK):
            sessions.touch()


def frozen(value: Any) -> Any:
    """A value that nobody can change: the same, where its type allows that."""
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
        return value
    if isinstance(value, Mapping):
        return MappingProxyType({key: frozen(one) for key, one in value.items()})
    if type(value) in (list, tuple):
        return tuple(frozen(one) for one in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for one in dataclasses.fields(value):
            if isinstance(part := getattr(value, one.name), np.ndarray):
                part.flags.writeable = False
    return value


RESULTS = Cache(memory.budget(0.08, least=96 * memory.MIB, most=384 * memory.MIB))
"""Everything that was computed for somebody and may be wanted by others."""


class Cached(Generic[Given, Result]):
    """A function whose results are kept in ``RESULTS``."""

    def __init__(self, function: Callable[Given, Result], says: str) -> None:
        functools.update_wrapper(self, function)
        self._function, self._says = function, says
        self._signature = inspect.signature(function)
        self._name = f"{function.__module__}.{function.__qualname__}"

    def __call__(self, *args: Given.args, **kwargs: Given.kwargs) -> Result:
        """The result, computed where it is not there."""

        def compute() -> Result:
            with st.spinner(self._says) if self._says else nullcontext():
                return self._function(*args, **kwargs)

        return RESULTS.get(self._key(*args, **kwargs), compute)

    def there(self, *args: Given.args, **kwargs: Given.kwargs) -> bool:
        """Whether the result of a call is there."""
        return self._key(*args, **kwargs) in RESULTS

    def _key(self, *args: Given.args, **kwargs: Given.kwargs) -> tuple[Any, ...]:
        given = self._signature.bind(*args, **kwargs)
        given.apply_defaults()
        return (self._name, *((name, one) for name, one in given.arguments.items() if not name.startswith("_")))

    def clear(self) -> None:
        """Forget its results."""
        RESULTS.forget(lambda key: key[0] == self._name)


def cached(function: Callable[Given, Result]) -> Cached[Given, Result]:
    """Keep a function's results; its arguments are the key, but for those that begin with an underscore."""
    return Cached(function, "")


def cached_saying(says: str) -> Callable[[Callable[Given, Result]], Cached[Given, Result]]:
    """``cached`` that says on the page what is being done."""
    return lambda function: Cached(function, says)
