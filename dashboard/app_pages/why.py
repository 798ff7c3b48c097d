"""Which pixels an answer, or any unit, depends on, by nine methods in one row: attribution."""

import numpy as np
import streamlit as st

import core
from dashboard import address, components, figures, workbench
from dashboard.recipes import Explain
from dashboard.server import networks, results, uploads

CLOSER = {
    "hide": "Hide a part", "truth": "Does it depend on the network?", "curves": "Insertion and deletion",
    "code": "Show the code",
}  # fmt: skip
CURVED = ("gradient", "grad_cam", "integrated", "smooth", "occlusion")
SHARES = {0.001: "last layer", 1 / 3: "last third", 2 / 3: "last two thirds", 1.0: "all"}
WINDOWS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 4.0, 8.0, 16.0, 32.0, 64.0)
FILLS = {"grey": "Grey", "black": "Black", "blurred": "Blurred"}

name, picture = workbench.chosen()
net = networks.network(name)


def choose_unit() -> tuple[str, str, int | None]:
    """The layer, the class (empty: the network's own answer) and the channel (None: the strongest)."""
    layers = [one for one, info in net.layers.items() if len(info.shape) in (1, 3)]
    answers = [core.LOGITS] if net.labels else []
    layer = address.choice(
        st.selectbox, "Explain", [*answers, *layers], key="why_layer", default=(answers or layers[-1:])[0], width=260,
        format_func=lambda one: "an answer" if one == core.LOGITS else f"{one} · {net.layer(one).kind}",
    )  # fmt: skip
    if layer != core.LOGITS:
        most = net.layer(layer).channels - 1
        channel = address.whole_number("Channel", most=most, key="why_channel", placeholder="the strongest", width=150)
        return layer, "", channel
    label = address.choice(
        st.selectbox, "Why", ["", *net.labels], key="explain", default="", width=260,
        format_func=lambda one: one or "its own answer: {} ({:.0%})".format(*results.prediction(name, picture)[0]),
    )  # fmt: skip
    return layer, label, None


def choose_beside() -> str:
    """Another network, or another picture, or nothing."""
    others = networks.others(name)
    pictures = [one for one in uploads.picture_names(st.query_params.get("why_beside")) if one != picture]
    titles = {"": "nothing"} | {one: networks.network_title(one) for one in others}
    titles |= {one: f"Picture: {uploads.picture_title(one)}" for one in pictures}
    return address.choice(
        st.selectbox, "Beside", list(titles), key="why_beside", default="", width=260, format_func=titles.__getitem__
    )


def choose_square() -> tuple[float, str]:
    """Window and fill of occlusion."""
    pixels = min(net.size)
    with st.popover("Occlusion", icon=":material/tune:"):
        window = address.choice(
            st.selectbox, "Window", [one for one in WINDOWS if one < pixels], key="why_window", default=1 / 8,
            format_func=lambda one: f"{one:.0f} pixels" if one >= 1 else f"1/{1 / one:.0f} of the side",
        )  # fmt: skip
        fill = address.choice(
            st.segmented_control, "Fill", list(FILLS), key="why_fill", default="grey", required=True,
            format_func=FILLS.__getitem__,
        )  # fmt: skip
    return window, fill


def explain(network: str, photo: str) -> Explain:
    """The unit that was chosen, in one network on one picture. Raises ValueError where the network has no such unit."""
    own = networks.network(network)
    if layer == core.LOGITS:
        wanted = label or results.prediction(network, photo)[0][0]
        if wanted not in own.labels:
            raise ValueError(f"{networks.network_title(network)} knows no “{wanted}”.")
        return Explain(network, photo, layer, own.labels.index(wanted), options)
    unit = channel
    if unit is None:
        own.layer(layer)
        found = results.activations(network, photo, (layer,))[layer]
        unit = int(core.statistics(found).strongest()[0])
    return Explain(network, photo, layer, unit, options)


def overlaid(recipe: Explain, values: np.ndarray, side: int = 256, limit: float | None = None) -> np.ndarray:
    """A map over the picture that it explains."""
    seen = recipe.photo()[0]
    return figures.evidence(figures.enlarged(seen, side), figures.enlarged(values, side), opacity, limit=limit)


