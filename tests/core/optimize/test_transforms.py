import numpy as np
import pytest
import tensorflow as tf

from core.optimize.transforms import Chain, Crop, Jitter, Noise, Pad, Resize, Roll, Rotate, Scale, rotate

EVERY = [
    Chain(),
    Pad(3),
    Pad(3, None),
    Jitter(4),
    Roll(5),
    Roll(),
    Scale(0.8, 1.2),
    Rotate(20),
    Crop(0.5),
    Noise(0.1),
    Resize(11, 13),
    Chain((Pad(4), Jitter(4), Scale(), Rotate(), Jitter(2))),
]
KEEPING = [Chain(), Roll(5), Roll(), Rotate(20), Crop(0.5), Noise(0.1)]
every = pytest.mark.parametrize("transform", EVERY, ids=repr)


def seed(step, run=0):
    return tf.constant([run, step], tf.int32)


@every
def test_views_are_finite_and_stateless(transform, pictures):
    before = pictures.copy()
    first, again = transform(tf.constant(pictures), seed(1)), transform(tf.constant(pictures), seed(1))
    assert np.isfinite(first).all() and first.shape[0] == 2 and first.shape[-1] == 3
    assert np.array_equal(first, again)
    assert np.array_equal(pictures, before)


@pytest.mark.parametrize("transform", [t for t in EVERY if not isinstance(t, (Pad, Resize)) and t != Chain()], ids=repr)
def test_another_step_and_another_seed_give_another_view(transform, pictures):
    views = [transform(tf.constant(pictures), seed(step, run)).numpy() for step in range(6) for run in range(2)]
    assert len({(view.shape, view.tobytes()) for view in views}) > 4


@pytest.mark.parametrize("transform", KEEPING, ids=repr)
def test_these_keep_the_size(transform, pictures):
    assert transform(tf.constant(pictures), seed(3)).shape == pictures.shape


def test_the_others_change_it_as_documented(pictures):
    count, height, width, _ = pictures.shape
    assert Pad(3)(pictures, seed(0)).shape == (count, height + 6, width + 6, 3)
    assert Jitter(4)(pictures, seed(0)).shape == (count, height - 4, width - 4, 3)
    assert Resize(11, 13)(pictures, seed(0)).shape == (count, 11, 13, 3)
    factors = {Scale(0.5, 1.5, 3)(pictures, seed(step)).shape[1] / height for step in range(30)}
    assert sorted(factors) == pytest.approx([0.5, 1, 1.5], abs=0.03)


def test_pad_puts_grey_or_a_mirror_around(pictures):
    grey, mirror = Pad(3, 0.25)(pictures, seed(0)).numpy(), Pad(3, None)(pictures, seed(0)).numpy()
    assert (grey[:, :3] == 0.25).all() and np.array_equal(grey[:, 3:-3, 3:-3], pictures)
    assert np.array_equal(mirror[:, 2, 3:-3], pictures[:, 1])


def test_jitter_reaches_every_shift_and_roll_loses_nothing(pictures):
    corners = {Jitter(1)(tf.constant(pictures), seed(step)).numpy()[0, 0, 0, 0] for step in range(40)}
    assert corners == set(pictures[0, :2, :2, 0].ravel())
    rolled = Roll(5)(pictures, seed(2)).numpy()
    assert np.array_equal(np.sort(rolled, axis=None), np.sort(pictures, axis=None))
    shifts = set()
    for step in range(60):
        place = np.argwhere(Roll(2)(pictures, seed(step)).numpy()[0, ..., 0] == pictures[0, 10, 10, 0])[0]
        shifts.update(place - 10)
    assert shifts == {-2, -1, 0, 1, 2}


def test_half_a_turn_and_none(pictures):
    assert rotate(tf.constant(pictures), tf.constant(0.0)).numpy() == pytest.approx(pictures, abs=1e-5)
    half = rotate(tf.constant(pictures), tf.constant(np.pi, tf.float32)).numpy()
    assert half == pytest.approx(pictures[:, ::-1, ::-1], abs=1e-4)


def test_turn_turns_anticlockwise_around_the_middle():
    picture = np.random.default_rng(0).random((2, 9, 9, 3)).astype(np.float32)
    assert rotate(picture, tf.constant(np.pi / 2, tf.float32)).numpy() == pytest.approx(
        np.rot90(picture, axes=(1, 2)), abs=1e-4
    )


def test_a_plain_picture_looks_the_same_from_everywhere(pictures):
    plain = tf.fill(pictures.shape, 0.5)
    for transform in (t for t in EVERY if not isinstance(t, Noise)):
        assert transform(plain, seed(4)).numpy() == pytest.approx(0.5, abs=1e-5)


@every
def test_the_gradient_is_that_of_the_view(transform, pictures):
    probe = np.random.default_rng(1).normal(size=pictures.shape).astype(np.float32)
    weights = np.random.default_rng(2).normal(size=transform(pictures, seed(2)).shape).astype(np.float32)

    def value(x):
        return tf.reduce_sum(tf.cast(transform(tf.cast(x, tf.float32), seed(2)) * weights, tf.float64)).numpy()

    x = tf.constant(pictures)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(transform(x, seed(2)) * weights)
    slope = (tape.gradient(total, x).numpy() * probe).sum()
    measured = (value(pictures + probe / 2) - value(pictures - probe / 2)) / 1
    assert slope == pytest.approx(measured, rel=1e-3, abs=1e-3)  # every view is linear in the picture


def test_transforms_are_values():
    assert Chain((Pad(4), Jitter(2))) == Chain((Pad(4), Jitter(2)))
    assert hash(Scale()) == hash(Scale()) and Scale() != Scale(0.5)
