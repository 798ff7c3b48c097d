"""A component of ours is a folder with its .html, .css and .js files: they go to the browser as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st


def component(name: str) -> Callable[..., Any]:
    """The v2 component whose files are in the folder of that name. They use the theme's own colours.

    Several scripts are one module, in the order of their names.
    """
    html, css, js = (
        "\n".join(one.read_text(encoding="utf-8") for one in sorted((Path(__file__).parent / name).glob(f"*.{kind}")))
        for kind in ("html", "css", "js")
    )
    return st.components.v2.component(f"convscope_{name}", html=html, css=css, js=js)
