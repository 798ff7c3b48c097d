"""How an ascent begins: parameterizations that suit a network, starts that can be compared, states to go on from."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import tensorflow as tf

from core.networks.classifiers import Classifier
from core.optimize.ascent import State
from core.optimize.parameterizations import Parameterization

Kind = TypeVar("Kind", bound=Parameterization)


def as_seen_by(classifier: Classifier, parameterization: Kind) -> Kind:
    """The parameterization, in grey for a network that sees no colour."""
    return replace(parameterization, grey=classifier.grey)


def alike(one: tf.Tensor, count: int) -> tf.Tensor:
    """The same parameters (M, H, W, 3) for every one of ``count`` pictures, M after M.

    A picture then does not depend on those beside it, and differences come from what was asked for, not from chance.
    """
    return tf.tile(one, (count // len(one), 1, 1, 1))


def require_state(state: State, count: int, height: int, width: int) -> None:
    """The state is one of ``count`` pictures of this size. Raises ValueError otherwise."""
    got = sum(len(part) for part in state.parameters), *state.parameters[0].shape[1:3]
    if got != (count, height, width):
        raise ValueError(
            f"Expected the state of {count} pictures of {height} x {width}, " + "got one of {} of {} x {}".format(*got)
        )
