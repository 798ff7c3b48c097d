"""Every page opens filled, follows the address, and answers bad input with one sentence that costs nothing shown."""

from __future__ import annotations

import inspect
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
from dashboard.server import networks

APP = str(Path(__file__).parents[2] / "dashboard" / "frame.py")
PAGES = ("app_pages/start.py", "app_pages/activations.py", "app_pages/filters.py", "app_pages/dream.py")
PAGES += ("app_pages/attack.py", "app_pages/why.py", "app_pages/units.py", "app_pages/network.py")


SLOW = pytest.mark.slow
HEAVY = ("app_pages/why.py", "app_pages/units.py")


def open_app(page: str | None = None, **address: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=120)
    app.query_params.update(address)
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


def words(app: AppTest) -> str:
    return " ".join(element.value for element in (*app.markdown, *app.caption, *app.subheader, *app.title))


@pytest.mark.parametrize("page", PAGES)
def test_page_opens_filled(page: str) -> None:
    app = open_app(page)
    assert not app.exception and not app.error
    assert app.get("plotly_chart") or app.get("image") or app.get("bidi_component")


def test_start_says_what_the_network_says_and_shows_every_stage() -> None:
    app = open_app()
    net = core.load(core.available()[0])
    best, _ = core.predict(net, core.samples.load(core.samples.names()[0]))[0][0]
    assert f"**{best}**" in words(app)
    for stage in core.stages(net):
        assert stage.says in words(app)


def test_picture_of_the_address_is_shown() -> None:
    app = open_app(picture="coffee")
    assert app.selectbox(key="picture").value == "coffee"


@pytest.mark.parametrize("nonsense", [{"picture": "../etc/passwd"}, {"network": "none"}, {"picture": "x" * 5000}])
def test_nonsense_in_the_address_falls_back(nonsense: dict[str, str]) -> None:
    app = open_app(**nonsense)
    assert not app.exception
    assert app.selectbox(key="picture").value == core.samples.names()[0]


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


@pytest.mark.parametrize("layer", list(core.load(core.available()[0]).layers))
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
    app.session_state["below"] = "First-layer weights"
    app.run()
    assert not app.exception
    assert len(app.get("image")) == before + 1


def test_own_picture_becomes_the_picture() -> None:
    app = open_app("app_pages/activations.py")
    app.file_uploader(key="upload").upload("mine.png", photo()).run()
    assert not app.error
    assert app.selectbox(key="picture").value not in core.samples.names()
    assert "on **mine.png**" in words(app)


def test_own_picture_is_there_for_whoever_has_its_address() -> None:
    first = open_app("app_pages/activations.py")
    first.file_uploader(key="upload").upload("mine.png", photo()).run()
    name = first.selectbox(key="picture").value
    assert "mine.png" not in open_app().selectbox(key="picture").options
    second = open_app("app_pages/activations.py", picture=name)
    assert second.selectbox(key="picture").value == name


def test_name_of_a_file_cannot_format_the_page() -> None:
    app = open_app("app_pages/activations.py")
    app.file_uploader(key="upload").upload("a**b[c](d)<i>$x$.png", photo()).run()
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
    assert app.selectbox(key="picture").value == "coffee"
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


FILTERS = "app_pages/filters.py"
QUICK = {"units": "number", "numbers": "3,5", "layer": "conv2_relu", "steps": "16", "size": "64"}


def test_filters_run_and_go_on() -> None:
    app = open_app(FILTERS, **QUICK)
    app.button(key="run").click().run()
    assert not app.exception and not app.error
    assert app.session_state["growth_a"].frame.step == 16
    app.button(key="more").click().run()
    assert not app.exception and not app.error
    assert app.session_state["growth_a"].frame.step == 46
    assert "46 steps" in words(app)
    assert "steps=46," in app.code[0].value


