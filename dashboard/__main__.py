"""``python -m dashboard`` and the console script ``convscope``: the dashboard on this machine only, for one person.

    convscope [--port 8501] [--no-browser] [--trust-the-network]

It listens on 127.0.0.1 and is in local mode: the person in front of the machine may open network files and folders of
it. ``STREAMLIT_*`` environment variables override the settings. On an address that other machines can reach
(``STREAMLIT_SERVER_ADDRESS=0.0.0.0``) it is in public mode, and says so: whoever reached it could read this machine's
files. ``--trust-the-network``, or ``CONVSCOPE_TRUST_NETWORK=yes``, gives local mode to everyone who can reach it.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
CONFIG: dict[str, str | int | bool] = {
    "theme.base": str(HERE / "theme.toml"),
    "server.address": "127.0.0.1",
    "server.maxUploadSize": 200,
    "server.fileWatcherType": "none",  # it looks at thousands of modules in the event loop: all wait for 10 to 20 s
    "browser.gatherUsageStats": False,
    "client.showErrorDetails": "none",
    "client.showErrorLinks": False,
    "client.toolbarMode": "minimal",
    "runner.magicEnabled": False,
}
FROM_OUTSIDE = {"server.port": int, "server.headless": bool} | {name: type(value) for name, value in CONFIG.items()}
PUBLIC_UPLOAD = 10
SAYS_PUBLIC = (
    "Convscope listens on {}, which other machines can reach, so it is in public mode: smaller bounds, and no networks "
    "or folders of this machine. --trust-the-network gives them to everyone who can reach it.\n"
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Start the server, as the command line and the environment say."""
    asked = _parser().parse_args(arguments)
    os.environ.setdefault("CONVSCOPE_MODE", "local")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if asked.trust_the_network:
        os.environ["CONVSCOPE_TRUST_NETWORK"] = "yes"
    threading.Thread(target=_warm, daemon=True).start()

    from dashboard.streamlit_app import app

    app.run(config=_public_where_others_reach_it(CONFIG | _from_outside() | _from_command(asked)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="convscope", description="See what a convolutional network sees.")
    parser.add_argument("--port", type=int, help="where to listen; 8501, or the next that is free")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument(
        "--trust-the-network", action="store_true",
        help="on an address that other machines can reach: let everyone open network files and folders of this machine",
    )  # fmt: skip
    return parser


def _from_command(asked: argparse.Namespace) -> dict[str, str | int | bool]:
    said: dict[str, str | int | bool] = {"server.port": asked.port} if asked.port is not None else {}
    return said | ({"server.headless": True} if asked.no_browser else {})


def _public_where_others_reach_it(config: dict[str, str | int | bool]) -> dict[str, str | int | bool]:
    """The same, for public mode where other machines may reach it and nobody said that they are trusted."""
    from dashboard.server import limits

    if os.environ["CONVSCOPE_MODE"] != "local" or limits.trusted() or limits.loopback(str(config["server.address"])):
        return config
    os.environ["CONVSCOPE_MODE"] = "public"
    sys.stderr.write(SAYS_PUBLIC.format(config["server.address"]))
    return config | {"server.maxUploadSize": min(int(config["server.maxUploadSize"]), PUBLIC_UPLOAD)}


def _warm() -> None:
    """Import TensorFlow while the server starts, so that the first page does not wait for it."""
    import core  # noqa: F401


def _from_outside() -> dict[str, str | int | bool]:
    """What the environment's variables say of the options: ``st.App``, unlike ``streamlit run``, does not read them."""
    said = {option: os.environ[_variable(option)] for option in FROM_OUTSIDE if _variable(option) in os.environ}
    return {option: _read(text, FROM_OUTSIDE[option], _variable(option)) for option, text in said.items()}


def _read(text: str, kind: type, variable: str) -> str | int | bool:
    if kind is int and not text.isdecimal():
        raise SystemExit(f"Expected a whole number in {variable}, got {text!r}.")
    return text.lower() in ("1", "true", "yes", "on") if kind is bool else int(text) if kind is int else text


def _variable(option: str) -> str:
    """The environment variable of an option: ``server.maxUploadSize`` -> ``STREAMLIT_SERVER_MAX_UPLOAD_SIZE``."""
    name = "".join("_" + letter if letter.isupper() else letter for letter in option.replace(".", "_"))
    return "STREAMLIT_" + name.upper()


if __name__ == "__main__":
    main()
