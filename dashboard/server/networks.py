"""The networks that sessions share: opened once, warm, and in memory while somebody uses them (see ``loaded``).

Streamlit does two things to TensorFlow that cost dearly (measured; tests fail without the measures taken here):
it calls ``keras.backend.clear_session`` for the whole process after every script run, which breaks models that another
session is building, and it collects garbage twice per run, which takes 0.8 s once TensorFlow's objects are there."""

from __future__ import annotations

import logging
import re
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import streamlit as st

import core
from dashboard.server import limits, sessions, trained, user_models
from dashboard.server.compiling import COMPILING
from dashboard.server.loaded import NETWORKS, weight_bytes
from dashboard.server.releasing import RELEASING
from dashboard.server.slot import SLOT, Slot

OPENING = Slot()
"""Networks are opened one at a time: two at once would need the memory of both, and take as long."""
SMALL = ("mobilenet_0.25", "mobilenet", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0", "nasnet_mobile")


def spare_keras() -> None:
    """Make the ``clear_session`` that Streamlit calls after each script run do nothing.

    Only the attribute that Streamlit uses is replaced; ``keras.utils.clear_session`` stays.
    """
    import keras  # here, since a page is drawn before TensorFlow is there

    keras.backend.clear_session = lambda *_, **__: None
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it takes one tap for each layer for retracing


def network(name: str) -> core.Classifier:
    """The network of that name, warm; built once, however many ask for it. Raises ValueError."""
    own = user_models.get(name)
    if own is None:  # in the box, of keras.applications, or trained here
        return NETWORKS.load(name, lambda: _opened(name))
    return NETWORKS.load(name, lambda: _opened(name), parent=own.file, copies=0.0)


def drop_trained() -> None:
    """Close the networks of people who trained them here and have left; their weights stay while there is room."""
    NETWORKS.forget(trained.left)


RELEASING.also(drop_trained)


def is_open(name: str) -> bool:
    """Whether a network of that name is in memory."""
    return name in NETWORKS


def choose(name: str) -> core.Classifier:
    """``network``, which this session uses from now on instead of the one before. Raises ValueError."""
    classifier = network(name)
    NETWORKS.choose(name)
    return classifier


def _opened(name: str) -> core.Classifier:
    """Load a network, one at a time; it is made quick beside its first use."""
    with SLOT.paused(), _says(f"Opening {network_title(name)}…"), OPENING.turn():
        own = _own(name)
        classifier = own.classifier() if own else _brought(name) if name in core.applications() else core.load(name)
        COMPILING.soon(classifier)
        return classifier


def _own(name: str) -> user_models.Own | trained.Trained | None:
    """What a person brought, or trained here."""
    return user_models.get(name) or trained.get(name)


def _says(sentence: str) -> AbstractContextManager[None]:
    """Say it on the page, where this is a person's session."""
    return st.spinner(sentence) if sessions.current() else nullcontext()


def _brought(name: str) -> core.Classifier:
    """A network of keras.applications; what has to be downloaded first comes with a progress bar."""
    bar = st.empty()
    steps = core.download(name)
    while True:
        try:
            arrived, total = next(steps)
        except StopIteration as end:
            bar.empty()
            return end.value
        if arrived:
            bar.progress(min(arrived / total, 1.0), f"{arrived / 1e6:.0f} of about {total / 1e6:.0f} MB")


def network_names(wanted: str | None = None) -> tuple[str, ...]:
    """The networks that can be chosen: in the box, the server's and this session's own, then keras.applications.

    The ``wanted`` one is among them where it is here. Public mode has only the small ones of keras.applications, and no
    own ones but the server's and those that were trained here.
    """
    own = [
        name
        for name in (*st.session_state.get("own_networks", ()), wanted or "")
        if trained.get(name) or (limits.local() and user_models.get(name))
    ]
    own = [*user_models.MODELS.held(user_models.Own), *own]
    return (*core.available(), *dict.fromkeys(own), *(core.applications() if limits.local() else SMALL))


def missing(name: str | None) -> str:
    """A sentence where an address names somebody's own network that is no longer here, else nothing."""
    if not name or not re.fullmatch("(own|trained)-[0-9a-f]{16}", name) or name in network_names(name):
        return ""
    if name.startswith("trained"):
        return (
            "The network of this address is no longer here, so another one is shown: networks that were trained here "
            "stay while somebody uses them, on the server that trained them. Train it again under "
            "**Learning or memorizing**."
        )
    again = (
        "Open its file again under **Your own network**" if limits.local() else "Your own machine can open such files"
    )
    return (
        "The network of this address is no longer here, so another one is shown: people's own networks stay while "
        f"somebody uses them, where their file was opened. {again}."
    )


def known_networks(name: str) -> tuple[str, ...]:
    """The networks that can be asked at once: those in the box, and the one of that name."""
    return tuple(dict.fromkeys((*core.available(), name)))


def others(name: str) -> list[str]:
    """The other networks in the box, to be seen beside this one: its twin first, where its card names one."""
    twin = _twin(name)
    return sorted((one for one in core.available() if one != name), key=lambda one: one != twin)


def twins(name: str) -> tuple[str, str]:
    """This network and its twin, which differs in its training only; the first pair in the box where it has none."""
    first = name if _twin(name) else next(one for one in core.available() if _twin(one))
    return first, _twin(first)


def _twin(name: str) -> str:
    return str(core.card(name).get("twin", "")) if name in core.available() else ""


def shuffled_network(name: str, fraction: float) -> core.Classifier:
    """The network with the weights of this fraction of its layers shuffled, from the last one on; it goes with it."""
    whole = network(name)
    key = ("shuffled", name, fraction)
    return NETWORKS.load(key, lambda: core.randomized(whole, fraction=fraction), parent=name, copies=fraction)


def network_title(name: str) -> str:
    """What to call a network."""
    own = _own(name)
    return own.title if own else str(core.card(name).get("title", name))


def loading(name: str) -> str:
    """Code that loads a network."""
    own = _own(name)
    return own.script() if own else f'core.load("{name}")'


@dataclass(frozen=True)
class Facts:
    """A network in numbers: parameters, and bytes of its weights and of all activations of one picture."""

    parameters: int
    weights: int
    activations: int


def facts(classifier: core.Classifier) -> Facts:
    """How large a network is."""
    numbers = sum(int(np.prod(info.shape)) for info in classifier.layers.values())
    return Facts(classifier.network.count_params(), weight_bytes(classifier), 4 * numbers)
