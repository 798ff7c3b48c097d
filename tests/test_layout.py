"""The rules of the design, read from the source: who imports whom, how long functions are, what lies where."""

import ast
import fnmatch
import functools
import re
import sys
from pathlib import Path

import pytest

import core

ROOT = Path(__file__).resolve().parents[1]
STANDARD = sys.stdlib_module_names
FIELD = {
    *("tensorflow", "keras", "numpy", "PIL", "skimage", "sklearn", "scipy", "av", "h5py", "threadpoolctl"),
    *("fsspec", "pyarrow", "distributed", "cloudpickle"),
}

FLOORS = {
    "types": 0,
    "checks": 0,
    "settings": 0,
    "pauses": 0,
    "parts": 0,
    "pictures": 1,
    "networks": 2,
    "optimize": 3,
    "techniques": 4,
    "bundled": 5,
}
"""core, from the ground up: what stands on a floor imports its own floor and those below it."""

ALLOWED = {
    *("pyproject.toml", "README.md", "LICENSE", "CONTRIBUTING.md", "CHANGELOG.md"),
    *(".gitignore", ".git", ".pre-commit-config.yaml"),
    *("core", "dashboard", "tests", ".streamlit", ".ci"),
}


def sources(*folders):
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def named(path):
    return str(path.relative_to(ROOT))


def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(path):
    """Full names of what a file imports, those inside functions included: ``core.images``, ``numpy``."""
    return _imports(path, ROOT)


@functools.cache
def _imports(path, root):
    return tuple(_read_imports(path, root))


def _read_imports(path, root):
    package = path.relative_to(root).parent.parts
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (start, node.module) if part)
            inside = (root / module.replace(".", "/")).is_dir()
            yield from (f"{module}.{alias.name}" if inside else module for alias in node.names)


def roots(path):
    return {name.split(".")[0] for name in imports(path)} - STANDARD - {"__future__"}


def of_package(path, package):
    """The modules of a package that a file imports."""
    return {name.split(".")[1] for name in imports(path) if name.startswith(package + ".")}


CORE, PAGES = sources("core"), sources("dashboard/app_pages")
INNER = [path for path in CORE if path != ROOT / "core" / "__init__.py"]
TECHNIQUES = sources("core/techniques")


def floor(name):
    """The floor of a module of core, given by its full name: ``core.pictures.images`` -> ``pictures``."""
    return name.split(".")[1]


def technique(name):
    return name.split(".")[2] if name.startswith("core.techniques.") else ""


