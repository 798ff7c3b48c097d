"""Pictures: safe decoding of files, 8-bit pixels <-> floats, resizing, mosaics, and encoding.

Everywhere in Convscope a batch of pictures is a float32 array ``(N, H, W, 3)``, RGB in [0, 1], height before width.
This module is where files become such arrays, and where they become files again. A file from outside is not trusted:
its size is checked before it is read, its count of pixels before it is decoded, and every refusal is a ``ValueError``
with one sentence that can be shown to the person who chose the file.
"""

from __future__ import annotations

import hashlib
import io
import math
import struct
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import av
import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import ExifTags, Image, PngImagePlugin
from skimage.util import montage

Pictures = NDArray[np.float32]
Pixels = NDArray[np.uint8]

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
MAX_BYTES = 20 * 2**20
MAX_PIXELS = 24_000_000
LONGEST_JPEG_SIDE = LONGEST_GIF_SIDE = 65_500

_WANTED = "Expected a JPEG, PNG, WebP or GIF picture"
_DAMAGED = "got a picture that is cut off or damaged."
# What Pillow's readers raise on broken data: most of it found by cutting files and flipping bytes, as the tests do.
_BROKEN = (OSError, EOFError, SyntaxError, ValueError, TypeError, LookupError, OverflowError, struct.error, zlib.error)
# The value that is white in the modes that Pillow would clip, instead of scale, when it converts them to RGB.
_WHITE = {"I;16": 65535.0, "I;16B": 65535.0, "I;16L": 65535.0, "I;16N": 65535.0, "I": 65535.0, "F": 1.0}
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def open_image(
    source: str | Path | bytes,
    *,
    max_bytes: int = MAX_BYTES,
    max_pixels: int = MAX_PIXELS,
    max_side: int | None = None,
) -> Pictures:
    """Open a JPEG, PNG, WebP or GIF (its first frame) as one picture.

    ``source`` is a path, or the content of a file as bytes. The picture is turned upright (EXIF), colours of every mode
    become RGB, 16-bit grey keeps its precision, and what is transparent lies on white. ``max_side`` shrinks the picture
    (antialiased, aspect ratio kept) until its longer side is at most that; a smaller picture stays as it is.

    Returns ``(1, H, W, 3)`` float32 RGB in [0, 1]. Raises ``ValueError`` for whatever is not such a picture, is
    larger than ``max_bytes``, has more than ``max_pixels``, or is cut off or damaged.
    """
    if max_side is not None:
        _require_whole("max_side", max_side, least=1)
    data = _read(source, max_bytes)
    with _quiet_pillow():
        image = _identify(data, FORMATS, max_pixels, f"{_WANTED}, got a file that is none of these.")
        decoded = _decode(image, max_side)
    if max_side is not None:
        height, width = _within(decoded.height, decoded.width, max_side)
        decoded = decoded.resize((width, height), Image.Resampling.LANCZOS)
    if decoded.mode == "F":
        return np.repeat(np.clip(np.asarray(decoded), 0, 1)[None, ..., None], 3, axis=-1)
    return to_float(np.asarray(decoded))[None]


def to_uint8(pictures: ArrayLike) -> Pixels:
    """Round floats in [0, 1], of any shape, to 8-bit pixels; what lies outside [0, 1] is clipped.

    Returns uint8 of the same shape. Raises ``ValueError`` for anything but finite floats.
    """
    values = _finite_floats(pictures)
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


def to_float(pixels: ArrayLike) -> Pictures:
    """Turn 8-bit pixels, of any shape, to floats in [0, 1]; ``to_uint8`` gives exactly the same pixels back.

    Returns float32 of the same shape. Raises ``ValueError`` for anything but uint8.
    """
    values = np.asarray(pixels)
    if values.dtype != np.uint8:
        raise ValueError(f"Expected pixels of type uint8, got {values.dtype}.")
    return values.astype(np.float32) / np.float32(255)


def resize(pictures: ArrayLike, *, height: int, width: int) -> Pictures:
    """Resize pictures to ``height`` x ``width``, antialiased (Lanczos); the aspect ratio follows.

    ``pictures`` is ``(N, H, W, 3)`` in [0, 1]. Returns ``(N, height, width, 3)`` float32, clipped to [0, 1]. Raises
    ``ValueError`` for another shape or type, or a size below 1.
    """
    batch = _batch(pictures)
    return _resample(batch, height, width, box=(0, 0, batch.shape[2], batch.shape[1]))


