"""Files as Keras 2 wrote them, made without Keras 2: the description of a Keras 3 network put into the old form."""

from __future__ import annotations

import copy
import json

import h5py
import keras
import numpy as np

NODES = {"__keras_tensor__"}


def description(network):
    """What Keras 3 says of a network, as JSON."""
    return json.loads(network.to_json())


def aged(network, *, change=None):
    """The description of a network in the words of Keras 2.15: bare lists as nodes, ``batch_input_shape``, ..."""
    whole = description(network)
    old = {"class_name": whole["class_name"], "config": _model(whole)}
    if change:
        change(old)
    return old


def _model(entry):
    config = copy.deepcopy(entry["config"])
    layers = []
    for layer in config["layers"]:
        if layer["class_name"] in ("Functional", "Sequential"):
            made = {"class_name": layer["class_name"], "config": _model(layer)}
        else:
            made = {"class_name": layer["class_name"], "config": _settings(layer)}
        if "inbound_nodes" in layer:
            made |= {"name": layer["name"], "inbound_nodes": [_node(node) for node in layer["inbound_nodes"]]}
        layers.append(made)
    ends = {key: [config[key]] for key in ("input_layers", "output_layers") if key in config}
    return {"name": config["name"], "trainable": True, "layers": layers, **ends}


def _settings(layer):
    config = {key: value for key, value in layer["config"].items() if key not in ("quantization_config", "optional")}
    kind = layer["class_name"]
    if "batch_shape" in config:
        config["batch_input_shape"] = config.pop("batch_shape")
    if isinstance(config.get("dtype"), dict):
        config["dtype"] = {"class_name": "Policy", "config": {"name": config["dtype"]["config"]["name"]}}
    if kind in ("DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose"):
        config["groups"] = 1
    if kind == "LeakyReLU":
        config["alpha"] = config.pop("negative_slope")
    if kind == "BatchNormalization":
        config |= {"axis": [config["axis"]], "beta_regularizer": {"class_name": "Mine", "config": {}}}
        for key in ("renorm", "renorm_clipping", "renorm_momentum", "synchronized"):
            config.pop(key, None)
    if kind in ("Conv2D", "Dense"):
        config["kernel_initializer"] = {"class_name": "OfAnotherPackage", "config": {"scale": 3}}
    return config


def _node(node):
    """``{"args": ..., "kwargs": ...}`` -> ``[[name, node, tensor, kwargs], ...]``."""
    tensors = node["args"][0] if isinstance(node["args"][0], list) else node["args"][:1]
    kwargs = {key: _inside(value) for key, value in node["kwargs"].items()}
    if len(node["args"]) > 1:  # of attention
        kwargs["value"] = _inside(node["args"][1])
    return [[*one["config"]["keras_history"], kwargs] for one in tensors]


def _inside(value):
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        return list(value["config"]["keras_history"])
    return value


def write_h5(path, network, old, *, version="2.15.0", rename=None):
    """The HDF5 file that Keras 2 would have written of a network, with an old description."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"], file.attrs["backend"] = version, "tensorflow"
        file.attrs["model_config"] = json.dumps(old)
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [layer.name for layer in network.layers]
        for layer in network.layers:
            inner = group.create_group((rename or {}).get(layer.name, layer.name))
            names = []
            for weight in layer.trainable_weights + layer.non_trainable_weights:
                name = _old_name(weight, layer) + ":0"
                names.append(name.encode())
                inner[name] = np.asarray(weight)
            inner.attrs["weight_names"] = names
    return path


def _old_name(weight, layer):
    """``conv/kernel``: Keras 2 left the names of outer models away."""
    parts = weight.path.split("/")
    if isinstance(layer, keras.Model):
        parts = parts[-2:]
    return "/".join(parts)


def randomized(network, seed=0):
    """The network with weights of which no two are alike, so that none can take the place of another unnoticed."""
    generator = np.random.default_rng(seed)
    for weight in network.weights:
        low = 0.5 if "variance" in weight.path or "gamma" in weight.path else -0.5
        weight.assign(generator.uniform(low, low + 1, weight.shape))
    return network
