"""The commands: the recipe that each makes of what was asked for, and the file that is written of it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import core
from dashboard import reports
from dashboard.command import examples, index, make, words
from dashboard.command.running import finished, opened, picture
from dashboard.command.settings import known
from dashboard.recipes import Dream, Explain, Maximize, Recipe, numbers, usual
from dashboard.server import networks, results, uploads

Asked = argparse.Namespace


def _settings(asked: Asked, command: str) -> dict[str, Any]:
    """{name: value} of the settings that were said."""
    return words.given(asked, known().settings[command])


def deliver(recipe: Recipe, found: reports.Contents, output: str) -> None:
    """Write what was asked for. Raises ValueError for an ending that this result does not have."""
    path = Path(output).expanduser()
    kind = path.suffix.lower()
    ways: dict[str, Callable[[], bytes]] = {
        ".html": lambda: reports.html(recipe, found), ".zip": lambda: reports.archive(recipe, found),
        ".json": lambda: json.dumps(json.loads(recipe.settings()) | {"result": found.tables}, indent=2).encode(),
    }  # fmt: skip
    if found.main:
        ways[".png"] = lambda: found.pictures[found.main]
        ways[".jpg"] = ways[".jpeg"] = lambda: core.encode_jpeg(core.open_image(found.pictures[found.main])[0])
    if found.arrays:
        ways[".npz"] = lambda: core.encode_npz(found.arrays)
    if found.tables:
        ways[".csv"] = lambda: reports.table(list(found.tables.values())[-1])
    ways |= {f".{ending}": encode for ending, encode in found.video.items()}
    if kind not in ways:
        raise ValueError(f"Expected an ending of the file among {', '.join(ways)}, got {path.name}.")
    make.write(path, ways[kind]())
    if found.says:
        make.say(found.says)


# ------------------------------------------------------------------------------------------------ each of them


def _predict(asked: Asked) -> None:
    name = opened(asked.network)
    net = networks.network(name)
    if not net.labels:
        raise ValueError(f"Expected a network with answers, got {networks.network_title(name)}, which has none.")
    rows: list[dict[str, Any]] = []
    for one in asked.pictures:
        for label, value in results.answers(name, uploads.picture(picture(one)), top=asked.top)[0]:
            rows.append({"picture": one, "answer": label, "value": float(value)})
    if not asked.output:
        for row in rows:
            make.say(f"{row['picture']}\t{row['value']:.4f}\t{row['answer']}")
    elif Path(asked.output).suffix.lower() == ".csv":
        make.write(Path(asked.output), reports.table(rows))
    else:
        make.write(Path(asked.output), json.dumps(rows, indent=2).encode())


def _activations(asked: Asked) -> None:
    recipe = usual.look(opened(asked.network), picture(asked.picture), asked.layer)
    recipe = replace(recipe, **_settings(asked, "activations"))
    deliver(recipe, reports.contents(recipe), asked.output)


def _filters(asked: Asked) -> None:
    name = opened(asked.network)
    net = networks.network(name)
    if asked.classes:
        wanted = words.listed(asked.classes)
        unknown = [one for one in wanted if one not in net.labels]
        if unknown:
            raise ValueError(f"Expected classes of {networks.network_title(name)}, got {unknown[0]!r}.")
        recipe = Maximize(name, core.LOGITS, tuple(net.labels.index(one) for one in wanted))
    elif asked.channels:
        layer = asked.layer or usual.maximized(net)
        recipe = Maximize(name, layer, numbers(asked.channels, net.layer(layer).channels - 1))
    else:
        recipe = usual.maximize(name, picture(asked.on), asked.layer, asked.many)
    recipe = replace(recipe, **_settings(asked, "filters"))
    deliver(recipe, reports.contents(recipe, finished(recipe, "Maximizing")[-1:]), asked.output)


def _dream(asked: Asked) -> None:
    name = opened(asked.network)
    moving = Path(asked.output).suffix.lower() in (".mp4", ".gif")
    recipe = replace(
        Dream(name, picture(asked.picture), make="zoom" if moving else "still"),
        **_settings(asked, "dream"),
    )  # fmt: skip
    recipe = replace(recipe, layers=asked.layers or tuple(
        core.dream_layers(networks.network(name), recipe.preset).items()
    ), guide=picture(asked.guide) if asked.guide else "")  # fmt: skip
    frames = finished(recipe, "Dreaming")
    deliver(recipe, reports.contents(recipe, frames if moving else frames[-1:]), asked.output)


def _attack(asked: Asked) -> None:
    name = opened(asked.network)
    recipe = usual.attack(name, picture(asked.picture), asked.attack, asked.norm)
    recipe = replace(recipe, options=tuple(_settings(asked, "attack").items()))
    if asked.epsilon is not None:
        recipe = replace(recipe, epsilon=asked.epsilon)
    if asked.target is not None:
        recipe = replace(recipe, target=asked.target)
    deliver(recipe, reports.contents(recipe, finished(recipe, "Attacking")[-1:]), asked.output)


def _why(asked: Asked) -> None:
    name = opened(asked.network)
    recipe = usual.explain(name, picture(asked.picture), asked.layer)
    labels = networks.network(name).labels
    if asked.why and asked.why not in labels:
        raise ValueError(f"Expected a class of {networks.network_title(name)}, got {asked.why!r}.")
    unit = labels.index(asked.why) if asked.why else recipe.unit if asked.channel is None else asked.channel
    recipe = replace(recipe, unit=unit, options=tuple(_settings(asked, "why").items()))
    deliver(recipe, _explained(recipe), asked.output)


def _explained(recipe: Explain) -> reports.Contents:
    """With progress: each map stays on the server's shelf, where ``contents`` finds it."""
    finished(recipe, "Explaining", each=recipe.methods)
    return reports.contents(recipe)


def _invert(asked: Asked) -> None:
    recipe = usual.invert(opened(asked.network), picture(asked.picture))
    layers = tuple(words.listed(asked.layers)) or recipe.layers
    recipe = replace(recipe, layers=layers, **_settings(asked, "invert"))
    deliver(recipe, reports.contents(recipe, finished(recipe, "Inverting")[-1:]), asked.output)


RUN: dict[str, Callable[[Asked], object]] = {
    "predict": _predict, "activations": _activations, "filters": _filters, "dream": _dream, "attack": _attack,
    "why": _why, "invert": _invert, "index": index.write, "examples": examples.write,
}  # fmt: skip
"""What each command does with what ``described.read`` has read."""
