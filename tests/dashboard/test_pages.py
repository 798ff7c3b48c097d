"""Every page opens filled, follows the address, and answers bad input with one sentence that costs nothing shown."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext
from streamlit.testing.v1 import AppTest

import core
from core.networks import zoo
from dashboard.server import networks

APP = str(Path(__file__).parents[2] / "dashboard" / "frame.py")
PAGES = ("app_pages/start.py", "app_pages/activations.py", "app_pages/filters.py", "app_pages/dream.py")
PAGES += ("app_pages/attack.py", "app_pages/why.py", "app_pages/units.py", "app_pages/network.py")


SLOW = pytest.mark.slow
HEAVY = ("app_pages/why.py", "app_pages/units.py")

SMALL = "lens5_standard"
"""The network of these tests, where they name no other: a step of the first one in the box takes ten times as long."""


def open_app(page: str | None = None, **address: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=120)
    app.query_params.update({"network": SMALL, **address})
    app.run()
    return app.switch_page(page).run() if page else app


def photo(width: int = 90, height: int = 70, kind: str = "PNG") -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def huge_png() -> bytes:
    """A small file that says it has 60,000 x 60,000 pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return photo()[:12] + header + struct.pack(">I", zlib.crc32(header)) + photo()[33:]


def offered(app: AppTest) -> str:
    """What the component with the thumbnails is told: every picture's title."""
    return next(one.proto.json for one in app.get("bidi_component") if "Picture" in one.proto.json)


def words(app: AppTest) -> str:
    return " ".join(element.value for element in (*app.markdown, *app.caption, *app.subheader, *app.title))


@pytest.mark.parametrize("page", PAGES)
def test_page_opens_filled(page: str) -> None:
    app = open_app(page)
    assert not app.exception and not app.error
    assert app.get("plotly_chart") or app.get("image") or app.get("bidi_component")


def test_start_says_what_the_network_says_and_shows_every_stage() -> None:
    app = open_app()
    net = core.load("lens5_standard")
    best, _ = core.predict(net, core.samples.load(core.samples.names()[0]))[0][0]
    assert f"**{best}**" in words(app)
    for stage in core.stages(net):
        assert stage.says in words(app)


def test_picture_of_the_address_is_shown() -> None:
    app = open_app(picture="coffee")
    assert app.session_state.picture == "coffee"


@pytest.mark.parametrize("nonsense", [{"picture": "../etc/passwd"}, {"network": "none"}, {"picture": "x" * 5000}])
def test_nonsense_in_the_address_falls_back(nonsense: dict[str, str]) -> None:
    app = open_app(**nonsense)
    assert not app.exception
    assert app.session_state.picture == core.samples.names()[0]


def test_layer_and_channel_of_the_address_are_shown() -> None:
    app = open_app("app_pages/activations.py", layer="conv4_2_relu", channel="7")
    assert app.selectbox(key="activations.layer").value == "conv4_2_relu"
    assert app.number_input(key="activations.channel").value == 7
    assert "Channel 7" in words(app)


@pytest.mark.parametrize("channel", ["-1", "99999", "1.5", "nan", "²", "1" * 5000])
def test_impossible_channel_falls_back_to_the_strongest(channel: str) -> None:
    app = open_app("app_pages/activations.py", layer="conv1_relu", channel=channel)
    assert not app.exception
    assert app.number_input(key="activations.channel").value is None


def test_another_layer_forgets_a_channel_that_it_does_not_have() -> None:
    app = open_app("app_pages/activations.py", layer="conv5_2_relu", channel="200")
    app.selectbox(key="activations.layer").set_value("conv1_relu").run()
    assert not app.exception
    assert app.number_input(key="activations.channel").value is None


@pytest.mark.parametrize("layer", list(core.load("lens5_standard").layers))
def test_every_layer_shows(layer: str) -> None:
    app = open_app("app_pages/activations.py", layer=layer)
    assert not app.exception and not app.error
    assert f"**{layer}**" in words(app)


