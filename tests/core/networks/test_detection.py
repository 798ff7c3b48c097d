"""The normalization that a network was trained on is found, with and without the truth."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import core

PHOTOS = [core.samples.load(name) for name in core.samples.names()[:6]]


@pytest.fixture(scope="module")
def lens():
    return core.load("lens5_standard")


def behind(net, name):
    """The bundled network as if its file wanted pictures as ``name`` prepares them."""
    own = core.NORMALIZATIONS[name]

    def undo(pictures):
        back = (pictures * np.float32(own.deviation) + np.float32(own.mean)) / own.scale
        return 255.0 * (back[..., ::-1] if own.reverse else back)

    image = keras.Input((*net.size, 3), name="image")
    return core.classifier(keras.Model(image, net.network(undo(image)), name="behind"), name="behind")


@pytest.mark.parametrize("name", ["unit", "symmetric", "bytes", "standard", "caffe", "bytes_bgr"])
def test_the_right_normalization_is_proposed(lens, name):
    net = behind(lens, name)
    truths = [int(core.logits_of(lens, core.seen_by(lens, photo))[0].argmax()) for photo in PHOTOS]
    blind, told = core.detect_preprocessing(net, PHOTOS), core.detect_preprocessing(net, PHOTOS, truths)
    assert blind[0].name == told[0].name == name and told[0].sure
    assert told[0].right >= 4 and told[0].score > told[1].score  # right is of the mean over five views
    assert len(blind) == len(core.NORMALIZATIONS) and blind[0].probabilities.shape == (6, 200)


def test_normalizations_are_the_published_ones():
    grey = tf.fill((1, 2, 2, 3), 0.5)
    expected = {"unit": 0.5, "symmetric": 0.0, "bytes": 127.5, "unit_bgr": 0.5}
    for name, value in expected.items():
        np.testing.assert_allclose(core.normalization(name)(grey), np.full((1, 2, 2, 3), value), atol=1e-6)
    ramp = np.random.default_rng(0).random((1, 3, 4, 3), dtype=np.float32)
    for name, mode in (("caffe", "caffe"), ("standard", "torch"), ("symmetric", "tf")):
        theirs = keras.applications.imagenet_utils.preprocess_input(ramp * 255, mode=mode)
        np.testing.assert_allclose(core.normalization(name)(ramp), theirs, atol=1e-4)
    np.testing.assert_allclose(core.normalization("bytes_bgr")(ramp), ramp[..., ::-1] * 255, atol=1e-4)


def test_a_grey_network_is_tried_without_channel_orders():
    keras.utils.set_random_seed(0)
    image = keras.Input((20, 20, 1))
    body = keras.layers.GlobalMaxPooling2D()(keras.layers.Conv2D(5, 3, name="conv")(image))
    net = core.classifier(keras.Model(image, body), name="grey")
    assert {found.name for found in core.detect_preprocessing(net, PHOTOS)} == {"unit", "symmetric", "bytes"}
    known = net.prepared(preprocess=core.normalization("symmetric"))
    assert known.preprocess(tf.ones((1, 20, 20, 3))).shape == (1, 20, 20, 1)


def test_another_normalization_copies_nothing_and_leaves_the_first_alone(lens):
    photo = core.samples.load("cat")
    before = core.predict(lens, photo)
    other = lens.prepared(preprocess=core.normalization("unit"), facts={"normalization": "unit"})
    assert core.predict(other, photo) != before == core.predict(lens, photo)
    assert other.network is lens.network and other.card["normalization"] == "unit"


@pytest.mark.parametrize(
    ("pictures", "truths", "sentence"),
    [
        ([], (), "two pictures or more"),
        (PHOTOS[:1], (), "two pictures or more"),
        (PHOTOS[:2], (1,), "one truth for each, got 2 and 1"),
        (PHOTOS[:2], (1, 200), "classes from 0 to 199"),
    ],
)
def test_impossible_questions_get_one_sentence(lens, pictures, truths, sentence):
    with pytest.raises(ValueError, match=sentence):
        core.detect_preprocessing(lens, pictures, truths)


def test_what_has_no_classes_or_no_name_is_refused(lens):
    image = keras.Input((20, 20, 3))
    bare = core.classifier(keras.Model(image, keras.layers.Conv2D(2, 3)(image)), name="bare")
    with pytest.raises(ValueError, match="with classes, got bare"):
        core.detect_preprocessing(bare, PHOTOS)
    with pytest.raises(ValueError, match="no normalization 'x'; there is unit, symmetric"):
        core.normalization("x")
    with pytest.raises(ValueError, match="Expected 200 labels"):
        lens.prepared(labels=["one"])


def test_two_truths_are_not_enough_to_be_sure(lens):
    names = core.samples.names()[:2]
    answers = [lens.labels.index(core.predict(lens, core.samples.load(one), top=1)[0][0][0]) for one in names]
    few = core.detect_preprocessing(lens, [core.samples.load(one) for one in names], answers)
    many = core.detect_preprocessing(lens, [core.samples.load(one) for one in names * 2], answers * 2)
    assert few[0].name == many[0].name == "bytes" and few[0].right == 2
    assert (few[0].sure, many[0].sure) == (False, True)


def test_thin_evidence_is_called_so():
    keras.utils.set_random_seed(0)
    image = keras.Input((20, 20, 1))
    body = keras.layers.GlobalMaxPooling2D()(keras.layers.Conv2D(5, 3, name="conv")(image))
    net = core.classifier(keras.Model(image, keras.layers.Softmax()(body)), name="grey")
    found = core.detect_preprocessing(net, PHOTOS)
    assert not any(one.sure for one in found), "photographs say little of a network that sees grey"
    scaled = keras.Model(image, net.network(keras.layers.Rescaling(1 / 255)(image)))
    first, *others = core.detect_preprocessing(core.classifier(scaled, name="scaled"), PHOTOS)
    assert (first.name, first.sure) == ("bytes", True) and not any(one.sure for one in others)
