"""What is made of every part, and how two results become one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]
"""A result: arrays of numbers or text by name, none of objects, so that any of them can be kept in a file."""


class PartWork(ABC):
    """A map over parts and its merge. Subclasses are frozen dataclasses: what they hold travels, and names the run.

    ``merge`` is associative and commutative, so that parts may come in any order, from anywhere: the result is the
    same. What depends on order (an append, ties) is ordered by the numbers of pictures, which every result carries.
    """

    appended: ClassVar[bool] = False
    """Whether a merged result grows with every part, and so stays in files, part by part, where there is a folder."""

    @abstractmethod
    def look(self, shared: Any, part: Any) -> Arrays:
        """The result of one part; ``shared`` is what all parts are looked at with: a network."""

    @abstractmethod
    def merge(self, one: Arrays, other: Arrays) -> Arrays:
        """Both as one."""

    def summary(self, result: Arrays) -> Arrays:
        """What of a result is merged although it is appended: what does not grow, such as counts."""
        return {}

    @property
    def settings(self) -> dict[str, Any]:
        """Itself as JSON can have it."""
        own: dict[str, Any] = asdict(self) if is_dataclass(self) else {}
        return {"work": type(self).__name__, **own}


class Carried(Protocol):
    """What all parts are looked at with, packed to travel once to every worker."""

    @property
    def digest(self) -> str:
        """What tells it from others."""

    def open(self) -> Any:
        """Unpacked, and checked to be what was packed. Raises ValueError."""


def added(one: Arrays, other: Arrays) -> Arrays:
    """The merge of counts and sums; what only one has counts as it is."""
    return {
        name: one[name] + other[name] if name in one and name in other else one.get(name, other.get(name))  # type: ignore[misc]
        for name in {**one, **other}
    }


def joined(one: Arrays, other: Arrays, *, by: str) -> Arrays:
    """The merge of rows: one under the other, in the order of the column ``by``."""
    both = {name: np.concatenate([one[name], other[name]]) for name in one}
    order = np.argsort(both[by], kind="stable")
    return {name: values[order] for name, values in both.items()}


@contextmanager
def said_of(part: int) -> Iterator[None]:
    """What a library raises about a part, as one sentence."""
    try:
        yield
    except ValueError:
        raise
    except Exception as error:
        raise ValueError(f"Expected part {part} to be looked at, got {type(error).__name__}") from error
