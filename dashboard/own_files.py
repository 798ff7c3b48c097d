"""A person's own pictures and networks: how they come in, and what the file of a network leaves open."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

import core
from dashboard import address, notices, words
from dashboard.server import networks, results, uploads, user_models


def _take_in(key: str) -> None:
    """A person brought a picture: show it, or say in one sentence why not."""
    file = st.session_state[key]
    if file is not None:
        _bring(file.getvalue(), "Camera" if key == "camera" else file.name)


def take_frame(jpeg: str) -> None:
    """A frame of the live camera, in base64, becomes a picture for every page."""
    try:
        data = base64.b64decode(jpeg)
    except ValueError:  # it came from no page of ours
        data = b""
    if _bring(data, "Live camera"):
        st.toast("Taken: every page looks at it now.", icon=":material/photo_camera:")


def _bring(data: bytes, title: str) -> bool:
    """Show a picture from now on, or say in one sentence why not; whether it is shown."""
    try:
        name = uploads.bring(data, title)
    except ValueError as error:
        st.session_state.refused = f"{title}: {error}"
        return False
    st.session_state.own_pictures = [*st.session_state.get("own_pictures", ()), name]
    st.session_state.picture = name
    return True


def _take_in_network(bring: Callable[[], str]) -> None:
    """A person brought a network: open it, or say in one sentence why not."""
    try:
        name = bring()
    except ValueError as error:
        st.session_state.refused = str(error)
        return
    st.session_state.own_networks = [*st.session_state.get("own_networks", ()), name]
    st.session_state.go_to_network = name


def bring_network() -> None:
    """A file with a network, by upload or by its path."""
    st.caption(
        "A .keras or .h5 file, or Teachable Machine's zip. It is checked before it is opened, and tried in a separate "
        "process first. Even so, open only files that you trust."
    )
    file = st.file_uploader("Upload, up to 200 MB", type=list(core.NETWORK_FILES), key="network_file")
    path = st.text_input("Or its path on this machine", key="network_path", placeholder="~/models/mine.keras")
    if st.button("Open it", icon=":material/folder_open:", key="open_network"):
        with st.spinner("Trying the file in a separate process…", show_time=True):
            if file:
                _take_in_network(lambda: user_models.bring(file.getvalue(), file.name))
            else:
                _take_in_network(lambda: user_models.bring_path(path))
        st.rerun()


def bring_picture() -> None:
    """A picture by upload or camera."""
    st.file_uploader(
        "JPEG, PNG, WebP, GIF, TIFF, ...", type=[*core.PICTURE_FILES, *core.OTHER_PICTURE_FILES], key="upload",
        on_change=_take_in, args=("upload",),
    )  # fmt: skip
    if st.toggle("Use the camera", key="with_camera"):
        st.camera_input("Take a picture", key="camera", on_change=_take_in, args=("camera",))


def _change(own: user_models.Own, **said: Any) -> None:
    """Say something else of the own network, which makes it another one."""
    try:
        changed = user_models.put(replace(own, **said))
    except ValueError as error:
        notices.refused(error)
        return
    st.session_state.own_networks = [*st.session_state.get("own_networks", ()), changed]
    st.session_state.go_to_network = changed
    st.rerun()


def choose_preprocessing(name: str, own: user_models.Own) -> None:
    """Every normalization tried on pictures; the person decides."""
    net = networks.network(name)
    st.subheader("How are its pictures prepared?")
    if not net.has_classes:
        st.markdown(f"Now: {results.prepares(name)}. {words.text(net.card.get('normalization_why', ''))}")
        _prepare_as(own, list(core.NORMALIZATIONS))
        return
    st.markdown(
        "The file does not say in which range of numbers the network expects its pictures. In a wrong one, a network "
        "gives the same answer to everything, or is never sure. Look at its answers, and decide."
    )
    names = uploads.picture_names()
    pictures = address.several(
        "Pictures to try", names, key="tried", default=names[:8], format_func=uploads.picture_title,
    )  # fmt: skip
    known = {}
    with st.expander("I know what they show"):
        for one in pictures:
            label = st.selectbox(uploads.picture_title(one), ["", *net.labels], key=address.session_key(f"truth_{one}"))
            if label:
                known[one] = net.labels.index(label)
    try:
        found = results.preprocessing_findings(name, tuple(known or pictures), tuple(known.values()))
    except ValueError as error:
        notices.not_here(error)
        return
    st.dataframe([results.preprocessing_row(net, one, list(known or pictures)) for one in found], hide_index=True)
    best = found[0].name
    why = "makes the answers that you gave the likeliest" if known else "makes its answers tell the pictures apart best"
    now = f"Now: {results.prepares(name)}. {words.text(net.card.get('normalization_why', ''))}"
    if found[0].sure:
        st.markdown(f"Proposed: **{core.NORMALIZATIONS[best].title}**, which {why}. {now}")
    else:
        st.markdown(
            f"The evidence is thin: **{core.NORMALIZATIONS[best].title}** {why}, but not clearly. Try pictures of the "
            f"kind that the network was trained on, and say above what three of them show, or more. {now}"
        )
    _prepare_as(own, [one.name for one in found])


def _prepare_as(own: user_models.Own, options: Sequence[str]) -> None:
    """One of the normalizations, by name."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wish = st.selectbox(
            "Prepare them as",
            options,
            key=address.session_key("wish"),
            format_func=lambda one: core.NORMALIZATIONS[one].title,
            width=320,
        )
        if st.button("Use this", type="primary", icon=":material/check:"):
            _change(own, normalization=wish)


