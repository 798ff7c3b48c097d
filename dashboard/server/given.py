"""What whoever started the server gave it: everyone who comes may choose it, and it stays as long as the server."""

from __future__ import annotations

from pathlib import Path

import core
from dashboard.server import sets, uploads, user_models


def take_in(kind: str, path: Path) -> tuple[str, str]:
    """Open something; returns the setting of the address that chooses it, and its name there. Raises ValueError.

    ``kind`` is ``"picture"``, ``"network"``, ``"set"``, or ``"name"``: of a network, or of a sample picture.
    """
    if kind == "name":
        return _known(path.name)
    if kind == "set":
        name = sets.keep(str(path.resolve()), path.name)
        uploads.BROUGHT.hold(name)
    elif kind == "picture":
        name = uploads.bring(path, path.name)
        uploads.BROUGHT.hold(name)
    else:
        name = user_models.bring_path(str(path))
        user_models.MODELS.hold(name)
    return kind, name


def _known(name: str) -> tuple[str, str]:
    """The name of a network, or of a sample picture. Raises ValueError."""
    if name in (*core.available(), *core.applications()):
        return "network", name
    if name in core.samples.names():
        return "picture", name
    raise ValueError(
        f"Expected a picture, a network or a folder of pictures, got {name}, which is no file; of networks there are "
        f"{', '.join(core.available())} and those of keras.applications, such as mobilenet_v2."
    )
