"""An atlas: the map of pictures with what the network sees in each part of it, in the place of the pictures."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

import core
from dashboard import address, figures, forms, notices, words, workbench
from dashboard.panels import picture_map
from dashboard.recipes import Embed
from dashboard.server import directions, results

SAYS = (
    "**What the network sees there.** The map is cut into squares, and for each the mean code of its pictures is drawn "
    "from noise until the layer says the same of the drawing. So one sees which things the layer keeps apart, and what "
    "lies between them ([Carter et al., 2019](https://distill.pub/2019/activation-atlas/))."
)
COLUMNS = core.Setting("atlas", "Atlas, squares a side", 0, (0, 6, 8, 10, 12, 16), 0, 24)
WORDS = 3


def show(recipe: Embed, pictures: core.PictureSet, found: results.Embedding, *, mine: list[int], chosen: int) -> Embed:
    """Draw the atlas where it is asked for; the recipe with how many squares it has."""
    columns = forms.choose(COLUMNS, names=lambda one: str(one) if one else "none")
    if not columns:
        return recipe
    st.markdown(SAYS)
    try:
        return _drawn(recipe, pictures, found, columns=columns, mine=mine, chosen=chosen)
    except ValueError as error:
        notices.refused(error)
        return recipe


def _drawn(
    recipe: Embed, pictures: core.PictureSet, found: results.Embedding, *, columns: int, mine: list[int], chosen: int
) -> Embed:
    cells = core.atlas_cells(found.codes, found.positions, columns=columns)
    frame = directions.atlas(
        recipe.network, recipe.layer, cells, source=recipe.source, show=lambda place, one: _live(place, cells, one)
    )
    if frame is None:
        return recipe
    drawn = core.to_uint8(np.asarray(frame.images))
    _show_map(recipe, pictures, found, cells, drawn=drawn, mine=mine, chosen=chosen)
    laid = figures.cells(drawn, cells.places, (cells.rows, cells.columns))[..., :3]
    made = replace(recipe, atlas=columns)
    workbench.download("Atlas as PNG", lambda: made.png(laid), "atlas.png", "image/png")
    return made


def _live(place: Any, cells: core.AtlasCells, frame: core.Frame) -> None:
    drawn = figures.cells(core.to_uint8(np.asarray(frame.images)), cells.places, (cells.rows, cells.columns))
    place.image(drawn, width="stretch", alt=f"The atlas after {frame.step} steps")


def _show_map(
    recipe: Embed, pictures: core.PictureSet, found: results.Embedding, cells: core.AtlasCells, *, drawn: Any,
    mine: list[int], chosen: int,
) -> None:  # fmt: skip
    """The drawings at their places; a click goes to the picture that is most like the mean of its square."""
    members = [np.flatnonzero(cells.members == one) for one in range(len(drawn))]

    def go_to(cell: int) -> None:
        order, _ = core.nearest(found.codes[members[cell]], cells.vectors[cell], 1)
        address.put(at=str(members[cell][order[0]]))

    places = np.stack([cells.places[:, 1], cells.rows - 1 - cells.places[:, 0]], axis=1).astype(np.float32)
    picture_map.show(
        places, [core.encode_jpeg(one, quality=90) for one in drawn], [_told(found, these) for these in members],
        mine=sorted({int(cells.members[one]) for one in mine}), chosen=int(cells.members[chosen]), side=0.97,
        name="atlas_map", on_pick=go_to,
        alt=f"An atlas of {len(drawn)} squares of the map, each drawn as {recipe.layer} sees its pictures",
    )  # fmt: skip
    st.caption(
        f"{len(drawn)} squares of {len(pictures)} pictures at {words.text(recipe.layer)}. Green: where your picture "
        "and its tiles lie; orange: where the chosen picture lies. Click a square to choose its most typical picture."
    )


def _told(found: results.Embedding, members: Any) -> tuple[str, str]:
    """How many pictures are in a square, and what the network says of most of them."""
    names = Counter(answer.rsplit(" ", 1)[0] for answer in (found.answers[one] for one in members) if answer)
    likely = ", ".join(name for name, _ in names.most_common(WORDS))
    return f"{len(members)} pictures" if len(members) > 1 else "1 picture", likely
