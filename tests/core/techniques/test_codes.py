import sys

import numpy as np
import pytest

import core
from core.networks.classifiers import LOGITS
from core.techniques.codes import codes, embed, grid_layout, nearest

NORMAL = np.random.default_rng(3)
GROUPS = np.repeat(np.eye(3, 7) * 20, 8, axis=0).astype(np.float32)
CODES = (GROUPS + NORMAL.normal(size=(24, 7))).astype(np.float32)


def test_codes_are_the_mean_over_the_map(tiny, pictures):
    maps = core.activations(tiny, pictures, ["conv2_relu"])["conv2_relu"]
    assert codes(tiny, pictures, "conv2_relu") == pytest.approx(maps.mean((1, 2)), abs=1e-5)
    assert codes(tiny, pictures, "conv2_relu", flat=True) == pytest.approx(maps.reshape(2, -1), abs=1e-5)


def test_codes_without_a_map_are_the_units_themselves(tiny, pictures):
    assert codes(tiny, pictures, LOGITS).shape == (2, 5)
    assert codes(tiny, pictures, "gap") == pytest.approx(codes(tiny, pictures, "conv2_relu"), abs=1e-5)


def test_batches_do_not_matter(tiny, monkeypatch):
    many = NORMAL.random((9, 24, 40, 3), dtype=np.float32)
    whole = codes(tiny, many, "conv1")
    monkeypatch.setattr(sys.modules["core.techniques.codes"], "BATCH", 4)
    assert codes(tiny, many, "conv1") == pytest.approx(whole, abs=1e-6)


def test_pca_is_centred_and_its_first_axis_varies_most():
    places = embed(CODES, "pca")
    assert places.shape == (24, 2)
    assert places.mean(axis=0) == pytest.approx([0, 0], abs=1e-4)
    assert places[:, 0].var() >= places[:, 1].var()
    assert abs(np.corrcoef(places.T)[0, 1]) < 1e-4


def test_tsne_puts_groups_together_and_follows_its_seed():
    places = embed(CODES, "tsne", seed=1)
    groups = places.reshape(3, 8, 2)
    within = np.linalg.norm(groups - groups.mean(axis=1, keepdims=True), axis=-1).max()
    middles = groups.mean(axis=1)
    between = min(np.linalg.norm(middles[a] - middles[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    assert between > 2 * within
    assert np.array_equal(places, embed(CODES, "tsne", seed=1))


@pytest.mark.parametrize("method", ["tsne", "pca"])
@pytest.mark.parametrize("shape", [(1, 7), (2, 7), (3, 7), (4, 1), (5, 200)])
def test_few_codes_and_many_channels_have_places(method, shape):
    places = embed(NORMAL.normal(size=shape), method)
    assert places.shape == (shape[0], 2) and np.isfinite(places).all()


@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_equal_codes_have_places(method):
    assert np.isfinite(embed(np.ones((6, 5)), method)).all()


def test_apart_gives_everyone_a_cell_and_keeps_neighbours():
    places = embed(CODES, "pca")
    cells = grid_layout(places, aspect=2.0, room=1.5)
    assert len({tuple(cell) for cell in cells.tolist()}) == 24
    assert np.array_equal(cells, np.rint(cells)) and cells.min() >= 0
    columns, rows = cells.max(axis=0) + 1
    assert columns * rows >= 24 and columns > rows
    groups = cells.reshape(3, 8, 2)
    spread = np.linalg.norm(groups - groups.mean(axis=1, keepdims=True), axis=-1).mean()
    assert spread < np.linalg.norm(cells - cells.mean(axis=0), axis=-1).mean()
    assert grid_layout(places[:1]).tolist() == [[0, 0]]


def test_what_is_on_a_grid_stays_there():
    grid = np.stack(np.meshgrid(np.arange(6), np.arange(4)), axis=-1).reshape(-1, 2)
    assert np.array_equal(grid_layout(grid, aspect=1.5, room=1), grid)


def test_the_nearest_of_a_picture_is_itself(tiny):
    found = codes(tiny, NORMAL.random((6, 24, 40, 3), dtype=np.float32), "conv2")
    for index, code in enumerate(found):
        order, cosines = nearest(found, code, 3)
        assert order[0] == index and cosines[0] == pytest.approx(1, abs=1e-5)
        assert (np.diff(cosines) <= 0).all() and len(order) == 3


def test_nearest_is_by_angle_and_a_silent_code_is_near_to_none():
    order, cosines = nearest([[10.0, 0], [1, 1], [0, 0], [-1, 0]], [1.0, 0], 9)
    assert order.tolist() == [0, 1, 2, 3]
    assert cosines == pytest.approx([1, 0.5**0.5, 0, -1], abs=1e-6)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda net: codes(net, np.zeros((24, 40, 3)), "conv1"), r"Expected pictures \(N, H, W, 3\), got shape"),
        (lambda net: codes(net, np.zeros((0, 24, 40, 3)), "conv1"), r"Expected pictures \(N, H, W, 3\), got shape"),
        (lambda net: codes(net, np.zeros((1, 24, 40, 3)), "conv9"), "has no layer 'conv9'"),
        (lambda _: embed(CODES, "isomap"), "There is no embedding 'isomap'; there is tsne, pca, umap, opentsne"),
        (lambda _: embed(CODES[0]), "Expected finite numbers"),
        (lambda _: embed(np.full((3, 2), np.nan)), "Expected finite numbers"),
        (lambda _: embed(np.zeros((1_000_001, 2))), "Expected at most 1,000,000 codes, got 1,000,001"),
        (lambda _: grid_layout(CODES), "Expected an embedding of up to 5000 points"),
        (lambda _: grid_layout(CODES[:, :2], aspect=0), "Expected aspect"),
        (lambda _: grid_layout(CODES[:, :2], room=0.5), "room from 1 to 10"),
        (lambda _: nearest(CODES, CODES[0, :3], 2), "Expected a code of 7 channels"),
        (lambda _: nearest(CODES, CODES[0], 0), "Expected count from 1 to 1000000, got 0"),
    ],
)
def test_errors_are_sentences(tiny, call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call(tiny)


def test_only_one_size_where_the_layer_takes_no_other(linear):
    with pytest.raises(ValueError, match="Expected pictures of 24 x 40"):
        codes(linear, np.zeros((1, 23, 41, 3)), LOGITS)


def test_threads_of_tsne_do_not_spin(monkeypatch):
    """On a busy machine t-SNE takes ten times the processor's time where its threads wait by spinning."""
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_info

    seen, fit = [], TSNE.fit_transform

    def fitted(self, values):
        seen.extend(one["num_threads"] for one in threadpool_info() if one["user_api"] == "openmp")
        return fit(self, values)

    monkeypatch.setattr(TSNE, "fit_transform", fitted)
    embed(np.random.default_rng(0).random((12, 5)), "tsne")
    assert seen and set(seen) == {1}
