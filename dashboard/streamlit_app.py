"""The one app: ``streamlit run dashboard`` finds it, ``convscope`` and ``python -m dashboard`` run it."""

import asyncio
import importlib
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # `streamlit run dashboard` puts only this folder on the path
    sys.path.insert(0, str(ROOT))

from dashboard import process

STARTED: list[Callable[[], object]] = []
"""What is called when the server listens."""


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """TensorFlow is imported while the server starts; its files and child processes end with it, also by SIGTERM."""
    process.begin()
    for call in STARTED:
        call()
    yield
    user_models = sys.modules.get("dashboard.server.user_models")  # where nobody has come, there is nothing to end
    if user_models is not None:
        user_models.end()


async def live(websocket: WebSocket) -> None:
    """The live camera's frames. What answers to them imports TensorFlow, which is there once a page was opened."""
    server = await asyncio.to_thread(importlib.import_module, "dashboard.server.live")
    await server.serve(websocket)


LIVE = ("/convscope/live", "/{folder:path}/convscope/live")
"""The second one: ``server.baseUrlPath``, or the folder in which a proxy puts the app."""

app = st.App(
    Path(__file__).with_name("frame.py"), lifespan=lifespan, routes=[WebSocketRoute(path, live) for path in LIVE]
)
