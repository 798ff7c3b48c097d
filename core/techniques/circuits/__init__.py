"""How an answer comes about: one number step by step, which units made the answer, and what feeds a unit.

terms           one call of a layer, taken apart at one place
lines           what is done to one number alone, with its words
dissection      ``dissect``: one number of a map, from the patch before it to its activation
contributions   what each channel of a layer gives to an answer, and what is lost without it
wiring          what feeds a unit and what it feeds, by the weights between them
patches         where in a set of pictures a unit gives most to an answer
expanded        what a unit sees in a layer several steps down, as one signed kernel
river           what flows to an answer from stage to stage; the picture through one channel
"""

from core.techniques.circuits.contributions import Completeness, ablation_losses, completeness, contributions
from core.techniques.circuits.dissection import PROBABILITIES, Dissection, dissect
from core.techniques.circuits.expanded import Expanded, expanded_weights, layers_below
from core.techniques.circuits.lines import Line
from core.techniques.circuits.patches import index_contributions
from core.techniques.circuits.river import River, conditional_attribution, river
from core.techniques.circuits.terms import PICTURE, Terms
from core.techniques.circuits.wiring import Connection, fed_by, feeds

__all__ = [
    "PICTURE",
    "PROBABILITIES",
    "Completeness",
    "Connection",
    "Dissection",
    "Expanded",
    "Line",
    "River",
    "Terms",
    "ablation_losses",
    "completeness",
    "conditional_attribution",
    "contributions",
    "dissect",
    "expanded_weights",
    "fed_by",
    "feeds",
    "index_contributions",
    "layers_below",
    "river",
]