def test_filters_compare_presets() -> None:
    app = open_app(FILTERS, **QUICK, compare="preset", other_preset="keras")
    app.button(key="run").click().run()
    assert not app.exception and not app.error
    assert {app.session_state[f"growth_{key}"].frame.step for key in "ab"} == {16}
    assert "Keras example, 16 steps" in words(app)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"numbers": "999"}, "Expected channel numbers from 0 to 63, got 999"),
        ({"numbers": "x"}, "Expected channel numbers"),
    ],
)
def test_impossible_filters_get_one_sentence(change: dict[str, str], sentence: str) -> None:
    app = open_app(FILTERS, **{**QUICK, **change})
    assert not app.exception
    (error,) = app.error
    assert sentence in error.value


def test_classes_by_name_begin_with_the_prediction() -> None:
    app = open_app(FILTERS, units="class")
    net = core.load(core.available()[0])
    best, _ = core.predict(net, core.samples.load(core.samples.names()[0]))[0][0]
    assert best in app.multiselect(key="filters.classes").value


DREAM = {"octaves": "1", "steps": "2", "size": "256"}


def test_dream_runs_and_goes_deeper() -> None:
    app = open_app("app_pages/dream.py", picture="cat", **DREAM)
    assert app.button(key="deeper").disabled
    app.button(key="run").click().run()
    assert not app.exception and not app.error
    recipe, frame = app.session_state.dream, app.session_state.growth_dream.frame
    assert (recipe.picture, recipe.octaves, recipe.steps, recipe.rounds) == ("cat", 1, 2, 1)
    assert frame.progress == 1 and max(frame.images.shape) == 256
    app.button(key="deeper").click().run()
    assert app.session_state.dream.rounds == 2
    assert np.abs(app.session_state.growth_dream.frame.images - frame.images).mean() > 0.005
    assert "dreamed on 2 times" in words(app)


def test_dream_follows_the_address() -> None:
    app = open_app(
        "app_pages/dream.py", preset="keras", layers_keras="conv2_relu|conv3_2_relu", weight_keras_conv2_relu="2.5",
        channels="3, 8-9", keep_colours="True", guide="flower", seed="7", rate="4.0", normalize="l2", **DREAM,
    )  # fmt: skip
    app.button(key="run").click().run()
    assert not app.exception and not app.error
    recipe = app.session_state.dream
    assert recipe.layers == (("conv2_relu", 2.5), ("conv3_2_relu", 1.0)) and recipe.channels == (3, 8, 9)
    assert (recipe.keep_colours, recipe.guide, recipe.seed, recipe.normalize) == (True, "flower", 7, "l2")
    assert recipe.step_size == pytest.approx(4 / 255)


def test_surprise_dreams_something_else_at_once() -> None:
    app = open_app("app_pages/dream.py", steps="2", size="256")
    app.button(key="surprise").click().run()
    assert not app.exception and not app.error
    assert app.session_state.dream.seed == app.number_input(key="dream.seed").value
    assert app.session_state.dream.layers and app.session_state.growth_dream.frame.progress == 1


def test_zoom_makes_a_film() -> None:
    app = open_app("app_pages/dream.py", make="zoom", frames="12", **DREAM)
    app.button(key="run").click().run()
    assert not app.exception and not app.error
    assert len(app.session_state.growth_dream.history) == 12 and "12 of 12 frames" in words(app)


def test_own_film_dreams_and_a_broken_one_gets_a_sentence() -> None:
    app = open_app("app_pages/dream.py", make="video", **DREAM)
    app.button(key="run").click().run()
    assert "bring one first" in app.error[0].value
    film = core.encode_mp4(np.random.default_rng(0).random((3, 64, 80, 3), dtype=np.float32))
    uploader = app.get("file_uploader")[-1]
    uploader.upload("film.mp4", film, "video/mp4").run()
    app.button(key="run").click().run()
    assert not app.exception and not app.error
    assert len(app.session_state.growth_dream.history) == 3
    app.get("file_uploader")[-1].upload("cut.mp4", film[:400], "video/mp4").run()
    assert "cut.mp4: Expected a short film" in app.error[0].value
    assert len(app.session_state.growth_dream.history) == 3, "what was there stays"


