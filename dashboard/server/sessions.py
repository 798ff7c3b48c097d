"""Who is here: the one place that asks Streamlit about sessions and script runs.

A session is a tab. It is *here* while its tab is open, and for ``GRACE`` seconds after, which is how long Streamlit
itself keeps the state of a connection that broke; a reload makes a new session and the old one counts as gone after
that time. Outside of a server (a test, a script) every session is here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.server.releasing import RELEASING

GRACE = 120.0
FRESH = 0.5
"""Seconds from a click for which a page counts as being drawn: what takes longer is work, and has its own turns."""
_seen: dict[str, float] = {}
_drawn_since: dict[str, float] = {}
_thread = threading.local()


def current() -> str:
    """The session of this script run, or ``""`` where there is none."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is None:
        return ""
    _seen[context.session_id] = time.monotonic()
    if runtime.exists():
        _presence(context.session_id)
    return context.session_id


@st.cache_resource(scope="session", show_spinner=False, on_release=lambda session: _left(session))
def _presence(session: str) -> str:
    """Something that Streamlit releases at the moment in which a tab is closed."""
    return session


def _left(session: str) -> None:
    _seen[session] = time.monotonic()
    for one in [one for one in list(_seen) if not here(one)]:
        _seen.pop(one, None)
        _drawn_since.pop(one, None)
    RELEASING.session_left()


def connected(session: str) -> bool:
    """Whether a session's tab is open now."""
    return not runtime.exists() or runtime.get_instance().is_active_session(session)


def here(session: str) -> bool:
    """Whether a session's tab is open, or was a moment ago."""
    return connected(session) or time.monotonic() - _seen.get(session, -GRACE) < GRACE


def begin_page() -> None:
    """This script run begins to draw a page, for somebody who has just clicked."""
    _drawn_since[current()] = time.monotonic()


def end_page() -> None:
    """It is drawn."""
    _drawn_since.pop(current(), None)


def drawing() -> bool:
    """Whether a page of somebody's is being drawn now."""
    return bool(_drawn_since)


def others_draw(session: str) -> bool:
    """Whether pages of other sessions are being drawn, each for half a second at most."""
    now = time.monotonic()
    return any(who != session and now - since < FRESH for who, since in list(_drawn_since.items()))


def touch() -> None:
    """Let Streamlit end this script run here, where somebody clicked or left: call it about every 0.2 seconds.

    It raises what Streamlit raises for that, which is no ``Exception`` but a ``BaseException``.
    """
    if may_end() and get_script_run_ctx(suppress_warning=True) is not None:
        st.session_state.get("touched")


def may_end() -> bool:
    """Whether this thread may be interrupted now; see ``undisturbed``."""
    return not getattr(_thread, "working", False)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Leave this thread alone: a generator that is interrupted inside cannot go on."""
    before = not may_end()
    _thread.working = True
    try:
        yield
    finally:
        _thread.working = before
