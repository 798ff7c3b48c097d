"""Networks that were trained here: they join the networks of the session that trained them, and go as brought ones do.

What is kept is their weights, a few hundred kilobytes; the network itself is built when somebody chooses it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import streamlit as st

import core
from dashboard.server import memory
from dashboard.server.brought import Brought

ROOM, EACH = 96 * memory.MIB, 24 * memory.MIB


@dataclass(frozen=True, eq=False)
class Trained:
    """A network as ``core.memorize`` left it, what to call it, and the script that trains it again."""

    frame: core.TrainingFrame
    title: str
    code: str

    def classifier(self) -> core.Classifier:
        """The network, built anew. Raises ValueError where its weights are not finite."""
        made: core.Classifier = replace(self.frame).classifier
        return made.prepared(facts={"title": self.title})

    def script(self) -> str:
        """Code that trains it."""
        return self.code


PREFIX = "trained-"
TRAINED = Brought(lambda: ROOM, lambda: EACH)
"""The trained networks by name."""


def get(name: str) -> Trained | None:
    """The network of that name, where it is still here."""
    found: Trained | None = TRAINED.get(name)
    return found


def left(name: object) -> bool:
    """Whether it is the name of a network that was trained here, by somebody who is no longer here."""
    return isinstance(name, str) and name.startswith(PREFIX) and not TRAINED.used(name)


def put(settings: str, frame: core.TrainingFrame, title: str, code: str) -> str:
    """Keep a network; ``settings`` tells it from others. Returns its name. Raises ValueError where there is no room."""
    name = PREFIX + hashlib.sha256(f"{settings} {frame.epoch}".encode()).hexdigest()[:16]
    return TRAINED.add(name, Trained(frame, title, code), memory.weigh(frame))


def join(names: tuple[str, ...]) -> bool:
    """Let these networks be chosen in this session; whether that is news."""
    before = tuple(st.session_state.get("own_networks", ()))
    st.session_state.own_networks = tuple(dict.fromkeys((*before, *names)))
    return st.session_state.own_networks != before
