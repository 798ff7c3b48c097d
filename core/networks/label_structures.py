"""Names of classes in JSON, in what Python prints, in YAML, and in TensorFlow's label maps."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from core.networks.label_lines import (
    CODE,
    FORMS,
    NAME_WORDS,
    Gap,
    Numbered,
    clean,
    from_lines,
    in_order,
    lines_of,
    number_of,
    numbered_lines,
)  # fmt: skip

LITERAL_BYTES = 2**20

_KEYS = (
    *("id2label", "idx2label", "index_to_name", "class_names", "classnames", "classes", "labels", "names"),
    *("label_names", "categories", "class_labels", "label_map", "class_indices", "class_to_idx", "label2id"),
    *("idx_to_class", "label", "class", "fine_label_names"),
)
"""Under which the names lie in larger descriptions, the plainest first."""

_SYNSET = re.compile(r"n\d{8}")
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")


def from_json_lines(text: str) -> list[Any] | None:
    """One JSON object on each line."""
    lines = lines_of(text)
    if len(lines) < 2 or not all(line.startswith("{") and line.endswith("}") for line in lines):
        return None
    try:
        return names_in([json.loads(line) for line in lines])
    except ValueError:
        return None


def from_label_map(text: str) -> list[str] | None:
    """TensorFlow's label map: ``item { id: 1 name: "cat" }``, again and again."""
    items = re.findall(r"item\s*\{([^{}]*)\}", text)
    pairs: Numbered = []
    for item in items:
        number = re.search(r"\bid\s*:\s*([0-9]{1,9})\b", item)
        label = re.search(r"\bdisplay_name\s*:\s*" + _QUOTED.pattern, item) or re.search(
            r"\bname\s*:\s*" + _QUOTED.pattern, item
        )
        if not number or not label:
            return None
        pairs.append((int(number[1]), label[1] or label[2] or ""))
    return in_order(pairs) if pairs else None


