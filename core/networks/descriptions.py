"""The description of a network, read with the standard library alone, and refused where anything is not on a list.

A description names the classes that Keras is to build; with a class that runs what the file says, it is a program.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import keras

from core.networks import keras2
from core.networks.description_parts import MODELS, entries, layers_of, operation_class

MIB = 2**20
CONFIG_BYTES = 8 * MIB
MOST_PARAMETERS = 500_000_000
MOST_LAYERS = 5_000
MOST_INPUTS = 8

_LAYERS = frozenset(
    {"Activation", "ActivityRegularization", "Add", "AlphaDropout", "Attention", "AugMix", "AutoContrast", "Average"}
    | {"BatchNormalization", "CenterCrop", "Concatenate", "Conv1D", "Dense", "Dot", "Dropout", "ELU", "EinsumDense"}
    | {"Equalization", "Flatten", "GaussianDropout", "GaussianNoise", "GroupNormalization", "Identity", "InputLayer"}
    | {"LayerNormalization", "LeakyReLU", "Maximum", "Minimum", "MultiHeadAttention", "Multiply", "Normalization"}
    | {"PReLU", "Permute", "RMSNormalization", "ReLU", "RepeatVector", "Rescaling", "Reshape", "Resizing", "Softmax"}
    | {"Solarization", "SpatialDropout1D", "SpatialDropout2D", "SpectralNormalization", "StochasticDepth", "Subtract"}
    | {"UnitNormalization", "LayerScale", "AdditiveAttention", "GroupQueryAttention", "RandAugment", "TimeDistributed"}
    | {"Conv2D", "Conv2DTranspose", "DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"}
    | {"ContrastLimitedAdaptiveHistogramEqualization", "Conv1DTranspose", "CutMix", "MixUp", "Masking", "Pipeline"}
    | {f"{kind}Pooling{d}D" for kind in ("Average", "Max", "AdaptiveAverage", "AdaptiveMax") for d in (1, 2)}
    | {f"Global{kind}Pooling{d}D" for kind in ("Average", "Max") for d in (1, 2)}
    | {f"{kind}{d}D" for kind in ("Cropping", "UpSampling", "ZeroPadding") for d in (1, 2)}
    | {f"Random{what}" for what in ("Brightness", "ColorDegeneration", "ColorJitter", "Contrast", "Crop", "Erasing")}
    | {f"Random{what}" for what in ("ElasticTransform", "Flip", "GaussianBlur", "Grayscale", "Hue", "Invert")}
    | {f"Random{what}" for what in ("Perspective", "Posterization", "Rotation", "Saturation", "Sharpness", "Shear")}
    | {f"Random{what}" for what in ("Translation", "Zoom")}
)
_VALUES = frozenset(
    {"__keras_tensor__", "__tensor__", "__numpy__", "__slice__", "__ellipsis__", "slice", "TensorShape"}
)
_RUNS_CODE = frozenset({"Lambda", "TFSMLayer", "JaxLayer", "FlaxLayer", "TorchModuleWrapper", "__lambda__"})
_CALLS_BACK = frozenset({"AssociativeScan", "Cond", "ForiLoop", "Map", "Operation", "Scan", "Switch"}) | {
    "VectorizedMap",
    "WhileLoop",
}
_ELSEWHERE = frozenset(
    {"LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional", "Embedding", "ConvLSTM1D", "ConvLSTM2D"}
) | {
    *("ConvLSTM3D", "Conv3D", "Conv3DTranspose", "TextVectorization", "MelSpectrogram", "STFTSpectrogram"),
    *("MaxPooling3D", "AveragePooling3D", "GlobalAveragePooling3D", "GlobalMaxPooling3D"),
}
"""Keras's own, but for texts, sounds and volumes."""


def read(text: bytes | str, name: str) -> dict[str, Any]:
    """The description that ``config.json`` or ``model_config`` holds. Raises ValueError where it is none."""
    if len(text) > CONFIG_BYTES:
        raise ValueError(
            f"Expected a description of at most {CONFIG_BYTES // MIB} MB in {name}, got {len(text) // MIB} MB"
        )
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"Expected a network's description in {name}, got one that cannot be read") from error
    if not isinstance(config, dict) or "class_name" not in config:
        raise ValueError(f"Expected a network's description in {name}, got something else")
    config.pop("compile_config", None)  # Keras is told to leave it aside
    return config


def checked(text: bytes | str, name: str, *, version: str = "") -> tuple[keras2.Translation, int]:
    """A description in the words of this Keras, and about how many parameters it declares.

    Args:
        text: of the description.
        name: of the file, for sentences.
        version: of the Keras that wrote it; empty where the file does not say.

    Raises:
        ValueError: a description with anything that is not listed, or that asks for more than a network may.
    """
    config = read(text, name)
    parts = list(entries(config))
    if len(parts) > 20 * MOST_LAYERS:
        raise ValueError(f"Expected at most {MOST_LAYERS} layers in {name}, got a description of {len(parts)} parts")
    declared = sum(map(_declared, parts))
    if declared > MOST_PARAMETERS:
        raise ValueError(f"Expected at most {MOST_PARAMETERS:,} parameters, got {declared:,} declared in {name}")
    try:
        translation = keras2.translate(config, version=version)
    except ValueError as error:
        for part in parts:
            if _is_foreign(part):
                raise ValueError(_refusal(part["class_name"], part.get("module") or "keras", name)) from error
        raise ValueError(f"Expected a network that this Keras can compute, got {name} with {error}") from error
    for part in entries(translation.description):
        _check_part(part, name)
    _check_inputs(translation.description, name)
    return translation, declared


# ------------------------------------------------------------------------------------------------- classes


