"""What commands need of the server's parts: a network, a picture, and a run with its progress."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import core
from dashboard.command import terminal
from dashboard.recipes import Explain, Recipe, Runs
from dashboard.server import networks, uploads, user_models
from dashboard.server.loaded import NETWORKS


def opened(wanted: str) -> str:
    """Open a network, by its name or its file, which was looked at; the first in the box where nobody says.

    Its layers are not run before they are needed, as a server does. Raises ValueError.
    """
    with terminal.Progress("Opening the network"):
        if wanted and (Path(wanted).expanduser().exists() or Path(wanted).suffix):
            name = user_models.bring_path(wanted)
            own = user_models.get(name)
            if own is not None:
                NETWORKS.load(name, own.classifier, parent=own.file, copies=0.0)
            return name
        name = wanted or core.available()[0]
        networks.spare_keras()
        NETWORKS.load(name, lambda: core.load(name))
        return name


def picture(wanted: str) -> str:
    """The name of a sample, or of a file, which was looked at, that is taken in. Raises ValueError."""
    if wanted in core.samples.names() and not Path(wanted).exists():
        return wanted
    path = Path(wanted).expanduser()
    try:
        return uploads.bring(path, path.name)
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error


def finished(recipe: Recipe, title: str, *, each: Sequence[str] = ()) -> list[core.Frame]:
    """Run a recipe to its end, with a bar; of a video every whole frame, else the last one. Raises ValueError.

    Of an explanation, ``each`` are the methods, whose maps the server's part keeps.
    """
    recipe.check()
    frames: list[core.Frame] = []
    moves = getattr(recipe, "make", "still") != "still"
    with terminal.Progress(title) as bar:
        if isinstance(recipe, Explain):
            for at, method in enumerate(each):
                bar.tell(at / len(each), core.METHODS[method].title)
                with contextlib.suppress(ValueError):  # ``contents`` says so
                    recipe.found(method)
        elif isinstance(recipe, Runs):
            for frame in recipe.run():
                bar.tell(frame.progress, f"step {frame.step} of {frame.total}")
                if not moves:
                    frames = [frame]
                elif not isinstance(frame, core.Between):
                    frames.append(frame)
    return frames
