"""A result as files: one HTML page that needs nothing else, a zip, a notebook.

The zip holds everything that its script needs beside this package: unpacked, ``python script.py`` makes the same.
"""

from __future__ import annotations

import csv
import io
import json
import platform
from collections.abc import Mapping, Sequence
from html import escape
from importlib import metadata
from string import Template
from typing import Any

import core
from dashboard import figures, version
from dashboard.recipes import Dream, Recipe
from dashboard.recipes.base import GUIDE_FILE, OWN_FILE
from dashboard.reports.contents import Contents, Row
from dashboard.reports.export import zipped
from dashboard.server import networks, uploads, user_models

TITLES = {
    "maximize": "Filter maximization", "dream": "DeepDream", "attack": "Adversarial example",
    "attribute": "Why this answer?", "invert": "Feature inversion", "activations": "Layer activations",
    "units": "Top activating patches", "map": "Map of pictures", "network": "The network",
}  # fmt: skip
PACKAGES = ("tensorflow", "tensorflow-cpu", "keras", "numpy", "pillow")
MOST_ROWS = 1000
PAGE = Template("""\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>$title</title><style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
img { max-width: 100%; height: auto; image-rendering: auto; } figure { margin: 1.5rem 0; }
.main img { width: 100%; max-height: 36rem; object-fit: contain; object-position: left; image-rendering: pixelated; }
.more img { width: 100%; } .more { display: flex; flex-wrap: wrap; gap: 1rem; }
.more figure { width: 12rem; margin: 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .8rem; text-align: left; }
tr:nth-child(even) { background: rgb(128 128 128 / .12); } pre { overflow-x: auto; padding: 1rem; background:
rgb(128 128 128 / .12); } .scroll { overflow: auto; max-height: 30rem; }
</style></head><body><main>
<h1>$title</h1><p>$about</p>$says$pictures$tables
<h2>Make it again</h2>$link<p>In Python, with Convscope installed:</p><pre>$script</pre>
<h2>Settings</h2><pre>$settings</pre>
<h2>Versions</h2><p>$versions</p></main></body></html>
""")


def title(recipe: Recipe) -> str:
    """What to call a result."""
    return TITLES.get(recipe.technique) or recipe.technique.replace("_", " ").capitalize()


def about(recipe: Recipe) -> str:
    """Of which network and picture it is."""
    pictures = [uploads.picture_title(one) for one in recipe.pictures()]
    return ". ".join([f"Network: {networks.network_title(recipe.network)}", *(f"Picture: {one}" for one in pictures)])


def versions() -> dict[str, str]:
    """What it was made with."""
    found = {"convscope": version(), "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # TensorFlow has one of two names
    return found | {"machine": f"{platform.system()} {platform.machine()}"}


def html(recipe: Recipe, found: Contents, *, link: str = "") -> bytes:
    """One page with everything in it; ``link`` is the address that shows the same."""
    more = [name for name in found.pictures if name != found.main]
    shown = _figure(found, found.main, "main") if found.main in found.pictures else ""
    shown += f'<div class="more">{"".join(_figure(found, name) for name in more)}</div>' if more else ""
    told = f'<p>Its address: <a href="{escape(link)}">{escape(link)}</a></p>' if link.startswith("http") else ""
    return PAGE.substitute(
        title=escape(title(recipe)), about=f"{escape(about(recipe))}.",
        says=f"<p><strong>{escape(found.says)}</strong></p>" if found.says else "", pictures=shown,
        tables="".join(_table(name, rows) for name, rows in found.tables.items()), link=told,
        script=escape(recipe.script()), settings=escape(recipe.settings()),
        versions=escape(", ".join(f"{name} {text}" for name, text in versions().items())),
    ).encode()  # fmt: skip


def _figure(found: Contents, name: str, kind: str = "") -> str:
    told = escape(found.captions.get(name, name))
    picture = f'<img src="{figures.data_url(found.pictures[name])}" alt="{told}">'
    return f'<figure class="{kind}">{picture}<figcaption>{told}</figcaption></figure>'


def _table(name: str, rows: Sequence[Row]) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in rows[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(_number(value))}</td>" for value in row.values()) + "</tr>"
        for row in rows[:MOST_ROWS]
    )
    left = f"<p>The first {MOST_ROWS:,} of {len(rows):,}.</p>" if len(rows) > MOST_ROWS else ""
    return f'<h2>{escape(name.capitalize())}</h2><div class="scroll"><table><tr>{head}</tr>{body}</table></div>{left}'


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def archive(recipe: Recipe, found: Contents, *, link: str = "") -> bytes:
    """Everything as a zip: report, pictures, numbers, settings, script, notebook, and what the script opens."""
    files: dict[str, bytes] = {
        "report.html": html(recipe, found, link=link), "settings.json": recipe.settings().encode(),
        "script.py": recipe.script().encode(), "notebook.ipynb": notebook(recipe),
        "versions.json": json.dumps(versions() | {"link": link}, indent=2).encode(),
    }  # fmt: skip
    files |= {f"pictures/{name}.png": data for name, data in found.pictures.items()}
    files |= {f"{name}.{kind}": make() for kind, make in found.video.items() for name in [found.main]}
    files |= {f"numbers/{name}.csv": table(rows) for name, rows in found.tables.items()}
    if found.arrays:
        files["numbers/arrays.npz"] = core.encode_npz(found.arrays)
    return zipped(files | needed(recipe))


def needed(recipe: Recipe) -> dict[str, bytes]:
    """What the script opens, by the names that it has there: a person's own pictures, the names of the classes."""
    guide = recipe.guide if isinstance(recipe, Dream) else ""
    own = {GUIDE_FILE if name == guide else OWN_FILE: name for name in recipe.pictures()}
    files = {
        file: core.encode_png(uploads.picture(name)[0])
        for file, name in own.items()
        if name not in core.samples.names()
    }
    brought = user_models.get(recipe.network)
    if brought and brought.labels:
        files["labels.txt"] = "\n".join(brought.labels).encode()
    return files


def table(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def notebook(recipe: Recipe) -> bytes:
    """The script as a notebook of Jupyter."""
    code: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": recipe.script(),
    }
    said = {"cell_type": "markdown", "metadata": {}, "source": f"# {title(recipe)}"}
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return json.dumps({"cells": [said, code], "metadata": kernel, "nbformat": 4, "nbformat_minor": 4}).encode()
