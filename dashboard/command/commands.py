"""The commands: what each can be asked for, and the recipe that it makes."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import core
from dashboard import reports
from dashboard.command import examples, make, words
from dashboard.command.options import COMMANDS as TITLES
from dashboard.command.running import finished, opened, picture
from dashboard.recipes import AttackRecipe, Dream, Explain, Invert, Look, Maximize, Recipe, numbers, usual
from dashboard.server import networks, results, uploads

Asked = argparse.Namespace
TABLES = {".csv", ".json"}


@dataclass(frozen=True)
class Command:
    """One of them: what it says, what it can be asked for, what it does."""

    name: str
    describe: Callable[[argparse.ArgumentParser], object]
    run: Callable[[Asked], object]

    @property
    def says(self) -> str:
        """What it makes."""
        title = TITLES[self.name]
        return f"{title[:1].upper()}{title[1:]}."


def _merged(rows: Sequence[Any]) -> list[core.Setting]:
    """The settings of all rows of a catalogue; those of one name are one."""
    return list({one.name: one for row in rows for one in row.settings}.values())


ATTACKS, METHODS = _merged([*core.ATTACKS.values()]), _merged([*core.METHODS.values()])


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


def require_ending(output: str, *more: str) -> None:
    """Raise ValueError, before anything is computed, for an ending that a command does not have."""
    usual_ones = (".png", ".jpg", ".jpeg", ".html", ".zip", ".json", ".csv", *more)
    if Path(output).suffix.lower() not in usual_ones:
        raise ValueError(f"Expected an ending of the file among {', '.join(usual_ones)}, got {Path(output).name}.")


# ------------------------------------------------------------------------------------------------ each of them


def _describe_predict(reader: argparse.ArgumentParser) -> None:
    reader.add_argument("pictures", metavar="PICTURE", nargs="+", help="files, or the names of samples")
    make.common(reader, picture=False, output=False)
    reader.add_argument("--top", type=words.whole, default=5, metavar="N", help="how many answers (5)")
    reader.add_argument("-o", "--output", metavar="FILE", help="write them as .csv or .json instead")


def _predict(asked: Asked) -> None:
    if asked.output and Path(asked.output).suffix.lower() not in TABLES:
        raise ValueError(f"Expected a file that ends in .csv or .json, got {asked.output}.")
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


def _describe_activations(reader: argparse.ArgumentParser) -> None:
    make.common(reader)
    reader.add_argument("--layer", default="", help="the middle one, where not said")
    words.add(reader, Look.settable().values())


def _activations(asked: Asked) -> None:
    require_ending(asked.output, ".npz")
    recipe = usual.look(opened(asked.network), picture(asked.picture), asked.layer)
    recipe = replace(recipe, **words.given(asked, Look.settable().values()))
    deliver(recipe, reports.contents(recipe), asked.output)


def _describe_filters(reader: argparse.ArgumentParser) -> None:
    make.common(reader, picture=False)
    reader.add_argument("--layer", default="", help="the last but one, where not said")
    reader.add_argument("--channels", default="", metavar="0-7,12", help="which; the strongest on --on, where not said")
    reader.add_argument("--classes", default="", metavar="NAME,...", help="classes instead of channels")
    reader.add_argument("--many", type=words.whole, default=usual.MANY.default, metavar="N",
                        help=f"how many of the strongest ({usual.MANY.default})")  # fmt: skip
    reader.add_argument(
        "--on", default=core.samples.names()[0], metavar="PICTURE", help="the picture for the strongest"
    )
    words.add(reader, Maximize.settable().values())


def _filters(asked: Asked) -> None:
    require_ending(asked.output, ".npz")
    name = opened(asked.network)
    net = networks.network(name)
    if asked.classes:
        wanted = make.listed(asked.classes)
        unknown = [one for one in wanted if one not in net.labels]
        if unknown:
            raise ValueError(f"Expected classes of {networks.network_title(name)}, got {unknown[0]!r}.")
        recipe = Maximize(name, core.LOGITS, tuple(net.labels.index(one) for one in wanted))
    elif asked.channels:
        layer = asked.layer or usual.maximized(net)
        recipe = Maximize(name, layer, numbers(asked.channels, net.layer(layer).channels - 1))
    else:
        recipe = usual.maximize(name, picture(asked.on), asked.layer, asked.many)
    recipe = replace(recipe, **words.given(asked, Maximize.settable().values()))
    deliver(recipe, reports.contents(recipe, finished(recipe, "Maximizing")[-1:]), asked.output)


def _describe_dream(reader: argparse.ArgumentParser) -> None:
    make.common(reader)
    reader.add_argument("--layers", default="", metavar="NAME=1,...", help="the preset's, where not said")
    reader.add_argument("--guide", default="", metavar="PICTURE", help="dream toward another picture")
    words.add(reader, [one for one in Dream.settable().values() if one.name != "make"])


def _dream(asked: Asked) -> None:
    require_ending(asked.output, ".mp4", ".gif")
    name = opened(asked.network)
    moving = Path(asked.output).suffix.lower() in (".mp4", ".gif")
    recipe = replace(
        Dream(name, picture(asked.picture), make="zoom" if moving else "still"),
        **words.given(asked, Dream.settable().values()),
    )  # fmt: skip
    recipe = replace(recipe, layers=_weighted(asked.layers) or tuple(
        core.dream_layers(networks.network(name), recipe.preset).items()
    ), guide=picture(asked.guide) if asked.guide else "")  # fmt: skip
    frames = finished(recipe, "Dreaming")
    deliver(recipe, reports.contents(recipe, frames if moving else frames[-1:]), asked.output)


def _weighted(text: str) -> tuple[tuple[str, float], ...]:
    """Layers with weights, such as ``conv3=1,conv4=0.5``."""
    pairs = (one.partition("=") for one in make.listed(text))
    return tuple((layer, words.number(weight) if weight else 1.0) for layer, _, weight in pairs)


def _describe_attack(reader: argparse.ArgumentParser) -> None:
    make.common(reader)
    reader.add_argument("--attack", default=AttackRecipe.attack, metavar="|".join(core.ATTACKS),
                        help=f"which ({AttackRecipe.attack})")  # fmt: skip
    reader.add_argument("--norm", default="", metavar="|".join(core.NORMS), help="the attack's first, where not said")
    reader.add_argument("--epsilon", type=words.number, metavar="N", help="the largest change, such as 2/255")
    reader.add_argument("--target", metavar="CLASS", help="the answer to lead to; away from its own, where not said")
    words.add(reader, ATTACKS)


def _attack(asked: Asked) -> None:
    require_ending(asked.output, ".npz")
    if asked.attack not in core.ATTACKS:
        raise ValueError(f"Expected an attack among {', '.join(core.ATTACKS)}, got {asked.attack!r}.")
    row = core.ATTACKS[asked.attack]
    if asked.norm and asked.norm not in row.norms:
        raise ValueError(f"Expected a norm of {row.title} among {', '.join(row.norms) or 'none'}, got {asked.norm!r}.")
    name = opened(asked.network)
    recipe = usual.attack(name, picture(asked.picture), asked.attack, asked.norm)
    said = {one.name: getattr(asked, one.name, None) for one in ATTACKS}
    options = tuple((key, value) for key, value in said.items() if value is not None)
    recipe = replace(recipe, options=options)
    if asked.epsilon is not None:
        recipe = replace(recipe, epsilon=asked.epsilon)
    if asked.target is not None:
        recipe = replace(recipe, target=asked.target)
    deliver(recipe, reports.contents(recipe, finished(recipe, "Attacking")[-1:]), asked.output)


def _describe_why(reader: argparse.ArgumentParser) -> None:
    make.common(reader)
    reader.add_argument("--why", default="", metavar="CLASS", help="another answer than its own")
    reader.add_argument("--layer", default="", help="a unit of a layer instead of an answer")
    reader.add_argument("--channel", type=words.whole, metavar="N", help="which; the strongest, where not said")
    words.add(reader, METHODS)


def _why(asked: Asked) -> None:
    require_ending(asked.output, ".npz")
    name = opened(asked.network)
    recipe = usual.explain(name, picture(asked.picture), asked.layer)
    labels = networks.network(name).labels
    if asked.why and (asked.layer or asked.why not in labels):
        raise ValueError(f"Expected a class of {networks.network_title(name)}, and no layer, got {asked.why!r}.")
    unit = labels.index(asked.why) if asked.why else recipe.unit if asked.channel is None else asked.channel
    recipe = replace(recipe, unit=unit, options=tuple(words.given(asked, METHODS).items()))
    deliver(recipe, _explained(recipe), asked.output)


def _explained(recipe: Explain) -> reports.Contents:
    """With progress: each map stays on the server's shelf, where ``contents`` finds it."""
    finished(recipe, "Explaining", each=recipe.methods)
    return reports.contents(recipe)


