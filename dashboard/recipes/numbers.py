"""Channel numbers that a person typed."""

from __future__ import annotations

import re

from dashboard import words


def numbers(text: str, most: int) -> tuple[int, ...]:
    """Channel numbers from text such as ``0-7, 12``, none above ``most``. Raises ValueError with one sentence."""
    chosen: list[int] = []
    for part in filter(None, re.split(r"[,;\s]+", text.strip())):
        match = re.fullmatch(r"([0-9]{1,6})(?:-([0-9]{1,6}))?", part)
        if match is None:
            raise ValueError(f"Expected channel numbers such as 0-7, 12, got {words.harmless(part[:30])!r}.")
        first = int(match[1])
        chosen += range(first, min(int(match[2] or first), max(first, most + 1)) + 1)
    outside = [number for number in chosen if number > most]
    if outside or not chosen:
        raise ValueError(f"Expected channel numbers from 0 to {most}, got {outside[0] if outside else 'none'}.")
    return tuple(dict.fromkeys(chosen))
