"""Pictures as cameras, microscopes and browsers write them: each opens, or one sentence says what to do."""

from __future__ import annotations

import io
import runpy
import struct
import sys

import numpy as np
import pytest
import tifffile
from PIL import Image

import core
from core.pictures import depths, formats

RAMP = np.linspace(0, 1, 256)[None].repeat(64, 0)


def encoded(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def grey(values):
    return Image.fromarray(values)


def row(data, **options):
    """The middle row of an opened picture."""
    opened = core.open_image(data, **options)
    assert opened.dtype == np.float32 and opened.min() >= 0 and opened.max() <= 1
    return opened[0, opened.shape[1] // 2, :, 1]


def test_every_case_of_the_shared_folder_opens_as_a_ramp_or_gets_a_sentence(shared, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["pictures.py", str(tmp_path)])
    runpy.run_path(str(shared / "cases" / "pictures.py"))
    for file in sorted(tmp_path.iterdir()):
        if file.suffix == ".heic":
            with pytest.raises(ValueError, match="a HEIC picture of a phone; share it as JPEG"):
                core.open_image(file)
        else:
            np.testing.assert_allclose(row(file.read_bytes()), RAMP[0], atol=0.03, err_msg=file.name)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "DIB", "TIFF", "PPM", "AVIF"])
def test_every_format_of_eight_bits_opens(format):
    picture = Image.fromarray((np.stack([RAMP, RAMP[:, ::-1], RAMP * 0], -1) * 255).astype(np.uint8))
    opened = core.open_image(encoded(picture, format))
    np.testing.assert_allclose(opened[0, 32, :, 0], RAMP[0], atol=0.06)
    np.testing.assert_allclose(opened[0, 32, :, 1], RAMP[0, ::-1], atol=0.06)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate", "packbits", "jpeg"])
def test_compressed_tiff_opens(compression):
    data = encoded(grey((RAMP * 255).astype(np.uint8)), "TIFF", compression=compression)
    np.testing.assert_allclose(row(data), RAMP[0], atol=0.03)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_fewer_bits_in_a_file_of_sixteen_are_seen_as_what_they_are(bits, format):
    data = encoded(grey(np.rint(RAMP * (2**bits - 1)).astype(np.uint16)), format)
    np.testing.assert_allclose(row(data), RAMP[0], atol=0.003)
    np.testing.assert_allclose(row(data, stretch=False), RAMP[0] * (2**bits - 1) / 65535, atol=0.003)


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (0.0, 255.0), (0.0, 65535.0), (-1024.0, 3071.0), (-1, 1), (0, 1e6)]
)
def test_floats_of_any_range_are_a_ramp(low, high):
    data = encoded(grey((low + RAMP * (high - low)).astype(np.float32)), "TIFF")
    np.testing.assert_allclose(row(data), RAMP[0], atol=0.003)


def test_a_dark_float_picture_stays_dark_unless_it_is_stretched():
    data = encoded(grey((0.2 + RAMP * 0.1).astype(np.float32)), "TIFF")
    np.testing.assert_allclose(row(data), 0.2 + RAMP[0] * 0.1, atol=1e-4)
    np.testing.assert_allclose(row(data, stretch=True), RAMP[0], atol=1e-4)


def test_not_a_number_is_black_and_one_value_everywhere_is_no_error():
    values = RAMP.astype(np.float32)
    values[:, :10] = np.nan
    assert row(encoded(grey(values), "TIFF"))[:10].max() == 0
    for constant in (0, 7, -3):
        flat = encoded(grey(np.full((8, 8), constant, np.float32)), "TIFF")
        assert np.isfinite(core.open_image(flat, stretch=True)).all()


def test_an_x_ray_whose_zero_is_white_is_not_seen_as_its_negative():
    data = encoded(grey((RAMP * 65535).astype(np.uint16)), "TIFF", tiffinfo={262: 0})
    assert struct.pack("<HHIHH", 262, 3, 1, 0, 0) in data, "the tag is in the file"
    np.testing.assert_allclose(row(data), 1 - RAMP[0], atol=1e-3)


def test_a_portable_grey_map_of_sixteen_bits():
    values = (RAMP * 65535).astype(">u2")
    np.testing.assert_allclose(row(b"P5 256 64 65535\n" + values.tobytes()), RAMP[0], atol=1e-3)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC picture"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "a HEIC picture"),
        (b"\0\0\0\x20ftypisom", "a video"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\xff\x0a\x00", "JPEG XL"),
        (b"8BPS\0\1", "Photoshop"),
        (b"%PDF-1.7", "a PDF"),
        (b"\0\0\1\0\1\0", "an icon"),
        (bytes(128) + b"DICM", "a DICOM picture; export it as PNG or 16-bit TIFF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"<?xml version='1.0'?>\n<svg/>", "an SVG drawing"),
        (b"<!DOCTYPE html><html>", "a web page instead of the picture"),
        (b"PK\x03\x04", "a zip"),
        (b"\x89HDF\r\n", "an HDF5 file"),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        (b"\x93NUMPY", "a NumPy array"),
        (b"hello", "a file that is none of these"),
    ],
)
def test_what_is_not_opened_gets_its_own_sentence(data, sentence):
    with pytest.raises(ValueError, match=sentence) as refusal:
        core.open_image(data)
    assert "\n" not in str(refusal.value)


def test_the_lists_of_endings_are_apart_and_name_what_opens():
    assert not set(core.PICTURE_FILES) & set(core.OTHER_PICTURE_FILES)
    known = {ending.lstrip("."): name for ending, name in Image.registered_extensions().items()}
    assert {known[ending] for ending in core.PICTURE_FILES} <= set(formats.FORMATS)


def test_the_depth_is_the_least_that_holds_all_values():
    values = np.array([[0, 255.0]], np.float32)
    assert depths.to_unit(values, floats=False, stretch=None).max() == 1
    assert depths.to_unit(values + 1, floats=False, stretch=None).max() == np.float32(256 / 1023)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (RAMP.astype(np.float64), "a TIFF with 64-bit floats; save it as 32-bit float grey"),
        (RAMP.astype(np.float16), "a TIFF with 16-bit floats; save it"),
        (np.stack([RAMP] * 3, -1).astype(np.float32), "a TIFF with 32-bit floats in 3 channels; save it"),
    ],
)
def test_a_tiff_of_an_unusual_depth_says_which(values, sentence):
    file = io.BytesIO()
    tifffile.imwrite(file, values, photometric="rgb" if values.ndim == 3 else "minisblack")
    with pytest.raises(ValueError, match=sentence):
        core.open_image(file.getvalue())
    with pytest.raises(ValueError, match="Expected a JPEG"):
        core.open_image(file.getvalue()[:200])


def test_a_damaged_tiff_of_a_usual_kind_is_damaged():
    file = io.BytesIO()
    tifffile.imwrite(file, (RAMP * 255).astype(np.uint8))
    with pytest.raises(ValueError, match="cut off or damaged"):
        core.open_image(file.getvalue()[:300])
