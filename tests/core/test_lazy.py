"""What knows no network answers before TensorFlow is imported, and everything is there when it is asked for."""

import subprocess
import sys
from pathlib import Path

import keras
import pytest

import core
from core.networks import cards

ROOT = Path(__file__).parents[2]
BEFORE = """
import sys
import core
assert core.available() and core.card("efficientnet_lite0")["title"] and "mobilenet_v2" in core.applications()
assert core.card("mobilenet_v2")["title"] == "MobileNetV2" and len(core.imagenet_labels()) == 1000
photo = core.samples.load("coffee")
core.encode_jpeg(core.fit(photo, height=96, width=96)[0])
core.NETWORK_FILES, core.PICTURE_FILES, core.imagenet_group(1)
heavy = {"tensorflow", "keras", "sklearn", "scipy", "pandas"} & set(sys.modules)
assert not heavy, heavy
from core import predict, maximize
assert "tensorflow" in sys.modules and core.predict is predict
"""


def test_pictures_and_cards_answer_before_tensorflow_is_there():
    ended = subprocess.run([sys.executable, "-c", BEFORE], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def test_the_list_of_families_is_that_of_keras():
    known = {name for name in vars(keras.applications) if name[0].isupper()}
    assert set(cards.families().values()) == known


def test_a_name_is_read_from_its_module_once():
    assert "logits_of" in dir(core) and core.logits_of is core.logits_of
    assert core.patch.__module__ == "core.techniques.attacks.patch", "the function, not the module of that name"
    with pytest.raises(ImportError):
        from core import no_such_name  # noqa: F401
