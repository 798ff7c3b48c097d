"""The parts that a layer sees: known factors are found again, and what they are worth is exact on a linear head."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
from keras import layers as L  # noqa: N812

import core
from core.techniques.concepts import factorization, model
from core.techniques.concepts.importance import total_sobol

PARTS = np.array([[1, 2, 0, 0, 0, 0], [0, 0, 3, 1, 0, 0], [0, 0, 0, 1, 1, 2]], np.float32)
"""What each colour gives to the six channels of ``maps``: three directions that can be told apart."""
SIZE = (6, 7)


def seeing(head, name, bias=0.0):
    """A network whose layer ``maps`` has known parts, red, green and blue, and ``head`` behind it."""
    image = keras.Input((*SIZE, 3), name="image")
    maps = L.Conv2D(6, 1, name="maps", bias_initializer=keras.initializers.Constant(bias))(image)
    network = keras.Model(image, head(maps), name=name)
    network.get_layer("maps").set_weights([PARTS[None, None], np.full(6, bias, np.float32)])
    return core.classifier(network, name=name)


@pytest.fixture(scope="module")
def linear_head():
    keras.utils.set_random_seed(3)

    def head(maps):
        return L.Dense(4, bias_initializer="random_normal", name="end")(L.GlobalAveragePooling2D(name="gap")(maps))

    return seeing(head, "linear_head")


@pytest.fixture(scope="module")
def pictures():
    """Pictures (5, 6, 7, 3) of pure and mixed colours, red strongest, then green, then blue."""
    rng = np.random.default_rng(2)
    colours = rng.random((5, *SIZE, 3), dtype=np.float32) * (rng.random((5, *SIZE, 3)) < 0.5)
    return (colours * np.array([1.0, 0.6, 0.4])).astype(np.float32)


@pytest.fixture(scope="module")
def found(linear_head, pictures):
    return core.last(core.concepts(linear_head, pictures, "maps", count=3))


def matched(found):
    """For red, green and blue the concept that is it."""
    cosines = found.directions @ (PARTS / np.linalg.norm(PARTS, axis=1, keepdims=True)).T
    assert (cosines.max(axis=0) > 0.999).all(), cosines
    return cosines.argmax(axis=0)


def test_known_factors_are_found_again(found, pictures):
    own = matched(found)
    assert sorted(own) == [0, 1, 2] and found.count == 3 and found.done == found.total == 5 and found.progress == 1
    strength = pictures * np.linalg.norm(PARTS, axis=1)
    np.testing.assert_allclose(found.maps[..., own], strength, atol=0.03)
    assert found.unexplained < 1e-3 and found.negative == 0 and found.maps.min() >= 0
    assert found.scaled(found.maps).max(axis=(0, 1, 2)) == pytest.approx(1)
    sums = np.square(found.maps).sum(axis=(0, 1, 2))
    assert (np.diff(sums) <= 0).all(), "the strongest first"


def test_the_same_factors_are_found_in_many_pictures_and_from_8_bits(linear_head):
    rng = np.random.default_rng(4)
    many = rng.random((400, *SIZE, 3), dtype=np.float32) * (rng.random((400, *SIZE, 3)) < 0.4)
    found = core.last(core.concepts(linear_head, core.as_set(many.astype(np.float32)), "maps", count=3))
    assert found.done == 400 and found.unexplained < 0.01
    cosines = found.directions @ (PARTS / np.linalg.norm(PARTS, axis=1, keepdims=True)).T
    assert (cosines.max(axis=0) > 0.98).all() and sorted(cosines.argmax(axis=0)) == [0, 1, 2]


def test_maps_of_other_pictures_are_those_of_the_directions(linear_head, found, pictures):
    np.testing.assert_allclose(core.concept_maps(linear_head, found, pictures), found.maps, atol=2e-3)
    red = np.zeros((1, 12, 9, 3), np.float32)
    red[..., 0] = 0.5
    maps = core.concept_maps(linear_head, found, red)
    assert maps.shape == (1, 12, 9, 3)
    own = matched(found)
    np.testing.assert_allclose(maps[..., own[0]], 0.5 * np.linalg.norm(PARTS[0]), atol=0.02)
    assert maps[..., own[1:]].max() < 0.02


def test_what_is_lost_is_exact_and_sobol_is_the_closed_form_on_a_linear_head(linear_head, found, pictures):
    kernel, bias = linear_head.weights("end")
    amounts = core.concept_maps(linear_head, found, pictures[:1])[0].mean(axis=(0, 1))
    for label in range(4):
        gives = amounts * (found.directions @ kernel[:, label])
        told = core.concept_importance(linear_head, found, pictures[0], label, designs=512)
        np.testing.assert_allclose(told.lost, gives, atol=1e-5)
        logits = core.activations(linear_head, pictures[:1], [core.LOGITS])[core.LOGITS][0]
        assert told.score == pytest.approx(float(logits[label]), abs=1e-5)
        assert told.rest == pytest.approx(told.score - gives.sum(), abs=1e-5)
        assert told.rest == pytest.approx(float(bias[label]), abs=0.02), "three concepts explain everything"
        np.testing.assert_allclose(told.sobol, np.square(gives) / np.square(gives).sum(), atol=0.02)


def test_total_indices_count_what_works_only_together():
    """y = a b + c of amounts in [0, 1]: Var = 7/144 + 1/12; the product's total indices from its variances by hand."""
    got = total_sobol(lambda x: x[:, 0] * x[:, 1] + x[:, 2], 3, 1024, 0)
    variance = 7 / 144 + 1 / 12
    np.testing.assert_allclose(got, [(1 / 3) * (1 / 12) / variance] * 2 + [(1 / 12) / variance], atol=0.02)
    assert not total_sobol(lambda x: np.full(len(x), 3.0, np.float32), 4, 16, 0).any()


