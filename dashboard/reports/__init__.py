"""A result to take away: its pictures, numbers, settings and script, as one HTML page or as a zip."""

from __future__ import annotations

from dashboard.reports.contents import WAYS, Contents, contents, embedded, taken_apart, united
from dashboard.reports.files import archive, html, notebook, table

__all__ = ["WAYS", "Contents", "archive", "contents", "embedded", "html", "notebook", "table", "taken_apart", "united"]
