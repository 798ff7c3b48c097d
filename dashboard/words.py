"""Numbers in words, and names as they are: whoever shows a name in Markdown passes it through ``text``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from urllib.parse import urlencode

import core

JOINER = "\u2060"
UNSEEN = ("Cc", "Cf", "Co", "Cs")


def remark(classifier: core.Classifier) -> str:
    """How far to trust the answer."""
    accuracy = classifier.card.get("accuracy", {})
    if "top1_published" in accuracy:
        return (
            f"It knows {len(classifier.labels):,} classes. Its authors found {accuracy['top1_published']:.0%} of its "
            f"first guesses right on photographs that it had never seen; of 100 others it gets "
            f"{100 * accuracy['top1_photographs']:.0f} right."
        )
    if "top1" not in accuracy:
        return ""
    return (
        f"It knows {len(classifier.labels)} classes. Of 100 pictures that it has never seen, it gets "
        f"{100 * accuracy['top1']:.0f} right with its first guess, and {100 * accuracy['top5']:.0f} within five."
    )


KINDS = {
    "classes": "classes",
    "binary": "two classes, told apart by one unit",
    "numbers": "numbers",
    "embedding": "an embedding",
    "mask": "a mask",
    "maps": "maps",
}
"""What the output of a network may be."""


def output(classifier: core.Classifier) -> str:
    """What the network's output is, and the evidence."""
    own = classifier.output
    kind = "a number" if own.kind == "numbers" and own.units == 1 else KINDS[own.kind]
    said = f"Its output “{text(own.name)}” is taken for {kind}. {text(own.why)}"
    if own.sure:
        return said
    return f"{said} {'Is it a number, or the logit of two classes?' if own.units == 1 else 'That is a guess.'}"


def answer(classifier: core.Classifier, prediction: Sequence[tuple[str, float]]) -> str:
    """What the network says, in a sentence: a class and its probability, or numbers as they are."""
    name, number = prediction[0]
    if classifier.has_classes:
        return f"It says **{text(name)}**, with a probability of {number:.0%}."
    if len(classifier.labels) == 1:
        return f"It says **{text(name)}: {number:.4g}**."
    few = f"; here are the first {len(prediction)}" if len(prediction) < len(classifier.labels) else ""
    return f"It gives {len(classifier.labels)} numbers{few}."


def value(classifier: core.Classifier, number: float) -> str:
    """One answer: a probability in per cent, or a number as it is."""
    return f"{number:.0%}" if classifier.has_classes else f"{number:.4g}"


def classes(classifier: core.Classifier) -> Callable[[str], str]:
    """A class in words, for lists in which one searches by typing: its name, and its group where it is ImageNet's."""
    if tuple(classifier.labels) != core.imagenet_labels():
        return str
    groups = {label: core.imagenet_group(index) for index, label in enumerate(classifier.labels)}
    return lambda label: f"{label} · {groups[label]}" if label in groups else label


def extent(info: core.LayerInfo) -> str:
    """A layer's size in words."""
    if not info.spatial:
        return f"{info.channels} units"
    height, width, channels = info.shape
    field = info.receptive_field
    sees = f"each unit sees {field.size[0]} × {field.size[1]} pixels" if field else "each unit sees the whole picture"
    if field and min(field.size) >= 2 * max(height, width) * max(field.stride):
        sees = f"each unit sees the whole picture (its field is {field.size[0]} × {field.size[1]} pixels)"
    if info.tokens:
        rest = "" if info.tokens == height * width else "; the first token, which belongs to no place, is left out"
        return f"{info.tokens} tokens of {channels} channels, shown as a map of {height} × {width}{rest}; {sees}"
    return f"{height} × {width} positions, {channels} channels; {sees}"


def places(info: core.LayerInfo) -> str:
    """The height and width of a layer's map in words."""
    return f"{info.shape[0]} × {info.shape[1]}"


def story(classifier: core.Classifier, layer: str) -> str:
    """What is known to live in the stage of a layer: the one it is named after, or the next with maps of its size."""
    stages, names = core.stages(classifier), list(classifier.layers)
    size = classifier.layer(layer).shape[:-1]
    unnamed = (stage for stage in stages if not any(name.startswith(stage.name) for name in names))
    later = (stage for stage in unnamed if names.index(stage.layer) >= names.index(layer))
    alike = (stage for stage in later if classifier.layer(stage.layer).shape[:-1] == size)
    named = (stage for stage in stages if layer.startswith(stage.name))
    stage = next(named, None) or next(alike, None)
    return stage.says if stage else ""


def listing(numbers: Iterable[int], most: int = 20) -> str:
    """Numbers in words, not too many of them."""
    numbers = list(numbers)
    return ", ".join(map(str, numbers[:most])) + (", …" if len(numbers) > most else "")


def sources(presets: Mapping[str, core.Preset | core.DreamPreset | core.Inversion] | None = None) -> str:
    """What each preset follows."""
    shown = core.PRESETS if presets is None else presets
    return "\n\n".join(f"**{preset.title}**: {preset.source}" for preset in shown.values())


def link(page: str, **settings: object) -> str:
    """The address of a page with settings, fit to stand in a Markdown link."""
    return f"{page}?{urlencode(settings)}"


def text(name: str) -> str:
    """A name, label or sentence from a file, an address or a person, written so that Markdown shows it as it is.

    For every place that reads Markdown: ``st.markdown``, captions, buttons, help texts, errors. Its letters stay;
    spaces and line ends become one space, and signs that nobody sees are left out. Streamlit looks for links, emoji and
    icons in what is left after the escapes, too: a word joiner, which is not seen either, keeps those from being found.
    """
    seen = "".join(
        sign for sign in " ".join(name.split()) if unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Co")
    )
    escaped = re.sub(r"[\\`*\[\]<>!$~&#|{}]|:(?=\S)|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", seen)
    escaped = re.sub(r"^(\s*)([-+=])|^(\s*\d+)([.)])", lambda found: _marker(*found.groups()), escaped)
    return re.sub(r":(?=\S)|@|(?<=www)(?=\.)", lambda found: found[0] + JOINER, escaped, flags=re.IGNORECASE)


def _marker(*parts: str | None) -> str:
    """What begins a list or a line under a heading, escaped: spaces or a number, then the sign."""
    before, sign = (part for part in parts if part is not None)
    return f"{before}\\{sign}"


def harmless(title: str) -> str:
    """A title for what a person brought, made of its file's name: 60 letters, digits and plain signs at most."""
    return re.sub(r"[^\w .,-]", "·", title)[:60]
