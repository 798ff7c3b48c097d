"""What every page that computes does the same way: run, stop, history, files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
import streamlit as st

import core
from dashboard.server.slot import SLOT


def chosen() -> tuple[str, str]:
    """The names of the network and of the picture that the frame shows."""
    return st.session_state.network, st.session_state.picture


def download(label: str, data: bytes | Callable[[], bytes], file_name: str, mime: str) -> None:
    """A download that leaves the page as it is."""
    st.download_button(label, data, file_name, mime, icon=":material/download:", on_click="ignore", key=file_name)


PREVIEWS = 30


@dataclass(frozen=True)
class Growth:
    """What a run has reached: its newest frame, and small pictures of how it came there, as (step, JPEG)."""

    frame: core.Frame
    history: tuple[tuple[int, bytes], ...] = ()


def run(
    frames: Iterator[core.Frame],
    *,
    key: str,
    mosaic: Callable[[core.Frame], npt.NDArray[np.uint8]],
    say: Callable[[core.Frame], str] = lambda frame: f"Step {frame.step} of {frame.total}",
    film: bool = False,
) -> None:
    """Run a routine to its end: progress, a live picture, and the newest frame in the session under ``key``.

    Any click interrupts the loop at its next Streamlit call, and what was reached stays. ``mosaic`` makes the picture
    that is shown, at most 30 times a run: every one of them stays in the server's memory until the run ends. ``say``
    puts a frame into words. With ``film``, every frame is kept as a picture of the film that it belongs to.
    """
    history = () if film else getattr(st.session_state.get(key), "history", ())
    bar, picture = st.progress(0.0, "Getting ready…"), st.empty()
    shown = 0.0
    while (frame := _next(frames, bar)) is not None:
        show = frame.progress >= shown or frame.progress == 1
        if show or film:
            pixels = mosaic(frame)
            history = (*history, (frame.step, core.encode_jpeg(core.to_float(pixels), quality=92 if film else 85)))
        if show:
            picture.image(pixels, output_format="JPEG", width="stretch", alt=f"After {frame.step} steps")
            shown = frame.progress + 1 / PREVIEWS
        st.session_state[key] = Growth(frame, history)
        bar.progress(frame.progress, say(frame))
    bar.empty()
    picture.empty()


def _next(frames: Iterator[core.Frame], bar: Any) -> core.Frame | None:
    """The next frame, computed in the compute slot; while others hold it, says so."""
    with SLOT.turn(tell=lambda waiting: bar.progress(0.0, waiting.sentence)):
        return next(frames, None)


@contextmanager
def stoppable() -> Iterator[None]:
    """A Stop button while a run lasts; what refuses it is said in one sentence, and at its end the page draws anew."""
    stop = st.empty()
    stop.button("Stop", icon=":material/stop:", key="stop", help="What is there stays.")
    try:
        yield
    except ValueError as error:
        st.error(str(error), icon=":material/error:")
        stop.empty()
    else:
        st.rerun()


def film(growth: Growth, *, max_side: int = 640) -> npt.NDArray[np.float32]:
    """The pictures of a run (frames, H, W, 3), all as large as the last one, which is at most this large."""
    *_, last = pictures = [core.open_image(jpeg, max_side=max_side) for _, jpeg in growth.history]
    height, width = last.shape[1:3]
    same = (one if one.shape == last.shape else core.resize(one, height=height, width=width) for one in pictures)
    return np.concatenate(list(same))


@st.cache_data(max_entries=4, show_spinner="Encoding the film…")
def mp4(jpegs: tuple[bytes, ...], frames_per_second: int) -> bytes:
    """A film of pictures of one size, encoded once."""
    return core.encode_mp4((core.open_image(jpeg)[0] for jpeg in jpegs), frames_per_second=frames_per_second)


def cost(estimates: Sequence[core.Estimate]) -> str:
    """Time and memory in words. Raises ValueError where this machine has too little memory."""
    needed, free = max(one.bytes for one in estimates), psutil.virtual_memory().available
    if needed > 0.8 * free:
        raise ValueError(
            f"Expected a run that fits into {free / 2**30:.1f} GiB of free memory, got one that needs about "
            f"{needed / 2**30:.1f} GiB; choose fewer units or a smaller size."
        )
    seconds = sum(one.seconds for one in estimates)
    return f"About {max(1, round(seconds))} seconds and {needed / 2**30:.2f} GiB of memory."


def contact_sheet(name: str) -> None:
    """Finished pictures of a bundled network, until the person runs their own."""
    path = Path(__file__).parent / "assets" / f"filters_{name}.jpg"
    if path.exists():
        st.image(str(path), alt=f"Eight units of each stage of {name}, maximized", width="stretch")
        st.caption("Eight units of each stage, first to last, and eight classes. Press Run to make your own.")


def finished_dream(name: str) -> bytes | None:
    """A dream of the first sample picture by a bundled network, made by ``core.bundled.sheet``."""
    path = Path(__file__).parent / "assets" / f"dream_{name}.jpg"
    return path.read_bytes() if path.exists() else None
