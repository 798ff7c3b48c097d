"""The compute slot: who computes takes it for one chunk of work."""

from __future__ import annotations

import threading

import streamlit as st


@st.cache_resource
def compute_slot() -> threading.Lock:
    """Whoever computes takes it for one chunk of work, so that several people share the machine."""
    return threading.Lock()
