"""Which pixels an answer, or any unit, depends on, by every method in one row: attribution."""

import numpy as np
import streamlit as st

import core
from dashboard import figures, forms, lenses, notices, reports, words, workbench
from dashboard.forms import explain as form
from dashboard.panels.explain import PANELS, Maps
from dashboard.recipes import Explain
from dashboard.server import networks, uploads

SAYS = (
    "**Why did it say so?** Each of these methods marks the pixels on which an answer, or any other unit, depends: red "
    "speaks for it, blue against. They do not agree, and that is worth seeing."
)

name, picture = workbench.chosen()


def overlay(recipe: Explain, values: np.ndarray, side: int = 256, limit: float | None = None) -> np.ndarray:
    """A map over the picture that it explains."""
    seen = recipe.photo()[0]
    return figures.evidence(figures.enlarged(seen, side), figures.enlarged(values, side), opacity, limit=limit)


def show_row(recipe: Explain, key: str) -> bool:
    """All methods in one row, which breaks on a narrow screen, and its files; whether all of them are there."""
    photo = f" ({words.text(uploads.picture_title(recipe.picture))})" if recipe.picture != picture else ""
    network = words.text(networks.network_title(recipe.network))
    st.markdown(f"**{network}: why “{words.text(recipe.title)}”?**{photo}")
    lenses.show(lenses.Unit(recipe.network, recipe.picture, recipe.layer, recipe.unit), here="why")
    tiles, maps, asked = [], {}, Maps(recipe, key)
    with st.container(horizontal=True, gap="xsmall"):
        places = [st.container(width=104, gap="xxsmall") for _ in recipe.methods]
    for place, method in zip(places, recipe.methods, strict=True):
        told = core.METHODS[method]
        if not asked.goes_on(method):
            place.caption(f"{told.title}: stopped")
            continue
        try:
            with place, st.spinner(f"{told.title}…"):
                maps[method] = recipe.found(method)
        except ValueError as error:
            place.caption(f"{told.title}: {words.text(str(error))}")
            continue
        tiles.append(overlay(recipe, maps[method]))
        place.image(tiles[-1], width="stretch", alt=f"{told.title} for {recipe.title}")
        place.caption(told.title, help=told.says)
        if note := form.note(recipe, method, maps):
            place.caption(note)
    whole = asked.end()
    if tiles:
        seen = recipe.photo()[0]
        row, titles = core.to_float(np.stack(tiles)), {method: core.METHODS[method].title for method in maps}
        caption = f"Why “{recipe.title}”? {networks.network_title(recipe.network)}, by {', '.join(titles.values())}."
        workbench.files(
            recipe, f"why_{key}", npz=("Maps", lambda: core.encode_npz(maps)),
            png=("Row as PNG", lambda: workbench.png(recipe, core.tile(row, columns=len(row)))),
            zip_maps=("Each map: PNG, SVG", lambda: reports.each_map(seen, maps, titles, opacity=opacity)),
            zip_latex=(
                "Figure for LaTeX", lambda: reports.latex_figure(seen, maps, titles, caption, opacity=opacity),
            ),
        )  # fmt: skip
    return whole


st.markdown(SAYS)
with st.container(horizontal=True, vertical_alignment="bottom"):
    question = form.question(name, picture)
    places = form.beside(name, picture)
    opacity = forms.choose(
        core.Setting("opacity", "Strength of the overlay", 0.9, (0.25, 0.5, 0.75, 0.9, 1.0)), width=200
    )
    chosen = form.methods(name)
recipes, whole = [], True
for key, (network, photo) in zip("ab", places, strict=False):
    try:
        recipes.append(question.recipe(network, photo, chosen))
        whole = show_row(recipes[-1], key) and whole
    except ValueError as error:
        notices.not_here(error)
with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    st.caption("against", width="content")
    st.image(figures.evidence_scale(opacity), width=160, alt="Colours from against to for")
    st.caption("for. The scale of each map ends at its own 99th percentile.", width="content")
if not recipes:
    st.stop()
closer = forms.choose(core.Setting("closer", "Look closer", "hide", tuple(PANELS)), names=lambda one: PANELS[one][0])
try:
    if whole:  # what is closer would compute the others, which somebody stopped
        PANELS[closer][1](recipes[0], overlay)
except ValueError as error:
    notices.not_here(error)
for one in recipes:
    workbench.code(one)
