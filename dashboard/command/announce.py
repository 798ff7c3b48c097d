"""Where the dashboard can be seen: said on the terminal, and opened in a browser."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import webbrowser


def tell(shown: str = "", *, browser: bool) -> None:
    """Say the address of the running server, and open it. ``shown`` is the end of the address."""
    from streamlit import get_option

    address = str(get_option("server.address") or "localhost")
    host = "localhost" if address in ("127.0.0.1", "0.0.0.0", "::", "::1") else address  # noqa: S104
    base = str(get_option("server.baseUrlPath") or "").strip("/")
    url = f"http://{host}:{get_option('server.port')}/{base + '/' if base else ''}{shown}"
    sys.stdout.write(f"\n  Convscope: {url}\n  Ctrl-C ends it.\n\n")
    sys.stdout.flush()
    if browser and (os.environ.get("BROWSER") or _has_screen()):
        threading.Thread(target=_open, args=(url,), daemon=True).start()


def _has_screen() -> bool:
    """Whether somebody sits here: elsewhere a browser of the terminal would open, or none."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _open(url: str) -> None:
    with contextlib.suppress(webbrowser.Error, OSError):
        webbrowser.open(url)