def _describe_invert(reader: argparse.ArgumentParser) -> None:
    make.common(reader)
    reader.add_argument("--layers", default="", metavar="NAME,...", help="the last eight stages, where not said")
    words.add(reader, Invert.settable().values())


def _invert(asked: Asked) -> None:
    require_ending(asked.output, ".npz")
    recipe = usual.invert(opened(asked.network), picture(asked.picture))
    layers = tuple(make.listed(asked.layers)) or recipe.layers
    recipe = replace(recipe, layers=layers, **words.given(asked, Invert.settable().values()))
    deliver(recipe, reports.contents(recipe, finished(recipe, "Inverting")[-1:]), asked.output)


def _describe_examples(reader: argparse.ArgumentParser) -> None:
    reader.add_argument(
        "--picture", default=core.samples.names()[0], metavar="PICTURE", help="of what; the first sample"
    )
    make.common(reader, picture=False, output=False)
    reader.add_argument("-o", "--output", metavar="FOLDER", required=True, help="where to; it is made where it is not")


COMMANDS = {
    one.name: one
    for one in (
        Command("predict", _describe_predict, _predict), Command("activations", _describe_activations, _activations),
        Command("filters", _describe_filters, _filters), Command("dream", _describe_dream, _dream),
        Command("attack", _describe_attack, _attack), Command("why", _describe_why, _why),
        Command("invert", _describe_invert, _invert), Command("examples", _describe_examples, examples.write),
    )
}  # fmt: skip
