"""``tf.custom_gradient`` whose graphs are let go.

In a graph, TensorFlow keeps what gives such a gradient in a table of the process for ever, and with it the whole graph
and the weights that it captured: some 18 MiB for every change of a small network. Here the graph itself holds it, and
its row of the table goes when the graph goes.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import ops  # private: the table has no public door

__all__ = ["custom_gradient"]

_ROWS: dict[str, dict[str, Any]] = ops.gradient_registry._registry
_FUNCTION, _OWN = "type", "own gradients"


def custom_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of tensors whose gradient is its own, as ``tf.custom_gradient`` makes it of the same ``function``."""
    made = tf.custom_gradient(function)

    @functools.wraps(function)
    def called(*tensors: Any) -> Any:
        result = made(*tensors)
        if not tf.executing_eagerly():
            _let_go(tf.nest.flatten(result)[0])
        return result

    return called


def _let_go(result: tf.Tensor) -> None:
    """Tie the row that a custom gradient has made to the graph of its result."""
    graph, name = result.graph, result.op.get_attr("_gradient_op_type").decode()
    gradient = _ROWS[name][_FUNCTION]
    graph.add_to_collection(_OWN, gradient)
    held = weakref.ref(gradient)
    _ROWS[name] = {**_ROWS[name], _FUNCTION: lambda *given: held()(*given)}  # type: ignore[misc]
    weakref.finalize(graph, _ROWS.pop, name, None)
