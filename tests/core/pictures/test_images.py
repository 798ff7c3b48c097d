import io
import os
import re
import struct
import threading
import warnings
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import ExifTags, Image

from core.pictures import images

WANTED = "Expected a JPEG, PNG, WebP or GIF picture, got "
SHAPES = [(24, 40), (23, 41)]
FLOATS = [images.to_uint8, images.digest]


@pytest.fixture(autouse=True)
def _warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def noise(*shape, seed=0):
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def smooth(height, width, count=1):
    """Red grows downwards, green to the right, blue from picture to picture: height and width cannot be confused."""
    red, green = np.meshgrid(np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij")
    pictures = [np.stack([red, green, np.full_like(red, (k + 1) / (count + 1))], -1) for k in range(count)]
    return np.stack(pictures).astype(np.float32)


def encoded(image, format, **options):
    file = io.BytesIO()
    image.save(file, format=format, **options)
    return file.getvalue()


def photo(mode="RGB", height=24, width=40):
    return Image.fromarray(images.to_uint8(smooth(height, width)[0])).convert(mode)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth, colour, data, *chunks):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    body = b"".join(chunks) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + body


# 8-bit pixels and floats


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


# Opening


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("format", ["PNG", "WEBP", "JPEG", "GIF"])
def test_every_format_opens_as_what_was_saved(shape, format, tmp_path):
    options = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}.get(format, {})
    data = encoded(photo(height=shape[0], width=shape[1]), format, **options)
    picture = images.open_image(data)
    assert picture.shape == (1, *shape, 3) and picture.dtype == np.float32
    tolerance = {"JPEG": 0.04, "GIF": 0.25}.get(format, 0.5 / 255 + 1e-6)
    np.testing.assert_allclose(picture, smooth(*shape), atol=tolerance)
    path = tmp_path / "a picture"
    path.write_bytes(data)
    np.testing.assert_array_equal(images.open_image(path), picture)
    np.testing.assert_array_equal(images.open_image(str(path)), picture)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "GIF", "MPO"])
def test_of_several_frames_the_first_is_taken(format):
    black, white = Image.new("RGB", (40, 24)), Image.new("RGB", (40, 24), "white")
    picture = images.open_image(encoded(black, format, save_all=True, append_images=[white]))
    assert picture.shape == (1, 24, 40, 3) and picture.max() < 0.05


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_every_colour_mode_opens_as_rgb(mode):
    grey = photo("L")
    options = {"quality": 95} if mode == "CMYK" else {}
    picture = images.open_image(encoded(grey.convert(mode), "JPEG" if mode == "CMYK" else "PNG", **options))
    expected = np.repeat(np.asarray(grey, np.float32)[None, ..., None] / 255, 3, -1)
    np.testing.assert_allclose(picture, expected, atol=0.03 if mode == "CMYK" else 1e-6)


def test_one_bit_pictures_are_black_and_white():
    bits = noise(23, 41) > 0.5
    picture = images.open_image(encoded(Image.fromarray(bits), "PNG"))
    np.testing.assert_array_equal(picture, np.repeat(bits[None, ..., None], 3, -1))


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparency_lies_on_white(mode):
    image = photo(mode)
    image.putalpha(Image.fromarray(np.repeat(np.uint8([[0, 128, 255, 255]]), 10, 1).repeat(24, 0)))
    opaque = np.asarray(photo(mode).convert("RGB"), np.float32)[None] / 255
    picture = images.open_image(encoded(image, "PNG"))
    assert (picture[:, :, :10] == 1).all()
    np.testing.assert_allclose(picture[:, :, 10:20], 0.5 + opaque[:, :, 10:20] / 2, atol=0.01)
    np.testing.assert_array_equal(picture[:, :, 20:], opaque[:, :, 20:])


@pytest.mark.parametrize("format", ["PNG", "GIF"])
def test_a_transparent_palette_colour_is_white(format):
    image = Image.fromarray(np.repeat(np.uint8([[0, 1]]), 20, 1).repeat(24, 0), "P")
    image.putpalette([0, 0, 255, 255, 0, 0])
    picture = images.open_image(encoded(image, format, transparency=0))
    assert (picture[:, :, :20] == 1).all() and (picture[:, :, 20:] == [1, 0, 0]).all()


def test_a_half_transparent_palette_colour_is_blended():
    data = png(2, 1, 8, 3, b"\0\0\1", chunk(b"PLTE", bytes(6)), chunk(b"tRNS", b"\xff\x80"))
    np.testing.assert_allclose(images.open_image(data)[0, 0, :, 0], [0, 0.5], atol=0.01)


