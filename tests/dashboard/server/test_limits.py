"""What may be asked of a server, and who gets the powers of the person in front of the machine."""

from __future__ import annotations

import os
import tomllib
from types import SimpleNamespace

import pytest
import streamlit as st

from dashboard import __main__ as command
from dashboard.server import limits


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("CONVSCOPE_", "STREAMLIT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CONVSCOPE_MODE", "")
    monkeypatch.delenv("CONVSCOPE_MODE")
    monkeypatch.setenv("CONVSCOPE_TRUST_NETWORK", "")


def serving(monkeypatch: pytest.MonkeyPatch, address: str | None) -> None:
    monkeypatch.setattr(limits, "_serving", lambda: True)
    monkeypatch.setattr(st, "get_option", lambda _: address)


@pytest.mark.parametrize(
    ("address", "only_here"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), (None, False),
     ("", False), ("192.168.1.5", False), ("::", False), ("example.org", False), ("unix:///tmp/x", False)],
)  # fmt: skip
def test_local_powers_only_where_no_other_machine_reaches_the_server(monkeypatch, address, only_here):
    monkeypatch.setenv("CONVSCOPE_MODE", "local")
    serving(monkeypatch, address)
    assert limits.local() is only_here
    monkeypatch.setenv("CONVSCOPE_TRUST_NETWORK", "yes")
    assert limits.local() is True
    monkeypatch.setenv("CONVSCOPE_MODE", "public")
    assert limits.local() is False


@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP"])
def test_whom_a_proxy_brought_has_no_local_powers(monkeypatch, header):
    monkeypatch.setenv("CONVSCOPE_MODE", "local")
    serving(monkeypatch, "127.0.0.1")
    monkeypatch.setattr(st, "context", SimpleNamespace(headers={"Host": "localhost:8501"}))
    assert limits.local() is True
    st.context.headers[header] = "203.0.113.7"
    assert limits.local() is False and limits.limits() is limits.LIMITS["public"]
    monkeypatch.setenv("CONVSCOPE_TRUST_NETWORK", "yes")
    assert limits.local() is True


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.5"])
def test_the_console_script_on_an_open_address_is_public_and_says_so(monkeypatch, capsys, address):
    config = {}
    monkeypatch.setenv("STREAMLIT_SERVER_ADDRESS", address)
    monkeypatch.setattr(command.process, "begin", lambda: None)
    monkeypatch.setattr("dashboard.streamlit_app.app.run", lambda config: started.update(config), raising=False)
    started = config
    command.main([])
    assert os.environ["CONVSCOPE_MODE"] == "public" and started["server.maxUploadSize"] == 10
    said = capsys.readouterr().err
    assert address in said and "public mode" in said and "--trust-the-network" in said


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [([], {}), (["--trust-the-network"], {"STREAMLIT_SERVER_ADDRESS": "0.0.0.0"}),
     ([], {"STREAMLIT_SERVER_ADDRESS": "0.0.0.0", "CONVSCOPE_TRUST_NETWORK": "yes"})],
)  # fmt: skip
def test_the_console_script_is_local_on_this_machine_or_where_it_is_told_to_trust(
    monkeypatch, capsys, arguments, variables
):
    started = {}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(command.process, "begin", lambda: None)
    monkeypatch.setattr("dashboard.streamlit_app.app.run", lambda config: started.update(config), raising=False)
    command.main([*arguments, "--port", "9999", "--no-browser"])
    assert os.environ["CONVSCOPE_MODE"] == "local" and started["server.maxUploadSize"] == 200
    assert started["server.port"] == 9999 and started["server.headless"] is True
    assert capsys.readouterr().err == ""


def test_every_bound_of_public_mode_is_at_most_that_of_local_mode():
    public, local = (vars(limits.LIMITS[mode]) for mode in ("public", "local"))
    assert all(public[name] <= local[name] for name in public) and len(public) > 10


@pytest.mark.parametrize(
    ("ask", "fits", "sentence"),
    [
        (
            lambda most, much: most.check_steps(512 + much),
            0,
            "at most 512 steps, got 513; Convscope on your own machine",
        ),
        (lambda most, much: most.check_units(32, 256, 256 + much), 0, r"at most 2,097,152 pixels .*32 of 256 x 257"),
        (
            lambda most, much: most.check_dream(300, 1024 + much),
            0,
            "at most 1,024 pixels on the longer side, got 1,025",
        ),
        (lambda most, much: most.check_zoom(60 + much), 0, "at most 60 frames, got 61"),
        (lambda most, much: most.check_seconds(300 + much), 0, "at most 300 seconds of computing, got 301"),
        (
            lambda most, much: most.check_attacked(20, 5, 5 + much),
            0,
            r"at most 500 attacked pictures \(20 by 5 attacks at 6 epsilons\), got 600",
        ),
        (lambda most, much: most.check_explained(20, 10 + much), 0, r"at most 200 maps \(20 pictures .*, got 220"),
    ],
)
def test_a_public_server_says_what_it_bounds(monkeypatch, ask, fits, sentence):
    monkeypatch.setenv("CONVSCOPE_MODE", "public")
    ask(limits.limits(), fits)
    with pytest.raises(ValueError, match=sentence):
        ask(limits.limits(), 1)
    monkeypatch.setenv("CONVSCOPE_MODE", "local")
    ask(limits.limits(), 1)


def test_no_way_of_starting_watches_files():
    """Streamlit's watcher looks at every imported module, once for each session, in the event loop (12 to 20 s)."""
    config = tomllib.loads((command.HERE.parent / ".streamlit" / "config.toml").read_text())
    assert config["server"]["fileWatcherType"] == command.CONFIG["server.fileWatcherType"] == "none"
