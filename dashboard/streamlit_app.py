"""The one app: ``streamlit run dashboard`` finds it, ``convscope`` and ``python -m dashboard`` run it."""

from pathlib import Path

import streamlit as st

app = st.App(Path(__file__).with_name("frame.py"))