def _check_part(entry: Mapping[str, Any], name: str) -> None:
    """Refuse one part whose class is not listed."""
    kind, module = entry["class_name"], entry.get("module") or "keras"
    if not isinstance(kind, str) or not isinstance(module, str):
        raise ValueError(f"Expected a network's description in {name}, got one whose classes have no names")
    if kind == "function":
        kind, listed = str(entry.get("config")), module in ("builtins", "keras") or module.startswith("keras.activ")
        if listed and kind in vars(keras.activations):
            return
    elif kind in _VALUES or (module.split(".")[0] == "keras" and _listed(kind, module)):
        return
    raise ValueError(_refusal(kind, module, name))


def _is_foreign(entry: Mapping[str, Any]) -> bool:
    """Whether a part of an untranslated description runs code, or is a class that somebody registered."""
    kind, registered = entry["class_name"], entry.get("registered_name")
    if not isinstance(kind, str) or not isinstance(entry.get("module"), (str, type(None))):
        return False
    own = isinstance(registered, str) and not str(entry.get("module") or "").startswith(("keras", "tensorflow", "tf_"))
    return kind in _RUNS_CODE or (own and kind not in _LAYERS and kind not in MODELS)


def _refusal(kind: str, module: str, name: str) -> str:
    """Why a class is not opened, and what to do."""
    if kind in _RUNS_CODE:
        what = "code of its own" if kind in ("Lambda", "__lambda__") else "foreign code"
        return (
            f"Expected layers without code in them, got {name} with {kind.strip('_')}, which runs {what}; replace it "
            "by Keras layers (Rescaling, Activation, keras.ops) and save again"
        )
    package = module.split(".")[0]
    if kind == "KerasLayer" or package == "tensorflow_hub":
        return (
            f"Expected Keras's own layers for pictures, got {name} with a layer of TensorFlow Hub, whose network is "
            "not in the file; build it on keras.applications instead, and train and save it again"
        )
    if package in ("keras_hub", "keras_cv", "keras_nlp", "keras_cv_attention_models", "kecam"):
        return (
            f"Expected Keras's own layers for pictures, got {name} with {kind[:60]!r} of {package}, a library whose "
            "code this file does not hold; build it on keras.applications instead, and train and save it again"
        )
    if kind in _ELSEWHERE:
        return (
            f"Expected a network for pictures, got {name} with {kind}, a layer for texts, sounds, videos or volumes, "
            "which Convscope does not show"
        )
    return (
        f"Expected Keras's own layers for pictures, got {name} with {kind[:60]!r}, whose code this file does not hold "
        "or which is not among them; build it of Keras's own layers and save it again"
    )


def _listed(kind: str, module: str) -> bool:
    """Whether a class of Keras is one that a network for pictures may be made of."""
    if kind in _LAYERS or kind in MODELS:
        return True
    compiled = (keras.optimizers, keras.losses, keras.metrics)  # of a compiled network inside this one
    numbers = (keras.dtype_policies, keras.quantizers)
    spaces = (keras.initializers, keras.regularizers, keras.constraints, *numbers, *compiled)
    if any(isinstance(vars(space).get(kind), type) for space in spaces):
        return True
    is_operation = kind not in _CALLS_BACK and operation_class(kind) is not None
    return is_operation and (module == "keras" or ".ops" in module)


def _declared(entry: Mapping[str, Any]) -> int:
    """About how many numbers of a kernel a part declares; 0 where it says too little."""
    config, build = entry.get("config"), entry.get("build_config")
    if not isinstance(config, dict):
        return 0
    shape = build.get("input_shape") if isinstance(build, dict) else None
    before = shape[-1] if isinstance(shape, list) and shape else 1
    kernel, groups = config.get("kernel_size", 1), config.get("groups", 1)
    parts = [config.get("units", config.get("filters", 0)), before, groups]
    parts += kernel if isinstance(kernel, list) and len(kernel) <= 3 else [kernel]
    if not all(isinstance(part, int) and 0 <= part < 2**31 for part in parts):
        return 0
    units, before, groups, *sides = map(int, parts)
    if str(entry["class_name"]).startswith("Separable"):
        return before * math.prod(sides) + before * units
    return units * before * math.prod(sides) // max(1, groups)


# ------------------------------------------------------------------------------------------------- pictures


def _check_inputs(description: Mapping[str, Any], name: str) -> None:
    """Refuse what can be told of the pictures from the description: channels first, RGBA, no picture at all."""
    inputs = [
        (layer.get("config") or {}).get("batch_shape") for layer in layers_of(description)
        if layer.get("class_name") == "InputLayer" and isinstance(layer.get("config"), dict)
    ]  # fmt: skip
    shapes = [shape for shape in inputs if isinstance(shape, list)]
    settings = [part["config"] for part in entries(description) if isinstance(part.get("config"), dict)]
    if any(config.get("data_format") == "channels_first" for config in settings):
        raise ValueError(
            f"Expected channels last, got {name} with channels first, which processors cannot compute; build it with "
            "data_format='channels_last', give it the same weights with set_weights, and save it again"
        )
    if len(shapes) > MOST_INPUTS:
        raise ValueError(f"Expected a network with one picture, got {name} with {len(shapes)} inputs")
    if len(shapes) == 1 and len(shapes[0]) == 4 and shapes[0][-1] not in (None, 1, 3):
        channels = shapes[0][-1]
        what = "RGBA, colours and opacity" if channels == 4 else f"{channels} channels"
        raise ValueError(
            f"Expected a network for colour or grey pictures (3 or 1 channels), got {name} for pictures of {what}; put "
            "a Conv2D that makes these channels out of three before it, and save it again"
        )