def choose_output(net: core.Classifier, own: user_models.Own) -> None:
    """Which output answers, and what it is taken for; the person decides."""
    kinds = core.kinds_for(net.output)
    if len(net.outputs) == 1 and len(kinds) == 1:
        return
    st.subheader("What does it give?")
    st.markdown(words.output(net))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        found = {one.name: one for one in net.outputs}
        output = net.output
        if len(found) > 1:
            chosen = st.selectbox(
                "The output that answers", list(found), list(found).index(output.name),
                key=address.session_key("output"), width=320,
                format_func=lambda one: f"{one} ({words.KINDS[found[one].kind]})",
            )  # fmt: skip
            output = found[chosen]
        kinds = core.kinds_for(output)
        now = net.kind if output.name == net.output.name else output.kind
        kind = st.selectbox(
            "It is", kinds, kinds.index(now), key=address.session_key(f"kind_{output.name}"),
            format_func=words.KINDS.__getitem__, width=320,
        )  # fmt: skip
        if st.button("Take it so", icon=":material/check:", key="take_output"):
            kept = own.labels if len(own.labels) == (2 if kind == "binary" else output.units) else ()
            _change(own, output=output.name, kind=kind, labels=kept)


def choose_held(net: core.Classifier, own: user_models.Own) -> None:
    """At what the inputs beside the picture are held."""
    shapes, known = net.card.get("held", {}), dict(own.held)
    if not shapes:
        return
    st.subheader("What do its other inputs get?")
    st.markdown(
        "Beside the picture the network takes what is held at one value: one number for all of it, or as many as it "
        "has, separated by commas."
    )
    said = {}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for name, shape in shapes.items():
            said[name] = st.text_input(
                f"{words.text(name)} ({' × '.join(map(str, shape)) or 'a number'})",
                ", ".join(f"{one:g}" for one in known.get(name, (0.0,))), key=address.session_key(f"held_{name}"),
                width=320,
            )  # fmt: skip
        if st.button("Hold them at these", icon=":material/check:", key="hold"):
            try:
                held = {name: tuple(map(float, one.replace(";", ",").split(","))) for name, one in said.items()}
            except ValueError:
                notices.refused("Expected numbers, separated by commas.")
            else:
                _change(own, held=tuple(held.items()))


def choose_labels(net: core.Classifier, own: user_models.Own) -> None:
    """Labels for the classes, and a size where the network leaves it open."""
    st.subheader("What are its classes called?" if net.has_classes else "What are its numbers called?")
    file = st.file_uploader(
        "A name for each class: text, a table, JSON, Python or YAML",
        type=[*core.LABEL_FILES, "py"], key="label_file",
    )  # fmt: skip
    with st.container(horizontal=True):
        if st.button("Use these names", icon=":material/label:", disabled=file is None) and file:
            try:
                labels = core.read_labels(file.getvalue(), file.name)
            except ValueError as error:
                notices.refused(error)
            else:
                _change(own, labels=labels)
        if len(net.labels) == 1000 and st.button("They are ImageNet's, in Keras's order"):
            _change(own, labels=core.imagenet_labels())
        if own.labels and st.button("Use class numbers"):
            _change(own, labels=())
    if None in net.network.input_shape[1:3]:
        st.subheader("How large should its pictures be?")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            side = st.number_input("Height and width in pixels", 16, 1024, net.size[0], 8, width=240)
            if st.button("Use this size", icon=":material/crop_square:"):
                _change(own, side=int(side))
