"""Pictures without a browser: what is written, what is said, and what is refused in one sentence."""

from __future__ import annotations

import csv
import io
import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import core
from dashboard.__main__ import main
from dashboard.command import commands, described, make, options, settings, terminal
from dashboard.recipes import TECHNIQUES, AttackRecipe, Invert, Maximize
from dashboard.server import uploads

TWIN = ["--network", "lens5_standard"]


@pytest.fixture(autouse=True)
def local(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CONVSCOPE_MODE", "local")
    yield
    uploads.BROUGHT.forget()


@pytest.fixture
def photo(tmp_path: Path) -> str:
    """A picture of one's own."""
    path = tmp_path / "photo.png"
    path.write_bytes(core.encode_png(core.shrink(core.samples.load("cat"), max_side=90)[0]))
    return str(path)


def carried(png: Path) -> dict[str, object]:
    """The settings that a PNG carries."""
    return dict(json.loads(core.read_png_metadata(png.read_bytes())["convscope"]))


def test_help_and_commands_name_the_same() -> None:
    assert list(commands.RUN) == list(described.COMMANDS) == list(options.COMMANDS)


def test_the_file_of_settings_says_what_the_catalogues_say() -> None:
    assert settings.FILE.read_text() == settings.collected().as_json(), "python -m dashboard.command.settings"
    assert settings.known() == settings.collected()


@pytest.mark.parametrize("name", described.COMMANDS)
def test_every_command_has_help_of_its_own(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        described.read([name, "--help"])
    assert ended.value.code == 0 and described.COMMANDS[name].says in capsys.readouterr().out


def test_what_nobody_says_is_as_the_pages_have_it(photo: str, tmp_path: Path) -> None:
    make.main(["filters", *TWIN, "--channels", "0-1", "--steps", "2", "-o", str(tmp_path / "out.png")])
    told = carried(tmp_path / "out.png")
    recipe = TECHNIQUES["maximize"].from_settings(json.dumps(told))
    assert recipe == Maximize("lens5_standard", "conv4_2_relu", (0, 1), steps=2)
    make.main(["attack", photo, *TWIN, "--steps", "2", "--epsilon", "4/255", "-o", str(tmp_path / "out.png")])
    told = TECHNIQUES["attack"].from_settings(json.dumps(carried(tmp_path / "out.png")))
    assert isinstance(told, AttackRecipe) and told.epsilon == pytest.approx(4 / 255)
    assert (told.attack, told.norm, told.target, told.options) == ("pgd", "linf", "", (("steps", 2),))


def test_numbers_are_those_of_core(tmp_path: Path, capsys: pytest.CaptureFixture[str], photo: str) -> None:
    make.main(["predict", photo, "coffee", *TWIN, "--top", "3"])
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    net = core.load("lens5_standard")
    for name, picture in ((photo, core.open_image(photo)), ("coffee", core.samples.load("coffee"))):
        said = [(label, float(value)) for of, value, label in lines if of == name]
        assert [label for label, _ in said] == [label for label, _ in core.predict(net, picture, top=3)[0]]
    make.main(["activations", photo, *TWIN, "--layer", "conv2_relu", "-o", str(tmp_path / "a.npz")])
    with np.load(tmp_path / "a.npz") as found:
        seen = core.seen_by(net, core.open_image(photo))
        np.testing.assert_allclose(found["conv2_relu"], core.activations(net, seen, ["conv2_relu"])["conv2_relu"])
    make.main(["invert", photo, *TWIN, "--layers", "conv1_relu", "--steps", "2", "-o", str(tmp_path / "i.csv")])
    (row,) = csv.DictReader(io.StringIO((tmp_path / "i.csv").read_text()))
    assert row["layer"] == "conv1_relu" and 0 < float(row["pixels"]) < 1


def test_every_kind_of_file_is_what_its_ending_says(photo: str, tmp_path: Path) -> None:
    dream = ["dream", photo, *TWIN, "--size", "64", "--octaves", "1", "--steps", "2", "--frames", "3"]
    for ending in ("jpg", "mp4"):
        make.main([*dream, "-o", str(tmp_path / f"out.{ending}")])
    assert core.open_image(tmp_path / "out.jpg").shape[0] == 1
    assert len(core.open_video((tmp_path / "out.mp4").read_bytes()).pictures) == 3
    make.main(["why", photo, *TWIN, "--layer", "conv2_relu", "--channel", "3", "-o", str(tmp_path / "why.json")])
    usual = [one.title for one in core.METHODS.values() if one.usual]
    told = json.loads((tmp_path / "why.json").read_text())
    assert told["layer"] == "conv2_relu" and told["unit"] == 3
    assert [one["method"] for one in told["result"]["maps"]] == usual


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["dream", "gone.png", "-o", "o.png"], "got gone.png, which does not exist"),
        (["dream", "coffee", *TWIN, "-o", "o.xyz"], "Expected an ending of the file among .png, "),
        (["dream", "coffee", *TWIN, "-o", "no/such/o.png"], "Expected a folder that exists for no/such/o.png"),
        (["dream", "coffee", "--network", "lens9", "-o", "o.png"], "Expected a network file, or a name among "),
        (["attack", "coffee", *TWIN, "--attack", "magic", "-o", "o.png"], "Expected an attack among fgsm, "),
        (["attack", "coffee", *TWIN, "--pixels", "3", "-o", "o.png"], "Expected settings of PGD, got 'pixels'"),
        (["filters", *TWIN, "--channels", "99999", "-o", "o.png"], "Expected channel numbers from 0 to"),
        (["filters", *TWIN, "--steps", "0", "-o", "o.png"], "Expected steps from 1 to"),
        (["filters", *TWIN, "--layer", "conv9", "-o", "o.png"], "has no layer 'conv9'"),
        (["why", "coffee", *TWIN, "--why", "unicorn", "-o", "o.png"], "Expected a class of "),
    ],
)
def test_what_cannot_be_made_gets_one_sentence_and_code_1(
    words: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(words)
    said = capsys.readouterr()
    assert ended.value.code == 1 and sentence in said.err and said.err.count("\n") == 1 and said.out == ""
    assert not list(tmp_path.iterdir())


def test_an_unknown_option_of_a_command_gets_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["dream", "coffee", "--setps", "3", "-o", "o.png"])
    assert ended.value.code == 2
    assert "got --setps; did you mean --steps? convscope dream --help lists them." in capsys.readouterr().err


