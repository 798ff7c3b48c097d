"""What a network was trained with, as its file tells: the loss says whether an output is classes or numbers."""

from __future__ import annotations

import json
import os
import re
import zipfile
from pathlib import Path
from typing import Any

import h5py

MOST_BYTES = 8 * 2**20


def training_losses(path: str | os.PathLike[str]) -> dict[str, str] | tuple[str, ...]:
    """The losses of a ``.keras`` or ``.h5`` file by the name of the output, or in the order of the outputs.

    Each is the name of Keras's function, such as ``"mean_squared_error"``. Empty where the file does not tell: most
    are saved without, and a file that is no such file is for others to refuse.
    """
    try:
        said = json.loads(_description(Path(path)))
    except (OSError, KeyError, ValueError, RuntimeError, NotImplementedError, EOFError, zipfile.BadZipFile):
        return ()
    training = said.get("compile_config", said) if isinstance(said, dict) else None
    loss = training.get("loss", training.get("loss_config")) if isinstance(training, dict) else None
    if isinstance(loss, dict) and "class_name" not in loss:
        return {str(name): _name(one) for name, one in loss.items()}
    return tuple(map(_name, loss)) if isinstance(loss, list) else (_name(loss),)


def _description(path: Path) -> str | bytes:
    """The JSON that has the loss in it; empty where there is none."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            small = archive.getinfo("config.json").file_size <= MOST_BYTES
            return archive.read("config.json") if small else ""
    with h5py.File(path, "r") as file:
        found: str | bytes = file.attrs["training_config"]
        return found


def _name(loss: Any) -> str:
    """The name of Keras's function of a loss, whichever way it was written down."""
    if isinstance(loss, dict):
        config = loss.get("config")
        loss = config if loss.get("class_name") == "function" else loss.get("class_name")
    if not isinstance(loss, str):
        return ""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", loss).lower()
