"""Many pictures on one map, those that are alike to a layer side by side: t-SNE and PCA of its codes."""

from functools import partial

import streamlit as st

import core
from dashboard import address, forms, notices, reports, words, workbench
from dashboard.panels import atlas, picture_map
from dashboard.recipes import usual
from dashboard.recipes.embed import METHODS, Embed
from dashboard.server import limits, networks, results, uploads

SPREAD = {True: "Side by side", False: "Where they fall"}
NEAREST = {"others": "in other photographs", "all": "anywhere"}
SAYS = (
    "**Which pictures look alike to the network?** A layer describes every picture by one number for each channel: its "
    "code. Pictures with similar codes lie together here: those with similar colours and textures in the first layers, "
    "those of similar things in the last. Click a picture to see its nearest neighbours."
)
name, picture = workbench.chosen()
net = networks.network(name)
named = tuple(uploads.picture_names(picture))


def choose() -> Embed:
    """What is laid out, by which layer, and how."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        source = address.choice(
            st.selectbox, "Pictures", results.map_names(), key="set", default="tiles", width=300,
            format_func=results.map_title,
        )  # fmt: skip
        layer = address.choice(
            st.selectbox, "Layer", [*net.layers, *([core.LOGITS] if net.labels else [])], key="layer", width=260,
            default=usual.mapped(net), format_func=lambda one: "its answers" if one == core.LOGITS else one,
        )  # fmt: skip
        method = address.choice(
            st.segmented_control, "Method", list(METHODS), key="method", default="tsne", required=True,
            format_func=lambda one: METHODS[one][0],
        )  # fmt: skip
        apart = address.choice(
            st.segmented_control, "Thumbnails", list(SPREAD), key="apart", default=True, required=True,
            format_func=SPREAD.__getitem__, help="Side by side: each in its own place, so that none hides another.",
        )  # fmt: skip
        seed = address.whole_number("Seed", most=9999, key="seed", placeholder="0", width=120, disabled=method == "pca")
    return Embed(name, source, layer, method, (seed or 0) if method == "tsne" else 0, apart)


def show_map(pictures: core.PictureSet, mine: list[int], chosen: int) -> None:
    """The map; a green frame marks my picture and its tiles, an orange one the chosen picture."""
    extent = float((found.positions.max(axis=0) - found.positions.min(axis=0)).max())
    said = [(pictures.title(at), f"“{answer}”" if answer else "") for at, answer in enumerate(found.answers)]
    side = 0.94 if recipe.side_by_side else extent / 26 or 1.0
    picture_map.show(
        found.positions, found.thumbnails, said, mine=mine, chosen=chosen, side=side, name="map",
        on_pick=lambda one: address.put(at=str(one)),
        alt=f"{len(pictures)} pictures; those with similar codes at {recipe.layer} lie together",
    )  # fmt: skip
    st.caption(
        f"{len(pictures)} pictures. Green frames: {words.text(uploads.picture_title(picture))}, whole and in tiles. "
        f"Orange frame: the chosen one. {'' if limits.phone() else 'Scroll to zoom, drag to move. '}"
        f"{METHODS[recipe.method][1]}"
    )


def show_nearest(pictures: core.PictureSet, chosen: int) -> None:
    """Those with the most similar codes, in a row."""
    where = forms.choose(core.Setting("nearest", "Nearest", "others", tuple(NEAREST)), names=NEAREST.__getitem__)
    with st.container(horizontal=True, gap="small"):
        for index, cosine in results.neighbours(found.codes, pictures, chosen, elsewhere=where == "others"):
            with st.container(width=104, gap="xxsmall"):
                st.image(pictures.pixels[index], width="stretch", alt=pictures.title(index))
                st.button(
                    f"{cosine:.2f}", key=address.session_key(f"near_{index}"), help=words.text(pictures.title(index)),
                    on_click=address.put, kwargs={"at": str(index)},
                )  # fmt: skip
    st.caption("The number is the cosine between the two codes; 1 means the same direction. Click it to go there.")


st.markdown(SAYS)
recipe = choose()
try:
    read = results.map_pictures(name, recipe.source, named)
    if read is None:
        st.info("No picture has been read yet.")
        st.stop()
    with workbench.meanwhile(read, "They will lie side by side where the network finds them alike.", recipe, named):
        found = results.embedding(
            name, recipe.layer, read, method=recipe.method, packed=recipe.side_by_side, seed=recipe.seed,
            key=(recipe.source, named),
        )  # fmt: skip
except ValueError as error:
    notices.refused(error)
    st.stop()
mine = [index for index in range(len(read)) if read.sources[index] == named.index(picture)]
chosen = int(at) if (at := address.value("at", most=5)).isdecimal() and int(at) < len(read) else mine[0]
left, right = st.columns([3, 1], gap="medium")
with left:
    show_map(read, mine, chosen)
with right:
    answer = f"The network says **{words.text(found.answers[chosen])}**." if found.answers[chosen] else ""
    st.image(read.pixels[chosen], width="stretch", alt=f"The chosen picture: {read.title(chosen)}")
    st.markdown(f"**{words.text(read.title(chosen))}**. {answer}")
show_nearest(read, chosen)
recipe = atlas.show(recipe, read, found, mine=mine, chosen=chosen)
numbers = ("Codes and positions", lambda: core.encode_npz({"codes": found.codes, "positions": found.positions}))
workbench.files(recipe, "map", found=partial(reports.embedded, recipe, read, found), npz=numbers)
workbench.code(recipe)
