"""A picture to paint a region on."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard.components.files import component

_paint = component("paint")


def paint(
    image: str, *, cells: str, rectangle: bool, erase: bool, alt: str, key: str, on_paint: Callable[[str], None]
) -> None:
    """A picture on which a person paints a region of 32 x 32 cells, by brush or rectangle.

    Args:
        image: address of the picture, ``figures.data_url``.
        cells: what is painted so far: the cells' bits, row by row, as URL-safe base64, or nothing.
        rectangle: a drag fills a rectangle; without, it is a brush of three cells.
        erase: take away instead.
        alt: what the picture is, in words.
        key: the component's own key.
        on_paint: called with the cells after every stroke.
    """

    def painted() -> None:
        new = st.session_state[key].painted
        if isinstance(new, str) and len(new) <= 200:
            on_paint(new)

    _paint(
        data={"image": image, "cells": cells, "rectangle": rectangle, "erase": erase, "alt": alt},
        key=key,
        on_painted_change=painted,
    )
