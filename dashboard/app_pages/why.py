"""Which pixels an answer depends on, by nine methods side by side: attribution."""

import numpy as np
import streamlit as st

import core
from dashboard import address, components, figures, runtime

CLOSER = {
    "truth": "Does it depend on the network?", "curves": "Insertion and deletion", "hide": "Hide a part",
    "code": "Show the code",
}  # fmt: skip
CURVED = ("gradient", "grad_cam", "integrated", "smooth", "occlusion")
SCRIPT = """\
from pathlib import Path

import core

net = core.load("{network}")
photo = core.seen_by(net, {photo})
for method in core.METHODS:
    found = core.attribute(net, photo, {target}, method=method)
    print(method, found.shape, found.min(), found.max())
"""

name, picture = runtime.chosen()
net = runtime.network(name)
WHOLE = core.seen_by(net, runtime.picture(picture))


def choose() -> tuple[int, float, str]:
    """Class, strength of the overlay, and the network to compare with, if any."""
    own = runtime.prediction(name, picture)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = address.choice(
            st.selectbox, "Why", ["", *net.labels], key="explain", default="", width=300,
            format_func=lambda one: one or f"its own answer: {own[0][0]} ({own[0][1]:.0%})",
        )  # fmt: skip
        others = ["", *(one for one in core.available() if one != name)]
        other = address.choice(
            st.selectbox, "Beside", others, key="why_beside", default="", width=240,
            format_func=lambda one: runtime.network_title(one) if one else "this network only",
        )  # fmt: skip
        opacity = address.choice(
            st.select_slider, "Strength of the overlay", (0.25, 0.5, 0.75, 0.9, 1.0), key="why_opacity", default=0.9,
            width=240,
        )  # fmt: skip
    return net.labels.index(label or own[0][0]), opacity, other


def show_methods(network: str, target: int) -> None:
    """All methods in rows, on one scale."""
    st.markdown(f"**{runtime.network_title(network)}: why “{net.labels[target]}”?**")
    methods = list(core.METHODS.items())
    for first in range(0, len(methods), 5):
        for column, (key, method) in zip(st.columns(5), methods[first : first + 5], strict=False):
            with column:
                found = runtime.explanation(network, picture, target, key)
                shown = figures.evidence(figures.enlarged(WHOLE[0], 256), figures.enlarged(found, 256), opacity)
                st.image(shown, width="stretch", alt=f"{method.title} for {net.labels[target]}")
                st.caption(method.title, help=method.says)


def show_truth(target: int) -> None:
    """Every map beside that of the network with shuffled weights."""
    st.markdown("A map that stays when all weights are shuffled shows the picture, and not the network's reasons "
                "([Adebayo et al., 2018](https://arxiv.org/abs/1810.03292)).")  # fmt: skip
    rows = []
    try:
        with st.spinner("Nine methods on a shuffled network…", show_time=True):
            for key, method in core.METHODS.items():
                own = runtime.explanation(name, picture, target, key)
                other = runtime.shuffled_explanation(name, picture, target, key)
                rows.append((method.title, own, other, core.similarity(own, other)))
    except ValueError as error:
        st.info(str(error), icon=":material/info:")
        return
    base = figures.enlarged(WHOLE[0], 256)
    for first in range(0, len(rows), 3):
        for column, (title, own, other, alike) in zip(st.columns(3), rows[first : first + 3], strict=False):
            both = [figures.evidence(base, figures.enlarged(one, 256), opacity) for one in (own, other)]
            column.image(np.concatenate(both, axis=1), width="stretch", alt=f"{title}: trained, and shuffled")
            column.caption(f"{title}: {alike:.2f} alike (trained | shuffled)")


def show_curves(target: int) -> None:
    """How fast the answer comes and goes with the pixels that each map calls important."""
    rises, falls = {}, {}
    for key in CURVED:
        found = runtime.explanation(name, picture, target, key)
        title = core.METHODS[key].title
        rises[title], falls[title] = core.insertion_deletion(net, WHOLE, target, found)
    chart = figures.risefall(rises, falls)
    st.plotly_chart(chart, config=figures.PLAIN, key="risefall", alt="Insertion and deletion curves")
    st.caption(
        "Full lines: pixels come into a blurred picture, the most important first. Dotted: they go to grey. A map that "
        "tells the truth rises fast and falls fast ([Petsiuk et al., 2018](https://arxiv.org/abs/1806.07421))."
    )


def show_hiding(target: int) -> None:
    """The occlusion map as a wall: a click hides that place."""
    height, width = WHOLE.shape[1:3]
    window = max(1, min(height, width) // 8)
    _, falls = core.occlusion(net, WHOLE, target, window=window, stride=window)
    heat = figures.evidence(
        figures.enlarged(WHOLE[0], 512),
        figures.enlarged(runtime.explanation(name, picture, target, "occlusion"), 512), opacity,
    )  # fmt: skip
    left, middle, right = st.columns(3)
    labels = [f"hidden here, “{net.labels[target]}” falls by {fall:.2f}" for fall in falls.ravel()]
    chosen = min(st.session_state.get("hidden", int(falls.argmax())), falls.size - 1)
    with left:
        components.wall(
            figures.data_url(core.encode_png(heat)), columns=falls.shape[1], labels=labels, chosen=chosen, smooth=True,
            alt="Occlusion map; arrow keys and Enter choose a place to hide", key="hiding",
            on_pick=lambda tile: st.session_state.update(hidden=tile),
        )  # fmt: skip
        st.caption("Click a place to hide it.")
    row, column = (int(place * window + window // 2) for place in divmod(chosen, falls.shape[1]))
    hidden = core.occluded(WHOLE, row, column, window=window)
    middle.image(figures.magnified(hidden[0], 384), width="stretch", alt="The picture with one place hidden")
    chart = figures.chances(core.predict(net, hidden)[0])
    right.plotly_chart(chart, config=figures.PLAIN, key="hidden_answers", alt="Answers")


st.markdown(
    "**Why did it say so?** Nine methods mark the pixels on which an answer depends: red speaks for it, blue against. "
    "They do not agree, and that is worth seeing."
)
if not net.labels:
    st.info("This network has no classes, so there is no answer to explain.")
    st.stop()
target, opacity, beside = choose()
with st.spinner("Nine methods…", show_time=True):
    for network, where in zip([name, beside] if beside else [name], st.columns(2 if beside else 1), strict=True):
        with where:
            if runtime.network(network).labels == net.labels:
                show_methods(network, target)
            else:
                st.info(f"{runtime.network_title(network)} knows other classes.")
closer = address.choice(
    st.segmented_control, "Look closer", list(CLOSER), key="why_closer", default="hide", required=True,
    format_func=CLOSER.__getitem__,
)  # fmt: skip
if closer == "truth":
    show_truth(target)
elif closer == "curves":
    show_curves(target)
elif closer == "hide":
    show_hiding(target)
else:
    own = 'core.open_image("my_picture.jpg")'
    photo = f'core.samples.load("{picture}")' if picture in core.samples.names() else own
    st.code(SCRIPT.format(network=name, photo=photo, target=target), language="python")
