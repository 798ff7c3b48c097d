"""What excites a unit: patches of real pictures, their projections, and one unit under every lens."""

from typing import Any

import streamlit as st

import core
from dashboard import address, components, figures, words, workbench
from dashboard.recipes import Unit
from dashboard.server import jobs, networks, results, sets, uploads

SHOWN = {"story": "Layer by layer", "unit": "One unit, closely"}
METHODS = {"deconvnet": "DeconvNet", "guided": "Guided backprop", "gradient": "Gradient"}
UNITS = 8
SAYS = (
    "**What does each layer see?** Every unit was shown many real pictures. The coloured squares are the places that "
    "excited it most, each as large as what the unit sees; the grey squares beside them show what in that place did "
    "it, carried back through the network to the pixels "
    "([Zeiler and Fergus, 2013](https://arxiv.org/abs/1311.2901), figure 2)."
)

name, picture = workbench.chosen()
net = networks.network(name)


def has_story(layer: core.LayerInfo) -> bool:
    """Whether there is more to tell of a layer than of the one before: no padding, and a map of many places."""
    return layer.spatial and "Padding" not in layer.kind and max(layer.shape[:2]) > 1


stages = [stage for stage in core.stages(net) if has_story(net.layer(stage.layer))][-5:]
pools = any(info.kind == "MaxPooling2D" for info in net.layers.values())


def choose() -> tuple[str, str, str]:
    """What to show, over which pictures, carried back how."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shown = address.choice(
            st.segmented_control, "Show", list(SHOWN), key="units_show", default="story", required=True,
            format_func=SHOWN.__getitem__,
        )  # fmt: skip
        pictures = address.choice(
            st.selectbox, "Pictures", sets.set_names(), key="set", default="samples", width=260,
            format_func=sets.set_title,
        )  # fmt: skip
        method = address.choice(
            st.segmented_control, "Carried back by", list(METHODS), key="projected", required=True,
            default="deconvnet" if pools else "guided", format_func=METHODS.__getitem__,
            help="They differ in what a rectifier lets through: DeconvNet what is positive on the way back, guided "
            "backprop only where the unit was active too, the gradient what was active. Without max-pooling DeconvNet "
            "hardly depends on the picture (Springenberg et al., arXiv:1412.6806): there guided backprop comes first.",
        )  # fmt: skip
        if sets.may_bring_sets():
            bring()
    return shown, pictures, method


def bring() -> None:
    """A folder or a zip of one's own."""
    with st.popover("Your own pictures", icon=":material/folder_open:"):
        folder = st.text_input("Folder or zip on this machine", key="own_folder", placeholder="/home/me/photos")
        folder = folder.strip()
        st.button("Look through it", on_click=lambda: take(folder, folder), disabled=not folder, key="open_set")
        file = st.file_uploader("Or a zip", type="zip", key="own_zip", max_upload_size=200)
        if file is not None:
            st.button("Look through the zip", on_click=lambda: take(file.getvalue(), file.name), key="open_zip")


def take(source: str | bytes, title: str) -> None:
    """Choose a folder or zip, or say in one sentence why not."""
    try:
        address.put(set=sets.bring_set(source, title))
    except ValueError as error:
        st.session_state.refused = str(error)


def look(unit: tuple[str, int]) -> None:
    """Go to a unit."""
    address.put(units_show="unit", layer=unit[0], channel=unit[1])


def excited(index: core.UnitIndex, channel: int) -> results.Excited:
    """What excites a unit of an index."""
    return results.excited(
        name, chosen_set, channel, method, _index=index, _pictures=pictures, key=results.index_key(index)
    )


def plate(units: list[tuple[str, int]], *, key: str, labels: list[str], columns: int, back: bool = True) -> None:
    """Units of one layer as small grids of patches, and with ``back`` of projections; a click goes to one."""
    found = [excited(indexes[layer], channel) for layer, channel in units]
    groups = [(one.patches, one.projections) if back else (one.patches,) for one in found]
    wall = figures.plate(groups, columns=columns)
    components.wall(
        figures.data_url(core.encode_jpeg(wall.pixels, quality=88)),
        columns=columns,
        labels=labels,
        chosen=-1,
        alt=f"Units {words.listing(channel for _, channel in units)} of {units[0][0]}: nine patches each"
        f"{', and what in them excites the unit' if back else ''}; arrow keys and Enter choose one",
        key=key,
        smooth=True,
        on_pick=lambda place: look(units[place]),
    )


