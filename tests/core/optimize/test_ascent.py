import gc
import weakref
from dataclasses import dataclass

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as L  # noqa: N812

import core
from core.networks import folding
from core.optimize import ascent
from core.optimize.ascent import ascend, last
from core.optimize.objectives import Channel, CrossEntropy, Direction, Diversity, Energy, Logit, Neuron
from core.optimize.parameterizations import Fourier, MaCo, Pixels
from core.optimize.regularizers import YosinskiRegularizer
from core.optimize.transforms import Chain, Jitter, Pad, Roll, Rotate, Scale
from core.optimize.updates import Adam, GradientAscent

CLIMB, PIXELS = GradientAscent(0.02, "rms"), Pixels()


def grow(net, objective, target=(0, 1), *, size=(24, 40), parameterization=PIXELS, steps=4, update=CLIMB, **settings):
    parameters = parameterization.start(len(target), *size, 0)
    return last(
        ascend(
            net,
            objective,
            parameters,
            target,
            update=update,
            steps=steps,
            parameterization=parameterization,
            **settings,
        )
    )


def gain(net, objective, parameterization=PIXELS, target=(0, 1), **settings):
    """How much an ascent raised the objective, measured on the pictures themselves."""
    start = parameterization.render(parameterization.start(len(target), 24, 40, 0))
    end = grow(net, objective, target, parameterization=parameterization, **settings).images
    return ascent.score(net, objective, end, target).numpy() - ascent.score(net, objective, start, target).numpy()


RAISED = [
    Channel("conv2_bn"),
    Channel("conv2_bn", border=2),
    Neuron("conv2_bn", 3, 4),
    Logit(),
    Direction("conv2_relu", tuple(np.linspace(-1, 1, 8))),
    Energy("conv1_relu"),
    CrossEntropy(),
    -CrossEntropy(),
    Channel("conv1") - 0.5 * Channel("conv2_bn"),
    -Logit(),
    Diversity("conv2_bn", 2),
]


@pytest.mark.parametrize("objective", RAISED, ids=repr)
def test_ascent_raises_every_objective(tiny, objective):
    assert (gain(tiny, objective) > 0).all()


@pytest.mark.parametrize("parameterization", [Fourier(), Fourier(decay=1.5), MaCo(), Pixels(grey=True)], ids=repr)
def test_ascent_raises_with_every_parameterization(tiny, parameterization):
    assert (gain(tiny, Channel("conv2_bn"), parameterization, update=Adam(0.05), steps=8) > 0).all()


@pytest.mark.parametrize("normalize", ["mean", "std", "rms", "l2", "none"])
def test_every_normalization_ascends_and_no_two_alike(tiny, normalize):
    step_size = {"l2": 1.0, "none": 10.0}.get(normalize, 0.02)
    assert (gain(tiny, Channel("conv2_bn"), update=GradientAscent(step_size, normalize)) > 0).all()
    ends = [
        grow(tiny, Channel("conv2_bn"), update=GradientAscent(0.02, other)).images
        for other in (normalize, "rms", "mean")
    ]
    assert np.array_equal(ends[0], ends[1]) == (normalize == "rms")
    assert np.array_equal(ends[0], ends[2]) == (normalize == "mean")


def test_settings_that_should_differ_differ(tiny):
    updates = [Adam(0.01), Adam(0.02), Adam(0.01, nesterov=True), Adam(0.01, beta_1=0.5), Adam(0.01, beta_2=0.5), CLIMB]
    regularizers = [
        YosinskiRegularizer(decay=0.1),
        YosinskiRegularizer(blur=0.6),
        YosinskiRegularizer(blur=0.6, blur_every=3),
        YosinskiRegularizer(clip_small_norm=40),
        YosinskiRegularizer(clip_small_contribution=40),
    ]
    ends = [grow(tiny, Channel("conv2_bn"), update=update).images.numpy() for update in updates]
    ends += [grow(tiny, Channel("conv2_bn"), regularizer=regularizer).images.numpy() for regularizer in regularizers]
    assert len({end.tobytes() for end in ends}) == len(updates) + len(regularizers)