def fit(pictures: ArrayLike, *, height: int, width: int) -> Pictures:
    """Resize pictures to cover ``height`` x ``width`` and cut off what stands out, the same on both sides.

    Shapes, range and errors are those of ``resize``; the aspect ratio of what is seen is kept.
    """
    batch = _batch(pictures)
    _require_whole("height", height, least=1)
    _require_whole("width", width, least=1)
    scale = min(batch.shape[1] / height, batch.shape[2] / width)
    left = max(0.0, (batch.shape[2] - width * scale) / 2)
    top = max(0.0, (batch.shape[1] - height * scale) / 2)
    right, bottom = batch.shape[2] - left, batch.shape[1] - top
    return _resample(batch, height, width, box=(left, top, right, bottom))


def shrink(pictures: ArrayLike, *, max_side: int) -> Pictures:
    """Shrink pictures, aspect ratio kept, until the longer side is at most ``max_side``; never enlarge them.

    ``pictures`` is ``(N, H, W, 3)`` in [0, 1]. Returns float32 in [0, 1]. Raises ``ValueError`` as ``resize`` does.
    """
    batch = _batch(pictures)
    _require_whole("max_side", max_side, least=1)
    height, width = _within(batch.shape[1], batch.shape[2], max_side)
    return resize(batch, height=height, width=width)


