"""Numbers and names in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlencode

import core


def remark(classifier: core.Classifier) -> str:
    """How far to trust the answer."""
    accuracy = classifier.card.get("accuracy", {})
    if "top1" not in accuracy:
        return ""
    return (
        f"It knows {len(classifier.labels)} things, and of 100 pictures that it never saw it names "
        f"{accuracy['top1']:.0%} right at first guess, {accuracy['top5']:.0%} in five.".replace("%", "")
    )


def extent(info: core.LayerInfo) -> str:
    """A layer's size in words."""
    if not info.spatial:
        return f"{info.channels} units"
    height, width, channels = info.shape
    field = info.receptive_field
    sees = f"each unit sees {field.size[0]} × {field.size[1]} pixels" if field else "each unit sees the whole picture"
    if field and min(field.size) >= 2 * max(height, width) * max(field.stride):
        sees = f"each unit sees the whole picture (its field is {field.size[0]} × {field.size[1]} pixels)"
    return f"{height} × {width} places, {channels} channels; {sees}"


def story(classifier: core.Classifier, layer: str) -> str:
    """What is known to live in the stage of a layer."""
    stage = next((stage for stage in core.stages(classifier) if layer.startswith(stage.name)), None)
    return stage.says if stage else ""


def listing(numbers: Iterable[int], most: int = 20) -> str:
    """Numbers in words, not too many of them."""
    numbers = list(numbers)
    return ", ".join(map(str, numbers[:most])) + (", …" if len(numbers) > most else "")


def fields_in_words(info: core.LayerInfo, places: tuple[int, int], size: tuple[int, int]) -> list[str]:
    """For each place of a map, row by row: which pixels of a picture of ``size`` (height, width) its unit sees."""
    if info.receptive_field is None:
        return ["sees the whole picture"] * (places[0] * places[1])
    windows = (info.receptive_field.window(row, column) for row in range(places[0]) for column in range(places[1]))
    return [
        f"sees rows {max(top, 0)} to {min(bottom, size[0])}, columns {max(left, 0)} to {min(right, size[1])}"
        for top, left, bottom, right in windows
    ]


def sources(presets: Mapping[str, core.Preset | core.DreamPreset | core.Inversion] = core.PRESETS) -> str:
    """What each preset follows."""
    return "\n\n".join(f"**{preset.title}**: {preset.source}" for preset in presets.values())


def text(name: str) -> str:
    """A name from a file or an address, so that Markdown shows its signs and does not follow them."""
    return plain(name)


def link(page: str, **settings: object) -> str:
    """The address of a page with settings, fit to stand in a Markdown link."""
    return f"{page}?{urlencode(settings)}"


def plain(sentence: str) -> str:
    """A sentence that quotes a person's file, so that Markdown shows its signs and does not follow them."""
    return re.sub(r"([\[\]<>!*`$\\])", r"\\\1", sentence)


def harmless(text: str) -> str:
    """A person's own text, fit to be shown as Markdown."""
    return re.sub(r"[^\w .,-]", "·", text)[:60]
