"""What is installed has everything that runs: the files of the project against setuptools' globs in pyproject.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

from setuptools import find_namespace_packages

ROOT = Path(__file__).parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def installed() -> set[Path]:
    """Modules of the packages that setuptools finds (namespaces, too), and what package-data's globs give."""
    packages = find_namespace_packages(str(ROOT), **SETTINGS["packages"]["find"])
    folders = {name: ROOT / name.replace(".", "/") for name in packages}
    modules = {path for folder in folders.values() for path in folder.glob("*.py")}
    globs = [(folders[name], glob) for name, globs in SETTINGS["package-data"].items() for glob in globs]
    return modules | {path for folder, glob in globs for path in folder.glob(glob)}


def test_a_wheel_has_every_file_of_the_packages() -> None:
    files = [path for top in ("core", "dashboard") for path in (ROOT / top).rglob("*") if path.is_file()]
    needed = {path for path in files if "__pycache__" not in path.parts}
    assert {path.suffix for path in needed} >= {".py", ".js", ".css", ".html", ".keras", ".toml"}
    assert needed - installed() == set()
