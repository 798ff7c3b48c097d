"""The frame around every page: where one can go, what the network is, and what the picture is."""

import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
if str(HERE.parent) not in sys.path:  # `streamlit run dashboard` puts only this folder on the path
    sys.path.insert(0, str(HERE.parent))

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

st.set_page_config("Convscope", str(HERE / "assets" / "icon.svg"), layout="wide")
st.logo(str(HERE / "assets" / "logo.svg"), size="large")
STYLE = """.js-plotly-plot :is([class$=tick], [class$=title], .legend) text, .js-plotly-plot .bartext-outside,
.js-plotly-plot .node-label { fill: currentColor !important; text-shadow: none !important }"""
"""Streamlit draws the words of charts in a faint grey."""
if st.context.theme.type == "dark":  # it writes white on the primary colour, which is light there
    STYLE += "[data-testid=stBaseButton-primary] *, [data-tag] * { color: #101615 }"
st.html(f"<style>{STYLE}</style>")

from dashboard import address, components, figures, first_look, lenses, lessons, notices, own_files, process, words
from dashboard.server import limits, networks, sessions, sets, uploads

process.prepare()
sessions.begin_page()
SECTIONS = {  # file and address: title, icon, help
    "": {"start": ("Start", "home", "The network, a picture, and what the network says about it.")},
    "Learn": {
        "lessons": ("Lessons", "school", "What a network sees, in steps of two minutes, for a class or alone."),
        "memorize": (
            "Learning or memorizing",
            "model_training",
            "Two networks trained here, one on true labels and one on random ones.",
        ),
    },
    "Look inside": {
        "activations": ("Layer activations", "grid_view", "Every channel of every layer, looking at your picture."),
        "units": ("Top activating patches", "center_focus_strong", "The real pictures that excite each unit most."),
        "camera": ("Live camera", "videocam", "The network looks at you, layer by layer, while you move."),
        "map": (
            "Map of pictures",
            "map",
            "Hundreds of pictures; those that the network finds similar lie side by side.",
        ),
        "network": (
            "The network",
            "account_tree",
            "Its facts, the map of its layers, how its pictures are prepared.",
        ),
    },
    "Make pictures": {
        "filters": ("Filter maximization", "auto_awesome", "The picture that a unit responds to most."),
        "dream": ("DeepDream", "bedtime", "Your photograph, turned toward what the network sees in it."),
        "inversion": ("Feature inversion", "undo", "Your picture, redrawn from what one layer has kept of it."),
    },
    "Question the answer": {
        "attack": ("Adversarial examples", "mood_bad", "The smallest change to your picture that fools the network."),
        "contributions": (
            "Which units made it?",
            "account_tree",
            "What each channel of a layer gives to the answer, and what is lost without it.",
        ),
        "concepts": (
            "Concepts",
            "category",
            "The parts that a layer sees, in your picture or in many, and what each is worth.",
        ),
        "why": ("Why this answer?", "help_center", "Which pixels the answer depends on, by nine methods."),
    },
}
NAMED_FOR = {"activations": "Activations", "filters": "Filters", "dream": "DeepDream", "attack": "Attacks"}
"""The four pages that are one tap away on a phone, too, where the sidebar is folded away."""


page = st.navigation(
    {
        section: [
            st.Page(
                f"app_pages/{name}.py", title=title, icon=f":material/{icon}:", help=said,
                url_path=None if name == "start" else name, default=name == "start",
            )
            for name, (title, icon, said) in pages.items()
        ]
        for section, pages in SECTIONS.items()
    },
    expanded=True,
)  # fmt: skip
address.begin(page.url_path or "start")


def by_thumbnail(label: str, options: Sequence[str], *, key: str) -> str:
    """The pictures as thumbnails; a click or Enter chooses one."""
    chosen: str = st.session_state[key]
    components.thumbnails(
        [figures.data_url(uploads.thumbnail(name)) for name in options],
        titles=[uploads.picture_title(name) for name in options],
        chosen=list(options).index(chosen),
        label=label,
        key="thumbnails",
        on_pick=lambda index: st.session_state.update({key: options[index]}),
    )
    return chosen


def choose_network() -> None:
    """The network, or a file of one's own."""
    if go_to := st.session_state.pop("go_to_network", None):  # an own one, or the old one where another did not come
        st.session_state.network = go_to
    names = networks.network_names(st.query_params.get("network"))
    address.choice(
        st.selectbox, "Network", names, key="network", default=names[0], format_func=networks.network_title,
            )  # fmt: skip
    if limits.local():
        with st.popover("Your own network", icon=":material/upload_file:", width="stretch"):
            own_files.bring_network()


def choose_picture() -> None:
    """The picture, or one of one's own."""
    pictures = uploads.picture_names(st.query_params.get("picture"))
    picture = address.choice(by_thumbnail, "Picture", pictures, key="picture", default=pictures[0])
    st.caption(words.text(uploads.picture_title(picture)))
    with st.popover("Your own picture", icon=":material/add_photo_alternate:", width="stretch"):
        own_files.bring_picture()


def short_cuts() -> DeltaGenerator:
    """On a phone: the four pages, and a place for the choice of network and picture, above every page."""
    with st.container(horizontal=True, gap="small"):
        for name, label in NAMED_FOR.items():
            st.page_link(f"app_pages/{name}.py", label=label)
    return st.popover("Network and picture", icon=":material/image:", width="stretch")


def show_until_open() -> None:
    """Where the network is not open yet: what can be shown before. The first page does that by itself."""
    if page.url_path and not networks.is_open(st.session_state.network):
        title, _, says = {name: row for pages in SECTIONS.values() for name, row in pages.items()}[page.url_path]
        first_look.show(title, says, page.url_path)


lenses.came_back(page.url_path)
gone = {
    uploads.missing(st.query_params.get("picture")),
    networks.missing(st.query_params.get("network")),
    *(sets.missing(st.query_params.get(name)) for name in ("set", "concept")),
}
with short_cuts() if limits.phone() else st.sidebar:
    choose_network()
    choose_picture()
before = st.empty()
with before.container():
    show_until_open()
    if page.url_path:
        first_look.open_network()
before.empty()
for sentence in sorted(gone - {""}):
    st.warning(sentence, icon=":material/hide_image:")
if refused := st.session_state.pop("refused", None):
    notices.refused(refused)
lessons.bar()
lenses.way_back(page.url_path)
try:
    page.run()
finally:
    sessions.end_page()
