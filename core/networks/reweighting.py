"""The same network with other weights in some of its layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core.networks.classifiers import Classifier
from core.networks.graphs import Step


def weighted_layers(classifier: Classifier) -> list[str]:
    """The layers that have weights, in the order in which they run; one that runs twice is named once."""
    seen: set[int] = set()
    names = []
    for step in classifier.graph.steps:
        if getattr(step.operation, "get_weights", list)() and id(step.operation) not in seen:
            names.append(step.name)
            seen.add(id(step.operation))
    return names


def reweighted(classifier: Classifier, weights: Mapping[str, list[Any]], *, name: str) -> Classifier:
    """The same classifier with other weights in these layers; all other layers are shared, and ``network`` stays.

    Raises ValueError for a layer of a person's own that cannot be copied.
    """
    graph = classifier.graph
    copies: dict[int, Any] = {}
    for step in graph.steps:
        if step.name in weights:
            copies[id(step.operation)] = _copy(step, weights[step.name])
    steps = tuple(replace(step, operation=copies.get(id(step.operation), step.operation)) for step in graph.steps)
    return classifier.replaced(replace(graph, steps=steps), name=name)


def _copy(step: Step, weights: list[Any]) -> Any:
    """A layer with weights of its own, as the one of a step otherwise."""
    layer: Any = step.operation
    try:
        copy = type(layer).from_config(layer.get_config())
        copy(*step.args, **step.kwargs)  # builds it
        copy.set_weights(weights)
    except (NotImplementedError, TypeError, ValueError) as error:
        raise ValueError(
            f"Expected layers that Keras can copy, got {step.name!r}, whose get_config does not say how to make it"
        ) from error
    return copy
