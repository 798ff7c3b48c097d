"""Widgets whose values live in the page's address, so that copying it shows the same thing to somebody else.

Streamlit's own ``bind="query-params"`` writes what an option *looks* like; here an option's own name is written, which
is short, does not change with the wording, and can name a picture that only its digest identifies. A value at its
default is left out of the address.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st


def choice(
    widget: Callable[..., Any], label: str, options: Sequence[Any], *, key: str, default: Any, **kwargs: Any
) -> Any:
    """A widget that chooses among ``options`` (``st.selectbox``, ``st.segmented_control``, ...), kept in the address.

    An address or a session that asks for something else gets ``default``. ``kwargs`` go to the widget.
    """
    by_name = {str(option): option for option in options}
    _adopt(key, by_name.get)
    if st.session_state.get(key, object()) not in by_name.values():
        st.session_state[key] = default
    value = widget(label, options, key=key, **kwargs)
    return _write(key, value, default)


def whole_number(label: str, *, most: int, key: str, **kwargs: Any) -> int | None:
    """A field for a number from 0 to ``most``, or for none, kept in the address."""
    _adopt(key, lambda text: int(text) if text.isdecimal() and int(text) <= most else None)
    value = st.session_state.get(key)
    if value is None or not 0 <= value <= most:
        st.session_state[key] = None
    number = st.number_input(label, 0, most, value=None, step=1, key=key, **kwargs)
    return _write(key, number, None)


def _adopt(key: str, parse: Callable[[str], Any]) -> None:
    """Take the value from the address where the session has none, or where the address changed under it."""
    written = st.session_state.setdefault("address", {})
    asked = st.query_params.get(key)
    if asked is not None and (key not in st.session_state or asked != written.get(key)):
        value = parse(asked)
        if value is not None:
            st.session_state[key] = value


def _write(key: str, value: Any, default: Any) -> Any:
    """Put the value into the address, or take it out where it is the default."""
    st.session_state.address[key] = str(value)
    if value == default:
        st.query_params.pop(key, None)
    elif st.query_params.get(key) != str(value):
        st.query_params[key] = str(value)
    return value
