from pathlib import Path

import numpy as np
import pytest

from core.pictures import samples


def test_every_sample_is_a_picture_with_a_title_and_a_credit():
    assert samples.names()[:2] == ("coffee", "cat") and samples.names()[-1] == "shapes"
    for sample in samples.samples():
        picture = samples.load(sample.name)
        assert picture.dtype == np.float32 and picture.ndim == 4 and picture.shape[::3] == (1, 3), sample
        assert picture.min() >= 0 and picture.max() <= 1 and picture.std() > 0.02, sample
        assert sample.title and sample.credit
    assert len(set(samples.names())) == len(samples.names())


def test_the_cat_is_wider_than_high_and_reddish():
    cat = samples.load("cat")
    assert cat.shape == (1, 300, 451, 3)
    red, green, blue = cat.mean((0, 1, 2))
    assert red > green > blue


def test_unknown_name_names_the_choices():
    with pytest.raises(ValueError, match="Expected the name of a sample picture, got 'dragon'; there is coffee, cat"):
        samples.load("dragon")


def test_a_missing_package_or_file_is_left_out(monkeypatch):
    broken = (
        samples.Sample("gone", "No package", "nobody", "no_such_package_here", "a.png"),
        samples.Sample("moved", "No file", "nobody", "numpy", "data/no_such.png"),
        samples.Sample("shapes", "Drawn", "us"),
    )
    monkeypatch.setattr(samples, "_SAMPLES", broken)
    assert samples.names() == ("shapes",)
    with pytest.raises(ValueError, match="there is shapes"):
        samples.load("gone")


def test_files_are_inside_the_packages_and_need_no_download():
    for sample in samples.samples():
        if sample.file:
            path = samples._path(sample)
            records = path.parents[sample.file.count("/") + 1].glob(f"scikit_{sample.package[2:]}*/RECORD")
            assert any(f"{sample.package}/{sample.file}," in Path(record).read_text() for record in records), sample


def test_loading_twice_gives_two_arrays_with_the_same_content():
    first, second = samples.load("shapes"), samples.load("shapes")
    first[:] = 0
    assert second.max() == 1


def test_shapes_show_every_orientation_alike():
    rings = samples.load("shapes")[0, : samples.CARD, : samples.CARD, 0]
    np.testing.assert_allclose(rings, rings.T, atol=1e-6)
    np.testing.assert_allclose(rings, np.rot90(rings), atol=1e-6)


def test_shapes_hold_every_hue_once_around():
    half = samples.CARD // 2
    angles = np.radians(np.arange(0, 360, 60))
    y = (half + 0.4 * samples.CARD * np.sin(angles)).astype(int)
    x = (half + 0.4 * samples.CARD * np.cos(angles)).astype(int)
    hues = samples.load("shapes")[0, y, samples.CARD + x]
    pure = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1], [1, 0, 1]])
    np.testing.assert_allclose(hues, pure, atol=0.15)


def test_shapes_are_antialiased():
    disc = samples.load("shapes")[0, samples.CARD : samples.CARD * 3 // 2, samples.CARD : samples.CARD * 3 // 2, 0]
    assert np.unique(disc).size > 10
    size = samples.CARD / 6
    assert disc.sum() == pytest.approx(np.pi * size**2, rel=0.01)
