"""Old descriptions of networks in the words of this Keras: JSON to JSON, and notes on what was changed.

Keras 2 wrote the same networks with other keys, other names of modules, its functions of TensorFlow and its nodes as
bare lists. What cannot change an answer is dropped (initializers, regularizers, ``groups: 1``, ...), what has another
name now is renamed, what is computed otherwise now (``hard_sigmoid``) is written out, and a key that would change an
answer is refused by its name. Nothing is imported or called by what the description says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import keras

from core.networks import keras2_operations
from core.networks.description_parts import (
    CONVNEXT,
    FUNCTIONAL,
    OPERATIONS,
    entries,
    is_model,
    known_keys,
    layers_of,
    module_of,
    name_of,
    names_in,
)
from core.networks.keras2_operations import Call, Unknown

_KINDS = {
    "Model": "Functional", "Convolution2D": "Conv2D", "Deconvolution2D": "Conv2DTranspose", "FixedDropout": "Dropout",
    "SyncBatchNormalization": "BatchNormalization", "ThresholdedReLU": "ReLU",
    "Convolution2DTranspose": "Conv2DTranspose",
    "BatchNormalizationV1": "BatchNormalization", "BatchNormalizationV2": "BatchNormalization",
    "RandomHeight": "Identity", "RandomWidth": "Identity", "SeparableConvolution2D": "SeparableConv2D",
    "MaxPool2D": "MaxPooling2D", "AvgPool2D": "AveragePooling2D", "GlobalMaxPool2D": "GlobalMaxPooling2D",
    "GlobalAvgPool2D": "GlobalAveragePooling2D",
}  # fmt: skip
"""Classes that have another name now, or that do when a network answers what another class does."""

_KEYS = {
    "InputLayer": {"batch_input_shape": "batch_shape"},
    "LeakyReLU": {"alpha": "negative_slope"},
    "ReLU": {"theta": "threshold"},
}
_TRAINING_ONLY = re.compile(r".*_(initializer|regularizer|constraint)|momentum_schedule|seed")
_HARMLESS = {
    "groups": (1,), "output_padding": (None, [0, 0]), "fused": (True, False, None), "renorm": (False,),
    "data_format": ("channels_last",), "batch_size": (None,), "value_range": None, "query_shape": None,
    "key_shape": None, "value_shape": None, "input_dtype": None, "batch_input_shape": None, "input_shape": None,
    "dim_ordering": ("tf",), "adjustment": (None,), "virtual_batch_size": (None,), "mode": (0,),
    "renorm_momentum": None, "renorm_clipping": None, "init": None, "W_regularizer": None, "b_regularizer": None,
    "bias_regularizer": None, "clip_value": (None,), "implementation": None, "trainable": None,
    "_is_graph_network": None,
}  # fmt: skip
"""Keys that this Keras may lack, with the values that change no answer; None: whatever the value."""

_ACTIVATIONS = {"softmax_v2": "softmax", "swish_v1": "swish", "relu_v2": "relu", "sigmoid_v2": "sigmoid"}
_CALL_KEYS = frozenset({"training", "mask", "name"})
_POLICIES = ("Policy", "PolicyV1", "DTypePolicy")


@dataclass(frozen=True)
class Translation:
    """A description that this Keras reads, and what was changed on the way, one sentence each."""

    description: dict[str, Any]
    notes: tuple[str, ...] = ()


def translate(description: Mapping[str, Any], *, version: str = "") -> Translation:
    """A description of a network as this Keras would have written it.

    Args:
        description: what ``config.json`` or ``model_config`` holds.
        version: of the Keras that wrote it; where empty, its form tells.

    Raises:
        ValueError: a key or a function that would change what the network answers and that this Keras has not; a
            description that contradicts itself. It names the key; the caller says in which file.
    """
    work = _Work(legacy=version[:1] in ("1", "2") if version else is_legacy(description))
    try:
        made = work.model(dict(description))
    except (KeyError, TypeError, IndexError, AttributeError, RecursionError, OverflowError) as error:
        raise ValueError("a description that contradicts itself") from error
    return Translation(made, work.notes(version))


def is_legacy(description: Mapping[str, Any]) -> bool:
    """Whether Keras 2 (or 1) wrote a description: it names no modules, or its nodes are bare lists."""
    return any(
        "batch_input_shape" in settings or entry.get("class_name") in keras2_operations.KINDS
        or (isinstance(nodes := entry.get("inbound_nodes"), list) and any(isinstance(node, list) for node in nodes))
        for entry in entries(description) if isinstance(settings := entry.get("config"), dict)
    )  # fmt: skip


@dataclass
class _Names:
    """Of one model: its layers' new names by their old ones, and for each where references to it go."""

    new: dict[str, str] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    functional: frozenset[str] = frozenset()


