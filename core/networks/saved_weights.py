"""Weights out of an HDF5 file, checked first, put into a network whose description was translated.

Keras goes by the order of layers and of weights, which differs between its versions; here every weight goes by the
name of its layer and its own, by the order only where names are missing, and always by its shape. A weight that finds
no place, or a place that finds no weight, is an error: a network of which a part is random would answer all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import h5py
import keras
import numpy as np

from core.networks.description_parts import is_model, layers_of, name_of, names_in

MIB = 2**20

_RANDOM = re.compile(r"(.*/)?(StateVar|seed_generator_state|SeedGenerator.*)")
_OTHER_NAMES = {"depthwise_kernel": "kernel"}


def check(file: Any, name: str) -> None:
    """Refuse HDF5 that points to other files or declares more than it holds. Raises ValueError."""
    links: list[Any] = []
    file.visititems_links(lambda _, link: links.append(link))
    if any(not isinstance(link, h5py.HardLink) for link in links):
        raise ValueError(f"Expected weights inside {name}, got a link to somewhere else")
    datasets: list[Any] = []
    file.visititems(lambda _, item: datasets.append(item) if isinstance(item, h5py.Dataset) else None)
    if any(item.external or item.is_virtual for item in datasets):
        raise ValueError(f"Expected weights inside {name}, got a link to another file")
    declared = sum(item.nbytes for item in datasets)
    held = sum(item.id.get_storage_size() for item in datasets)
    if declared > 64 * MIB + 20 * held:
        raise ValueError(f"Expected weights inside {name}, got {held:,} bytes that declare {declared:,}")


def put(file: Any, network: keras.Model, description: Mapping[str, Any]) -> None:
    """Put the weights of an open HDF5 file into a network.

    Args:
        file: of ``.h5`` (with a group for each layer, by name) or ``model.weights.h5`` (by class and count).
        network: built from the translated description.
        description: the original one, whose names and order are the file's.

    Raises:
        ValueError: weights that are missing, too many or of another shape, with the layer's name.
    """
    given: set[int] = set()
    if "model_weights" in file or "layer_names" in file.attrs:
        _by_names(file.get("model_weights", file), network, description, given)
    else:
        _by_classes(_as_tree(file), network, description, given)
    for weight in network.weights:
        if id(weight) not in given:
            raise ValueError(f"no weights for {weight.path}")
    for layer in _leaves(network):
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()


def _leaves(network: Any) -> Iterator[Any]:
    """The layers of a network and of the models inside it."""
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from _leaves(layer)
        else:
            yield layer


# --------------------------------------------------------------------------------------------- .h5 of old


def _by_names(group: Any, network: keras.Model, description: Mapping[str, Any], given: set[int]) -> None:
    """Every layer's group has its weights under their names."""
    layers = layers_of(description)
    for entry, new in zip(layers, names_in(layers), strict=True):
        old = name_of(entry)
        if old not in group:
            continue
        stored = [(name, np.asarray(group[old][name])) for name in _attribute(group[old], "weight_names")]
        stored = [(name, value) for name, value in stored if not _RANDOM.fullmatch(name.split(":")[0])]
        if stored:
            _give(stored, network.get_layer(new), entry, given)


def _attribute(group: Any, name: str) -> list[str]:
    """A list of names, which Keras cuts into several where it is long."""
    if name in group.attrs:
        found = list(group.attrs[name])
    else:
        found, count = [], 0
        while f"{name}{count}" in group.attrs:
            found, count = found + list(group.attrs[f"{name}{count}"]), count + 1
    return [one.decode() if isinstance(one, bytes) else str(one) for one in found]


def _give(stored: list[tuple[str, Any]], layer: Any, entry: Mapping[str, Any], given: set[int]) -> None:
    """Assign the weights of one layer, or of one model inside the network, by name or else in order."""
    places = dict(_places(layer, entry, name_of(entry)))
    pairs = _pairs_by_name(stored, places) or _pairs_in_order(stored, layer)
    if pairs is None:
        raise ValueError(f"weights that do not fit layer {name_of(entry)[:60]!r}")
    for weight, value in pairs:
        weight.assign(value)
        given.add(id(weight))


def _places(layer: Any, entry: Mapping[str, Any], old: str) -> Iterator[tuple[str, Any]]:
    """Every weight by the name that it has in the file: the layer's old name, and its own."""
    if not is_model(entry):
        for weight in layer.weights:
            yield f"{old}/{_within(weight, layer)}", weight
        return
    layers = layers_of(entry)
    known = {one.name: one for one in layer.layers}
    for inner, new in zip(layers, names_in(layers), strict=True):
        if new in known:
            yield from _places(known[new], inner, name_of(inner))


