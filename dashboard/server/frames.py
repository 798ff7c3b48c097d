"""One frame of a live picture -> what a network makes of it, as one binary message.

A message, in both directions: the length of a JSON text as four bytes (little-endian), the text, and JPEGs. To the
server it is the settings (``Wish``) and the frame; from the server what was found, and the pictures that its ``parts``
name, with their lengths. Nothing of a frame is kept, except by a dream, which begins where the last one was.
"""

from __future__ import annotations

import json
import logging
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

import core
from dashboard import words
from dashboard.server.compiling import COMPILING
from dashboard.server.slot import SLOT

LOG = logging.getLogger(__name__)
FRAME_BYTES = 128 * 1024
SETTINGS_BYTES = 4096
FRAME_PIXELS = 1024 * 1024
JPEG = b"\xff\xd8\xff"
DRAWS = ("activations", "cam", "gradient", "guided", "deconvnet", "dream")
"""What can be drawn of a frame, beside its answers and the wall of maps."""
ORDERS = ("once", "now", "number")
COUNTS = (16, 36, 64, 100, 144, 256)
SIDE, LEAST_SIDE, BLOCK = 56, 14, 8
TOP = 5
Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Wish:
    """What a person wants to see of a frame.

    Attributes:
        layer: of the network.
        draw: of ``DRAWS``.
        channel: the one that is followed; None for the strongest.
        order: of the wall: ``"once"``, as the first frame ranked them, ``"now"`` as each does, or by ``"number"``.
        count: channels on the wall.
        answer: the class that Grad-CAM explains; None for the likeliest.
    """

    layer: str
    draw: str = "activations"
    channel: int | None = None
    order: str = "once"
    count: int = 64
    answer: int | None = None

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Wish:
        """What a browser sent. Raises ValueError."""
        wish = cls(**{name: said[name] for name in cls.__dataclass_fields__ if name in said} | {"layer": said["layer"]})
        if wish.draw not in DRAWS or wish.order not in ORDERS or wish.count not in COUNTS:
            raise ValueError("Expected settings that the page offers, got others")
        numbers = all(one is None or type(one) is int for one in (wish.channel, wish.answer))
        if not isinstance(wish.layer, str) or type(wish.count) is not int or not numbers:
            raise ValueError("Expected the name of a layer and numbers of channels, got something else")
        return wish


def split(message: bytes) -> tuple[Wish, bytes]:
    """The settings and the JPEG of a message from a browser. Raises ValueError for anything else."""
    if len(message) > FRAME_BYTES:
        raise ValueError(f"Expected a frame of at most {FRAME_BYTES // 1024} kB, got {len(message) // 1024} kB")
    length = int.from_bytes(message[:4], "little")
    if len(message) < 4 or not 2 <= length <= SETTINGS_BYTES or length + 4 > len(message):
        raise ValueError("Expected settings and a frame, got something else")
    try:
        said = json.loads(message[4 : 4 + length])
        wish = Wish.read(said)
    except (UnicodeDecodeError, RecursionError, json.JSONDecodeError, TypeError, KeyError, AttributeError) as error:
        raise ValueError("Expected settings and a frame, got something else") from error
    return wish, message[4 + length :]


def picture(jpeg: bytes) -> npt.NDArray[np.float32]:
    """The frame (1, H, W, 3). Raises ValueError for anything but a JPEG of up to a megapixel."""
    if not jpeg.startswith(JPEG):
        raise ValueError("Expected a frame as JPEG, got something else")
    return core.open_image(jpeg, max_bytes=FRAME_BYTES, max_pixels=FRAME_PIXELS)


@dataclass(eq=False)
class Watcher:
    """What is remembered from frame to frame of one camera: the wall's order and the last dream."""

    _order: tuple[object, npt.NDArray[np.intp]] | None = None
    _dream: tuple[object, core.DreamFrame] | None = None

    def answer(
        self, classifier: core.Classifier, wish: Wish, frame: npt.NDArray[np.float32], *, wait: bool = False
    ) -> bytes:
        """The message that answers to a frame; what cannot be done is said in its ``note``.

        Where something has to be compiled first, the answer has less in it and is not ``ready``, unless one may wait.
        """
        since = time.monotonic()
        try:
            ready = COMPILING.ask(classifier, (wish.layer, wish.draw), partial(prepare, classifier, wish), wait=wait)
            said, parts = self._answer(classifier, wish, core.seen_by(classifier, frame), ready)
        except ValueError as error:
            said, parts = {"note": str(error)}, {}
        except Exception:
            LOG.exception("A frame of a camera failed")
            said, parts = {"note": "Something went wrong with this frame, through no fault of yours."}, {}
        said |= {"network": classifier.name, "layer": wish.layer, "ms": round(1000 * (time.monotonic() - since), 1)}
        return packed(said, parts)

    def _answer(
        self, classifier: core.Classifier, wish: Wish, frame: npt.NDArray[np.float32], ready: bool
    ) -> tuple[dict[str, Any], dict[str, bytes]]:
        with SLOT.turn(short=wish.draw != "dream"):
            look = self._look(classifier, wish, frame, ready)
            drawn = self._drawn(classifier, wish, frame, look) if ready else {}
        pixels, grid = tiles(look.maps)
        parts = {"wall": core.encode_jpeg(pixels, quality=85), "map": core.encode_jpeg(_sized(look.map), quality=90)}
        said = {
            "answers": answers(classifier, look.answers),
            "classes": classifier.has_classes,
            "channels": look.shown.tolist(),
            "strongest": look.ranking[:TOP].tolist(),
            "grid": grid,
            "channel": look.channel,
            "value": look.value,
            "mean": float(look.means[look.channel]),
            "window": _fraction(look.window, classifier.size),
            "draw": wish.draw if ready else "activations",
            "ready": ready,
        }
        return said, parts | drawn

    def _look(self, classifier: core.Classifier, wish: Wish, frame: npt.NDArray[np.float32], ready: bool) -> core.Look:
        key = (id(classifier), wish.layer)
        channels = classifier.layer(wish.layer).channels
        order: npt.NDArray[np.intp] | None = np.arange(channels) if wish.order == "number" else None
        if wish.order == "once" and self._order is not None and self._order[0] == key:
            order = self._order[1]
        listed = None if order is None else [int(one) for one in order[: wish.count]]
        draw = wish.draw if ready and wish.draw in core.LOOK_DRAWINGS else ""
        look = core.look(
            classifier, frame, wish.layer, channel=wish.channel, order=listed, count=wish.count, draw=draw,
            answer=wish.answer,
        )  # fmt: skip
        if wish.order == "once" and order is None:
            self._order = (key, look.ranking)
        return look

    def _drawn(
        self, classifier: core.Classifier, wish: Wish, frame: npt.NDArray[np.float32], look: core.Look
    ) -> dict[str, bytes]:
        if wish.draw != "dream":
            self._dream = None
            return drawn(wish, look)
        key = (id(classifier), wish.layer)
        before = self._dream[1] if self._dream is not None and self._dream[0] == key else None
        dreamed = core.dream_frame(classifier, frame, {wish.layer: 1.0}, before)
        self._dream = (key, dreamed)
        return {"picture": core.encode_jpeg(dreamed.dream[0], quality=85)}