def show_row(recipe: Explain, key: str) -> None:
    """All methods in one row, which breaks on a narrow screen, and its files."""
    photo = f" ({uploads.picture_title(recipe.picture)})" if recipe.picture != picture else ""
    st.markdown(f"**{networks.network_title(recipe.network)}: why “{recipe.title}”?**{photo}")
    tiles, maps = [], {}
    with st.container(horizontal=True, gap="xsmall"):
        places = [st.container(width=132, gap="xxsmall") for _ in core.METHODS]
    for place, (method, told) in zip(places, core.METHODS.items(), strict=True):
        try:
            with place, st.spinner(f"{told.title}…"):
                maps[method] = recipe.found(method)
        except ValueError as error:
            place.caption(f"{told.title}: {error}")
            continue
        tiles.append(overlaid(recipe, maps[method]))
        place.image(tiles[-1], width="stretch", alt=f"{told.title} for {recipe.title}")
        place.caption(told.title, help=told.says)
    facts = {"convscope": recipe.settings(), "methods": ", ".join(maps)}
    with st.container(horizontal=True, vertical_alignment="center"):
        row = core.to_float(np.stack(tiles))
        workbench.download(
            "Row as PNG", lambda: core.encode_png(core.tile(row, columns=len(row)), metadata=facts),
            f"why_{key}.png", "image/png",
        )  # fmt: skip
        workbench.download("Maps", lambda: core.encode_npz(maps), f"why_{key}.npz", "application/octet-stream")
        workbench.download("Settings as JSON", recipe.settings().encode(), f"why_{key}.json", "application/json")


def shuffled_maps(recipe: Explain) -> dict[tuple[str, float], np.ndarray]:
    """{(method, share of the layers shuffled): map}: what is there, and what is missing is made unless stopped."""
    if st.session_state.get("truth", (None,))[0] != recipe:
        st.session_state.truth = (recipe, {})
    done: dict[tuple[str, float], np.ndarray] = st.session_state.truth[1]
    missing = [(method, share) for share in SHARES for method in core.METHODS if (method, share) not in done]
    if missing and st.session_state.get("truth_stopped") == recipe:
        st.button("Go on", icon=":material/play_arrow:", on_click=st.session_state.pop, args=("truth_stopped", None))
    elif missing:
        bar, stop = st.progress(0.0), st.empty()
        stop.button("Stop", icon=":material/stop:", on_click=st.session_state.update, args=({"truth_stopped": recipe},))
        for index, (method, share) in enumerate(missing):
            bar.progress(index / len(missing), f"{core.METHODS[method].title}, shuffled: {SHARES[share]}…")
            done[method, share] = recipe.found(method, fraction=share)
        bar.empty()
        stop.empty()
    return done


def show_truth(recipe: Explain) -> None:
    """Every map beside those of the network with more and more layers shuffled, and how like them it is."""
    st.markdown(
        "The weights are shuffled from the last layer down. A map that stays like itself shows the picture, and not "
        "the network's reasons ([Adebayo et al., 2018](https://arxiv.org/abs/1810.03292))."
    )
    done = shuffled_maps(recipe)
    maps = {
        method: [recipe.found(method), *(done[method, share] for share in SHARES if (method, share) in done)]
        for method in core.METHODS
    }
    alike = {
        core.METHODS[method].title: [core.similarity(own, one) for one in rest]
        for method, (own, *rest) in maps.items()
    }  # fmt: skip
    chart = figures.alike(alike, [*SHARES.values()])
    st.plotly_chart(chart, config=figures.PLAIN, key="alike", alt="Similarity against the layers shuffled")
    st.caption(
        f"From left to right: trained; shuffled: {', '.join(SHARES.values())}. The numbers say how alike each is to "
        "the trained one: 1 is the same, 0 is chance (structural similarity)."
    )
    columns = st.columns(2, gap="large")
    for index, ((title, values), row) in enumerate(zip(alike.items(), maps.values(), strict=True)):
        with columns[index % 2]:
            st.markdown(f"{title}: " + " · ".join(f"{value:.2f}" for value in values))
            wall = figures.strip([overlaid(recipe, one, 128) for one in row])
            st.image(wall, width="stretch", alt=f"{title}: trained, and shuffled")


def show_curves(recipe: Explain) -> None:
    """How fast the answer comes and goes with the pixels that each map calls important."""
    if recipe.layer != core.LOGITS:
        st.info("These curves follow the probability of an answer; choose one above.")
        return
    rises, falls = {}, {}
    for method in CURVED:
        title, own = core.METHODS[method].title, networks.network(recipe.network)
        rises[title], falls[title] = core.insertion_deletion(own, recipe.photo(), recipe.unit, recipe.found(method))
    chart = figures.risefall(rises, falls)
    st.plotly_chart(chart, config=figures.PLAIN, key="risefall", alt="Insertion and deletion curves")
    st.caption(
        "Full lines: pixels come into a blurred picture, the most important first. Dotted: they go to grey. A map that "
        "tells the truth rises fast and falls fast ([Petsiuk et al., 2018](https://arxiv.org/abs/1806.07421))."
    )


