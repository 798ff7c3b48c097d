"""What whoever started the server gave it: everyone who comes may choose it, and it stays as long as the server."""

from __future__ import annotations

from pathlib import Path

import core
from dashboard.server import sets, uploads, user_models


def take_in(kind: str, path: Path) -> dict[str, str]:
    """Open something; returns the settings of the address that choose it. Raises ValueError.

    ``kind`` is ``"picture"``, ``"network"``, ``"set"``, ``"index"``, or ``"name"``: of a network or a sample picture.
    """
    if kind == "name":
        return _known(path.name)
    if kind in ("set", "index"):
        name = sets.keep(str(path.resolve()), path.name)
        uploads.BROUGHT.hold(name)
        return {"set": name, **sets.shown_first(name)}
    if kind == "picture":
        name = uploads.bring(path, path.name)
        uploads.BROUGHT.hold(name)
    else:
        name = user_models.bring_path(str(path))
        user_models.MODELS.hold(name)
    return {kind: name}


def _known(name: str) -> dict[str, str]:
    """The name of a network, or of a sample picture. Raises ValueError."""
    if name in (*core.available(), *core.applications()):
        return {"network": name}
    if name in core.samples.names():
        return {"picture": name}
    raise ValueError(
        f"Expected a picture, a network or a folder of pictures, got {name}, which is no file; of networks there are "
        f"{', '.join(core.available())} and those of keras.applications, such as mobilenet_v2."
    )
