"""Where in a set of pictures a unit gives most to an answer: the places are right, and add up to its contributions."""

from __future__ import annotations

import numpy as np
import pytest

import core
from tests.core.networks.test_tokens import transformer

MAPS = "conv2_relu"


@pytest.fixture(scope="module")
def pictures():
    return core.as_set(np.random.default_rng(3).random((30, 24, 40, 3), dtype=np.float32))


def indexed(net, layer, pictures, target, **settings):
    *_, last = core.index_contributions(net, layer, pictures, target, **settings)
    return last


def test_the_places_are_those_of_the_largest_products(tiny, pictures):
    found = indexed(tiny, MAPS, pictures, 3, top=4)
    maps = core.activations(tiny, pictures.pictures(range(30)), [MAPS])[MAPS]
    given = maps * tiny.weights("logits")[0][:, 3] / maps[0, ..., 0].size
    for channel in range(8):
        own = given[..., channel]
        best = np.argsort(-own.max(axis=(1, 2)))[:4]
        np.testing.assert_allclose(found.values[channel], own[best].max(axis=(1, 2)), atol=1e-6)
        there = own[found.pictures[channel], found.rows[channel], found.columns[channel]]
        np.testing.assert_allclose(there, found.values[channel], atol=1e-6)
    assert core.patches(tiny, found, pictures, 2).cut().shape[0] == 4


@pytest.mark.parametrize("layer", ["conv1_relu", "gap"])
def test_means_are_the_contributions_to_each_picture(tiny, pictures, layer):
    found = indexed(tiny, layer, pictures, (1, 4))
    places = int(np.prod(tiny.layer(layer).shape[:-1]))
    for picture in (0, 17):
        own = core.contributions(tiny, pictures.pictures([picture]), layer, (1, 4))
        np.testing.assert_allclose(found.means[picture] * places, own, atol=1e-4)


def test_tokens_behind_a_class_token_are_the_map_that_they_are():
    net = core.classifier(transformer(lead=True), name="vit")
    some = core.as_set(np.random.default_rng(3).random((2, 24, 32, 3), dtype=np.float32))
    found = indexed(net, "mixed_a", some, 1)
    for picture in (0, 1):
        own = core.contributions(net, some.pictures([picture]), "mixed_a", 1)
        np.testing.assert_allclose(found.means[picture] * 12, own, atol=1e-4)
        assert np.abs(own).max() > 1e-3
    assert found.rows.max() <= 2 and found.columns.max() <= 3


def test_being_excited_is_not_giving(tiny, pictures):
    """A unit that speaks against a class gives least where it is excited most."""
    *_, excited = core.index_units(tiny, [MAPS], pictures)
    against = int(tiny.weights("logits")[0][:, 3].argmin())
    given = indexed(tiny, MAPS, pictures, 3)
    assert given.values[against, 0] <= 0 < excited[MAPS].values[against, 0]


def test_what_cannot_be_asked_gets_one_sentence(tiny, pictures):
    with pytest.raises(ValueError, match="Expected a class from 0 to 4, got 5"):
        core.index_contributions(tiny, MAPS, pictures, 5)
    with pytest.raises(ValueError, match="has no layer 'conv9'"):
        core.index_contributions(tiny, "conv9", pictures, 0)
    with pytest.raises(ValueError, match="Expected top from 1 to 64, got 0"):
        core.index_contributions(tiny, MAPS, pictures, 0, top=0)
