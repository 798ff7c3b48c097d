"""Which kinds of picture files are opened, how each begins, and what is said of those that are not."""

from __future__ import annotations

import io
import re

from PIL import TiffImagePlugin

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "DIB", "PPM", "AVIF")
"""Pillow's names of the formats that are opened."""

PICTURE_FILES = (
    *("jpg", "jpeg", "jfif", "jpe", "png", "webp", "gif"),
    *("bmp", "dib", "tif", "tiff", "ppm", "pgm", "pbm", "pnm", "avif"),
)
"""Their usual endings, without dots; the content decides."""

OTHER_PICTURE_FILES = (
    "heic",
    "heif",
    "dcm",
    "jp2",
    "jxl",
    "psd",
    "svg",
    "pdf",
    "ico",
    "cr2",
    "nef",
    "arw",
    "exr",
    "tga",
)
"""Endings of pictures that are not opened, but get a sentence that says how they can be."""

_JPEG_OUT = "save or share it as JPEG or PNG"


def is_signed(data: bytes, formats: tuple[str, ...]) -> bool:
    """Whether a file begins as one of these formats does."""
    signed = {
        "JPEG": data.startswith(b"\xff\xd8\xff"),
        "PNG": data.startswith(b"\x89PNG\r\n\x1a\n"),
        "WEBP": data.startswith(b"RIFF") and data[8:12] == b"WEBP",
        "GIF": data.startswith((b"GIF87a", b"GIF89a")),
        "TIFF": data.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
        "BMP": data.startswith(b"BM") and len(data) > 26,
        "PPM": re.match(rb"P[1-6f]\s", data) is not None,
        "AVIF": _brand(data) in (b"avif", b"avis"),
    }
    return any(signed.get(name, False) for name in formats)


def unusual_tiff(data: bytes) -> str:
    """What a TIFF holds that nothing here reads, and what to do, as a sentence's end; empty for all others.

    Pillow reads whole numbers of 8 to 32 bits, and floats of 32 bits in grey.
    """
    if not is_signed(data, ("TIFF",)):
        return ""
    try:
        stream = io.BytesIO(data)
        tags = TiffImagePlugin.ImageFileDirectory_v2(stream.read(16 if data[2:3] in b"+" or data[3:4] in b"+" else 8))
        stream.seek(tags.next)
        tags.load(stream)
        bits, samples = tags.get(TiffImagePlugin.BITSPERSAMPLE, (1,)), int(tags.get(TiffImagePlugin.SAMPLESPERPIXEL, 1))
        floats = 3 in tags.get(TiffImagePlugin.SAMPLEFORMAT, (1,))
        depth = max(map(int, bits))
    except Exception:  # whatever damaged tags make Pillow raise: they say nothing then
        return ""
    if floats and (depth != 32 or samples > 1):
        what = f"{depth}-bit floats" + (f" in {samples} channels" if samples > 1 else "")
        return f"a TIFF with {what}; save it as 32-bit float grey, or with 8 or 16 bits"
    if samples > 4:
        return f"a TIFF with {samples} channels; save three of them as RGB, or one as grey"
    if depth > 8 and samples > 1:
        return f"a TIFF with {samples} channels of {depth} bits; save it with 8 bits for each colour"
    return ""


def _brand(data: bytes) -> bytes:
    """The kind of a file that is built of boxes: AVIF, HEIC, MP4."""
    return data[8:12] if data[4:8] == b"ftyp" else b""


def advice(data: bytes) -> str:
    """What a file is that is none of the formats, and what to do, as a sentence's end; empty where nobody knows."""
    brand = _brand(data)
    if brand in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"):
        return "a HEIC picture of a phone; share it as JPEG (iPhone: Settings, Camera, Formats, Most Compatible)"
    if brand or data.startswith((b"\x1aE\xdf\xa3", b"RIFF")):
        return "a video or a sound; choose a picture out of it, saved as JPEG or PNG"
    heads = (
        (b"\0\0\0\x0cjP  ", f"a JPEG 2000 picture; {_JPEG_OUT}"),
        (b"\0\0\0\x0cJXL ", f"a JPEG XL picture; {_JPEG_OUT}"),
        (b"\xff\x0a", f"a JPEG XL picture; {_JPEG_OUT}"),
        (b"8BPS", f"a file of Photoshop; {_JPEG_OUT}"),
        (b"%PDF", f"a PDF; {_JPEG_OUT}, page by page"),
        (b"\0\0\1\0", f"an icon; {_JPEG_OUT}"),
        (b"v/1\x01", "an OpenEXR picture; save it as 32-bit float or 16-bit TIFF"),
        (b"SIMPLE  =", "a FITS picture; save it as 32-bit float or 16-bit TIFF"),
        (b"\x93NUMPY", "a NumPy array; save it as PNG or TIFF"),
        (b"PK\x03\x04", "a zip; unpack it and choose one picture in it"),
        (b"\x89HDF", "an HDF5 file, perhaps a network; networks have a place of their own"),
        (b"version https://git-lfs", "a pointer of Git LFS instead of the picture; fetch it with 'git lfs pull'"),
    )
    for head, what in heads:
        if data.startswith(head):
            return what
    if data[128:132] == b"DICM":
        return "a DICOM picture; export it as PNG or 16-bit TIFF"
    if re.match(rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?<svg", data[:2000], re.DOTALL):
        return f"an SVG drawing; {_JPEG_OUT}"
    if re.match(rb"\s*<(!doctype|html)", data, re.IGNORECASE):
        return "a web page instead of the picture; save the picture itself"
    return ""
