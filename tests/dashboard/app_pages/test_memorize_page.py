"""The page of learning and memorizing: trains two networks, keeps them for the session, shows them side by side."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import core
from dashboard import workbench
from dashboard.panels import memorize as panels
from dashboard.recipes import Memorize
from dashboard.recipes.memorize import OPTIONS
from dashboard.server import comparisons, labelled, networks, trained

Opener = Callable[..., AppTest]
Words = Callable[[AppTest], str]
SHORT = {"epochs": "10", "width": "4"}
RECIPE = Memorize(epochs=10, width=4)


@pytest.fixture(autouse=True)
def few_digits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Some of the digits only: these tests are of the page."""
    digits = core.digits()
    few = replace(digits, pixels=digits.pixels[:200], labels=digits.labels[:200],
                  test_pixels=digits.test_pixels[:60], test_labels=digits.test_labels[:60])  # fmt: skip
    monkeypatch.setitem(core.LABELLED, "digits", ("Handwritten digits", lambda: few))
    labelled.labelled.clear()
    yield
    labelled.labelled.clear()
    trained.TRAINED.forget()
    networks.NETWORKS.forget(lambda key: str(key).startswith("trained-"))


def test_shows_what_is_told_and_a_finished_run_before_anybody_presses_run(open_page: Opener, words: Words) -> None:
    app = open_page("memorize")
    assert not app.exception and not app.error
    assert words(app).count(":orange[") >= 8 and "~~" in words(app)
    assert "89.05" in words(app) and "9.78" in words(app) and "1,649,402" in words(app)
    assert "A finished run on the digits" in words(app) and len(app.get("plotly_chart")) == 2


def test_runs_keeps_both_networks_and_goes_on(open_page: Opener, words: Words) -> None:
    app = open_page("memorize", **SHORT)
    assert app.button(key="more").disabled
    app.button(key="run").click().run()
    assert not app.exception and not app.error
    pair = workbench.find(RECIPE).latest.frame
    assert {key: frame.epoch for key, frame in pair.frames.items()} == {"a": 10, "b": 10} and pair.progress == 1
    options = app.selectbox(key="network").options
    assert "Handwritten digits: true labels" in options and "Handwritten digits: random labels" in options
    told = app.table[0].value.to_string()
    assert "(95 %: " in told and told.count("not in 10 epochs") == 2
    app.button(key="more").click().run()
    further = workbench.find(replace(RECIPE, extra=20)).latest.frame
    assert not app.exception and {frame.epoch for frame in further.frames.values()} == {30}
    assert {"Handwritten digits: true labels", "Handwritten digits: true labels, at epoch 30"} <= {
        *app.selectbox(key="network").options
    }
    for key, frame in further.frames.items():
        np.testing.assert_array_equal(frame.curves["train_loss"][:10], pair.frames[key].curves["train_loss"])
    assert "extra=20" in app.code[0].value


def test_what_was_stopped_is_shown_and_goes_on(open_page: Opener, words: Words) -> None:
    job = workbench.jobs.open(("run", RECIPE), lambda: workbench.grown(RECIPE, None))
    following = job.follow()
    assert set(next(following).frame.frames) == {"a"}, "the second has not begun"
    following.close()
    app = open_page("memorize", **SHORT)
    assert not app.exception and not app.error and "Stopped: first network: epoch 1" in words(app)
    app.button(key="go_on").click().run()
    assert not app.exception and {frame.epoch for frame in job.latest.frame.frames.values()} == {10}
    whole = core.last(RECIPE.run())
    for key, frame in job.latest.frame.frames.items():
        np.testing.assert_array_equal(frame.curves["train_loss"], whole.frames[key].curves["train_loss"])


def test_figure_1_is_drawn_before_anything_was_run_and_where_it_was_stopped(open_page: Opener) -> None:
    app, settings = open_page("memorize", **SHORT), {name: getattr(RECIPE, name) for name in OPTIONS}
    data = labelled.labelled(RECIPE.data)
    job = workbench.jobs.open(
        ("sweep", RECIPE.data, RECIPE.seed, *settings.items()),
        lambda: core.corruption_sweep(data, seeds=(RECIPE.seed,), **settings),
    )
    job._stopped.add("test session id")
    charts = len(app.get("plotly_chart"))
    app.button(key="draw_sweep").click().run()
    assert not app.exception and not app.error and len(app.get("plotly_chart")) == charts + 1
    assert job.state is workbench.jobs.State.FINISHED
    app.run()
    assert not app.exception and len(app.get("plotly_chart")) == charts + 1, "it stays"


