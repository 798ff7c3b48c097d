"""How an ascent begins: grey for networks without colour, the same for every picture, and states that fit."""

import numpy as np
import pytest
import tensorflow as tf

from core.optimize.ascent import State
from core.optimize.parameterizations import Fourier, Pixels
from core.optimize.starts import alike, as_seen_by, require_state


def test_a_network_that_sees_colour_leaves_the_parameterization_as_it_is(tiny):
    assert as_seen_by(tiny, Fourier(decay=1.2)) == Fourier(decay=1.2)
    assert as_seen_by(tiny, Pixels(grey=True)) == Pixels()


def test_every_picture_begins_alike():
    two = Fourier(spread=1.0).start(2, 3, 4, 0)
    six = alike(two, 6).numpy()
    assert six.shape == (6, 3, 4, 3)
    for index in range(6):
        assert np.array_equal(six[index], two[index % 2])


def test_a_state_fits_its_pictures_only():
    state = State((tf.zeros((2, 8, 9, 3)), tf.zeros((1, 8, 9, 3))), ((), ()))
    require_state(state, 3, 8, 9)
    for wrong in ((2, 8, 9), (3, 9, 8)):
        with pytest.raises(ValueError, match=r"Expected the state of \d pictures of \d x \d, got one of 3 of 8 x 9"):
            require_state(state, *wrong)
