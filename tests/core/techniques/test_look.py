"""What a live picture is told of each frame."""

import keras
import numpy as np
import pytest

import core


@pytest.fixture(scope="module")
def frame():
    return np.random.default_rng(3).random((1, 24, 40, 3), dtype=np.float32)


def test_a_look_agrees_with_activations_and_prediction(tiny, frame):
    found = core.look(tiny, frame, "conv2_relu")
    units = core.activations(tiny, frame, ["conv2_relu"])["conv2_relu"]
    statistics = core.statistics(units)
    np.testing.assert_array_equal(found.ranking, statistics.strongest())
    np.testing.assert_allclose(found.means, statistics.mean, rtol=1e-5)
    likeliest = core.predict(tiny, frame, top=1)[0][0]
    assert (tiny.labels[int(found.answers.argmax())], pytest.approx(float(found.answers.max()))) == likeliest
    assert found.channel == found.ranking[0]
    own = units[0, ..., found.channel]
    assert found.value == own.max() == own[found.position]


def test_the_order_is_the_one_asked_for_and_the_followed_channel_need_not_be_shown(tiny, frame):
    found = core.look(tiny, frame, "conv2_relu", channel=1, order=[5, 0, 7, 2], count=3)
    assert found.shown.tolist() == [5, 0, 7] and found.maps.shape[0] == 3
    assert found.channel == 1 and found.map.shape == found.maps.shape[1:]
    again = core.look(tiny, frame, "conv2_relu", order=[1], count=64)
    np.testing.assert_array_equal(again.maps[0], found.map)


def test_only_what_the_unit_sees_changes_it(tiny, frame):
    found = core.look(tiny, frame, "conv2_relu", channel=2)
    top, left, bottom, right = found.window
    other = np.zeros_like(frame)
    other[:, top:bottom, left:right] = frame[:, top:bottom, left:right]
    units = core.activations(tiny, other, ["conv2_relu"])["conv2_relu"]
    assert units[0, (*found.position, 2)[0], found.position[1], 2] == pytest.approx(found.value, rel=1e-5)


def test_what_hardly_answers_stays_dark(tiny, frame):
    net = core.classifier(tiny.network, name="faint", size=(24, 40))
    kernel, bias = net.network.get_layer("conv1").get_weights()
    try:
        net.network.get_layer("conv1").set_weights([kernel * ([1] + [1e-4] * 5), bias * ([1] + [1e-4] * 5)])
        found = core.look(net, frame, "conv1_relu", order=range(6))
    finally:
        net.network.get_layer("conv1").set_weights([kernel, bias])
    assert found.maps[0].max() == 255 and found.maps[1:].max() < 16


