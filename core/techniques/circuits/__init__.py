"""How an answer comes about: one number step by step, which units made the answer, and what feeds a unit."""

from core.techniques.circuits.dissection import PROBABILITIES, Dissection, dissect
from core.techniques.circuits.lines import Line
from core.techniques.circuits.terms import PICTURE, Terms

__all__ = ["PICTURE", "PROBABILITIES", "Dissection", "Line", "Terms", "dissect"]
