"""Which map is right: the table of one picture and the ranking over a set, on the page of explanations."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

import core
from dashboard.panels.comparison import as_csv
from dashboard.server import jobs

Opener = Callable[..., AppTest]
Words = Callable[[AppTest], str]
FEW = {"methods_gradients": "gradient_input", "methods_maps": "eigen_cam", "methods_relevance": "", "tested": "shown"}
FEW |= {"methods_hiding": "", "closer": "right"}
BOX = base64.urlsafe_b64encode(b"\xff" * 128).decode()


@pytest.fixture(autouse=True)
def no_tables() -> None:
    jobs.TABLE.forget(lambda key: key[0] in ("compared", "ranked"))


def test_a_table_of_one_picture_with_a_box_says_which_comes_first(open_page: Opener, words: Words) -> None:
    app = open_page("why", picture="cat", explain="pretzel", box=BOX, **FEW)
    assert not app.exception and not app.error
    (table,) = [one.value for one in app.dataframe if "insertion" in one.value]
    assert set(table["method"]) == {"Gradient × input", "Eigen-CAM"} and set(core.METRICS) <= set(table)
    assert (table["pointing"] == 1).all() and (table["inside"] > 0.99).all(), "the whole picture is painted"
    assert list(table["rank"]) == sorted(table["rank"]) and "comes first on this picture" in words(app)
    app.button(key="clear_box").click().run()
    assert not app.exception and "pointing" not in app.dataframe[-1].value
    (found,) = [job.latest for job in jobs.TABLE.all() if job.key[0] == "compared" and not job.key[-1]]
    header, *rows = as_csv(found).decode().splitlines()
    assert header.startswith("method,mean rank,insertion,deletion,road") and len(rows) == 2


def test_a_set_is_ranked_when_somebody_asks(open_page: Opener, words: Words) -> None:
    app = open_page("why", picture="cat", explain="pretzel", over="set", many="4", **FEW)
    assert not app.exception and not [one for one in app.dataframe if "insertion" in one.value]
    app.button(key="rank").click().run()
    assert not app.exception and not app.error and "comes first over 4 pictures" in words(app)


@pytest.mark.parametrize("nonsense", [{"box": "???"}, {"layer": "conv3_2_relu"}, {"over": "y"}], ids=str)
def test_what_cannot_be_measured_gets_a_sentence_and_nonsense_none(open_page: Opener, nonsense: dict[str, str]) -> None:
    app = open_page("why", picture="cat", **{**FEW, **nonsense})
    assert not app.exception and not app.error
    told = " ".join(one.value for one in app.info)
    assert ("choose one above" in told) == ("layer" in nonsense) and "Expected" not in told