@dataclass
class _Work:
    """One translation: what it has dropped, renamed and replaced so far."""

    legacy: bool
    dropped: dict[str, None] = field(default_factory=dict)
    replaced: dict[str, None] = field(default_factory=dict)

    def notes(self, version: str) -> tuple[str, ...]:
        """What was changed, one sentence each."""
        notes = [f"Written by Keras {version[:12] or '2'} and translated."] if self.legacy else []
        if self.dropped:
            notes.append(f"Left out, since no answer depends on it: {', '.join(self.dropped)}.")
        if self.replaced:
            notes.append(f"In the words of this Keras: {'; '.join(self.replaced)}.")
        return tuple(notes)

    # ------------------------------------------------------------------------------------------- models

    def model(self, entry: dict[str, Any], *, nested: bool = False) -> dict[str, Any]:
        """One model, with all the models inside it."""
        if not self.legacy:
            return self._recent(entry)
        layers = layers_of(entry)
        if entry.get("class_name") == "Sequential":
            return self._sequential(entry, layers, nested)
        config = entry["config"]
        names = self._names(layers, config)
        made: list[dict[str, Any]] = []
        for layer in layers:
            chain = self.layer(layer, names.new[name_of(layer)])
            self._connect(chain, layer, names)
            made += chain
        ends = {key: _ends(config[key], names) for key in ("input_layers", "output_layers")}
        settings = {"name": _safe(config.get("name", "model")), "trainable": config.get("trainable") is not False}
        functional = {"module": FUNCTIONAL, "class_name": "Functional"}
        return {**functional, "config": {**settings, "layers": made, **ends}, "registered_name": "Functional"}

    def _sequential(self, entry: dict[str, Any], layers: list[dict[str, Any]], nested: bool) -> dict[str, Any]:
        config = entry["config"] if isinstance(entry["config"], dict) else {}
        made: list[dict[str, Any]] = []
        for layer, name in zip(layers, names_in(layers), strict=True):
            made += self.layer(layer, name)
        shape = layers[0]["config"].get("batch_input_shape") if isinstance(layers[0]["config"], dict) else None
        shape = shape or (None if nested else config.get("build_input_shape"))
        if isinstance(shape, list) and layers[0].get("class_name") != "InputLayer" and not is_model(layers[0]):
            first = {"batch_shape": shape, "dtype": "float32", "name": "picture_" + made[0]["config"]["name"]}
            made.insert(0, _entry("keras.layers", "InputLayer", first))
        return _entry("keras", "Sequential", {"name": _safe(config.get("name", "sequential")), "layers": made})

    def _recent(self, entry: dict[str, Any]) -> dict[str, Any]:
        """A description of Keras 3: keys of newer versions that are None or False are dropped, all else stays."""
        config = entry.get("config")
        if not isinstance(config, dict):
            return entry
        known = known_keys(str(entry.get("class_name")))
        kept = {
            key: [self._recent(one) if isinstance(one, dict) else one for one in value] if key == "layers" else value
            for key, value in config.items() if not known or key in known or (value is not None and value is not False)
        }  # fmt: skip
        self.dropped.update(dict.fromkeys(key for key in config if key not in kept))
        module = entry.get("module") or module_of(str(entry.get("class_name")))
        return {**entry, **({"module": module, "registered_name": entry.get("registered_name")} if module else {}),
                "config": kept}  # fmt: skip

    def _names(self, layers: list[dict[str, Any]], config: Mapping[str, Any]) -> _Names:
        new = dict(zip(map(name_of, layers), names_in(layers), strict=True))
        last = {name: new[name] + ("_clip" if self._is_hard_sigmoid(layer) else "") for name, layer in
                zip(map(name_of, layers), layers, strict=True)}  # fmt: skip
        models = {name_of(layer): layer for layer in layers if is_model(layer)}
        nodes = [layer.get("inbound_nodes") for layer in layers] + [config["input_layers"], config["output_layers"]]
        seen: dict[str, int] = {}
        for name, node in _references(nodes, frozenset(models)):
            seen[name] = min(node, seen.get(name, node))
        functional = frozenset(name for name, layer in models.items() if layer["class_name"] != "Sequential")
        return _Names(new, last, seen, functional)

    # ------------------------------------------------------------------------------------------- layers

    def layer(self, entry: dict[str, Any], name: str) -> list[dict[str, Any]]:
        """One layer under its new name; followed by what its activation became, where that is computed otherwise."""
        kind = str(entry["class_name"])
        if is_model(entry):
            made = self.model(entry, nested=True)
            made["config"]["name"] = name
            return [{**made, "name": name}]
        if kind in keras2_operations.KINDS:
            return [{"name": name}]  # becomes an operation when its nodes are read
        config = {**self._config(kind, dict(entry["config"]), name), "name": name}
        module = str(entry.get("module") or "keras.layers")
        if kind in ("LayerScale", "StochasticDepth"):  # of ConvNeXt; ``.h5`` files do not say where it is
            module, entry = CONVNEXT, {**entry, "registered_name": kind}
        if kind in _KINDS:
            self.replaced[f"{kind} as {_KINDS[kind]}"] = None
        kind = _KINDS.get(kind, kind)
        registered = entry.get("registered_name") if kind not in vars(keras.layers) else None
        made = {**_entry("keras.layers" if registered is None else module, kind, config), "name": name}
        made["registered_name"] = registered
        if not self._is_hard_sigmoid(entry):
            return [made]
        self.replaced["hard_sigmoid as Keras 2 computed it"] = None
        config["activation"] = "linear"
        dtype = {"dtype": config["dtype"]} if "dtype" in config else {}
        scaled = {"name": f"{name}_scale", "scale": 0.2, "offset": 0.5, **dtype}
        clipped = {"name": f"{name}_clip", "max_value": 1.0, **dtype}
        after = [_entry("keras.layers", "Rescaling", scaled), _entry("keras.layers", "ReLU", clipped)]
        return [made, *({**one, "name": one["config"]["name"]} for one in after)]

    def _alone(self, entry: dict[str, Any]) -> dict[str, Any]:
        """A layer inside another one, where nothing can follow it."""
        chain = self.layer(entry, _safe(name_of(entry)))
        if len(chain) > 1:
            raise ValueError("hard_sigmoid inside another layer, which Keras 2 computed otherwise")
        return chain[0]

    def _is_hard_sigmoid(self, entry: Mapping[str, Any]) -> bool:
        config = entry.get("config")
        return isinstance(config, dict) and _function_name(config.get("activation")) == "hard_sigmoid"

    def _config(self, kind: str, config: dict[str, Any], name: str) -> dict[str, Any]:
        """The settings of one layer, without those that only training needs."""
        now = _KINDS.get(kind, kind)
        known = known_keys(now)
        if isinstance(inner := config.get("layer"), dict):
            config["layer"] = self._alone(inner)
        made: dict[str, Any] = {}
        for key, value in config.items():
            renamed = _KEYS.get(now, {}).get(key, key)
            if _TRAINING_ONLY.fullmatch(key):
                self.dropped[key] = None
            elif known and renamed not in known:
                self._drop(now, name, key, value)
            else:
                made[renamed] = self._value(renamed, value, name)
        if now in ("BatchNormalization", "LayerNormalization") and isinstance(made.get("axis"), list):
            made["axis"] = made["axis"][0] if len(made["axis"]) == 1 else made["axis"]
        return made

    def _drop(self, kind: str, name: str, key: str, value: Any) -> None:
        """Leave out a key that this Keras has not. Raises ValueError where an answer may depend on it."""
        harmless = _HARMLESS.get(key, ())
        random = kind.startswith("Random") and kind != "RandomCrop"  # does nothing when a network answers
        acts = value is not None and value is not False and harmless is not None and value not in harmless
        if acts and not random and kind != "Identity":
            raise ValueError(f"{kind} {name!r} with {key}={str(value)[:60]}, which this Keras cannot compute")
        self.dropped[key] = None

    def _value(self, key: str, value: Any, name: str) -> Any:
        """One setting: a policy, an array or an activation in today's form, or the value as it is."""
        if key == "dtype":
            return _policy(value)
        if isinstance(value, dict) and value.get("type") == "ndarray":
            return value["value"]
        if key != "activation":
            return value
        function = _ACTIVATIONS.get(str(_function_name(value)), _function_name(value))
        if isinstance(value, dict) and function is None:
            return self._alone(value)
        if function is not None and function not in vars(keras.activations):
            raise ValueError(f"{name!r} with the activation {str(function)[:60]!r}, whose code this file does not hold")
        return function

    # -------------------------------------------------------------------------------------------- nodes

    def _connect(self, chain: list[dict[str, Any]], entry: dict[str, Any], names: _Names) -> None:
        """Write the calls of a layer, and of what follows it, in today's form."""
        nodes = entry.get("inbound_nodes") or []
        if entry["class_name"] in keras2_operations.KINDS:
            chain[0] |= self._operation(entry, nodes, chain[0]["name"], names)
        else:
            chain[0]["inbound_nodes"] = [_node(node, names) for node in nodes]
        for before, after in pairwise(chain):
            count = range(len(nodes))
            after["inbound_nodes"] = [{"args": [_tensor(before["name"], node, 0)], "kwargs": {}} for node in count]

    def _operation(self, entry: dict[str, Any], nodes: list[Any], name: str, names: _Names) -> dict[str, Any]:
        """A function of TensorFlow as an operation of Keras."""
        kind, config = entry["class_name"], entry["config"]
        function = keras2_operations.function_of(kind, config)
        try:
            calls = [_call(kind, function, config, _node(node, names)) for node in nodes]
        except Unknown as error:
            raise ValueError(f"TensorFlow's function {error}, which is no operation of Keras") from error
        if not calls or any(call.config != calls[0][0].config for call, _ in calls):
            raise ValueError(f"TensorFlow's function {function} with settings that change from call to call")
        one = calls[0][0]
        self.replaced[f"{function} as {one.kind}"] = None
        made = _entry(f"{OPERATIONS}.{one.module}", one.kind, {"name": name, **one.config})
        return {**made, "registered_name": one.kind, "name": name, "inbound_nodes": [node for _, node in calls]}


