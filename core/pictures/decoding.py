"""Files -> pictures. Everything hostile stops here.

A file from outside is not trusted: its size is checked before it is read, its sides and its count of pixels before it
is decoded, and every refusal is a ``ValueError`` with one sentence that can be shown to the person who chose the file.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, PngImagePlugin

from core import checks
from core.pictures import depths, formats
from core.pictures.images import MAX_SIDE, size_within, to_float
from core.types import Pictures

MAX_BYTES = 20 * 2**20
MAX_PIXELS = 24_000_000
LONGEST_SIDE = 32_767

_WANTED = "Expected a JPEG, PNG, WebP or GIF picture (or AVIF, TIFF, BMP, PPM)"
_DAMAGED = "got a picture that is cut off or damaged."
# What Pillow's readers raise on broken data: most of it found by cutting files and flipping bytes, as the tests do.
_BROKEN = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, LookupError, OverflowError, RuntimeError),
    *(struct.error, zlib.error),
)
_GREY = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")
"""The modes that Pillow would clip, instead of scale, when it converts them to RGB."""
_WHITE_IS_ZERO = (262, 0)
"""TIFF's tag and value for pictures whose zero is white, as X-rays are."""
_ROTATIONS = {
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
    stretch: bool | None = None,
) -> Pictures:
    """Open a JPEG, PNG, WebP, AVIF, BMP, PPM, TIFF (its first page) or GIF (its first frame) as one picture.

    ``source`` is a path, or the content of a file as bytes. The picture is turned upright (EXIF), colours of every mode
    become RGB, 16-bit grey keeps its precision, and what is transparent lies on white. ``max_side`` shrinks the picture
    (antialiased, aspect ratio kept) until its longer side is at most that; a smaller picture stays as it is.

    ``stretch`` is for grey of more than 8 bits (microscopes, X-rays): where None, 12 bits in a file of 16 are seen as
    12, and values that are negative or beyond every depth go from the darkest to the brightest; True always does so,
    False never looks at the values.

    Returns ``(1, H, W, 3)`` float32 RGB in [0, 1]. Raises ``ValueError`` for whatever is not such a picture, is
    larger than ``max_bytes``, has more than ``max_pixels`` or a side over 32,767, or is cut off or damaged.
    """
    if max_side is not None:
        checks.whole("max_side", max_side, 1, MAX_SIDE)
    data = _read(source, max_bytes)
    with _quiet_pillow():
        other = formats.advice(data) or "a file that is none of these"
        image = _identify(data, formats.FORMATS, max_pixels, f"{_WANTED}, got {other}.")
        decoded = _decode(image, max_side, stretch)
    if max_side is not None:
        height, width = size_within(decoded.height, decoded.width, max_side)
        decoded = decoded.resize((width, height), Image.Resampling.LANCZOS)
    if decoded.mode == "F":
        return np.repeat(np.clip(np.asarray(decoded), 0, 1)[None, ..., None], 3, axis=-1)
    return to_float(np.asarray(decoded))[None]


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


def _identify(data: bytes, kinds: tuple[str, ...], max_pixels: int, otherwise: str) -> Image.Image:
    """Read the header only: which of ``kinds`` it is, and how many pixels it promises."""
    limit = f"Expected a picture of at most {max_pixels / 1e6:.4g} megapixels"
    try:
        image = Image.open(io.BytesIO(data), formats=kinds)
    except Image.DecompressionBombError as error:
        raise ValueError(f"{limit}, got one of far more.") from error
    except _BROKEN as error:
        if "TIFF" in kinds and (unusual := formats.unusual_tiff(data)):
            raise ValueError(f"{_WANTED}, got {unusual}.") from error
        raise ValueError(f"{_WANTED}, {_DAMAGED}" if formats.is_signed(data, kinds) else otherwise) from error
    width, height = image.size
    if width * height > max_pixels:
        raise ValueError(f"{limit}, got {width} x {height} ({width * height / 1e6:.4g} megapixels).")
    # Each row has a price of its own, in memory and in time: 24,000,000 rows of one pixel take 48 seconds and 1.3 GB,
    # where a square of as many pixels takes one second.
    if max(width, height) > LONGEST_SIDE:
        raise ValueError(f"Expected a picture of at most {LONGEST_SIDE} pixels a side, got {width} x {height}.")
    return image


def _decode(image: Image.Image, max_side: int | None, stretch: bool | None) -> Image.Image:
    """Decode to mode RGB, or to mode F (grey, white is 1); a JPEG leaves out detail far below ``max_side``."""
    try:
        if max_side is not None:
            height, width = size_within(image.height, image.width, max_side)
            image.draft(None, (2 * width, 2 * height))
        tag, zero = _WHITE_IS_ZERO
        inverted = getattr(image, "tag_v2", {}).get(tag) == zero and image.mode in _GREY
        image.load()
        image.info["white_is_zero"] = inverted
        return _rgb_or_grey(_upright(image), stretch)
    except _BROKEN as error:
        raise ValueError(f"{_WANTED}, {_DAMAGED}") from error


def _upright(image: Image.Image) -> Image.Image:
    # Not ImageOps.exif_transpose: it also writes the EXIF anew, which fails where a camera's notes are damaged.
    try:
        rotation = _ROTATIONS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except _BROKEN:
        return image
    return image if rotation is None else image.transpose(rotation)


def _rgb_or_grey(image: Image.Image, stretch: bool | None = None) -> Image.Image:
    if image.mode in _GREY:
        values = np.asarray(image, np.float32)
        grey = depths.to_unit(values, floats=image.mode == "F", stretch=stretch)
        if image.info.get("white_is_zero"):
            grey = 1 - grey
        return Image.fromarray(np.where(values == image.info.get("transparency", np.nan), np.float32(1), grey))
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


def _require_size(count: int, max_bytes: int) -> None:
    if count > max_bytes:
        raise ValueError(f"Expected a file of at most {max_bytes / 2**20:.2f} MB, got {count / 2**20:.2f} MB.")
