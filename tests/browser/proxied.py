"""nginx in front of running dashboards, with the configuration that the package carries."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from driven import ROOT, Server, free_port, start

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/bin")
CONFIG = ROOT / "dashboard" / "assets" / "nginx.conf"
AROUND = """
{user}
worker_processes 2;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    log_format asked '$cookie_convscope|$upstream_addr|$status|$request_uri';
    access_log {folder}/asked.log asked;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/convscope.conf;
}}
"""


def nginx() -> str:
    """The program; the test is skipped where there is none."""
    if NGINX is None:
        pytest.skip("Tests behind a proxy need nginx, which is not on this machine (Debian: apt-get install nginx).")
    return NGINX


@dataclass(frozen=True)
class Asked:
    """A request as nginx noted it: the number in the cookie, the port that answered, its answer, and the path."""

    number: str
    port: int
    status: int
    path: str


@dataclass
class Proxy:
    """A running nginx."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def asked(self) -> list[Asked]:
        """Every request until now that a server answered; the last of several servers that were tried.

        Without those by which Streamlit's page finds out in which folder it is: most of these are answered with 404.
        """
        lines = (self.folder / "asked.log").read_text().splitlines()
        rows = [line.split("|", 3) for line in lines if not line.endswith("/_stcore/host-config")]
        return [
            Asked(number.strip("-"), int(address.rsplit(":", 1)[1]), int(status), path)
            for number, address, status, path in rows
        ]

    def wait(self) -> None:
        """Return when it answers anything; fail with its words where it does not."""
        end = time.monotonic() + 20
        while time.monotonic() < end and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5).close()
                return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.1)
        pytest.fail(f"nginx did not start: {(self.folder / 'error.log').read_text()}")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(15)


def configured(folder: Path, port: int, servers: Sequence[int], *, more: str = "") -> Path:
    """Write the package's configuration for these two servers, with ``more`` in it first; returns nginx's own file."""
    text = CONFIG.read_text(encoding="utf-8")
    for found, wanted in (("listen 80;", f"listen 127.0.0.1:{port};\n    listen [::1]:{port};"),
                          ("8601", str(servers[0])), ("8602", str(servers[1])),
                          ("    location / {", more + "\n    location / {")):  # fmt: skip
        assert found in text
        text = text.replace(found, wanted)
    (folder / "convscope.conf").write_text(text, encoding="utf-8")
    whole = folder / "nginx.conf"
    user = "user root;" if hasattr(os, "geteuid") and os.geteuid() == 0 else ""
    whole.write_text(AROUND.format(folder=folder, user=user), encoding="utf-8")
    return whole


@contextmanager
def passed_on(folder: Path, servers: Sequence[int], *, more: str = "") -> Iterator[Proxy]:
    """nginx in front of two servers, given by their ports; ``more`` goes into its ``server`` block."""
    port = free_port()
    config = configured(folder, port, servers, more=more)
    proxy = Proxy(subprocess.Popen([nginx(), "-c", str(config), "-p", str(folder)]), port, folder)
    try:
        proxy.wait()
        yield proxy
    finally:
        proxy.stop()


def serve(port: int, *, base: str = "") -> Server:
    """Start a server as the configuration says, which is reached through nginx only."""
    words = ["-m", "dashboard", "--public", "--no-browser", "--port", str(port)]
    return start([*words, f"--server.baseUrlPath={base}"] if base else words, port=port, folder=ROOT, base=base)


def takes(config: Path) -> str:
    """What nginx says of a configuration that it refuses; nothing, where it takes it."""
    tried = subprocess.run([nginx(), "-t", "-q", "-c", str(config)], capture_output=True, text=True, check=False)
    return "" if tried.returncode == 0 else re.sub(r"\s+", " ", tried.stderr)
