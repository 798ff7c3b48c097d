"""The range that a network tells: by what stands before its first kernel, and by its first batch normalization."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers as L  # noqa: N812

import core
from core.networks import graphs
from core.networks.ranges import told_range

pytestmark = pytest.mark.usefixtures("forked_trials")

IMAGENET = keras.applications.imagenet_utils.preprocess_input
SIZE = (16, 20)


def network(entrance, channels=3, flat=False):
    image = keras.Input((*SIZE, channels))
    x = L.ZeroPadding2D(1)(entrance(image))
    x = L.Flatten()(x) if flat else L.GlobalAveragePooling2D()(L.Conv2D(8, 3, name="conv")(x))
    return keras.Model(image, L.Dense(3, activation="softmax")(x))


def told(own):
    return told_range(graphs.read(own, own.input_shape[1:]))


def adapted(scale, offset, channels=3):
    layer = L.Normalization()
    layer.adapt((np.random.default_rng(0).random((20, 8, 8, channels)) * scale + offset).astype(np.float32))
    return layer


def numbers(*values):
    return np.array(values, np.float32)


BYTES = {
    "tf": lambda x: IMAGENET(x, mode="tf"),
    "torch": lambda x: IMAGENET(x, mode="torch"),
    "caffe": lambda x: IMAGENET(x, mode="caffe"),
    "rescaling": L.Rescaling(1 / 255),
    "rescaling to -1": L.Rescaling(1 / 127.5, offset=-1),
    "divided": lambda x: x / 255.0,
    "subtracted, divided": lambda x: (x - 127.5) / 127.5,
    "inverted": lambda x: 1 - x / 255.0,
    "means": lambda x: x - numbers(123.68, 116.779, 103.939),
    "given statistics": lambda x: L.Normalization(mean=[124, 116, 104], variance=[58.0**2] * 3)(x),
    "adapted": lambda x: adapted(255.0, 0.0)(x),
    "efficientnet": lambda x: L.Rescaling([2.09, 2.11, 2.11])(
        L.Normalization(mean=[0.485, 0.456, 0.406], variance=[0.229, 0.224, 0.225])(L.Rescaling(1 / 255)(x))
    ),
    "flipped": lambda x: L.RandomFlip()(x[..., ::-1] / 255.0),
}
UNIT = {
    "to -1": L.Rescaling(2.0, offset=-1.0),
    "centred": lambda x: x - 0.5,
    "to bytes, caffe": lambda x: IMAGENET(x * 255.0, mode="caffe"),
    "given statistics": lambda x: L.Normalization(mean=[0.485, 0.456, 0.406], variance=[0.05] * 3)(x),
    "adapted": lambda x: adapted(1.0, 0.0)(x),
}
SYMMETRIC = {
    "to unit": lambda x: (x + 1) / 2,
    "to bytes": lambda x: (x + 1) * 127.5,
    "adapted": lambda x: adapted(2.0, -1.02)(x),
}
BGR = {"bytes_bgr": lambda x: x - numbers(103.939, 116.779, 123.68),
       "unit_bgr": lambda x: (x - numbers(0.406, 0.456, 0.485)) / numbers(0.225, 0.224, 0.229)}  # fmt: skip
CASES = [
    (name, one) for name, many in (("bytes", BYTES), ("unit", UNIT), ("symmetric", SYMMETRIC)) for one in many.values()
]


@pytest.mark.parametrize(("name", "entrance"), [*CASES, *BGR.items()])
def test_what_stands_before_the_first_kernel_tells(name, entrance):
    found = told(network(entrance))
    assert (found.name, found.sure) == (name, True) and found.why.startswith("Its first layers bring")


@pytest.mark.parametrize("entrance", [lambda x: x, lambda x: x[..., ::-1], L.RandomZoom(0.1), keras.ops.square])
def test_what_tells_nothing_is_not_made_up(entrance):
    assert told(network(entrance)) is None


def test_grey_and_flat_networks_tell_too():
    assert told(network(L.Rescaling(1 / 255), channels=1)).name == "bytes"
    assert told(network(lambda x: (x - 0.1307) / 0.3081, channels=1)).name == "unit"
    assert told(network(L.Rescaling(1 / 127.5, offset=-1), flat=True)).name == "bytes"
    assert told(network(lambda x: L.Concatenate()([x / 255.0] * 3), channels=1)).name == "bytes"


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([("unit", 0, 1), ("symmetric", -1, 1), ("bytes", 0, 255)]), st.floats(0.1, 0.9), st.floats(0.3, 1)
)
def test_statistics_of_pictures_in_a_range_tell_it(which, middle, fraction):
    name, low, high = which
    mean = low + (high - low) * middle
    deviation = (high - low) * fraction * np.sqrt(middle * (1 - middle))
    if name == "symmetric" and mean > -0.05:
        return  # pictures in [0, 1] may have these too
    found = told(network(lambda x: (x - mean) / deviation))
    assert found.name == name


def photographs(name):
    batch = np.concatenate([core.fit(core.samples.load(one), height=96, width=96) for one in core.samples.names()])
    return np.asarray(core.normalization(name)(batch))


@pytest.mark.parametrize("name", ["unit", "symmetric", "bytes", "standard", "caffe"])
def test_the_first_batch_normalization_tells(name):
    keras.utils.set_random_seed(3)
    image = keras.Input((96, 96, 3))
    x = L.Conv2D(16, 3, strides=2, name="conv")(image)
    norm = L.BatchNormalization(momentum=0.0)
    own = keras.Model(image, L.Dense(4)(L.GlobalAveragePooling2D()(L.ReLU()(norm(x)))))
    assert told(own) is None, "it was never trained"
    own(photographs(name), training=True)
    found = told(own)
    assert found.name == name and found.why.startswith("Its first batch normalization remembers")


def test_a_real_network_tells(shared):
    own = keras.models.load_model(shared / "models" / "tiny_darknet_imagenet.keras", compile=False)
    found = told_range(graphs.read(own, (224, 224, 3)))
    assert (found.name, found.sure, found.ordered) == ("unit", True, True)
    net = core.classifier(own, name="darknet", size=(224, 224))
    first = core.detect_preprocessing(net, [core.samples.load(one) for one in core.samples.names()[:4]])[0]
    assert (first.name, first.sure) == ("unit", True)


def test_a_file_is_prepared_as_it_tells(tmp_path):
    network(lambda x: (x - 127.5) / 127.5).save(tmp_path / "own.keras")
    card = core.load(tmp_path / "own.keras").card
    assert (card["normalization"], card["normalization_sure"]) == ("bytes", True)
    assert card["normalization_why"] == "Its first layers bring 127.5 to 0 and 255 to 1."
