"""Arrays of pictures: 8 bits and floats, resizing, cutting, mosaics, digests."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from picture_files import SHAPES, noise, smooth

from core.pictures import encoding, images

FLOATS = [images.to_uint8, images.digest]


def test_uint8_to_float_to_uint8_is_the_identity():
    values = np.arange(256, dtype=np.uint8)
    floats = images.to_float(values)
    assert floats.dtype == np.float32 and floats[0] == 0 and floats[-1] == 1
    np.testing.assert_array_equal(images.to_uint8(floats), values)


def test_to_uint8_rounds_and_clips():
    values = np.array([-3, -0.001, 0.49 / 255, 0.51 / 255, 1.001, 7])
    np.testing.assert_array_equal(images.to_uint8(values), [0, 0, 0, 1, 255, 255])


@pytest.mark.parametrize("function", FLOATS)
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_floats_must_be_finite(function, wrong):
    pictures = noise(2, 24, 40, 3)
    pictures[1, 2, 3, 0] = wrong
    with pytest.raises(ValueError, match="Expected finite numbers, got NaN or infinity"):
        function(pictures)


@pytest.mark.parametrize("function", FLOATS)
def test_floats_must_be_floats(function):
    with pytest.raises(ValueError, match=r"Expected floats in \[0, 1\], got uint8"):
        function(np.zeros((1, 24, 40, 3), np.uint8))


def test_pixels_must_be_uint8():
    with pytest.raises(ValueError, match="Expected pixels of type uint8, got float32"):
        images.to_float(noise(24, 40, 3))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [(12, 20), (7, 31), (50, 30), (1, 1)])
@pytest.mark.parametrize("function", [images.resize, images.fit])
def test_resized_pictures_have_the_size_asked_for_and_stay_in_range(function, shape, size):
    pictures = noise(2, *shape, 3)
    before = pictures.copy()
    resized = function(pictures, height=size[0], width=size[1])
    assert resized.shape == (2, *size, 3) and resized.dtype == np.float32
    assert resized.min() >= 0 and resized.max() <= 1
    np.testing.assert_array_equal(pictures, before)
    constant = function(np.full((2, *shape, 3), 0.7, np.float32), height=size[0], width=size[1])
    np.testing.assert_allclose(constant, 0.7, atol=1e-5)


@pytest.mark.parametrize("size", [(12, 20), (48, 80), (31, 17)])
def test_resize_keeps_a_gradient_a_gradient(size):
    resized = images.resize(smooth(24, 40, 2), height=size[0], width=size[1])
    np.testing.assert_allclose(resized, smooth(*size, 2), atol=0.05)


def test_resize_to_the_same_size_is_the_identity():
    pictures = noise(2, 23, 41, 3)
    np.testing.assert_array_equal(images.resize(pictures, height=23, width=41), pictures)
    np.testing.assert_array_equal(images.fit(pictures, height=23, width=41), pictures)


def test_resize_is_antialiased():
    stripes = np.zeros((1, 120, 200, 3), np.float32)
    stripes[:, :, ::2] = 1
    small = images.resize(stripes, height=24, width=40)
    np.testing.assert_allclose(small[:, :, 4:-4], 0.5, atol=0.02)


def test_fit_cuts_the_same_from_both_sides_and_keeps_the_aspect():
    pictures = smooth(24, 40)
    square = images.fit(pictures, height=24, width=24)
    np.testing.assert_allclose(square, pictures[:, :, 8:32], atol=1e-6)
    upright = images.fit(pictures.swapaxes(1, 2), height=24, width=24)
    np.testing.assert_allclose(upright, square.swapaxes(1, 2), atol=1e-6)


@pytest.mark.parametrize(("shape", "expected"), [((24, 40), (12, 20)), ((41, 23), (20, 11)), ((2, 90), (1, 20))])
def test_shrink_keeps_the_aspect(shape, expected):
    shrunk = images.shrink(noise(2, *shape, 3), max_side=20)
    assert shrunk.shape == (2, *expected, 3)


def test_shrink_never_enlarges():
    pictures = noise(2, 24, 40, 3)
    np.testing.assert_array_equal(images.shrink(pictures, max_side=64), pictures)


@pytest.mark.parametrize(
    "call",
    [
        lambda pictures: images.resize(pictures, height=8, width=8),
        lambda pictures: images.fit(pictures, height=8, width=8),
        lambda pictures: images.shrink(pictures, max_side=8),
        images.tile,
        encoding.encode_gif,
        images.digest,
    ],
)
@pytest.mark.parametrize("shape", [(24, 40, 3), (1, 24, 40), (1, 24, 40, 1), (1, 24, 40, 4), (0, 24, 40, 3), ()])
def test_batches_must_have_four_axes_and_three_channels(call, shape):
    with pytest.raises(ValueError, match=re.escape(f"Expected pictures of shape (N, H, W, 3), got {shape}.")):
        call(np.zeros(shape, np.float32))


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda pictures: images.resize(pictures, height=0, width=8), "height"),
        (lambda pictures: images.resize(pictures, height=8, width=2.5), "width"),
        (lambda pictures: images.fit(pictures, height=-1, width=8), "height"),
        (lambda pictures: images.fit(pictures, height=8, width=0), "width"),
        (lambda pictures: images.shrink(pictures, max_side=0), "max_side"),
        (lambda pictures: images.tile(pictures, columns=0), "columns"),
        (lambda pictures: images.tile(pictures, margin=-1), "margin"),
        (lambda pictures: encoding.encode_jpeg(pictures[0], quality=0), "quality"),
        (lambda pictures: encoding.encode_jpeg(pictures[0], quality=100), "quality"),
    ],
)
def test_sizes_must_be_whole_numbers_in_range(call, name):
    with pytest.raises(ValueError, match=f"Expected {name} from "):
        call(noise(1, 24, 40, 3))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("count", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("margin", [0, 2])
def test_tile_holds_every_picture_in_reading_order(shape, count, margin):
    pictures = noise(count, *shape, 3)
    columns = int(np.ceil(np.sqrt(count)))
    mosaic = images.tile(pictures, margin=margin, background=0.25)
    down, across = shape[0] + margin, shape[1] + margin
    assert mosaic.shape == (-(-count // columns) * down + margin, columns * across + margin, 3)
    for index, picture in enumerate(pictures):
        top, left = margin + index // columns * down, margin + index % columns * across
        place = mosaic[top : top + shape[0], left : left + shape[1]]
        np.testing.assert_array_equal(place, picture)
        place[:] = 0.25
    assert (mosaic == 0.25).all()


def test_tile_takes_columns_but_leaves_no_empty_ones():
    pictures = noise(5, 24, 40, 3)
    assert images.tile(pictures, columns=1, margin=0).shape == (5 * 24, 40, 3)
    assert images.tile(pictures, columns=9, margin=0).shape == (24, 5 * 40, 3)
    with pytest.raises(ValueError, match="Expected background from 0 to 1, got 255"):
        images.tile(pictures, background=255)


def test_digest_is_of_every_pixel_and_of_the_shape():
    pictures = noise(2, 24, 40, 3)
    name = images.digest(pictures)
    assert re.fullmatch("[0-9a-f]{64}", name) and name == images.digest(pictures.copy())
    assert name == images.digest(np.asfortranarray(pictures))
    assert name != images.digest(pictures.reshape(2, 40, 24, 3)) != images.digest(pictures.reshape(1, 48, 40, 3))
    for place in [(0, 0, 0, 0), (1, 23, 39, 2), (1, 5, 7, 1)]:
        changed = pictures.copy()
        changed[place] = np.nextafter(changed[place], np.float32(1))
        assert images.digest(changed) != name


SIDE = st.integers(1, 60)


@given(st.integers(1, 3), SIDE, SIDE, SIDE, SIDE)
def test_any_cut_has_the_size_asked_for_and_shows_only_what_was_there(count, height, width, rows, columns):
    low, high = 0.25, 0.75
    pictures = low + (high - low) * noise(count, height, width, 3)
    for function in (images.fit, images.resize):
        cut = function(pictures, height=rows, width=columns)
        assert cut.shape == (count, rows, columns, 3) and cut.dtype == np.float32
        assert cut.min() >= 0 and cut.max() <= 1
        constant = function(np.full_like(pictures, high), height=rows, width=columns)
        np.testing.assert_allclose(constant, high, atol=1e-5)


@given(SIDE, SIDE, st.integers(1, 80))
def test_any_shrinking_keeps_the_aspect_within_a_pixel(height, width, most):
    _, rows, columns, _ = images.shrink(noise(1, height, width, 3), max_side=most).shape
    assert max(rows, columns) == min(most, max(height, width))
    scale = max(rows, columns) / max(height, width)
    assert abs(rows - height * scale) <= 1 and abs(columns - width * scale) <= 1


@given(st.integers(1, 12), st.integers(1, 9), st.integers(1, 9), st.integers(1, 14), st.integers(0, 4))
def test_any_mosaic_holds_every_pixel_once(count, height, width, columns, margin):
    pictures = 0.1 + 0.9 * noise(count, height, width, 3)
    mosaic = images.tile(pictures, columns=columns, margin=margin, background=0)
    assert np.array_equal(np.sort(mosaic[mosaic > 0]), np.sort(pictures.ravel()))