def tile(pictures: ArrayLike, *, columns: int | None = None, margin: int = 2, background: float = 1.0) -> Pictures:
    """Lay pictures out as one mosaic, row by row, in reading order.

    ``columns`` is the pictures in a row (the side of a square wall by default, never more than there are pictures),
    ``margin`` the pixels around and between them, ``background`` the grey of the margins and of empty places, 0 to 1.

    ``pictures`` is ``(N, H, W, 3)`` in [0, 1]. Returns one picture ``(H', W', 3)`` float32. Raises ``ValueError`` for
    another shape or type, or a setting out of range.
    """
    batch = _batch(pictures)
    count = len(batch)
    columns = math.ceil(math.sqrt(count)) if columns is None else columns
    _require_whole("columns", columns, least=1)
    _require_whole("margin", margin, least=0)
    if not 0 <= background <= 1:
        raise ValueError(f"Expected a background from 0 to 1, got {background!r}.")
    columns = min(columns, count)
    rows, fill = -(-count // columns), [background] * 3
    mosaic: Pictures = montage(batch, fill=fill, grid_shape=(rows, columns), padding_width=margin, channel_axis=-1)
    return mosaic


def encode_png(picture: ArrayLike, *, metadata: Mapping[str, str] | None = None) -> bytes:
    """Encode one picture as a PNG: lossless, the 8-bit pixels of ``to_uint8``.

    ``picture`` is ``(H, W, 3)`` or ``(H, W)`` (grey), floats in [0, 1] or uint8. ``metadata`` is written into the file
    and read back by ``read_png_metadata``; a key has 1 to 79 Latin-1 characters, a value may be any text without NUL.
    Returns the content of the file. Raises ``ValueError`` for another shape, type or key.
    """
    pixels = _pixels(picture)
    chunks = PngImagePlugin.PngInfo()
    for key, value in (metadata or {}).items():
        _require_text(key, value)
        chunks.add_text(key, value)
    return _save(Image.fromarray(pixels), "PNG", pnginfo=chunks)


def encode_jpeg(picture: ArrayLike, *, quality: int = 90) -> bytes:
    """Encode one picture as a JPEG; a higher ``quality`` (1 to 95) means a larger file, closer to the picture.

    ``picture`` is ``(H, W, 3)`` or ``(H, W)`` (grey), floats in [0, 1] or uint8. Colour is kept at full resolution,
    since pictures of filters live from it. Returns the content of the file. Raises ``ValueError`` as ``encode_png``
    does, and for a side of more than 65500 pixels.
    """
    _require_whole("quality", quality, least=1, most=95)
    pixels = _pixels(picture)
    _require_sides(pixels.shape[:2], LONGEST_JPEG_SIDE, "JPEG")
    return _save(Image.fromarray(pixels), "JPEG", quality=quality, subsampling="4:4:4")


def encode_gif(pictures: ArrayLike, *, frames_per_second: float = 12) -> bytes:
    """Encode pictures as the frames of a GIF that plays for ever, 256 colours a frame.

    A GIF counts in hundredths of a second: single frames are a little longer or shorter, so that the whole lasts
    N / ``frames_per_second`` (0.1 to 50: browsers play faster ones slowly).

    ``pictures`` is ``(N, H, W, 3)`` in [0, 1]. Returns the content of the file. Raises ``ValueError`` for another shape
    or type, another rate, or a side of more than 65500 pixels.
    """
    if not 0.1 <= frames_per_second <= 50:
        raise ValueError(f"Expected 0.1 to 50 frames per second, got {frames_per_second!r}.")
    batch = _batch(pictures)
    _require_sides(batch.shape[1:3], LONGEST_GIF_SIDE, "GIF")
    first, *others = [Image.fromarray(to_uint8(picture)) for picture in batch]
    ends = np.rint(np.arange(len(batch) + 1) * 100 / frames_per_second)
    durations = [10 * int(hundredths) for hundredths in np.diff(ends)]
    return _save(first, "GIF", save_all=True, append_images=others, duration=durations, loop=0)


def encode_mp4(pictures: ArrayLike | Iterator[ArrayLike], *, frames_per_second: int = 12) -> bytes:
    """Encode ``(N, H, W, 3)`` floats in [0, 1] as an H.264 film (4:2:0, so odd sides lose their last row or column).

    An iterator of pictures ``(H, W, 3)`` of one size is taken one by one, so that a long film needs little memory.
    Raises ``ValueError`` for another shape, for sides under 2 pixels, or for a rate outside 1 to 60.
    """
    _require_whole("frames_per_second", frames_per_second, least=1, most=60)
    frames = iter(pictures) if isinstance(pictures, Iterator) else iter(_batch(pictures))
    first = to_uint8(_batch(np.asarray(next(frames))[None]))[0]
    height, width = (side // 2 * 2 for side in first.shape[:2])
    _require_whole("height and width", min(height, width), least=2)
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as film:
        stream = film.add_stream("libx264", rate=frames_per_second, options={"crf": "18", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in chain([first], (to_uint8(_batch(np.asarray(one)[None]))[0] for one in frames)):
            pixels = np.ascontiguousarray(frame[:height, :width])
            film.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        film.mux(stream.encode())
    return file.getvalue()


def read_png_metadata(data: bytes) -> dict[str, str]:
    """Read the texts that ``encode_png`` wrote into a PNG; an empty dict where there are none.

    Raises ``ValueError`` for anything but a whole PNG within the limits of ``open_image``.
    """
    content = _read(data, MAX_BYTES)
    with _quiet_pillow():
        image = _identify(content, ("PNG",), MAX_PIXELS, "Expected a PNG picture, got a file that is not one.")
        try:
            texts = image.text if isinstance(image, PngImagePlugin.PngImageFile) else {}
        except _BROKEN as error:
            raise ValueError(f"Expected a PNG picture, {_DAMAGED}") from error
    return {key: str(value) for key, value in texts.items()}


def digest(pictures: ArrayLike) -> str:
    """Name a batch of pictures by its content: SHA-256, in hexadecimal, of the shape and of every float32.

    Equal for equal pictures only, so it can be the key of a cache. Raises ``ValueError`` unless ``(N, H, W, 3)``.
    """
    batch = np.ascontiguousarray(_batch(pictures), dtype="<f4")
    return hashlib.sha256(repr(batch.shape).encode() + batch.tobytes()).hexdigest()


def _read(source: str | Path | bytes, max_bytes: int) -> bytes:
    data = source if isinstance(source, bytes) else _read_file(source, max_bytes)
    _require_size(len(data), max_bytes)
    if not data:
        raise ValueError(f"{_WANTED}, got an empty file.")
    return data


def _read_file(source: str | Path, max_bytes: int) -> bytes:
    try:
        path = Path(source)
    except TypeError as error:
        kind = type(source).__name__
        raise ValueError(f"Expected the path or the bytes of a picture, got an object of type {kind}.") from error
    try:
        size = path.stat().st_size if path.is_file() else None
        data = b"" if size is None or size > max_bytes else path.read_bytes()
    except OSError as error:
        raise ValueError(f"Expected a picture file, got {str(path)!r}, which cannot be read.") from error
    if size is None:
        problem = "which is a folder" if path.is_dir() else "which is not a file that exists"
        raise ValueError(f"Expected a picture file, got {str(path)!r}, {problem}.")
    _require_size(size, max_bytes)
    return data


def _identify(data: bytes, formats: tuple[str, ...], max_pixels: int, otherwise: str) -> Image.Image:
    """Read the header only: which of ``formats`` it is, and how many pixels it promises."""
    limit = f"Expected a picture of at most {max_pixels / 1e6:.4g} megapixels"
    try:
        image = Image.open(io.BytesIO(data), formats=formats)
    except Image.DecompressionBombError as error:
        raise ValueError(f"{limit}, got one of far more.") from error
    except _BROKEN as error:
        raise ValueError(f"{_WANTED}, {_DAMAGED}" if _is_signed(data, formats) else otherwise) from error
    width, height = image.size
    if width * height > max_pixels:
        raise ValueError(f"{limit}, got {width} x {height} ({width * height / 1e6:.4g} megapixels).")
    return image


def _is_signed(data: bytes, formats: tuple[str, ...]) -> bool:
    signed = {
        "JPEG": data.startswith(b"\xff\xd8\xff"),
        "PNG": data.startswith(b"\x89PNG\r\n\x1a\n"),
        "WEBP": data.startswith(b"RIFF") and data[8:12] == b"WEBP",
        "GIF": data.startswith((b"GIF87a", b"GIF89a")),
    }
    return any(signed[name] for name in formats)


def _decode(image: Image.Image, max_side: int | None) -> Image.Image:
    """Decode to mode RGB, or to mode F (grey, white is 1); a JPEG leaves out detail far below ``max_side``."""
    try:
        if max_side is not None:
            height, width = _within(image.height, image.width, max_side)
            image.draft(None, (2 * width, 2 * height))
        image.load()
        return _rgb_or_grey(_upright(image))
    except _BROKEN as error:
        raise ValueError(f"{_WANTED}, {_DAMAGED}") from error


def _upright(image: Image.Image) -> Image.Image:
    # Not ImageOps.exif_transpose: it also writes the EXIF anew, which fails where a camera's notes are damaged.
    try:
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except _BROKEN:
        return image
    return image if turn is None else image.transpose(turn)


def _rgb_or_grey(image: Image.Image) -> Image.Image:
    if image.mode in _WHITE:
        white = np.float32(_WHITE[image.mode])
        values = np.asarray(image, np.float32)
        return Image.fromarray(np.where(values == image.info.get("transparency", white), white, values) / white)
    if not image.mode.endswith(("A", "a")) and "transparency" not in image.info:
        return image.convert("RGB")
    paper = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(paper, image.convert("RGBA")).convert("RGB")


@contextmanager
def _quiet_pillow() -> Iterator[None]:
    """Silence what Pillow remarks about odd files: the checks here decide, and say so in their own words.

    Filters are common to all threads, so another thread may see this one a moment too long: it names Pillow only.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


def _within(height: int, width: int, max_side: int) -> tuple[int, int]:
    scale = min(1.0, max_side / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _resample(batch: Pictures, height: int, width: int, box: tuple[float, float, float, float]) -> Pictures:
    _require_whole("height", height, least=1)
    _require_whole("width", width, least=1)
    resized = np.empty((len(batch), height, width, 3), np.float32)
    for index in range(len(batch)):
        for channel in range(3):
            plane = Image.fromarray(np.ascontiguousarray(batch[index, :, :, channel]))
            plane = plane.resize((width, height), Image.Resampling.LANCZOS, box=box)
            resized[index, :, :, channel] = np.asarray(plane)
    return np.clip(resized, 0, 1, out=resized)


def _save(image: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format=format, **options)
    return file.getvalue()


def _batch(pictures: ArrayLike) -> Pictures:
    batch = _finite_floats(pictures)
    if batch.ndim != 4 or batch.shape[-1] != 3 or 0 in batch.shape:
        raise ValueError(f"Expected pictures of shape (N, H, W, 3), got {batch.shape}.")
    return batch


def _finite_floats(pictures: ArrayLike) -> Pictures:
    values = np.asarray(pictures)
    if values.dtype.kind != "f":
        raise ValueError(f"Expected floats in [0, 1], got {values.dtype}.")
    if not np.isfinite(values).all():
        raise ValueError("Expected finite numbers, got NaN or infinity.")
    return values.astype(np.float32, copy=False)


def _pixels(picture: ArrayLike) -> Pixels:
    values = np.asarray(picture)
    pixels: Pixels = values if values.dtype == np.uint8 else to_uint8(values)
    if pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (3,)) or 0 in pixels.shape:
        raise ValueError(f"Expected one picture of shape (H, W, 3) or (H, W), got {pixels.shape}.")
    return pixels


def _require_whole(name: str, value: int, *, least: int, most: int | None = None) -> None:
    if not isinstance(value, (int, np.integer)) or value < least or (most is not None and value > most):
        limits = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"Expected {name} to be a whole number {limits}, got {value!r}.")


def _require_size(count: int, max_bytes: int) -> None:
    if count > max_bytes:
        raise ValueError(f"Expected a file of at most {max_bytes / 2**20:.2f} MB, got {count / 2**20:.2f} MB.")


def _require_sides(sides: tuple[int, ...], longest: int, format: str) -> None:
    if max(sides) > longest:
        raise ValueError(f"Expected a {format} of at most {longest} pixels a side, got {sides[0]} x {sides[1]}.")


def _require_text(key: str, value: str) -> None:
    try:
        fits = 1 <= len(key.encode("latin-1")) <= 79 and "\0" not in key + value
        value.encode()
    except UnicodeEncodeError:
        fits = False
    if not fits:
        raise ValueError(f"Expected metadata keys of 1 to 79 Latin-1 characters and text without NUL, got {key!r}.")