def module(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def test_the_reader_of_imports_reads_them_all(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    (tmp_path / "core" / "inner").mkdir(parents=True)
    path = tmp_path / "core" / "inner" / "a.py"
    path.write_text("import numpy.typing\nfrom core import b\nfrom .. import c\nfrom ..d import e\ndef f():\n import g")
    assert sorted(imports(path)) == ["core.b", "core.c", "core.d", "g", "numpy.typing"]


@pytest.mark.parametrize("path", CORE, ids=named)
def test_core_knows_nothing_of_the_page(path):
    lazy = {"lazy_loader"} if path == ROOT / "core" / "__init__.py" else set()
    assert roots(path) <= FIELD | lazy | {"core"}, "core may use the field's libraries, never streamlit or plotly"
    assert "dashboard" not in roots(path)


@pytest.mark.parametrize("path", INNER, ids=named)
def test_core_imports_downwards(path):
    own = FLOORS[floor(module(path))]
    used = {floor(name) for name in imports(path) if name.startswith("core.")}
    assert used <= set(FLOORS), "a new floor needs a place"
    assert {one for one in used if FLOORS[one] > own} == set()


@pytest.mark.parametrize("path", [p for p in TECHNIQUES if p.parent.name != "core"], ids=named)
def test_a_technique_never_imports_a_technique(path):
    others = {technique(name) for name in imports(path)} - {"", technique(module(path))}
    assert others == set()


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_pages_never_touch_tensorflow(path):
    assert roots(path) <= {"streamlit", "numpy", "core", "dashboard"}
    assert of_package(path, "dashboard") <= set(DASHBOARD)
    assert not of_package(path, "core"), "pages use core's public names only"


DASHBOARD = {
    "__init__": (set(), set()),
    "__main__": (set(), {"command", "process", "server", "streamlit_app"}),
    "command": (
        {"core", "streamlit", "tensorflow"},
        {"figures", "recipes", "reports", "server", "version"},
    ),
    "reports": ({"core", "numpy"}, {"figures", "recipes", "server", "version"}),
    "streamlit_app": ({"starlette", "streamlit"}, {"process"}),
    "process": ({"core", "keras"}, {"server"}),
    "frame": (
        {"streamlit"},
        {
            "address",
            "components",
            "figures",
            "first_look",
            "lenses",
            "lessons",
            "notices",
            "own_files",
            "process",
            "server",
            "words",
        },
    ),
    "first_look": ({"core", "numpy", "streamlit"}, {"process", "server", "words", "workbench"}),
    "notices": ({"streamlit"}, {"words"}),
    "own_files": ({"core", "streamlit"}, {"address", "notices", "server", "words"}),
    "layer_view": (
        {"core", "numpy", "streamlit"},
        {"address", "components", "figures", "recipes", "server", "words", "workbench"},
    ),
    "address": ({"streamlit"}, set()),
    "components": ({"streamlit"}, set()),
    "figures": ({"numpy", "plotly", "skimage"}, set()),
    "words": ({"core"}, set()),
    "server": ({"cachetools", "core", "keras", "numpy", "psutil", "starlette", "streamlit"}, {"server", "words"}),
    "forms": (
        {"core", "numpy", "streamlit"},
        {"address", "components", "figures", "notices", "recipes", "server", "words"},
    ),
    "panels": (
        {"core", "numpy", "streamlit"},
        {
            "address",
            "components",
            "downloads",
            "figures",
            "forms",
            "layer_view",
            "lenses",
            "notices",
            "recipes",
            "reports",
            "server",
            "words",
            "workbench",
        },
    ),
    "lessons": ({"core", "streamlit"}, set()),
    "lenses": ({"core", "streamlit"}, {"address", "server", "words"}),
    "recipes": ({"core", "numpy"}, {"server", "words"}),
    "default_results": ({"core", "numpy"}, {"recipes"}),
    "workbench": (
        {"core", "numpy", "psutil", "streamlit"},
        {"address", "default_results", "downloads", "notices", "recipes", "server", "words"},
    ),
    "downloads": ({"core", "numpy", "streamlit"}, {"address", "recipes", "reports"}),
}
"""Beside the pages: which libraries, and which other parts of the dashboard, each part may import."""


@pytest.mark.parametrize("path", [p for p in sources("dashboard") if p not in PAGES], ids=named)
def test_the_parts_of_the_dashboard_import_what_they_may(path):
    part = path.relative_to(ROOT / "dashboard").parts[0].removesuffix(".py")
    assert part in DASHBOARD, "a new part needs a rule"
    libraries, own = DASHBOARD[part]
    assert roots(path) - {"dashboard"} <= libraries
    assert of_package(path, "dashboard") <= own | {part}
    assert not of_package(path, "core"), "core's public names only"


def test_all_lists_what_core_exports():
    modules = set(FLOORS)
    stub = tree(ROOT / "core/__init__.pyi").body
    bound = [alias.asname or alias.name for node in stub if isinstance(node, ast.ImportFrom) for alias in node.names]
    listed = next(ast.literal_eval(node.value) for node in stub if isinstance(node, ast.Assign))
    assert sorted(bound) == sorted(listed) == sorted(core.__all__), "its imports, its __all__, and what Python sees"
    assert [name for name in core.__all__ if not hasattr(core, name)] == []
    public = {name for name in vars(core) if not name.startswith("_")}
    assert public - set(core.__all__) <= modules


def test_every_module_of_core_is_on_the_map():
    described = ast.get_docstring(tree(ROOT / "core/__init__.py"))
    inner = (path.relative_to(ROOT / "core").parts for path in INNER if path.name != "__init__.py")
    names = {parts[min(1, len(parts) - 1)].removesuffix(".py") for parts in inner} - {"sheet", "train"}
    missing = sorted(name for name in names if not re.search(rf"\n +{name}/? ", described))
    assert missing == []


@pytest.mark.parametrize("path", [p for p in CORE if named(p) != "core/bundled/train.py"], ids=named)
def test_core_does_not_print(path):
    calls = (node.func for node in ast.walk(tree(path)) if isinstance(node, ast.Call))
    assert not [call.lineno for call in calls if isinstance(call, ast.Name) and call.id in ("print", "input", "exec")]


@pytest.mark.parametrize("path", sources("core", "dashboard"), ids=named)
def test_errors_are_value_errors_and_nothing_is_caught_blindly(path):
    for node in ast.walk(tree(path)):
        assert not isinstance(node, ast.Assert), f"assert in line {node.lineno}: raise ValueError"
        assert not (isinstance(node, ast.ExceptHandler) and node.type is None), f"bare except in line {node.lineno}"


def foreign(path):
    """Attributes with a leading underscore that a file takes from something other than ``self``."""
    for node in ast.walk(tree(path)):
        own = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
        if isinstance(node, ast.Attribute) and re.match("_[^_]", node.attr) and not own:
            yield node.attr


PRIVATE = {"_flatten_layers": "core/networks/classifiers.py", "_registry": "core/networks/custom_gradients.py"}
"""Private names of Keras and TensorFlow, each with the one file that uses it."""
PRIVATE_MODULES = {
    "keras.src": "core/networks/description_parts.py",
    "tensorflow.python": "core/networks/custom_gradients.py",
}


@pytest.mark.parametrize("path", CORE, ids=named)
def test_core_reads_no_private_attribute_of_another_object(path):
    assert [name for name in foreign(path) if PRIVATE.get(name) != named(path)] == []


@pytest.mark.parametrize("path", sources("dashboard", "tests"), ids=named)
def test_nobody_looks_into_a_classifier(path):
    assert {"_graph", "_kept"} & {*foreign(path)} == set(), "Classifier.graph, replaced, kept and keep are for this"


@pytest.mark.parametrize("module", [*PRIVATE_MODULES, "tf.python"])
def test_private_modules_are_used_in_one_file(module):
    private = re.compile(rf"\b{re.escape(module)}\b")
    users = [named(path) for path in sources("core", "dashboard") if private.search(path.read_text())]
    assert users == [PRIVATE_MODULES[module]] if module in PRIVATE_MODULES else users == []


@pytest.mark.parametrize("path", [p for p in CORE if named(p) != "core/bundled/train.py"], ids=named)
def test_a_compiled_function_is_made_where_it_is_compiled_aside(path):
    text = path.read_text(encoding="utf-8")
    assert "tf.function(" not in text or re.search(r"\bcompiled\(|\bCompiled\(|keep_aside\(", text)


def functions(node):
    return [inner for inner in ast.walk(node) if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef))]


