"""Files become pictures, or one sentence says why not."""

import io
import os
import re
import struct
import threading
import time
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from picture_files import SHAPES, chunk, encoded, noise, photo, png, smooth
from PIL import ExifTags, Image

from core.pictures import decoding, images

WANTED = "Expected a JPEG, PNG, WebP or GIF picture (or AVIF, TIFF, BMP, PPM), got "


@pytest.fixture(autouse=True)
def _warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("format", ["PNG", "WEBP", "JPEG", "GIF"])
def test_every_format_opens_as_what_was_saved(shape, format, tmp_path):
    options = {"JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"lossless": True}}.get(format, {})
    data = encoded(photo(height=shape[0], width=shape[1]), format, **options)
    picture = decoding.open_image(data)
    assert picture.shape == (1, *shape, 3) and picture.dtype == np.float32
    tolerance = {"JPEG": 0.04, "GIF": 0.25}.get(format, 0.5 / 255 + 1e-6)
    np.testing.assert_allclose(picture, smooth(*shape), atol=tolerance)
    path = tmp_path / "a picture"
    path.write_bytes(data)
    np.testing.assert_array_equal(decoding.open_image(path), picture)
    np.testing.assert_array_equal(decoding.open_image(str(path)), picture)


@pytest.mark.parametrize("format", ["PNG", "WEBP", "GIF", "MPO"])
def test_of_several_frames_the_first_is_taken(format):
    black, white = Image.new("RGB", (40, 24)), Image.new("RGB", (40, 24), "white")
    picture = decoding.open_image(encoded(black, format, save_all=True, append_images=[white]))
    assert picture.shape == (1, 24, 40, 3) and picture.max() < 0.05


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_every_colour_mode_opens_as_rgb(mode):
    grey = photo("L")
    options = {"quality": 95} if mode == "CMYK" else {}
    picture = decoding.open_image(encoded(grey.convert(mode), "JPEG" if mode == "CMYK" else "PNG", **options))
    expected = np.repeat(np.asarray(grey, np.float32)[None, ..., None] / 255, 3, -1)
    np.testing.assert_allclose(picture, expected, atol=0.03 if mode == "CMYK" else 1e-6)


def test_one_bit_pictures_are_black_and_white():
    bits = noise(23, 41) > 0.5
    picture = decoding.open_image(encoded(Image.fromarray(bits), "PNG"))
    np.testing.assert_array_equal(picture, np.repeat(bits[None, ..., None], 3, -1))


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparency_lies_on_white(mode):
    image = photo(mode)
    image.putalpha(Image.fromarray(np.repeat(np.uint8([[0, 128, 255, 255]]), 10, 1).repeat(24, 0)))
    opaque = np.asarray(photo(mode).convert("RGB"), np.float32)[None] / 255
    picture = decoding.open_image(encoded(image, "PNG"))
    assert (picture[:, :, :10] == 1).all()
    np.testing.assert_allclose(picture[:, :, 10:20], 0.5 + opaque[:, :, 10:20] / 2, atol=0.01)
    np.testing.assert_array_equal(picture[:, :, 20:], opaque[:, :, 20:])


@pytest.mark.parametrize("format", ["PNG", "GIF"])
def test_a_transparent_palette_colour_is_white(format):
    image = Image.fromarray(np.repeat(np.uint8([[0, 1]]), 20, 1).repeat(24, 0), "P")
    image.putpalette([0, 0, 255, 255, 0, 0])
    picture = decoding.open_image(encoded(image, format, transparency=0))
    assert (picture[:, :, :20] == 1).all() and (picture[:, :, 20:] == [1, 0, 0]).all()


def test_a_half_transparent_palette_colour_is_blended():
    data = png(2, 1, 8, 3, b"\0\0\1", chunk(b"PLTE", bytes(6)), chunk(b"tRNS", b"\xff\x80"))
    np.testing.assert_allclose(decoding.open_image(data)[0, 0, :, 0], [0, 0.5], atol=0.01)


def test_16_bit_grey_is_scaled_not_clipped():
    values = np.linspace(0, 65535, 24 * 40).reshape(24, 40).astype(np.uint16)
    picture = decoding.open_image(encoded(Image.fromarray(values), "PNG"))
    expected = np.repeat(values[None, ..., None] / 65535, 3, axis=-1)
    np.testing.assert_allclose(picture, expected, atol=1e-6)
    small = decoding.open_image(encoded(Image.fromarray(values), "PNG"), max_side=20)
    assert small.shape == (1, 12, 20, 3) and small.max() <= 1
    assert small.mean() == pytest.approx(0.5, abs=0.01)


def test_16_bit_grey_stays_in_range_when_shrunk():
    values = np.where(noise(240, 400) > 0.5, 65535, 0).repeat(8, 1).astype(np.uint16)
    small = decoding.open_image(encoded(Image.fromarray(values), "PNG"), max_side=1600)
    assert small.min() == 0 and small.max() == 1


def test_16_bit_colour_and_16_bit_transparency():
    colour = png(2, 1, 16, 2, b"\0" + struct.pack(">6H", 0, 65535, 32768, 65535, 0, 0))
    np.testing.assert_allclose(decoding.open_image(colour)[0, 0], [[0, 1, 0.5], [1, 0, 0]], atol=0.01)
    grey = png(2, 1, 16, 0, b"\0" + struct.pack(">2H", 7, 32768), chunk(b"tRNS", struct.pack(">H", 7)))
    np.testing.assert_allclose(decoding.open_image(grey)[0, 0, :, 0], [1, 0.5], atol=0.01)


@pytest.mark.parametrize(("mode", "white"), [("I", 65535), ("F", 1.0), ("I;16B", 65535)])
def test_modes_without_a_range_of_their_own_are_scaled(mode, white):
    dtype = {"I": np.int32, "F": np.float32, "I;16B": ">u2"}[mode]
    image = Image.frombytes(mode, (3, 1), np.array([0, white / 2, white]).astype(dtype).tobytes())
    np.testing.assert_allclose(np.asarray(decoding._rgb_or_grey(image))[0], [0, 0.5, 1], atol=1e-4)


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
    np.testing.assert_allclose(decoding.open_image(data)[0], upright, atol=0.04)


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
        assert decoding.open_image(bytes(broken)).shape in {(1, 24, 40, 3), (1, 40, 24, 3)}


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF"])
@pytest.mark.parametrize(("shape", "expected"), [((240, 400), (24, 40)), ((400, 240), (40, 24)), ((23, 41), (22, 40))])
def test_max_side_bounds_the_longer_side(format, shape, expected):
    data = encoded(photo(height=shape[0], width=shape[1]), format)
    picture = decoding.open_image(data, max_side=40)
    assert picture.shape == (1, *expected, 3)
    np.testing.assert_allclose(picture[..., 1].mean(1)[0], smooth(*expected)[0, ..., 1].mean(0), atol=0.1)


def test_max_side_does_not_enlarge_and_is_antialiased():
    stripes = np.zeros((240, 400, 3), np.uint8)
    stripes[:, ::2] = 255
    data = encoded(Image.fromarray(stripes), "PNG")
    np.testing.assert_array_equal(decoding.open_image(data, max_side=400), decoding.open_image(data))
    np.testing.assert_array_equal(decoding.open_image(data, max_side=999), decoding.open_image(data))
    assert decoding.open_image(data, max_side=40)[:, :, 4:-4].std() < 0.02


@pytest.mark.parametrize("shape", [(1, 5000), (5000, 1)])
def test_extreme_sides_open(shape):
    data = encoded(photo(height=shape[0], width=shape[1]), "PNG")
    assert decoding.open_image(data).shape == (1, *shape, 3)
    assert sorted(decoding.open_image(data, max_side=50).shape) == [1, 1, 3, 50]


def refused(source, sentence, **options):
    with pytest.raises(ValueError, match=re.escape(sentence)) as caught:
        decoding.open_image(source, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"Dear teacher, this is a text.",
        b"\0",
        encoded(Image.new("RGB", (40, 24)), "EPS"),
    ],
)
def test_other_files_are_refused(data, tmp_path):
    refused(data, WANTED + "a file that is none of these.")
    path = tmp_path / "photo.png"
    path.write_bytes(data)
    refused(path, WANTED + "a file that is none of these.")


