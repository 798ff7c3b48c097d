import os
import subprocess
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest
from hypothesis import settings
from keras import layers as L  # noqa: N812

import core
from core.networks import trial
from tests.forked_trials import Trials

settings.register_profile("convscope", deadline=None, derandomize=True)  # a busy machine is no fault of the code
settings.load_profile("convscope")

SHARED = Path(__file__).resolve().parents[2] / "shared"
SIZES = [(24, 40), (23, 41)]
_FILES = ("cases", "files", "containers", "inputs", "keras2", "mutations", "styles", "zoo")
_NETWORKS = ("detection", "efficientnet_lite", "heads", "outputs", "ranges", "tokens")
LONG = (
    *("browser/", "load/", "dashboard/app_pages/", "core/techniques/", "core/bundled/"),
    *(f"core/networks/test_{name}" for name in (*_FILES, *_NETWORKS)),
    *("dashboard/recipes/test_scripts", "dashboard/command/test_commands"),
    "dashboard/reports/",
    "core/parts/test_cluster",
    *(f"dashboard/server/test_{name}" for name in ("networks", "trained", "user_models")),
    *(f"dashboard/test_{name}" for name in ("address", "big", "pages", "runtime", "words", "workbench")),
)
"""Beginnings of the paths of tests that take longer than a person waits, the longest first; all others are quick."""


def pytest_collection_modifyitems(items):
    """Mark what is quick, and put what takes long first: a long file begun last would keep one of two workers alone."""
    here = Path(__file__).parent
    ranks = {}
    for item in items:
        path = item.path.relative_to(here).as_posix() if item.path.is_relative_to(here) else ""
        ranks[item] = next((rank for rank, long in enumerate(LONG) if path.startswith(long)), len(LONG))
        if ranks[item] == len(LONG) and "slow" not in item.keywords:
            item.add_marker("quick")
    items.sort(key=ranks.__getitem__)


@pytest.fixture(scope="session")
def shared():
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED}, the folder beside the project with pictures and weights, is not here")
    return SHARED


@pytest.fixture(scope="session")
def _trials():
    one = Trials()
    yield one
    one.close()


@pytest.fixture(scope="module")
def forked_trials(_trials):
    """Files are tried in forks of one process; ``trials_of_their_own`` gives a test the program's own processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trial, "subprocess", _trials)
        yield _trials


@pytest.fixture
def trials_of_their_own(forked_trials, monkeypatch):
    """Each file is tried as the program does it, in a new process, in a file whose other tests use forks."""
    monkeypatch.setattr(trial, "subprocess", subprocess)


@pytest.fixture(scope="session", params=SIZES, ids="{0[0]}x{0[1]}".format)
def pictures(request):
    """Two pictures (2, H, W, 3), not square, once of even and once of odd size."""
    return np.random.default_rng(0).random((2, *request.param, 3), dtype=np.float32)


@pytest.fixture(scope="session")
def tiny():
    """A seeded classifier of five classes and open picture size, made for 24 x 40."""
    keras.utils.set_random_seed(7)
    x = image = keras.Input((None, None, 3), name="image")
    x = L.Rescaling(2.0, offset=-1.0, name="scale")(x)
    x = L.Conv2D(6, 3, padding="same", name="conv1")(x)
    x = L.ReLU(name="conv1_relu")(x)
    x = L.MaxPooling2D(2, name="pool1")(x)
    x = L.Conv2D(8, (3, 5), strides=(2, 1), use_bias=False, name="conv2")(x)
    x = L.BatchNormalization(name="conv2_bn")(x)
    x = L.ReLU(name="conv2_relu")(x)
    x = L.GlobalAveragePooling2D(name="gap")(x)
    x = L.Dropout(0.5, name="drop")(x)
    x = L.Dense(5, kernel_initializer=keras.initializers.RandomNormal(0, 2), name="logits")(x)
    network = keras.Model(image, L.Activation("softmax", name="predictions")(x), name="tiny")
    normal = np.random.default_rng(7)
    network.get_layer("conv2_bn").set_weights(
        [normal.uniform(0.5, 1.5, 8), normal.normal(0, 0.3, 8), normal.normal(0, 0.3, 8), normal.uniform(0.1, 1, 8)]
    )
    return core.classifier(network, name="tiny", labels=["ant", "bee", "cat", "dog", "elk"], size=(24, 40))


@pytest.fixture(scope="session")
def linear():
    """A classifier whose three logits are linear in the pixels of a 24 x 40 picture."""
    keras.utils.set_random_seed(11)
    image = keras.Input((24, 40, 3), name="image")
    logits = L.Dense(3, bias_initializer="random_normal", name="logits")(L.Flatten(name="flat")(image))
    return core.classifier(keras.Model(image, logits, name="linear"), name="linear", labels=["red", "green", "blue"])
