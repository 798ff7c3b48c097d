"""Settings -> widgets whose values live in the page's address.

A ``core.Setting`` says how it is drawn: a switch, a choice or a number. A recipe's own fields are described by its
``settable`` settings, and ``field`` draws one of them; what a technique of a catalogue has beside them, ``options``
draws. Whatever an address holds, the value is one that the setting can have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

import streamlit as st

import core
from dashboard import address
from dashboard.recipes import Recipe

SEGMENTS = 5
Chosen = TypeVar("Chosen", bound=Recipe)


def field(recipe: Chosen, name: str, **kwargs: Any) -> Chosen:
    """The recipe with one field as its widget says; ``kwargs`` as in ``choose``."""
    return replace(recipe, **{name: choose(type(recipe).settable()[name], **kwargs)})


def fields(recipe: Chosen, *names: str) -> Chosen:
    """The recipe with several fields as their widgets say."""
    for name in names:
        recipe = field(recipe, name)
    return recipe


def options(settings: Iterable[core.Setting]) -> tuple[tuple[str, Any], ...]:
    """Settings of a catalogue's row, as (name, value) of those that are not as the row has them."""
    values = ((one, choose(one)) for one in settings)
    return tuple((one.name, value) for one, value in values if value != one.default)


def choose(
    setting: core.Setting,
    *,
    widget: Callable[..., Any] | None = None,
    names: Callable[[Any], str] | None = None,
    own: str = "as usual",
    **kwargs: Any,
) -> Any:
    """Draw a setting; its value.

    Args:
        setting: what it is; its name is its key on this page and in the address.
        widget: what to draw a choice with, where another than the usual one fits better.
        names: a value in words; as it is where not given.
        own: the words for None, the technique's own value.
        kwargs: for the widget, such as ``width``, ``disabled`` or another ``default``.
    """
    kwargs = {"help": setting.help or None, **kwargs}
    if setting.kind == "switch":
        return address.choice(_toggle, setting.title, [False, True], key=setting.name, **_with_default(setting, kwargs))
    if setting.kind == "whole":
        return _whole(setting, **kwargs)
    if setting.kind == "number":
        return _number(setting, **kwargs)
    choices = [*([None] if setting.default is None else []), *(setting.choices or ())]

    def in_words(value: Any) -> str:
        return own if value is None else names(value) if names else _plainly(value)

    return address.choice(
        widget or _usual(choices), setting.title, choices, key=setting.name, format_func=in_words,
        **_with_default(setting, kwargs),
    )  # fmt: skip


def _with_default(setting: core.Setting, kwargs: dict[str, Any]) -> dict[str, Any]:
    return {"default": setting.default, **kwargs}


def _toggle(label: str, _: Any, *, key: str, **kwargs: Any) -> bool:
    return st.toggle(label, key=key, **kwargs)


def _usual(choices: list[Any]) -> Callable[..., Any]:
    """What to draw a choice with: few as buttons, many numbers on a line, anything else as a list."""
    if all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in choices):
        return _slider
    return _buttons if len(choices) <= SEGMENTS else _list


def _slider(label: str, choices: list[Any], **kwargs: Any) -> Any:
    return st.select_slider(label, choices, **kwargs)


def _list(label: str, choices: list[Any], **kwargs: Any) -> Any:
    return st.selectbox(label, choices, **kwargs)


def _buttons(label: str, choices: list[Any], **kwargs: Any) -> Any:
    return st.segmented_control(label, choices, required=True, **kwargs)


def _plainly(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) if isinstance(value, int) else str(value).replace("_", " ").capitalize()


def _whole(setting: core.Setting, **kwargs: Any) -> int | None:
    """A number to be typed; nothing typed is the default."""
    least, most = int(setting.least or 0), int(setting.most or 0)
    placeholder = "as usual" if setting.default is None else str(setting.default)
    typed = address.whole_number(setting.title, most=most, key=setting.name, placeholder=placeholder, **kwargs)
    return setting.default if typed is None or typed < least else typed


def _number(setting: core.Setting, **kwargs: Any) -> float | None:
    """A number to be typed, with a point; nothing typed, and what is no such number, is the default."""
    least, most = float(setting.least or 0), float(setting.most or 0)
    placeholder = "as usual" if setting.default is None else f"{setting.default:g}"
    typed = address.text(
        f"{setting.title}, {least:g} to {most:g}", key=setting.name, default="", placeholder=placeholder, **kwargs
    )
    try:
        value = float(typed)
    except ValueError:
        return setting.default
    return value if least <= value <= most else setting.default
