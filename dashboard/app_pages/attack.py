"""A small change of the picture that changes the network's answer: adversarial examples."""

from dataclasses import replace

import numpy as np
import streamlit as st

import core
from dashboard import address, figures, workbench
from dashboard.recipes import AttackRecipe
from dashboard.server import networks, results, uploads

CLOSER = {
    "layers": "Layer by layer", "epsilon": "How much is needed", "transfer": "Other networks", "defences": "Defences",
    "code": "Show the code",
}  # fmt: skip

name, picture = workbench.chosen()
net = networks.network(name)


def choose_size(attack: core.Attack) -> tuple[str, float | None]:
    """Norm and epsilon, where the attack has them."""
    if not attack.norms:
        return "l2", None
    norm = attack.norms[0]
    if len(attack.norms) > 1:
        norm = address.choice(
            st.selectbox, "Norm", list(attack.norms), key="norm", default="linf", width=240,
            format_func=lambda one: f"{core.NORMS[one].title}: {core.NORMS[one].says}",
        )  # fmt: skip
    measure = core.NORMS[norm]
    written = address.choice(
        st.select_slider, "Epsilon", measure.epsilons, key=f"epsilon_{norm}", default=measure.usual, width=240,
        format_func=lambda value: measure.written(measure.radius(value)),
    )  # fmt: skip
    return norm, measure.radius(written)


