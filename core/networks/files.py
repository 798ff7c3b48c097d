"""A person's own network file, looked at before Keras sees it, and opened first in a process that may die of it.

A file that asks Keras to build things is a program. So ``inspect`` finds out what it is by its content, reads the
description of a ``.keras`` archive with the standard library alone and refuses what is not on a list of layers; then a
child process with a limit on its memory opens the file, checks its HDF5 links, builds the network and runs it once.
Only then is it opened in this process, with Keras's safe mode on. A SavedModel or a pickle may run any code and is
never opened. Files of Keras 2 are translated on the way (``core.networks.keras2``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras

from core.networks import containers, saved_models, trial
from core.networks.inputs import Values
from core.networks.losses import training_losses
from core.networks.trial import MEMORY, OPEN_SIDE, Report

__all__ = ["MEMORY", "OPEN_SIDE", "Opened", "Report", "inspect", "open_file", "open_network"]


@dataclass(frozen=True)
class Opened:
    """A file that has been opened.

    Attributes:
        network: the Keras model.
        notes: what was changed to open it, one sentence each; for the card.
        labels: the names of classes that lay beside it, in its box or its folder; empty where there are none.
        labels_from: the name of their file.
        losses: what it was trained with, by output or in their order; empty where the file does not tell.
        held: the inputs beside the picture by name, and their shape.
    """

    network: keras.Model
    notes: tuple[str, ...]
    labels: tuple[str, ...]
    labels_from: str
    losses: Mapping[str, str] | Sequence[str]
    held: Mapping[str, tuple[int, ...]]


def open_file(path: str | os.PathLike[str], *, memory: int = MEMORY, held: Values | None = None) -> Opened:
    """Inspect a file, then open it, with safe mode on. Arguments and errors are those of ``inspect``.

    ``held`` says at what to hold inputs beside the picture, by name: a number, or as many as it has.
    """
    file = Path(path)
    with containers.opened(file) as box:
        _tried(box, file, memory)
        network, notes, others = saved_models.build(box.path, box.kind, held=held)
        return Opened(network, notes, box.labels, box.labels_from, training_losses(box.path), others)


def open_network(path: str | os.PathLike[str], *, memory: int = MEMORY) -> keras.Model:
    """The network alone of ``open_file``."""
    return open_file(path, memory=memory).network


def inspect(path: str | os.PathLike[str], *, memory: int = MEMORY) -> Report:
    """Look at a network file without opening it in this process.

    Args:
        path: a file of Keras with a whole model, by its content: an archive (``.keras``), HDF5 (``.h5``), of Keras 2 or
            3, or a zip with one of them in it (Teachable Machine's ``converted_keras.zip``).
        memory: bytes that a child process may use to build the network and run it on one picture.

    Raises:
        ValueError: what is wrong, in one sentence: not such a file, damaged, too large, made of layers that are not
            Keras's own or that may run code, or needing more memory or time than it may have.
    """
    file = Path(path)
    with containers.opened(file) as box:
        return _tried(box, file, memory)


def _tried(box: containers.Box, file: Path, memory: int) -> Report:
    """What the file says of itself, then what a child process says of it."""
    if box.kind == "keras":
        saved_models.check_archive(box.path)
    return trial.in_a_child(box.path, box.kind, memory, file.name)
