"""What a network gives: classes, one binary logit, numbers, an embedding or maps, of each output; how sure that is.

A file says how an output is computed, not what it means. Softmax and sigmoid tell; so do the loss that the network was
trained with, where the file has it, and outputs of length one. One unit without an activation may be a number or the
logit of two classes: then this says that it is not sure, and the person says which.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from core.networks.graphs import END, Graph, Step
from core.networks.heads import behind, ending
from core.networks.steps import kind

VECTORS = ("classes", "binary", "numbers", "embedding")
"""The kinds of an output without height and width; a person may choose among them."""

KINDS = (*VECTORS, "mask", "maps")
"""What an output may be, what says most first."""

_NORMALIZED = {"BatchNormalization", "LayerNormalization", "RMSNormalization", "GroupNormalization"}
_NONLINEAR = {"ReLU", "LeakyReLU", "PReLU", "ELU"}
_REGRESSIONS = ("mean_", "mse", "mae", "mape", "msle", "huber", "log_cosh", "logcosh", "poisson", "tweedie")
_NAMED = re.compile(
    r"(^|[^a-z])(ages?|years?|angles?|steering|prices?|bbox|box(es)?|coord\w*|landmarks?|keypoints?|regress\w*|offsets?)"
    r"($|[^a-z])"
)
_EMBEDDED = re.compile(r"embed|feature|descriptor|encod|latent|bottleneck")
_FEW, _USUAL = 8, frozenset({64, 128, 256, 512, 1024, 1536, 2048})


@dataclass(frozen=True)
class Output:
    """One output of a network.

    Attributes:
        name: by which it is chosen: its key in a dictionary of outputs, or the name of its layer.
        kind: of ``KINDS``.
        units: how many numbers it has, or at each place of a map.
        sure: whether the network itself tells; where not, its person should say.
        why: the evidence, as a sentence.
        scale: what makes probabilities of classes that the network leaves as logits, where its loss tells.
        loss: what it was trained with, where that is known.
    """

    name: str
    kind: str
    units: int
    sure: bool = True
    why: str = ""
    scale: str = ""
    loss: str = ""


def find(graph: Graph, *, losses: Mapping[str, str] | Sequence[str] = (), labels: int = 0) -> tuple[Output, ...]:
    """What each output of a network is, in the network's own order.

    Args:
        graph: as ``graphs.read`` gives it.
        losses: what it was trained with, by the name of the output or in their order.
        labels: how many names of classes are known; 0 where none are.
    """
    named = losses if isinstance(losses, Mapping) else dict(zip(graph.ends, losses, strict=False))
    losses_of = {name: str(named.get(name, "")) for name in graph.ends}
    return tuple(replace(_output(at(graph, name), name, loss, labels), loss=loss) for name, loss in losses_of.items())


def at(graph: Graph, name: str) -> Graph:
    """The graph that ends in the output of that name."""
    return replace(graph, tensors={**graph.tensors, END: graph.ends[name]})


def choose(outputs: Sequence[Output], output: str = "", chosen: str = "") -> Output:
    """The output of that name, or else the one that says most: classes before numbers before maps; as that kind.

    Raises:
        ValueError: no output of that name, a kind that it cannot be.
    """
    found = [one for one in outputs if one.name == output]
    if output and not found:
        raise ValueError(f"There is no output {output!r}; there is {', '.join(one.name for one in outputs)}")
    best = (found or sorted(outputs, key=_rank))[0]
    if chosen in ("", best.kind):
        return best
    if chosen not in kinds_for(best):
        several = " or ".join(kinds_for(best))
        raise ValueError(
            f"Expected {several} as the kind of output {best.name!r} of {best.units} units, got {chosen!r}"
        )
    return replace(best, kind=chosen, sure=True, why="You said so.", scale="")


def kinds_for(output: Output) -> tuple[str, ...]:
    """What an output may be taken for: one unit is no choice of classes, and maps stay what they are."""
    if output.kind not in VECTORS:
        return (output.kind,)
    return ("binary", "numbers") if output.units == 1 else ("classes", "numbers", "embedding")


def names(output: Output, labels: Sequence[str] | None = None) -> tuple[str, ...]:
    """What its units are called: the labels, or classes and numbers by their number."""
    count = 2 if output.kind == "binary" else output.units if output.kind in VECTORS else 0
    if labels is not None:
        return tuple(labels)
    if output.kind not in ("numbers", "embedding"):
        return tuple(f"class {index}" for index in range(count))
    own = output.name.rsplit("/", 1)[-1].split(":")[0]
    if count == 1:
        return ("number" if _automatic(own) else own,)
    return tuple(f"number {index}" for index in range(count))


def _automatic(name: str) -> bool:
    """Whether Keras made the name of a layer or an operation."""
    return re.sub(r"_\d+$", "", name).replace("_", "").lower() in _classes()


@cache
def _classes() -> frozenset[str]:
    """The names of Keras's layers, without capitals and underscores, of usual operations, and what a picture is called.

    Not of all operations: an "angle" is one.
    """
    found = {*vars(keras.layers), "tanh", "sigmoid", "arctan", "arctan2", "exp", "power", "absolute", "clip"}
    found |= {"truedivide", "floordivide", "divide", "normalize", "getitem", "squeeze", "mean", "sum", "picture"}
    return frozenset(name.replace("_", "").lower() for name in found)


def _rank(output: Output) -> tuple[int, bool, int]:
    place = KINDS.index(output.kind)
    return max(1, place), not output.sure, place


# ------------------------------------------------------------------------------------------------ the evidence


def _output(graph: Graph, name: str, loss: str, labels: int) -> Output:
    """What the end of the graph is."""
    shape = graph.tensors[END].shape
    units = int(shape[-1] or 0) if len(shape) > 1 else 0
    if len(shape) != 2 or not units:
        return _map(graph, name, units)
    last = ending(graph)
    if last in ("softmax", "sigmoid"):
        return _probabilities(name, units, last)
    step = behind(graph, graph.tensors[END])[1]
    evidence = (_by_loss(loss, units) or _by_length(graph, units) or _by_labels(labels, units)
                or _by_end(step, last, units) or _by_name(name, units))  # fmt: skip
    found, sure, why, *scale = evidence or ("classes", False, "Its units have no activation: taken for logits.")
    return Output(name, found, units, sure, why, *scale)


def _map(graph: Graph, name: str, units: int) -> Output:
    tensor = graph.tensors[END]
    last = ending(graph) if len(tensor.shape) == 4 else ""
    whole = len(tensor.shape) == 4 and tuple(tensor.shape[1:3]) == tuple(graph.input.shape[1:3])
    if last in ("softmax", "sigmoid") and len(tensor.shape) == 4:
        return Output(name, "mask", units, True, f"It has a height and a width, and ends in a {last}.")
    found = "mask" if whole else "maps"
    return Output(name, found, units, found == "maps", "It has a height and a width.")


def _probabilities(name: str, units: int, last: str) -> Output:
    if units == 1 and last == "softmax":
        return Output(name, "numbers", units, True, "A softmax of one unit says 1 of everything.")
    if units == 1:
        return Output(name, "binary", units, True, "It ends in one sigmoid.")
    also = ", one for each class: they do not exclude each other" if last == "sigmoid" else ""
    return Output(name, "classes", units, True, f"It ends in a {last}{also}.")


def _by_loss(loss: str, units: int) -> tuple[Any, ...] | None:
    why = f"It was trained with the loss {loss}."
    if loss.startswith(_REGRESSIONS):
        return "numbers", True, why
    if loss.startswith("cosine_similarity"):
        return "embedding", True, why
    if loss.startswith("binary") or "hinge" in loss:
        return ("binary", True, why) if units == 1 else ("classes", True, why, "sigmoid")
    return ("classes", True, why) if "categorical" in loss and units > 1 else None


def _by_length(graph: Graph, units: int) -> tuple[Any, ...] | None:
    """Outputs that are all of length one are an embedding. The network is run, on noise, where that may be."""
    step = behind(graph, graph.tensors[END])[1]
    if units < 2 or step is None or getattr(step.operation, "weights", None):
        return None
    noise = np.random.default_rng(0).random((3, *graph.input.shape[1:]), dtype=np.float32)
    noise *= np.array([0.1, 1, 5], np.float32).reshape(3, 1, 1, 1)  # noise is like noise: lengths must stand more
    values = np.asarray(graph.run(tf.constant(noise), [END])[END])
    lengths = np.linalg.norm(values, axis=-1)
    even = lengths.min() > 0 and np.allclose(lengths, lengths[0], rtol=1e-3)
    varied = np.abs(values - values[0]).max() > 1e-6 * lengths.max()
    if kind(step) == "UnitNormalization" or (even and varied):
        return "embedding", True, "All its vectors have the same length."
    return None


def _by_labels(labels: int, units: int) -> tuple[Any, ...] | None:
    if units == 1 and labels == 2:
        return "binary", True, "There are names for two classes."
    return ("classes", True, "There is a name for each of its units.") if labels == units > 1 else None


def _by_end(step: Step | None, last: str, units: int) -> tuple[Any, ...] | None:
    """What the last activation or layer tells."""
    what = kind(step) if step else ""
    after = last or ("" if step and getattr(step.operation, "weights", None) and what not in _NONLINEAR else what)
    if units == 1:
        why = f"One unit behind {after}." if after else "One unit without an activation."
        return "numbers", bool(after), why
    if last or what in _NONLINEAR:
        several = "numbers" if units <= _FEW else "embedding"
        return several, False, f"Its units end in {after}, which scores of classes do not."
    if what in _NORMALIZED:
        return "embedding", False, f"Its units end in {what}, which scores of classes do not."
    return None


def _by_name(name: str, units: int) -> tuple[Any, ...] | None:
    own = name.rsplit("/", 1)[-1].lower()
    if _NAMED.search(own):
        return "numbers", False, f"Its name is {name!r}."
    if _EMBEDDED.search(own):
        return "embedding", False, f"Its name is {name!r}."
    return (
        ("embedding", False, f"{units} units without an activation: often an embedding.") if units in _USUAL else None
    )
