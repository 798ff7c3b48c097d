"""What excites a unit: the patches of real pictures that it answers to most, and what in them does it.

``networks.unit_index`` notes where in a set of pictures every unit was excited most (Zeiler and Fergus,
arXiv:1311.2901, figure 2). ``patches`` cuts those places at the receptive field, ``projection`` shows what in them
excited the unit. A unit here is a channel of a layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core import checks
from core.networks.classifiers import PICTURES, Classifier
from core.networks.gradient_overrides import GRADIENT_OVERRIDES, overridden
from core.networks.requirements import require_channels, require_size
from core.networks.unit_index import UnitIndex, require_own_size, require_unit, window_of
from core.optimize.ascent import batch_size
from core.pauses import each
from core.pictures.sets import PictureSet
from core.types import Floats, Pictures

__all__ = ["PROJECTIONS", "Patches", "around_grey", "patches", "projection"]

PROJECTIONS = ("deconvnet", "guided", "gradient")


@dataclass(frozen=True, eq=False)
class Patches:
    """What excites one unit most, the strongest first.

    Attributes:
        channel: the unit.
        which: (n,) numbers of the pictures in their set.
        pictures: (n, H, W, 3) float32 in [0, 1], whole.
        positions: (n, 2) row and column in the map of the layer.
        windows: (n, 4) top, left, bottom and right of what the unit sees, in pixels.
        values: (n,) activations.
    """

    channel: int
    which: npt.NDArray[np.int32]
    pictures: Floats
    positions: npt.NDArray[np.int32]
    windows: npt.NDArray[np.int32]
    values: Floats

    def __len__(self) -> int:
        return len(self.which)

    def cut(self, arrays: npt.ArrayLike | None = None) -> Floats:
        """The windows of the pictures, or of other arrays (n, H, W, 3) such as projections: (n, h, w, 3)."""
        whole = self.pictures if arrays is None else np.asarray(arrays, np.float32)
        if whole.shape[:3] != self.pictures.shape[:3]:
            raise ValueError(f"Expected arrays of shape {self.pictures.shape[:3]}, got {whole.shape}")
        parts = zip(whole, self.windows, strict=True)
        return np.stack([one[top:bottom, left:right] for one, (top, left, bottom, right) in parts])


def patches(classifier: Classifier, index: UnitIndex, pictures: PictureSet, channel: int) -> Patches:
    """The pictures of a set that excite a unit most, with the window that the unit sees.

    The window has the size of the receptive field, or of the picture where the field is larger or unknown. Where it
    would hang over the edge it is moved inside: so it holds all that the unit sees, and no pixels that are not there.
    Fewer than the index's ``top`` only where the set has fewer pictures.

    Raises:
        ValueError: a channel out of range, a set that is not the index's, or pictures of another size.
    """
    require_unit(index, channel)
    require_own_size(classifier, pictures)
    if len(pictures) != index.total:
        raise ValueError(f"Expected the set of {index.total} pictures that was indexed, got one of {len(pictures)}")
    there = index.pictures[channel] >= 0
    which = index.pictures[channel][there]
    positions = np.stack([index.rows[channel][there], index.columns[channel][there]], axis=1)
    windows = np.array([window_of(classifier, index.layer, *position) for position in positions.tolist()], np.int32)
    values = index.values[channel][there]
    return Patches(int(channel), which, pictures.pictures(which), positions, windows, values)


def projection(
    classifier: Classifier,
    pictures: npt.ArrayLike,
    layer: str,
    channel: int,
    *,
    positions: npt.ArrayLike | None = None,
    method: str = "deconvnet",
) -> Floats:
    """What in each picture excites one unit at one place: its activation carried back to the pixels.

    Args:
        classifier: the network.
        pictures: (N, H, W, 3) float in [0, 1].
        layer: of ``classifier.layers``.
        channel: of the layer.
        positions: (N, 2) row and column in the map of the layer; where the unit is excited most, where None.
        method: ``"deconvnet"`` (Zeiler and Fergus, arXiv:1311.2901), ``"guided"`` (Springenberg et al.,
            arXiv:1412.6806), or the plain ``"gradient"``; they differ in what rectifiers let through.

    Returns:
        (N, H, W, 3) float32, positive where more of that colour excites the unit more; ``around_grey`` makes pictures
        of it. 0 outside of the receptive field.

    Raises:
        ValueError: a method, layer, channel, place or size that cannot be.
    """
    checks.one_of("projection", method, PROJECTIONS)
    require_channels(classifier, layer, [channel])
    batch = _runnable(classifier, pictures, layer)
    run = classifier.compiled(("projection", layer, method), lambda: _projector(classifier, layer, method))
    chosen = _strongest(classifier, batch, layer, channel) if positions is None else np.asarray(positions, np.int32)
    _require_positions(classifier, layer, chosen, batch)
    size = batch_size(*batch.shape[1:3])  # a gradient keeps every activation: 80 MB for a picture of a large network
    parts = [slice(first, first + size) for first in range(0, len(batch), size)]
    return np.concatenate(
        [run(tf.constant(batch[part]), tf.constant(channel), tf.constant(chosen[part])).numpy() for part in each(parts)]
    )


def around_grey(gradients: npt.ArrayLike) -> Floats:
    """Gradients (N, H, W, 3) as pictures in [0, 1]: 0.5 is none, and each uses the whole range.

    The range ends at the 97th percentile of the absolute values that are not zero, so that single pixels do not hide
    the rest. Raises ValueError for another shape.
    """
    values = np.asarray(gradients, np.float32)
    if values.ndim != 4 or 0 in values.shape:
        raise ValueError(f"Expected gradients of shape (N, H, W, 3), got {values.shape}")
    sizes = np.abs(values).reshape(len(values), -1)
    ends = [np.percentile(one[one > 0], 97) if one.any() else 0 for one in sizes]
    reach = np.array(ends, np.float32)[:, None, None, None]
    signed = np.divide(values, 2 * reach, out=np.zeros_like(values), where=reach > 0)
    return np.clip(signed + 0.5, 0, 1).astype(np.float32)


# ------------------------------------------------------------------------------------------ back to the pixels


def _projector(classifier: Classifier, layer: str, method: str) -> Any:
    rule = GRADIENT_OVERRIDES.get(method)
    forward = overridden(classifier, [layer], rule) if rule else classifier.forward([layer])
    signature = [PICTURES, tf.TensorSpec((), tf.int32), tf.TensorSpec((None, 2), tf.int32)]

    @tf.function(input_signature=signature)
    def run(pictures: tf.Tensor, channel: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(pictures)
            units = tf.gather(forward(pictures)[layer], channel, axis=-1)
            if units.shape.rank == 3:
                units = tf.gather_nd(units, positions, batch_dims=1)
        return tape.gradient(units, pictures, unconnected_gradients=tf.UnconnectedGradients.ZERO)

    return classifier.told([layer], run)


def _strongest(classifier: Classifier, pictures: Floats, layer: str, channel: int) -> npt.NDArray[np.int32]:
    """Row and column (N, 2) where the unit is excited most in each picture."""
    units = classifier.tap([layer])(tf.constant(pictures))[layer].numpy()[..., channel]
    maps = units if units.ndim == 3 else units[:, None, None]
    flat = maps.reshape(len(maps), -1).argmax(axis=1)
    return np.stack(np.unravel_index(flat, maps.shape[1:]), axis=1).astype(np.int32)


# ------------------------------------------------------------------------------------------------- small parts


def _runnable(classifier: Classifier, pictures: npt.ArrayLike, layer: str) -> Pictures:
    """The pictures as a batch (N, H, W, 3) for which the layer can be computed. Raises ValueError."""
    batch = checks.pictures(pictures)
    require_size(classifier, [layer], *batch.shape[1:3])
    return batch


def _require_positions(classifier: Classifier, layer: str, positions: npt.NDArray[np.int32], batch: Floats) -> None:
    if positions.shape != (len(batch), 2) or positions.min() < 0:
        raise ValueError(f"Expected a row and a column for each of {len(batch)} pictures, got shape {positions.shape}")
    if classifier.layer(layer).spatial:
        own = batch.shape[1:3] == classifier.size
        shape = classifier.layer(layer).shape if own else classifier.tap([layer])(batch[:1])[layer].shape[1:]
        rows, columns = shape[:2]
        if positions[:, 0].max() >= rows or positions[:, 1].max() >= columns:
            raise ValueError(
                f"Expected positions within the {rows} x {columns} map of {layer}, got {positions.max(axis=0)}"
            )
