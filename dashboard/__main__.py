"""``python -m dashboard`` and the console script ``convscope``: the dashboard on this machine only, for one person."""

from __future__ import annotations

import os
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
CONFIG = {
    "theme.base": str(HERE / "theme.toml"),
    "server.address": "127.0.0.1",
    "server.maxUploadSize": 200,
    "browser.gatherUsageStats": False,
    "client.showErrorDetails": "none",
    "client.showErrorLinks": False,
    "client.toolbarMode": "minimal",
    "runner.magicEnabled": False,
}
FROM_OUTSIDE = {"server.port": int, "server.headless": bool} | {name: type(value) for name, value in CONFIG.items()}


def main() -> None:
    """Start the server; ``STREAMLIT_*`` environment variables override the settings, for example the port."""
    os.environ.setdefault("CONVSCOPE_MODE", "local")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    threading.Thread(target=_warm, daemon=True).start()

    from dashboard.streamlit_app import app

    app.run(config=CONFIG | _from_outside())


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