@pytest.mark.parametrize("kept", [0.3, 0.5, 0.9])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "PPM", "AVIF"])
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
    assert decoding.open_image(whole).shape == (1, 1, 2, 3)
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
    assert decoding.open_image(data, max_pixels=24 * 40).shape == (1, 24, 40, 3)
    refused(data, "got 40 x 24 (0.00096 megapixels).", max_pixels=24 * 40 - 1)


@pytest.mark.parametrize("max_side", [0, -1, 1.5, "7"])
def test_max_side_must_be_a_whole_number(max_side):
    refused(encoded(photo(), "PNG"), "Expected max_side from 1 to 65500, got", max_side=max_side)


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
        "TIFF": encoded(photo(), "TIFF", compression="tiff_lzw"),
        "float": encoded(Image.fromarray(np.asarray(photo("L"), np.float32)), "TIFF"),
        "BMP": encoded(photo(), "BMP"),
        "PPM": encoded(photo(), "PPM"),
        "AVIF": encoded(photo(), "AVIF"),
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
            picture = decoding.open_image(file, max_side=16 if trial % 3 == 0 else None)
        except ValueError as error:
            assert str(error).startswith("Expected a ") and str(error).endswith("."), error
            outcomes.add("refused")
        else:
            assert picture.dtype == np.float32 and picture.min() >= 0 and picture.max() <= 1
            outcomes.add("opened")
    assert outcomes == {"refused", "opened"}