def _within(weight: Any, layer: Any) -> str:
    """The path of a weight inside its layer: ``kernel``, or ``query/kernel`` in attention."""
    parts = str(weight.path).split("/")
    after = max((place for place, part in enumerate(parts[:-1]) if part == layer.name), default=len(parts) - 2)
    return "/".join(parts[after + 1 :])


def _pairs_by_name(stored: list[tuple[str, Any]], places: Mapping[str, Any]) -> list[tuple[Any, Any]] | None:
    """Weights beside their places, if every name in the file is that of exactly one, of its shape."""
    left = dict(places)
    pairs = []
    for name, value in stored:
        path = name.split(":")[0]
        head, _, own = path.rpartition("/")
        wanted = {path, f"{head}/{_OTHER_NAMES.get(own, own)}"}
        keys = [key for key in left if any(one == key or one.endswith("/" + key) for one in wanted)]
        keys = [key for key in keys if len(key) == max(map(len, keys))]
        if len(keys) != 1 or tuple(left[keys[0]].shape) != value.shape:
            return None
        pairs.append((left.pop(keys[0]), value))
    return pairs if not left else None


def _pairs_in_order(stored: list[tuple[str, Any]], layer: Any) -> list[tuple[Any, Any]] | None:
    """Weights beside their places in the order in which Keras writes them: first those that are trained."""
    orders = (layer.trainable_weights + layer.non_trainable_weights, layer.weights)
    for weights in orders:
        if len(weights) == len(stored) and all(
            tuple(weight.shape) == value.shape and _same_kind(weight.name, name.split(":")[0].rsplit("/", 1)[-1])
            for weight, (name, value) in zip(weights, stored, strict=True)
        ):
            return [(weight, value) for weight, (_, value) in zip(weights, stored, strict=True)]
    return None


_WELL_KNOWN = frozenset({"kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", "mean", "variance"})


def _same_kind(name: str, written: str) -> bool:
    """Whether two names may be those of one weight: well-known ones are only if they are the same."""
    written = _OTHER_NAMES.get(written, written)
    return written == name or not {written, name} <= _WELL_KNOWN


# ----------------------------------------------------------------------------------------- model.weights.h5


def _as_tree(file: Any) -> Any:
    """The file; where Keras 2 wrote it on Windows, with ``layers\\conv2d`` as one name, its groups by their parts."""
    if not any("\\" in name for name in file):
        return file
    tree: dict[str, Any] = {}
    for name in file:
        place = tree
        for part in name.split("\\"):
            place = place.setdefault(part, {})
        if isinstance(file[name], h5py.Group):
            place.update(file[name].items())
    return tree


def _by_classes(group: Any, network: Any, description: Mapping[str, Any], given: set[int]) -> None:
    """Layers are groups by their class and count, in the order of the description."""
    parent = next((group[name] for name in ("layers", "_layer_checkpoint_dependencies") if name in group), None)
    if parent is None:
        return
    layers = layers_of(description)
    known = {one.name: one for one in network.layers}
    counts: dict[str, int] = {}
    for entry, new in zip(layers, names_in(layers), strict=True):
        if ".ops." in str(entry.get("module")):
            continue  # an operation, which is no layer to Keras
        if entry.get("class_name") == "InputLayer" and description.get("class_name") == "Sequential":
            continue
        name = _snake(str(entry.get("class_name")))
        counts[name] = counts.get(name, -1) + 1
        name = f"{name}_{counts[name]}" if counts[name] else name
        name = name if name in parent else name_of(entry)
        if name in parent and new in known:
            _give_group(parent[name], known[new], entry, given)


def _give_group(group: Any, layer: Any, entry: Mapping[str, Any], given: set[int]) -> None:
    """Assign the weights of one layer and of the layers that it keeps under other names."""
    if is_model(entry):
        _by_classes(group, layer, entry, given)
        return
    if "vars" in group and len(group["vars"]):
        try:
            layer.load_own_variables({key: np.asarray(value) for key, value in group["vars"].items()})
        except (ValueError, KeyError, IndexError) as error:
            raise ValueError(f"weights that do not fit layer {name_of(entry)[:60]!r}") from error
        inside = {id(weight) for inner in _inner(group, layer).values() for weight in inner.weights}
        given.update({id(weight) for weight in layer.weights} - inside)
    for name, inner in _inner(group, layer).items():
        _give_group(group[name], inner, {"class_name": type(inner).__name__, "config": {"name": name}}, given)


def _inner(group: Any, layer: Any) -> dict[str, Any]:
    """The layers that a layer keeps under the names of its group's groups: attention's ``_query_dense``, ..."""
    found = {name: getattr(layer, name, None) for name in group if isinstance(group[name], (h5py.Group, dict))}
    return {name: inner for name, inner in found.items() if isinstance(inner, keras.layers.Layer)}


def _snake(name: str) -> str:
    """``Conv2DTranspose`` -> ``conv2d_transpose``, as Keras names the groups of its files."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