VIEWS = Chain((Pad(4), Jitter(4), Scale(0.8, 1.2), Rotate(), Roll(3)))


@pytest.mark.parametrize("size", [(24, 40), (23, 41)], ids="{0[0]}x{0[1]}".format)
def test_frames_have_the_documented_shapes(tiny, size):
    frame = grow(tiny, Channel("conv2_bn"), (0, 3, 5), size=size, steps=3, transform=VIEWS, batch=2)
    assert frame.step == frame.total == frame.state.step == 3
    assert frame.images.shape == (3, *size, 3) and frame.score.shape == (3,) and frame.curve.shape == (3, 3)
    assert np.array_equal(frame.curve[-1], frame.score)
    assert np.isfinite(frame.images).all() and np.isfinite(frame.curve).all()


def test_same_seed_same_pictures_and_the_start_is_left_alone(tiny):
    start = np.random.default_rng(0).random((2, 24, 40, 3)).astype(np.float32)
    before = start.copy()
    settings = {"update": CLIMB, "steps": 3, "transform": VIEWS}
    one, again, other = (
        last(ascend(tiny, Channel("conv2_bn"), start, [0, 1], seed=seed, **settings)).images for seed in (1, 1, 2)
    )
    assert np.array_equal(one, again) and not np.array_equal(one, other)
    assert np.array_equal(start, before)


def test_batches_change_nothing(tiny):
    at_once = grow(tiny, Channel("conv2_bn"), range(5), transform=VIEWS, update=Adam(0.02))
    by_two = grow(tiny, Channel("conv2_bn"), range(5), transform=VIEWS, update=Adam(0.02), batch=2)
    assert len(by_two.state.parameters) == 3
    assert by_two.images.numpy() == pytest.approx(at_once.images.numpy(), abs=1e-3)
    assert by_two.curve.numpy() == pytest.approx(at_once.curve.numpy(), abs=1e-3)


def test_groups_are_never_cut(tiny):
    goal = Channel("conv2_bn") + Diversity("conv2_bn", 2)
    assert [len(part) for part in grow(tiny, goal, [0] * 6, steps=1, batch=3).state.parameters] == [2, 2, 2]


@pytest.mark.parametrize("update", [CLIMB, Adam(0.02)], ids=repr)
def test_going_on_is_the_same_as_not_stopping(tiny, monkeypatch, update):
    settings = {"update": update, "transform": VIEWS, "batch": 2}
    through = grow(tiny, Channel("conv2_bn"), range(3), steps=7, **settings)
    monkeypatch.setattr(ascent, "CHUNK", 0.0)
    frames = ascend(tiny, Channel("conv2_bn"), Pixels().start(3, 24, 40, 0), range(3), steps=7, **settings)
    stopped = [next(frames) for _ in range(4)][-1]  # in the middle of a step: three of the batches have taken it
    assert stopped.state.done % 2 == 1
    assert stopped.images.shape == (3, 24, 40, 3) and np.isfinite(stopped.images).all() and stopped.score.shape == (3,)
    rest = last(ascend(tiny, Channel("conv2_bn"), stopped.state, range(3), steps=7 - stopped.step, **settings))
    assert rest.step == rest.total == 7
    assert rest.images.numpy() == pytest.approx(through.images.numpy(), abs=1e-5)
    assert rest.curve.numpy() == pytest.approx(through.curve.numpy(), abs=1e-4)


def test_an_update_may_remember_what_it_is_given(tiny):
    @dataclass(frozen=True)
    class Leash:
        """Stay within 0.01 of the picture remembered."""

        def start(self, parameters):
            return (parameters,)

        def __call__(self, parameters, gradient, memory, step):
            return tf.clip_by_value(parameters + gradient, memory[0] - 0.01, memory[0] + 0.01), memory

    picture = tf.fill((3, 24, 40, 3), 0.4)
    frames = ascend(tiny, CrossEntropy(), picture + 0.3, [0, 1, 2], update=Leash(), steps=2, memory=(picture,), batch=2)
    assert np.abs(last(frames).images - 0.4).max() == pytest.approx(0.01, abs=1e-5)


