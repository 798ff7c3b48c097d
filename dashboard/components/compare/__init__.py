"""Two pictures with a line between them."""

from __future__ import annotations

from dashboard.components.files import component

_compare = component("compare")


def compare(before: str, after: str, *, alt: str, key: str) -> None:
    """Two pictures of one size, one over the other, with a line between them that follows mouse, finger or arrows.

    Args:
        before: address of the picture on the left, ``figures.data_url``.
        after: of the one on the right.
        alt: both in words.
        key: the component's own key.
    """
    _compare(data={"before": before, "after": after, "alt": alt}, key=key)
