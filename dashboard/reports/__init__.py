"""A result to take away: its pictures, numbers, settings and script, as one HTML page or as a zip."""

from __future__ import annotations

from dashboard.reports.contents import Contents, contents, embedded, united
from dashboard.reports.files import archive, html, notebook, table

__all__ = ["Contents", "archive", "contents", "embedded", "html", "notebook", "table", "united"]
