"""``python -m dashboard`` and the console script ``convscope``: the dashboard on this machine only, for one person.

    convscope [PICTURE or NETWORK ...] [--port 8501] [--host H] [--no-browser] [--public] [--trust-the-network]
    convscope dream photo.jpg -o out.png        # without a browser; ``convscope --help`` lists the commands

It listens on 127.0.0.1 and is in local mode: the person in front of the machine may open network files and folders of
it. ``STREAMLIT_*`` environment variables override the settings. On an address that other machines can reach
(``STREAMLIT_SERVER_ADDRESS=0.0.0.0``) it is in public mode, and says so: whoever reached it could read this machine's
files. ``--trust-the-network``, or ``CONVSCOPE_TRUST_NETWORK=yes``, gives local mode to everyone who can reach it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from dashboard import process
from dashboard.command import announce, given, options

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
    """Make pictures, where the first word is a command; else start the server, as the words and the environment say."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        if words[:1] and words[0] in options.COMMANDS:
            process.prepare(log_level="3")
            from dashboard.command import make

            raise SystemExit(make.main(words))
        _serve(options.read(words))
    except ValueError as error:
        sys.stderr.write(f"convscope: {error}\n")
        raise SystemExit(1) from error
    except KeyboardInterrupt as error:
        raise SystemExit(130) from error


def _serve(asked: options.Asked) -> None:
    """Look at what was given, then start the server, and open a browser when it answers. Raises ValueError."""
    os.environ["CONVSCOPE_MODE"] = "public" if asked.public else os.environ.get("CONVSCOPE_MODE", "local")
    if asked.trusted:
        os.environ["CONVSCOPE_TRUST_NETWORK"] = "yes"
    config = CONFIG | _from_outside() | asked.config
    if "server.port" in config:
        options.require_free(str(config["server.address"]), int(config["server.port"]))
    found = given.look(asked.given)
    process.begin()
    config = _public_where_others_reach_it(config)
    shown = given.take_in(found)

    from dashboard import streamlit_app

    wants_browser = asked.browser and not config.get("server.headless")
    streamlit_app.STARTED.append(lambda: announce.tell(shown, browser=wants_browser))
    streamlit_app.app.run(config=config | {"server.headless": True, "logger.hideWelcomeMessage": True})


def _public_where_others_reach_it(config: dict[str, str | int | bool]) -> dict[str, str | int | bool]:
    """The same, for public mode where other machines may reach it and nobody said that they are trusted."""
    from dashboard.server import limits

    if os.environ["CONVSCOPE_MODE"] != "local":
        return config | {"server.maxUploadSize": min(int(config["server.maxUploadSize"]), PUBLIC_UPLOAD)}
    if limits.trusted() or limits.loopback(str(config["server.address"])):
        return config
    os.environ["CONVSCOPE_MODE"] = "public"
    sys.stderr.write(SAYS_PUBLIC.format(config["server.address"]))
    return config | {"server.maxUploadSize": min(int(config["server.maxUploadSize"]), PUBLIC_UPLOAD)}


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
