"""Networks that see grey: the noise is grey, and the judge reads the file as Pillow's convert("L") does."""

import io

import keras
import numpy as np
import pytest
from keras import layers as L  # noqa: N812
from PIL import Image

import core
from core.pictures.grey import as_grey

QUICK = {"few_pixels": {"population": 30, "steps": 3, "pixels": 3}, "carlini_wagner": {"steps": 60, "searches": 3}}
QUICK |= {"square": {"steps": 100}, "patch": {"steps": 10}, "universal": {"steps": 10}}
ALONE = [name for name, one in core.ATTACKS.items() if not one.many]


@pytest.fixture(scope="module")
def net():
    """Five classes of one channel; it hardly knows one from the other, so a small change is enough."""
    keras.utils.set_random_seed(3)
    x = image = keras.Input((24, 40, 1), name="image")
    x = L.Conv2D(8, 3, activation="relu", name="conv1")(x)
    x = L.Conv2D(8, 3, strides=2, activation="relu", name="conv2")(x)
    x = L.Dense(5, name="logits")(L.Flatten(name="flat")(x))
    return core.classifier(keras.Model(image, x, name="one_channel"), name="one_channel")


@pytest.fixture(scope="module", params=["grey", "colour", "saturated"])
def pictures(request):
    rng = np.random.default_rng(5)
    steps = {
        "grey": lambda: np.repeat(rng.integers(0, 256, (3, 24, 40, 1)), 3, axis=-1),
        "colour": lambda: rng.integers(0, 256, (3, 24, 40, 3)),
        "saturated": lambda: rng.choice([0, 3, 252, 255], (3, 24, 40, 3)),
    }[request.param]()
    return steps.astype(np.float32) / np.float32(255)


def room(pictures):
    """Whether a grey change can change much: none can where a pixel holds both black and white."""
    return (np.ptp(pictures, axis=-1) < 0.9).mean() > 0.5


def as_people_open_it(picture):
    """The file of a picture, opened by Pillow as grey: (1, H, W, 1) in [0, 1]."""
    grey = Image.open(io.BytesIO(core.encode_png(picture))).convert("L")
    return np.asarray(grey, np.float32)[None, ..., None] / np.float32(255)


def test_grey_is_what_pillow_reads(pictures):
    ours = np.rint(as_grey(pictures) * 255).astype(int)
    for picture, grey in zip(pictures, ours, strict=True):
        read = np.asarray(Image.fromarray(core.to_uint8(picture)).convert("L"), int)
        np.testing.assert_array_equal(grey, np.repeat(read[..., None], 3, axis=-1))


def test_floats_are_not_rounded_on_their_way_to_grey():
    floats = np.random.default_rng(1).random((1, 6, 7, 3), dtype=np.float32)
    grey = as_grey(floats)
    assert np.ptp(grey, axis=-1).max() == 0
    assert np.abs(grey * 255 - np.rint(grey * 255)).mean() > 0
    np.testing.assert_allclose(grey[..., 0], floats @ np.array([0.299, 0.587, 0.114]), atol=1e-4)


def test_the_network_sees_a_grey_picture_as_it_is(net):
    plane = np.random.default_rng(2).random((2, 24, 40, 1), dtype=np.float32)
    by_hand = net.network(plane).numpy()
    np.testing.assert_allclose(core.logits_of(net, np.repeat(plane, 3, axis=-1)), by_hand, atol=1e-5)


@pytest.mark.parametrize("name", ALONE)
def test_the_change_is_grey(net, pictures, name):
    labels = core.logits_of(net, pictures).argmax(axis=1)
    for norm in core.ATTACKS[name].norms or (None,):
        chosen = {"norm": norm} if len(core.ATTACKS[name].norms) > 1 else {}
        chosen |= {"epsilon": {"linf": 3 / 255, "l2": 1.0, "l1": 30.0}[norm]} if norm else {}
        found = core.last(core.attack(net, name, pictures, labels, **QUICK.get(name, {}), **chosen)).images.numpy()
        assert np.ptp(np.rint((found - pictures) * 255), axis=-1).max() == 0
        assert np.abs(found - pictures).max() > 0.5 / 255 or not room(pictures), "something was done"
        if norm:
            assert (core.distance(found, pictures, norm) <= chosen["epsilon"] * (1 + 1e-4)).all()


@pytest.mark.parametrize("name", [*ALONE, "universal"])
def test_the_verdict_is_that_of_the_opened_file(net, pictures, name):
    labels = core.logits_of(net, pictures).argmax(axis=1)
    chosen = {"steps": 40} if name == "pgd" else QUICK.get(name, {})
    found = core.last(core.attack(net, name, pictures, labels, **chosen)).images.numpy()[: len(pictures)]
    answers = np.array([net.network(as_people_open_it(picture)).numpy().argmax() for picture in found])
    np.testing.assert_array_equal(answers != labels, core.fools(net, found, labels))
    if name in ("pgd", "bim", "deepfool", "carlini_wagner") and room(pictures):
        assert (answers != labels).all()


@pytest.mark.parametrize("name", core.ATTACKS)
def test_what_begins_grey_ends_grey(net, name):
    photo = core.seen_by(net, core.samples.load(core.samples.names()[0]))
    assert np.ptp(photo, axis=-1).max() == 0, "a network that sees grey is shown grey"
    found = core.last(core.attack(net, name, photo, [1], **QUICK.get(name, {}))).images.numpy()[:1]
    assert np.ptp(found, axis=-1).max() < 1e-6
    assert np.abs(found - photo).max() > 0.5 / 255
