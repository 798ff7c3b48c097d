"""Walls and figures: nothing is cut, mirrored or smoothed on the way to the screen."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import core
from dashboard import figures


@pytest.mark.parametrize("count", [1, 2, 7, 32, 64, 128, 192, 256, 2048])
@pytest.mark.parametrize("shape", [(4, 6), (40, 24)])
def test_wall_has_every_map_in_its_place(count: int, shape: tuple[int, int]) -> None:
    maps = np.random.default_rng(0).random((count, *shape), dtype=np.float32)
    wall = figures.wall(maps, "Gray")
    rows = -(-count // wall.columns)
    high, wide = ((side + figures.GAP) / n for side, n in zip(wall.pixels.shape, (rows, wall.columns), strict=False))
    zoom = int((high - figures.GAP) / shape[0])
    for i in (0, count // 2, count - 1):
        top, left = int(i // wall.columns * high), int(i % wall.columns * wide)
        tile = wall.pixels[top : top + shape[0] * zoom : zoom, left : left + shape[1] * zoom : zoom, 0]
        np.testing.assert_array_equal(tile, figures.coloured(maps[i].clip(0, 254.5 / 255), "Gray")[..., 0])
    np.testing.assert_array_equal(core.open_image(core.encode_png(**wall.compact))[0], core.to_float(wall.pixels))


def test_full_rows_where_possible() -> None:
    for count in (16, 32, 64, 128, 192, 256, 512, 1280):
        assert count % figures.wall(np.zeros((count, 1, 1), np.float32), "Gray").columns == 0


def test_colours_run_from_dark_to_bright() -> None:
    for name in figures.COLOURS[:3]:
        ends = figures.coloured(np.array([0, 1], np.float32), name).sum(axis=1)
        assert ends[0] < ends[1]


def test_overlay_puts_the_first_row_on_top() -> None:
    activation = np.arange(6, dtype=np.float32).reshape(2, 3)
    field = core.ReceptiveField((14, 18), (10, 10), (-2, -4))
    figure = figures.overlay(b"", activation, (20, 30), colours="Gray", opacity=0.5, window=field.window)
    heat = figure.data[0]
    assert list(heat.y) == [5, 15] and list(heat.x) == [5, 15, 25]
    assert figure.layout.yaxis.range == (20, 0)
    assert heat.customdata.tolist() == [
        [[0, 12, 0, 14], [0, 12, 6, 24], [0, 12, 16, 30]], [[8, 20, 0, 14], [8, 20, 6, 24], [8, 20, 16, 30]],
    ]  # fmt: skip
    assert "sees the whole picture" in figures.overlay(
        b"", activation, (20, 30), colours="Gray", opacity=0.5, window=None
    ).data[0].hovertemplate  # fmt: skip


def test_chances_keep_their_order() -> None:
    figure = figures.probabilities([("best", 0.5), ("next", 0.25)])
    assert list(figure.data[0].y) == ["best", "next"]
    assert figure.layout.yaxis.autorange == "reversed"


def test_histogram_counts_everything() -> None:
    values = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    figure = figures.histogram(values, values[:10], "some")
    assert [sum(bars.y) for bars in figure.data] == [1000, 10]


def test_a_river_is_laid_out_so_that_what_flows_in_fits_its_nodes():
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=3), rng.normal(size=2)]
    found = figures.river(
        ["one", "two"],
        [[4, 0, 7], [5, 1]],
        parts,
        [rng.normal(size=(3, 2))],
        totals=[2.0, -1.0],
        score=3.5,
        title="tabby",
    )
    assert found.stages == ("", "one", "two", "") and len(found.nodes) == 1 + 4 + 3 + 1
    assert found.units == (None, ("one", 4), ("one", 0), ("one", 7), None, ("two", 5), ("two", 1), None, None)
    assert [node["kind"] for node in found.nodes] == ["end", *["unit"] * 3, "others", *["unit"] * 2, "others", "end"]
    for node in found.nodes:
        assert 0 <= node["y"] <= node["y"] + node["height"] <= 1.0001
        for x, y in (("x0", "y0"), ("x1", "y1")):
            here = [
                (one[y] - one["width"] / 2, one[y] + one["width"] / 2)
                for one in found.links
                if one[x] == node["x"] and node["y"] - 1e-9 <= one[y] <= node["y"] + node["height"] + 1e-9
            ]
            here.sort()
            assert all(end <= start + 1e-9 for (_, end), (start, _) in pairwise(here)), "no overlap"
            assert sum(end - start for start, end in here) <= node["height"] + 1e-9
    first = next(one for one in found.links if one["says"].startswith("the picture → one 4"))
    assert first["kind"] == ("for" if parts[0][0] > 0 else "against") and f"{parts[0][0]:+.3g}" in first["says"]
