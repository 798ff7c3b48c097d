"""DeepDream: a photograph changed toward whatever a network already sees in it (Mordvintsev et al., 2015).

presets     published recipes and the project's own; which layers stand for those of a recipe's source
objective   what is maximized: layers, channels, likeness to a guide
masks       where a dream may change the photograph
tiles       the gradient of a large picture, window by window, without seams
octaves     ``dream``: gradient ascent at several sizes of the photograph; what it will cost
videos      ``dream_zoom`` and ``dream_video``
mirror      ``dream_frame``: one frame of a live picture
"""

from core.techniques.dream.masks import painted_mask
from core.techniques.dream.mirror import DreamFrame, dream_frame
from core.techniques.dream.octaves import Dreaming, dream, estimate_dream
from core.techniques.dream.presets import DREAMS, DreamPreset, dream_layers
from core.techniques.dream.videos import Between, dream_video, dream_zoom

__all__ = [
    "DREAMS",
    "Between",
    "DreamFrame",
    "DreamPreset",
    "Dreaming",
    "dream",
    "dream_frame",
    "dream_layers",
    "dream_video",
    "dream_zoom",
    "estimate_dream",
]
__all__ += ["painted_mask"]