def _call(kind: str, function: str, config: Mapping[str, Any], node: dict[str, Any]) -> tuple[Call, dict[str, Any]]:
    """The operation of one node, and the node as that operation takes its arguments."""
    first = node["args"][0]
    settings = dict(node["kwargs"])
    constant_first = False
    if kind == "TensorFlowOpLayer":
        constant_first, settings = keras2_operations.settings_of_node(config)
        if isinstance(first, list) and not settings and len(first) == 2 and "concat" not in function.lower():
            first, settings = first[0], {"y": first[1]}
    if constant_first:
        first, settings = settings.pop("y", None), {"y": first}
    tensors = isinstance(first, list) or (isinstance(first, dict) and first.get("class_name") == "__keras_tensor__")
    call = keras2_operations.operation(function, None if tensors else first, settings)
    return call, {"args": [first if one is None and place == 0 else one for place, one in enumerate(call.args)],
                  "kwargs": {}}  # fmt: skip


def _entry(module: str, kind: str, config: dict[str, Any]) -> dict[str, Any]:
    return {"module": module, "class_name": kind, "config": config, "registered_name": None}


def _safe(name: Any) -> str:
    return str(name).replace("/", "_")


def _function_name(value: Any) -> str | None:
    """The name of an activation, in each of the forms in which it is written; None where it is a layer."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and value.get("class_name") == "function":
        return str(value.get("config"))
    return None


def _policy(value: Any) -> Any:
    """The type of a layer's numbers."""
    if isinstance(value, dict) and value.get("class_name") in _POLICIES:
        name = value["config"].get("name")
        name = "float32" if name in ("infer", "_infer", None) else str(name)
        plain = {"name": name}
        return {"module": "keras", "class_name": "DTypePolicy", "config": plain, "registered_name": None}
    return value


