"""Robust accuracy on the page of adversarial examples: curves of one network or of twins, numbers, classes, files."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import core
from dashboard.panels.robustness import as_csv
from dashboard.server import jobs
from dashboard.server.evaluations import Attacked, true_labels

Opener = Callable[..., AppTest]
Words = Callable[[AppTest], str]
FEW = {"view": "set", "count": "8", "attacks_linf": "fgsm|apgd_ce", "epsilons_linf": "1/255|4/255"}


@pytest.fixture(autouse=True)
def nothing_measured() -> None:
    jobs.TABLE.forget(lambda key: key[0] == "robust")


def test_the_twins_are_measured_beside_each_other(open_page: Opener, words: Words) -> None:
    app = open_page("attack", twin="lens5_robust", **FEW)
    assert not app.exception and not app.get("plotly_chart"), "nothing runs before somebody asks"
    app.button(key="measure").click().run()
    assert not app.exception and not app.error
    found = {job.key[1]: job.latest for job in jobs.TABLE.all() if job.key[0] == "robust"}
    assert set(found) == {"lens5_standard", "lens5_robust"} and all(one.progress == 1 for one in found.values())
    assert found["lens5_robust"].together[-1] > found["lens5_standard"].together[-1], "that is what it was trained for"
    assert "right is: the network's own answers" in words(app)
    tables = [one.value for one in app.dataframe]
    assert [list(one["attack"]) for one in tables if "attack" in one] == [["FGSM", "APGD", "All together"]] * 2
    assert sum("class" in one for one in tables) == 2
    app.select_slider(key="attack.count").set_value(16).run()
    assert not app.exception and "measure" not in app.query_params and not app.dataframe, "other settings begin nothing"
    assert len([job for job in jobs.TABLE.all() if job.key[0] == "robust"]) == 2
    asked = Attacked("photos", 8, "linf", ("fgsm", "apgd_ce"), (1.0, 4.0))
    lines = as_csv(asked, found["lens5_robust"], ["0", "1/255", "4/255"]).decode().splitlines()
    assert lines[0] == "attack,epsilon,accuracy,confidence" and len(lines) == 10 and lines[1].startswith("fgsm,0,1.0,")


@pytest.mark.parametrize("nonsense", [{"attacks_linf": ""}, {"epsilons_linf": "x"}, {"measured_in": "l9"}])
def test_nonsense_in_the_address_is_no_trace(open_page: Opener, nonsense: dict[str, str]) -> None:
    app = open_page("attack", **{**FEW, **nonsense})
    assert not app.exception and not app.error


def test_a_public_server_measures_no_more_than_it_says(open_page: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSCOPE_MODE", "public")
    app = open_page("attack", view="set", set="digits", count="128", measure="1")
    assert not app.exception and "Expected at most 500 attacked pictures (128 by 5 attacks" in app.error[0].value
    assert not [job for job in jobs.TABLE.all() if job.key[0] == "robust"]


def test_true_classes_are_read_from_folders_and_files() -> None:
    labels = ["goldfish", "sports car"]

    def named(*titles: str) -> core.PictureSet:
        return core.as_set(np.zeros((len(titles), 4, 4, 3), np.float32), titles=titles)

    assert list(true_labels(labels, named("Sports_Car/1.jpg", "x/goldfish.png", "goldfish/7.png"))) == [1, 0, 0]
    assert true_labels(labels, named("goldfish/1.jpg", "tench/1.jpg")) is None
