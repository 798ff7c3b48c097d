"""The words of the command line: what they ask for, and what is said of those that ask for nothing that there is."""

from __future__ import annotations

import ast
import re
import resource
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from dashboard import version
from dashboard.command import options

ROOT = Path(__file__).parents[3]


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The sentence with which these words are refused, and exit code 2."""
    with pytest.raises(SystemExit) as ended:
        options.read(words)
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1, "one sentence"
    return said.err


def test_nothing_asked_opens_a_browser_and_sets_nothing() -> None:
    assert options.read([]) == options.Asked((), {}, browser=True, public=False, trusted=False)


def test_own_and_streamlits_options_stand_anywhere() -> None:
    asked = options.read(["a.jpg", "--server.port=8601", "--host", "::1", "b.keras", "--theme.base", "dark"])
    assert asked.given == ("a.jpg", "b.keras")
    assert asked.config == {"server.port": 8601, "server.address": "::1", "theme.base": "dark"}
    asked = options.read(["--server.headless", "a.jpg", "--server.port", "8602", "--server.enableCORS", "false"])
    assert asked.given == ("a.jpg",) and not asked.browser
    assert asked.config == {"server.headless": True, "server.port": 8602, "server.enableCORS": False}
    assert options.read(["--port", "8603", "--public"]).config == {"server.port": 8603}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--prot", "80"], "Expected an option of convscope, got --prot; did you mean --port?"),
        (["--server.prt", "80"], "got --server.prt; did you mean --server.port?"),
        (["--server.port", "x"], "Expected a whole number for --server.port, got 'x'"),
        (["--server.port"], "Expected a value after --server.port"),
        (["--server.cookieSecret=1"], "which is secret"),
        (["--port", "0"], "Expected a port from 1 to 65535, got '0'"),
        (["--public", "--trust-the-network"], "contradict"),
    ],
)
def test_what_there_is_not_gets_one_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sentence in refused(capsys, *words)


def test_a_port_on_which_somebody_listens_is_refused_before_anything_is_imported() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(ValueError, match=rf"got 127.0.0.1:{other.getsockname()[1]}: "):
            options.require_free("127.0.0.1", other.getsockname()[1])


def ended(*words: str) -> tuple[int, str, list[str], float]:
    """``convscope WORDS``: its exit code, what it says, what heavy things it imported, and seconds of the processor."""
    code = f"import runpy, sys; sys.argv = ['convscope', *{words!r}]\n"
    code += "try: runpy.run_module('dashboard', run_name='__main__')\n"
    code += "finally: print([one for one in ('tensorflow', 'keras', 'streamlit', 'sklearn') if one in sys.modules])"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    one = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    *said, imported = one.stdout.splitlines()
    return one.returncode, "\n".join([*said, one.stderr]), ast.literal_eval(imported), spent


@pytest.mark.parametrize(
    ("words", "code", "sentence", "seconds"),
    [
        (["--help"], 0, "--trust-the-network", 0.5),
        (["attack", "--help"], 0, "--random-start, --no-random-start", 1.5),
        (["dream", "coffee", "--setps", "3", "-o", "o.png"], 2, "got --setps; did you mean --steps?", 1.5),
        (["dream", "coffee", "--steps", "0", "-o", "o.png"], 1, "Expected steps from 1 to", 1.5),
    ],
    ids=("help", "help of a command", "no such option", "no such value"),
)
def test_help_and_what_is_wrong_are_said_at_once_without_tensorflow(
    words: list[str], code: int, sentence: str, seconds: float
) -> None:
    returned, said, imported, spent = ended(*words)
    assert (returned, imported) == (code, []) and sentence in said and "Traceback" not in said
    assert words != ["--help"] or all(command in said for command in options.COMMANDS)
    assert spent < seconds, "seconds of the processor"


def test_version_is_the_projects_own() -> None:
    declared = re.search('^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.M)
    assert declared is not None and version() == declared[1]
