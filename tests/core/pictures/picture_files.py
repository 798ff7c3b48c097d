"""Pictures, and files of pictures, for the tests beside: whole ones, and PNGs put together chunk by chunk."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

from core.pictures import images

SHAPES = [(24, 40), (23, 41)]


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
