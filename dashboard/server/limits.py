"""What one person may ask of this server, and whether it serves the person in front of the machine."""

from __future__ import annotations

import os
from dataclasses import dataclass

import streamlit as st

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """What one person may ask of the host."""

    picture_bytes: int
    picture_side: int
    film_frames: int
    film_side: int


LIMITS = {"public": Limits(10 * MIB, 1024, 60, 320), "local": Limits(50 * MIB, 4096, 240, 640)}


def limits() -> Limits:
    """The limits of public mode, or of local mode when ``CONVSCOPE_MODE=local``, as the console script sets it."""
    return LIMITS["local" if local() else "public"]


def local() -> bool:
    """Whether the dashboard serves the person in front of this machine, who may bring networks and folders."""
    return os.environ.get("CONVSCOPE_MODE") == "local"


def phone() -> bool:
    """Whether the browser says that it is a phone's: what is wide there has to be high."""
    return "Mobi" in (st.context.headers.get("User-Agent") or "")
