"""Pictures -> files: PNG with metadata, JPEG, and GIF and MP4 of many."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from itertools import chain

import av
import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, PngImagePlugin

from core import checks
from core.pictures.images import MAX_SIDE, finite_batch, to_uint8
from core.types import Pixels

PNG_EFFORT = 1
"""Of zlib's 9: a wall of maps takes a fifth of the time that the usual 6 takes, and a hundredth more bytes."""


def encode_png(
    picture: ArrayLike, *, palette: Pixels | None = None, metadata: Mapping[str, str] | None = None
) -> bytes:
    """Encode one picture as a PNG: lossless, the 8-bit pixels of ``to_uint8``.

    ``picture`` is ``(H, W, 3)`` or ``(H, W)`` (grey), floats in [0, 1] or uint8; where there is a ``palette`` of 1 to
    256 colours (n, 3), it is (H, W) uint8, the number of each pixel's colour: a third of the bytes, and of the time.
    ``metadata`` is written into the file and read back by ``read_png_metadata``; a key has 1 to 79 Latin-1 characters,
    a value may be any text without NUL. Returns the content of the file. Raises ``ValueError`` for another shape, type
    or key.
    """
    pixels = _pixels(picture)
    image = Image.fromarray(pixels)
    if palette is not None:
        _require_palette(picture, palette)
        image.putpalette(palette.tobytes())
    chunks = PngImagePlugin.PngInfo()
    for key, value in (metadata or {}).items():
        _require_text(key, value)
        chunks.add_text(key, value)
    return _save(image, "PNG", pnginfo=chunks, compress_level=PNG_EFFORT)


def encode_jpeg(picture: ArrayLike, *, quality: int = 90) -> bytes:
    """Encode one picture as a JPEG; a higher ``quality`` (1 to 95) means a larger file, closer to the picture.

    ``picture`` is ``(H, W, 3)`` or ``(H, W)`` (grey), floats in [0, 1] or uint8. Colour is kept at full resolution,
    since pictures of filters live from it. Returns the content of the file. Raises ``ValueError`` as ``encode_png``
    does, and for a side of more than 65500 pixels.
    """
    checks.whole("quality", quality, 1, 95)
    pixels = _pixels(picture)
    _require_sides(pixels.shape[:2], "JPEG")
    return _save(Image.fromarray(pixels), "JPEG", quality=quality, subsampling="4:4:4")


def encode_pdf(picture: ArrayLike, *, pixels_per_inch: float = 300) -> bytes:
    """Encode one picture as a PDF of one page that is as large as it, for a document.

    Arguments, Returns and Raises are those of ``encode_jpeg``; ``pixels_per_inch`` is 36 to 2400.
    """
    resolution = checks.number("pixels_per_inch", pixels_per_inch, 36, 2400)
    pixels = _pixels(picture)
    _require_sides(pixels.shape[:2], "PDF")
    return _save(Image.fromarray(pixels), "PDF", resolution=resolution, quality=95, subsampling="4:4:4")


def encode_gif(pictures: ArrayLike, *, frames_per_second: float = 12) -> bytes:
    """Encode pictures as the frames of a GIF that plays for ever, 256 colours a frame.

    A GIF counts in hundredths of a second: single frames are a little longer or shorter, so that the whole lasts
    N / ``frames_per_second`` (0.1 to 50: browsers play faster ones slowly).

    ``pictures`` is ``(N, H, W, 3)`` in [0, 1]. Returns the content of the file. Raises ``ValueError`` for another shape
    or type, another rate, or a side of more than 65500 pixels.
    """
    checks.number("frames_per_second", frames_per_second, 0.1, 50)
    batch = finite_batch(pictures)
    _require_sides(batch.shape[1:3], "GIF")
    first, *others = [Image.fromarray(to_uint8(picture)) for picture in batch]
    ends = np.rint(np.arange(len(batch) + 1) * 100 / frames_per_second)
    durations = [10 * int(hundredths) for hundredths in np.diff(ends)]
    return _save(first, "GIF", save_all=True, append_images=others, duration=durations, loop=0)


def encode_mp4(pictures: ArrayLike | Iterator[ArrayLike], *, frames_per_second: int = 12) -> bytes:
    """Encode ``(N, H, W, 3)`` floats in [0, 1] as an H.264 video (4:2:0, so odd sides lose their last row or column).

    An iterator of pictures ``(H, W, 3)`` of one size is taken one by one, so that a long video needs little memory.
    Raises ``ValueError`` for another shape, for sides under 2 pixels, or for a rate outside 1 to 60.
    """
    checks.whole("frames_per_second", frames_per_second, 1, 60)
    frames = iter(pictures) if isinstance(pictures, Iterator) else iter(finite_batch(pictures))
    start = next(frames, None)
    if start is None:
        raise ValueError("Expected at least one picture for a video, got none")
    first = to_uint8(finite_batch(np.asarray(start)[None]))[0]
    height, width = (side // 2 * 2 for side in first.shape[:2])
    checks.whole("height and width", min(height, width), 2, MAX_SIDE)
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as video:
        stream = video.add_stream("libx264", rate=frames_per_second, options={"crf": "18", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in chain([first], (to_uint8(finite_batch(np.asarray(one)[None]))[0] for one in frames)):
            pixels = np.ascontiguousarray(frame[:height, :width])
            video.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        video.mux(stream.encode())
    return file.getvalue()


def _save(image: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format=format, **options)
    return file.getvalue()


def _pixels(picture: ArrayLike) -> Pixels:
    values = np.asarray(picture)
    pixels: Pixels = values if values.dtype == np.uint8 else to_uint8(values)
    if pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (3,)) or 0 in pixels.shape:
        raise ValueError(f"Expected one picture of shape (H, W, 3) or (H, W), got {pixels.shape}.")
    return pixels


def _require_palette(picture: ArrayLike, palette: Pixels) -> None:
    numbers, colours = np.asarray(picture), np.asarray(palette)
    fits = colours.ndim == 2 and colours.shape[1] == 3 and 1 <= len(colours) <= 256 and colours.dtype == np.uint8
    if not fits or numbers.ndim != 2 or numbers.dtype != np.uint8 or numbers.max() >= len(colours):
        raise ValueError(
            f"Expected (H, W) uint8 numbers of colours and a palette (n, 3) that has them, "
            f"got {numbers.dtype} of shape {numbers.shape} and {colours.dtype} of shape {colours.shape}."
        )


def _require_sides(sides: tuple[int, ...], format: str) -> None:
    if max(sides) > MAX_SIDE:
        raise ValueError(f"Expected a {format} of at most {MAX_SIDE} pixels a side, got {sides[0]} x {sides[1]}.")


def _require_text(key: str, value: str) -> None:
    try:
        fits = 1 <= len(key.encode("latin-1")) <= 79 and "\0" not in key + value
        value.encode()
    except UnicodeEncodeError:
        fits = False
    if not fits:
        raise ValueError(f"Expected metadata keys of 1 to 79 Latin-1 characters and text without NUL, got {key!r}.")
