"""Short videos from files, as arrays of 8-bit pictures; a file from outside is not trusted, as in ``decoding``.

Reading is PyAV's (FFmpeg's libraries), which also decodes animated GIFs. Frames are decoded one by one and shrunk at
once, so a long or a large video costs no more memory than what is kept of it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

import av
import numpy as np
import numpy.typing as npt

from core.pictures import images

__all__ = ["Video", "open_video"]

# FFmpeg guesses formats from the content; others than these could open files and sockets of the machine.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,gif"
MAX_BYTES = 50 * 2**20
MAX_PIXELS = 4096 * 2304
_WANTED = "Expected a short video (MP4, MOV, WebM or GIF)"


@dataclass(frozen=True)
class Video:
    """Pictures (T, H, W, 3) uint8 RGB, and how many of them make a second.

    Attributes:
        cut: why it is shorter than its file, in a sentence, or nothing.
    """

    pictures: npt.NDArray[np.uint8]
    frames_per_second: float
    cut: str = ""


def open_video(
    data: bytes, *, max_frames: int = 120, max_side: int = 480, max_rate: float = 12.0, max_bytes: int = MAX_BYTES
) -> Video:
    """Read the beginning of a video.

    Args:
        data: content of the file.
        max_frames: what comes after is left out.
        max_side: larger videos are shrunk.
        max_rate: frames per second; of a faster video, frames are left out evenly.
        max_bytes: of the file.

    Raises:
        ValueError: no video, a damaged one of which not one frame is whole, or one that is too large.
    """
    if len(data) > max_bytes:
        raise ValueError(f"{_WANTED} of at most {max_bytes / 2**20:.0f} MB, got one of {len(data) / 2**20:.0f} MB.")
    pictures: list[npt.NDArray[np.uint8]] = []
    cut = ""
    try:
        with av.open(io.BytesIO(data), metadata_errors="ignore", options={"format_whitelist": FORMATS}) as container:
            rate = _check(container)
            keep = max(1.0, rate / max_rate)
            for number, frame in enumerate(container.decode(video=0)):
                if number < round(len(pictures) * keep):
                    continue
                if len(pictures) == max_frames:
                    cut = f"Only the first {max_frames / (rate / keep):.0f} seconds of it are used."
                    break
                pictures.append(_small(frame, max_side))
    except (av.FFmpegError, EOFError) as error:
        if not pictures:
            raise ValueError(f"{_WANTED}, got a file that is not one, or is damaged.") from error
        cut = f"The file is damaged: only the first {len(pictures)} frames of it are used."
    if not pictures:
        raise ValueError(f"{_WANTED}, got a file without a whole frame.")
    return Video(np.stack(list(_alike(pictures))), rate / keep, cut)


def _check(container: av.container.InputContainer) -> float:
    """Frames per second. Raises ValueError where there is no picture, or too large a one."""
    if not container.streams.video or container.streams.video[0].codec_context is None:
        raise ValueError(f"{_WANTED}, got a file without pictures.")
    stream = container.streams.video[0]
    if stream.codec_context.width * stream.codec_context.height > MAX_PIXELS:
        size = f"{stream.codec_context.width} x {stream.codec_context.height}"
        raise ValueError(f"{_WANTED} of at most {MAX_PIXELS / 1e6:.0f} megapixels, got {size}.")
    rate = float(stream.average_rate or stream.guessed_rate or 12)
    return min(max(rate, 1.0), 240.0)


def _small(frame: av.VideoFrame, max_side: int) -> npt.NDArray[np.uint8]:
    """One frame, its longer side at most ``max_side``, both even, as H.264 wants them."""
    scale = min(1.0, max_side / max(frame.width, frame.height))
    width, height = (max(2, round(side * scale) // 2 * 2) for side in (frame.width, frame.height))
    pixels = frame.reformat(width=width, height=height, format="rgb24").to_ndarray()
    return np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90) % 4))


def _alike(pictures: list[npt.NDArray[np.uint8]]) -> Iterator[npt.NDArray[np.uint8]]:
    """All frames in the size of the first: a stream may change it."""
    height, width = pictures[0].shape[:2]
    for picture in pictures:
        same = picture.shape[:2] == (height, width)
        yield (
            picture
            if same
            else images.to_uint8(images.resize(images.to_float(picture[None]), height=height, width=width))[0]
        )
