from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as L  # noqa: N812

import core
from core.networks.classifiers import LOGITS
from core.networks.steps import BEFORE
from core.optimize.ascent import last, score
from core.optimize.objectives import Channel, Energy, Neuron
from core.optimize.parameterizations import Fourier, MaCo
from core.optimize.transforms import Chain, Roll
from core.optimize.updates import Adam
from core.techniques import filters
from core.techniques.filters import PRESETS, active_units, estimate, maximize, unit_objective

FAST = filters.Preset("fast", "", Fourier(), Adam(0.1), 4, Chain((Roll(),)))


def grow(net, layer, channels, **settings):
    return last(maximize(net, layer, channels, **{"size": (24, 40), "preset": FAST, **settings}))


def rose(frame):
    return (frame.curve[-1].numpy() > frame.curve[0].numpy()).all()


def small(*body, shape=(None, None, 3), name="small", size=(24, 40)):
    keras.utils.set_random_seed(5)
    image = x = keras.Input(shape)
    for layer in body:
        x = layer(x)
    return core.classifier(keras.Model(image, x), name=name, size=size)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_raises_its_units(tiny, preset):
    frame = grow(tiny, "conv2_relu", [1, 4], preset=preset, steps=6, size=(23, 41))
    images = frame.images.numpy()
    assert images.shape == (2, 23, 41, 3) and np.isfinite(images).all() and images.min() >= 0 and images.max() <= 1
    assert rose(frame)
    assert images.std(axis=(1, 2, 3)).min() > 0.004
    assert PRESETS[preset].source and PRESETS[preset].steps >= 30


def test_presets_differ(tiny):
    images = [grow(tiny, "conv2_relu", [1], preset=preset, steps=2).images.numpy().tobytes() for preset in PRESETS]
    assert len(set(images)) == len(PRESETS)


def test_units_are_raised_before_their_nonlinearity(tiny):
    assert unit_objective(tiny, "conv2_relu") == unit_objective(tiny, "conv2") == Channel("conv2_bn")
    assert unit_objective(tiny, "conv1_relu", border=2) == Channel("conv1", border=2)
    assert unit_objective(tiny, LOGITS) == Channel(LOGITS)
    fused = small(L.Conv2D(4, 3, activation="relu", name="conv"))
    assert unit_objective(fused, "conv") == Channel("conv" + BEFORE)
    frame = grow(fused, "conv", range(4))
    assert rose(frame)


def test_negative_lowers_and_a_position_is_one_place(tiny):
    raised = grow(tiny, "conv2", [2, 3]).images
    lowered = grow(tiny, "conv2", [2, 3], negative=True).images
    here = grow(tiny, "conv2", [2, 3], position=(2, 5)).images
    middle = grow(tiny, "conv2", [2, 3], position="middle").images
    unit = Channel("conv2_bn")
    assert (score(tiny, unit, raised, [2, 3]).numpy() > score(tiny, unit, lowered, [2, 3]).numpy()).all()
    assert unit_objective(tiny, "conv2", position=(2, 5)) == Neuron("conv2_bn", 2, 5)
    assert not np.allclose(here, raised) and not np.allclose(here, middle)


def test_classes_by_layer_and_by_name_of_the_logits_agree(tiny):
    assert np.array_equal(grow(tiny, "logits", [3]).images, grow(tiny, LOGITS, [3]).images)
    pictures = grow(tiny, LOGITS, [0, 2], steps=20).images
    logits = tiny.tap([LOGITS])(pictures)[LOGITS].numpy()
    assert logits[0, 0] > logits[1, 0] and logits[1, 2] > logits[0, 2]


def test_a_unit_does_not_depend_on_its_neighbours(tiny):
    wall = grow(tiny, "conv2", [0, 1, 2, 3]).images.numpy()
    alone = grow(tiny, "conv2", [2]).images.numpy()
    assert alone[0] == pytest.approx(wall[2], abs=1e-3)
    assert np.abs(wall[2] - wall[1]).max() > 0.01


def test_same_seed_same_pictures(tiny):
    one, again, other = (grow(tiny, "conv2", [1], seed=seed).images.numpy() for seed in (4, 4, 5))
    assert np.array_equal(one, again) and not np.array_equal(one, other)