def test_lost_is_what_the_network_itself_loses_behind_a_skip_and_a_nonlinearity():
    keras.utils.set_random_seed(8)

    def head(maps):
        x = L.Add(name="sum")([L.Conv2D(6, 3, padding="same", activation="relu", name="deep")(maps), maps])
        return L.Dense(3, name="end")(L.Flatten(name="flat")(x))

    net = seeing(head, "deep_head")
    picture = np.random.default_rng(5).random((1, *SIZE, 3), dtype=np.float32)
    found = core.last(core.concepts(net, picture, "maps", count=2))
    told = core.concept_importance(net, found, picture, 1, designs=8)
    for concept in range(2):
        part = found.maps[..., concept, None] * found.directions[concept]
        changed = net.forward([core.LOGITS], change={"maps": lambda maps, part=part: maps - part})(picture)
        assert told.lost[concept] == pytest.approx(told.score - float(changed[core.LOGITS][0, 1]), abs=1e-4)


def test_crops_hold_the_places_where_a_concept_is(linear_head, found, pictures):
    for colour, concept in enumerate(matched(found)):
        crops = core.concept_crops(linear_head, found, int(concept), count=5)
        assert sorted(crops.which.tolist()) == [0, 1, 2, 3, 4], "one of each picture"
        assert (np.diff(crops.values) <= 0).all() and crops.values[-1] > crops.values[0] / 3
        cut = crops.cut(pictures)
        np.testing.assert_allclose(
            cut[..., colour].max(axis=(1, 2)), pictures[crops.which, ..., colour].max(axis=(1, 2))
        )
    one = core.last(core.concepts(linear_head, pictures[:1], "maps", count=2))
    crops = core.concept_crops(linear_head, one, 0, count=3)
    assert (
        1 <= len(crops.which) <= 3
        and not crops.which.any()
        and len(np.unique(crops.windows, axis=0)) == len(crops.which)
    )
    few = core.concept_crops(linear_head, found, 0, count=5, sources=[0, 0, 0, 0, 1])
    assert len(few.which) == 4 and 4 in few.which, "no photograph gives more than three"


def test_crops_are_cut_from_pictures_of_the_own_size_only(linear_head, pictures):
    larger = core.last(core.concepts(linear_head, np.tile(pictures, (1, 2, 2, 1)), "maps", count=3))
    assert larger.maps.shape == (5, 12, 14, 3)
    with pytest.raises(ValueError, match="network's own size, with maps of 6 x 7, got 12 x 14"):
        core.concept_crops(linear_head, larger, 0)


