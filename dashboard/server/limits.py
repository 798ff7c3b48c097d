"""What one person may ask of this server, and whether it serves the person in front of the machine.

Public mode is the default. Local mode, with larger bounds and with own networks and folders, needs
``CONVSCOPE_MODE=local`` (the console script sets it) and a server that only this machine can reach; on any other
address, and for whom a proxy brought, it needs ``CONVSCOPE_TRUST_NETWORK=yes`` as well, which
``convscope --trust-the-network`` sets.

Bounds of widgets hold in the browser only, so recipes check theirs before they run:

    limits.limits().check_steps(self.steps)
    limits.limits().check_units(len(self.units), self.size, self.size)
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass

import streamlit as st
from streamlit import runtime

from dashboard.server import memory

MIB = memory.MIB
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")
"""What proxies write into the requests that they pass on."""


@dataclass(frozen=True)
class Limits:
    """What one person may ask of the host.

    Attributes:
        picture_bytes: of a picture file.
        picture_side: of a picture, in pixels; larger ones are shrunk.
        video_bytes: of a video file.
        video_frames: that are read of a video.
        video_seconds: the same in seconds.
        video_side: of a video's frames, in pixels; larger ones are shrunk.
        steps: of a run, over all.
        unit_pixels: pictures of a run times height times width.
        dream_side: the longer side of a dream, in pixels.
        zoom_frames: of an endless zoom.
        run_seconds: that a run may take by its estimate.
        attacked: pictures times attacks times epsilons, in robust accuracy.
        explained: pictures times methods, in a ranking of explanations.
        designs: samples of the Sobol index of concepts.
        set_bytes: of a zip of pictures.
        set_pixel_bytes: of the pictures of a set once they are read.
        set_pictures: of a set.
        session_bytes: of everything that one session has brought and that is still here.
        cameras: live ones at once.
    """

    picture_bytes: int
    picture_side: int
    video_bytes: int
    video_frames: int
    video_seconds: float
    video_side: int
    steps: int
    unit_pixels: int
    dream_side: int
    zoom_frames: int
    run_seconds: float
    attacked: int
    explained: int
    designs: int
    set_bytes: int
    set_pixel_bytes: int
    set_pictures: int
    session_bytes: int
    cameras: int

    def check_steps(self, steps: int) -> None:
        """Raises ValueError for a run of more steps."""
        _require("steps", steps, self.steps)

    def check_units(self, pictures: int, height: int, width: int) -> None:
        """Raises ValueError for more or larger pictures in one run."""
        _require(f"pixels in all pictures together ({pictures} of {height} x {width})",
                 pictures * height * width, self.unit_pixels)  # fmt: skip

    def check_dream(self, height: int, width: int) -> None:
        """Raises ValueError for a larger dream."""
        _require("pixels on the longer side", max(height, width), self.dream_side)

    def check_zoom(self, frames: int) -> None:
        """Raises ValueError for a longer zoom."""
        _require("frames", frames, self.zoom_frames)

    def check_seconds(self, seconds: float) -> None:
        """Raises ValueError for a run that would take longer."""
        _require("seconds of computing", round(seconds), round(self.run_seconds))

    def check_attacked(self, pictures: int, attacks: int, epsilons: int) -> None:
        """Raises ValueError for robust accuracy on more pictures, by more attacks or at more epsilons."""
        _require(f"attacked pictures ({pictures} by {attacks} attacks at {epsilons} epsilons)",
                 pictures * attacks * epsilons, self.attacked)  # fmt: skip

    def check_explained(self, pictures: int, methods: int) -> None:
        """Raises ValueError for a ranking of more methods or over more pictures."""
        _require(f"maps ({pictures} pictures by {methods} methods)", pictures * methods, self.explained)


def _require(what: str, asked: int, most: int) -> None:
    if asked > most:
        elsewhere = "" if local() else "; Convscope on your own machine takes more"
        raise ValueError(f"Expected at most {most:,} {what}, got {asked:,}{elsewhere}")


LIMITS = {
    "public": Limits(
        picture_bytes=10 * MIB, picture_side=1024, video_bytes=10 * MIB, video_frames=60, video_seconds=6,
        video_side=320, steps=512, unit_pixels=2**21, dream_side=1024, zoom_frames=60, run_seconds=300,
        attacked=500, explained=200, designs=32,
        set_bytes=0, set_pixel_bytes=64 * MIB, set_pictures=1000, session_bytes=40 * MIB,
        cameras=3,
    ),
    "local": Limits(
        picture_bytes=50 * MIB, picture_side=4096, video_bytes=50 * MIB, video_frames=240, video_seconds=60,
        video_side=640, steps=20_000, unit_pixels=2**25, dream_side=4096, zoom_frames=1000, run_seconds=24 * 3600,
        attacked=20_000, explained=5_000, designs=1024,
        set_bytes=200 * MIB, set_pixel_bytes=512 * MIB, set_pictures=5000, session_bytes=1024 * MIB,
        cameras=8,
    ),
}  # fmt: skip


def limits() -> Limits:
    """The limits of this server's mode."""
    return LIMITS["local" if local() else "public"]


def local() -> bool:
    """Whether the dashboard serves the person in front of this machine, who may bring networks and folders."""
    return os.environ.get("CONVSCOPE_MODE") == "local" and (trusted() or not (reachable() or forwarded()))


def trusted() -> bool:
    """Whether everyone who can reach the server is said to be trusted with this machine."""
    return os.environ.get("CONVSCOPE_TRUST_NETWORK") == "yes"


def reachable() -> bool:
    """Whether this is a server that other machines may reach."""
    return _serving() and not loopback(st.get_option("server.address"))


def forwarded() -> bool:
    """Whether a proxy brought the person of this session, who may be anywhere then."""
    return any(st.context.headers.get(name) for name in FORWARDED)


def _serving() -> bool:
    """Whether a server runs: neither a script, nor Streamlit's AppTest, which has a stand-in for one."""
    return runtime.exists() and type(runtime.get_instance()) is runtime.Runtime


def loopback(address: str | None) -> bool:
    """Whether only this machine can reach an address; none at all means every address."""
    try:
        return address == "localhost" or ipaddress.ip_address(address or "0.0.0.0").is_loopback  # noqa: S104
    except ValueError:
        return False


def phone() -> bool:
    """Whether the browser says that it is a phone's: what is wide there has to be high."""
    return "Mobi" in (st.context.headers.get("User-Agent") or "")
