"""Many pictures on one map, those that are alike to a layer side by side: t-SNE and PCA of its codes."""

import json

import streamlit as st

import core
from dashboard import address, figures, workbench
from dashboard.server import jobs, limits, networks, results, uploads

METHODS = {"tsne": "t-SNE", "pca": "PCA"}
SPREAD = {"apart": "Side by side", "free": "Where they fall"}
NEAREST = 8
MOVE = "Turn the wheel to come nearer, drag to move. "
SAYS = (
    "**Which pictures are alike to the network?** A layer describes every picture by one number for each channel, its "
    "code. Pictures with like codes lie together here. In the first layers that means like colours and textures, in "
    "the last ones like things. Click a picture to see which ones the layer takes for its nearest."
)
METHOD_SAYS = {
    "tsne": "t-SNE keeps neighbours together; how far apart clusters are, and how large, means nothing "
    "([van der Maaten and Hinton, 2008](https://www.jmlr.org/papers/v9/vandermaaten08a.html)).",
    "pca": "PCA shows the two directions in which the codes differ most: far apart is really far apart, but near may "
    "be far in the directions that are not shown.",
}
SCRIPT = """\
import core

net = {load}
photographs = [(one.title, core.samples.load(one.name)) for one in core.samples.samples()]
pictures = core.tiles(photographs, size=net.size, levels={levels})
codes = core.codes(net, core.to_float(pictures.pixels), "{layer}")
places = core.embed(codes, "{method}", seed={seed})
print(places.shape, core.grid_layout(places).shape)
for index, cosine in zip(*core.nearest(codes, codes[0], 8)):
    print(pictures.title(index), cosine)
"""

name, picture = workbench.chosen()
net = networks.network(name)


def choose() -> tuple[str, str, str, bool, int]:
    """The set, the layer, the method, whether to move apart, the seed."""
    last = [stage.layer for stage in core.stages(net)][-1:] or list(net.layers)[-1:]
    answers = [core.LOGITS] if net.labels else []
    with st.container(horizontal=True, vertical_alignment="bottom"):
        pictures = address.choice(
            st.selectbox, "Pictures", results.map_names(), key="map_set", default="tiles", width=300,
            format_func=results.map_title,
        )  # fmt: skip
        layer = address.choice(
            st.selectbox, "Layer", [*net.layers, *answers], key="map_layer", default=last[0], width=260,
            format_func=lambda one: "its answers" if one == core.LOGITS else one,
        )  # fmt: skip
        method = address.choice(
            st.segmented_control, "Map", list(METHODS), key="map_method", default="tsne", required=True,
            format_func=METHODS.__getitem__,
        )  # fmt: skip
        spread = address.choice(
            st.segmented_control, "Thumbnails", list(SPREAD), key="map_spread", default="apart", required=True,
            format_func=SPREAD.__getitem__,
            help="Side by side, each moves to the nearest free place of a grid, so that none hides another.",
        )  # fmt: skip
        seed = 0
        if method == "tsne":
            seed = address.whole_number("Seed", most=9999, key="map_seed", placeholder="0", width=120) or 0
    return pictures, layer, method, spread == "apart", seed


def picked() -> None:
    """A click on the map."""
    if points := st.session_state.map.selection.points:
        address.put(map_at=str(points[0]["point_index"]))


def look(index: int) -> None:
    """Go to a picture."""
    address.put(map_at=str(index))


def words(pictures: core.PictureSet, found: results.Atlas, index: int) -> str:
    """What a picture is and what the network says of it."""
    said = f"<br>“{found.answers[index]}”" if found.answers[index] else ""
    return pictures.title(index) + said


