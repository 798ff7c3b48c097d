"""The parts that a layer sees: all over the picture in one image, what each is worth, and each with its best crops."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import streamlit as st

import core
from dashboard import figures, forms, reports, words
from dashboard.forms import concepts as form
from dashboard.recipes import Concepts
from dashboard.recipes.base import upto
from dashboard.server import concepts as server
from dashboard.server import limits, networks, sets, uploads

Floats = npt.NDArray[np.float32]
CROPS, LIVE_CROPS = 6, 8
FEWEST_DESIGNS, FEW_DESIGNS = 8, 16
DESIGNS = core.Setting(
    "designs", "Samples of the Sobol index", 32, (FEWEST_DESIGNS, FEW_DESIGNS, 32, 64, 128),
    help="More are more exact, and take longer: each is ten runs from this layer on. CRAFT takes 32.",
)  # fmt: skip
MANY_PLACES = 400
"""Of a map: so far from the answer that each run takes most of the network, and few samples are usual."""
OVER_SET = core.Setting("worth_set", "Over pictures of the set, too", False)


@dataclass(frozen=True, eq=False)
class Shown:
    """The recipe, the pictures of its set if it has one, what was found, and how much of each is on the picture."""

    recipe: Concepts
    pictures: core.PictureSet | None
    found: core.Concepts
    maps: Floats

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells these concepts from others."""
        return _key(self.recipe, self.pictures, self.found)

    @property
    def scaled(self) -> Floats:
        """How much of each concept is at each place of the picture, 1 where it is strongest anywhere."""
        return self.found.scaled(self.maps)

    def crops(self, concept: int, count: int = CROPS) -> tuple[core.ConceptCrops, Floats]:
        """Where a concept is strongest, and these crops."""
        return cut(self.recipe, self.found, self.pictures, concept=concept, count=count)


def cut(
    recipe: Concepts, found: core.Concepts, pictures: core.PictureSet | None, *, concept: int, count: int
) -> tuple[core.ConceptCrops, Floats]:
    """Where a concept is strongest, and these crops (n, h, w, 3)."""
    sources = None if pictures is None else pictures.sources
    crops = core.concept_crops(
        networks.network(recipe.network), found, concept, count=count, sources=sources
    )  # fmt: skip
    over: Any = server.seen(recipe.network, recipe.picture) if pictures is None else pictures
    return crops, crops.cut(over)


def look(recipe: Concepts) -> Shown | None:
    """Find the concepts, which are drawn as they come; None where nothing is found yet. Raises ValueError."""
    pictures = None
    if recipe.source:
        pictures = server.pictures_of(recipe.network, recipe.source, recipe.layer)
        if pictures is None:
            return None
    found = server.found(
        recipe.network, recipe.picture, recipe.layer, recipe.count, pictures=pictures, source=recipe.source,
        show=partial(_live, recipe, pictures),
    )  # fmt: skip
    if found is None:
        return None
    key = _key(recipe, pictures, found)
    return Shown(recipe, pictures, found, server.maps(recipe.network, recipe.picture, found, key=key))


def _key(recipe: Concepts, pictures: core.PictureSet | None, found: core.Concepts) -> tuple[Any, ...]:
    read = None if pictures is None else sets.extent(pictures)
    return recipe.layer, recipe.count, recipe.source or recipe.picture, read, found.done, found.progress


def _live(recipe: Concepts, pictures: core.PictureSet | None, place: Any, found: core.Concepts) -> None:
    """What is found so far."""
    rows = []
    for concept in range(found.count):
        _, crops = cut(recipe, found, pictures, concept=concept, count=LIVE_CROPS)
        rows.append(figures.part_row(None, crops, concept, count=LIVE_CROPS, side=64))
    with place.container():
        st.image(figures.part_rows(rows), alt=f"Concepts after {found.done} pictures: their best crops, row by row")
        st.caption(f"After {found.done:,} pictures: the strongest concept first, each with its best crops.")


def show_picture(shown: Shown) -> None:
    """All concepts over the picture, each in its colour."""
    title = words.text(uploads.picture_title(shown.recipe.picture))
    image = figures.parts(server.seen(shown.recipe.network, shown.recipe.picture)[0], shown.scaled)
    st.image(image, width="stretch", alt=f"{shown.found.count} concepts over {title}, each in its own colour")
    st.caption(
        f"{title}: each place in the colour of the concept of which it has most; the stronger the colour, the more. "
        f"{_told(shown.found)}"
    )


def _told(found: core.Concepts) -> str:
    """How much the concepts leave out."""
    left = f"{found.unexplained:.0%} of the activations' energy is in none of them."
    if found.negative < 0.005:
        return left
    below = f"This layer is also below zero ({found.negative:.0%} of its energy)"
    return f"{left} {below}: concepts are parts of what is above."


def show_worth(shown: Shown) -> core.ConceptImportance | None:
    """What each concept is worth to the answer, on this picture and over the set."""
    one = shown.recipe
    if one.target is None:
        st.info("There is no answer behind this layer to which concepts could be worth something.")
        return None
    label = words.text(networks.network(one.network).labels[one.target])
    st.markdown(f"**What each is worth to “{label}”**")
    place = st.empty()
    height, width = networks.network(one.network).layer(one.layer).shape[:2]
    usual = FEWEST_DESIGNS if height * width > MANY_PLACES else DESIGNS.default
    bounded = replace(DESIGNS, default=usual, choices=upto(DESIGNS.choices or (), limits.limits().designs))
    designs = forms.choose(bounded, widget=st.selectbox, width=220)
    told = server.worth(
        one.network, one.picture, shown.key, one.target, designs=designs, _concepts=shown.found
    )  # fmt: skip
    chart = figures.worth(told.lost, told.sobol)
    place.plotly_chart(chart, config=figures.PLAIN, key="worth", alt="What each concept is worth to the answer")
    st.caption(
        f"On this picture the logit is {told.score:.2f}; with no concept at all it would be {told.rest:.2f}. Lost: how "
        "much it falls when this concept alone is taken out. Total Sobol index: how much of what the answer does, when "
        "every concept is there by a random amount, has to do with this one, alone or together with others "
        "([Fel et al., 2022](https://arxiv.org/abs/2211.10154))."
    )
    return told