def test_others_are_let_in_while_maps_are_projected_in_parts(linear_head, found, pictures, monkeypatch):
    whole = core.concept_maps(linear_head, found, pictures)
    monkeypatch.setattr(model, "NUMBERS_AT_ONCE", 27 * 50)
    monkeypatch.setattr(model, "CHUNK", 0.0)
    times = []
    with core.pausing(lambda: times.append(1)):
        parts = core.concept_maps(linear_head, found, pictures)
    np.testing.assert_allclose(parts, whole, atol=1e-3)
    assert len(times) == 5, "210 places, 50 at a time"


def test_one_may_stop_at_what_was_found_while_the_next_is_being_found(linear_head, pictures, monkeypatch):
    for name, value in {"FIRST_ROWS": 80, "NUMBERS_AT_ONCE": 27 * 20, "CHUNK": 0.0}.items():
        monkeypatch.setattr(model, name, value)
    monkeypatch.setattr(factorization, "BATCH", 1)
    monkeypatch.setattr(factorization, "LIVE", 0.0)
    results = list(core.concepts(linear_head, pictures, "maps", count=3))
    kinds = [len(list(group)) for _, group in itertools.groupby(results, key=id)]
    assert min(kinds[:-1]) >= 3 and kinds[-1] == 1, "each again and again, until there is the next"
    assert [one.progress for one in results] == sorted(one.progress for one in results) and results[-1].progress == 1


def test_negative_activations_are_left_out_and_told(pictures):
    net = seeing(lambda maps: L.Dense(2, name="end")(L.GlobalAveragePooling2D(name="gap")(maps)), "below", bias=-0.5)
    found = core.last(core.concepts(net, pictures, "maps", count=3))
    maps = core.activations(net, pictures, ["maps"])["maps"]
    assert found.negative == pytest.approx(float(np.square(maps[maps < 0]).sum() / np.square(maps).sum()), rel=1e-4)
    assert found.maps.min() >= 0 and found.directions.min() >= 0
    told = core.concept_importance(net, found, pictures[0], 0, designs=8)
    assert told.score == pytest.approx(
        float(core.activations(net, pictures[:1], [core.LOGITS])[core.LOGITS][0, 0]), abs=1e-5
    )
    dark = np.zeros((1, *SIZE, 3), np.float32)
    with pytest.raises(ValueError, match="Expected activations above zero, got none at maps"):
        core.last(core.concepts(net, dark, "maps", count=3))


def test_the_same_seed_finds_the_same_and_fewer_parts_leave_more(linear_head, pictures, found):
    again = core.last(core.concepts(linear_head, pictures, "maps", count=3))
    np.testing.assert_array_equal(again.directions, found.directions)
    one = core.last(core.concepts(linear_head, pictures, "maps", count=1))
    assert one.unexplained > found.unexplained and one.directions.shape == (1, 6)
    more = core.last(core.concepts(linear_head, pictures, "maps", count=6))
    assert more.count == 6 and np.isfinite(more.maps).all(), "more than there are parts"


def test_what_cannot_be_asked_gets_one_sentence(linear_head, tiny, found, pictures):
    for sentence, ask in (
        ("has no layer 'conv9'", lambda: core.concepts(linear_head, pictures, "conv9")),
        ("Expected a layer with height and width, got 'gap'", lambda: core.concepts(linear_head, pictures, "gap")),
        ("concepts of maps from 1 to 6, got 7", lambda: core.concepts(linear_head, pictures, "maps", count=7)),
        ("Expected pictures \\(N, H, W, 3\\)", lambda: core.concepts(linear_head, pictures[0, 0], "maps", count=3)),
        ("Expected a class from 0 to 3, got 4", lambda: core.concept_importance(linear_head, found, pictures[0], 4)),
        ("Expected designs among 8", lambda: core.concept_importance(linear_head, found, pictures[0], 0, designs=5)),
        ("Expected concept from 0 to 2, got 3", lambda: core.concept_crops(linear_head, found, 3)),
        ("has no layer 'maps'", lambda: core.concept_maps(tiny, found, pictures)),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=sentence):
            ask()