def test_a_layer_without_places_has_maps_of_one_value(tiny, frame):
    found = core.look(tiny, frame, "gap")
    assert found.maps.shape == (8, 1, 1) and found.position == (0, 0) and found.window == (0, 0, 24, 40)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"layer": "conv9"}, "no layer 'conv9'"),
        ({"layer": "conv1", "channel": 6}, "0 to 5"),
        ({"layer": "conv1", "order": [0, -1]}, "0 to 5"),
        ({"layer": "conv1", "count": 0}, "count"),
        ({"layer": "conv1", "draw": "dreams"}, "no drawing"),
        ({"layer": "conv1", "draw": "cam", "answer": 99}, "target of logits"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(tiny, frame, asked, words):
    with pytest.raises(ValueError, match=words):
        core.look(tiny, frame, **asked)


def test_frames_of_another_size_are_refused(tiny):
    with pytest.raises(ValueError, match="own size"):
        core.look(tiny, np.zeros((1, 32, 32, 3), np.float32), "conv1")


def test_many_frames_and_channels_are_traced_once_and_say_the_same(tiny, frame):
    slow = core.look(tiny, frame, "conv1")
    run = core.prepare_look(tiny, "conv1")
    for channel in range(4):
        core.look(tiny, np.roll(frame, channel, 1), "conv1", channel=channel)
    quick = core.look(tiny, frame, "conv1")
    assert core.prepare_look(tiny, "conv1") is run and run.experimental_get_tracing_count() == 1
    np.testing.assert_allclose(quick.answers, slow.answers, rtol=1e-5)
    np.testing.assert_allclose(quick.means, slow.means, rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match="no layer"):
        core.prepare_look(tiny, "conv9")


@pytest.mark.parametrize("channel", [None, 3])
def test_what_is_drawn_in_the_same_pass_is_what_is_drawn_alone(tiny, frame, channel):
    plain = core.look(tiny, frame, "conv2_relu", channel=channel)
    for draw in core.LOOK_DRAWINGS:
        found = core.look(tiny, frame, "conv2_relu", channel=channel, draw=draw)
        np.testing.assert_allclose(found.answers, plain.answers, rtol=1e-4)
        np.testing.assert_allclose(found.means, plain.means, rtol=1e-4, atol=1e-6)
        assert found.channel == plain.channel and found.shown.tolist() == plain.shown.tolist()
        if draw == "cam":
            alone = core.attribute(tiny, frame, int(plain.answers.argmax()), method="grad_cam")
        else:
            alone = core.project_channel(tiny, frame, "conv2_relu", found.channel, method=draw)
        np.testing.assert_allclose(found.drawn, alone, rtol=1e-3, atol=1e-5 * np.abs(alone).max())
    cams = [core.look(tiny, frame, "conv1", draw="cam", answer=one).drawn for one in range(len(tiny.labels))]
    for answer, cam in enumerate(cams):
        np.testing.assert_allclose(cam, core.attribute(tiny, frame, answer, method="grad_cam"), rtol=1e-3, atol=1e-6)
    assert max(np.abs(cams[0] - one).max() for one in cams) > 0


def test_the_gradient_of_a_channel_is_the_slope_of_its_energy(tiny, frame):
    """Before the nonlinearity, which is ``conv2_bn`` here; by a difference of two pictures in double steps."""
    slope = core.project_channel(tiny, frame, "conv2_relu", 2, method="gradient")
    direction = np.random.default_rng(9).standard_normal(frame.shape).astype(np.float32)

    def energy(picture):
        own = core.activations(tiny, picture, ["conv2_bn"])["conv2_bn"][..., 2]
        return float(np.square(np.maximum(own.astype(np.float64), 0)).sum() / 2)

    step = np.float32(1e-2)
    expected = (energy(frame + step * direction) - energy(frame - step * direction)) / (2 * step)
    assert float((slope * direction).sum()) == pytest.approx(expected, rel=0.05)


def test_projections_of_a_channel_differ_and_see_past_a_ceiling(tiny, frame):
    found = [core.project_channel(tiny, frame, "conv2_relu", 1, method=one) for one in core.CHANNEL_PROJECTIONS]
    assert all(one.shape == frame.shape and np.abs(one).max() > 0 for one in found)
    assert np.abs(found[0] - found[1]).max() > 0 and np.abs(found[1] - found[2]).max() > 0
    image = keras.Input((24, 40, 3))
    bounded = keras.layers.Conv2D(2, 3, padding="same", bias_initializer="ones", name="conv")(image)
    bounded = keras.layers.ReLU(6, name="bounded")(100 * bounded)
    net = core.classifier(keras.Model(image, bounded), name="bounded")
    assert (core.activations(net, frame, ["bounded"])["bounded"] == 6).mean() > 0.3
    assert np.abs(core.project_channel(net, frame, "bounded", 0, method="gradient")).max() > 0


@pytest.mark.parametrize("asked", [{"method": "lrp"}, {"channel": 8}, {"layer": "conv9"}], ids=str)
def test_projections_that_cannot_be_are_refused(tiny, frame, asked):
    settings = {"layer": "conv2_relu", "channel": 0, **asked}
    with pytest.raises(ValueError, match=r"Expected|no layer|no projection"):
        core.project_channel(tiny, frame, **settings)
