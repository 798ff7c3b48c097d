"""Pictures without a browser: ``convscope dream photo.jpg -o out.png``.

A command makes a recipe, the same as its page does; its options are the recipe's settings. What is written follows from
the ending of ``-o``: ``.png``, ``.jpg``, ``.npz``, ``.csv``, ``.json``, ``.mp4``, ``.gif``, ``.html`` (a report) or
``.zip`` (everything).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from dashboard.command import described, terminal


def main(words: Sequence[str]) -> int:
    """Do what these words say, the first of which is a command; the exit code. Raises ValueError with one sentence.

    What is wrong with them, and ``--help``, is said before TensorFlow is imported.
    """
    asked = described.read(words)
    with terminal.Progress("Starting"):
        terminal.quiet()
        from dashboard.command import commands
    commands.RUN[words[0]](asked)
    return 0


def write(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all. Raises ValueError."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        raise ValueError(f"Expected a place to write {path}, got none: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)
    say(f"{path}")


def say(text: str) -> None:
    """A line on stdout."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
