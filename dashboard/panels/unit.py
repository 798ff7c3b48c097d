"""One unit under every lens: patches, projections, similar units, the answer without it, and pictures drawn for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

import core
from dashboard import address, components, figures, lenses, reports, workbench
from dashboard.forms.unit import method_title
from dashboard.panels import expanded, what_if, wiring
from dashboard.recipes import Unit
from dashboard.server import networks, results, uploads

Plate = Callable[..., None]
NEAR = 6


@dataclass(frozen=True)
class Lens:
    """A unit that is looked at, and where it was excited over a set of pictures."""

    recipe: Unit
    index: core.UnitIndex
    found: results.Excited
    pictures: core.PictureSet

    @property
    def layer(self) -> str:
        """The unit's layer."""
        return self.recipe.layer

    @property
    def channel(self) -> int:
        """The unit's number in its layer."""
        return self.recipe.channel


def show(lens: Lens, plate: Plate) -> None:
    """Everything about the unit; ``plate`` draws units that a click goes to."""
    lenses.show(lenses.Unit(lens.recipe.network, lens.recipe.picture, lens.layer, lens.channel), here="units")
    left, middle, right = st.columns(3, gap="medium")
    with left:
        show_on_picture(lens)
    if lens.found.dead:
        middle.info(
            f"Nothing in {len(lens.pictures):,} pictures excites unit {lens.channel}: it is nowhere above zero."
        )
    else:
        back = f"Projections by {method_title(lens.recipe.method)}; grey is nothing." + at_ceiling(lens.found)
        with middle:
            where = "Each cut to what the unit sees. Hover to see where it comes from."
            show_tiles(lens, "What excites it most", lens.found.patches, caption=where)
        with right:
            show_tiles(lens, "What in them excites it", lens.found.projections, caption=back)
    draw_wiring = wiring.show(lens.recipe.network, lens.layer, lens.channel)
    expanded.show(lens.recipe.network, lens.recipe.picture, lens.layer, lens.channel)
    show_what_if(lens)
    left, right = st.columns(2, gap="medium")
    with right:
        show_nearest(lens, plate)
    with left:
        show_files(lens, show_drawings(lens))
    draw_wiring()


def show_on_picture(lens: Lens) -> None:
    """Where it responds on the person's picture."""
    st.markdown("**On your picture**")
    recipe, net = lens.recipe, networks.network(lens.recipe.network)
    activation = results.activations(recipe.network, recipe.picture, (lens.layer,))[lens.layer]
    statistics = core.statistics(activation)
    rank = list(statistics.strongest("maximum")).index(lens.channel) + 1
    if net.layer(lens.layer).spatial:
        seen = core.seen_by(net, uploads.picture(recipe.picture), scale=4)
        heat = figures.over(seen[0], core.maps(activation[0][..., lens.channel : lens.channel + 1])[0], "Viridis", 0.5)
        alt = f"Unit {lens.channel} of {lens.layer} over {uploads.picture_title(recipe.picture)}"
        st.image(heat, width="stretch", alt=alt)
    st.caption(
        f"Maximum {statistics.maximum[lens.channel]:.3g}, rank {rank} of {net.layer(lens.layer).channels} in its "
        f"layer; in the pictures below up to {lens.index.values[lens.channel, 0]:.3g}."
    )


def show_tiles(lens: Lens, title: str, tiles: Iterable[Any], *, caption: str) -> None:
    """Nine tiles; under the cursor, where they come from."""
    st.markdown(f"**{title}**")
    wall = figures.plate([[tile[None]] for tile in tiles], columns=3, inner=1, margin=2)
    components.wall(
        figures.data_url(core.encode_png(wall.pixels)), columns=3, labels=lens.found.labels, chosen=-1, key=title,
        smooth=True, alt=f"{title}: unit {lens.channel} of {lens.layer}", on_pick=lambda _: None,
    )  # fmt: skip
    st.caption(caption)


def at_ceiling(found: results.Excited) -> str:
    """Why projections are all grey, where some are."""
    flat = sum(1 for one in found.projections if one.min() == one.max())
    return f" {flat} of them are: the unit is at its ceiling there, and small changes do nothing." if flat else ""


def show_nearest(lens: Lens, plate: Plate) -> None:
    """The units that respond to the same pictures; a click goes there."""
    near = lens.index.nearest(lens.channel, count=NEAR)
    st.markdown("**Most similar units**")
    if not near:
        st.caption("This layer has no other unit.")
        return
    labels = [f"unit {other}: correlation {alike:.2f}" for other, alike in near]
    plate([(lens.layer, other) for other, _ in near], key="nearest", columns=3, back=False, labels=labels)
    told = ", ".join(f"{other} ({alike:.2f})" for other, alike in near)
    st.caption(f"Their mean activations rise and fall with this one's over the pictures: {told}. Click one.")


def show_what_if(lens: Lens) -> None:
    """What becomes of the answer when the unit, or it and those most similar, are scaled."""
    recipe, net = lens.recipe, networks.network(lens.recipe.network)
    if not net.labels or lens.layer not in net.before(core.LOGITS):
        st.caption("Nothing that this network answers depends on this layer, so there is no answer to change.")
        return
    near = tuple(other for other, _ in lens.index.nearest(lens.channel, count=NEAR))
    target = net.labels.index(results.prediction(recipe.network, recipe.picture)[0][0])
    asked = what_if.Asked(recipe.network, recipe.picture, lens.layer, lens.channel, target)
    own = None if recipe.source == "samples" else lens.pictures
    title = f"it and the {len(near)} most similar"
    what_if.show(asked, near, title, set_name=recipe.source, pictures=own)


def show_drawings(lens: Lens) -> list[results.Drawing]:
    """The picture that excites the unit most, and the one that silences it most."""
    st.markdown("**Drawn for it: what excites it, and what silences it**")
    made = []
    for column, negative in zip(st.columns(2, gap="small"), (False, True), strict=True):
        with column:
            drawn = results.drawing(lens.recipe.network, lens.layer, lens.channel, negative=negative)
            if drawn:
                made.append(drawn)
                alt = f"The picture that {'silences' if negative else 'excites'} unit {lens.channel} most"
                st.image(drawn.pixels, width="stretch", alt=alt)
    return made


def show_files(lens: Lens, drawings: list[results.Drawing]) -> None:
    """The card as a file, its settings, and the code."""
    card = figures.plate([(lens.found.patches, lens.found.projections)], columns=1)
    files = {"png": ("PNG", workbench.png(lens.recipe, card.pixels))}
    for drawn, word in zip(drawings, ("excites", "silences"), strict=False):
        files[f"png_{word}"] = (f"What {word} it", workbench.png(lens.recipe, drawn.pixels))
    near = lens.index.nearest(lens.channel, count=NEAR)
    found = partial(reports.united, lens.recipe, card.pixels, near)
    workbench.files(lens.recipe, f"{lens.layer}_{lens.channel}".replace("/", "."), found=found, **files)
    workbench.code(lens.recipe)


def go_to(unit: tuple[str, int]) -> None:
    """Look at a unit, in a callback."""
    address.put(show="unit", layer=unit[0], channel=unit[1], **{wiring.DRAW: False})