@pytest.mark.parametrize("start", ["noise", "grey", "picture"])
def test_where_it_starts(tiny, start):
    pictures = np.random.default_rng(0).random((1, 30, 50, 3), dtype=np.float32)
    picture = pictures[0].copy()
    frame = grow(
        tiny,
        "conv2",
        [1],
        start=picture if start == "picture" else start,
        steps=1,
        preset=replace(FAST, parameterization=Fourier(spread=1.0), update=Adam(1e-4)),
    )
    expected = {"grey": np.float32(0.5), "picture": core.fit(picture[None], height=24, width=40)[0]}.get(start)
    if start == "noise":
        assert frame.images.numpy().std() > 0.1
    else:
        assert frame.images[0].numpy() == pytest.approx(np.broadcast_to(expected, (24, 40, 3)), abs=0.01)
    assert np.array_equal(picture, pictures[0])


def test_facets_are_different_pictures_of_one_unit(tiny):
    frame = grow(tiny, "conv2", [1, 6], facets=2, steps=8)
    assert frame.images.shape[0] == 4
    assert np.abs(frame.images[0] - frame.images[1]).max() > 0.05
    assert (score(tiny, Channel("conv2_bn"), frame.images, [1, 1, 6, 6]).numpy() > frame.curve[0].numpy()).sum() >= 2


def test_an_objective_of_ones_own(tiny):
    goal = Channel("conv2_bn") - 0.1 * Energy("conv1")
    frame = grow(tiny, "conv2", [1, 2], objective=goal)
    assert rose(frame)


def test_thirty_more_steps(tiny):
    first = grow(tiny, "conv2", [1, 2], steps=3)
    more = grow(tiny, "conv2", [1, 2], steps=2, state=first.state)
    assert (more.step, more.total) == (5, 5)
    assert more.images.numpy() == pytest.approx(grow(tiny, "conv2", [1, 2], steps=5).images.numpy(), abs=1e-4)


def test_the_keras_preset_brings_pictures_to_its_contrast(tiny):
    images = grow(tiny, "conv2", [1], preset="keras", steps=3).images.numpy()
    assert images.mean() == pytest.approx(0.5, abs=0.01) and images.std() == pytest.approx(0.15, abs=0.01)


def test_maco_takes_the_spectrum_of_the_sample_pictures():
    parameterization = filters._suited(small(L.Conv2D(2, 3)), MaCo())
    assert (
        len(parameterization.spectrum) == 8 and parameterization.spectrum[-1][0] > parameterization.spectrum[0][0] + 2
    )


def test_a_grey_network_gets_grey_pictures():
    grey = small(L.Conv2D(4, 3, name="conv"), shape=(None, None, 1))
    frame = grow(grey, "conv", [0, 1])
    assert np.ptp(frame.images.numpy(), axis=-1).max() < 1e-6 < frame.images.numpy().std()
    assert rose(frame)


def test_a_network_of_one_size_gets_that_size(linear):
    frame = last(maximize(linear, "logits", [0, 1], preset="lucid", steps=2))
    assert frame.images.shape == (2, 24, 40, 3)
    with pytest.raises(ValueError, match="Expected size 24 x 40, the only one at which logits of linear runs, got 64"):
        maximize(linear, "logits", [0], size=64)
    with pytest.raises(ValueError, match=r"the only one at which \(logits\) of linear runs, got 40 x 24"):
        maximize(linear, LOGITS, [0], size=(40, 24))


def test_dead_units_are_waked_or_said_to_be_dead():
    bias = keras.initializers.Constant([0.0, -0.4, -100.0])
    kernel = keras.initializers.Constant(np.full((3, 3, 3, 3), 0.025))
    net = small(L.Conv2D(3, 3, kernel_initializer=kernel, bias_initializer=bias, name="conv"), L.ReLU(name="relu"))
    frame = grow(net, "relu", [0, 1, 2], objective=Channel("relu"), start="grey", steps=20)
    assert active_units(net, "relu", [0, 1, 2], np.full((3, 24, 40, 3), 0.5, np.float32)).tolist() == [
        True,
        False,
        False,
    ]
    assert active_units(net, "relu", [0, 1, 2], frame.images).tolist() == [True, True, False]
    assert active_units(net, "conv", [0, 1, 2], frame.images).tolist() == [True, True, False]


def test_an_estimate_grows_with_the_work(tiny):
    few, many = (estimate(tiny, "conv2", range(4), size=(24, 40), preset=FAST, steps=steps) for steps in (10, 1000))
    assert 0 < few.seconds < many.seconds and 0 < few.bytes < 2**30
    with pytest.raises(ValueError, match="Expected steps from 1 to 5000"):
        estimate(tiny, "conv2", [0], steps=10**6)


