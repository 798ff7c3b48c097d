"""The parts of a network's description, and what this Keras has under their names."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import keras

MODELS = frozenset({"Functional", "Model", "Sequential"})
FUNCTIONAL = "keras.src.models.functional"
CONVNEXT = "keras.src.applications.convnext"
OPERATIONS = "keras.src.ops"
"""Modules that descriptions name. Only this file knows what is private to Keras."""

_OPERATIONS = ("numpy", "nn", "math", "image", "core")


def entries(description: Any) -> Iterator[dict[str, Any]]:
    """Every part of a description that names a class, at any depth, without recursion."""
    waiting = [description]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if "class_name" in one:
                yield one
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def layers_of(entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The layers of a model's description; those of old Sequential models are a bare list."""
    config = entry.get("config")
    layers = config if isinstance(config, list) else config.get("layers") if isinstance(config, dict) else None
    return [layer for layer in layers if isinstance(layer, dict)] if isinstance(layers, list) else []


def name_of(entry: Mapping[str, Any]) -> str:
    """The name by which the calls in a description refer to a layer."""
    config = entry.get("config")
    inner = config.get("name") if isinstance(config, dict) else None
    return str(entry.get("name") or inner or entry.get("class_name") or "layer")


def names_in(layers: list[dict[str, Any]]) -> list[str]:
    """The names that the layers of one model get: without ``/``, which layers may no longer have, and all different."""
    taken: set[str] = set()
    names = []
    for layer in layers:
        name = free = name_of(layer).replace("/", "_")
        count = 1
        while free in taken:
            free, count = f"{name}_{count}", count + 1
        taken.add(free)
        names.append(free)
    return names


def is_model(entry: Mapping[str, Any]) -> bool:
    """Whether a part is a model with layers of its own."""
    return entry.get("class_name") in MODELS and bool(layers_of(entry))


def known_keys(kind: str) -> frozenset[str]:
    """The settings that a layer of this Keras takes; empty for what is no layer of its own."""
    found = vars(keras.layers).get(kind)
    if not isinstance(found, type) or not issubclass(found, keras.layers.Layer):
        return frozenset()
    keys: set[str] = set()
    for one in found.__mro__:
        if "__init__" in vars(one) and one is not object:
            taken = inspect.signature(vars(one)["__init__"]).parameters
            keys |= set(taken)
            if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in taken.values()):
                break  # it passes nothing on
    return frozenset(keys - {"self", "args", "kwargs"})


def module_of(kind: str) -> str | None:
    """Where a class of this Keras is: ``.h5`` files of Keras 3 do not say."""
    if kind in MODELS:
        return "keras" if kind == "Sequential" else FUNCTIONAL
    if kind in vars(keras.layers):
        return "keras.layers"
    return next((f"{OPERATIONS}.{part}" for part in _OPERATIONS if kind in vars(getattr(keras.src.ops, part))), None)


def operation_class(kind: str) -> type | None:
    """The class of an operation of Keras under that name; None where there is none."""
    spaces = (vars(getattr(keras.src.ops, part)) for part in _OPERATIONS)
    found = next((space[kind] for space in spaces if kind in space), None)
    return found if isinstance(found, type) and issubclass(found, keras.Operation) else None
