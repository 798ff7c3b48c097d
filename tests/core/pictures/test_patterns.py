"""Drawn patterns: what they are called is what is drawn."""

from __future__ import annotations

import numpy as np
import pytest

import core


@pytest.mark.parametrize("kind", core.PATTERNS)
def test_patterns_are_pictures_in_two_colours(kind):
    drawn = core.patterns(kind, 6, height=48, width=40, seed=1)
    assert drawn.shape == (6, 48, 40, 3) and drawn.dtype == np.float32 and drawn.min() >= 0 and drawn.max() <= 1
    for one in drawn:
        ends = one.reshape(-1, 3)[[one.sum(-1).argmin(), one.sum(-1).argmax()]]
        near = np.minimum(*(np.abs(one - end).max(axis=-1) for end in ends))
        assert (near < 1e-5).mean() > 0.4 and ends[0].mean() + 0.3 < ends[1].mean(), "two colours, and edges between"
    assert np.array_equal(drawn, core.patterns(kind, 6, height=48, width=40, seed=1))
    assert not np.array_equal(drawn, core.patterns(kind, 6, height=48, width=40, seed=2))


def test_stripes_change_in_one_direction_and_checks_in_two():
    share = {}
    for kind in core.PATTERNS:
        energies = []
        for one in core.patterns(kind, 12, height=64, width=64, seed=3):
            grey = one.mean(-1) - one.mean()
            power = np.abs(np.fft.fft2(grey * np.hanning(64)[:, None] * np.hanning(64))) ** 2
            rows, columns = np.meshgrid(np.fft.fftfreq(64), np.fft.fftfreq(64), indexing="ij")
            tensor = np.array([[(power * a * b).sum() for b in (rows, columns)] for a in (rows, columns)])
            low, high = np.linalg.eigvalsh(tensor)
            energies.append(low / high)
        share[kind] = float(np.median(energies))
    assert share["stripes"] < 0.1 < 0.5 < min(share["checks"], share["dots"])


def test_patterns_say_what_there_is():
    with pytest.raises(ValueError, match="There is no pattern 'plaid'; there is stripes, dots, checks"):
        core.patterns("plaid", 1, height=8, width=8)
    with pytest.raises(ValueError, match="Expected count from 1 to 1000, got 0"):
        core.patterns("dots", 0, height=8, width=8)
    with pytest.raises(ValueError, match="Expected pictures of at most 1024 MiB together, got 48000"):
        core.patterns("dots", 1000, height=2048, width=2048)
    with pytest.raises(ValueError, match="Expected height from 8 to 2048, got 4"):
        core.patterns("dots", 1, height=4, width=8)
