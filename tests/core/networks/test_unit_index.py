"""The index of units against the naive loop, what it says of units together, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers as L  # noqa: N812

import core
from core.networks import unit_index

MAPS = "conv2_relu"


@pytest.fixture(scope="module")
def pictures():
    return core.as_set(np.random.default_rng(3).random((150, 24, 40, 3), dtype=np.float32))


@pytest.fixture(scope="module")
def sourced(pictures):
    """The same pictures, of 10 sources."""
    sources = np.repeat(np.arange(10, dtype=np.int32), 15)
    return replace(pictures, sources=sources, titles=tuple("abcdefghij"))


def indexed(net, layer, pictures, **settings):
    *_, last = core.index_units(net, [layer], pictures, **settings)
    return last[layer]


def naive(maps, sources, top, each):
    """For each channel the best (value, picture, row, column), picture by picture."""
    result = []
    for channel in range(maps.shape[-1]):
        best = []
        for number, one in enumerate(maps[..., channel]):
            row, column = np.unravel_index(one.argmax(), one.shape)
            best.append((float(one[row, column]), number, int(row), int(column)))
        best.sort(key=lambda entry: -entry[0])
        kept, counts = [], {}
        for entry in best:
            source = sources[entry[1]]
            if counts.get(source, 0) < each and len(kept) < top:
                kept.append(entry)
                counts[source] = counts.get(source, 0) + 1
        result.append(kept)
    return result


@pytest.mark.parametrize("layer", ["conv1_relu", MAPS, "conv2"])
@pytest.mark.parametrize(("top", "each"), [(9, 3), (4, 1), (12, 100)])
def test_index_is_the_naive_loop(tiny, pictures, sourced, layer, top, each):
    maps = core.activations(tiny, pictures.pictures(range(150)), [layer])[layer]
    for some, sources in ((pictures, range(150)), (sourced, sourced.sources)):
        found = indexed(tiny, layer, some, top=top, each=each)
        for channel, expected in enumerate(naive(maps, sources, top, each)):
            count = len(expected)
            assert found.pictures[channel, :count].tolist() == [entry[1] for entry in expected]
            assert found.rows[channel, :count].tolist() == [entry[2] for entry in expected]
            assert found.columns[channel, :count].tolist() == [entry[3] for entry in expected]
            np.testing.assert_allclose(found.values[channel, :count], [entry[0] for entry in expected], rtol=1e-5)
            assert (found.pictures[channel, count:] == -1).all() and np.isneginf(found.values[channel, count:]).all()
        np.testing.assert_allclose(found.means, maps.mean(axis=(1, 2)), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(found.peaks, maps.max(axis=(1, 2)), rtol=1e-5, atol=1e-6)


def test_all_layers_of_one_pass_are_as_each_alone(tiny, pictures):
    *_, both = core.index_units(tiny, ["conv1_relu", "gap", MAPS], pictures)
    for layer, found in both.items():
        alone = indexed(tiny, layer, pictures)
        assert np.array_equal(found.pictures, alone.pictures) and np.array_equal(found.rows, alone.rows)


def test_every_yield_is_the_index_of_what_was_seen(tiny, pictures, monkeypatch):
    monkeypatch.setattr(unit_index, "CHUNK", -1.0)
    steps = [found[MAPS] for found in core.index_units(tiny, [MAPS], pictures)]
    assert [step.done for step in steps] == [64, 128, 150] and steps[-1].progress == 1
    part = indexed(tiny, MAPS, core.as_set(pictures.pictures(range(64))))
    assert np.array_equal(part.pictures, steps[0].pictures) and np.array_equal(part.columns, steps[0].columns)
    assert len(core.patches(tiny, steps[0], pictures, 0)) == 9, "stopped midway it can be used"


def test_nearest_go_by_correlation(tiny, pictures):
    found = indexed(tiny, MAPS, pictures)
    expected = np.corrcoef(found.means.T)[2]
    np.testing.assert_allclose(found.correlations(2), expected, atol=1e-3)
    near = found.nearest(2, count=3)
    assert [channel for channel, _ in near] == [c for c in np.argsort(-expected) if c != 2][:3]
    dead = replace(found, means=found.means * np.eye(8, dtype=np.float32)[0])
    assert dead.correlations(0)[0] == pytest.approx(1, abs=1e-5) and not dead.correlations(0)[1:].any()


def test_units_that_stand_out_come_first_and_inactive_ones_last(tiny, pictures):
    found = indexed(tiny, MAPS, pictures)
    rng = np.random.default_rng(0)
    peaks = rng.normal(1, 0.1, found.peaks.shape).astype(np.float32)
    values = np.full(found.values.shape, 1.2, np.float32)
    values[5] = 9.0
    values[6] = [9.0] + [0.5] * 8
    peaks[:, 7], values[7] = 0, 0
    crafted = replace(found, peaks=peaks, values=values, means=rng.normal(size=found.means.shape).astype(np.float32))
    order = crafted.selective(8)
    assert order[0] == 5 and set(order[-2:]) == {6, 7} and sorted(order) == list(range(8))
    twins = replace(crafted, means=np.repeat(crafted.means[:, :1], 8, axis=1))
    assert twins.selective(1) == [5] and len(twins.selective(4)) == 4, "filled up with units like it"


def test_same_pictures_same_index_and_the_set_is_left_alone(tiny, pictures):
    before = pictures.pixels.copy()
    one, other = indexed(tiny, MAPS, pictures), indexed(tiny, MAPS, pictures)
    assert np.array_equal(one.pictures, other.pictures) and np.array_equal(before, pictures.pixels)


def test_what_cannot_be_indexed_gets_one_sentence(tiny, pictures):
    def refused(sentence, net=tiny, layers=(MAPS,), some=pictures, **settings):
        with pytest.raises(ValueError, match=sentence):
            core.index_units(net, layers, some, **settings)

    refused("has no layer 'conv9'", layers=["conv9"])
    refused("Expected at least one layer, got none", layers=[])
    refused("Expected top from 1 to 64, got 0", top=0)
    refused("Expected top from 1 to 64, got 2.5", top=2.5)
    refused("Expected each from 1 to 1000000, got 0", each=0)
    refused("Expected pictures of 24 x 40, the size of tiny, got 150 of 40 x 24",
            some=core.as_set(pictures.pictures(range(150)).swapaxes(1, 2)))  # fmt: skip


def test_activations_that_are_not_finite_get_one_sentence(pictures):
    image = keras.Input((24, 40, 3), name="image")
    broken = keras.Model(image, L.Conv2D(2, 3, name="conv")(image))
    broken.get_layer("conv").set_weights([np.full((3, 3, 3, 2), np.nan, np.float32), np.zeros(2, np.float32)])
    net = core.classifier(broken, name="broken")
    with pytest.raises(ValueError, match="Expected finite activations, got NaN or infinity at conv"):
        indexed(net, "conv", pictures)