def test_16_bit_grey_is_scaled_not_clipped():
    values = np.linspace(0, 65535, 24 * 40).reshape(24, 40).astype(np.uint16)
    picture = images.open_image(encoded(Image.fromarray(values), "PNG"))
    expected = np.repeat(values[None, ..., None] / 65535, 3, axis=-1)
    np.testing.assert_allclose(picture, expected, atol=1e-6)
    small = images.open_image(encoded(Image.fromarray(values), "PNG"), max_side=20)
    assert small.shape == (1, 12, 20, 3) and small.max() <= 1
    assert small.mean() == pytest.approx(0.5, abs=0.01)


def test_16_bit_grey_stays_in_range_when_shrunk():
    values = np.where(noise(240, 400) > 0.5, 65535, 0).repeat(8, 1).astype(np.uint16)
    small = images.open_image(encoded(Image.fromarray(values), "PNG"), max_side=1600)
    assert small.min() == 0 and small.max() == 1


def test_16_bit_colour_and_16_bit_transparency():
    colour = png(2, 1, 16, 2, b"\0" + struct.pack(">6H", 0, 65535, 32768, 65535, 0, 0))
    np.testing.assert_allclose(images.open_image(colour)[0, 0], [[0, 1, 0.5], [1, 0, 0]], atol=0.01)
    grey = png(2, 1, 16, 0, b"\0" + struct.pack(">2H", 7, 32768), chunk(b"tRNS", struct.pack(">H", 7)))
    np.testing.assert_allclose(images.open_image(grey)[0, 0, :, 0], [1, 0.5], atol=0.01)


@pytest.mark.parametrize(("mode", "white"), [("I", 65535), ("F", 1.0), ("I;16B", 65535)])
def test_modes_without_a_range_of_their_own_are_scaled(mode, white):
    dtype = {"I": np.int32, "F": np.float32, "I;16B": ">u2"}[mode]
    image = Image.frombytes(mode, (3, 1), np.array([0, white / 2, white]).astype(dtype).tobytes())
    np.testing.assert_allclose(np.asarray(images._rgb_or_grey(image))[0], [0, 0.5, 1], atol=1e-4)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright(format, orientation):
    upright = smooth(24, 40)[0]
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    options = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}.get(format, {})
    data = encoded(Image.fromarray(images.to_uint8(stored)), format, exif=exif, **options)
    np.testing.assert_allclose(images.open_image(data)[0], upright, atol=0.04)


def test_damaged_notes_of_the_camera_do_not_refuse_the_picture():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Make] = "Camera"
    data = encoded(photo(), "JPEG", exif=exif)
    start = data.index(b"Exif\0\0") + 6
    generator = np.random.default_rng(0)
    for _ in range(100):
        broken = bytearray(data)
        broken[start : start + 40] = generator.choice([0, 1, 2, 5, 12, 255], 40).astype(np.uint8).tobytes()
        assert images.open_image(bytes(broken)).shape in {(1, 24, 40, 3), (1, 40, 24, 3)}


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF"])
@pytest.mark.parametrize(("shape", "expected"), [((240, 400), (24, 40)), ((400, 240), (40, 24)), ((23, 41), (22, 40))])
def test_max_side_bounds_the_longer_side(format, shape, expected):
    data = encoded(photo(height=shape[0], width=shape[1]), format)
    picture = images.open_image(data, max_side=40)
    assert picture.shape == (1, *expected, 3)
    np.testing.assert_allclose(picture[..., 1].mean(1)[0], smooth(*expected)[0, ..., 1].mean(0), atol=0.1)


def test_max_side_does_not_enlarge_and_is_antialiased():
    stripes = np.zeros((240, 400, 3), np.uint8)
    stripes[:, ::2] = 255
    data = encoded(Image.fromarray(stripes), "PNG")
    np.testing.assert_array_equal(images.open_image(data, max_side=400), images.open_image(data))
    np.testing.assert_array_equal(images.open_image(data, max_side=999), images.open_image(data))
    assert images.open_image(data, max_side=40)[:, :, 4:-4].std() < 0.02


@pytest.mark.parametrize("shape", [(1, 5000), (5000, 1)])
def test_extreme_sides_open(shape):
    data = encoded(photo(height=shape[0], width=shape[1]), "PNG")
    assert images.open_image(data).shape == (1, *shape, 3)
    assert sorted(images.open_image(data, max_side=50).shape) == [1, 1, 3, 50]


# Refusing


