"""Pictures without a browser: ``convscope dream photo.jpg -o out.png``.

A command makes a recipe, the same as its page does; its options are the recipe's settings. What is written follows from
the ending of ``-o``: ``.png``, ``.jpg``, ``.npz``, ``.csv``, ``.json``, ``.mp4``, ``.gif``, ``.html`` (a report) or
``.zip`` (everything).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dashboard.command import terminal
from dashboard.command.options import Parser


def main(words: Sequence[str]) -> int:
    """Do what these words say, the first of which is a command; the exit code. Raises ValueError with one sentence."""
    if not {"-h", "--help"} & set(words):
        _look(words)
    with terminal.Progress("Starting"):
        terminal.quiet()
        from dashboard.command import commands
    reader = Parser(prog=f"convscope {words[0]}", description=commands.COMMANDS[words[0]].says, allow_abbrev=False)
    commands.COMMANDS[words[0]].describe(reader)
    asked = reader.parse_intermixed_args(list(words[1:]))
    require_place(getattr(asked, "output", None))
    commands.COMMANDS[words[0]].run(asked)
    return 0


def _look(words: Sequence[str]) -> None:
    """Say at once what does not have to wait for TensorFlow: a picture that is not there. Raises ValueError."""
    for word in words[1:2]:
        if not word.startswith("-") and ("." in word or "/" in word) and not Path(word).expanduser().exists():
            raise ValueError(f"Expected a picture, got {word}, which does not exist.")


def require_place(output: str | None) -> None:
    """Raise ValueError where nothing can be written, before anything is computed."""
    if output and not Path(output).expanduser().absolute().parent.is_dir():
        raise ValueError(f"Expected a folder that exists for {output}, got none.")


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


def common(reader: argparse.ArgumentParser, *, picture: bool = True, output: bool = True) -> None:
    """What every command can be asked for."""
    if picture:
        reader.add_argument("picture", metavar="PICTURE", help="a file, or the name of a sample such as coffee")
    reader.add_argument("--network", metavar="NAME or FILE", default="", help="the first in the box, where not said")
    if output:
        reader.add_argument("-o", "--output", metavar="FILE", required=True, help="what to write; its ending says how")


def listed(text: str | None) -> list[str]:
    """Names with commas between them."""
    return [part.strip() for part in (text or "").split(",") if part.strip()]
