"""The one app: ``streamlit run dashboard`` finds it, ``convscope`` and ``python -m dashboard`` run it."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """When the server ends, also by SIGTERM, its temporary files and its child processes end with it."""
    yield
    user_models = sys.modules.get("dashboard.server.user_models")  # where nobody has come, there is nothing to end
    if user_models is not None:
        user_models.end()


app = st.App(Path(__file__).with_name("frame.py"), lifespan=lifespan)
