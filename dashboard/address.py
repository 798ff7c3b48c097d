"""Widgets whose values live in the page's address, so that copying it shows the same thing to somebody else.

Streamlit's own ``bind="query-params"`` writes what an option *looks* like; here an option's own name is written, which
is short, does not change with the wording, and can name a picture that only its digest identifies. A value at its
default is left out of the address.

Every page has its own settings: what a page calls ``preset`` is ``?preset=`` in its address and ``filters.preset`` in
the session, so equal names on two pages never meet. The session remembers each page's settings, and they are there
again when a person comes back. Only the names in ``SHARED`` mean the same on every page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

SHARED = frozenset({"network", "picture"})
"""The settings of the frame: one value for all pages."""


def begin(page: str) -> None:
    """Call once per run, before the first widget, with the name of the page that is about to draw.

    The address is right when a page is new, and when the browser went back or forward. In any other run it may be older
    than the session, because the browser had not yet heard of the newest one: then the session is right. What a new
    page's address leaves out is as it was when the person last saw that page.
    """
    state = st.session_state
    is_new = state.get("address_page") != page
    state.address_asked = is_new or went_back()
    if is_new:
        values = state.setdefault("address_values", {})  # Streamlit forgets the widgets of a page that is left
        values.update({name: state[name] for name in values if name in state})
        state.address_page, state.address_shown, state.address_base = page, {}, dict(values)


def session_key(name: str) -> str:
    """The session's key of a setting of this page: ``preset`` -> ``filters.preset``."""
    return name if name in SHARED else f"{st.session_state.address_page}.{name}"


def put(**values: Any) -> None:
    """Set settings of this page by their names, in a callback: ``address.put(layer="conv2", channel=3)``."""
    for name, one in values.items():
        st.session_state[session_key(name)] = one


def get(name: str, default: Any = None) -> Any:
    """What a setting of this page is now, before its widget is drawn."""
    own = session_key(name)
    return st.session_state.get(own, st.session_state.address_values.get(own, default))


def choice(
    widget: Callable[..., Any], label: str, options: Sequence[Any], *, key: str, default: Any, **kwargs: Any
) -> Any:
    """A widget that chooses among ``options`` (``st.selectbox``, ``st.segmented_control``, ...), kept in the address.

    An address or a session that asks for something else gets ``default``. ``key`` is the setting's name on this page;
    ``kwargs`` go to the widget.
    """
    by_name = {str(option): option for option in options}
    own = _adopt(key, by_name.get, default)
    if st.session_state[own] not in by_name.values():
        st.session_state[own] = default
    value = widget(label, options, key=own, **kwargs)
    return _write(key, value, default)


def whole_number(label: str, *, most: int, key: str, **kwargs: Any) -> int | None:
    """A field for a number from 0 to ``most``, or for none, kept in the address."""

    def parse(asked: str) -> int | None:
        return int(asked) if asked.isdecimal() and len(asked) < 10 and int(asked) <= most else None

    own = _adopt(key, parse, None)
    value = st.session_state[own]
    if value is None or not 0 <= value <= most:
        st.session_state[own] = None
    number = st.number_input(label, 0, most, value=None, step=1, key=own, **kwargs)
    return _write(key, number, None)


def text(label: str, *, key: str, default: str, **kwargs: Any) -> str:
    """A line of text, kept in the address."""
    own = _adopt(key, lambda asked: asked[:200], default)
    return str(_write(key, st.text_input(label, key=own, max_chars=200, **kwargs), default))


def several(label: str, options: Sequence[str], *, key: str, default: Sequence[str], **kwargs: Any) -> list[str]:
    """Some of many options, kept in the address as a list with bars between them."""
    own = _adopt(key, lambda asked: [name for name in asked.split("|") if name in options], list(default))
    st.session_state[own] = [name for name in st.session_state[own] if name in options]
    chosen = st.multiselect(label, options, key=own, **kwargs)
    _write(key, "|".join(chosen), "|".join(default))
    return chosen


def value(key: str, *, default: str = "", most: int = 200) -> str:
    """A text that no widget shows, kept in the session and in the address; ``put`` changes it."""
    own = _adopt(key, lambda asked: asked[:most], default)
    return str(_write(key, st.session_state[own], default))


def ask(flag: str) -> None:
    """Begin, in a callback, what ``asked`` waits for."""
    put(**{flag: "1"})
    st.session_state[session_key(f"{flag}_anew")] = True


def asked(flag: str, settings: object) -> bool:
    """Whether somebody asked for something with these settings; others than last time take the flag back."""
    state, own = st.session_state, session_key(f"{flag}_settings")
    anew = state.pop(session_key(f"{flag}_anew"), False)
    if state.get(own, settings) != settings and not anew:
        put(**{flag: ""})
    state[own] = settings
    return value(flag, most=1) == "1"


def link(**more: str) -> str:
    """The whole address of this page as it is now, and with ``more`` in it; it says also what is as usual."""
    shared = {name: st.session_state[name] for name in sorted(SHARED) if name in st.session_state}
    return f"{st.context.url or ''}?{urlencode({**shared, **st.query_params.to_dict(), **more})}"


def went_back() -> bool:
    """Whether the browser's back or forward button began this run."""
    context = get_script_run_ctx(suppress_warning=True)
    return context is not None and context.is_history_navigation


def _adopt(name: str, parse: Callable[[str], Any], default: Any) -> str:
    """Take the value from the address where that is right; keep the session's own, or the last one, where not.

    Returns the session's key, which holds a value from here on.
    """
    state, own, asked = st.session_state, session_key(name), st.query_params.get(name)
    if not state.address_asked and name in state.address_shown:
        state.setdefault(own, state.address_values[own])
    elif own not in state or asked != state.address_shown.get(name):
        value = state.address_base.get(own) if asked is None else parse(asked)
        state[own] = default if value is None else value
    return own


def _write(name: str, value: Any, default: Any) -> Any:
    """Put the value into the address, or take it out where it is the default."""
    text = None if value == default else str(value)
    st.session_state.address_shown[name] = text
    st.session_state.address_values[session_key(name)] = st.session_state[session_key(name)]
    if text is None:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != text:
        st.query_params[name] = text
    return value
