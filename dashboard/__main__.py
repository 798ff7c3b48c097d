"""``python -m dashboard`` and the console script ``convscope``: the dashboard on this machine only, for one person."""

from __future__ import annotations

import os
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
CONFIG = {
    "theme.base": str(HERE / "theme.toml"),
    "server.address": "127.0.0.1",
    "server.maxUploadSize": 50,
    "browser.gatherUsageStats": False,
    "client.showErrorDetails": "none",
    "client.toolbarMode": "minimal",
    "runner.magicEnabled": False,
}


def main() -> None:
    """Start the server; ``STREAMLIT_*`` environment variables override the settings, for example the port."""
    os.environ.setdefault("CONVSCOPE_MODE", "local")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    threading.Thread(target=_warm, daemon=True).start()
    import streamlit as st

    st.App(HERE / "streamlit_app.py").run(config={k: v for k, v in CONFIG.items() if _variable(k) not in os.environ})


def _warm() -> None:
    """Import TensorFlow while the server starts, so that the first page does not wait for it."""
    import core  # noqa: F401


def _variable(option: str) -> str:
    """The environment variable of an option: ``server.maxUploadSize`` -> ``STREAMLIT_SERVER_MAX_UPLOAD_SIZE``."""
    name = "".join("_" + letter if letter.isupper() else letter for letter in option.replace(".", "_"))
    return "STREAMLIT_" + name.upper()


if __name__ == "__main__":
    main()
