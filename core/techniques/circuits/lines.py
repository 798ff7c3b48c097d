"""What is done to one number alone: bias, normalization, activation, softmax; each a line with its words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core.networks.graphs import Step
from core.networks.nonlinearities import is_nonlinearity
from core.networks.steps import function_name, is_softmax, kind
from core.techniques.circuits.terms import Place, Taken, Terms, called, symbols

__all__ = ["Line", "alone", "line", "lines_of"]

Doubles = npt.NDArray[np.float64]
_ALONE = frozenset(
    {"BatchNormalization", "Normalization", "Rescaling", "LayerScale", "LayerNormalization", "Dropout", "Identity"}
    | {"GaussianDropout", "GaussianNoise", "SpatialDropout2D", "StochasticDepth", "ActivityRegularization"}
    | {"Clip", "Gelu", "Mish", "Negative", "Softplus", "Square"}
)
_SAME = frozenset({"Dropout", "Identity", "GaussianDropout", "GaussianNoise", "SpatialDropout2D", "StochasticDepth"})
_WORDS = {
    "products": "The sum of {products} products",
    "sum": "The sum of {count} numbers",
    "difference": "The first less the second",
    "mean": "The mean of {all} numbers",
    "maximum": "The largest of {all} numbers",
    "minimum": "The smallest of {all} numbers",
    "product": "{count} numbers, multiplied",
    "copy": "Taken over as it is",
    "function": "{kind} is no weighted sum; its slope times what goes in",
}


@dataclass(frozen=True, eq=False)
class Line:
    """One line of the arithmetic.

    Attributes:
        layer: the layer whose arithmetic it is.
        kind: its Keras class.
        operation: what is done: ``"picture"``, ``"products"``, ``"sum"``, ``"difference"``, ``"mean"``,
            ``"maximum"``, ``"minimum"``, ``"product"``, ``"copy"``, ``"function"``, ``"bias"``, ``"rest"``,
            ``"normalization"``, ``"scaling"``, ``"activation"``, ``"softmax"``, ``"nothing"``.
        says: it in words and numbers.
        value: the number after it.
        terms: the numbers before it that it takes, where it takes others than the line above.
    """

    layer: str
    kind: str
    operation: str
    says: str
    value: float
    terms: Terms | None = None


def alone(step: Step) -> bool:
    """Whether a call treats every number alone, or by what stands at its own place, and keeps the shape."""
    tensors = symbols(step)
    if len(tensors) != 1 or tuple(tensors[0].shape) != tuple(step.outputs[0].shape):
        return False
    plain = not hasattr(step.operation, "weights") and function_name(step) and not isinstance(step.operation, type)
    if _softmaxes(step):
        return getattr(step.operation, "axis", -1) in (-1, len(tensors[0].shape) - 1)
    known = kind(step) in _ALONE or is_nonlinearity(step)
    return known or (kind(step) == "function" and bool(plain))


def _softmaxes(step: Step) -> bool:
    return is_softmax(step) or kind(step) == "Softmax" or function_name(step) in ("softmax", "log_softmax")


def lines_of(step: Step, taken: Taken) -> list[Line]:
    """A call that was taken apart, as lines."""
    shown = taken.terms
    size = 0 if shown is None else int(shown.inside.sum())
    count = len(shown) if shown else 0
    products = f"{count:,} × {size}" if size > 1 < count else f"{size * count:,}"
    counts = {"count": count, "products": products, "all": size * count}
    says = _WORDS[taken.operation].format(kind=kind(step), **counts) if shown else _nothing_before(taken)
    found = [Line(step.name, kind(step), taken.operation, f"{says}: {_said(taken.value)}.", taken.value, shown)]
    for operation, more in (("bias", taken.bias), ("rest", taken.rest)):
        if more is not None:
            value = found[-1].value + more
            says = f"{_said(found[-1].value)} {_signed(more)} = {_said(value)}"
            found.append(Line(step.name, kind(step), operation, says, value))
    return found


def _nothing_before(taken: Taken) -> str:
    return "Padding" if taken.operation == "copy" else "Nothing that goes in changes this number"


def line(step: Step, x: float, before: npt.NDArray[Any], place: Place) -> Line:
    """What a call that treats numbers alone makes of ``x``; ``before`` (1, ..., channels) is all that goes in."""
    if kind(step) in _SAME:
        return Line(step.name, kind(step), "nothing", "Does nothing when the network answers", x)
    if _softmaxes(step):
        return _softmax(step, before, place)
    if kind(step) == "BatchNormalization":
        return _batch_normalization(step, x, place)
    if kind(step) == "LayerNormalization":
        return _layer_normalization(step, x, before, place)
    return _function(step, x, before, place)


def _batch_normalization(step: Step, x: float, place: Place) -> Line:
    bn: Any = step.operation
    at = place[bn.axis - 1] if bn.axis > 0 else place[2]
    mean, variance = (float(np.asarray(one, np.float64)[at]) for one in (bn.moving_mean, bn.moving_variance))
    gain = float(np.asarray(bn.gamma, np.float64)[at]) if bn.scale else 1.0
    shift = float(np.asarray(bn.beta, np.float64)[at]) if bn.center else 0.0
    return _normalized(step, x, (mean, variance, float(bn.epsilon)), (gain, shift))


def _layer_normalization(step: Step, x: float, before: npt.NDArray[Any], place: Place) -> Line:
    layer: Any = step.operation
    axes = [layer.axis] if isinstance(layer.axis, int) else list(layer.axis)
    if [axis % before.ndim for axis in axes] != [before.ndim - 1]:
        return _function(step, x, before, place)
    numbers = _vector(before, place)
    gain = float(np.asarray(layer.gamma, np.float64)[place[2]]) if layer.gamma is not None else 1.0
    shift = float(np.asarray(layer.beta, np.float64)[place[2]]) if layer.beta is not None else 0.0
    facts = (float(numbers.mean()), float(numbers.var()), float(layer.epsilon))
    return _normalized(step, x, facts, (gain, shift))


def _normalized(step: Step, x: float, facts: tuple[float, float, float], after: tuple[float, float]) -> Line:
    (mean, variance, epsilon), (gain, shift) = facts, after
    value = (x - mean) / np.sqrt(variance + epsilon) * gain + shift
    says = (
        f"({_said(x)} {_signed(-mean)}) ÷ √({_said(variance)} + {epsilon:g}) × {_said(gain)} {_signed(shift)} = "
        f"{_said(value)}"
    )
    return Line(step.name, kind(step), "normalization", says, float(value))


def _softmax(step: Step, before: npt.NDArray[Any], place: Place) -> Line:
    """Each class's part of the whole."""
    logits = _vector(before, place)
    powers = np.exp(logits - logits.max())
    parts = powers / powers.sum()
    value = float(np.log(parts[place[2]]) if function_name(step) == "log_softmax" else parts[place[2]])
    channels = np.arange(len(logits))
    here = np.array([place[0]]), np.array([place[1]])
    size = (len(logits), 1, 1)
    found = Terms(
        (step.name,) * len(logits), channels, *here, logits.reshape(size), np.ones(size), np.ones((1, 1), bool), parts
    )
    whole = float(np.exp(logits[place[2]] - logits.max()))
    says = f"e to this logit is {whole / powers.sum():.2%} of the sum of e to all {len(logits)} logits"
    return Line(step.name, kind(step), "softmax", says, value, found)


