"""The commands: what each can be asked for, and what is wrong with what was asked; known without TensorFlow."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import core
from dashboard.command import words
from dashboard.command.options import COMMANDS as TITLES
from dashboard.command.options import Parser
from dashboard.command.settings import known

Asked = argparse.Namespace
PICTURES = (".png", ".jpg", ".jpeg")
TABLES = (".csv", ".json")
REPORTS = (".html", ".zip")
ARRAYS = (".npz",)
MOVING = (".mp4", ".gif")
MOST_TOP = 64


@dataclass(frozen=True)
class Command:
    """One of them.

    Attributes:
        name: its name.
        endings: of the files that it writes; none where it writes a folder.
        describe: adds what it can be asked for.
        check: raises ValueError for what cannot be, beyond what a setting says of itself.
    """

    name: str
    endings: tuple[str, ...]
    describe: Callable[[argparse.ArgumentParser], object]
    check: Callable[[Asked], object] = lambda _: None

    @property
    def says(self) -> str:
        """What it makes."""
        title = TITLES[self.name]
        return f"{title[:1].upper()}{title[1:]}."


def read(said: Sequence[str]) -> Asked:
    """What these words ask for, the first of which is a command.

    Ends the program with exit code 2 for an option that there is not. Raises ValueError for what cannot be made.
    """
    command = COMMANDS[said[0]]
    reader = Parser(prog=f"convscope {command.name}", description=command.says, allow_abbrev=False)
    command.describe(reader)
    asked = reader.parse_intermixed_args(list(said[1:]))
    _require_place(command, asked.output)
    words.given(asked, known().settings.get(command.name, ()))
    command.check(asked)
    require_network(asked.network)
    for one in _pictures(asked):
        require_picture(one)
    return asked


def _pictures(asked: Asked) -> list[str]:
    """Those that are named."""
    named = [getattr(asked, name, "") for name in ("picture", "on", "guide")]
    return [one for one in (*named, *getattr(asked, "pictures", ())) if one]


def _require_place(command: Command, output: str | None) -> None:
    """Raise ValueError where nothing can be written, or not in this form."""
    if not output:
        return
    path = Path(output).expanduser()
    if command.endings and path.suffix.lower() not in command.endings:
        raise ValueError(f"Expected an ending of the file among {', '.join(command.endings)}, got {path.name}.")
    if not path.absolute().parent.is_dir():
        raise ValueError(f"Expected a folder that exists for {output}, got none.")


def require_network(wanted: str) -> None:
    """Raise ValueError where there is no such network; what is in a file, its opening tells."""
    path = Path(wanted).expanduser()
    if wanted and not path.exists() and (path.suffix or wanted not in (*core.available(), *core.applications())):
        names = ", ".join(core.available())
        missing = ", which does not exist" if path.suffix else ""
        raise ValueError(
            f"Expected a network file, or a name among {names} and those of keras.applications, such as mobilenet_v2, "
            f"got {wanted!r}{missing}."
        )


def require_picture(wanted: str) -> None:
    """Raise ValueError where there is no such picture; what is in a file, its opening tells."""
    path = Path(wanted).expanduser()
    if not path.is_file() and wanted not in core.samples.names():
        kind = "which is a folder" if path.is_dir() else "which does not exist"
        raise ValueError(
            f"Expected a picture or a sample among {', '.join(core.samples.names())}, got {wanted}, {kind}."
        )


# ------------------------------------------------------------------------------------------------ each of them


def _common(reader: argparse.ArgumentParser, *, picture: bool = True, output: bool = True) -> None:
    """What every command can be asked for."""
    if picture:
        reader.add_argument("picture", metavar="PICTURE", help="a file, or the name of a sample such as coffee")
    reader.add_argument("--network", metavar="NAME or FILE", default="", help="the first in the box, where not said")
    if output:
        reader.add_argument("-o", "--output", metavar="FILE", required=True, help="what to write; its ending says how")


def _predict(reader: argparse.ArgumentParser) -> None:
    reader.add_argument("pictures", metavar="PICTURE", nargs="+", help="files, or the names of samples")
    _common(reader, picture=False, output=False)
    reader.add_argument("--top", type=words.positive, default=5, metavar="N", help="how many answers (5)")
    reader.add_argument("-o", "--output", metavar="FILE", help="write them as .csv or .json instead")


def _activations(reader: argparse.ArgumentParser) -> None:
    _common(reader)
    reader.add_argument("--layer", default="", help="the middle one, where not said")
    words.add(reader, known().settings["activations"])


def _filters(reader: argparse.ArgumentParser) -> None:
    many, first = known().usual["many"], core.samples.names()[0]
    _common(reader, picture=False)
    reader.add_argument("--layer", default="", help="the last but one, where not said")
    reader.add_argument("--channels", default="", metavar="0-7,12", help="which; the strongest on --on, where not said")
    reader.add_argument("--classes", default="", metavar="NAME,...", help="classes instead of channels")
    reader.add_argument(
        "--many", type=words.positive, default=many, metavar="N", help=f"how many of the strongest ({many})"
    )
    reader.add_argument("--on", default=first, metavar="PICTURE", help="the picture for the strongest")
    words.add(reader, known().settings["filters"])


def _dream(reader: argparse.ArgumentParser) -> None:
    _common(reader)
    reader.add_argument(
        "--layers", type=words.weighted, default=(), metavar="NAME=1,...", help="the preset's, where not said"
    )
    reader.add_argument("--guide", default="", metavar="PICTURE", help="dream toward another picture")
    words.add(reader, known().settings["dream"])


def _attack(reader: argparse.ArgumentParser) -> None:
    usual = known().usual["attack"]
    _common(reader)
    reader.add_argument("--attack", default=usual, metavar="|".join(known().attacks), help=f"which ({usual})")
    reader.add_argument(
        "--norm", default="", metavar="|".join(known().norms), help="the attack's first, where not said"
    )
    reader.add_argument("--epsilon", type=words.number, metavar="N", help="the largest change, such as 2/255")
    reader.add_argument("--target", metavar="CLASS", help="the answer to lead to; away from its own, where not said")
    words.add(reader, known().settings["attack"])


def _check_attack(asked: Asked) -> None:
    attacks = known().attacks
    if asked.attack not in attacks:
        raise ValueError(f"Expected an attack among {', '.join(attacks)}, got {asked.attack!r}.")
    chosen = attacks[asked.attack]
    if asked.norm and asked.norm not in chosen.norms:
        norms = ", ".join(chosen.norms) or "none"
        raise ValueError(f"Expected a norm of {chosen.title} among {norms}, got {asked.norm!r}.")
    own = {one.name for one in chosen.settings}
    for name in words.given(asked, known().settings["attack"]):
        if name not in own:
            raise ValueError(f"Expected settings of {chosen.title}, got {name!r}.")
    words.given(asked, chosen.settings)


def _why(reader: argparse.ArgumentParser) -> None:
    _common(reader)
    reader.add_argument("--why", default="", metavar="CLASS", help="another answer than its own")
    reader.add_argument("--layer", default="", help="a unit of a layer instead of an answer")
    reader.add_argument("--channel", type=words.whole, metavar="N", help="which; the strongest, where not said")
    words.add(reader, known().settings["why"])


def _check_why(asked: Asked) -> None:
    if asked.why and asked.layer:
        raise ValueError(
            f"Expected an answer or a unit of a layer to explain, got both: {asked.why!r}, {asked.layer!r}."
        )


def _invert(reader: argparse.ArgumentParser) -> None:
    _common(reader)
    reader.add_argument("--layers", default="", metavar="NAME,...", help="the last eight stages, where not said")
    words.add(reader, known().settings["invert"])


def _index(reader: argparse.ArgumentParser) -> None:
    reader.add_argument(
        "place", metavar="PICTURES",
        help="a folder, a zip, Parquet or .tar shards (also shard-{000..127}.tar), or an address such as s3://bucket/set",
    )  # fmt: skip
    reader.add_argument("--layer", default="", metavar="NAME,...", help="the last stage but one, where not said")
    reader.add_argument(
        "--top", type=words.positive, default=9, metavar="N", help="pictures of every unit (9; 1 to 64)"
    )
    reader.add_argument(
        "--cluster", metavar="ADDRESS", help="a Dask scheduler, such as tcp://host:8786; this process, where not said"
    )
    reader.add_argument(
        "--part",
        type=words.positive,
        default=256,
        metavar="N",
        help="pictures of one part, which is lost at most (256)",
    )
    _common(reader, picture=False, output=False)
    reader.add_argument(
        "-o", "--output", metavar="FOLDER", required=True, help="where to; the same command again goes on there"
    )


def _check_index(asked: Asked) -> None:
    if asked.top > MOST_TOP:
        raise ValueError(f"Expected --top from 1 to {MOST_TOP}, got {asked.top}.")
    if asked.cluster and importlib.util.find_spec("distributed") is None:
        raise ValueError("Expected Dask for --cluster, got none installed: pip install 'convscope[cluster]'.")
    place = Path(asked.place).expanduser()
    if "://" not in asked.place and not set("*{") & set(asked.place) and not place.exists():
        raise ValueError(
            f"Expected a folder, a file or an address of pictures, got {asked.place}, which does not exist."
        )


def _examples(reader: argparse.ArgumentParser) -> None:
    first = core.samples.names()[0]
    reader.add_argument("--picture", default=first, metavar="PICTURE", help="of what; the first sample")
    _common(reader, picture=False, output=False)
    reader.add_argument("-o", "--output", metavar="FOLDER", required=True, help="where to; it is made where it is not")


USUAL = (*PICTURES, *REPORTS, *TABLES)
COMMANDS = {
    one.name: one
    for one in (
        Command("predict", TABLES, _predict),
        Command("activations", (*USUAL, *ARRAYS), _activations),
        Command("filters", (*USUAL, *ARRAYS), _filters),
        Command("dream", (*USUAL, *MOVING), _dream),
        Command("attack", (*USUAL, *ARRAYS), _attack, _check_attack),
        Command("why", (*USUAL, *ARRAYS), _why, _check_why),
        Command("invert", (*USUAL, *ARRAYS), _invert),
        Command("index", (), _index, _check_index),
        Command("examples", (), _examples),
    )
}