def test_too_large_a_step_is_told(open_page: Opener) -> None:
    app = open_page("memorize", **SHORT, step_size="0.1")
    app.button(key="run").click().run()
    assert not app.exception and "it has learned nothing yet" in app.warning[-1].value


def test_other_pages_open_a_memorizer_in_public_mode_too(open_page: Opener, words: Words) -> None:
    frame = core.last(RECIPE.run()).frames["b"]
    name = RECIPE.keep("b", frame)
    assert name.startswith("trained-") and trained.get(name).frame is frame
    for page in ("why", "activations", "network"):
        app = open_page(page, network=name, picture="cat")
        assert not app.exception and not app.error, page
        assert app.selectbox(key="network").value == name
    classifier = networks.network(name)
    assert classifier.size == (8, 8) and classifier.labels == tuple(map(str, range(10)))
    assert "core.memorize(core.digits(), 'random_labels', width=4, epochs=10)" in networks.loading(name)


@pytest.mark.parametrize("nonsense", ["-1", "nan", "1e9", "", "²", "lies"])
def test_nonsense_in_the_address_falls_back(open_page: Opener, nonsense: str) -> None:
    names = (
        "data",
        "first",
        "second",
        "corruption",
        "width",
        "optimizer",
        "step_size",
        "epochs",
        "seed",
        "more",
        "closer",
    )
    app = open_page("memorize", **dict.fromkeys(names, nonsense))
    assert not app.exception and not app.error


def test_looks_closer(open_page: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparisons, "EPOCHS", 1)
    monkeypatch.setattr(comparisons, "DRAWN_STEPS", 2)
    monkeypatch.setattr(comparisons, "ATTACKED", 4)
    app = open_page("memorize", **SHORT)
    app.button(key="run").click().run()
    shown = {}
    for panel in ("units", "confusion", "map", "distances", "layers", "sweep", "filters"):
        app.selectbox(key="memorize.closer").select(panel).run()
        assert not app.exception and not app.error, panel
        shown[panel] = len(app.get("image")), len(app.get("plotly_chart"))
    images, charts = shown["confusion"][0], shown["units"][1]
    assert {panel: (one - images, other - charts) for panel, (one, other) in shown.items()} == {
        "units": (2, 0), "confusion": (0, 2), "map": (0, 2), "distances": (0, 1), "layers": (0, 1), "sweep": (0, 1),
        "filters": (3, 0),
    }  # fmt: skip


def test_the_files_say_what_was_reached() -> None:
    pair = core.last(RECIPE.run())
    rows = list(csv.DictReader(io.StringIO(panels.curves_csv(pair).decode())))
    assert [(row["network"], row["epoch"]) for row in rows] == [(key, str(n)) for key in "ab" for n in range(1, 11)]
    assert float(rows[-1]["train_loss"]) == pytest.approx(pair.frames["b"].train_loss, rel=1e-4)
    with np.load(io.BytesIO(panels.curves_npz(pair))) as found:
        assert found["a_test_accuracy"][-1] == pytest.approx(pair.frames["a"].test_accuracy)
    assert panels.keras_file(pair.frames["a"])[:2] == b"PK"


def test_what_the_page_shows_first_is_what_the_command_makes() -> None:
    found = json.loads(panels.MEASURED.read_text())
    assert set(found["pair"]) == {"true_labels", "random_labels"} and len(found["sweep"]) == 15
    runs = found["pair"]
    assert all(run["curves"]["train_accuracy"][-1] == 1 and run["fitted"] for run in runs.values())
    assert runs["true_labels"]["curves"]["test_accuracy"][-1] >= 0.95
    errors = [
        np.mean([p["test_error"] for p in found["sweep"] if p["corruption"] == part]) for part in core.CORRUPTIONS
    ]
    assert errors == sorted(errors) and errors[0] < 0.05 < 0.85 < errors[-1]
