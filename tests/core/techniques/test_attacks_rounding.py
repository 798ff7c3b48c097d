"""Rounding into the ball: around the picture that was given, on the 8-bit grid where the ball holds a picture of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core

POWER = {"linf": np.inf, "l2": 2, "l1": 1}
ORIGINS = {
    "grid": lambda rng, shape: rng.integers(0, 256, shape) / 255,
    "floats": lambda rng, shape: rng.random(shape),
    "near black": lambda rng, shape: rng.random(shape) * 0.01,
    "grey floats": lambda rng, shape: np.repeat(rng.random((*shape[:-1], 1)), 3, axis=-1),
    "half steps": lambda rng, shape: (rng.integers(0, 255, shape) + 0.5) / 255,
}
BALLS = [(name, norm) for name, one in core.ATTACKS.items() for norm in one.norms]


def length(change, norm):
    flat = np.abs(change.astype(np.float64)).reshape(len(change), -1)
    return flat.max(axis=1) if norm == "linf" else (flat ** POWER[norm]).sum(axis=1) ** (1 / POWER[norm])


def on_grid(pictures):
    steps = pictures.astype(np.float64) * 255
    return (np.abs(steps - np.rint(steps)) < 1e-3).all(axis=(1, 2, 3))


def kept(found, origin, norm, epsilon):
    """Asserts the promise: inside the ball and [0, 1], on the grid where a picture of the grid is inside."""
    assert found.dtype == np.float32 and found.shape == origin.shape
    assert found.min() >= 0 and found.max() <= 1
    assert (length(found - origin, norm) <= epsilon * (1 + 1e-5) + 1e-6).all()
    nearest = (np.rint(origin * 255) / 255).astype(np.float32)
    possible = length(nearest - origin, norm) < epsilon * (1 - 1e-5) - 1e-6
    assert on_grid(found)[possible].all()


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.sampled_from(list(ORIGINS)), st.sampled_from(list(POWER)),
    st.floats(0.05, 40), st.floats(0.1, 30), st.booleans(),
)  # fmt: skip
def test_rounding_keeps_its_promise(seed, kind, norm, radius, spread, grey):
    rng = np.random.default_rng(seed)
    origin = ORIGINS[kind](rng, (2, 3, 4, 3)).astype(np.float32)
    epsilon = np.float32(radius / 255 * {"linf": 1, "l2": 6, "l1": 36}[norm])
    change = rng.normal(0, spread / 255, (2, 3, 4, 1 if grey else 3))
    moved = (origin + change).clip(0, 1).astype(np.float32)
    kept(core.rounded(moved, origin, norm=norm, epsilon=epsilon), origin, norm, epsilon)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(["grid", "grey floats"]),
    st.sampled_from(list(POWER)),
    st.floats(0.6, 20),
)
def test_a_grey_change_stays_grey(seed, kind, norm, radius):
    rng = np.random.default_rng(seed)
    origin = (0.2 + 0.6 * ORIGINS[kind](rng, (2, 3, 4, 3))).astype(np.float32)
    origin = np.rint(origin * 255).astype(np.float32) / 255 if kind == "grid" else origin
    epsilon = radius / 255 * {"linf": 1, "l2": 6, "l1": 36}[norm]
    moved = (origin + rng.normal(0, 10 / 255, (2, 3, 4, 1))).clip(0, 1).astype(np.float32)
    change = core.rounded(moved, origin, norm=norm, epsilon=epsilon) - origin
    assert np.ptp(change, axis=-1).max() < 1e-6


@pytest.mark.parametrize("norm", POWER)
def test_a_ball_that_is_too_small_for_the_grid_keeps_its_pictures_off_it(norm):
    origin = np.full((1, 4, 5, 3), 0.5, np.float32)  # 127.5 steps
    found = core.rounded(origin + np.float32(0.3 / 255), origin, norm=norm, epsilon=0.2 / 255)
    change = found.astype(np.float64) - origin
    assert length(change, norm)[0] == pytest.approx(0.2 / 255, rel=5e-3)


def test_the_nearest_step_wins_where_the_ball_allows_it():
    rng = np.random.default_rng(3)
    origin = rng.random((2, 5, 4, 3)).astype(np.float32)
    moved = (origin + rng.normal(0, 0.02, origin.shape)).clip(0, 1).astype(np.float32)
    for norm in POWER:
        found = core.rounded(moved, origin, norm=norm, epsilon=100.0)
        np.testing.assert_allclose(found * 255, np.rint(moved * 255), atol=1e-4)


@pytest.mark.parametrize(("name", "norm"), BALLS)
def test_attacks_stay_within_epsilon_of_the_floats_that_they_were_given(tiny, name, norm):
    origin = np.random.default_rng(4).random((2, 24, 40, 3), dtype=np.float32)
    labels = core.logits_of(tiny, origin).argmax(axis=1)
    for epsilon in {"linf": (0.3 / 255, 2 / 255), "l2": (0.03, 0.5), "l1": (1.0, 20.0)}[norm]:
        chosen = {"epsilon": epsilon} | ({"norm": norm} if len(core.ATTACKS[name].norms) > 1 else {})
        chosen |= {"steps": 8} if core.ATTACKS[name].setting("steps") else {}
        for frame in core.ATTACKS[name].run(tiny, origin, labels, **chosen):
            kept(frame.images.numpy(), origin, norm, epsilon)


def test_few_pixels_leaves_all_other_floats_as_they_are(tiny):
    origin = np.random.default_rng(4).random((1, 24, 40, 3), dtype=np.float32)
    label = core.logits_of(tiny, origin).argmax(axis=1)
    found = core.last(core.few_pixels(tiny, origin, label, pixels=2, population=20, steps=2)).images.numpy()
    assert 1 <= core.distance(found, origin, "l0")[0] <= 2
