"""The frame around every page: what the network is, what the picture is, and where one can go."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
if str(HERE.parent) not in sys.path:  # `streamlit run dashboard` puts only this folder on the path
    sys.path.insert(0, str(HERE.parent))

import streamlit as st

st.set_page_config("Convscope", str(HERE / "assets" / "icon.svg"), layout="wide", initial_sidebar_state="collapsed")
st.logo(str(HERE / "assets" / "logo.svg"), size="large")

with st.spinner("Waking up TensorFlow…", show_time=True):
    from dashboard import address, runtime

runtime.spare_keras()
page = st.navigation(
    [
        st.Page(
            "app_pages/start.py",
            title="Start",
            icon=":material/home:",
            help="The network, a picture, and what the network says of it.",
            default=True,
        ),
        st.Page(
            "app_pages/activations.py",
            title="Layer activations",
            icon=":material/grid_view:",
            help="Every channel of every layer, looking at your picture.",
            url_path="activations",
        ),
        st.Page(
            "app_pages/filters.py",
            title="Filter maximization",
            icon=":material/auto_awesome:",
            help="The picture that any unit likes most.",
            url_path="filters",
        ),
        st.Page(
            "app_pages/dream.py",
            title="DeepDream",
            icon=":material/bedtime:",
            help="Your photograph, turned toward what the network sees in it.",
            url_path="dream",
        ),
        st.Page(
            "app_pages/attack.py",
            title="Adversarial examples",
            icon=":material/mood_bad:",
            help="The smallest change of your picture that fools the network.",
            url_path="attack",
        ),
        st.Page(
            "app_pages/why.py",
            title="Why this answer?",
            icon=":material/help_center:",
            help="Which pixels an answer depends on, by nine methods.",
            url_path="why",
        ),
    ],
    position="top",
)
address.begin(page.url_path)


def _take_in(key: str) -> None:
    """A person brought a picture: show it, or say in one sentence why not."""
    file = st.session_state[key]
    if file is None:
        return
    try:
        name = runtime.bring(file.getvalue(), "Camera" if key == "camera" else file.name)
    except ValueError as error:
        st.session_state.refused = f"{runtime.harmless(file.name)}: {error}"
        return
    st.session_state.own_pictures = [*st.session_state.get("own_pictures", ()), name]
    st.session_state.picture = name


if back_to := st.session_state.pop("back_to", None):  # the network that was asked for did not come
    st.session_state.network = back_to
with st.container(horizontal=True, vertical_alignment="bottom"):
    networks = runtime.network_names()
    address.choice(
        st.selectbox, "Network", networks, key="network", default=networks[0], format_func=runtime.network_title,
        width=260,
    )  # fmt: skip
    pictures = runtime.picture_names(st.query_params.get("picture"))
    address.choice(
        st.selectbox, "Picture", pictures, key="picture", default=pictures[0], format_func=runtime.picture_title,
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
    runtime.fetched(st.session_state.network)
except ValueError as error:
    st.session_state.update(refused=str(error), back_to=st.session_state.get("shown_network", networks[0]))
    st.rerun()
st.session_state.shown_network = st.session_state.network
if refused := st.session_state.pop("refused", None):
    st.error(refused, icon=":material/error:")

page.run()
