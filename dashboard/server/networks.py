"""The networks that sessions share: opened once, warm, released.

Streamlit does two things to TensorFlow that cost dearly (measured; tests fail without the measures taken here):
it calls ``keras.backend.clear_session`` for the whole process after every script run, which breaks models that another
session is building, and it collects garbage twice per run, which takes 0.8 s once TensorFlow's objects are there."""

from __future__ import annotations

import gc
import logging
from dataclasses import dataclass

import keras
import numpy as np
import streamlit as st

import core
from dashboard.server import limits, user_models

SMALL = ("mobilenet_0.25", "mobilenet", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0", "nasnet_mobile")


def spare_keras() -> None:
    """Make the ``clear_session`` that Streamlit calls after each script run do nothing.

    Only the attribute that Streamlit uses is replaced; ``keras.utils.clear_session`` stays.
    """
    keras.backend.clear_session = lambda *_, **__: None
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it takes one tap for each layer for retracing


@st.cache_resource(max_entries=2, show_spinner="Opening the network…", on_release=lambda _: gc.unfreeze())
def network(name: str) -> core.Classifier:
    """The network of that name, warm: every stage has run once, and the garbage collector leaves it alone."""
    own = user_models.get(name)
    classifier = own.classifier() if own else core.load(name)
    blank = np.zeros((1, *classifier.size, 3), np.float32)
    for stage in core.stages(classifier):
        core.activations(classifier, blank, [stage.layer])
    core.activations(classifier, blank, [stage.layer for stage in core.stages(classifier)])
    if classifier.labels:
        core.predict(classifier, blank)
    gc.collect()
    gc.freeze()
    return classifier


def release(name: str, *, after: str = "") -> None:
    """Let go of a network and of what was compiled for it, since ``after`` comes: by default one is in memory."""
    for kept in (network, shuffled_network):
        kept.clear(name)
    own, other = user_models.get(name), user_models.get(after)
    if own and not (other and other.path == own.path):
        user_models.close()
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def network_names(wanted: str | None = None) -> tuple[str, ...]:
    """The networks that can be chosen: in the box, this session's own and the ``wanted`` one, then keras.applications.

    Public mode has only the small ones of keras.applications, and no own ones.
    """
    own = [
        name
        for name in (*st.session_state.get("own_networks", ()), wanted or "")
        if limits.local() and user_models.get(name)
    ]
    return (*core.available(), *dict.fromkeys(own), *(core.applications() if limits.local() else SMALL))


def known_networks(name: str) -> tuple[str, ...]:
    """The networks that can be asked at once: those in the box, and the one of that name."""
    return tuple(dict.fromkeys((*core.available(), name)))


def fetched(name: str) -> core.Classifier:
    """The network of that name; what has to be downloaded first comes with a progress bar. Raises ValueError."""
    if name in core.applications() and name not in fetched_names():
        bar = st.progress(0.0, f"Opening {network_title(name)}…")
        for arrived, total in core.download(name):
            if arrived:
                bar.progress(min(arrived / total, 1.0), f"{arrived / 1e6:.0f} of about {total / 1e6:.0f} MB")
        bar.empty()
        fetched_names().add(name)
    return network(name)


@st.cache_resource
def fetched_names() -> set[str]:
    """Networks whose weights are known to be in Keras's cache."""
    return set()


@st.cache_resource(max_entries=2, show_spinner=False)
def shuffled_network(name: str, share: float) -> core.Classifier:
    """The network with the weights of this share of its layers shuffled, from the last one on."""
    return core.randomized(network(name), fraction=share)


@st.cache_data(show_spinner=False)
def network_title(name: str) -> str:
    """What to call a network."""
    own = user_models.get(name)
    return own.title if own else str(core.card(name).get("title", name))


def loading(name: str) -> str:
    """Code that loads a network."""
    own = user_models.get(name)
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
    weights = sum(int(np.prod(one.shape)) * np.dtype(one.dtype).itemsize for one in classifier.network.weights)
    return Facts(classifier.network.count_params(), weights, 4 * numbers)
