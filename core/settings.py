"""A setting of a technique, as data: a catalogue describes each of its rows with these, and a page draws them.

So a new technique is a row of its catalogue: no page, script or address has to know its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core import checks


@dataclass(frozen=True)
class Setting:
    """What a person may set, and how it is drawn.

    A setting has bounds (``least`` and ``most``, whole numbers where it takes no others), or ``choices``, or is a
    switch. Beside bounds, ``choices`` are the usual values: a page offers them, and code may take any other in between.

    Attributes:
        name: the keyword argument of the technique's function.
        title: its name on the screen.
        default: what it is where nobody says; None for the technique's own value, which may depend on other settings.
        choices: the values to choose from, in their order.
        least, most: bounds of a number, both of them or neither.
        help: a sentence on what raising or choosing it does, for the screen.
    """

    name: str
    title: str
    default: Any
    choices: tuple[Any, ...] | None = None
    least: float | None = None
    most: float | None = None
    help: str = ""

    def __post_init__(self) -> None:
        if (self.least is None) != (self.most is None):
            raise ValueError(f"Expected both bounds of {self.name} or neither, got {self.least} and {self.most}")
        if self.least is None and self.choices is None and not isinstance(self.default, bool):
            raise ValueError(f"Expected bounds, choices or a switch for {self.name}, got {self.default!r}")
        for value in (self.default, *(self.choices or ())):
            self.check(value)

    @property
    def kind(self) -> str:
        """How it is drawn: ``"switch"``, ``"choice"``, ``"whole"`` or ``"number"``."""
        if self.choices is not None:
            return "choice"
        if self.least is None:
            return "switch"
        return "whole" if isinstance(self.least, int) and isinstance(self.most, int) else "number"

    def check(self, value: Any) -> Any:
        """The value, if it is one that this setting can have. Raises ValueError otherwise."""
        if value is None and self.default is None:
            return None
        if self.least is not None and self.most is not None:
            whole = isinstance(self.least, int) and isinstance(self.most, int)
            check: Any = checks.whole if whole else checks.number
            return check(self.name, value, self.least, self.most)
        possible = (False, True) if self.choices is None else self.choices
        if not any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in possible):
            raise ValueError(f"Expected {self.name} among {', '.join(map(str, possible))}, got {value!r}")
        return value
