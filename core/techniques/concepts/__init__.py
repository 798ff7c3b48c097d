"""The parts that a network sees, as directions in the space of a layer's channels: found in pictures, or given by some.

factorization   ``concepts``: the parts of a picture, or of many, by non-negative factorization of a layer's maps
model           what learns directions from more and more rows
importance      what an answer loses without each, and its total Sobol index (CRAFT)
sensitivity     ``tcav``: whether a class depends on a concept given as pictures, against random directions
"""

from core.techniques.concepts.factorization import (
    ConceptCrops,
    Concepts,
    concept_crops,
    concept_maps,
    concepts,
    most_concept_pictures,
)
from core.techniques.concepts.importance import ConceptImportance, concept_importance
from core.techniques.concepts.sensitivity import Tcav, tcav

__all__ = [
    "ConceptCrops",
    "ConceptImportance",
    "Concepts",
    "Tcav",
    "concept_crops",
    "concept_importance",
    "concept_maps",
    "concepts",
    "most_concept_pictures",
    "tcav",
]
