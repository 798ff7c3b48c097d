"""Pictures become files, and the files hold the pictures."""

import io
import re

import av
import numpy as np
import pytest
from picture_files import SHAPES, encoded, noise, photo, png, smooth
from PIL import Image

from core.pictures import decoding, encoding, images


@pytest.mark.parametrize("shape", SHAPES)
def test_png_is_lossless(shape):
    pixels = images.to_uint8(noise(*shape, 3))
    data = encoding.encode_png(pixels)
    assert data.startswith(b"\x89PNG")
    np.testing.assert_array_equal(images.to_uint8(decoding.open_image(data)[0]), pixels)
    assert encoding.encode_png(images.to_float(pixels)) == data


def test_grey_pictures_are_encoded():
    grey = noise(24, 40)
    data = encoding.encode_png(grey)
    np.testing.assert_array_equal(
        images.to_uint8(decoding.open_image(data)[0]), images.to_uint8(grey)[..., None].repeat(3, -1)
    )
    assert decoding.open_image(encoding.encode_jpeg(grey)).shape == (1, 24, 40, 3)


def test_numbers_of_colours_are_encoded_as_their_colours():
    palette = images.to_uint8(noise(256, 3))
    numbers = images.to_uint8(noise(23, 41))
    data = encoding.encode_png(numbers, palette=palette, metadata={"a": "b"})
    np.testing.assert_array_equal(images.to_uint8(decoding.open_image(data)[0]), palette[numbers])
    assert decoding.read_png_metadata(data) == {"a": "b"}
    assert len(data) < len(encoding.encode_png(palette[numbers]))
    for wrong in ((numbers, palette[:9]), (numbers / 255, palette), (palette[numbers], palette), (numbers, palette[0])):
        with pytest.raises(ValueError, match=r"Expected \(H, W\) uint8 numbers of colours and a palette"):
            encoding.encode_png(wrong[0], palette=wrong[1])


def test_metadata_comes_back():
    texts = {"Title": "conv4_2, channel 7", "Größe": "24 → 40, größer", "Software": "", "long": "line\n" * 1000}
    assert decoding.read_png_metadata(encoding.encode_png(noise(24, 40, 3), metadata=texts)) == texts
    assert decoding.read_png_metadata(encoding.encode_png(noise(24, 40, 3))) == {}


@pytest.mark.parametrize(
    "metadata", [{"": "x"}, {"k" * 80: "x"}, {"大": "x"}, {"k": "a\0b"}, {"k\0": "x"}, {"k": "\ud800"}]
)
def test_metadata_that_png_cannot_hold_is_refused(metadata):
    with pytest.raises(ValueError, match="Expected metadata keys of 1 to 79 Latin-1 characters and text without NUL"):
        encoding.encode_png(noise(24, 40, 3), metadata=metadata)


