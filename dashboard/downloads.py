"""What a person takes from a page: files, the script, the whole result as one page or as a zip, and its address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import streamlit as st

import core
from dashboard import address

if TYPE_CHECKING:  # both need TensorFlow
    from dashboard import reports
    from dashboard.recipes import Recipe


def download(label: str, data: bytes | Callable[[], bytes], file_name: str, mime: str) -> None:
    """A download that leaves the page as it is."""
    st.download_button(label, data, file_name, mime, icon=":material/download:", on_click="ignore", key=file_name)


MIMES = {
    "png": "image/png",
    "gif": "image/gif",
    "mp4": "video/mp4",
    "npz": "application/octet-stream",
    "csv": "text/csv",
    "zip": "application/zip",
}


def files(
    recipe: Recipe,
    stem: str,
    *,
    made: Any = None,
    found: Callable[[], reports.Contents] | None = None,
    **data: tuple[str, bytes | Callable[[], bytes]],
) -> None:
    """The files of a result in a row, and its settings as JSON: ``png=("PNG", data)``, ``stem`` names them.

    A second file of a kind has a number or a word after it: ``png_change=("Perturbation", data)``. What there is to
    take away follows from the recipe, and of a run from what it has ``made``, or is what ``found`` gives.
    """
    with st.container(horizontal=True):
        for kind, (label, content) in data.items():
            ending, _, word = kind.partition("_")
            download(label, content, f"{stem}{'_' + word if word else ''}.{ending}", MIMES[ending])
        download("Settings as JSON", recipe.settings().encode(), f"{stem}.json", "application/json")
        take_away(recipe, stem, found or partial(_found, recipe, made, {k: v for k, (_, v) in data.items()}))


def take_away(recipe: Recipe, stem: str, found: Callable[[], reports.Contents]) -> None:
    """The whole result as one page or as a zip, made when they are asked for, and the address that shows it."""
    from dashboard import reports

    link = address.link(**({"run": "1"} if hasattr(recipe, "run") else {}))
    with st.popover("Take it with you", icon=":material/work:"):
        st.caption("Pictures, numbers, settings, the script and the versions of everything.")
        download("Report (HTML)", lambda: reports.html(recipe, found(), link=link), f"{stem}.html", "text/html")
        download("Everything (ZIP)", lambda: reports.archive(recipe, found(), link=link), f"{stem}.zip", MIMES["zip"])
        st.markdown(f"The address that makes the same: `{link.replace('`', '')}`")


def _found(recipe: Recipe, made: Any, data: Mapping[str, bytes | Callable[[], bytes]]) -> reports.Contents:
    """What there is to take away: what the technique says, else the pictures that the page offers."""
    from dashboard import reports

    if recipe.technique not in reports.WAYS:
        drawn = {kind: one() if callable(one) else one for kind, one in data.items() if kind.startswith("png")}
        return reports.Contents(next(iter(drawn), ""), drawn)
    if made is None:
        return reports.contents(recipe)
    if getattr(recipe, "make", "still") == "still":
        return reports.contents(recipe, [made.frame])
    last = made.frame
    frames = [core.Frame(last.step, last.total, one[None], last.score, last.curve) for one in pictures(made.growth)]
    return reports.contents(recipe, frames)


def png(recipe: Recipe, picture: npt.NDArray[Any]) -> bytes:
    """A PNG that carries its settings."""
    return recipe.png(picture)


def code(recipe: Recipe, *sources: str) -> None:
    """The script that makes the same, and where it comes from."""
    with st.expander("Show the code", icon=":material/code:"):
        st.code(recipe.script(), language="python")
        for source in sources:
            st.caption(source)


def pictures(growth: Any, *, max_side: int = 640) -> npt.NDArray[np.float32]:
    """The pictures of a run (frames, H, W, 3), all as large as the last one, which is at most this large."""
    *_, last = opened = [core.open_image(jpeg, max_side=max_side) for _, jpeg in growth.history]
    height, width = last.shape[1:3]
    same = (one if one.shape == last.shape else core.resize(one, height=height, width=width) for one in opened)
    return np.concatenate(list(same))