# ------------------------------------------------------------------------------------------------- TCAV


@pytest.fixture(scope="module")
def signed():
    """A network whose classes rise with red, fall with it, and do not know it; its slopes are the kernel of ``end``."""

    def head(maps):
        return L.Dense(3, name="end")(L.GlobalAveragePooling2D(name="gap")(maps))

    net = seeing(head, "signed")
    rng = np.random.default_rng(1)
    kernel = np.zeros((6, 3), np.float32)
    kernel[:, 0], kernel[:, 1] = PARTS[0], -PARTS[0]
    kernel[2:, 2] = rng.normal(size=4)
    net.network.get_layer("end").set_weights([kernel, np.zeros(3, np.float32)])
    return net


@pytest.fixture(scope="module")
def coloured():
    """(Reddish pictures, pictures of any colours), of the same brightness but for red."""
    rng = np.random.default_rng(6)
    others = rng.random((48, *SIZE, 3), dtype=np.float32) * np.array([0.3, 0.5, 0.5], np.float32)
    reddish = rng.random((16, *SIZE, 3), dtype=np.float32) * np.array([0.3, 0.5, 0.5], np.float32)
    reddish[..., 0] += 0.6
    return reddish, others


def asked(net, coloured, label, **settings):
    reddish, others = coloured
    return core.last(core.tcav(net, others[:4], "maps", label, concept=reddish, others=others, runs=12, **settings))


def test_a_class_is_sensitive_to_the_concept_whose_slope_is_known(signed, coloured):
    for label, sign in ((0, 1), (1, -1)):
        told = asked(signed, coloured, label)
        assert told.score == (sign > 0) and told.progress == 1 and len(told.scores) == len(told.random) == 12
        assert told.accuracy.mean() > 0.95 and np.linalg.norm(told.direction) == pytest.approx(1, abs=1e-5)
        np.testing.assert_allclose(told.slopes, sign * (PARTS[0] @ told.direction), rtol=1e-4)
        assert told.significant and told.p_value < 0.05
        assert told.direction[:2] @ PARTS[0, :2] / np.linalg.norm(PARTS[0]) > 0.9, "red is where they differ"


def test_what_is_no_concept_is_not_called_one(signed, coloured):
    _, others = coloured
    told = core.last(core.tcav(signed, others[:4], "maps", 2, concept=others[:16], others=others[16:], runs=12, seed=2))
    assert not told.significant and told.p_value > 0.05 and told.accuracy.mean() < 0.8


def test_tcav_says_what_is_missing(signed, coloured, tiny):
    reddish, others = coloured
    for sentence, change in (
        ("Expected 4 to 2000 pictures of the concept, got 3", {"concept": reddish[:3]}),
        ("Expected 12 to 2000 other pictures, got 2", {"others": others[:2]}),
        ("Expected runs from 2 to 500, got 1", {"runs": 1}),
    ):
        with pytest.raises(ValueError, match=sentence):
            core.tcav(signed, others[:4], "maps", 0, **{"concept": reddish, "others": others, **change})
    with pytest.raises(ValueError, match="Expected a class from 0 to 2, got 3"):
        core.tcav(signed, others[:4], "maps", 3, concept=reddish, others=others)
    broken = seeing(lambda maps: L.Dense(1)(L.GlobalAveragePooling2D()(maps)), "broken", bias=np.nan)
    with pytest.raises(ValueError, match="Expected finite activations, got NaN or infinity at maps"):
        core.last(core.tcav(broken, others[:4], "maps", 0, concept=reddish, others=others))
    for runs, significant in ((2, False), (3, False), (4, True)):
        agreed = core.Tcav("maps", 0, np.ones(runs), np.zeros(runs), np.ones(runs), np.ones(1), np.ones(6))
        assert agreed.significant == significant and 0 < agreed.p_value <= 1 / 3
    few = core.Tcav("maps", 0, np.ones(1), np.zeros(1), np.ones(1), np.ones(1), np.ones(6))
    assert few.p_value == 1, "one run is no evidence"