def refused(source, sentence, **options):
    with pytest.raises(ValueError, match=re.escape(sentence)) as caught:
        images.open_image(source, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"Dear teacher, this is a text.",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\0",
        encoded(Image.new("RGB", (40, 24)), "BMP"),
        encoded(Image.new("RGB", (40, 24)), "TIFF"),
        encoded(Image.new("RGB", (40, 24)), "PPM"),
        encoded(Image.new("RGB", (40, 24)), "EPS"),
        encoded(Image.new("RGB", (40, 24)), "ICO"),
    ],
)
def test_other_files_are_refused(data, tmp_path):
    refused(data, WANTED + "a file that is none of these.")
    path = tmp_path / "photo.png"
    path.write_bytes(data)
    refused(path, WANTED + "a file that is none of these.")


@pytest.mark.parametrize("kept", [0.3, 0.5, 0.9])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF"])
def test_half_a_file_is_refused(format, kept):
    data = encoded(Image.fromarray(images.to_uint8(noise(24, 40, 3))), format)
    refused(data[: int(len(data) * kept)], WANTED + "a picture that is cut off or damaged.")
    refused(data[: int(len(data) * kept)], WANTED + "a picture that is cut off or damaged.", max_side=10)


def test_a_file_that_stops_in_its_header_is_refused():
    refused(encoded(photo(), "PNG")[:12], WANTED + "a picture that is cut off or damaged.")
    refused(encoded(photo(), "JPEG")[:5], WANTED + "a picture that is cut off or damaged.")


@pytest.mark.parametrize("tail", [chunk(b"iCCP", b""), chunk(b"zTXt", b"key\0\7text"), chunk(b"gAMA", b"")])
def test_a_damaged_chunk_behind_the_pixels_is_refused(tail):
    whole = png(2, 1, 8, 0, b"\0\0\1")
    assert images.open_image(whole).shape == (1, 1, 2, 3)
    refused(whole.replace(chunk(b"IEND", b""), tail + chunk(b"IEND", b"")), "cut off or damaged.")


def test_what_is_no_file_is_refused(tmp_path):
    refused(b"", WANTED + "an empty file.")
    refused(tmp_path, f"Expected a picture file, got {str(tmp_path)!r}, which is a folder.")
    refused(tmp_path / "no.png", "no.png', which is not a file that exists.")
    refused("", "which is a folder.")
    refused("nul\0byte.png", "which is not a file that exists.")
    refused("x" * 5000, "which cannot be read.")
    refused(None, "Expected the path or the bytes of a picture, got an object of type NoneType.")
    refused(io.BytesIO(b"x"), "got an object of type BytesIO.")
    (tmp_path / "empty.png").touch()
    refused(tmp_path / "empty.png", WANTED + "an empty file.")
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "which is not a file that exists.")


def test_too_many_bytes_are_refused_before_anything_is_read(tmp_path, monkeypatch):
    path = tmp_path / "large.png"
    path.write_bytes(b"x" * 3 * 2**20)
    refused(path.read_bytes(), "Expected a file of at most 2.00 MB, got 3.00 MB.", max_bytes=2 * 2**20)
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("the file was read"))
    refused(path, "Expected a file of at most 2.00 MB, got 3.00 MB.", max_bytes=2 * 2**20)


@pytest.mark.parametrize("sides", [(10_000, 10_000), (100_000_000, 1)])
def test_too_many_pixels_are_refused_before_decoding(sides):
    sentence = f"Expected a picture of at most 24 megapixels, got {sides[0]} x {sides[1]} (100 megapixels)."
    refused(png(*sides, 8, 2, b""), sentence)
    refused(png(*sides, 8, 2, b""), sentence, max_side=100)


def test_a_decompression_bomb_is_refused():
    refused(png(50_000, 50_000, 8, 2, b""), "Expected a picture of at most 24 megapixels, got one of far more.")


def test_max_pixels_is_the_last_size_that_opens():
    data = encoded(photo(), "PNG")
    assert images.open_image(data, max_pixels=24 * 40).shape == (1, 24, 40, 3)
    refused(data, "got 40 x 24 (0.00096 megapixels).", max_pixels=24 * 40 - 1)


@pytest.mark.parametrize("max_side", [0, -1, 1.5, "7"])
def test_max_side_must_be_a_whole_number(max_side):
    refused(encoded(photo(), "PNG"), "Expected max_side to be a whole number of at least 1, got", max_side=max_side)


def seeds():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    turned = photo().rotate(90)
    return {
        "JPEG": encoded(photo(), "JPEG", exif=exif),
        "progressive": encoded(photo(), "JPEG", progressive=True),
        "MPO": encoded(photo(), "MPO", save_all=True, append_images=[turned]),
        "PNG": encoded(photo(), "PNG", exif=exif),
        "palette": encoded(photo().quantize(16), "PNG", transparency=3),
        "APNG": encoded(photo(), "PNG", save_all=True, append_images=[turned]),
        "WEBP": encoded(photo(), "WEBP", exif=exif),
        "lossless": encoded(photo("RGBA"), "WEBP", lossless=True),
        "GIF": encoded(photo(), "GIF", save_all=True, append_images=[turned]),
    }


