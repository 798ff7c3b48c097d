"""What kind of call a step of a graph is, and a step without its activation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from core.networks.graphs import BEFORE, Step

__all__ = ["BEFORE", "KERNELS", "channels_last", "function_name", "has_activation", "is_softmax", "kind", "linear_copy"]
__all__ += ["shared_copy", "unfilled_copy", "without_activation"]

KERNELS = {"Conv2D": 0, "DepthwiseConv2D": 0, "SeparableConv2D": 1, "Dense": 0}
"""Layers with a kernel; which of their weights makes the channels."""


_COPIES: WeakKeyDictionary[Any, dict[tuple[tuple[str, Any], ...], Any]] = WeakKeyDictionary()
"""{layer: {settings: its latest copy}}; they go when the layer goes."""


def without_activation(step: Step) -> tuple[Step, Step]:
    """A layer with an activation as two steps: a linear copy of the layer, and the activation."""
    layer: Any = step.operation
    linear = linear_copy(step)
    between = linear.compute_output_spec(*step.args)
    return (
        Step(step.name + BEFORE, linear, step.args, step.kwargs, (between,)),
        Step(step.name, layer.activation, (between,), {}, step.outputs),
    )


def unfilled_copy(step: Step, **config: Any) -> Any:
    """A copy of one of Keras's layers with other settings, built, its weights zeros that are yet to be set.

    Numbers drawn at random, which nobody would use, take half of the time that copying takes.
    """
    layer: Any = step.operation
    given = {**layer.get_config(), **config}
    given |= {name: "zeros" for name in given if name.endswith("_initializer")}
    copy = type(layer).from_config(given)
    copy.build(next(step.inputs).shape)
    return copy


def shared_copy(step: Step, weights: Sequence[npt.NDArray[Any]], **config: Any) -> Any:
    """A copy of a layer with other settings and these weights, which nobody may change: many functions share it.

    Each function that is compiled would else hold weights of its own, all those of the network in the end.
    """
    copies = _COPIES.setdefault(step.operation, {})
    key = tuple(sorted(config.items()))
    copy = copies.get(key)
    if copy is None or not _same(copy.get_weights(), weights):
        copy = unfilled_copy(step, **config)
        copy.set_weights(weights)
        copy.trainable = False
        copies[key] = copy
    return copy


def _same(these: Sequence[npt.NDArray[Any]], those: Sequence[npt.NDArray[Any]]) -> bool:
    return len(these) == len(those) and all(map(np.array_equal, these, those))


def linear_copy(step: Step) -> Any:
    """A copy of a layer without its activation; of the same weights, and shared."""
    layer: Any = step.operation
    return shared_copy(step, layer.get_weights(), activation=None)


def has_activation(step: Step) -> bool:
    """Whether the layer has weights and an activation other than the identity."""
    activation = getattr(step.operation, "activation", None)
    return kind(step) in KERNELS and getattr(activation, "__name__", "linear") != "linear"


def is_softmax(step: Step) -> bool:
    """Whether it is a layer with a softmax over the units of a place."""
    return getattr(getattr(step.operation, "activation", None), "__name__", "") in ("softmax", "log_softmax")


def function_name(step: Step) -> str:
    """The name of the plain function that it is, or that is its activation."""
    return str(getattr(getattr(step.operation, "activation", step.operation), "__name__", ""))


def kind(step: Step) -> str:
    """The class of its layer or operation, for example ``Conv2D``."""
    return type(step.operation).__name__


def channels_last(step: Step) -> bool:
    """Whether its layer has the channels in the last axis."""
    return getattr(step.operation, "data_format", "channels_last") == "channels_last"
