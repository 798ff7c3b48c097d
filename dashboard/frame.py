"""The frame around every page: what the network is, what the picture is, and where one can go."""

import sys
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
if str(HERE.parent) not in sys.path:  # `streamlit run dashboard` puts only this folder on the path
    sys.path.insert(0, str(HERE.parent))

import streamlit as st

st.set_page_config("Convscope", str(HERE / "assets" / "icon.svg"), layout="wide", initial_sidebar_state="collapsed")
st.logo(str(HERE / "assets" / "logo.svg"), size="large")

with st.spinner("Waking up TensorFlow…", show_time=True):
    from dashboard import address, words
    from dashboard.server import limits, networks, uploads, user_models

networks.spare_keras()
PAGES = {  # file and address: title, icon, help
    "start": ("Start", "home", "The network, a picture, and what the network says of it."),
    "network": ("The network", "account_tree", "Its facts, its map of layers, and how its pictures are prepared."),
    "activations": ("Layer activations", "grid_view", "Every channel of every layer, looking at your picture."),
    "filters": ("Filter maximization", "auto_awesome", "The picture that any unit likes most."),
    "dream": ("DeepDream", "bedtime", "Your photograph, turned toward what the network sees in it."),
    "attack": ("Adversarial examples", "mood_bad", "The smallest change of your picture that fools the network."),
    "why": ("Why this answer?", "help_center", "Which pixels an answer depends on, by nine methods."),
    "units": ("Top activating patches", "center_focus_strong", "The real pictures that excite each unit most."),
    "inversion": ("Feature inversion", "undo", "What each layer has kept of your picture, drawn again from it alone."),
    "map": ("Map of pictures", "map", "Hundreds of pictures, those that are alike to the network side by side."),
}
page = st.navigation(
    [
        st.Page(
            f"app_pages/{name}.py", title=title, icon=f":material/{icon}:", help=words,
            url_path=None if name == "start" else name, default=name == "start",
        )
        for name, (title, icon, words) in PAGES.items()
    ],
    position="top",
)  # fmt: skip
address.begin(page.url_path or "start")


def _take_in(key: str) -> None:
    """A person brought a picture: show it, or say in one sentence why not."""
    file = st.session_state[key]
    if file is None:
        return
    try:
        name = uploads.bring(file.getvalue(), "Camera" if key == "camera" else file.name)
    except ValueError as error:
        st.session_state.refused = f"{words.harmless(file.name)}: {error}"
        return
    st.session_state.own_pictures = [*st.session_state.get("own_pictures", ()), name]
    st.session_state.picture = name


def _take_in_network(bring: Callable[[], str]) -> None:
    """A person brought a network: open it, or say in one sentence why not."""
    try:
        name = bring()
    except ValueError as error:
        st.session_state.refused = str(error)
        return
    st.session_state.own_networks = [*st.session_state.get("own_networks", ()), name]
    st.session_state.go_to_network = name


def _own_network() -> None:
    """A file with a network, by upload or by its path."""
    st.caption("A .keras or .h5 file. It is read before it is opened, and tried in a process of its own first; still, "
               "open only files that you trust.")  # fmt: skip
    file = st.file_uploader("Upload, up to 200 MB", type=["keras", "h5", "hdf5"], key="network_file")
    path = st.text_input("Or its path on this machine", key="network_path", placeholder="~/models/mine.keras")
    if st.button("Open it", icon=":material/folder_open:", key="open_network"):
        with st.spinner("Trying the file in a process of its own…", show_time=True):
            if file:
                _take_in_network(lambda: user_models.bring(file.getvalue(), file.name))
            else:
                _take_in_network(lambda: user_models.bring_path(path))
        st.rerun()


if go_to := st.session_state.pop("go_to_network", None):  # an own one, or the old one where another did not come
    st.session_state.network = go_to
with st.container(horizontal=True, vertical_alignment="bottom"):
    names = networks.network_names(st.query_params.get("network"))
    address.choice(
        st.selectbox, "Network", names, key="network", default=names[0], format_func=networks.network_title,
        width=260,
    )  # fmt: skip
    if limits.local():
        with st.popover("Your own network", icon=":material/upload_file:"):
            _own_network()
    gone = uploads.missing(st.query_params.get("picture"))
    pictures = uploads.picture_names(st.query_params.get("picture"))
    address.choice(
        st.selectbox, "Picture", pictures, key="picture", default=pictures[0], format_func=uploads.picture_title,
        width=360,
    )  # fmt: skip
    with st.popover("Your own picture", icon=":material/add_photo_alternate:"):
        st.file_uploader(
            "JPEG, PNG, WebP or GIF",
            type=["jpg", "jpeg", "png", "webp", "gif"],
            key="upload",
            on_change=_take_in,
            args=("upload",),
        )
        if st.toggle("Use the camera", key="with_camera"):
            st.camera_input("Take a picture", key="camera", on_change=_take_in, args=("camera",))

try:
    networks.choose(st.session_state.network)
except ValueError as error:
    st.session_state.update(refused=str(error), go_to_network=st.session_state.get("shown_network", names[0]))
    st.rerun()
st.session_state.shown_network = st.session_state.network
if gone:
    st.warning(gone, icon=":material/hide_image:")
if refused := st.session_state.pop("refused", None):
    st.error(words.plain(refused), icon=":material/error:")

page.run()