def from_bracket(text: str, suffix: str) -> list[Any] | None:
    """JSON, or what Python prints or writes of a list or dictionary: ``names = [...]``, ``array([...])``."""
    start = re.match(r"(?:[^\n\[{(]{0,80}\n)?(?:[\w.\" ]{0,60}=\s*)?(?:[\w.]{1,60}\()?\s*(?=[\[{(])", text)
    if not start:
        return None
    inner = text[start.end() :].rstrip(" ;\n")
    closing = {"[": "]", "{": "}", "(": ")"}[inner[0]]
    inner = inner[: inner.rfind(closing) + 1]
    behind = text[start.end() + len(inner) :].strip(" ;\n")
    if not inner or (behind and not re.fullmatch(r",?[\w=' <,.]{0,80}\)", behind)):
        return None  # a name may begin with a bracket
    if inner[0] == "(" and not re.search(r"[,'\"]", inner):
        return None
    try:
        return names_in(json.loads(inner, object_pairs_hook=_once))
    except json.JSONDecodeError:
        if suffix == ".json" and inner != text:
            raise
    if len(inner) > LITERAL_BYTES:
        raise ValueError("a long description that is no JSON")
    return _from_literal(inner)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, in which no key may come twice."""
    twice = next((key for key, count in Counter(key for key, _ in pairs).items() if count > 1), None)
    if twice is not None:
        raise Gap(f"{twice[:60]!r} twice")
    return dict(pairs)


def _from_literal(inner: str) -> list[Any] | None:
    """A list or dictionary of Python, of NumPy (no commas between the names), or of YAML (no quotes around them)."""
    quoted = [one or other for one, other in _QUOTED.findall(inner)]
    between = _QUOTED.sub("", inner).strip("[]() \n")
    if quoted and not between.replace("\n", "").strip():
        return quoted
    try:
        return names_in(ast.literal_eval(inner))
    except (SyntaxError, ValueError):
        if inner[0] != "[" or inner.count("[") > 1 or ":" in inner:
            raise
        return [part.strip(" '\"\n") for part in inner[1:-1].split(",") if part.strip()]


def names_in(found: Any, depth: int = 0) -> list[Any]:
    """The names in what was read of JSON or Python. Raises ValueError or TypeError where it is none of the usual."""
    if depth > 4:
        raise ValueError("too deep")
    if isinstance(found, (list, tuple)):
        return _names_of_list(found)
    if isinstance(found, set):
        raise ValueError("a set, which has no order")
    if not isinstance(found, dict) or not found:
        raise ValueError("neither a list nor a dictionary")
    for key in _KEYS:
        inside = next((value for name, value in found.items() if str(name).lower() == key), None)
        if isinstance(inside, (list, tuple, dict)) and inside:
            return names_in(inside, depth + 1)
    if all(_SYNSET.fullmatch(str(key)) for key in found):
        return [_name_of(found[key]) for key in sorted(found)]
    numbered = _numbered(found)
    if numbered is not None:
        return in_order(numbered) or []
    wrapped = [value for value in found.values() if isinstance(value, (list, tuple, dict)) and len(value) > 1]
    if len(wrapped) != 1:
        raise ValueError("a dictionary without numbers")
    return names_in(wrapped[0], depth + 1)


def _numbered(found: Mapping[Any, Any]) -> Numbered | None:
    """{number: name}, {name: number}, {"class_0": name}: as pairs; None where it is neither."""
    keys = [number_of(key) for key in found]
    if all(key is not None for key in keys):
        swapped = [(number_of(value), str(key)) for key, value in found.items()]
        if not _numbers_classes([(key, "") for key in keys]) and _numbers_classes(swapped):
            return [(number or 0, name) for number, name in swapped]  # digits as names: {"7": 0, "9": 1}
        return [(key or 0, _name_of(value)) for key, value in zip(keys, found.values(), strict=True)]
    values = [number_of(_first_number(value)) for value in found.values()]
    if all(value is not None for value in values):
        return [(value or 0, str(key)) for key, value in zip(found, values, strict=True)]
    parts = [re.fullmatch(r"(\D+?)[ _-]?(\d{1,9})", str(key)) for key in found]
    if all(parts) and len({part[1] for part in parts if part}) == 1:
        return [(int(part[2]), _name_of(value)) for part, value in zip(parts, found.values(), strict=True) if part]
    return None


def _numbers_classes(pairs: Sequence[tuple[int | None, str]]) -> bool:
    """Whether the numbers are all there, and all those from 0 or 1 on."""
    known = [(number, name) for number, name in pairs if number is not None]
    return len(known) == len(pairs) and in_order(known, sure=False) is not None


def _first_number(value: Any) -> Any:
    """The number of a class among what is said of it: ``{"id": 3}``, ``[3, "n01"]``, 3."""
    if isinstance(value, dict):
        said = {str(key).lower().replace("_", " "): one for key, one in value.items()}
        return next((said[key] for key in ("id", "index", "idx", "class id", "number", "label") if key in said), None)
    if isinstance(value, (list, tuple)):
        return next((one for one in value if number_of(one) is not None), None)
    return value


def _name_of(value: Any) -> str:
    """The name among what is said of one class: a text, ``["n01440764", "tench"]``, ``{"name": "tench"}``."""
    if isinstance(value, dict):
        said = {str(key).lower(): one for key, one in value.items() if isinstance(one, str)}
        keys = [key for word in NAME_WORDS for key in said if word in key] or list(said)
        return said[keys[0]]
    if isinstance(value, (list, tuple)):
        texts = [one for one in value if isinstance(one, str)]
        return next((one for one in texts if not CODE.fullmatch(one.strip())), texts[-1] if texts else texts[0])
    return clean(value)


def _names_of_list(found: Sequence[Any]) -> list[Any]:
    """A list of names, of ``[number, name]`` or of ``{"id": number, "name": name}``."""
    if not any(isinstance(one, (list, tuple, dict)) for one in found):
        texts = [one for one in found if isinstance(one, str)]
        numbered = numbered_lines(texts, FORMS[:3]) if len(texts) == len(found) > 1 else None
        return numbered or list(found)
    names = [_name_of(one) for one in found]
    numbers = [number_of(_first_number(one)) for one in found]
    if any(number is None for number in numbers):
        return names
    pairs = [(number or 0, name) for number, name in zip(numbers, names, strict=True)]
    ascending = sorted(pairs, key=lambda pair: pair[0])  # COCO's numbers have gaps; its networks count the names
    if len({number for number, _ in pairs}) < len(pairs):
        return names
    return [name for _, name in ascending]


def from_yaml(text: str) -> list[Any] | None:
    """The list under ``names:`` (YOLO's data.yaml) or a similar key, or a list with dashes."""
    head = re.search(rf"^[\"']?({'|'.join(_KEYS)})[\"']?\s*:[ \t]*(.*)$", text, re.MULTILINE | re.IGNORECASE)
    if not head:
        return None
    if head[2].startswith(("[", "{")):
        return from_bracket(text[head.start(2) :].split("\n\n")[0].strip(), "")
    if head[2].strip() and not head[2].startswith("#"):
        return None
    inside = []
    for line in text[head.end() :].split("\n")[1:]:
        if line.strip() and not line.startswith((" ", "\t", "-")):
            break
        inside.append(line)
    return list(from_lines(lines_of("\n".join(inside)), "")) or None
