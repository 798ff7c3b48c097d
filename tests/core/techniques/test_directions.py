"""What a layer sees, place by place: drawings raise their own direction, and cells gather what lies together."""

from __future__ import annotations

import numpy as np
import pytest

import core
from core.techniques import directions

LAYER = "conv2_relu"


@pytest.fixture(scope="module")
def photo():
    return np.random.default_rng(1).random((1, 24, 40, 3), dtype=np.float32)


def cosines(net, layer, images, vectors):
    """Of the mean activations of pictures (N, H, W, 3) with vectors (M, channels): (N, M)."""
    codes = core.codes(net, images, layer)
    codes, wanted = (one / np.maximum(np.linalg.norm(one, axis=1, keepdims=True), 1e-9) for one in (codes, vectors))
    return codes @ wanted.T


def test_each_drawing_answers_to_its_own_direction_most(tiny):
    vectors = np.eye(8, dtype=np.float32)[[1, 4, 6]] + 0.05
    frames = list(core.draw_directions(tiny, LAYER, vectors, size=32, steps=24))
    drawn = frames[-1].images.numpy()
    assert drawn.shape == (3, 32, 32, 3) and drawn.min() >= 0 and drawn.max() <= 1 and frames[-1].progress == 1
    found = cosines(tiny, LAYER, drawn, vectors)
    assert (found.argmax(axis=0) == [0, 1, 2]).all(), found
    curve = frames[-1].curve.numpy()
    assert (curve[-1] > curve[0]).all()


def test_the_length_of_a_direction_does_not_count_and_the_same_ones_are_drawn_alike(tiny):
    one = np.abs(np.random.default_rng(3).normal(size=(1, 8))).astype(np.float32)
    drawn = core.last(core.draw_directions(tiny, LAYER, np.concatenate([one, 7 * one]), size=32, steps=4)).images
    np.testing.assert_allclose(drawn[0], drawn[1], atol=1e-4)


def test_going_on_is_going_further_at_once(tiny):
    vectors = np.eye(8, dtype=np.float32)[:2]
    short = core.last(core.draw_directions(tiny, LAYER, vectors, size=32, steps=3))
    on = core.last(core.draw_directions(tiny, LAYER, vectors, size=32, steps=3, state=short.state))
    at_once = core.last(core.draw_directions(tiny, LAYER, vectors, size=32, steps=6))
    assert on.step == 6
    np.testing.assert_allclose(on.images, at_once.images, atol=1e-4)


def test_the_grid_has_one_picture_for_each_place_in_reading_order(tiny, photo):
    vectors = core.grid_vectors(tiny, photo, LAYER, most=4)
    maps = core.activations(tiny, photo, [LAYER])[LAYER][0]
    rows, columns = vectors.shape[:2]
    assert max(rows, columns) <= 4 and vectors.shape[2] == 8
    step = -(-max(maps.shape[:2]) // 4)
    np.testing.assert_allclose(vectors[0, 1], maps[:step, step : 2 * step].mean(axis=(0, 1)), rtol=1e-5)
    np.testing.assert_allclose(
        vectors[-1, -1], maps[(rows - 1) * step :, (columns - 1) * step :].mean(axis=(0, 1)), rtol=1e-5
    )
    whole = core.grid_vectors(tiny, photo, LAYER, most=64)
    np.testing.assert_array_equal(whole, maps)
    drawn = core.last(core.activation_grid(tiny, photo, LAYER, most=4, size=32, steps=2)).images
    same = core.last(core.draw_directions(tiny, LAYER, vectors.reshape(-1, 8), size=32, steps=2)).images
    np.testing.assert_allclose(drawn, same, atol=1e-5)
    assert len(drawn) == rows * columns


def test_cells_hold_the_means_of_their_pictures():
    codes = np.array([[1, 0], [3, -4], [0, 2], [5, 5]], np.float32)
    positions = np.array([[0, 0], [0.1, 0.1], [10, 0], [10, 5]], np.float32)
    cells = core.atlas_cells(codes, positions, columns=4)
    assert (cells.rows, cells.columns) == (2, 4)
    assert cells.places.tolist() == [[0, 3], [1, 0], [1, 3]], "row by row from the top, y upwards"
    np.testing.assert_allclose(cells.vectors, [[5, 5], [2, 0], [0, 2]])
    assert cells.counts.tolist() == [1, 2, 1] and cells.members.tolist() == [1, 1, 2, 0]
    one = core.atlas_cells(codes, np.zeros((4, 2)), columns=3)
    assert one.places.tolist() == [[0, 0]] and one.counts.tolist() == [4] and (one.rows, one.columns) == (1, 1)


@pytest.mark.parametrize("count", [5, 40])
def test_the_direction_of_a_cell_is_what_tells_it_from_others(count):
    rng = np.random.default_rng(0)
    codes = np.abs(rng.normal(0, 1, (count, 12))).astype(np.float32)
    codes[:, 0] += 20  # everywhere
    cells = core.atlas_cells(codes, rng.normal(0, 1, (count, 2)), columns=3)
    wide = codes.astype(np.float64) - codes.astype(np.float64).mean(axis=0)
    spread = wide.T @ wide / count + directions.SHRINKAGE * np.square(wide).mean() * np.eye(12)
    apart = cells.vectors - codes.astype(np.float64).mean(axis=0)
    np.testing.assert_allclose(cells.directions, np.linalg.solve(spread, apart.T).T, rtol=1e-2, atol=1e-4)
    common = [np.abs(one[:, 0]) / np.linalg.norm(one[:, 1:], axis=1) for one in (cells.vectors, cells.directions)]
    assert common[1].mean() < 0.2 * common[0].mean()
    alone = core.atlas_cells(codes[:1], np.zeros((1, 2)), columns=3)
    np.testing.assert_allclose(alone.directions, alone.vectors)


def test_a_fixed_size_and_classes_can_be_drawn(linear):
    drawn = core.last(core.draw_directions(linear, core.LOGITS, np.eye(3)[:2], size=32, steps=8)).images.numpy()
    assert drawn.shape == (2, 24, 40, 3), "the only size that it takes"
    (first, second), (other_first, other_second) = core.logits_of(linear, drawn)[:, :2]
    assert first > other_first and second < other_second


def test_what_cannot_be_drawn_gets_one_sentence(tiny, photo):
    for sentence, ask in (
        ("has no layer 'conv9'", lambda: core.draw_directions(tiny, "conv9", np.ones((1, 8)))),
        (r"4096 vectors \(N, 8\), got shape \(1, 7\)", lambda: core.draw_directions(tiny, LAYER, np.ones((1, 7)))),
        ("Expected vectors of finite numbers", lambda: core.draw_directions(tiny, LAYER, np.full((1, 8), np.nan))),
        ("Expected size from 32 to 256, got 8", lambda: core.draw_directions(tiny, LAYER, np.ones((1, 8)), size=8)),
        (
            "Expected pictures of at most 512 MiB together, got 3072",
            lambda: core.draw_directions(tiny, LAYER, np.ones((4096, 8)), size=256),
        ),
        ("Expected power from 0 to 10, got 11", lambda: core.draw_directions(tiny, LAYER, np.ones((1, 8)), power=11)),
        ("Expected a layer with height and width, got 'gap'", lambda: core.activation_grid(tiny, photo, "gap")),
        ("Expected most from 1 to 64, got 0", lambda: core.grid_vectors(tiny, photo, LAYER, most=0)),
        ("Expected codes .* and positions", lambda: core.atlas_cells(np.ones((3, 2)), np.ones((2, 2)))),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=sentence):
            ask()
