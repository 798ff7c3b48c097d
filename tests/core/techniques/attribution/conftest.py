"""What the tests of attribution share: networks that are opened once, and pictures that do not change."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers as L  # noqa: N812

import core


@pytest.fixture(scope="session")
def net():
    """A real network, small."""
    return core.load("lens5_standard")


@pytest.fixture(scope="session")
def photo(net):
    """A photograph as it sees it."""
    found = core.seen_by(net, core.samples.load("cat"))
    found.flags.writeable = False
    return found


@pytest.fixture(scope="session")
def pixels():
    """A picture (1, 24, 40, 3) of noise that is nowhere near black or white."""
    found = np.random.default_rng(0).uniform(0.2, 0.8, (1, 24, 40, 3)).astype(np.float32)
    found.flags.writeable = False
    return found


@pytest.fixture(scope="session")
def made():
    """``made(layer, ..., name=, size=)``: a classifier of these layers in a row."""

    def classifier(*parts, name="net", size=(24, 40)):
        x = image = keras.Input((*size, 3), name="image")
        for part in parts:
            x = part(x)
        return core.classifier(keras.Model(image, x), name=name)

    return classifier


@pytest.fixture(scope="session")
def flat(made):
    """Maps that a dense layer reads place by place: each CAM sees something else."""
    keras.utils.set_random_seed(3)
    parts = [L.Conv2D(4, 3, strides=4, activation="relu", name="conv"), L.Flatten(name="flat")]
    return made(*parts, L.Dense(3, name="top"), name="flat")