def show_story() -> None:
    """Every stage: what lives there, and the units that stand out most."""
    for stage in stages:
        info, index = net.layer(stage.layer), indexes[stage.layer]
        st.subheader(stage.name, anchor=False)
        st.markdown(f"{stage.says} {words.extent(info)[:1].upper()}{words.extent(info)[1:]}.".strip())
        units = [(stage.layer, channel) for channel in index.selective(UNITS)]
        for place, column in enumerate(st.columns(2)):
            half = units[place::2]
            if half:
                with column:
                    labels = [f"unit {channel}: click to look closely" for _, channel in half]
                    plate(half, key=f"plate_{stage.layer}_{place}", columns=2, labels=labels)
        st.caption(f"Units {words.listing(channel for _, channel in units)} of {stage.layer}. Click one.")


def show_on_picture() -> None:
    """Where it answers on the person's picture."""
    st.markdown("**On your picture**")
    activation = results.activations(name, picture, (layer,))[layer]
    numbers = core.statistics(activation)
    rank = list(numbers.strongest("maximum")).index(channel) + 1
    if info.spatial:
        seen = core.seen_by(net, uploads.picture(picture), scale=4)
        heat = figures.over(seen[0], core.maps(activation[0][..., channel : channel + 1])[0], "Viridis", 0.5)
        st.image(heat, width="stretch", alt=f"Unit {channel} of {layer} over {uploads.picture_title(picture)}")
    st.caption(
        f"Highest {numbers.maximum[channel]:.3g}, rank {rank} of {info.channels} in its layer; in the pictures below "
        f"up to {index.values[channel, 0]:.3g}."
    )


def show_tiles(title: str, tiles: Any, labels: tuple[str, ...], *, key: str, caption: str) -> None:
    """Nine tiles; under the cursor, whence they come."""
    st.markdown(f"**{title}**")
    wall = figures.plate([[tile[None]] for tile in tiles], columns=3, inner=1, margin=2)
    components.wall(
        figures.data_url(core.encode_png(wall.pixels)), columns=3, labels=labels, chosen=-1, key=key, smooth=True,
        alt=f"{title}: unit {channel} of {layer}", on_pick=lambda _: None,
    )  # fmt: skip
    st.caption(caption)


def at_ceiling(found: results.Excited) -> str:
    """Why projections are all grey, where some are."""
    flat = sum(1 for one in found.projections if one.min() == one.max())
    return f" {flat} of them are: there the unit is at its ceiling, and small changes do nothing." if flat else ""


def show_nearest() -> None:
    """The units that answer to the same pictures; a click goes there."""
    near = index.nearest(channel, count=6)
    st.markdown("**Units most like it**")
    if not near:
        st.caption("This layer has no other unit.")
        return
    plate(
        [(layer, other) for other, _ in near], key="nearest", columns=3, back=False,
        labels=[f"unit {other}: correlation {alike:.2f}" for other, alike in near],
    )  # fmt: skip
    st.caption(
        "Their mean activations go along with this one's over the pictures: "
        + ", ".join(f"{other} ({alike:.2f})" for other, alike in near) + ". Click one."
    )  # fmt: skip


def show_switched_off() -> None:
    """What the network says without the unit."""
    st.markdown("**What it does for the answer**")
    if not net.labels:
        st.caption("This network has no classes, so there is no answer to change.")
        return
    near = [other for other, _ in index.nearest(channel, count=6)]
    off = address.choice(
        lambda label, _, key: st.toggle(label, key=key), "Switch this unit off", [False, True], key="off",
        default=False,
    )  # fmt: skip
    group = off and address.choice(
        lambda label, _, key: st.toggle(label, key=key), f"and the {len(near)} most like it", [False, True],
        key="off_near", default=False,
    )  # fmt: skip
    before = dict(results.prediction(name, picture))
    if not off:
        st.plotly_chart(figures.probabilities(list(before.items())), config=figures.PLAIN, key="on", alt="Answers")
        return
    after = results.without_units(name, picture, layer, (channel, *(near if group else ())))
    best = max(after, key=lambda label: after[label])
    both = before | ({} if best in before else {best: dict(results.all_probabilities(name, picture))[best]})
    chart = figures.before_after(both, after)
    st.plotly_chart(chart, config=figures.PLAIN, key="off_bars", alt="Answers with and without the unit")
    first = next(iter(before))
    change = f"still **{first}**" if best == first else f"**{best}** instead of **{first}**"
    who = "them" if group else "it"
    st.caption(f"Without {who} the network says {change}: {first} went from {before[first]:.1%} to {after[first]:.1%}.")