def test_only_the_back_button_makes_an_older_address_right(monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_app("app_pages/activations.py", layer="conv2_relu", channel="7")
    app.query_params.pop("channel")
    app.run()  # a late run whose address the browser had not yet brought up to date
    assert app.number_input(key="activations.channel").value == 7
    app.query_params.pop("channel")
    monkeypatch.setattr(ScriptRunContext, "is_history_navigation", property(lambda _: True, lambda *_: None))
    app.run()
    assert app.number_input(key="activations.channel").value is None
    assert app.selectbox(key="activations.layer").value == "conv2_relu"


def test_click_wins_over_an_address_that_is_older() -> None:
    app = open_app("app_pages/activations.py", layer="conv2_relu", channel="7")
    for channel in (9, 11):
        app.number_input(key="activations.channel").set_value(channel)
        app.query_params["channel"] = "7"
        app.run()
        assert app.number_input(key="activations.channel").value == channel


def test_compare_shows_both_pictures() -> None:
    app = open_app("app_pages/activations.py", picture="cat", other="coffee")
    assert not app.exception
    shown = words(app)
    assert all(
        f"on **{sample.title}**" in shown for sample in core.samples.samples() if sample.name in ("cat", "coffee")
    )


def test_first_layer_weights_open_on_demand() -> None:
    app = open_app("app_pages/activations.py")
    before = len(app.get("image"))
    app.session_state["activations.below"] = "weights"
    app.run()
    assert not app.exception
    assert len(app.get("image")) == before + 1


def test_own_picture_becomes_the_picture() -> None:
    app = open_app("app_pages/activations.py")
    app.file_uploader(key="upload").upload("mine.png", photo()).run()
    assert not app.error
    assert app.session_state.picture not in core.samples.names()
    assert "on **mine.png**" in words(app)


def test_own_picture_is_there_for_whoever_has_its_address() -> None:
    first = open_app("app_pages/activations.py")
    first.file_uploader(key="upload").upload("mine.png", photo()).run()
    name = first.session_state.picture
    assert "mine.png" in offered(first) and "mine.png" not in offered(open_app())
    second = open_app("app_pages/activations.py", picture=name)
    assert second.session_state.picture == name


def test_name_of_a_file_cannot_format_the_page() -> None:
    app = open_app("app_pages/activations.py")
    app.file_uploader(key="upload").upload("a**b[c](d)<i>$x$.png", photo(91)).run()
    assert "on **a··b·c··d··i··x·.png**" in words(app)


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("text.png", b"hello", "Expected a JPEG, PNG, WebP or GIF picture"),
        ("empty.png", b"", "got an empty file"),
        ("cut.jpg", photo(kind="JPEG")[:900], "cut off or damaged"),
        ("huge.png", huge_png(), "megapixels"),
        ("heavy.png", b"\x89PNG" + bytes(11 * 2**20), "MB"),
    ],
)
def test_broken_file_gets_one_sentence_and_the_screen_stays(name: str, data: bytes, sentence: str) -> None:
    app = open_app(picture="coffee")
    shown = words(app)
    app.file_uploader(key="upload").upload(name, data).run()
    assert not app.exception
    (error,) = app.error
    assert sentence in error.value and name in error.value
    assert app.session_state.picture == "coffee"
    assert words(app) == shown
    app.run()
    assert not app.error


def test_keras_survives_a_script_run() -> None:
    """Streamlit calls keras.backend.clear_session after every run, which would begin the layers' names anew."""
    before = keras.layers.Dense(1).name
    open_app()
    after = keras.layers.Dense(1).name
    assert int(after.split("_")[-1]) > int(before.split("_")[-1] if "_" in before else 0)


def test_streamlit_still_clears_keras() -> None:
    """When this fails, Streamlit has stopped calling clear_session and networks.spare_keras can go."""
    from streamlit.runtime.scriptrunner import script_runner

    assert "clear_session" in Path(script_runner.__file__).read_text()


def test_network_that_does_not_come_says_so_and_the_old_one_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(name: str, *_: object) -> None:
        raise ValueError("The weights of MobileNetV2 could not be downloaded: put the file a.h5 into b.")

    monkeypatch.setattr(zoo, "_built", offline)
    app = open_app("app_pages/activations.py", network="lens5_robust", layer="conv2_relu")
    shown = words(app)
    app.selectbox(key="network").select("mobilenet_v2").run()
    assert not app.exception and "could not be downloaded" in app.error[0].value
    assert app.selectbox(key="network").value == "lens5_robust" and words(app) == shown
    app.run()
    assert not app.error
    assert not open_app(network="mobilenet_v2").exception, "nor does an address with it break the first screen"


@pytest.fixture
def mobilenet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """MobileNet 0.25 of keras.applications, with random weights."""
    built = zoo._built
    monkeypatch.setattr(zoo, "_built", lambda name, weights, options: built(name, None, options))
    yield
    networks.NETWORKS.forget()


@pytest.mark.usefixtures("mobilenet")
@pytest.mark.parametrize("page", [pytest.param(one, marks=SLOW if one in HEAVY else ()) for one in PAGES])
def test_every_page_works_on_a_network_of_keras(page: str) -> None:
    settings = {"steps": "2", "octaves": "1", "size": "256"} if "dream" in page else {"many": "8"}
    settings |= {"layer": "conv_pw_2_relu", "attack_steps": "2"}
    app = open_app(page, network="mobilenet_0.25", picture="cat", **settings)
    assert not app.exception and not app.error
    assert app.selectbox(key="network").value == "mobilenet_0.25"
    if any(button.key == "run" for button in app.button):
        if "filters" in page:
            app.select_slider(key="filters.steps").set_value(16)
            app.select_slider(key="filters.size").set_value(64)
        app.button(key="run").click().run()
        assert not app.exception and not app.error
