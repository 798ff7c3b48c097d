"""What every layer makes of a picture: feature maps, their statistics, first-layer kernels, predictions.

An activation is a float32 array (N, h, w, channels), or (N, channels) for a layer without spatial extent.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.networks.classifiers import LOGITS, Classifier
from core.networks.looking import look
from core.pictures import images
from core.pictures.grey import as_grey
from core.types import Pictures

Array = npt.NDArray[np.float32]
Prediction = list[tuple[str, float]]
PIXELS_AT_ONCE = 8 * 224 * 224


def activations(classifier: Classifier, pictures: Pictures, layers: Iterable[str]) -> dict[str, Array]:
    """The output of every layer asked for, in one pass; what is asked for again and again is compiled.

    Args:
        classifier: the network.
        pictures: (N, H, W, 3) in [0, 1], of any size; ``seen_by`` makes them the size that the network was made for.
        layers: names from ``classifier.layers``.

    Returns:
        {layer: (N, h, w, channels) or (N, channels)}, read-only.

    Raises:
        ValueError: a layer that does not exist, or one that comes after a ``Flatten`` and pictures of another size;
            whole numbers or what is no batch of pictures; pictures so small that nothing is left of them at a layer.
    """
    names = tuple(layers)
    classifier.forward(names)
    batch = np.asarray(pictures)
    if batch.ndim != 4 or batch.shape[-1] != 3 or 0 in batch.shape or batch.dtype.kind != "f":
        raise ValueError(f"Expected float pictures of shape (N, H, W, 3), got {batch.dtype} of shape {batch.shape}")
    height, width = batch.shape[1:3]
    stuck = next((name for name in names if not classifier.runs_at([name], height, width)), None)
    if stuck:
        raise ValueError(
            f"Expected pictures of {classifier.size[0]} x {classifier.size[1]}, the only size at which"
            f" {classifier.name} runs to {stuck!r}, got {height} x {width}"
        )
    # a view of TensorFlow's memory: .numpy() would copy, which takes as long as the network itself
    results = {name: np.asarray(value, np.float32) for name, value in look(classifier, batch, names).items()}
    for name, result in results.items():
        if 0 in result.shape or result.shape[-1] != _channels(classifier, name):  # TensorFlow passes empty maps by
            raise ValueError(f"Expected larger pictures than {height} x {width}, of which nothing is left at {name!r}")
    return results


def _channels(classifier: Classifier, name: str) -> int:
    return len(classifier.labels) if name == LOGITS else classifier.layers[name].channels


def seen_by(classifier: Classifier, pictures: Pictures, *, scale: int = 1) -> Pictures:
    """The pictures as the network sees them: cut to the middle, resized to its size, grey where it sees no colour.

    A larger ``scale`` (1 to 8) makes them that many times as large, for finer maps of networks of open size.
    """
    if not 1 <= scale <= 8:
        raise ValueError(f"Expected a scale from 1 to 8, got {scale}")
    height, width = classifier.size
    seen = images.fit(pictures, height=height * scale, width=width * scale)
    return as_grey(seen) if classifier.grey else seen


def predict(classifier: Classifier, pictures: Pictures, *, top: int = 5) -> list[Prediction]:
    """The ``top`` likeliest classes of each picture and their probabilities in [0, 1], the likeliest first.

    Of a network that gives numbers: the first ``top`` of them by name, in their own order, each as the network says it.
    Pictures of another size than the network's own are cut to the middle and resized (``seen_by``). A few are looked
    at at a time: the largest maps of 32 pictures of 224 x 224 take more than half a gigabyte.
    """
    if top < 1:
        raise ValueError(f"Expected to be asked for at least one class, got {top}")
    seen = seen_by(classifier, pictures)
    size = max(1, PIXELS_AT_ONCE // (seen.shape[1] * seen.shape[2]))
    cuts = [seen[first : first + size] for first in range(0, len(seen), size)] or [seen]
    logits = np.concatenate([activations(classifier, cut, [LOGITS])[LOGITS] for cut in cuts])
    return [classifier.ranked(row, top) for row in classifier.probabilities(logits)]


@dataclass(frozen=True)
class Statistics:
    """How each channel of a layer answers to one picture or to many. All arrays are (channels,).

    Attributes:
        mean: over all places of all pictures.
        maximum: the strongest answer anywhere.
        zeros: fraction of places, in [0, 1], where the channel is exactly zero.
        dead: channels that are nowhere above zero; over many pictures that means dead, on one only inactive there.
    """

    mean: Array
    maximum: Array
    zeros: Array
    dead: npt.NDArray[np.bool_]

    def strongest(self, by: str = "mean") -> npt.NDArray[np.intp]:
        """Channel indices, the strongest first, by ``"mean"`` or ``"maximum"``."""
        if by not in ("mean", "maximum"):
            raise ValueError(f"Expected 'mean' or 'maximum', got {by!r}")
        return np.argsort(-(self.mean if by == "mean" else self.maximum), kind="stable")


def statistics(activation: Array) -> Statistics:
    """Statistics of every channel of an activation (N, h, w, channels) or (N, channels)."""
    if activation.ndim not in (2, 4) or 0 in activation.shape:
        raise ValueError(f"Expected an activation (N, h, w, channels) or (N, channels), got {activation.shape}")
    places = activation.reshape(-1, activation.shape[-1])
    maximum = places.max(axis=0)
    return Statistics(places.mean(axis=0), maximum, (places == 0).mean(axis=0, dtype=np.float32), maximum <= 0)


def changes(
    classifier: Classifier, before: Pictures, after: Pictures, layers: Iterable[str]
) -> dict[str, npt.NDArray[np.float32]]:
    """How much each channel's map differs between two pictures (1, H, W, 3): {layer: (channels,)}.

    The root mean square of the difference, divided by that of the whole layer's activation before: 0 is the same, and
    numbers of different layers can be compared.
    """
    names = list(layers)
    first, second = (activations(classifier, picture, names) for picture in (before, after))
    result = {}
    for name in names:
        axes = tuple(range(first[name].ndim - 1))
        size = np.sqrt(np.square(first[name]).mean()) + 1e-12
        result[name] = (np.sqrt(np.square(second[name] - first[name]).mean(axis=axes)) / size).astype(np.float32)
    return result


def maps(activation: Array, *, shared: bool = False) -> Array:
    """The maps of one picture, scaled to [0, 1] for looking at: (channels, h, w) from (h, w, channels).

    Zero is the darkest value where no activation is negative. With ``shared`` one scale serves the whole layer, so
    that channels can be compared; without it each channel uses the whole range. The map of an inactive channel is 0
    everywhere.
    """
    if activation.ndim != 3:
        raise ValueError(f"Expected the activation of one picture (h, w, channels), got {activation.shape}")
    stack = np.moveaxis(activation, -1, 0)
    axes = None if shared else (1, 2)
    low = stack.min(axis=axes, keepdims=True) if stack.min() < 0 else np.float32(0)
    span = stack.max(axis=axes, keepdims=True) - low
    return np.divide(stack - low, span, out=np.zeros_like(stack), where=span > 0)


def kernels(classifier: Classifier, layer: str | None = None) -> Array:
    """The kernels of a convolution that looks at pixels, as pictures (N, kh, kw, 3) in [0, 1]; 0.5 is weight zero.

    Args:
        classifier: the network.
        layer: by default its first convolution.

    Raises:
        ValueError: a network or layer without such kernels.
    """
    name = layer or next((n for n, info in classifier.layers.items() if info.kind == "Conv2D"), None)
    weights = classifier.weights(name) if name else []
    kernel = weights[0] if weights else np.zeros(0)
    if kernel.ndim != 4 or kernel.shape[2] not in (1, 3):
        raise ValueError(f"Expected a convolution over RGB or grey pixels, got {name or 'a network without one'}")
    stack = np.broadcast_to(np.moveaxis(kernel, -1, 0), (kernel.shape[3], *kernel.shape[:2], 3))
    reach = np.abs(stack).max(axis=(1, 2, 3), keepdims=True)
    return np.divide(stack, 2 * reach, out=np.zeros_like(stack), where=reach > 0) + np.float32(0.5)


def encode_npz(arrays: Mapping[str, npt.NDArray[np.generic]]) -> bytes:
    """Arrays by name as a compressed ``.npz`` file, for ``numpy.load``; ``/`` in a name becomes ``.``."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:  # np.savez refuses a layer named "file"
        for name, array in arrays.items():
            with archive.open(name.replace("/", ".") + ".npy", "w") as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
    return file.getvalue()
