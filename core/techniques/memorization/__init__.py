"""Learning or memorizing: networks trained on true labels, corrupted ones, or pixels without meaning.

``conditions`` says what a network is told, ``architecture`` holds the small network and its compiled step, ``training``
the loop (``memorize``); ``retraining``, ``sweep``, ``components`` and ``intervals`` are what is looked at afterwards.
"""

from __future__ import annotations

from core.techniques.memorization.architecture import OPTIMIZERS
from core.techniques.memorization.components import patch_components
from core.techniques.memorization.conditions import CONDITIONS, Condition, MemorizationTask, memorization_task
from core.techniques.memorization.intervals import accuracy_interval, chance_interval
from core.techniques.memorization.retraining import KEEPABLE, Retrained, retrain
from core.techniques.memorization.sweep import CORRUPTIONS, CorruptionPoint, CorruptionSweep, corruption_sweep
from core.techniques.memorization.training import MEMORIZATION_SETTINGS, TrainingFrame, memorize

__all__ = [
    "CONDITIONS",
    "CORRUPTIONS",
    "KEEPABLE",
    "MEMORIZATION_SETTINGS",
    "OPTIMIZERS",
    "Condition",
    "CorruptionPoint",
    "CorruptionSweep",
    "MemorizationTask",
    "Retrained",
    "TrainingFrame",
    "accuracy_interval",
    "chance_interval",
    "corruption_sweep",
    "memorization_task",
    "memorize",
    "patch_components",
    "retrain",
]