def broken(data, generator):
    data = bytearray(data)
    if generator.random() < 0.3:
        return bytes(data[: generator.integers(len(data))])
    reach = min(len(data), int(generator.choice([100, len(data)])))
    for place in generator.integers(reach, size=generator.integers(1, 6)):
        data[place] = generator.choice([0, 127, 128, 255, generator.integers(256)])
    return bytes(data)


def repaired(data):
    """Set the checksums of a PNG right, so that its decoder meets the damage behind them."""
    place, parts = 8, [data[:8]]
    while place + 12 <= len(data):
        size = struct.unpack(">I", data[place : place + 4])[0]
        parts.append(chunk(data[place + 4 : place + 8], data[place + 8 : place + 8 + size]))
        place += 12 + size
    return b"".join(parts)


@pytest.mark.parametrize("name", seeds())
def test_broken_files_give_a_picture_or_one_sentence(name):
    data, generator = seeds()[name], np.random.default_rng(1)
    outcomes = set()
    for trial in range(200):
        file = broken(data, generator)
        if data.startswith(b"\x89PNG") and trial % 2:
            file = repaired(file)
        try:
            picture = images.open_image(file, max_side=16 if trial % 3 == 0 else None)
        except ValueError as error:
            assert str(error).startswith("Expected a ") and str(error).endswith("."), error
            outcomes.add("refused")
        else:
            assert picture.dtype == np.float32 and picture.min() >= 0 and picture.max() <= 1
            outcomes.add("opened")
    assert outcomes == {"refused", "opened"}


def test_a_palette_picture_without_its_palette_does_no_harm():
    assert images.open_image(png(2, 1, 8, 3, b"\0\0\1")).shape == (1, 1, 2, 3)


def test_opening_leaves_the_filters_of_warnings_as_they_were():
    before = list(warnings.filters)
    images.open_image(encoded(photo(), "PNG"))
    refused(b"text", WANTED)
    assert warnings.filters == before


def test_pictures_open_in_several_threads():
    data, results = encoded(photo(), "PNG"), []
    threads = [threading.Thread(target=lambda: results.append(images.open_image(data))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8 and all((picture == results[0]).all() for picture in results)


# Resizing


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
        images.encode_gif,
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
        (lambda pictures: images.encode_jpeg(pictures[0], quality=0), "quality"),
        (lambda pictures: images.encode_jpeg(pictures[0], quality=100), "quality"),
    ],
)
def test_sizes_must_be_whole_numbers_in_range(call, name):
    with pytest.raises(ValueError, match=f"Expected {name} to be a whole number"):
        call(noise(1, 24, 40, 3))


# Mosaics


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
    with pytest.raises(ValueError, match="Expected a background from 0 to 1, got 255"):
        images.tile(pictures, background=255)


# Encoding


@pytest.mark.parametrize("shape", SHAPES)
def test_png_is_lossless(shape):
    pixels = images.to_uint8(noise(*shape, 3))
    data = images.encode_png(pixels)
    assert data.startswith(b"\x89PNG")
    np.testing.assert_array_equal(images.to_uint8(images.open_image(data)[0]), pixels)
    assert images.encode_png(images.to_float(pixels)) == data


def test_grey_pictures_are_encoded():
    grey = noise(24, 40)
    data = images.encode_png(grey)
    np.testing.assert_array_equal(
        images.to_uint8(images.open_image(data)[0]), images.to_uint8(grey)[..., None].repeat(3, -1)
    )
    assert images.open_image(images.encode_jpeg(grey)).shape == (1, 24, 40, 3)


def test_metadata_comes_back():
    texts = {"Title": "conv4_2, channel 7", "Größe": "24 → 40, größer", "Software": "", "long": "line\n" * 1000}
    assert images.read_png_metadata(images.encode_png(noise(24, 40, 3), metadata=texts)) == texts
    assert images.read_png_metadata(images.encode_png(noise(24, 40, 3))) == {}


@pytest.mark.parametrize(
    "metadata", [{"": "x"}, {"k" * 80: "x"}, {"大": "x"}, {"k": "a\0b"}, {"k\0": "x"}, {"k": "\ud800"}]
)
def test_metadata_that_png_cannot_hold_is_refused(metadata):
    with pytest.raises(ValueError, match="Expected metadata keys of 1 to 79 Latin-1 characters and text without NUL"):
        images.encode_png(noise(24, 40, 3), metadata=metadata)


