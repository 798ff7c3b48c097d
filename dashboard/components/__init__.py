"""Small interactive pieces that Streamlit does not have, as v2 components, each in a folder of its own."""

from dashboard.components.camera import camera
from dashboard.components.compare import compare
from dashboard.components.paint import paint
from dashboard.components.river import river
from dashboard.components.thumbnails import thumbnails
from dashboard.components.wall import wall

__all__ = ["camera", "compare", "paint", "river", "thumbnails", "wall"]