@pytest.mark.parametrize("path", sources("core", "dashboard"), ids=named)
def test_no_function_has_more_than_60_lines_of_code(path):
    for function in functions(tree(path)):
        said = function.body[0] if ast.get_docstring(function) else None
        lines = function.end_lineno - function.lineno + 1 - (said.end_lineno - said.lineno + 1 if said else 0)
        assert lines <= 60, f"{function.name} has {lines} lines"


@pytest.mark.parametrize("path", sources("core", "dashboard"), ids=named)
def test_no_public_function_takes_more_than_four_parameters_by_position(path):
    body = tree(path).body
    methods = [node for owner in body if isinstance(owner, ast.ClassDef) for node in owner.body]
    for function in body + methods:
        if isinstance(function, ast.FunctionDef) and not function.name.startswith("_"):
            names = [a.arg for a in function.args.posonlyargs + function.args.args if a.arg not in ("self", "cls")]
            assert len(names) <= 4, f"{function.name} takes {names} by position"


LONG = {"units", "why"}
"""Pages that still hold more than what is special about them."""


@pytest.mark.parametrize("path", [path for path in PAGES if path.stem not in LONG], ids=named)
def test_a_page_has_at_most_120_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 120


def test_nothing_lies_about():
    patterns = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text().split()]
    found = {path.name for path in ROOT.iterdir()}
    strangers = {n for n in found - ALLOWED if not any(fnmatch.fnmatch(n, p.lstrip("/")) for p in patterns)}
    assert strangers == set()
    assert {"pyproject.toml", "core", "dashboard", "tests"} <= found
    assert not (ROOT / "dashboard" / "pages").exists(), "this name wakes Streamlit's old page discovery"
