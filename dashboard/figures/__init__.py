"""Arrays -> Plotly charts and pixel mosaics. No Streamlit, no TensorFlow, and nothing of the server."""

from dashboard.figures.charts import (
    PLAIN,
    alike,
    answers,
    before_after,
    curves,
    fading,
    histogram,
    lost,
    numbers,
    overlay,
    probabilities,
    risefall,
    stages,
    units,
)
from dashboard.figures.colours import COLOURS, coloured, lookup_table
from dashboard.figures.maps import network_map, picture_map
from dashboard.figures.mosaics import GAP, Wall, blocks, columns_for, enlarged, magnified, mosaic, plate, strip, wall
from dashboard.figures.overlays import evidence, evidence_scale, over, perturbation
from dashboard.figures.urls import data_url

__all__ = [
    "COLOURS",
    "GAP",
    "PLAIN",
    "Wall",
    "alike",
    "answers",
    "before_after",
    "blocks",
    "coloured",
    "columns_for",
    "curves",
    "data_url",
    "enlarged",
    "evidence",
    "evidence_scale",
    "fading",
    "histogram",
    "lookup_table",
    "lost",
    "magnified",
    "mosaic",
    "network_map",
    "numbers",
    "over",
    "overlay",
    "perturbation",
    "picture_map",
    "plate",
    "probabilities",
    "risefall",
    "stages",
    "strip",
    "units",
    "wall",
]