def test_progress_is_for_terminals_only(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.Progress("Dreaming") as bar:
        bar.tell(0.5, "step 1 of 2")
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with terminal.Progress("Dreaming") as bar:
        bar.tell(0.5, "step 1 of 2")
    assert "Dreaming ████████████░░░░░░░░░░░░  50% step 1 of 2" in capsys.readouterr().err


def test_ctrl_c_ends_it_without_a_trace_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The signal comes in the middle of a long run."""
    told: list[float] = []

    def tell(_: terminal.Progress, part: float, what: str = "") -> None:
        told.append(part)
        if what.startswith("step "):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(terminal.Progress, "tell", tell)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["filters", *TWIN, "--channels", "0-1", "--steps", "1000", "-o", "out.png"])
    assert ended.value.code == 130 and 0 < max(told) < 0.1
    assert capsys.readouterr() == ("", "") and not list(tmp_path.iterdir())


def test_inversion_takes_as_many_steps_as_its_page() -> None:
    from dashboard.recipes import usual

    assert usual.inversion_steps(core.load("lens5_standard")) == Invert.steps


def test_very_many_pictures_become_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    for at, one in enumerate(np.random.default_rng(0).random((5, 64, 64, 3), dtype=np.float32)):
        (tmp_path / "in" / f"{at}.png").write_bytes(core.encode_png(one))
    (tmp_path / "in" / "9.png").write_bytes(b"none")
    asked = ["index", str(tmp_path / "in"), *TWIN, "--layer", "conv1_relu", "--top", "2", "-o", str(tmp_path / "out")]
    make.main(asked)
    said = capsys.readouterr().out
    assert "5 pictures were looked at" in said and "1 file could not be read: 9.png" in said
    assert core.read_index(tmp_path / "out").indexes["conv1_relu"].values.shape[1] == 2
    with pytest.raises(ValueError, match="which holds a finished one"):
        make.main(asked)