def _function(step: Step, x: float, before: npt.NDArray[Any], place: Place) -> Line:
    """A function of numbers, asked with this number in its place."""
    changed = np.array(before)
    changed[_index(before, place)] = x
    value = float(np.asarray(called(step, [tf.constant(changed)]), np.float64)[_index(before, place)])
    title = function_name(step) if kind(step) in ("Activation", "function") else kind(step)
    top = 6.0 if title == "relu6" or kind(step) == "Relu6" else getattr(step.operation, "max_value", None)
    told = f"{title} of {_said(x)} is {_said(value)}"
    if top is not None and x >= top:
        told += f": at its ceiling of {float(top):g}"
    elif value == 0 and x < 0:
        told += ": below zero, so nothing comes through"
    scaling = kind(step) in ("Rescaling", "Normalization", "LayerScale")
    return Line(step.name, kind(step), "scaling" if scaling else "activation", told, value)


def _index(before: npt.NDArray[Any], place: Place) -> tuple[int, ...]:
    return (0, *place) if before.ndim == 4 else (0, place[2]) if before.ndim == 2 else (0, place[1], place[2])


def _vector(before: npt.NDArray[Any], place: Place) -> Doubles:
    """All channels at one place."""
    return np.asarray(before[_index(before, place)[:-1]], np.float64)


def _said(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")


def _signed(value: float) -> str:
    return f"{'−' if value < 0 else '+'} {abs(value):.4g}"
