"""Families: units that are alike are found together, whatever their order; turned kernels are alike."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers as L  # noqa: N812

import core


def test_what_is_alike_is_one_family():
    base = np.random.default_rng(0).normal(size=(3, 40))
    members = [0, 1, 0, 2, 1, 0, 2]
    rows = np.stack([base[one] + 0.1 * np.random.default_rng(i).normal(size=40) for i, one in enumerate(members)])
    found = core.families(np.corrcoef(rows))
    assert [set(one.channels) for one in found] == [{0, 2, 5}, {1, 4}, {3, 6}] or [
        set(one.channels) for one in found
    ] == [{0, 2, 5}, {3, 6}, {1, 4}]
    assert all(one.similarity > 0.9 for one in found)
    assert core.families(np.eye(5)) == () and core.families(np.eye(1)) == ()


def test_the_bound_is_the_mean_similarity_between_families():
    alike = np.full((4, 4), 0.3) + 0.7 * np.eye(4)
    assert core.families(alike, least=0.5) == ()
    (one,) = core.families(alike, least=0.2)
    assert sorted(one.channels) == [0, 1, 2, 3] and one.similarity == pytest.approx(0.3)


def test_answers_are_alike_as_correlations_say(tiny):
    pictures = core.as_set(np.random.default_rng(3).random((40, 24, 40, 3), dtype=np.float32))
    *_, found = core.index_units(tiny, ["conv2_relu"], pictures)
    index = found["conv2_relu"]
    alike = core.answer_similarities(index)
    for channel in range(8):
        np.testing.assert_allclose(alike[channel], index.correlations(channel), atol=1e-4)
    means = index.means.copy()
    means[:, 0], means[:, 1] = 0.1, 1 / 3  # which single precision does not average to themselves
    same = replace(index, means=means)
    assert not core.answer_similarities(same)[:2].any() and not same.correlations(0).any()


@pytest.fixture(scope="module")
def turned():
    """A convolution whose first four kernels are one corner in four directions, and a depthwise one behind it."""
    image = keras.Input((16, 16, 3), name="image")
    x = L.ReLU(name="relu")(L.BatchNormalization(name="norm")(L.Conv2D(6, 3, name="conv")(image)))
    x = L.DepthwiseConv2D(3, name="depthwise")(x)
    net = core.classifier(
        keras.Model(image, L.Dense(2, name="end")(L.GlobalAveragePooling2D(name="gap")(x))), name="turned"
    )
    kernel = np.random.default_rng(0).normal(size=(3, 3, 3, 6)).astype(np.float32)
    corner = np.array([[2, 1, 0], [1, -1, -1], [0, -1, -1]], np.float32)[..., None] * np.array([1, 1, 1], np.float32)
    for turns in range(4):
        kernel[..., turns] = np.rot90(corner, turns)
    net.network.get_layer("conv").set_weights([kernel, np.zeros(6, np.float32)])
    return net


def test_kernels_that_are_turned_are_one_family(turned):
    alike = core.kernel_similarities(turned, "relu")
    np.testing.assert_allclose(alike[:4, :4], 1, atol=1e-5)
    assert set(core.families(alike)[0].channels) == {0, 1, 2, 3}
    np.testing.assert_allclose(alike, core.kernel_similarities(turned, "conv"))
    np.testing.assert_allclose(alike, alike.T, atol=1e-5)
    assert core.kernel_similarities(turned, "depthwise").shape == (6, 6)
    assert core.kernel_similarities(turned, "end").shape == (2, 2)


@pytest.fixture(scope="module")
def branches():
    """Layers of as many channels as the convolution before them, and kernels over groups of channels."""
    image = keras.Input((8, 8, 3), name="image")
    x = L.Conv2D(4, 3, name="conv")(image)
    ends = [
        L.ReLU(name="relu")(L.BatchNormalization(name="norm")(x)),
        L.Conv2DTranspose(4, 3, name="transposed")(x),
        L.LayerNormalization(name="layer_norm")(x),
        L.Conv2D(4, 3, groups=2, name="grouped")(x),
    ]
    y = L.Concatenate(name="all")([L.GlobalAveragePooling2D(name=f"gap_{at}")(one) for at, one in enumerate(ends)])
    return core.classifier(keras.Model(image, L.Dense(2, name="end")(y)), name="branches")


def test_a_negative_scale_of_normalization_turns_a_kernel(branches):
    branches.network.get_layer("norm").gamma.assign([-2.0, 1.0, 0.5, -1.0])
    kernels = branches.weights("conv")[0].astype(np.float64) * [-1, 1, 1, -1]
    kernels /= np.sqrt(np.square(kernels).sum(axis=(0, 1, 2)))
    turns = (np.rot90(side, times) for side in (kernels, kernels[:, ::-1]) for times in range(4))
    unit = [one.reshape(27, 4) for one in turns]
    expected = np.max([unit[0].T @ one for one in unit], axis=0)
    np.testing.assert_allclose(core.kernel_similarities(branches, "relu"), expected, atol=1e-5)
    assert np.abs(core.kernel_similarities(branches, "conv") - expected).max() > 0.05


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        ("transposed", "Expected a layer that kernels make, got 'transposed'"),
        ("layer_norm", "Expected a layer that kernels make, got 'layer_norm'"),
        ("grouped", "Expected kernels over the same channels, got 'grouped' with 2 groups of them"),
    ],
)
def test_kernels_of_an_earlier_layer_or_of_groups_are_not_compared(branches, layer, sentence):
    with pytest.raises(ValueError, match=sentence):
        core.kernel_similarities(branches, layer)


def test_what_has_no_kernels_gets_one_sentence(turned):
    with pytest.raises(ValueError, match="has no layer 'image'"):
        core.kernel_similarities(turned, "image")
    with pytest.raises(ValueError, match="Expected least from 0 to 1, got 2"):
        core.families(np.eye(3), least=2)
    with pytest.raises(ValueError, match=r"Expected finite similarities \(channels, channels\), got shape \(3, 2\)"):
        core.families(np.zeros((3, 2)))