@pytest.mark.parametrize(
    ("address", "sentence"),
    [({"mask": "nonsense", "where": "painted"}, "Expected a mask"), ({"channels": "9999"}, "Expected channel numbers")],
)
def test_impossible_dreams_get_a_sentence(address: dict[str, str], sentence: str) -> None:
    app = open_app("app_pages/dream.py", **address, **DREAM)
    if not app.error:
        app.button(key="run").click().run()
    assert not app.exception and sentence in app.error[0].value


def test_attack_fools_the_standard_network_and_says_so_from_the_file() -> None:
    app = open_app("app_pages/attack.py", picture="cat", epsilon_linf="2.0")
    app.button(key="run").click().run()
    assert not app.exception and not app.error
    assert "verified from the file" in app.success[0].value
    assert "Largest change: **2/255**" in words(app)
    app.slider(key="strength_a").set_value(0.0).run()
    assert not app.exception


def test_both_networks_side_by_side() -> None:
    app = open_app("app_pages/attack.py", picture="cat", epsilon_linf="0.5")
    app.button(key="both").click().run()
    assert not app.exception and not app.error
    assert [one.network for one in app.session_state.attacks.values()] == list(core.available()[:2])
    assert len(app.info) == 2 and not app.success, "half a step cannot be saved, so nobody is fooled"


@pytest.mark.parametrize("closer", ["layers", "transfer", "defences", "code"])
def test_attack_looked_at_closer(closer: str) -> None:
    app = open_app("app_pages/attack.py", picture="cat", epsilon_linf="4.0", attack="fgsm", closer=closer)
    app.button(key="run").click().run()
    assert not app.exception and not app.error
    assert app.table if closer in ("transfer", "defences") else app.code or app.get("plotly_chart")
    assert ("(Grad-CAM)" in words(app)) == (closer == "layers")


def test_how_much_is_needed() -> None:
    app = open_app("app_pages/attack.py", picture="cat", attack="fgsm", closer="epsilon")
    app.button(key="run").click().run()
    assert not app.exception and "The least epsilon" in words(app)


@pytest.mark.parametrize("attack", list(core.ATTACKS))
def test_every_attack_follows_the_address(attack: str) -> None:
    target = {"target": "pretzel"} if core.ATTACKS[attack].targeted is not False else {}
    app = open_app("app_pages/attack.py", picture="cat", attack=attack, attack_steps="1", seed="3", **target)
    assert core.ATTACKS[attack].says in [one.value for one in app.markdown]
    app.button(key="run").click().run()
    assert not app.exception and not app.error
    recipe = app.session_state.attacks["a"]
    assert (recipe.attack, recipe.target) == (attack, target.get("target", ""))
    options = dict(recipe.options)
    assert options.get("steps", 1) == 1 and options.get("seed", 3) == 3
    assert ("seed" in options) == ("seed" in inspect.signature(core.ATTACKS[attack].run).parameters)


def test_ready_comparison_of_the_twins_explains_itself() -> None:
    app = open_app("app_pages/filters.py", units="number", numbers="3", steps="16", size="64", layer="conv3_2_relu")
    app.button(key="twin").click().run()
    assert not app.exception and not app.error
    assert [one.network for one in app.session_state.filters.values()] == ["lens5_standard", "lens5_robust"]
    assert "arXiv:1906.00945" in app.info[0].value


def test_network_that_does_not_come_says_so_and_the_old_one_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(name: str, *_: object) -> None:
        raise ValueError("The weights of MobileNetV2 could not be downloaded: put the file a.h5 into b.")

    monkeypatch.setattr(core.networks.zoo, "_built", offline)
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
    built = core.networks.zoo._built
    monkeypatch.setattr(core.networks.zoo, "_built", lambda name, weights, options: built(name, None, options))
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


@pytest.mark.parametrize("closer", ["curves", "hide"])
def test_explanations_looked_at_closer(closer: str) -> None:
    app = open_app("app_pages/why.py", picture="cat", explain="pretzel", why_closer=closer, why_beside="lens5_robust")
    assert not app.exception and not app.error
    shown = words(app)
    assert shown.count("why “pretzel”?") == 2 and all(one.title in shown for one in core.METHODS.values())