def test_metadata_is_read_from_whole_pngs_only():
    data = encoding.encode_png(noise(24, 40, 3), metadata={"a": "b"})
    with pytest.raises(ValueError, match="Expected a PNG picture, got a file that is not one"):
        decoding.read_png_metadata(encoded(photo(), "JPEG"))
    with pytest.raises(ValueError, match="Expected a PNG picture, got a picture that is cut off or damaged"):
        decoding.read_png_metadata(data[: len(data) // 2])
    with pytest.raises(ValueError, match="100 megapixels"):
        decoding.read_png_metadata(png(10_000, 10_000, 8, 2, b""))


def test_jpeg_of_higher_quality_is_larger_and_closer():
    picture = smooth(24, 40)[0] * 0.5 + noise(24, 40, 3) * 0.5
    poor, fine = (encoding.encode_jpeg(picture, quality=quality) for quality in (20, 95))
    assert fine.startswith(b"\xff\xd8") and len(fine) > len(poor)
    errors = [np.abs(decoding.open_image(data)[0] - picture).mean() for data in (poor, fine)]
    assert errors[1] < 0.02 < errors[0]


@pytest.mark.parametrize("function", [encoding.encode_png, encoding.encode_jpeg])
@pytest.mark.parametrize("shape", [(1, 24, 40, 3), (24, 40, 4), (24, 40, 1), (24,), (0, 40, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_one_picture_must_be_one_picture(function, shape, dtype):
    sentence = f"Expected one picture of shape (H, W, 3) or (H, W), got {shape}."
    with pytest.raises(ValueError, match=re.escape(sentence)):
        function(np.zeros(shape, dtype))


def test_pictures_too_long_for_a_format_are_refused():
    with pytest.raises(ValueError, match="Expected a JPEG of at most 65500 pixels a side, got 1 x 70000"):
        encoding.encode_jpeg(np.zeros((1, 70_000), np.uint8))
    with pytest.raises(ValueError, match="Expected a GIF of at most 65500 pixels a side, got 70000 x 1"):
        encoding.encode_gif(np.zeros((1, 70_000, 1, 3), np.float32))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rate", [1, 12, 30])
def test_gif_holds_every_frame_lasts_as_long_as_asked_and_loops(shape, rate):
    pictures = smooth(*shape, 7)
    movie = Image.open(io.BytesIO(encoding.encode_gif(pictures, frames_per_second=rate)))
    assert movie.n_frames == 7 and movie.info["loop"] == 0 and movie.size == shape[::-1]
    total = 0
    for index, picture in enumerate(pictures):
        movie.seek(index)
        total += movie.info["duration"]
        assert np.abs(np.asarray(movie.convert("RGB")) / 255 - picture).mean() < 0.03
    assert total == pytest.approx(7000 / rate, abs=5)


@pytest.mark.parametrize("rate", [0, -1, 51, float("nan")])
def test_gif_rates_are_bounded(rate):
    with pytest.raises(ValueError, match=r"Expected frames_per_second from 0\.1 to 50, got"):
        encoding.encode_gif(noise(2, 24, 40, 3), frames_per_second=rate)


@pytest.mark.parametrize(("height", "width"), [(24, 40), (23, 41)])
def test_video_keeps_its_frames_their_order_and_their_orientation(height: int, width: int) -> None:
    ramp = np.linspace(0, 1, 6, dtype=np.float32)
    pictures = np.broadcast_to(ramp[:, None, None, None], (6, height, width, 3)).copy()
    pictures[:, : height // 2, : width // 2] = (1, 0, 0)
    with av.open(io.BytesIO(encoding.encode_mp4(pictures, frames_per_second=6))) as video:
        frames = [frame.to_ndarray(format="rgb24") / 255 for frame in video.decode(video=0)]
    assert len(frames) == 6 and frames[0].shape == (height // 2 * 2, width // 2 * 2, 3)
    for frame, brightness in zip(frames, ramp, strict=True):
        assert abs(frame[-6:, -6:].mean() - brightness) < 0.05
        red, green, blue = frame[2:6, 2:6].mean(axis=(0, 1))
        assert red > 0.8 and max(green, blue) < 0.25


def test_video_refuses_what_it_cannot_show() -> None:
    with pytest.raises(ValueError, match="height and width"):
        encoding.encode_mp4(np.zeros((2, 1, 9, 3), np.float32))
    with pytest.raises(ValueError, match="60"):
        encoding.encode_mp4(np.zeros((2, 8, 8, 3), np.float32), frames_per_second=100)
    with pytest.raises(ValueError, match="at least one picture for a video"):
        encoding.encode_mp4(iter(()))


def test_a_pdf_is_a_page_as_large_as_its_picture() -> None:
    picture = np.random.default_rng(0).random((150, 300, 3), dtype=np.float32)
    data = encoding.encode_pdf(picture, pixels_per_inch=300)
    assert data.startswith(b"%PDF-") and re.search(rb"/MediaBox \[ 0 0 72(\.0)? 36(\.0)? \]", data)
    with pytest.raises(ValueError, match="pixels_per_inch from 36 to 2400"):
        encoding.encode_pdf(picture, pixels_per_inch=3)