def show_map(pictures: core.PictureSet, found: results.Atlas, mine: list[int], chosen: int) -> None:
    """The map; a frame marks my picture and its tiles, another one the chosen."""
    said = [words(pictures, found, index) for index in range(len(pictures))]
    side = 0.94 if packed else float((found.places.max(axis=0) - found.places.min(axis=0)).max()) / 26 or 1.0
    chart = figures.picture_map(
        found.places, found.thumbnails, said, mine=mine, chosen=chosen, side=side, narrow=limits.phone()
    )
    st.plotly_chart(
        chart, on_select=picked, selection_mode="points", key="map",
        config={**figures.PLAIN, "scrollZoom": not limits.phone()},
        alt=f"{len(pictures)} pictures; those with like codes at {layer} lie together",
    )  # fmt: skip
    st.caption(
        f"{len(pictures)} pictures. Green frames: {uploads.picture_title(picture)}, whole and in tiles. Orange: the "
        f"chosen one. {MOVE if not limits.phone() else ''}{METHOD_SAYS[method]}"
    )


def show_chosen(pictures: core.PictureSet, found: results.Atlas, chosen: int) -> None:
    """The chosen picture, large."""
    st.image(pictures.pixels[chosen], width="stretch", alt=f"The chosen picture: {pictures.title(chosen)}")
    said = f"The network says **{found.answers[chosen]}**." if found.answers[chosen] else ""
    st.markdown(f"**{pictures.title(chosen)}**. {said}")


def show_nearest(pictures: core.PictureSet, found: results.Atlas, chosen: int) -> None:
    """Those with the most alike codes, in a row."""
    others = address.choice(
        st.segmented_control, "Nearest", ["others", "all"], key="map_nearest", default="others", required=True,
        format_func={"others": "in other photographs", "all": "anywhere"}.__getitem__,
    )  # fmt: skip
    order, cosines = core.nearest(found.codes, found.codes[chosen], len(pictures))
    own = pictures.sources[chosen]
    keep = [
        (int(index), cosine)
        for index, cosine in zip(order, cosines, strict=True)
        if index != chosen and (others == "all" or pictures.sources[index] != own)
    ]
    with st.container(horizontal=True, gap="small"):
        for index, cosine in keep[:NEAREST]:
            with st.container(width=104, gap="xxsmall"):
                st.image(pictures.pixels[index], width="stretch", alt=pictures.title(index))
                st.button(
                    f"{cosine:.2f}", key=f"near_{index}", on_click=look, args=(index,), help=pictures.title(index)
                )
    st.caption("The number is the cosine between the codes, 1 for the same. Click it to go there.")


def show_files(found: results.Atlas) -> None:
    """The numbers, the settings, the code."""
    settings = {
        "technique": "map", "network": name, "pictures": chosen_set, "layer": layer, "method": method, "seed": seed,
        "side_by_side": packed,
    }  # fmt: skip
    with st.container(horizontal=True):
        workbench.download(
            "Codes and places", lambda: core.encode_npz({"codes": found.codes, "places": found.places}), "map.npz",
            "application/octet-stream",
        )  # fmt: skip
        workbench.download("Settings as JSON", json.dumps(settings, indent=2).encode(), "map.json", "application/json")
    with st.expander("Show the code", icon=":material/code:"):
        levels = (1,) if chosen_set == "photos" else (1, 2, 3)
        st.code(
            SCRIPT.format(load=networks.loading(name), layer=layer, method=method, seed=seed, levels=levels),
            language="python",
        )


st.markdown(SAYS)
chosen_set, layer, method, packed, seed = choose()
named = tuple(uploads.picture_names(picture))
try:
    read = results.map_pictures(name, chosen_set, named)
    if jobs.halted():
        st.button("Go on", icon=":material/play_arrow:", on_click=jobs.go_on, key="go_on")
    if read is None:
        st.info("Nothing has been read yet.")
        st.stop()
    found = results.atlas(name, layer, read, method=method, packed=packed, seed=seed, key=(chosen_set, named))
except ValueError as error:
    st.error(str(error), icon=":material/error:")
    st.stop()
mine = [index for index in range(len(read)) if read.sources[index] == named.index(picture)]
asked = address.value("map_at")
chosen = int(asked) if asked.isdecimal() and len(asked) < 6 and int(asked) < len(read) else mine[0]
left, right = st.columns([3, 1], gap="medium")
with left:
    show_map(read, found, mine, chosen)
with right:
    show_chosen(read, found, chosen)
show_nearest(read, found, chosen)
show_files(found)