def show_drawings() -> list[results.Drawing]:
    """The picture that the unit likes most, and the one it likes least."""
    st.markdown("**Drawn for it: what it likes, and what it hates**")
    made = []
    for column, negative in zip(st.columns(2, gap="small"), (False, True), strict=True):
        with column:
            drawn = results.drawing(name, layer, channel, negative=negative)
            if drawn:
                made.append(drawn)
                alt = f"The picture that unit {channel} {'hates' if negative else 'likes'} most"
                st.image(drawn.pixels, width="stretch", alt=alt)
    asked = {"layer": layer, "units": "number", "numbers": str(channel)}
    st.page_link(
        "app_pages/filters.py", label="Draw it larger, and longer", icon=":material/auto_awesome:",
        query_params={"network": name, "picture": picture, **asked},
    )  # fmt: skip
    return made


def show_files(found: results.Excited, drawings: list[results.Drawing]) -> None:
    """The card as a file, its settings, and the code."""
    recipe = Unit(name, picture, chosen_set, layer, channel, method)
    stem = f"{layer}_{channel}".replace("/", ".")
    card = figures.plate([(found.patches, found.projections)], columns=1)
    with st.container(horizontal=True):
        png = core.encode_png(card.pixels, metadata={"convscope": recipe.settings()})
        workbench.download("PNG", png, f"{stem}.png", "image/png")
        for drawn, word in zip(drawings, ("likes", "hates"), strict=False):
            data = core.encode_png(drawn.pixels, metadata={"convscope": recipe.settings()})
            workbench.download(f"What it {word}", data, f"{stem}_{word}.png", "image/png")
        workbench.download("Settings as JSON", recipe.settings().encode(), f"{stem}.json", "application/json")
    with st.expander("Show the code", icon=":material/code:"):
        st.code(recipe.script(), language="python")


def show_unit() -> None:
    """One unit under every lens."""
    found = excited(index, channel)
    left, middle, right = st.columns(3, gap="medium")
    with left:
        show_on_picture()
    if found.silent:
        middle.info(f"Nothing in {len(pictures):,} pictures excites unit {channel}: it is nowhere above zero.")
    else:
        with middle:
            show_tiles("What excites it most", found.patches, found.labels, key="patches",
                       caption="Each cut to what the unit sees. Hover to see whence it comes.")  # fmt: skip
        with right:
            show_tiles("What in them does it", found.projections, found.labels, key="projections",
                       caption=f"Carried back by {METHODS[method]}; grey is nothing." + at_ceiling(found))  # fmt: skip
    left, middle, right = st.columns(3, gap="medium")
    with middle:
        show_nearest()
    with right:
        show_switched_off()
    with left:
        show_files(found, show_drawings())


def choose_unit() -> tuple[str, int | None]:
    """The layer and the unit, None for the one that stands out most."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        usual = stages[-2 if len(stages) > 1 else -1].layer if stages else next(iter(net.layers))
        layer = address.choice(
            st.selectbox, "Layer", list(net.layers), key="layer", default=usual, width=360,
            format_func=lambda one: f"{one} · {net.layer(one).channels} units",
        )  # fmt: skip
        asked = address.whole_number(
            "Unit", most=net.layer(layer).channels - 1, key="channel", placeholder="stands out most", width=180
        )
    st.markdown(f"**{layer}**: {words.extent(net.layer(layer))}. {words.story(net, layer)}")
    return layer, asked


st.markdown(SAYS)
shown, chosen_set, method = choose()
layer, asked = choose_unit() if shown == "unit" else ("", None)
if shown == "story" and not stages:
    st.info("This network has no layers with height and width to tell a story of.")
    st.stop()
try:
    read = sets.picture_set(chosen_set, net.size)
    wanted = (layer,) if layer else tuple(stage.layer for stage in stages)
    indexes = results.unit_indexes(name, wanted, chosen_set, read) if read else {}
    if jobs.halted():
        st.button("Go on", icon=":material/play_arrow:", on_click=jobs.go_on, key="go_on")
    if read is None or not indexes:
        st.info("Nothing has been looked at yet.")
        st.stop()
    pictures: core.PictureSet = read
    seen = next(iter(indexes.values()))
    st.caption(
        f"{seen.done:,} of {seen.total:,} pictures cut from {len(pictures.titles):,} photographs were looked at."
        + (f" {pictures.skipped:,} files could not be read and were left out." if pictures.skipped else "")
    )
    if shown == "story":
        show_story()
    else:
        info, index = net.layer(layer), indexes[layer]
        channel = index.selective(1)[0] if asked is None else asked
        st.subheader(f"Unit {channel}", anchor=False)
        show_unit()
except ValueError as error:
    st.error(str(error), icon=":material/error:")
