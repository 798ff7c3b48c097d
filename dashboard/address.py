"""Widgets whose values live in the page's address, so that copying it shows the same thing to somebody else.

Streamlit's own ``bind="query-params"`` writes what an option *looks* like; here an option's own name is written, which
is short, does not change with the wording, and can name a picture that only its digest identifies. A value at its
default is left out of the address.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx


def choice(
    widget: Callable[..., Any], label: str, options: Sequence[Any], *, key: str, default: Any, **kwargs: Any
) -> Any:
    """A widget that chooses among ``options`` (``st.selectbox``, ``st.segmented_control``, ...), kept in the address.

    An address or a session that asks for something else gets ``default``. ``kwargs`` go to the widget.
    """
    by_name = {str(option): option for option in options}
    _adopt(key, by_name.get, default)
    if st.session_state.get(key, object()) not in by_name.values():
        st.session_state[key] = default
    value = widget(label, options, key=key, **kwargs)
    return _write(key, value, default)


def whole_number(label: str, *, most: int, key: str, **kwargs: Any) -> int | None:
    """A field for a number from 0 to ``most``, or for none, kept in the address."""
    _adopt(key, lambda text: int(text) if text.isdecimal() and len(text) < 10 and int(text) <= most else None, None)
    value = st.session_state.get(key)
    if value is None or not 0 <= value <= most:
        st.session_state[key] = None
    number = st.number_input(label, 0, most, value=None, step=1, key=key, **kwargs)
    return _write(key, number, None)


def text(label: str, *, key: str, default: str, **kwargs: Any) -> str:
    """A line of text, kept in the address."""
    _adopt(key, lambda asked: asked[:200], default)
    st.session_state.setdefault(key, default)
    return str(_write(key, st.text_input(label, key=key, max_chars=200, **kwargs), default))


def several(label: str, options: Sequence[str], *, key: str, default: Sequence[str], **kwargs: Any) -> list[str]:
    """Some of many options, kept in the address as a list with bars between them."""
    _adopt(key, lambda asked: [name for name in asked.split("|") if name in options], list(default))
    st.session_state[key] = [name for name in st.session_state.get(key, default) if name in options]
    chosen = st.multiselect(label, options, key=key, **kwargs)
    _write(key, "|".join(chosen), "|".join(default))
    return chosen


def value(key: str, *, default: str = "", most: int = 200) -> str:
    """A text that no widget shows, kept in the session under ``key`` and in the address."""
    _adopt(key, lambda asked: asked[:most], default)
    st.session_state.setdefault(key, default)
    return str(_write(key, st.session_state[key], default))


def begin(page: str) -> None:
    """Call once per run, before the first widget, with the name of the page that is about to draw.

    The address is right when a page is new, and when the browser went back or forward. In any other run it may be older
    than the session, because the browser had not yet heard of the newest one: then the session is right. What a new
    page's address leaves out stays as it was on the page before.
    """
    state = st.session_state
    state.address_asked = state.get("address_page") != page or _went_back()
    if state.get("address_page") != page:
        values = state.get("address_values", {})  # and not the session alone: a change of page may clean it up
        latest = {key: state.get(key, value) for key, value in values.items()}
        state.address_base = latest or state.get("address_base", {})
        state.address_page, state.address, state.address_values = page, {}, {}


def _went_back() -> bool:
    """Whether the browser's back or forward button began this run."""
    context = get_script_run_ctx(suppress_warning=True)
    return context is not None and context.is_history_navigation


def _adopt(key: str, parse: Callable[[str], Any], default: Any) -> None:
    """Take the value from the address where that is right; keep the session's own, or the last one, where not."""
    state, asked = st.session_state, st.query_params.get(key)
    if not state.address_asked and key in state.address_values:
        state.setdefault(key, state.address_values[key])
    elif key not in state or asked != state.address.get(key):
        value = state.address_base.get(key) if asked is None else parse(asked)
        state[key] = default if value is None else value


def _write(key: str, value: Any, default: Any) -> Any:
    """Put the value into the address, or take it out where it is the default."""
    text = None if value == default else str(value)
    st.session_state.address[key] = text
    st.session_state.address_values[key] = st.session_state[key]
    if text is None:
        st.query_params.pop(key, None)
    elif st.query_params.get(key) != text:
        st.query_params[key] = text
    return value
