"""The names of classes, out of the kinds of files in which people keep them; the content decides, the name helps.

Read are: a name on each line, with or without its number before or behind it; tables (CSV in any of its dialects);
JSON, what Python prints of lists and dictionaries, the lists of YAML; label maps of TensorFlow (``.pbtxt``). A number
beside a name is its class: names come in the order of their numbers, which begin at 0 or 1 and leave none out.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from core.networks.label_lines import Gap, clean, from_lines, from_table, lines_of
from core.networks.label_structures import from_bracket, from_json_lines, from_label_map, from_yaml

__all__ = ["LABEL_FILES", "distinct", "read_labels"]

LABEL_FILES = ("txt", "csv", "tsv", "json", "yaml", "yml", "names", "labels", "pbtxt")
"""The usual endings of such files, without their dots."""

LABEL_BYTES = 4 * 2**20

_BINARY = (
    (b"PK\x03\x04", "an Excel workbook or a zip; save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file; save it as CSV or text"),
    (b"\x93NUMPY", "a NumPy file; write the names to a text file, one on each line"),
    (b"\x80", "a pickle, which may run any code; write the names to a text file, one on each line"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"%PDF", "a PDF; copy the names into a text file, one on each line"),
    (b"\x89HDF", "a network or an HDF5 file"),
)


def read_labels(data: bytes, name: str = "labels.txt") -> tuple[str, ...]:
    """The names of classes from a file that a person has, in the order of the classes; no two of them are the same.

    Args:
        data: the content of the file: lines, a table, JSON, or what Python or YAML writes (see the module).
        name: of the file; it decides only where the content could be read in two ways.

    Returns:
        One name for each class. A name that several classes share carries the number of its class: ``crane (134)``.

    Raises:
        ValueError: a file that is none of these, one whose numbers leave out a class or name it twice, or over 4 MB.
    """
    if len(data) > LABEL_BYTES:
        raise ValueError(f"Expected at most {LABEL_BYTES // 2**20} MB of labels, got {len(data) // 2**20} MB")
    file = Path(name).name[:80]
    text = _decoded(data, file).strip("\ufeff\r\n\t \x1a")
    if not text:
        raise ValueError(f"Expected labels as text, CSV or JSON, got {file}, which has none of these: it is empty")
    try:
        labels = [clean(label) for label in _parsed(text, Path(name).suffix.lower())]
    except Gap as error:
        raise ValueError(f"Expected a name for each class in {file}, got {error}") from error
    except (ValueError, TypeError, LookupError, RecursionError, MemoryError, SyntaxError, csv.Error) as error:
        raise ValueError(f"Expected labels as text, CSV or JSON, got {file}, which is none of these") from error
    if not any(labels):
        raise ValueError(f"Expected labels as text, CSV or JSON, got {file}, which has none")
    return distinct(label or f"class {number}" for number, label in enumerate(labels))


def distinct(labels: Iterable[str]) -> tuple[str, ...]:
    """The same names, but where several classes share one, the number of the class behind each: ``crane (134)``."""
    names = tuple(labels)
    seen = Counter(names)
    taken = {name for name in names if seen[name] == 1}
    made = []
    for number, name in enumerate(names):
        one = name if seen[name] == 1 else f"{name} ({number})"
        while one in taken and seen[name] > 1:
            one += f" ({number})"
        taken.add(one)
        made.append(one)
    return tuple(made)


# ----------------------------------------------------------------------------------------------- the bytes


def _decoded(data: bytes, file: str) -> str:
    """The text of a file, in whichever encoding. Raises ValueError for a file that is no text."""
    for head, what in _BINARY:
        if data.startswith(head):
            raise ValueError(f"Expected labels as text, CSV or JSON, got {file}, which is none of these but {what}")
    for encoding in _encodings(data):
        try:
            text = data.decode(encoding)
        except ValueError:
            continue
        if any(sign < " " and sign not in "\t\n\r\f\v\x1a" for sign in text) or "\x7f" in text:
            raise ValueError(f"Expected labels as text, CSV or JSON, got {file}, which has none: it is no text")
        return re.sub(r"\r\n?|[\f\v\x1c-\x1e\x85\u2028\u2029]", "\n", text)
    raise ValueError(f"Expected labels as text, CSV or JSON, got {file}, which is none of these: it is no text")


def _encodings(data: bytes) -> tuple[str, ...]:
    """Those in which it may be written, the likeliest first; a byte order mark leaves no choice."""
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return ("utf-32",)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ("utf-16",)
    for zeros, encoding in ((data[1::2], "utf-16-le"), (data[::2], "utf-16-be")):
        if len(data) % 2 == 0 and zeros.count(0) > 0.4 * len(zeros):
            return (encoding,)
    return ("utf-8-sig", *_east_asian(data), "cp1252")


def _east_asian(data: bytes) -> tuple[str, ...]:
    """Chinese (GBK) or Japanese (Shift-JIS), the likelier first, where bytes above 127 come as such texts have them.

    In Western texts they stand alone between letters; two that stand together are rare.
    """
    runs = re.findall(rb"[\x80-\xff]+", data)
    together = sum(len(run) for run in runs if len(run) > 1)
    found = []
    for encoding, usual in (("shift_jis", _japanese), ("gb18030", _chinese)):
        try:
            text = data.decode(encoding)
        except ValueError:
            continue
        own = [sign for sign in text if sign > "\x7f"]
        fraction = sum(usual(sign) for sign in own) / max(1, len(own))
        if own and fraction > 0.9 and 2 * together > sum(map(len, runs)):
            found.append((fraction, encoding))
    return tuple(encoding for _, encoding in sorted(found, reverse=True))


def _japanese(sign: str) -> bool:
    """Kana, and what a Japanese text has of Chinese signs and of punctuation."""
    return "\u3000" <= sign <= "\u30ff" or _common(sign, "shift_jis", range(0x889F, 0x9873))


def _chinese(sign: str) -> bool:
    """The 3,755 usual signs of Chinese, and its punctuation."""
    return (
        "\u3000" <= sign <= "\u3011" or "\uff01" <= sign <= "\uff5e" or _common(sign, "gb2312", range(0xB0A1, 0xD7FA))
    )


def _common(sign: str, encoding: str, codes: range) -> bool:
    """Whether a sign is among the usual ones: the first level of a national standard."""
    encoded = sign.encode(encoding, "ignore")
    return len(encoded) == 2 and int.from_bytes(encoded, "big") in codes


# ----------------------------------------------------------------------------------------------- which kind


def _parsed(text: str, suffix: str) -> Sequence[Any]:
    if re.match(r"<(\?xml|!doctype|html|svg)", text, re.IGNORECASE):
        raise ValueError("a web page")
    found = from_json_lines(text) or from_label_map(text) or from_bracket(text, suffix) or from_yaml(text)
    if found:
        return found
    if suffix == ".json":
        raise ValueError("no JSON")
    lines = lines_of(text)
    return from_table(text, suffix) or from_lines(lines, suffix)