def choose_recipe() -> AttackRecipe:
    """Everything that a person can set."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        key = address.choice(
            st.selectbox, "Attack", list(core.ATTACKS), key="attack", default="pgd", width=200,
            format_func=lambda one: core.ATTACKS[one].title,
        )  # fmt: skip
        attack = core.ATTACKS[key]
        norm, epsilon = choose_size(attack)
        target = ""
        if attack.targeted is not False:
            anything = [""] if attack.targeted else []
            target = address.choice(
                st.selectbox, "It shall say", [*anything, *net.labels], key="target",
                default=(anything or ["goldfish" if "goldfish" in net.labels else net.labels[0]])[0], width=240,
                format_func=lambda one: one or "anything else",
            )  # fmt: skip
        with st.popover("More", icon=":material/tune:"):
            steps = address.choice(
                st.selectbox, "Steps", (0, 1, 5, 10, 20, 40, 100, 500), key="attack_steps", default=0,
                format_func=lambda one: str(one) if one else "the attack's own",
                disabled=attack.setting("steps") is None,
            )  # fmt: skip
            pixels = address.choice(
                st.select_slider, "Pixels (few pixels)", (1, 3, 5, 10, 20), key="pixels", default=5,
                disabled=attack.setting("pixels") is None,
            )  # fmt: skip
            seed = address.whole_number("Seed", most=9999, key="seed", placeholder="0") or 0
        others = {"": "this network only"} | {
            one: f"{networks.network_title(one)} too" for one in core.available() if one != name
        }
        other = address.choice(
            st.selectbox, "Networks", list(others), key="beside", default="", width=200, format_func=others.__getitem__,
        )  # fmt: skip
    st.session_state.attack_other = other
    chosen = {"seed": seed, "steps": steps or None, "pixels": pixels}
    options = {one: value for one, value in chosen.items() if attack.setting(one) and value is not None}
    return AttackRecipe(name, picture, key, norm, epsilon, target, tuple(options.items()))


def shown(frame: core.Frame) -> np.ndarray:
    """The attacked picture while it changes."""
    return core.to_uint8(core.resize(frame.images.numpy()[:1], height=384, width=384))[0]


def run(recipes: dict[str, AttackRecipe]) -> None:
    """Attack every network in turn."""
    frames = {key: one.run() for key, one in recipes.items()}
    for key in "ab":
        st.session_state.pop(f"growth_attack_{key}", None)
    st.session_state.attacks = recipes
    for key, one in frames.items():
        workbench.run(one, key=f"growth_attack_{key}", mosaic=shown)


def made() -> dict[str, AttackRecipe]:
    """What was attacked in this session."""
    recipes: dict[str, AttackRecipe] = st.session_state.get("attacks", {})
    return {
        key: one
        for key, one in recipes.items()
        if f"growth_attack_{key}" in st.session_state and uploads.there(one.picture)
    }


def answers(network: str, pixels: np.ndarray) -> list[tuple[str, float]]:
    """The five likeliest answers to a picture (1, h, w, 3)."""
    return core.predict(networks.network(network), pixels)[0]


def column(where: st.delta_generator.DeltaGenerator, pixels: np.ndarray, title: str) -> None:
    """One of the three pictures, magnified without smoothing."""
    where.image(figures.magnified(pixels, 384), width="stretch", caption=title, alt=title)


def show(recipe: AttackRecipe, frame: core.Frame, key: str) -> None:
    """Original, perturbation and adversarial picture, with what the network says."""
    origin, label = recipe.photo(), recipe.label()
    found = core.to_float(core.to_uint8(frame.images.numpy()[:1]))
    file = core.encode_png(found[0], metadata={"convscope": recipe.settings()})
    read = core.open_image(file)
    fooled = bool(core.fools(networks.network(recipe.network), read, [label], targeted=bool(recipe.target))[0])
    st.markdown(f"**{networks.network_title(recipe.network)}**")
    if fooled:
        st.success("AttackRecipes the network, verified from the file.", icon=":material/verified:")
    else:
        st.info("The network is not fooled by the file.", icon=":material/shield:")
    if frame.progress < 1:
        st.caption(
            f"Stopped after {frame.step} of {frame.total} steps; the settings and the code are of the whole run."
        )
    scale = st.slider("Strength of the perturbation", 0.0, 2.0, 1.0, 0.05, key=f"strength_{key}")
    scaled = read if scale == 1 else np.clip(origin + np.float32(scale) * (read - origin), 0, 1)
    scaled = core.to_float(core.to_uint8(scaled))
    seen, factor = figures.perturbation(origin[0], read[0])
    columns = st.columns(3)
    column(columns[0], origin[0], "Original")
    column(columns[1], seen, f"Perturbation × {factor:.0f}" if factor >= 2 else "Perturbation")
    column(columns[2], scaled[0], "Adversarial" if scale == 1 else f"{scale:g} times the perturbation")
    for place, pixels, which in ((0, origin, "before"), (2, scaled, "after")):
        figure = figures.probabilities(answers(recipe.network, pixels))
        columns[place].plotly_chart(figure, config=figures.PLAIN, key=f"{which}_{key}", alt=f"Answers {which}")
    with columns[1]:
        sizes = [(norm, float(core.distance(read, origin, norm)[0])) for norm in ("linf", "l2", "l1", "l0")]
        st.markdown(
            f"Largest change: **{sizes[0][1] * 255:.0f}/255**  \nLength (L2): **{sizes[1][1]:.3f}**  \n"
            f"Sum (L1): **{sizes[2][1]:.1f}**  \nPixels changed: **{sizes[3][1]:.0f}** of {origin[0, ..., 0].size}"
        )
        if len(frame.images) > 1:
            show_rate(recipe, frame)
        workbench.download("Adversarial PNG", file, f"adversarial_{key}.png", "image/png")
        workbench.download("Perturbation", core.encode_png(seen), f"perturbation_{key}.png", "image/png")
        workbench.download("Settings as JSON", recipe.settings().encode(), f"attack_{key}.json", "application/json")


def show_rate(recipe: AttackRecipe, frame: core.Frame) -> None:
    """How many of all pictures an attack on many fools."""
    logits = core.logits_of(networks.network(recipe.network), frame.images.numpy()).argmax(axis=1)
    clean = core.logits_of(networks.network(recipe.network), results.every_sample(recipe.network)).argmax(axis=1)
    if core.ATTACKS[recipe.attack].targeted is None or recipe.target:
        hits = int((logits == recipe.label()).sum())
    else:
        hits = int((logits[1:] != clean).sum() + (logits[0] != recipe.label()))
    st.markdown(f"AttackRecipes it on **{hits} of {len(logits)}** pictures: yours and all samples.")


def show_looks(own: core.Classifier, origin: np.ndarray, found: np.ndarray) -> None:
    """Where Grad-CAM says that the network looked for its answer, before and after."""
    columns = st.columns(4)
    for column, pixels, when in zip(columns, (origin, found), ("before", "after"), strict=False):
        answer = int(core.logits_of(own, pixels)[0].argmax())
        looked = figures.enlarged(core.attribute(own, pixels, answer), 256)
        shown = figures.evidence(figures.enlarged(pixels[0], 256), looked, 0.9)
        column.image(shown, width="stretch", alt=f"Grad-CAM {when} the attack")
        column.caption(f"Where it looked for “{own.labels[answer]}”, {when} (Grad-CAM)")


def show_layers(recipe: AttackRecipe, origin: np.ndarray, found: np.ndarray) -> None:
    """Where it looked, and which channels changed most, layer by layer."""
    own = networks.network(recipe.network)
    show_looks(own, origin, found)
    changes = core.changes(own, origin, found, [stage.layer for stage in core.stages(own)])
    figure = figures.stages({layer: float(values.mean()) for layer, values in changes.items()})
    st.plotly_chart(figure, config=figures.PLAIN, key="layer_changes", alt="Mean change of each stage")
    for layer, values in changes.items():
        best = np.argsort(-values)[:5]
        links = ", ".join(
            f"[{channel}](activations?network={recipe.network}&picture={recipe.picture}&layer={layer}&channel={channel})"
            f" ({values[channel]:.1f})"
            for channel in best
        )
        st.markdown(f"**{layer}**: channels {links}")
    st.caption("The change of a channel's map, as a multiple of the layer's usual activation. Small noise grows from "
               "layer to layer until it is the answer.")  # fmt: skip


def show_epsilon(recipe: AttackRecipe, origin: np.ndarray) -> None:
    """Confidence against epsilon, and the least epsilon that does."""
    norm = recipe.norm if core.ATTACKS[recipe.attack].norms else "linf"
    measure = core.NORMS[norm]
    radii = [measure.radius(written) for written in measure.epsilons]
    with st.spinner("Four attacks at every epsilon…", show_time=True):
        curves, least = results.needed(
            recipe.network, recipe.picture, norm=norm, epsilons=tuple(radii), target=recipe.target
        )
    titles = {core.ATTACKS[key].title: values for key, values in curves.items()}
    figure = figures.fading(
        titles, measure.epsilons, f"epsilon ({measure.title}{f', k/{measure.scale}' if measure.scale > 1 else ''})"
    )
    st.plotly_chart(figure, config=figures.PLAIN, key="epsilon_curve", alt="Confidence against epsilon")
    goal = f"say “{recipe.target}”" if recipe.target else "say something else"
    if np.isfinite(least):
        size = measure.written(least)
        st.markdown(
            f"The least epsilon that makes it {goal}: **{size}**, found by bisection with PGD, judged after rounding."
        )
    else:
        st.markdown(f"No epsilon up to 32/255 for every number makes it {goal}.")


def show_transfer(recipe: AttackRecipe, origin: np.ndarray, found: np.ndarray) -> None:
    """What every network says of the same file."""
    rows = []
    for one in networks.known_networks(recipe.network):
        before, after = answers(one, origin)[0], answers(one, found)[0]
        verdict = "fooled" if before[0] != after[0] else "not fooled"
        rows.append({"network": networks.network_title(one), "before": f"{before[0]} ({before[1]:.0%})",
                     "after": f"{after[0]} ({after[1]:.0%})", "": verdict})  # fmt: skip
    st.table(rows)


def show_defences(recipe: AttackRecipe, origin: np.ndarray, found: np.ndarray) -> None:
    """What is left of it after each defence."""
    clean = answers(recipe.network, origin)[0][0]
    rows = []
    for key, (title, _) in core.DEFENCES.items():
        before, after = (answers(recipe.network, core.defended(one, key))[0] for one in (origin, found))
        verdict = "undone" if after[0] == clean else "survives"
        if before[0] != clean:
            verdict += ", but the defence alone changes the answer"
        rows.append({"defence": title, "original": f"{before[0]} ({before[1]:.0%})",
                     "adversarial": f"{after[0]} ({after[1]:.0%})", "the attack": verdict})  # fmt: skip
    st.table(rows)
    st.caption(
        "An attacker who knows the defence attacks through it ([Athalye et al., 2018](https://arxiv.org/abs/1802.00420))."
    )


st.markdown(
    "**What is the smallest change that fools the network?** Changes that people hardly see can turn a sure answer "
    "into another. What is judged here is the file that you can download."
)
if not net.labels:
    st.info("This network has no classes, so there is nothing to fool.")
    st.stop()
recipe = choose_recipe()
st.markdown(core.ATTACKS[recipe.attack].says)
with st.container(horizontal=True, vertical_alignment="center"):
    start = st.button("Run", type="primary", icon=":material/play_arrow:", key="run")
    both = st.button(
        "The standard network and its robust twin", icon=":material/compare:", key="both",
        disabled=len(core.available()) < 2, help="The same attack on both, side by side.",
    )  # fmt: skip
if start or both:
    other = st.session_state.attack_other or next((one for one in core.available() if both and one != name), "")
    with workbench.stoppable(), st.columns([2, 3])[0]:
        run({"a": recipe} | ({"b": replace(recipe, network=other)} if other else {}))

done = made()
if not done:
    column(st.columns(3)[0], recipe.photo()[0], "What the network sees")
for (key, one), where in zip(done.items(), st.columns(max(len(done), 1), gap="large"), strict=False):
    with where:
        show(one, st.session_state[f"growth_attack_{key}"].frame, key)
if "a" in done:
    first = done["a"]
    closer = address.choice(
        st.segmented_control, "Look closer", list(CLOSER), key="closer", default="layers", required=True,
        format_func=CLOSER.__getitem__,
    )  # fmt: skip
    before = first.photo()
    after = core.to_float(core.to_uint8(st.session_state.growth_attack_a.frame.images.numpy()[:1]))
    if closer == "layers":
        show_layers(first, before, after)
    elif closer == "epsilon":
        show_epsilon(first, before)
    elif closer == "transfer":
        show_transfer(first, before, after)
    elif closer == "defences":
        show_defences(first, before, after)
    else:
        st.code(first.script(), language="python")