def _references(nodes: Any, names: frozenset[str]) -> Iterator[tuple[str, int]]:
    """Every ``[name, node, tensor, ...]`` of these names in the nodes of a model."""
    waiting = [nodes]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            if len(one) >= 3 and isinstance(one[0], str) and one[0] in names and isinstance(one[1], int):
                yield one[0], one[1]
            waiting.extend(one)
        elif isinstance(one, dict):
            waiting.extend(one.values())


def _tensor(name: str, node: int, place: int) -> dict[str, Any]:
    history = [name, node, place]
    return {"class_name": "__keras_tensor__", "config": {"shape": [None], "dtype": "float32", "keras_history": history}}


def _reference(name: str, node: int, place: int, names: _Names) -> dict[str, Any]:
    if name not in names.last:
        raise ValueError(f"a call of {name[:60]!r}, a layer that is not there")
    return _tensor(names.last[name], node - names.skipped.get(name, 0), place)


def _ends(ends: Any, names: _Names) -> Any:
    """Inputs or outputs of a model; a single one is no list of one, which its answer would be too."""
    if isinstance(ends, list) and len(ends) == 3 and isinstance(ends[0], str):
        name, node, place = ends
        built_in = 1 if name in names.functional else 0  # Keras counts one call of a functional model at its ends
        return [names.last[name], node - names.skipped.get(name, 0) + built_in, place]
    if isinstance(ends, list) and len(ends) == 1:
        return _ends(ends[0], names)
    if isinstance(ends, dict):
        return {key: _ends(one, names) for key, one in ends.items()}
    return [_ends(one, names) for one in ends]


def _node(node: Any, names: _Names) -> dict[str, Any]:
    """One call: ``[[name, node, tensor, kwargs], ...]``, or that of one tensor without the outer list."""
    single = bool(node) and isinstance(node[0], str)
    inputs = [node] if single else node
    settings: dict[str, Any] = {}
    tensors = []
    for one in inputs:
        settings |= one[3] if len(one) > 3 else {}
        constant = one[0] == "_CONSTANT_VALUE"
        tensors.append(keras2_operations.constant(one[2]) if constant else _reference(one[0], one[1], one[2], names))
    kwargs = {key: _inside(value, names) for key, value in settings.items() if key not in _CALL_KEYS}
    return {"args": [tensors[0] if len(tensors) == 1 else tensors], "kwargs": kwargs}


def _inside(value: Any, names: _Names) -> Any:
    """An argument of a call, in which tensors are ``[name, node, tensor]``."""
    if isinstance(value, list):
        if len(value) == 3 and isinstance(value[0], str) and value[0] in names.last and isinstance(value[1], int):
            return _reference(value[0], value[1], value[2], names)
        return [_inside(one, names) for one in value]
    return value
