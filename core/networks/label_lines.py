"""Names of classes on lines and in tables, and the numbers beside them."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

Numbered = list[tuple[int, str]]

NAME_WORDS = ("name", "label", "title", "class", "categor", "descri", "text", "breed", "species", "word")
_NUMBER_WORDS = frozenset(
    {"id", "index", "idx", "number", "no", "nr", "class id", "class index", "class idx", "classid", "label id"}
    | {"class number", "category id", "class", "label", "value", "code", "target", "label index", "classindex", "#"}
)
_HEADINGS = frozenset(
    {"name", "names", "label", "labels", "class", "classes", "class name", "class names", "classname", "category"}
    | {"categories", "label name", "label names", "id", "index", "idx", "class id", "classid", "synset", "wnid"}
    | {"description", "class label", "class labels"}
)
CODE = re.compile(r"[A-Za-z]{0,3}[-_]?\d+")


class Gap(Exception):  # noqa: N818 - its words become a sentence in read_labels
    """Numbers that are certainly those of classes, and leave one out or name one twice."""


def clean(label: Any) -> str:
    """A name as one line of text."""
    if not isinstance(label, (str, int, float)):
        raise TypeError(f"a name that is {type(label).__name__}")
    return " ".join(str(label).split())


def lines_of(text: str) -> list[str]:
    """The lines that say something: no empty ones, and no comments at the beginning."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    first = next((index for index, line in enumerate(lines) if not re.match(r"(#|//)\s", line)), 0)
    return lines[first:]


def in_order(numbered: Numbered, *, sure: bool = True) -> list[str] | None:
    """Names by their numbers, which must be all from 0 or 1 on; where they are not, None, or ``Gap`` if ``sure``."""
    numbers = sorted(number for number, _ in numbered)
    if numbers and numbers[0] in (0, 1) and numbers == list(range(numbers[0], numbers[0] + len(numbers))):
        return [label for _, label in sorted(numbered, key=lambda pair: pair[0])]
    if not sure or not numbers:
        return None
    twice = next((number for number, count in Counter(numbers).items() if count > 1), None)
    if twice is not None:
        raise Gap(f"two names for number {twice}")
    if numbers[0] not in (0, 1):
        raise Gap(f"numbers that begin at {numbers[0]} instead of 0 or 1")
    raise Gap(f"none for number {next(a + 1 for a, b in pairwise(numbers) if b != a + 1)}")


def number_of(value: Any) -> int | None:
    """A class number, also where it is written as text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e9:
        return int(value)
    if isinstance(value, int):
        return value if 0 <= value < 10**9 else None
    text = value.strip() if isinstance(value, str) else ""
    return int(text) if re.fullmatch(r"[0-9]{1,9}(?:\.0+)?", text) and "." not in text else None


def from_table(text: str, suffix: str) -> list[str] | None:
    """Names out of a table with two columns or more; None for a text that need not be one."""
    told = re.match(r"sep=(.)\n", text)
    text = text[told.end() :] if told else text
    for delimiter in [told[1]] if told else [",", "\t", ";", "|"]:
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text), delimiter=delimiter)]
        rows = [row for row in rows if any(row)]
        while rows and all(len(row) > 1 and not row[-1] for row in rows):
            rows = [row[:-1] for row in rows]
        width = min(map(len, rows), default=0)
        if width < 2 or len(rows) < 2:
            continue
        columns = Counter(map(len, rows)).most_common(1)[0][0]
        if suffix in (".csv", ".tsv") and any(len(row) != columns for row in rows) and delimiter != "\t":
            rows = _joined(rows, width, delimiter)
        names = _from_columns([list(column) for column in zip(*(row[:columns] for row in rows), strict=False)], suffix)
        if names:
            return names
    return None


def _joined(rows: list[list[str]], width: int, delimiter: str) -> list[list[str]]:
    """Rows in whose last column the delimiter itself occurs, without quotes."""
    return [[*row[: width - 1], f"{delimiter} ".join(row[width - 1 :])] for row in rows]


def _from_columns(columns: list[list[str]], suffix: str) -> list[str] | None:
    """The column that has the names, in the order of the one that has the numbers."""
    heading = _heading(columns)
    words = [column[0].lower().replace("_", " ") if heading else "" for column in columns]
    body = [column[1:] if heading else column for column in columns]
    numbers = next(_number_columns(body, words), None)
    others = [index for index in range(len(body)) if index != numbers]
    texts = [i for i in others if not all(CODE.fullmatch(cell) for cell in body[i])] or others
    if numbers is None and not heading and len(texts) == len(body) and suffix not in (".csv", ".tsv"):
        return None  # commas in a text are commas, as in "tench, Tinca tinca"
    hinted = [i for word in NAME_WORDS for i in texts if word in words[i]]
    apart = [i for i in texts if len(set(body[i])) == len(body[i]) and all(body[i])]
    chosen = body[(hinted or apart or texts)[0]]
    if numbers is None:
        return chosen
    return in_order([(int(number), name) for number, name in zip(body[numbers], chosen, strict=True)])


def _heading(columns: list[list[str]]) -> bool:
    """Whether the first row says what the columns are."""
    for column in columns:
        below = [number_of(cell) for cell in column[1:]]
        if number_of(column[0]) is None and all(one is not None for one in below):
            return True
    return all(column[0].lower().replace("_", " ") in _HEADINGS for column in columns)


def _number_columns(body: list[list[str]], words: list[str]) -> Iterator[int]:
    """Columns that number the classes; one that is headed so, or ascends, counts even where it has gaps."""
    whole = [i for i, column in enumerate(body) if all(number_of(cell) is not None for cell in column)]
    numbers = {i: [int(cell) for cell in body[i]] for i in whole}
    yield from (i for i in whole if in_order([(n, "") for n in numbers[i]], sure=False) is not None)
    if len(whole) < len(body):
        yield from (i for i in whole if words[i] in _NUMBER_WORDS)
        yield from (i for i in whole if numbers[i][0] in (0, 1) and numbers[i] == sorted(set(numbers[i])))


FORMS = (
    r"(?:class|label|id|idx|index)[ _#-]*(?P<number>[0-9]{1,9})\s*[:=,;\t)-]\s*(?P<name>.+)",
    r"[\"'(\[]?(?P<number>[0-9]{1,9})[\"')\]]?\s*(?:[:=,;|\t).]|->|=>|-(?=\s))\s*(?P<name>\S.*)",
    r"(?P<number>[0-9]{1,9})\s+(?P<name>\S.*)",
    r"(?P<name>.*?\S)\s*(?:[:=,;|\t]|->|=>)\s*[\"']?(?P<number>[0-9]{1,9})[\"']?,?",
    r"(?P<name>.*?\S)\s+\(?(?P<number>[0-9]{1,9})\)?",
)
"""A number and a name on one line, from the plainest separator to mere space."""


def from_lines(lines: list[str], suffix: str) -> Sequence[str]:
    """A name on each line, with whatever stands around it on every line."""
    if len(lines) == 1 and re.search(r"[,;\t|]", lines[0]):
        lines = _one_line(lines[0])
    for pattern in (r"[-*\u2022]\s+(.+)", r"n\d{8}[\s,:;]+(.+)"):
        inside = [re.fullmatch(pattern, line) for line in lines]
        if all(inside):
            lines = [match[1] for match in inside if match]
    if len(lines) > 1 and lines[0].lower().strip(":").replace("_", " ") in _HEADINGS:
        lines = lines[1:]
    numbered = numbered_lines(lines)
    lines = numbered if numbered is not None else lines
    return _without(_without(lines, re.compile(r"(.+?),?")), re.compile(r"[\"'\u201c](.*)[\"'\u201d]"))


def _one_line(line: str) -> list[str]:
    """All names on one line."""
    delimiter = next(sign for sign in ";\t|," if sign in line)
    quote = "'" if line.startswith("'") else '"'
    row = next(csv.reader([line], delimiter=delimiter, quotechar=quote, skipinitialspace=True))
    return [cell.strip() for cell in row if cell.strip()]


def numbered_lines(lines: list[str], forms: tuple[str, ...] = FORMS) -> list[str] | None:
    """Names in the order of the numbers before or behind them; None where the lines have none."""
    for index, form in enumerate(forms):
        matches = [re.fullmatch(form, line, re.IGNORECASE) for line in lines]
        pairs = [(int(match["number"]), match["name"].strip()) for match in matches if match]
        behind = index >= 3
        if len(pairs) < len(lines) or (behind and len({name for _, name in pairs}) < len(pairs)):
            continue
        certain = index == 0 or (index == 1 and not any(name[:1].isdecimal() for _, name in pairs))
        names = in_order(pairs, sure=certain and len(pairs) > 1)
        if names is not None:
            return names
    return None


def _without(lines: Sequence[str], wrapping: re.Pattern[str]) -> list[str]:
    """The lines without what wraps every one of them."""
    matches: list[re.Match[str] | None] = [wrapping.fullmatch(line) for line in lines]
    return [match[1] for match in matches if match] if all(matches) else list(lines)
