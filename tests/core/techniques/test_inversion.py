from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers as L  # noqa: N812

import core
from core.networks.classifiers import LOGITS
from core.optimize import ascent
from core.optimize.ascent import last
from core.techniques import inversion
from core.techniques.inversion import (
    INVERSIONS,
    caricature,
    estimate_inversion,
    feature_distance,
    invert,
    pixel_distance,
)

ROW = ("conv1_relu", "conv2_relu", LOGITS)


def smooth(height=24, width=40):
    """A picture of soft blobs, as photographs have, that is not square."""
    noise = np.random.default_rng(5).random((1, 6, 8, 3), dtype=np.float32)
    return core.resize(0.2 + 0.6 * noise, height=height, width=width)


def row(net, picture, layers=ROW, **settings):
    return last(invert(net, picture, layers, **{"steps": 12, **settings}))


@pytest.mark.parametrize("size", [(24, 40), (23, 41)])
@pytest.mark.parametrize("preset", INVERSIONS)
def test_every_preset_raises_its_score_at_any_size(tiny, preset, size):
    frame = row(tiny, smooth(*size), preset=preset)
    images = frame.images.numpy()
    assert images.shape == (3, *size, 3) and images.min() >= 0 and images.max() <= 1 and np.isfinite(images).all()
    assert frame.curve.shape == (12, 3) and frame.score.shape == (3,)
    assert (frame.curve[-1].numpy() > frame.curve[0].numpy()).all()
    assert INVERSIONS[preset].source


def test_the_first_layer_gives_the_picture_back_and_the_last_does_not(tiny):
    wanted = smooth()
    images = row(tiny, wanted, ("conv1", LOGITS), steps=80).images.numpy()
    first, end = pixel_distance(wanted, images)
    assert first < 0.1 and first < 0.6 * end


def test_the_deeper_in_the_bundled_network_the_less_is_left():
    net = core.load("lens5_robust")
    photo = core.seen_by(net, core.samples.load("coffee"))
    row = last(invert(net, photo, [stage.layer for stage in core.stages(net)][::2], steps=40)).images.numpy()
    first, middle, end = pixel_distance(photo, row)
    assert first < 0.12 and first < middle < end
    np.testing.assert_allclose(pixel_distance(photo, row), np.sqrt(((row - photo) ** 2).mean((1, 2, 3))), rtol=1e-5)


def test_what_is_inverted_has_nearly_the_same_code(tiny):
    wanted = smooth()
    frame = row(tiny, wanted, ("conv2_relu",), steps=80)
    grey = np.full_like(wanted, 0.5)
    found, plain = feature_distance(tiny, wanted, "conv2_relu", np.concatenate([frame.images.numpy(), grey]))
    assert found < 0.05 and found < 0.3 * plain
    assert feature_distance(tiny, wanted, "conv2_relu", wanted) == pytest.approx([0], abs=1e-9)


def test_a_caricature_has_more_of_the_code_than_the_picture_itself(tiny):
    wanted = smooth()
    images = last(caricature(tiny, wanted, ["conv2_relu"], power=0.0, steps=60)).images
    tap = tiny.tap(["conv2_relu"])
    own, code = (tap(one)["conv2_relu"].numpy() for one in (images, wanted))
    assert (own * code).sum() > 1.1 * (code * code).sum()


def test_a_higher_power_stays_nearer_to_the_picture(tiny):
    free, strict = (
        last(caricature(tiny, smooth(), ["conv2_relu"], power=power, steps=40)).images for power in (0.0, 6.0)
    )
    far, near = (feature_distance(tiny, smooth(), "conv2_relu", one)[0] for one in (free, strict))
    assert near < far


def test_the_seed_decides(tiny):
    same = [row(tiny, smooth(), steps=3, seed=seed).images.numpy() for seed in (4, 4, 5)]
    assert np.array_equal(same[0], same[1])
    assert not np.allclose(same[0], same[2], atol=1e-3)


def test_the_presets_differ(tiny):
    images = [row(tiny, smooth(), steps=3, preset=preset).images.numpy().tobytes() for preset in INVERSIONS]
    assert len(set(images)) == len(INVERSIONS)


@pytest.mark.parametrize("preset", INVERSIONS)
def test_to_stop_and_go_on_is_the_same_as_to_go_through(tiny, preset):
    through = row(tiny, smooth(), steps=7, preset=preset)
    half = row(tiny, smooth(), steps=3, preset=preset)
    on = row(tiny, smooth(), steps=4, preset=preset, state=half.state)
    assert (on.step, on.total) == (7, 7) and on.curve.shape == through.curve.shape
    np.testing.assert_allclose(on.images, through.images, atol=1e-5)


def test_a_layer_stands_alone(tiny):
    together = row(tiny, smooth(), steps=5).images.numpy()
    for index, layer in enumerate(ROW):
        np.testing.assert_allclose(row(tiny, smooth(), [layer], steps=5).images[0], together[index], atol=1e-5)


