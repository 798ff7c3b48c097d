"""What excites a unit: patches of real pictures, their projections, and one unit under every lens."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

import core
from dashboard import components, figures, notices, words, workbench
from dashboard.forms import unit as form
from dashboard.panels import families, looked_at
from dashboard.panels import naming as named
from dashboard.panels import unit as panel
from dashboard.recipes import Unit
from dashboard.server import naming, networks, results, sets

UNITS = 8
SAYS = (
    "**What does each layer see?** Every unit was shown many real pictures. The coloured squares are the places that "
    "excited it most, each as large as what the unit sees; the grey squares beside them show what it was in that place "
    "that excited it, carried back through the network to the pixels "
    "([Zeiler and Fergus, 2013](https://arxiv.org/abs/1311.2901), figure 2)."
)

name, picture = workbench.chosen()
net = networks.network(name)


def has_story(layer: core.LayerInfo) -> bool:
    """Whether there is more to tell of a layer than of the one before: no padding, and a map of many positions."""
    return layer.spatial and "Padding" not in layer.kind and max(layer.shape[:2]) > 1


def excited(index: core.UnitIndex, channel: int) -> results.Excited:
    """What excites a unit of an index."""
    return results.excited(
        name, chosen_set, channel, method, _index=index, _pictures=pictures, key=results.index_key(index)
    )


def drawn(index: core.UnitIndex, channel: int, *, back: bool) -> tuple[np.ndarray, ...]:
    """The patches that excite a unit and, with ``back``, their projections."""
    if back:
        found = excited(index, channel)
        return found.patches, found.projections
    key = results.index_key(index)
    return (results.best_patches(name, chosen_set, channel, _index=index, _pictures=pictures, key=key),)


def plate(units: list[tuple[str, int]], *, key: str, labels: list[str], columns: int, back: bool = True) -> None:
    """Units of one layer as small grids of patches, and with ``back`` of projections; a click goes to one."""
    groups = [drawn(indexes[layer], channel, back=back) for layer, channel in units]
    wall = figures.plate(groups, columns=columns)
    also = ", and what in them excites the unit" if back else ""
    components.wall(
        figures.data_url(core.encode_jpeg(wall.pixels, quality=88)),
        columns=columns,
        labels=labels,
        chosen=-1,
        alt=f"Units {words.listing(channel for _, channel in units)} of {units[0][0]}: nine patches each{also}; "
        "arrow keys and Enter choose one",
        key=key,
        smooth=True,
        on_pick=lambda place: panel.go_to(units[place]),
    )


def names_of(layer: str) -> Sequence[core.UnitName]:
    """What the units of a layer are called, where that is known."""
    return naming.names(name, chosen_set, way, index=indexes[layer], pictures=pictures) if way else ()


def show_stage(stage: core.Stage) -> None:
    """A stage: what lives there, and the units that stand out most."""
    extent = words.extent(net.layer(stage.layer))
    st.subheader(words.text(stage.name), anchor=False)
    st.markdown(f"{stage.says} {extent[:1].upper()}{extent[1:]}.".strip())
    called = names_of(stage.layer)
    units = [(stage.layer, channel) for channel in indexes[stage.layer].selective(UNITS)]
    for place, column in enumerate(st.columns(2)):
        if half := units[place::2]:
            with column:
                labels = [f"unit {named.label(channel, called)}: click for details" for _, channel in half]
                plate(half, key=f"plate_{stage.layer}_{place}", columns=2, labels=labels)
    told = named.listing([channel for _, channel in units], called)
    st.caption(f"Units {told} of {words.text(stage.layer)}. Click one.")


st.markdown(SAYS)
shown, chosen_set, method = form.view(name)
stages = [stage for stage in core.stages(net) if has_story(net.layer(stage.layer))][-5:]
layer, asked = ("", None) if shown == "story" else form.unit(name, stages, whole=shown == "families")
if shown == "story" and not stages:
    st.info("This network has no layers with height and width to show.")
    st.stop()
try:
    read = sets.picture_set(chosen_set, net.size)
    layers = (layer,) if layer else tuple(stage.layer for stage in stages)
    indexes: dict[str, core.UnitIndex] = {}
    if read:
        wanted = naming.beside(name, layers, chosen_set, read)
        with workbench.meanwhile(read, "Every unit is being shown these pictures.", name, layers, chosen_set):
            indexes = dict(results.unit_indexes(name, wanted, chosen_set, read))
    if read is None or not indexes:
        st.info("No pictures have been looked at yet.")
        st.stop()
    pictures: core.PictureSet = read
    looked_at.say(name, chosen_set, [indexes[one] for one in layers if one in indexes], pictures)
    way = named.source(name, pictures)
    if shown == "story":
        for one in stages:
            show_stage(one)
    elif shown == "families":
        families.show(name, chosen_set, indexes[layer], names_of(layer), plate=plate)
    else:
        channel = indexes[layer].selective(1)[0] if asked is None else asked
        called = names_of(layer)
        named.search(layer, called, lambda found: panel.go_to((layer, found)))
        st.subheader(f"Unit {channel}", anchor=False)
        named.show(channel, called, way)
        recipe = Unit(name, picture, chosen_set, layer, channel, method)
        lens = panel.Lens(recipe, indexes[layer], excited(indexes[layer], channel), pictures)
        panel.show(lens, plate)
except ValueError as error:
    notices.refused(error)
