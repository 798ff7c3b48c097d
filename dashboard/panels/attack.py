"""An adversarial picture, looked at closer: layer by layer, by epsilon, by other networks, after defences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import streamlit as st

import core
from dashboard import figures, words, workbench
from dashboard.recipes import AttackRecipe
from dashboard.server import jobs, networks, results
from dashboard.server.slot import SLOT

Picture = npt.NDArray[np.float32]
LAYERS = (
    "The change of a channel's map, as a multiple of the layer's usual activation. Small noise grows from layer "
    "to layer until it becomes the answer."
)
KNOWN = (
    "An attacker who knows the defence attacks through it ([Athalye et al., 2018](https://arxiv.org/abs/1802.00420))."
)


def show_looks(own: core.Classifier, origin: Picture, found: Picture) -> None:
    """Where Grad-CAM says that the network looked for its answer, before and after, where it has maps."""
    if not any(layer.spatial for layer in own.layers.values()):
        return
    columns = st.columns(4)
    for column, pixels, when in zip(columns, (origin, found), ("before", "after"), strict=False):
        with SLOT.turn(short=True):
            answer = int(core.logits_of(own, pixels)[0].argmax())
            looked = core.attribute(own, pixels, answer)
        shown = figures.evidence(figures.enlarged(pixels[0], 256), figures.enlarged(looked, 256), 0.9)
        column.image(shown, width="stretch", alt=f"Grad-CAM {when} the attack")
        column.caption(f"Where it looked for “{words.text(own.labels[answer])}”, {when} (Grad-CAM)")


def show_layers(recipe: AttackRecipe, origin: Picture, found: Picture) -> None:
    """Where it looked, and which channels changed most, layer by layer."""
    own, here = networks.network(recipe.network), {"network": recipe.network, "picture": recipe.picture}
    show_looks(own, origin, found)
    changes = core.changes(own, origin, found, [stage.layer for stage in core.stages(own)])
    figure = figures.stages({layer: float(values.mean()) for layer, values in changes.items()})
    st.plotly_chart(figure, config=figures.PLAIN, key="layer_changes", alt="Mean change of each stage")
    for layer, values in changes.items():
        links = (
            f"[{channel}]({words.link('activations', **here, layer=layer, channel=channel)}) ({values[channel]:.1f})"
            for channel in np.argsort(-values)[:5]
        )
        st.markdown(f"**{words.text(layer)}**: channels {', '.join(links)}")
    st.caption(LAYERS)


def show_epsilon(recipe: AttackRecipe, *_: Picture) -> None:
    """Confidence against epsilon, and the least epsilon that does."""
    if not networks.network(recipe.network).has_classes:
        st.info("These curves follow the probability of a class; this network gives numbers.")
        return
    norm = recipe.norm if core.ATTACKS[recipe.attack].norms else next(iter(core.NORMS))
    measure = core.NORMS[norm]
    with st.spinner("Trying the attacks at every epsilon…", show_time=True):
        curves, least = results.needed(
            recipe.network, recipe.picture, norm=norm, epsilons=tuple(map(measure.radius, measure.epsilons)),
            target=recipe.target,
        )  # fmt: skip
    titles = {core.ATTACKS[key].title: values for key, values in curves.items()}
    axis = f"epsilon ({measure.title}{f', k/{measure.scale}' if measure.scale > 1 else ''})"
    chart = figures.fading(titles, measure.epsilons, axis)
    st.plotly_chart(chart, config=figures.PLAIN, key="epsilon_curve", alt="Confidence against epsilon")
    goal = f"say “{words.text(recipe.target)}”" if recipe.target else "say something else"
    if np.isfinite(least):
        st.markdown(
            f"The least epsilon that makes it {goal}: **{measure.written(least)}**, found by bisection with PGD, "
            "judged after rounding."
        )
    else:
        st.markdown(f"No epsilon up to a change of 32/255 in every value makes it {goal}.")


def answer(network: str, pixels: Picture) -> tuple[str, str]:
    """The likeliest answer to a picture (1, h, w, 3), and it with its probability."""
    net = networks.network(network)
    label, value = results.answers(network, pixels, top=1)[0][0]
    return label, f"{label} ({words.value(net, value)})"


def show_transfer(recipe: AttackRecipe, origin: Picture, found: Picture) -> None:
    """What every network says of the same file."""
    rows = []
    for one in networks.known_networks(recipe.network):
        (before, told_before), (after, told_after) = answer(one, origin), answer(one, found)
        rows.append({"network": networks.network_title(one), "before": told_before, "after": told_after,
                     "": "fooled" if before != after else "not fooled"})  # fmt: skip
    st.table(rows)


def show_defences(recipe: AttackRecipe, origin: Picture, found: Picture) -> None:
    """What is left of it after each defence."""
    clean, rows = answer(recipe.network, origin)[0], []
    for key, (title, _) in core.DEFENCES.items():
        before, after = (answer(recipe.network, core.defended(one, key)) for one in (origin, found))
        verdict = "undone" if after[0] == clean else "survives"
        if before[0] != clean:
            verdict += ", but the defence alone changes the answer"
        rows.append({"defence": title, "original": before[1], "adversarial": after[1], "the attack": verdict})
    st.table(rows)
    st.caption(KNOWN)


def show_not_fooled(recipe: AttackRecipe, origin: Picture, found: Picture, key: str) -> None:
    """Why the file does not fool the network, and the smallest epsilon that does, one click away."""
    own, label = networks.network(recipe.network), recipe.label()
    was, now = (
        dict(results.answers(recipe.network, one, top=len(own.labels))[0])[own.labels[label]] for one in (origin, found)
    )
    told = f"“{words.text(own.labels[label])}”"
    if recipe.target:
        why = f"It does not say {told}: the probability went from {was:.1%} to {now:.1%} only"
    else:
        why = f"It still says {told}, with a probability of {now:.0%} instead of {was:.0%}"
    st.info(f"The network is not fooled by the file. {why}. {_reason(recipe)}", icon=":material/shield:")
    search = jobs.follow(
        ("smallest", recipe), recipe.search, say=lambda one: f"Which epsilon is enough? Trying {one.written}",
    )  # fmt: skip
    if search and search.fools:
        st.button(
            f"Fool it: {search.written}", icon=":material/bolt:", key=f"fool_{key}", on_click=workbench.ask,
            kwargs=search.settings(), type="primary", help="The smallest of the usual epsilons that does; tried.",
        )  # fmt: skip
    elif search:
        st.caption(f"No usual epsilon does, up to {search.written}.")


def _reason(recipe: AttackRecipe) -> str:
    """Why an attack with these settings may fail."""
    if recipe.norm == "linf" and recipe.epsilon is not None and recipe.epsilon < 1 / 255:
        return "A file holds whole steps of 1/255, so that smaller changes are lost in it."
    if not core.ATTACKS[recipe.attack].norms:
        return "This attack was led by settings of its own, and has not got there."
    return "What it may change is too little for this network and this picture."


PANELS: dict[str, tuple[str, Callable[..., None]]] = {
    "layers": ("Layer by layer", show_layers), "epsilon": ("How much is needed", show_epsilon),
    "transfer": ("Other networks", show_transfer), "defences": ("Defences", show_defences),
}  # fmt: skip