BAD = {
    "tiny has no layer 'conv9'; it has scale, conv1": {"layer": "conv9"},
    "Expected channels of conv2 from 0 to 7, got 8": {"channels": [0, 8]},
    "Expected channels of conv2 from 0 to 7, got -1": {"channels": [-1]},
    "Expected channels of conv2 from 0 to 7, got 1.5": {"channels": [1.5]},
    "Expected 1 to 4096 pictures, got 0": {"channels": []},
    "Expected steps from 1 to 5000, got 0": {"steps": 0},
    "Expected steps from 1 to 5000, got 1000000": {"steps": 10**6},
    "Expected steps from 1 to 5000, got nan": {"steps": float("nan")},
    "Expected a size of 16 to 1024 pixels a side, got 8": {"size": 8},
    r"Expected a size of 16 to 1024 pixels a side, got \(64, 5000\)": {"size": (64, 5000)},
    "There is no preset 'magic'; there is convscope, lucid": {"preset": "magic"},
    "Expected to start from 'noise', 'grey' or a picture, got 'black'": {"start": "black"},
    r"Expected one picture to start from \(H, W, 3\), got shape \(2, 8, 8, 3\)": {"start": np.zeros((2, 8, 8, 3))},
    "Expected facets from 1 to 16, got 99": {"facets": 99},
    r"Expected a position \(row, column\) or 'middle', got \(-1, 0\)": {"position": (-1, 0)},
    "Expected a position within the 5 x 16 map of conv2, got row 5, column 0": {"position": (5, 0)},
    "Expected a layer with height and width for a position, got 'logits'": {"layer": "logits", "position": (0, 0)},
    "Expected an objective, got str": {"objective": "Channel"},
    "Expected the state of 2 pictures of 24 x 40, got one of 1 of 24 x 40": {"state": 1, "channels": [0, 1]},
}


@pytest.mark.parametrize("sentence", BAD)
def test_bad_input_gets_its_sentence_before_any_work(tiny, sentence, monkeypatch):
    settings = {"layer": "conv2", "channels": [0], "size": (24, 40), "preset": FAST, **BAD[sentence]}
    if "state" in settings:
        settings["state"] = grow(tiny, "conv2", [0], steps=1).state
    monkeypatch.setattr(filters, "ascend", lambda *_, **__: pytest.fail("it began to work"))
    with pytest.raises(ValueError, match=sentence):
        maximize(tiny, **settings)


def test_broken_networks_get_their_sentence():
    broken = small(L.Conv2D(2, 3, name="conv"))
    broken.network.get_layer("conv").bias.assign([0.0, np.inf])
    with pytest.raises(ValueError, match="Expected finite weights, got NaN or infinity in layer 'conv' of small"):
        maximize(broken, "conv", [0])
    image = keras.Input((None, None, 3))
    cut = keras.ops.cast(keras.ops.cast(image * 255, "int32"), "float32")
    rounded = core.classifier(keras.Model(image, L.Conv2D(2, 3, name="conv")(cut)), name="rounded", size=(24, 40))
    with pytest.raises(ValueError, match="Expected layers through which a gradient reaches the picture, got conv"):
        maximize(rounded, "conv", [0], size=32)
    headless = small(L.Conv2D(2, 3, name="conv"))
    with pytest.raises(ValueError, match="Expected a network with classes, got small, which ends in a feature map"):
        maximize(headless, LOGITS, [0])


def test_every_style_of_network():
    keras.utils.set_random_seed(2)
    nested_body = keras.Sequential([keras.Input((None, None, 3)), L.Conv2D(3, 3, name="inner")], name="body")
    image = keras.Input((None, None, 3))
    nested = keras.Model(image, L.Conv2D(2, 3, name="outer")(nested_body(image)))
    sequential = keras.Sequential([keras.Input((None, None, 3)), L.Conv2D(3, 3, activation="relu", name="conv")])
    for network, layer in [(nested, "body/inner"), (nested, "outer"), (sequential, "conv")]:
        net = core.classifier(network, name="style", size=(24, 40))
        frame = grow(net, layer, [0, 1], steps=3)
        assert rose(frame)
        assert tf.reduce_all(tf.math.is_finite(frame.images))