def show_worth_over(shown: Shown) -> None:
    """The same over some pictures of the set."""
    one = shown.recipe
    if one.target is None or shown.pictures is None or not forms.choose(OVER_SET):
        return
    told = server.worth_over(
        one.network, shown.pictures, one.target, concepts=shown.found, key=shown.key, designs=FEW_DESIGNS
    )
    if told:
        chart = figures.worth(told.lost.mean(axis=0), told.sobol.mean(axis=0))
        st.plotly_chart(chart, config=figures.PLAIN, key="worth_over", alt="The same, over pictures of the set")
        st.caption(f"Means over {len(told.lost)} pictures of the set, evenly spread.")


def show_cards(shown: Shown, told: core.ConceptImportance | None) -> None:
    """Each concept: where it is on the picture, and its best crops."""
    seen, scaled = server.seen(shown.recipe.network, shown.recipe.picture)[0], shown.scaled
    count = 3 if limits.phone() else CROPS
    order = range(shown.found.count) if told is None else np.argsort(-told.sobol, kind="stable").tolist()
    st.caption(
        "In each row: where the concept is on your picture, then its best crops. The most important comes first."
    )
    columns = st.columns(1 if limits.phone() else 2, gap="large")
    for place, concept in enumerate(order):
        crops, pixels = shown.crops(concept, count)
        first = figures.one_part(seen, scaled[..., concept], concept)
        row = figures.part_row(first, pixels, concept, count=count)
        said = "" if told is None else f": lost {told.lost[concept]:+.2f}, Sobol {told.sobol[concept]:.2f}"
        with columns[place % len(columns)]:
            st.image(row, width="stretch", alt=f"Concept {concept + 1}: on the picture, then {len(pixels)} crops")
            st.caption(f"**Concept {concept + 1}**{said}{_where(shown, crops)}")


def _where(shown: Shown, crops: core.ConceptCrops) -> str:
    """From which pictures the crops are."""
    if not len(crops.which):
        return ". It is nowhere in these pictures."
    if shown.pictures is None:
        return ""
    titles = dict.fromkeys(shown.pictures.title(which) for which in crops.which)
    return ". " + words.text(", ".join(titles))


def show_own(shown: Shown) -> None:
    """Whether the answer depends on a concept that a person gives."""
    one = shown.recipe
    net = networks.network(one.network)
    st.subheader("A concept of your own", anchor=False)
    st.markdown(
        "Stripes, dots, or whatever a folder of your pictures shows: does the answer depend on it? Its direction tells "
        "its pictures from others in this layer; the answer depends on it where it rises along that direction on other "
        "pictures, and does not along random ones ([Kim et al., 2018](https://arxiv.org/abs/1711.11279))."
    )
    concept = form.own_concept()
    if not concept or one.target is None:
        return
    over = shown.pictures or sets.picture_set("samples", net.size)
    if over is None:
        return
    examples = server.example_pictures(one.network, concept)
    if examples is not None:
        few = core.resize(examples[:8], height=96, width=96)
        st.image(core.tile(few, columns=8), width=560, alt="Some pictures of the concept")
    told = server.sensitivity(
        one.network, one.layer, one.target, concept=concept, over=over, over_key=one.source or "samples"
    )
    if told is not None and len(told.scores):
        show_sensitivity(one, told, concept)


def show_sensitivity(one: Concepts, told: core.Tcav, concept: str) -> None:
    """The scores beside those of random directions, and what they say."""
    label = words.text(networks.network(one.network).labels[told.target])
    title = words.text(form.PATTERNS.get(concept) or sets.set_title(concept))
    chart = figures.sensitivity(told.scores, told.random, ("this concept", "random directions"))
    st.plotly_chart(chart, config=figures.PLAIN, key="tcav", alt="Scores of the concept beside random directions")
    knows = f"This layer tells it from other pictures: {told.accuracy.mean():.0%} of held-out ones are right."
    if told.accuracy.mean() < 0.7:
        knows = f"This layer hardly tells it from other pictures ({told.accuracy.mean():.0%} right), so trust no score."
    rises = "rises" if told.score > 0.5 else "falls"
    verdict = (
        f"“{label}” **{rises}** with “{title}”, unlike along random directions"
        if told.significant
        else f"No evidence that “{label}” depends on “{title}”"
    )
    st.markdown(f"{verdict} (p = {told.p_value:.2g}, {len(told.scores)} directions each). {knows}")
    st.caption(
        f"Each point is one direction, against other counterexamples: on how many of {len(told.slopes)} pictures, "
        f"those that the network finds most like “{label}”, its logit rises. Counterexamples are tiles of the sample "
        "photographs; a random direction tells two random halves of them apart. The p-value is Welch's."
    )


def contents(shown: Shown, told: core.ConceptImportance | None) -> reports.Contents:
    """What there is to take away."""
    crops = [shown.crops(concept)[1] for concept in range(shown.found.count)]
    return reports.taken_apart(shown.recipe, shown.found, shown.maps, crops=crops, told=told)
