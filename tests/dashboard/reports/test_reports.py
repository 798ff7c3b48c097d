"""What is taken away of a result is whole: the page needs nothing else, and the zip's script makes the same again."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import core
from dashboard import reports
from dashboard.recipes import TECHNIQUES, Contributions, Describe, Dream, Look, Recipe
from dashboard.server import uploads

NETWORK = "lens5_standard"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def mine() -> Iterator[str]:
    """A picture of one's own, with a name that means harm."""
    pixels = core.to_uint8(core.shrink(core.samples.load("cat"), max_side=96))
    yield uploads.keep(uploads.Photo(HOSTILE, pixels))
    uploads.BROUGHT.forget()


class Parts(HTMLParser):
    """The tags of a page, with what they point to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def unpacked(data: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(folder)
    return folder


def run(recipe: Recipe) -> list[core.Frame]:
    return [core.last(recipe.run())] if isinstance(recipe, Dream) else []


def test_every_technique_can_be_taken_away() -> None:
    assert set(reports.WAYS) == set(TECHNIQUES) - {"memorize"}, "a page of its own pictures"


def test_contributions_are_taken_away_whole(mine: str) -> None:
    found = reports.contents(Contributions(NETWORK, mine, "conv5_2_relu", 3))
    rows = found.tables["contributions"]
    assert len(rows) == core.load(NETWORK).layer("conv5_2_relu").channels and set(found.pictures) == {"through"}
    total = {one["measure"]: one["value"] for one in found.tables["completeness"]}["sum of contributions"]
    assert sum(one["gives"] for one in rows) == pytest.approx(total, rel=1e-3, abs=1e-3)


def test_a_page_holds_everything_and_runs_nothing(mine: str) -> None:
    recipe = Look(NETWORK, mine, "conv2_relu")
    found = reports.contents(recipe)
    text = reports.html(recipe, found, link="http://localhost:8501/why?network=x").decode()
    tags = Parts(text).tags
    shown = [attributes for tag, attributes in tags if tag == "img"]
    assert len(shown) == len(found.pictures) == 2
    assert all(str(one["src"]).startswith("data:image/png;base64,") and one["alt"] for one in shown)
    assert {tag for tag, _ in tags} & {"script", "link", "iframe"} == set()
    assert not any(name.startswith("on") for _, attributes in tags for name in attributes)
    assert [attributes["href"] for tag, attributes in tags if tag == "a"] == ["http://localhost:8501/why?network=x"]
    assert "Expected" not in text and "onerror=alert" in text, "the name is there, as text"


@pytest.mark.parametrize("kind", ["dream", "activations", "network"])
def test_the_script_and_the_notebook_of_a_zip_run_as_they_are(
    kind: str, mine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe: Recipe = {
        "dream": Dream(NETWORK, mine, 64, steps=2, octaves=1, layers=(("conv3_2_relu", 1.0),), guide="flower"),
        "activations": Look(NETWORK, mine, "conv2_relu"),
        "network": Describe(NETWORK),
    }[kind]
    found = reports.contents(recipe, *([run(recipe)] if run(recipe) else []))
    folder = unpacked(reports.archive(recipe, found, link="x"), tmp_path)
    assert TECHNIQUES[kind].from_settings((folder / "settings.json").read_text()) == recipe
    monkeypatch.chdir(folder)
    notebook = json.loads((folder / "notebook.ipynb").read_text())
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["source"] for cell in cells] == [(folder / "script.py").read_text()]
    exec(cells[0]["source"], {})
    if kind == "dream":
        ours, theirs = (core.open_image(path) for path in (folder / "pictures" / "dream.png", folder / "dream.png"))
        np.testing.assert_allclose(ours, theirs, atol=1.01 / 255)
    elif kind == "activations":
        with np.load(folder / "numbers" / "arrays.npz") as ours, np.load(folder / "activations.npz") as theirs:
            np.testing.assert_allclose(ours["conv2_relu"], theirs["conv2_relu"], rtol=1e-5, atol=1e-6)
    else:
        ours, theirs = (
            list(csv.DictReader(path.open())) for path in (folder / "numbers/layers.csv", folder / "layers.csv")
        )
        assert [row["layer"] for row in ours] == [row["layer"] for row in theirs]
        assert len(ours) == len(core.load(NETWORK).layers)


def test_numbers_are_in_tables_and_in_the_page(mine: str) -> None:
    recipe = Look(NETWORK, mine, "conv2_relu", order="index")
    found = reports.contents(recipe)
    rows = list(csv.DictReader(io.StringIO(reports.table(found.tables["channels"]).decode())))
    numbers = core.statistics(recipe.found())
    assert [int(row["channel"]) for row in rows] == list(range(len(numbers.mean)))
    np.testing.assert_allclose([float(row["mean"]) for row in rows], numbers.mean, rtol=1e-6)
    text = reports.html(recipe, found).decode()
    assert re.search(rf"<td>{numbers.mean[3]:.4g}</td>", text) and "tensorflow" in text and "convscope 0" in text


def test_maps_are_exported_as_png_svg_numbers_and_a_figure_for_latex():
    rng = np.random.default_rng(0)
    picture, maps = rng.random((24, 32, 3), dtype=np.float32), {"one": rng.normal(0, 1, (24, 32)).astype(np.float32)}
    maps["two"] = np.maximum(maps["one"], 0)
    titles = {"one": "Gradient × input", "two": "Grad-CAM"}
    with zipfile.ZipFile(io.BytesIO(reports.each_map(picture, maps, titles))) as packed:
        assert set(packed.namelist()) == {"maps.npz", "one.png", "one.svg", "two.png", "two.svg"}
        np.testing.assert_array_equal(np.load(io.BytesIO(packed.read("maps.npz")))["one"], maps["one"])
        drawn = core.open_image(packed.read("one.png"))[0]
        svg = ElementTree.fromstring(packed.read("one.svg"))
    name = "{http://www.w3.org/2000/svg}"
    groups = [f"{name}g[@id='{one}']" for one in ("picture", "map")]
    below, colours, cover = (
        core.open_image(base64.b64decode(svg.find(path).get("href").split(",")[1]))[0]
        for path in (f"{one}/{name}image" for one in (*groups, f"{name}mask"))
    )
    np.testing.assert_allclose(below * (1 - cover) + colours * cover, drawn, atol=3 / 255)
    with zipfile.ZipFile(io.BytesIO(reports.latex_figure(picture, maps, titles, "Why 50 % & “cat_1”?"))) as packed:
        tex, pdf = packed.read("figure.tex").decode(), packed.read("row.pdf")
        row = core.open_image(packed.read("row.png"))
    assert pdf.startswith(b"%PDF") and row.shape[2] > 2 * row.shape[1]
    assert r"\caption{Why 50 \% \& ``cat\_1''?}" in tex and r"Gradient $\times$ input" in tex
    assert tex.count("{") == tex.count("}") and r"\includegraphics[width=\linewidth]{row.pdf}" in tex
