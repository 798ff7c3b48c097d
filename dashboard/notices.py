"""What is said where something cannot be done: one sentence, whatever signs are in the names that it quotes."""

from __future__ import annotations

import streamlit as st

from dashboard import words


def refused(error: ValueError | str) -> None:
    """What a person asked for is refused, and why."""
    st.error(words.text(str(error)), icon=":material/error:")


def not_here(error: ValueError | str) -> None:
    """What is shown elsewhere cannot be shown here, and why; nobody has done anything wrong."""
    st.info(words.text(str(error)), icon=":material/info:")
