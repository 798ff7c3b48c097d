"""Parts of pages that a person opens to look closer at a result."""