def test_the_first_frame_is_usable_and_the_picture_unchanged(tiny):
    wanted = smooth()
    before = wanted.copy()
    frame = next(invert(tiny, wanted[0], ROW, steps=50))
    assert 0 < frame.step <= 50 and frame.images.shape == (3, 24, 40, 3)
    assert np.array_equal(wanted, before)


def test_one_trace_for_each_layer_whatever_the_picture(monkeypatch):
    keras.utils.set_random_seed(1)
    image = keras.Input((None, None, 3))
    x = L.Conv2D(4, 3, name="one")(image)
    net = core.classifier(keras.Model(image, L.Conv2D(4, 3, name="two")(x)), name="fresh", size=(24, 40))
    traces, measure = [], ascent._measure

    def counted(*settings):
        inner = measure(*settings)
        return lambda *args: (traces.append(1), inner(*args))[1]

    monkeypatch.setattr(ascent, "_measure", counted)
    for height, width in ((24, 40), (23, 41), (32, 32)):
        row(net, smooth(height, width), ("one", "two"), steps=4)
    assert len(traces) == 2


def test_a_network_that_sees_grey_gets_grey():
    keras.utils.set_random_seed(2)
    image = keras.Input((24, 40, 1))
    net = core.classifier(keras.Model(image, L.Conv2D(4, 3, name="one")(image)), name="grey")
    images = row(net, smooth(), ("one",), steps=3).images.numpy()
    assert np.ptp(images, axis=-1).max() < 1e-6


def test_the_estimate_is_of_the_right_order(tiny):
    cost = estimate_inversion(tiny, smooth(), ROW, steps=40)
    assert 0 < cost.seconds < 60 and cost.bytes > 0
    assert estimate_inversion(tiny, smooth(), ROW, steps=4000).seconds > 10 * cost.seconds


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"layers": ["conv9"]}, "has no layer 'conv9'"),
        ({"layers": []}, "Expected 1 to 64 layers, got 0"),
        ({"steps": 0}, "Expected steps from 1 to 5000, got 0"),
        ({"steps": 2.5}, "Expected steps from 1 to 5000, got 2.5"),
        ({"preset": "lucid"}, "There is no preset 'lucid'; there is convscope, mahendran, caricature"),
        ({"picture": np.zeros((2, 24, 40, 3))}, "Expected one picture"),
        ({"picture": np.full((24, 40, 3), 2.0)}, "Expected a picture of finite values from 0 to 1"),
        ({"picture": np.full((24, 40, 3), np.nan)}, "Expected a picture of finite values from 0 to 1"),
        ({"picture": np.zeros((8, 40, 3))}, "Expected 16 to 1024 pixels a side, got 8 x 40"),
    ],
)
def test_errors_are_sentences_before_the_work(tiny, change, sentence):
    settings = {"picture": smooth(), "layers": ROW, **change}
    picture, layers = settings.pop("picture"), settings.pop("layers")
    with pytest.raises(ValueError, match=sentence):
        invert(tiny, picture, layers, **settings)


def test_errors_of_power_state_size_and_weights(tiny, linear):
    with pytest.raises(ValueError, match="Expected power from 0 to 10, got 11"):
        caricature(tiny, smooth(), ROW, power=11)
    state = row(tiny, smooth(), steps=1).state
    with pytest.raises(ValueError, match="Expected the state of 1 pictures of 24 x 40, got one of 3 of 24 x 40"):
        invert(tiny, smooth(), ["conv1"], state=state)
    with pytest.raises(ValueError, match="Expected pictures of 24 x 40, the only size at which"):
        invert(linear, smooth(23, 41), [LOGITS])
    with pytest.raises(ValueError, match=r"Expected pictures of shape \(N, 24, 40, 3\)"):
        feature_distance(tiny, smooth(), "conv1", smooth(23, 41))
    with pytest.raises(ValueError, match="Expected one picture and others of its size"):
        pixel_distance(smooth(), smooth(23, 41))
    broken = keras.Sequential([keras.Input((24, 40, 3)), L.Conv2D(2, 3, name="one")])
    broken.set_weights([np.full_like(one, np.nan) for one in broken.get_weights()])
    with pytest.raises(ValueError, match="Expected finite weights, got NaN or infinity in layer 'one'"):
        invert(core.classifier(broken, name="broken"), smooth(), ["one"])


def test_a_recipe_of_ones_own_is_taken(tiny):
    own = replace(INVERSIONS["convscope"], total_variation=0.0, alpha_norm=0.1)
    assert inversion.Inversion.objective(own, "conv1") == own.objective("conv1")
    assert row(tiny, smooth(), ("conv1",), preset=own, steps=3).images.shape == (1, 24, 40, 3)