def test_metadata_is_read_from_whole_pngs_only():
    data = images.encode_png(noise(24, 40, 3), metadata={"a": "b"})
    with pytest.raises(ValueError, match="Expected a PNG picture, got a file that is not one"):
        images.read_png_metadata(encoded(photo(), "JPEG"))
    with pytest.raises(ValueError, match="Expected a PNG picture, got a picture that is cut off or damaged"):
        images.read_png_metadata(data[: len(data) // 2])
    with pytest.raises(ValueError, match="100 megapixels"):
        images.read_png_metadata(png(10_000, 10_000, 8, 2, b""))


def test_jpeg_of_higher_quality_is_larger_and_closer():
    picture = smooth(24, 40)[0] * 0.5 + noise(24, 40, 3) * 0.5
    poor, fine = (images.encode_jpeg(picture, quality=quality) for quality in (20, 95))
    assert fine.startswith(b"\xff\xd8") and len(fine) > len(poor)
    errors = [np.abs(images.open_image(data)[0] - picture).mean() for data in (poor, fine)]
    assert errors[1] < 0.02 < errors[0]


@pytest.mark.parametrize("function", [images.encode_png, images.encode_jpeg])
@pytest.mark.parametrize("shape", [(1, 24, 40, 3), (24, 40, 4), (24, 40, 1), (24,), (0, 40, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_one_picture_must_be_one_picture(function, shape, dtype):
    sentence = f"Expected one picture of shape (H, W, 3) or (H, W), got {shape}."
    with pytest.raises(ValueError, match=re.escape(sentence)):
        function(np.zeros(shape, dtype))


def test_pictures_too_long_for_a_format_are_refused():
    with pytest.raises(ValueError, match="Expected a JPEG of at most 65500 pixels a side, got 1 x 70000"):
        images.encode_jpeg(np.zeros((1, 70_000), np.uint8))
    with pytest.raises(ValueError, match="Expected a GIF of at most 65500 pixels a side, got 70000 x 1"):
        images.encode_gif(np.zeros((1, 70_000, 1, 3), np.float32))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rate", [1, 12, 30])
def test_gif_holds_every_frame_lasts_as_long_as_asked_and_loops(shape, rate):
    pictures = smooth(*shape, 7)
    movie = Image.open(io.BytesIO(images.encode_gif(pictures, frames_per_second=rate)))
    assert movie.n_frames == 7 and movie.info["loop"] == 0 and movie.size == shape[::-1]
    total = 0
    for index, picture in enumerate(pictures):
        movie.seek(index)
        total += movie.info["duration"]
        assert np.abs(np.asarray(movie.convert("RGB")) / 255 - picture).mean() < 0.03
    assert total == pytest.approx(7000 / rate, abs=5)


@pytest.mark.parametrize("rate", [0, -1, 51, float("nan")])
def test_gif_rates_are_bounded(rate):
    with pytest.raises(ValueError, match=r"Expected 0\.1 to 50 frames per second, got"):
        images.encode_gif(noise(2, 24, 40, 3), frames_per_second=rate)


# Digest


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


@pytest.mark.parametrize(("height", "width"), [(24, 40), (23, 41)])
def test_film_keeps_its_frames_their_order_and_their_orientation(height: int, width: int) -> None:
    ramp = np.linspace(0, 1, 6, dtype=np.float32)
    pictures = np.broadcast_to(ramp[:, None, None, None], (6, height, width, 3)).copy()
    pictures[:, : height // 2, : width // 2] = (1, 0, 0)
    with av.open(io.BytesIO(images.encode_mp4(pictures, frames_per_second=6))) as film:
        frames = [frame.to_ndarray(format="rgb24") / 255 for frame in film.decode(video=0)]
    assert len(frames) == 6 and frames[0].shape == (height // 2 * 2, width // 2 * 2, 3)
    for frame, brightness in zip(frames, ramp, strict=True):
        assert abs(frame[-6:, -6:].mean() - brightness) < 0.05
        red, green, blue = frame[2:6, 2:6].mean(axis=(0, 1))
        assert red > 0.8 and max(green, blue) < 0.25


def test_film_refuses_what_it_cannot_show() -> None:
    with pytest.raises(ValueError, match="height and width"):
        images.encode_mp4(np.zeros((2, 1, 9, 3), np.float32))
    with pytest.raises(ValueError, match="60"):
        images.encode_mp4(np.zeros((2, 8, 8, 3), np.float32), frames_per_second=100)
