"""Measures of maps in closed form, and the tables that are made of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

import core
from core.networks.compiled import FEW, Compiled, uncompiled
from core.techniques.attribution import cam, catalogue, gradients, question, ranking
from core.techniques.attribution.metrics import COPIES, RADIUS, Trial

VOTING = {name for name, one in core.METRICS.items() if one.votes}


# ----------------------------------------------------------------------------------------------------- imputation


def test_a_ramp_is_restored_and_single_pixels_are_weighted_means():
    rows, columns = np.mgrid[0:12, 0:15] / 30
    ramp = np.stack([rows, columns, (rows + columns) / 2], -1).astype(np.float32)
    hole = np.zeros((12, 15), bool)
    hole[3:8, 4:11] = True
    np.testing.assert_allclose(core.imputed(ramp, hole, noise=0)[0], ramp, atol=1e-6)
    noise = np.random.default_rng(0).random((5, 6, 3), dtype=np.float32)
    corner, inner = np.zeros((2, 5, 6), bool)
    corner[0, 0] = inner[2, 2] = True
    expected = (noise[0, 1] / 6 + noise[1, 0] / 6 + noise[1, 1] / 12) / (5 / 12)
    np.testing.assert_allclose(core.imputed(noise, corner, noise=0)[0, 0, 0], expected, atol=1e-6)
    near = noise[[1, 3, 2, 2], [2, 2, 1, 3]].sum(0) / 6 + noise[[1, 1, 3, 3], [1, 3, 1, 3]].sum(0) / 12
    found = core.imputed(noise, inner, noise=0)[0]
    np.testing.assert_allclose(found[2, 2], near, atol=1e-6)
    assert np.array_equal(found[~inner], noise[~inner])


def test_imputation_adds_noise_to_what_was_removed_only_and_refuses_what_cannot_be():
    grey, half = np.full((20, 20, 3), 0.5, np.float32), np.arange(400).reshape(20, 20) % 3 > 0
    found = core.imputed(grey, half, noise=0.05, seed=1)[0]
    assert np.array_equal(found[~half], grey[~half])
    assert (found[half] - 0.5).std() == pytest.approx(0.05, rel=0.1)
    assert np.array_equal(found, core.imputed(grey, half, noise=0.05, seed=1)[0])
    assert np.array_equal(core.imputed(grey, np.zeros((20, 20), bool))[0], grey)
    for wrong in (np.ones((20, 20), bool), np.zeros((20, 21), bool)):
        with pytest.raises(ValueError, match=r"a mask of shape \(20, 20\) that leaves a pixel"):
            core.imputed(grey, wrong)


# ---------------------------------------------------------------------------------------------- measures of a map


def test_sparseness_is_the_gini_coefficient():
    one = np.zeros((4, 5), np.float32)
    one[2, 3] = -7
    assert core.sparseness(one) == pytest.approx(1 - 1 / 20)
    assert core.sparseness(np.full((4, 5), 3.0)) == pytest.approx(0, abs=1e-9)
    assert core.sparseness(np.array([[1.0, -2.0, 3.0]])) == pytest.approx(2 * (1 + 4 + 9) / (3 * 6) - 4 / 3)
    assert core.sparseness(np.zeros((4, 5))) == 0
    with pytest.raises(ValueError, match="Expected a map with values"):
        core.sparseness(np.zeros((0, 5)))


def test_pointing_and_what_lies_inside():
    values = np.array([[5.0, 1.0], [-9.0, 2.0]])
    left, right = np.array([[1, 0], [1, 0]]), np.array([[0, 1], [0, 1]])
    assert core.pointing(values, left) == 1 and core.pointing(values, right) == 0
    assert core.inside_total(values, left) == pytest.approx(5 / 8), "negative values do not count"
    for wrong in (np.zeros((2, 2)), np.ones((2, 3))):
        with pytest.raises(ValueError, match=r"a box of shape \(2, 2\) with a pixel in it"):
            core.pointing(values, wrong)


def test_road_is_half_of_what_the_important_pixels_hold(linear, pixels):
    truth = core.attribute(linear, pixels, 1, method="gradient_input")
    found = core.road(linear, pixels, 1, truth, percentages=[25], noise=0)
    order = np.argsort(-truth.ravel(), kind="stable")
    sure = []
    for chosen in (order, order[::-1]):
        removed = np.zeros(960, bool)
        removed[chosen[:240]] = True
        hidden = core.imputed(pixels, removed.reshape(24, 40), noise=0)
        sure.append(float(linear.probabilities(core.logits_of(linear, hidden))[0, 1]))
    assert found == pytest.approx((sure[1] - sure[0]) / 2, abs=1e-6)
    assert core.road(linear, pixels, 1, -truth, percentages=[25], noise=0) == pytest.approx(-found, abs=1e-6)
    assert core.road(linear, pixels, 1, truth, noise=0) > 0.01
    with pytest.raises(ValueError, match=r"a percentage from 0\.1 to 99\.9, got 100"):
        core.road(linear, pixels, 1, truth, percentages=[100])
    with pytest.raises(ValueError, match="Expected at least one percentage, got none"):
        core.road(linear, pixels, 1, truth, percentages=[])
    with pytest.raises(ValueError, match=r"an attribution of shape \(24, 40\), got \(24, 39\)"):
        core.road(linear, pixels, 1, truth[:, :-1])


def test_road_pauses_between_imputations_and_answers_a_batch_at_a_time(linear, pixels, monkeypatch):
    truth, paused = core.attribute(linear, pixels, 1, method="gradient_input"), []
    whole = core.road(linear, pixels, 1, truth, percentages=[20, 40])
    monkeypatch.setattr(question, "batch_size", lambda height, width: 3)
    with core.pausing(lambda: paused.append(1)):
        found = core.road(linear, pixels, 1, truth, percentages=[20, 40])
    assert found == pytest.approx(whole, abs=1e-6) and len(paused) == 4 + 2


def trial(net, pixels, method, **more):
    return Trial(net, pixels, 1, method, core.randomized(net), **more)


def test_noise_moves_the_maps_of_a_linear_network_as_it_must(linear, pixels):
    measure = core.METRICS["sensitivity"].measure
    assert measure(trial(linear, pixels, "gradient")) == pytest.approx(0, abs=1e-5), "its gradient is the same anywhere"
    own = linear.weights("logits")[0][:, 1].reshape(24, 40, 3)
    rng, size = np.random.default_rng(4), np.linalg.norm((own * pixels[0]).sum(-1))
    moved = [np.linalg.norm((own * rng.uniform(-RADIUS, RADIUS, pixels.shape)[0]).sum(-1)) for _ in range(COPIES)]
    found = measure(trial(linear, pixels, "gradient_input", seed=4))
    assert found == pytest.approx(np.mean(moved) / size, rel=1e-3)


def test_a_map_that_asks_for_no_class_is_the_same_for_another_one(tiny, pixels):
    measure = core.METRICS["label"].measure
    assert measure(trial(tiny, pixels, "eigen_cam")) == pytest.approx(1)
    assert measure(trial(tiny, pixels, "gradient_input")) < 0.9


def test_a_map_that_asks_no_network_is_the_same_for_a_random_one(tiny, pixels, monkeypatch):
    red = core.Method("Red", "How red it is.", lambda question: question.picture[0, ..., 0])
    monkeypatch.setattr(catalogue, "METHODS", {**core.METHODS, "red": red})
    measure = core.METRICS["network"].measure
    assert measure(trial(tiny, pixels, "red")) == pytest.approx(1)
    assert measure(trial(tiny, pixels, "gradient_input")) < 0.9


@pytest.mark.parametrize("method", ["gradient", "guided", "grad_cam", "lrp"])
def test_what_runs_once_is_the_same_without_compiling(tiny, pixels, method):
    fresh = tiny.prepared()
    other = ThreadPoolExecutor(1)  # where a server compiles
    with other, core.pausing(lambda: None, elsewhere=lambda work: other.submit(work).result()), uncompiled():
        found = core.attribute(fresh, pixels, 1, method=method)
    (compiled,) = [one for one in map(fresh.kept.get, fresh.kept, [None] * 9) if isinstance(one, Compiled)]
    for traces in (*[0] * FEW, 1, 1):  # nor is what was asked for a few times only
        np.testing.assert_allclose(found, core.attribute(fresh, pixels, 1, method=method), rtol=1e-4, atol=1e-6)
        assert compiled.experimental_get_tracing_count() == traces


# --------------------------------------------------------------------------------------------------------- tables


@pytest.fixture
def rows(monkeypatch):
    """True maps, their opposite, and one that is always empty."""

    def opposite(question):
        return -catalogue.METHODS["gradient_input"].explain(question)

    more = {
        "opposite": core.Method("Opposite", "Wrong.", opposite, signed=True),
        "nothing": core.Method("Nothing", "Empty.", lambda question: np.zeros(question.picture.shape[1:3], np.float32)),
    }
    for module in (catalogue, ranking):
        monkeypatch.setattr(module, "METHODS", MappingProxyType({**core.METHODS, **more}))


def test_the_table_grows_by_one_value_and_the_true_method_comes_first(linear, pixels, rows):
    methods = ["opposite", "nothing", "gradient_input"]
    box = np.zeros((24, 40), bool)
    box[:, :20] = True
    found = list(core.compare_methods(linear, pixels, 1, methods, box=box))
    counts = [sum(map(len, one.rows.values())) for one in found]
    assert counts == list(range(1, len(counts) + 1)) and counts[-1] == 2 * len(core.METRICS)
    progress = [one.progress for one in found]
    assert progress == sorted(progress) and progress[-1] == 1 and progress[-2] < 1
    last = found[-1]
    assert last.order == ["gradient_input", "opposite"] and "Nothing in the picture" in last.refused["nothing"]
    assert last.rows["gradient_input"]["road"] > 0 > last.rows["opposite"]["road"]
    assert last.ranks["gradient_input"] + last.ranks["opposite"] == pytest.approx(3), "the ranks of two are 1 and 2"
    without = core.last(core.compare_methods(linear, pixels, 1, ["gradient_input"]))
    assert set(core.METRICS) - set(without.rows["gradient_input"]) == {"pointing", "inside"}


def test_methods_share_what_they_have_in_common_on_one_picture_only(flat, pixels, monkeypatch):
    ran = []
    for module in (gradients, cam):

        def counted(classifier, key, arrays, compute, own=module.shared):
            return own(classifier, key, arrays, lambda: (ran.append(key[0]), compute())[1])

        monkeypatch.setattr(module, "shared", counted)
    alike = ["gradient", "gradient_input", "grad_cam", "hires_cam", "layer_cam"]
    table = core.last(core.compare_methods(flat, pixels, 1, alike))
    maps = 1 + COPIES + 2  # its own, of noisy pictures, of a random network and of another class
    assert sorted(ran) == ["attribution"] * maps + ["maps and slopes"] * maps
    for method in alike:
        own = core.last(core.compare_methods(flat, pixels, 1, [method])).rows[method]
        assert own == pytest.approx(table.rows[method], rel=1e-3, abs=1e-5)
    core.attribute(flat, pixels, 1, method="gradient")
    core.attribute(flat, pixels, 1, method="gradient")
    assert len(ran) > 12 and ran[-2:] == ["attribution"] * 2, "nobody else is given what was kept"
    before = len(ran)
    for asked in ("a", "a", "b", "a"):
        with core.sharing_latest(flat, asked):
            core.attribute(flat, pixels, 1, method="xgrad_cam")
    assert len(ran) == before + 3, "only the latest question is kept"


def test_a_value_that_is_not_a_number_costs_only_its_own_method_its_rank(linear, pixels, rows, monkeypatch):
    def measure(trial):
        return np.nan if trial.method == "opposite" else 0.5

    broken = {name: replace(core.METRICS[name], measure=measure) for name in VOTING}
    monkeypatch.setattr(ranking, "METRICS", broken)
    found = core.last(core.compare_methods(linear, pixels, 1, ["opposite", "gradient_input"]))
    assert found.ranks == {"gradient_input": 1} and np.isnan(found.rows["opposite"]["road"])


def test_a_ranking_over_pictures_is_the_mean_of_their_tables(linear, pixels, rows):
    methods, both = ["gradient_input", "opposite"], np.concatenate([pixels, pixels[:, ::-1]])
    found = list(core.rank_methods(linear, both, methods))
    tables = [
        core.last(core.compare_methods(linear, one[None], int(core.logits_of(linear, one[None])[0].argmax()), methods))
        for one in both
    ]
    for method in methods:
        for name in VOTING:
            expected = np.mean([one.rows[method][name] for one in tables])
            assert found[-1].rows[method][name] == pytest.approx(expected, abs=1e-6)
        assert found[-1].ranks[method] == pytest.approx(np.mean([one.ranks[method] for one in tables]))
    assert found[-1].pictures == 2 and found[-1].progress == 1
    assert [one.progress for one in found] == sorted(one.progress for one in found)
    assert found[0].ranks == {} and found[0].pictures == 0, "a picture counts when it is finished"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"methods": []}, "Expected at least one method, got none"),
        ({"methods": ["crystal"]}, "There is no method 'crystal'"),
        ({"settings": {"count": 1}}, "Expected count from 2 to 1000, got 1"),
        ({"settings": {"crystals": 3}}, "There is no setting 'crystals'"),
        ({"target": 7}, "a target of"),
        ({"box": np.zeros((24, 40))}, r"a box of shape \(24, 40\) with a pixel in it"),
        ({"box": np.ones((3, 40))}, r"a box of shape \(24, 40\) with a pixel in it, got shape \(3, 40\)"),
    ],
    ids=str,
)
def test_impossible_tables_are_refused_before_any_work(linear, pixels, given, sentence):
    asked = {"target": 1, "methods": ["gradient"], **given}
    with pytest.raises(ValueError, match=sentence):
        core.compare_methods(linear, pixels, asked.pop("target"), asked.pop("methods"), **asked)


def test_a_ranking_refuses_settings_that_cannot_be(linear, pixels):
    with pytest.raises(ValueError, match="Expected count from 2 to 1000, got 1"):
        core.rank_methods(linear, pixels, ["gradient"], settings={"count": 1})
