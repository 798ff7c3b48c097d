"""Recipes -> widgets whose values live in the page's address: settings in general, and one form per technique."""

from dashboard.forms.settings import choose, field, fields, options

__all__ = ["choose", "field", "fields", "options"]