def show_hiding(recipe: Explain) -> None:
    """The occlusion map of the unit, which answers to a click, and those of the likeliest classes."""
    (own,), (falls,) = results.hiding(
        name, picture, recipe.layer, (recipe.unit,), **recipe.options_of("occlusion")
    )  # fmt: skip
    side = core.window_side(net.size, window)
    rows, columns = falls.shape
    labels = [f"hidden here, “{recipe.title}” falls by {fall:.2f}" for fall in falls.ravel()]
    chosen = min(st.session_state.get("hidden", int(falls.argmax())), falls.size - 1)
    left, middle, right = st.columns(3)
    with left:
        components.wall(
            figures.data_url(core.encode_png(overlaid(recipe, own, 512))), columns=columns, labels=labels,
            chosen=chosen, smooth=True, alt="Occlusion map; arrow keys and Enter choose a place to hide", key="hiding",
            on_pick=lambda tile: st.session_state.update(hidden=tile),
        )  # fmt: skip
        st.caption("Click a place to hide it.")
    row, column = (
        round(place * (length - side) / max(1, count - 1)) + side // 2
        for place, length, count in zip(divmod(chosen, columns), net.size, (rows, columns), strict=True)
    )
    hidden = core.occluded(recipe.photo(), row, column, window=side, fill=fill)
    middle.image(figures.magnified(hidden[0], 384), width="stretch", alt="The picture with one place hidden")
    fall = float(falls.ravel()[chosen])
    middle.caption(f"“{recipe.title}” {'falls' if fall >= 0 else 'rises'} by {abs(fall):.2f} with this place hidden.")
    if net.labels:
        chart = figures.probabilities(core.predict(net, hidden)[0])
        right.plotly_chart(chart, config=figures.PLAIN, key="hidden_answers", alt="Answers")
        show_classes(recipe)


def show_classes(recipe: Explain) -> None:
    """The occlusion map of each of several classes, all from the same hidden pictures, on one scale."""
    likely = dict(results.prediction(name, picture))
    asked = address.several(
        "Classes", net.labels, key="why_classes", default=(), placeholder="the five likeliest", max_selections=9
    )
    classes = asked or list(likely)
    units = tuple(net.labels.index(one) for one in classes)
    maps, _ = results.hiding(name, picture, core.LOGITS, units, **recipe.options_of("occlusion"))
    limit = float(np.percentile(np.abs(maps), 99))
    with st.container(horizontal=True, gap="xsmall"):
        for label, values in zip(classes, maps, strict=True):
            with st.container(width=160, gap="xxsmall"):
                st.image(overlaid(recipe, values, limit=limit), width="stretch", alt=f"Occlusion for {label}")
                st.caption(f"{label} ({likely[label]:.0%})" if label in likely else label)


st.markdown(
    "**Why did it say so?** Nine methods mark the pixels on which an answer depends, or any other unit: red speaks for "
    "it, blue against. They do not agree, and that is worth seeing."
)
with st.container(horizontal=True, vertical_alignment="bottom"):
    layer, label, channel = choose_unit()
    beside = choose_beside()
    opacity = address.choice(
        st.select_slider, "Strength of the overlay", (0.25, 0.5, 0.75, 0.9, 1.0), key="why_opacity", default=0.9,
        width=200,
    )  # fmt: skip
    window, fill = choose_square()
options = (("window", window), ("fill", fill))
places = [(name, picture)]
if beside:
    places.append((beside, picture) if beside in core.available() else (name, beside))
recipes = []
for key, (network, photo) in zip("ab", places, strict=False):
    try:
        recipes.append(explain(network, photo))
        show_row(recipes[-1], key)
    except ValueError as error:
        st.info(str(error), icon=":material/info:")
with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    st.caption("against", width="content")
    st.image(figures.evidence_scale(opacity), width=160, alt="Colours from against to for")
    st.caption("for. Each map ends its scale at its own 99th percentile.", width="content")
if not recipes:
    st.stop()
closer = address.choice(
    st.segmented_control, "Look closer", list(CLOSER), key="why_closer", default="hide", required=True,
    format_func=CLOSER.__getitem__,
)  # fmt: skip
if closer == "code":
    for one in recipes:
        st.code(one.script(), language="python")
else:
    try:
        {"hide": show_hiding, "truth": show_truth, "curves": show_curves}[closer](recipes[0])
    except ValueError as error:
        st.info(str(error), icon=":material/info:")
