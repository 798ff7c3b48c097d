"""A picture of each technique, written into a folder, each as its page makes it where nobody says anything else."""

from __future__ import annotations

import argparse
from pathlib import Path

import core
from dashboard import figures, reports
from dashboard.command import make, terminal
from dashboard.command.running import finished, opened, picture
from dashboard.recipes import Recipe, usual
from dashboard.server import networks, results

FEW = 16
NAMES = ("activations", "filters", "dream", "attack", "why", "invert", "units", "map")
ANSWERED = ("attack", "why")


def write(asked: argparse.Namespace) -> None:
    """Write them all; what a network cannot be asked for is said and left out. Raises ValueError."""
    folder = Path(asked.output).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"Expected a folder for the pictures, got {folder}: {error.strerror}.") from error
    network, photo = opened(asked.network), picture(asked.picture)
    labels = networks.network(network).labels
    for name in (one for one in NAMES if labels or one not in ANSWERED):
        try:
            found = _made(name, network, photo)
        except ValueError as error:
            make.say(f"{name}: {error}")
            continue
        make.write(folder / f"{name}.png", found.pictures[found.main])
        if found.says:
            make.say(found.says)


def _made(name: str, network: str, photo: str) -> reports.Contents:
    """One of them."""
    if name == "units":
        return _units(network, photo)
    if name == "map":
        return _map(network)
    recipes: dict[str, Recipe] = {
        "activations": usual.look(network, photo), "filters": usual.maximize(network, photo, many=FEW),
        "dream": usual.dream(network, photo), "attack": usual.attack(network, photo),
        "why": usual.explain(network, photo), "invert": usual.invert(network, photo),
    }  # fmt: skip
    frames = finished(recipes[name], name, each=usual.explain(network, photo).methods if name == "why" else ())
    return reports.contents(recipes[name], frames)


def _units(network: str, photo: str) -> reports.Contents:
    """The unit that stands out most among the tiles of the samples."""
    net = networks.network(network)
    spatial = [stage for stage in core.stages(net) if net.layer(stage.layer).spatial]
    layer = usual.excited(spatial, net)
    pictures = core.sample_tiles(size=net.size)
    with terminal.Progress("units") as bar:
        for found in core.index_units(net, [layer], pictures):
            index = found[layer]
            bar.tell(index.progress, f"{index.done} of {index.total} pictures")
    channel = index.selective(1)[0]
    recipe = usual.unit(network, photo, layer, channel)
    excited = results.excited(
        network, "samples", channel, recipe.method, _index=index, _pictures=pictures, key=results.index_key(index)
    )
    card = figures.plate([(excited.patches, excited.projections)], columns=1)
    return reports.united(recipe, card.pixels, index.nearest(channel))


def _map(network: str) -> reports.Contents:
    """The sample photographs and their tiles."""
    recipe = usual.embed(network)
    with terminal.Progress("map"):
        pictures = results.map_pictures(network, recipe.source, core.samples.names())
        if pictures is None:
            raise ValueError("Expected pictures for the map, got none.")
        found = results.embedding(
            network, recipe.layer, pictures, method=recipe.method, packed=True, seed=recipe.seed, key=("examples",)
        )
    return reports.embedded(recipe, pictures, found)
