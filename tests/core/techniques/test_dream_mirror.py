"""A mirror that dreams, frame by frame."""

import numpy as np
import pytest
from skimage.filters import gaussian

import core

LAYER = {"conv2_relu": 1.0}


@pytest.fixture(scope="module")
def photo():
    """A picture (1, 160, 192, 3) with things to follow."""
    noise = np.random.default_rng(5).random((160, 192, 3))
    smooth = gaussian(noise, 3, channel_axis=-1)
    return ((smooth - smooth.min()) / np.ptp(smooth)).astype(np.float32)[None]


def energy(net, picture):
    return float(np.square(core.activations(net, picture, ["conv2_relu"])["conv2_relu"]).mean())


def test_it_dreams_deeper_from_frame_to_frame(tiny, photo):
    dreamed, energies = None, [energy(tiny, photo)]
    for _ in range(3):
        dreamed = core.dream_frame(tiny, photo, LAYER, dreamed)
        energies.append(energy(tiny, dreamed.dream))
    assert energies == sorted(energies) and energies[-1] > 1.1 * energies[0]
    assert dreamed.number == 2 and dreamed.dream.min() >= 0 and dreamed.dream.max() <= 1
    np.testing.assert_array_equal(dreamed.picture, photo)


def test_the_dream_moves_with_what_moves(tiny, photo):
    last = None
    for _ in range(4):
        last = core.dream_frame(tiny, photo, LAYER, last)
    moved = np.roll(photo, 5, axis=2)
    added = np.roll(last.dream - last.picture, 5, axis=2)
    inside = (slice(None), slice(16, -16), slice(24, -24))
    carried = core.dream_frame(tiny, moved, LAYER, last, step_size=1e-6).dream - moved
    left = (last.dream - last.picture)[inside].ravel()

    def likeness(other):
        return float(np.corrcoef(carried[inside].ravel(), other)[0, 1])

    assert likeness(added[inside].ravel()) > 0.8
    assert likeness(added[inside].ravel()) > likeness(left) + 0.3


def test_what_is_new_in_the_picture_begins_anew(tiny, photo):
    last = core.dream_frame(tiny, photo, LAYER, steps=4)
    other = (photo + np.float32(0.5)) % 1
    carried = core.dream_frame(tiny, other, LAYER, last, step_size=1e-6).dream - other
    assert np.abs(carried).mean() < 0.3 * np.abs(last.dream - last.picture).mean()
    small = core.resize(photo, height=64, width=64)
    assert core.dream_frame(tiny, small, LAYER, last, step_size=1e-6).dream.shape == small.shape


def test_it_forgets_as_it_is_told_and_repeats_itself(tiny, photo):
    last = core.dream_frame(tiny, photo, LAYER, steps=3)
    kept, gone = (core.dream_frame(tiny, photo, LAYER, last, step_size=1e-6, keep=keep) for keep in (0.9, 0.0))
    assert np.abs(gone.dream - photo).max() < 1e-4 < 0.1 * np.abs(kept.dream - photo).max()
    again = core.dream_frame(tiny, photo, LAYER, last, seed=1)
    np.testing.assert_array_equal(again.dream, core.dream_frame(tiny, photo, LAYER, last, seed=1).dream)
    assert np.abs(again.dream - core.dream_frame(tiny, photo, LAYER, last, seed=2).dream).max() > 0


@pytest.mark.parametrize(
    ("layers", "settings"),
    [({"gap": 1.0}, {}), (LAYER, {"steps": 0}), (LAYER, {"keep": 1.0}), (LAYER, {"step_size": 0.0})],
    ids=str,
)
def test_what_cannot_be_is_refused(tiny, photo, layers, settings):
    with pytest.raises(ValueError, match="Expected"):
        core.dream_frame(tiny, photo, layers, **settings)
