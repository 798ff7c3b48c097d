"""What Keras 2 kept of TensorFlow's own functions in a network (``TFOpLambda`` and its kin), as operations of Keras 3.

``preprocess_input`` and plain arithmetic between layers leave them in a description. A function that is not in the
tables here, or an argument that would change what it computes, is refused by its name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

KINDS = frozenset({"TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"})
"""The classes under which Keras 2 kept a function of TensorFlow."""

_BINARY = {
    "add": "Add", "addv2": "Add", "subtract": "Subtract", "sub": "Subtract", "multiply": "Multiply", "mul": "Multiply",
    "truediv": "TrueDivide", "divide": "TrueDivide", "realdiv": "TrueDivide", "maximum": "Maximum",
    "minimum": "Minimum", "pow": "Power", "floordiv": "FloorDivide", "bias_add": "Add", "biasadd": "Add",
}  # fmt: skip
_UNARY = {
    **{name: ("numpy", name.capitalize()) for name in ("sqrt", "square", "exp", "log", "log1p", "tanh", "sin", "cos")},
    **{name: ("numpy", name.capitalize()) for name in ("reciprocal", "floor", "ceil", "sign", "negative", "expm1")},
    **{name: ("nn", name.capitalize()) for name in ("relu", "relu6", "silu", "selu", "softplus", "softsign")},
    "sigmoid": ("nn", "Sigmoid"), "abs": ("numpy", "Absolute"), "neg": ("numpy", "Negative"), "swish": ("nn", "Silu"),
    "elu": ("nn", "Elu"), "rsqrt": ("math", "Rsqrt"), "erf": ("math", "Erf"),
}  # fmt: skip
_REDUCTIONS = {
    "reduce_mean": "Mean", "mean": "Mean", "reduce_sum": "Sum", "sum": "Sum", "reduce_max": "Max", "max": "Max",
    "reduce_min": "Min", "min": "Min", "reduce_std": "Std", "reduce_variance": "Var", "reduce_prod": "Prod",
}  # fmt: skip
_IDENTITIES = frozenset({"identity", "stop_gradient", "convert_to_tensor", "ensure_shape", "copy"})
_RESIZE = {"bilinear": "bilinear", "nearest": "nearest", "bicubic": "bicubic", "lanczos3": "lanczos3"} | {
    "lanczos5": "lanczos5"
}


@dataclass(frozen=True)
class Call:
    """An operation of Keras: where it is, its class, its settings, and what is called with, the tensor as None."""

    module: str
    kind: str
    config: dict[str, Any] = field(default_factory=dict)
    args: tuple[Any, ...] = (None,)


class Unknown(ValueError):  # noqa: N818 - it is caught, and its words completed, by the translation
    """A function of TensorFlow, or an argument of it, that no operation of Keras here computes."""


def function_of(kind: str, config: Mapping[str, Any]) -> str:
    """The full name of the function that a part of class ``kind`` calls: ``math.truediv``."""
    if kind == "TensorFlowOpLayer":
        node = config.get("node_def")
        text = node if isinstance(node, str) else json.dumps(node)
        found = re.search(r"\"?\bop\"?\s*:\s*\"(\w{1,40})\"", text)
        return found[1] if found else "an operation without a name"
    return str(config.get("function"))[:60]


def operation(function: str, first: Any, settings: Mapping[str, Any]) -> Call:
    """The operation that computes what a function of TensorFlow does.

    Args:
        function: its name, such as ``math.truediv`` or ``RealDiv``.
        first: its first argument: None for the tensor, a list of None for several, or a constant.
        settings: its other arguments by name; tensors are descriptions with the class ``__keras_tensor__``.

    Raises:
        Unknown: a function or an argument that is not in the tables.
    """
    name = function.rsplit(".", 1)[-1].lower()
    left = {key: value for key, value in settings.items() if key != "name" and value is not None}
    if name in _BINARY:
        return _binary(name, first, left)
    if isinstance(first, (int, float)):
        raise Unknown(f"{function} of a number")
    if name in _IDENTITIES:
        return Call("core", "StopGradient") if name == "stop_gradient" else Call("numpy", "Add", args=(None, 0))
    if name in _UNARY and not _without(left, beta=1.0):
        return Call(*_UNARY[name])
    if name in _REDUCTIONS:
        keep = left.pop("keepdims", left.pop("keep_dims", False))
        config = {"axis": left.pop("axis", left.pop("reduction_indices", None)), "keepdims": bool(keep)}
        return _complete(function, Call("numpy", _REDUCTIONS[name], config), left)
    if name in _OTHERS:
        return _complete(function, _OTHERS[name](left), left)
    raise Unknown(function + (f" with {next(iter(left))}" if name in _UNARY else ""))


def _binary(name: str, first: Any, left: dict[str, Any]) -> Call:
    if name in ("bias_add", "biasadd"):
        if left.pop("data_format", "NHWC") not in ("NHWC", "N...C", "channels_last"):
            raise Unknown("bias_add with channels first")
        other = left.pop("bias", left.pop("value", left.pop("y", None)))
    else:
        other = left.pop("y", left.pop("x", None))
    if other is None or isinstance(first, list):
        raise Unknown(f"{name} of one tensor")
    return _complete(name, Call("numpy", _BINARY[name], args=(constant(first), constant(other))), left)


def constant(value: Any) -> Any:
    """A number as it is; a list of numbers as an array, which is what operations take; all else unchanged."""
    if isinstance(value, list) and _numbers(value):
        return {"class_name": "__numpy__", "config": {"value": value, "dtype": "float32"}}
    if isinstance(value, dict) and value.get("class_name") == "__tensor__":
        return {**value, "class_name": "__numpy__"}
    return value


def _numbers(values: list[Any]) -> bool:
    return bool(values) and all(
        _numbers(one) if isinstance(one, list) else isinstance(one, (int, float)) for one in values
    )


def _complete(function: str, call: Call, left: Mapping[str, Any]) -> Call:
    """The call, if nothing was left out of it. Raises Unknown with the name of what was."""
    rest = {key: value for key, value in left.items() if value is not False}
    if rest:
        raise Unknown(f"{function} with {next(iter(rest))}={str(next(iter(rest.values())))[:60]}")
    return call


def _without(left: dict[str, Any], **harmless: Any) -> dict[str, Any]:
    """What is left besides arguments with their usual value."""
    return {key: value for key, value in left.items() if key not in harmless or harmless[key] != value}


# ------------------------------------------------------------------------------- functions with settings


def _slice(left: dict[str, Any]) -> Call:
    spec = left.pop("slice_spec", None)
    key = [_index(one) for one in (spec if isinstance(spec, list) else [spec])]
    return Call("numpy", "GetItem", args=(None, key))


def _index(one: Any) -> Any:
    """One index or slice of a channel flip or a crop."""
    if one is None or (isinstance(one, int) and not isinstance(one, bool)):
        return one
    if isinstance(one, dict) and one.get("class_name") == "__ellipsis__":
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(one, dict) and set(one) <= {"start", "stop", "step"}:
        ends = {key: one.get(key) for key in ("start", "stop", "step")}
        if all(end is None or isinstance(end, int) for end in ends.values()):
            return {"class_name": "__slice__", "config": ends}
    raise Unknown("a slice that depends on the picture")


def _cast(left: dict[str, Any]) -> Call:
    kind = left.pop("dtype", "float32")
    if kind not in ("float32", "float16", "bfloat16", "float64", "int32", "uint8"):
        raise Unknown(f"cast to {str(kind)[:40]}")
    return Call("core", "Cast", {"dtype": kind})


def _clip(left: dict[str, Any]) -> Call:
    low, high = left.pop("clip_value_min", left.pop("min", None)), left.pop("clip_value_max", left.pop("max", None))
    if not isinstance(low, (int, float)) or not isinstance(high, (int, float)):
        raise Unknown("clip_by_value with limits that are no numbers")
    return Call("numpy", "Clip", {"x_min": low, "x_max": high})


def _resize(left: dict[str, Any]) -> Call:
    size, method = left.pop("size", left.pop("images", None)), str(left.pop("method", "bilinear")).lower()
    if not isinstance(size, list) or not all(isinstance(side, int) for side in size):
        raise Unknown("image.resize to a size that is not fixed")
    if method not in _RESIZE:
        raise Unknown(f"image.resize with method={method[:40]}")
    config = {"size": size, "interpolation": _RESIZE[method], "antialias": bool(left.pop("antialias", False))}
    return Call("image", "Resize", config)


def _pool(kind: str) -> Callable[[dict[str, Any]], Call]:
    def pool(left: dict[str, Any]) -> Call:
        sizes = [left.pop("ksize", left.pop("pool_size", None)), left.pop("strides", None)]
        pairs = [one[1:3] if isinstance(one, list) and len(one) == 4 else one for one in sizes]
        if left.pop("data_format", "NHWC") not in ("NHWC", "channels_last"):
            raise Unknown("pooling with channels first")
        padding = str(left.pop("padding", "VALID")).lower()
        return Call("nn", kind, {"pool_size": pairs[0], "strides": pairs[1], "padding": padding})

    return pool


def _transpose(left: dict[str, Any]) -> Call:
    return Call("numpy", "Transpose", {"axes": left.pop("perm", None)})


def _normalize(left: dict[str, Any]) -> Call:
    axis, epsilon = left.pop("axis", left.pop("dim", None)), left.pop("epsilon", 1e-12)
    if axis is None:
        raise Unknown("l2_normalize over everything")
    return Call("nn", "Normalize", {"axis": axis, "order": 2, "epsilon": epsilon})


def _matmul(left: dict[str, Any]) -> Call:
    other = left.pop("b", left.pop("y", None))
    if other is None:
        raise Unknown("matmul of one tensor")
    return Call("numpy", "Matmul", args=(None, constant(other)))


_OTHERS: dict[str, Callable[[dict[str, Any]], Call]] = {
    "getitem": _slice,
    "cast": _cast,
    "clip_by_value": _clip,
    "resize": _resize,
    "resize_bilinear": _resize,
    "max_pool2d": _pool("MaxPool"),
    "max_pool": _pool("MaxPool"),
    "avg_pool2d": _pool("AveragePool"),
    "avg_pool": _pool("AveragePool"),
    "transpose": _transpose,
    "l2_normalize": _normalize,
    "matmul": _matmul,
    "reshape": lambda left: Call("numpy", "Reshape", {"newshape": left.pop("shape", None)}),
    "expand_dims": lambda left: Call("numpy", "ExpandDims", {"axis": left.pop("axis", None)}),
    "squeeze": lambda left: Call("numpy", "Squeeze", {"axis": left.pop("axis", None)}),
    "concat": lambda left: Call("numpy", "Concatenate", {"axis": left.pop("axis", -1)}),
    "concatv2": lambda left: Call("numpy", "Concatenate", {"axis": left.pop("axis", -1)}),
    "stack": lambda left: Call("numpy", "Stack", {"axis": left.pop("axis", 0)}),
    "reverse": lambda left: Call("numpy", "Flip", {"axis": left.pop("axis", None)}),
    "tile": lambda left: Call("numpy", "Tile", {"repeats": left.pop("multiples", None)}),
    "softmax": lambda left: Call("nn", "Softmax", {"axis": left.pop("axis", -1)}),
    "log_softmax": lambda left: Call("nn", "LogSoftmax", {"axis": left.pop("axis", -1)}),
    "gelu": lambda left: Call("nn", "Gelu", {"approximate": bool(left.pop("approximate", False))}),
    "leaky_relu": lambda left: Call("nn", "LeakyRelu", {"negative_slope": left.pop("alpha", 0.2)}),
    "depth_to_space": lambda left: Call("nn", "DepthToSpace", {"block_size": left.pop("block_size", None)}),
    "space_to_depth": lambda left: Call("nn", "SpaceToDepth", {"block_size": left.pop("block_size", None)}),
    "rgb_to_grayscale": lambda _: Call("image", "RGBToGrayscale"),
    "grayscale_to_rgb": lambda _: Call("numpy", "Repeat", {"repeats": 3, "axis": -1}),
    "round": lambda _: Call("numpy", "Round"),
}  # fmt: skip


# --------------------------------------------------------------------------------- TensorFlow 2.0 to 2.3


def settings_of_node(config: Mapping[str, Any]) -> tuple[bool, dict[str, Any]]:
    """What a ``TensorFlowOpLayer`` says of its arguments: whether a constant comes first, and the rest by name.

    Its constants are numbered by their place among the inputs; its other settings lie in ``node_def``.
    """
    constants = config.get("constants")
    constants = dict(constants) if isinstance(constants, Mapping) else {}
    op = function_of("TensorFlowOpLayer", config)
    text = json.dumps(config.get("node_def"))
    first = "0" in constants and "1" not in constants
    if op == "StridedSlice":
        return False, {"slice_spec": _strided(constants, text)}
    value = constants.get("0" if first else "1")
    if op in ("Mean", "Max", "Min", "Sum"):
        return False, {"axis": value, "keepdims": _flag("keep_dims", text)}
    named = {"Reshape": "shape", "ConcatV2": "axis", "ExpandDims": "axis", "Transpose": "perm", "BiasAdd": "bias"}
    if op == "Cast":
        return False, {"dtype": "float32"} if re.search(r"DstT.{0,40}DT_FLOAT\b", text) else {"dtype": "another type"}
    return first, {named.get(op, "y"): value} if constants else {}


def _flag(name: str, text: str) -> bool:
    return bool(re.search(name + r".{0,60}?\btrue\b", text))


def _strided(constants: Mapping[str, Any], text: str) -> list[Any]:
    """The channel flip that ``preprocess_input`` writes, ``x[..., ::-1]``; other slices raise Unknown."""
    begin, end, strides = (constants.get(str(place)) for place in (1, 2, 3))
    masked = re.search(r"ellipsis_mask.{0,60}?\bi\W{1,12}1\b", text)
    if not masked or begin != [0, 0] or end != [0, 0] or strides != [1, -1]:
        raise Unknown("StridedSlice other than a flip of the channels")
    return [{"class_name": "__ellipsis__"}, {"start": None, "stop": None, "step": -1}]
