"""What somebody asked for on the command line of the dashboard; needs nothing but the standard library.

    convscope [PICTURE or NETWORK ...] [--port N] [--host H] [--no-browser] [--public] ...

Streamlit's own options work as well, as ``--server.port 8601`` or ``--server.port=8601``; Streamlit itself is asked for
their names only where there is one.
"""

from __future__ import annotations

import argparse
import difflib
import logging
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from dashboard import version

COMMANDS = {
    "predict": "what a network says of pictures",
    "activations": "every channel of a layer on a picture",
    "filters": "the pictures that units respond to most",
    "dream": "DeepDream: a picture, an endless zoom",
    "attack": "an adversarial picture",
    "why": "which pixels an answer depends on",
    "invert": "a picture, made again from the activations of layers",
    "index": "what excites every unit most in very many pictures, as a folder to open",
    "examples": "a picture of each technique",
}
"""What is made without a browser."""
EPILOG = """\
Streamlit's own options work as well, such as --server.port 8601.

Without a browser, for scripts and servers (convscope COMMAND --help says what each can be asked for):

"""
STREAMLIT = re.compile(r"--([a-z]+\.[A-Za-z]+)(?:=(.*))?", re.DOTALL)
YES, NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
Value = str | int | float | bool | list[str]


class UsageError(ValueError):
    """What was asked for is not what there is to ask for."""


class Parser(argparse.ArgumentParser):
    """A parser that says in one sentence what is wrong, and ends with exit code 2."""

    def error(self, message: str) -> NoReturn:
        """Say it."""
        unknown = re.fullmatch(r"unrecognized arguments: (\S+).*", message)
        said = _unknown(unknown[1], self) if unknown else re.sub("^argument [^:]+: (?=Expected)", "", message)
        self.exit(2, f"{self.prog}: {said}\n")


@dataclass(frozen=True)
class Asked:
    """What was asked for.

    Attributes:
        given: pictures, networks and folders, as they were typed.
        config: Streamlit's options, by their names.
        browser: whether to open one.
        public: whether to be in public mode, whoever can reach the server.
        trusted: whether everyone who can reach it is trusted with this machine.
    """

    given: tuple[str, ...]
    config: dict[str, Any]
    browser: bool
    public: bool
    trusted: bool


def parser() -> Parser:
    """What there is to ask for."""
    width = max(map(len, COMMANDS)) + 2
    made = Parser(
        prog="convscope", allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="See what a convolutional network sees: opens the dashboard in a browser.",
        epilog=EPILOG + "\n".join(f"  {name:{width}}{says}" for name, says in COMMANDS.items()),
    )  # fmt: skip
    made.add_argument(
        "given", nargs="*", metavar="PICTURE or NETWORK",
        help="files to open, or the name of a network; also a folder or a zip of pictures",
    )  # fmt: skip
    made.add_argument("--port", type=_port, metavar="N", help="where to listen; 8501, or the next that is free")
    made.add_argument("--host", metavar="H", help="the address to listen on; 127.0.0.1, this machine only")
    made.add_argument("--no-browser", action="store_true", help="do not open a browser")
    made.add_argument(
        "--public", action="store_true", help="smaller bounds; no networks and folders but those given here"
    )
    made.add_argument(
        "--trust-the-network", action="store_true",
        help="on an address that other machines can reach: let everyone open network files and folders of this machine",
    )  # fmt: skip
    made.add_argument("--version", action="version", version=f"convscope {version()}")
    return made


def read(words: Sequence[str]) -> Asked:
    """What these words ask for. Ends the program with exit code 2 and a sentence where that cannot be."""
    reader = parser()
    try:
        rest, config = _streamlit(words)
    except UsageError as error:
        reader.error(str(error))
    asked = reader.parse_intermixed_args(rest)
    own = {"server.port": asked.port, "server.address": asked.host}
    if asked.public and asked.trust_the_network:
        reader.error("--public and --trust-the-network contradict each other")
    return Asked(
        tuple(asked.given), config | {name: value for name, value in own.items() if value is not None},
        not (asked.no_browser or config.get("server.headless")), asked.public, asked.trust_the_network,
    )  # fmt: skip


def require_free(host: str, port: int) -> None:
    """Raise UsageError where another program listens already, or where nobody may."""
    try:
        kind, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(kind, socket.SOCK_STREAM) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(address)
    except OSError as error:
        raise UsageError(f"Expected an address to listen on, got {host}:{port}: {error.strerror}.") from error


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"Expected a port from 1 to 65535, got {text!r}.")
    return int(text)


def _unknown(word: str, reader: argparse.ArgumentParser) -> str:
    """A sentence on an option that there is not."""
    name = word.split("=")[0]
    known = [one for action in reader._actions for one in action.option_strings]
    return f"Expected an option of {reader.prog}, got {name}{_like(name, known)} {reader.prog} --help lists them."


def _like(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {near[0]}?" if near else "."


def _streamlit(words: Sequence[str]) -> tuple[list[str], dict[str, Value]]:
    """The words that are not Streamlit's, and its options with their values. Raises UsageError."""
    rest: list[str] = []
    said: dict[str, Value] = {}
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        match = STREAMLIT.fullmatch(word)
        if match is None:
            rest.append(word)
            continue
        kind = _kind(match[1])
        text = match[2]
        if text is None and waiting and not (kind is bool and waiting[0].lower() not in YES + NO):
            text = waiting.pop(0)
        said[match[1]] = _value(match[1], kind, text)
    return rest, said


def _kind(name: str) -> type:
    """The type of an option of Streamlit. Raises UsageError where it has no such option, or not on the command line."""
    from streamlit import config

    noise = "config option section was detected"  # the server reads them again, and would say so
    logging.getLogger(config.__name__).addFilter(lambda record: noise not in record.getMessage())
    options = config.get_config_options()
    if name not in options:
        raise UsageError(
            f"Expected an option of Streamlit, got --{name}{_like(f'--{name}', [f'--{one}' for one in options])}"
        )
    if options[name].sensitive:
        raise UsageError(f"Expected --{name}, which is secret, in the environment, got it on the command line.")
    return options[name].type


def _value(name: str, kind: type, text: str | None) -> Value:
    """The value of an option. Raises UsageError."""
    if kind is bool and (text is None or text.lower() in YES + NO):
        return text is None or text.lower() in YES
    if text is None:
        raise UsageError(f"Expected a value after --{name}, got none.")
    if kind in (int, float) and re.fullmatch(r"-?[0-9]+" if kind is int else r"-?[0-9]+(\.[0-9]+)?", text):
        return int(text) if kind is int else float(text)
    if kind in (bool, int, float):
        wanted = {bool: "true or false", int: "a whole number", float: "a number"}[kind]
        raise UsageError(f"Expected {wanted} for --{name}, got {text!r}.")
    return text.split(",") if kind is list else text
