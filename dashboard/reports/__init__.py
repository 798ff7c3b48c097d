"""A result to take away: its pictures, numbers, settings and script, as one HTML page or as a zip."""

from __future__ import annotations

from dashboard.reports.contents import WAYS, Contents, contents, embedded, taken_apart, united
from dashboard.reports.export import each_map, latex_figure
from dashboard.reports.files import archive, html, notebook, table

__all__ = ["WAYS", "Contents", "archive", "contents", "each_map", "embedded", "html", "latex_figure", "notebook"]
__all__ += ["table", "taken_apart", "united"]
