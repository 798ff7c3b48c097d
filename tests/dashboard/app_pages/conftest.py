"""A page as a person opens it, and a job table that no test leaves full for the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.server import jobs

APP = str(Path(__file__).parents[3] / "dashboard" / "frame.py")
Opener = Callable[..., AppTest]


@pytest.fixture
def open_page() -> Opener:
    """``open_page("filters", steps="16")``: the page with this address, with the small network where it names none."""

    def opened(page: str, **address: str) -> AppTest:
        app = AppTest.from_file(APP, default_timeout=200)
        app.query_params.update({"network": "lens5_standard", **address})
        app.run()
        return app.switch_page(f"app_pages/{page}.py").run()

    return opened


@pytest.fixture
def words() -> Callable[[AppTest], str]:
    """What a page says."""

    def said(app: AppTest) -> str:
        return " ".join(element.value for element in (*app.markdown, *app.caption, *app.subheader, *app.title))

    return said


@pytest.fixture(autouse=True)
def no_runs() -> Iterator[None]:
    """Results are shared by all sessions, so also by all tests, of other files too."""
    jobs.TABLE.forget(lambda key: key[0] == "run")
    yield
    jobs.TABLE.forget(lambda key: key[0] == "run")