def drawn(wish: Wish, look: core.Look) -> dict[str, bytes]:
    """What the wish asks for beside the wall, as JPEGs by name: a map to lay over the frame, or a picture."""
    if look.drawn is None:
        return {}
    if wish.draw == "cam":
        return {"over": core.encode_jpeg(np.asarray(look.drawn / max(float(look.drawn.max()), 1e-12)), quality=80)}
    return {"picture": core.encode_jpeg(core.around_grey(look.drawn)[0], quality=85)}


def prepare(classifier: core.Classifier, wish: Wish) -> None:
    """Compile what such frames need, with a grey one. Raises ValueError where they cannot be."""
    core.prepare_look(classifier, wish.layer)
    if wish.draw == "dream":
        core.dream_frame(classifier, np.full((1, *classifier.size, 3), 0.5, np.float32), {wish.layer: 1.0})
    elif wish.draw in core.LOOK_DRAWINGS:
        core.prepare_look(classifier, wish.layer, wish.draw)


def answers(classifier: core.Classifier, found: npt.NDArray[np.float32]) -> list[list[Any]]:
    """The five likeliest classes, or the first numbers: [index, label, value, in words]."""
    order = np.argsort(-found, kind="stable") if classifier.has_classes else np.arange(len(found))
    return [
        [int(one), classifier.labels[one], round(float(found[one]), 4), words.value(classifier, float(found[one]))]
        for one in order[:TOP]
    ]


def tiles(maps: Pixels) -> tuple[Pixels, dict[str, int]]:
    """Maps (n, h, w) as one grey picture, and how it is laid out.

    Each tile begins at a multiple of 8 pixels and repeats its edge up to the next, since a JPEG mixes what is in one
    block of 8 x 8. Large maps are averaged, small ones magnified.
    """
    maps = np.stack([_sized(one) for one in maps])
    count, height, width = maps.shape
    pitch = [-(-side // BLOCK) * BLOCK for side in (height, width)]
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    padded = np.zeros((rows * columns, *pitch), np.uint8)
    padded[:count] = np.pad(maps, ((0, 0), (0, pitch[0] - height), (0, pitch[1] - width)), "edge")
    laid = padded.reshape(rows, columns, *pitch).swapaxes(1, 2).reshape(rows * pitch[0], columns * pitch[1])
    return laid, {"columns": columns, "height": height, "width": width, "down": pitch[0], "right": pitch[1]}


def _sized(one: Pixels) -> Pixels:
    """A map (h, w) with a longer side between 14 and 56, by whole factors: blocks, or the mean of each block."""
    side = max(one.shape)
    if side < LEAST_SIDE:
        times = -(-LEAST_SIDE // side)
        return one.repeat(times, axis=0).repeat(times, axis=1)
    step = -(-side // SIDE)
    if step == 1:
        return one
    height, width = (max(1, length // step) for length in one.shape)
    rows, columns = min(step, one.shape[0]), min(step, one.shape[1])
    cut = one[: height * rows, : width * columns]
    return np.asarray(cut.reshape(height, rows, width, columns).mean(axis=(1, 3)), np.uint8)


def _fraction(window: tuple[int, int, int, int], size: tuple[int, int]) -> list[float]:
    """A window as fractions of the frame: top, left, bottom, right."""
    return [round(edge / size[index % 2], 4) for index, edge in enumerate(window)]


def packed(said: Mapping[str, Any], parts: Mapping[str, bytes]) -> bytes:
    """A message for a browser."""
    text = json.dumps({**said, "parts": [[name, len(part)] for name, part in parts.items()]}).encode()
    return struct.pack("<I", len(text)) + text + b"".join(parts.values())


def unpacked(message: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """What is in such a message: what was found, and the JPEGs by name."""
    length = int.from_bytes(message[:4], "little")
    said, at = json.loads(message[4 : 4 + length]), 4 + length
    parts = {}
    for name, size in said.pop("parts"):
        parts[name], at = message[at : at + size], at + size
    return said, parts