def test_a_palette_picture_without_its_palette_does_no_harm():
    assert decoding.open_image(png(2, 1, 8, 3, b"\0\0\1")).shape == (1, 1, 2, 3)


def test_opening_leaves_the_filters_of_warnings_as_they_were():
    before = list(warnings.filters)
    decoding.open_image(encoded(photo(), "PNG"))
    refused(b"text", WANTED)
    assert warnings.filters == before


def test_pictures_open_in_several_threads():
    data, results = encoded(photo(), "PNG"), []
    threads = [threading.Thread(target=lambda: results.append(decoding.open_image(data))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8 and all((picture == results[0]).all() for picture in results)


THIN = [(24_000_000, 1), (1, 24_000_000)]


def empty_rows(width, height, interlace):
    """A PNG of black grey pixels, its rows compressed without being held in memory."""
    squeeze, row = zlib.compressobj(9), bytes(1 + width)
    rows = max(1, 2**20 // len(row))
    parts = [squeeze.compress(row * min(rows, height - done)) for done in range(0, height, rows)]
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, interlace)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", b"".join(parts) + squeeze.flush()) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def thin(kind, width, height):
    if kind != "GIF":
        return empty_rows(width, height, interlace=int(kind == "interlaced PNG"))
    small = encoded(Image.new("L", (64, 64)), "GIF")  # the size that a GIF promises holds 16 bits a side
    return small.replace(struct.pack("<2H", 64, 64), struct.pack("<2H", min(width, 65_535), min(height, 65_535)))


def peak_memory():
    """The most memory in bytes that this process has held since ``clear_refs`` was last told to forget it."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize("sides", THIN, ids=str)
@pytest.mark.parametrize("kind", ["GIF", "PNG", "interlaced PNG"])
def test_thin_pictures_are_refused_at_once_and_without_memory(kind, sides):
    data = thin(kind, *sides)
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pytest.skip("this system does not measure the peak of memory")
    before, since = peak_memory(), time.monotonic()
    refused(data, "Expected a picture of at most 32767 pixels a side, got ")
    refused(data, "pixels a side, got ", max_side=512)
    assert time.monotonic() - since < 2
    assert peak_memory() - before < 50 * 2**20


def test_the_longest_side_that_opens():
    assert decoding.open_image(empty_rows(1, 32_767, 0)).shape == (1, 32_767, 1, 3)
    refused(empty_rows(1, 32_768, 0), "Expected a picture of at most 32767 pixels a side, got 1 x 32768.")
