"""Why a network said what it said: which pixels a class, or any unit, depends on.

Every method takes a picture (1, H, W, 3) and gives one map (H, W), larger where the score depends on the picture more.
All scores are taken before softmax or sigmoid: a probability near 1 has no gradient left. ``METHODS`` lists them with
their papers; ``attribute`` runs any of them on any network style, since layers are replayed one by one.

A method is a function of a ``Question`` in a file of this package, and a row of ``catalogue``.
"""

from core.techniques.attribution.catalogue import GROUPS, METHODS, Method, attribute, conservation, emptiness
from core.techniques.attribution.imputation import imputed
from core.techniques.attribution.metrics import METRICS, Metric, inside_total, pointing, road, sparseness
from core.techniques.attribution.occlusion import occluded, occlusion, occlusions, window_side
from core.techniques.attribution.ranking import Comparison, compare_methods, rank_methods
from core.techniques.attribution.sanity import insertion_deletion, randomized, same_map, similarity
from core.techniques.attribution.sharing import sharing_latest

__all__ = [
    "GROUPS",
    "METHODS",
    "METRICS",
    "Comparison",
    "Method",
    "Metric",
    "attribute",
    "compare_methods",
    "conservation",
    "emptiness",
    "imputed",
    "insertion_deletion",
    "inside_total",
    "occluded",
    "occlusion",
    "occlusions",
    "pointing",
    "randomized",
    "rank_methods",
    "road",
    "same_map",
    "sharing_latest",
    "similarity",
    "sparseness",
    "window_side",
]
