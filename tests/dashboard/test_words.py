"""Names from files and addresses are shown as they are: whatever is in them, no Markdown survives."""

from __future__ import annotations

import dataclasses
import html
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as caches
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from streamlit.testing.v1 import AppTest

import core
from dashboard import words
from dashboard.server import cache, networks, uploads

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
SIGNS = st.text(st.sampled_from("*_[]()<>!`$~\\&#|:-+=.1a @\n\t/{}"), max_size=40)
STREAMLIT = re.compile(r":[\w+-]+:|:\w+(-\w+)?\[|https?://|www\.|[-.\w+]+@[-\w]+\.", re.IGNORECASE)
"""Emoji, icons, colours, links, formulas and mail: what Streamlit looks for in text, beside Markdown itself."""


def shown(markdown: str) -> str:
    """What Markdown shows of it, which has to be one paragraph of plain text."""
    tokens = MARKDOWN.parse(markdown)
    assert [one.type for one in tokens] in ([], ["paragraph_open", "inline", "paragraph_close"])
    inner = [child for one in tokens for child in one.children or ()]
    assert {child.type for child in inner} <= {"text", "text_special"}, [child.type for child in inner]
    return html.unescape(MARKDOWN.render(markdown).strip().removeprefix("<p>").removesuffix("</p>"))


def plain(name: str) -> str:
    """A name in one line, without signs that nobody sees."""
    seen = (sign for sign in " ".join(name.split()) if unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Co"))
    return "".join(seen)


@given(st.text(max_size=60) | SIGNS)
@example("**x** [a](http://b) $y$ <b>")
@example(":material/home: :red[stop] :smile: www.example.org me@example.org")
@example("1) a\n---\n    code\n# head\n| a | b |\n|---|---|")
@example("a__b__ __c__ *__x__*")
@example("&lt;b&gt; &#42; ![p](data:x)")
def test_no_markdown_survives(name: str) -> None:
    written = words.text(name)
    assert shown(written).replace(words.JOINER, "").strip() == plain(name).strip()
    assert not STREAMLIT.search(shown(written)) and not re.search(r"(?<!\\)(\\\\)*\$", written)


@given(SIGNS)
def test_nor_beside_other_words(name: str) -> None:
    written = f"The network says **{words.text('a' + name + 'a')}**."
    (inline,) = [one for one in MARKDOWN.parse(written) if one.type == "inline"]
    kinds = [child.type for child in inline.children or () if child.type not in ("text", "text_special")]
    assert kinds == ["strong_open", "strong_close"]


@pytest.mark.parametrize("name", ["conv4_2_relu", "mine.png", "A cup of coffee", "Ärmel, 花 (2)", "a-b"])
def test_ordinary_names_stay_as_they_are(name: str) -> None:
    assert words.text(name) == name


LABEL = "**x** [a](http://b) $y$ <b>"
FRAME = str(Path(__file__).parents[2] / "dashboard" / "frame.py")


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every class and every picture is called ``LABEL``."""
    open_network = networks.network

    def labelled(name: str) -> core.Classifier:
        net = open_network(name)
        return dataclasses.replace(net, labels=(LABEL,) * len(net.labels))

    monkeypatch.setattr(networks, "network", labelled)
    monkeypatch.setattr(uploads, "picture_title", lambda name: LABEL)
    monkeypatch.setattr(core.PictureSet, "title", lambda self, index: LABEL)
    forget()
    yield
    forget()


def forget() -> None:
    """Nothing that was computed under other names is shown under these, nor the other way around."""
    caches.cache_data.clear()
    cache.RESULTS.forget()


def markdown_of(app: AppTest) -> list[str]:
    """Everything on the screen that is read as Markdown."""
    said = [one.value for one in (*app.markdown, *app.caption, *app.subheader, *app.title, *app.error, *app.info)]
    captions = [image.caption for one in app.get("imgs") for image in one.proto.imgs]
    return said + captions + [text for one in app.button for text in (one.label, one.proto.help)]


@pytest.mark.usefixtures("hostile")
@pytest.mark.parametrize(("page", "layer"), [("start", ""), ("activations", "predictions"), ("map", core.LOGITS)])
def test_labels_and_titles_are_shown_as_they_are(page: str, layer: str) -> None:
    app = AppTest.from_file(FRAME, default_timeout=120)
    app.query_params.update({"set": "photos"} | ({"layer": layer} if layer else {}))
    app.run().switch_page(f"app_pages/{page}.py").run()
    assert not app.exception and not app.error
    said = markdown_of(app)
    assert sum(words.text(LABEL) in one for one in said) >= 2, "a class and a picture are named"
    assert not [one for one in said if LABEL in one]