def test_one_trace_for_all_units_batches_and_sizes(monkeypatch):
    keras.utils.set_random_seed(1)
    image = keras.Input((None, None, 3))
    net = core.classifier(keras.Model(image, L.Conv2D(6, 3, name="conv")(image)), name="fresh", size=(24, 40))
    traces, measure = [], ascent._measure

    def counted(*settings):
        inner = measure(*settings)

        def traced(*args):
            traces.append(1)
            return inner(*args)

        return traced

    monkeypatch.setattr(ascent, "_measure", counted)
    for target, size in [((0,), (24, 40)), ((5, 1, 2), (23, 41)), ((3, 3), (16, 64))]:
        grow(net, Channel("conv"), target, size=size, parameterization=Fourier(), transform=VIEWS, update=Adam())
    assert len(traces) == 1
    grow(net, Channel("conv", border=1), (0,), parameterization=Fourier(), transform=VIEWS, update=Adam())
    assert len(traces) == 2


def test_what_is_compiled_goes_with_the_classifier():
    image = keras.Input((None, None, 3))
    net = core.classifier(keras.Model(image, L.Conv2D(2, 3, name="conv")(image)), name="brief", size=(24, 40))
    grow(net, Channel("conv"))
    gone = weakref.ref(net)
    del net
    gc.collect()
    assert gone() is None


def test_what_is_compiled_is_bounded(tiny, monkeypatch):
    monkeypatch.setattr("core.networks.classifiers.KEPT", 3)
    fresh = tiny.prepared()
    for border in range(4):
        grow(fresh, Channel("conv1", border=border), steps=1)
    assert len(fresh.kept) == 3


def test_gradient_is_that_of_the_objective(linear):
    gradient = ascent.gradient(linear, Logit())
    slope, score = gradient(tf.fill((2, 24, 40, 3), 0.5), tf.constant([0, 2]), tf.constant([0, 0]))
    kernel = linear.weights("logits")[0]
    assert slope.numpy() == pytest.approx(kernel[:, [0, 2]].T.reshape(2, 24, 40, 3), abs=1e-6)
    assert score.shape == (2,)


def test_a_layer_without_a_gradient_is_refused():
    image = keras.Input((None, None, 3))
    steps = keras.ops.cast(keras.ops.cast(image * 255, "int32"), "float32")
    net = core.classifier(keras.Model(image, L.Conv2D(2, 3, name="conv")(steps)), name="rounded", size=(24, 40))
    with pytest.raises(ValueError, match="Expected layers through which a gradient reaches the picture, got conv"):
        ascend(net, Channel("conv"), tf.zeros((1, 24, 40, 3)), [0], update=CLIMB, steps=1)


def test_a_picture_too_small_for_a_layer_is_refused(tiny):
    with pytest.raises(ValueError, match="Expected pictures large enough for conv2_bn, got 4 x 4"):
        ascend(tiny, Channel("conv2_bn"), tf.zeros((1, 4, 4, 3)), [0], update=CLIMB, steps=1)


def test_other_errors():
    with pytest.raises(ValueError, match="Expected normalize to be one of mean, std, rms, l2, none, got 'max'"):
        GradientAscent(0.1, "max")
    with pytest.raises(ValueError, match="Expected at least one frame, got none"):
        last([])


def test_an_ascent_uses_the_folded_network(tiny, monkeypatch):
    asked = []
    forward = folding.forward
    monkeypatch.setattr(folding, "forward", lambda *args, **kw: asked.append(kw["narrow"]) or forward(*args, **kw))
    grow(tiny.prepared(), Channel("conv2_bn") + Energy("conv1"), steps=1)
    assert asked == [("conv2_bn",)]
