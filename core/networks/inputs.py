"""Networks whose input is not one picture (height, width, channels), brought into that form where nothing is lost.

A grey picture without its channel, (28, 28), gets one. Of several inputs the first picture stays, and the others are
held at one value, which the card says. The layers are the same ones, under their own names.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt

HELD = 0.0
"""The value at which inputs beside the picture are held, where nobody says another."""

Values = Mapping[str, npt.ArrayLike]
"""Input by name -> the value at which it is held: a number for all of it, or as many as it has, row by row."""


class Adapted(NamedTuple):
    """A network with one picture as its input.

    Attributes:
        network: of the same layers.
        notes: what was done to it, one sentence each.
        held: the inputs beside the picture by name: their shape.
    """

    network: keras.Model
    notes: tuple[str, ...] = ()
    held: Mapping[str, tuple[int, ...]] = {}


class Held(keras.layers.Layer):
    """What an input beside the picture gets: the same for each of a batch of pictures."""

    def __init__(self, value: npt.NDArray[np.float32], dtype: str, **options: Any) -> None:
        super().__init__(**options)
        self.value, self.kind = value, dtype

    def call(self, pictures: Any) -> Any:
        """As many as there are pictures (N, ...)."""
        return keras.ops.broadcast_to(
            keras.ops.convert_to_tensor(self.value[None], self.kind),
            (keras.ops.shape(pictures)[0], *self.value.shape),
        )

    def compute_output_spec(self, pictures: Any) -> Any:
        """(N, ...) of the input's own type."""
        return keras.KerasTensor((pictures.shape[0], *self.value.shape), self.kind)


def adapted(network: keras.Model, name: str, *, notes: tuple[str, ...] = (), held: Values | None = None) -> Adapted:
    """A network with one picture as its input, and the notes with what was done to it.

    Args:
        network: as its file gives it.
        name: of its file, for sentences.
        notes: of what was done before.
        held: at what to hold the inputs beside the picture; the others at 0.

    Raises:
        ValueError: a network that takes no picture, in a sentence that says what it takes; a value for an input that
            there is not, or that does not fit it.
    """
    inputs = keras.tree.flatten(network.inputs) if getattr(network, "inputs", None) else []
    if not inputs:
        return Adapted(network, notes)
    shapes = [tuple(one.shape[1:]) for one in inputs]
    if len(inputs) == 1 and (shape := _unfolded(network, shapes[0])):
        return _of_a_row(network, shape, notes)
    pictures = [place for place, shape in enumerate(shapes) if _is_picture(shape)]
    if not pictures:
        raise ValueError(f"Expected a network for pictures, got {name}, which takes {_said(shapes)}")
    first = pictures[0]
    others = {str(one.name): place for place, one in enumerate(inputs) if place != first}
    _require_names(held or {}, others, name)
    if len(inputs) == 1 and len(shapes[0]) == 3:
        return Adapted(network, notes)
    picture = keras.Input(shapes[first] if len(shapes[first]) == 3 else (*shapes[first], 1))
    values: list[Any] = [picture if len(shapes[first]) == 3 else keras.ops.squeeze(picture, axis=-1)] * len(inputs)
    full = {one: _full(picture, shapes[place]) for one, place in others.items()}
    for one, place in others.items():
        value = _fitting((held or {}).get(one, HELD), full[one], one)
        values[place] = Held(value, str(inputs[place].dtype), name=f"held_{re.sub(r'[^0-9A-Za-z_]', '_', one)}")(
            picture
        )
    packed = keras.tree.pack_sequence_as(network.inputs, values) if len(inputs) > 1 else values[0]
    made = keras.Model(picture, network.call(packed), name=network.name)
    return Adapted(made, (*notes, *_notes(inputs, first, held or {})), full)


def _unfolded(network: keras.Model, shape: tuple[int | None, ...]) -> tuple[int, ...] | None:
    """The picture that a row of numbers is made into by the first layer, a Reshape; None where there is none."""
    first = network.inputs[0] if len(shape) == 1 else None
    for layer in network.layers if first is not None else ():
        if isinstance(layer, keras.layers.Reshape) and layer.input is first and _is_picture(layer.output.shape[1:]):
            sides = tuple(int(side) for side in layer.output.shape[1:])
            return sides if len(sides) == 3 else (*sides, 1)
    return None


def _of_a_row(network: keras.Model, shape: tuple[int, ...], notes: tuple[str, ...]) -> Adapted:
    """A network for pictures that come as a row of numbers, with the picture as its input."""
    picture = keras.Input(shape)
    row = keras.ops.reshape(picture, (-1, shape[0] * shape[1] * shape[2]))
    size = " x ".join(map(str, shape))
    made = keras.Model(picture, network.call(row), name=network.name)
    return Adapted(made, (*notes, f"Its pictures of {size} are given to it as a row of numbers, as it wants them."))


def _is_picture(shape: tuple[int | None, ...]) -> bool:
    """Height, width and 1 or 3 channels; or height and width of a grey picture, both not small."""
    if len(shape) == 3:
        return shape[-1] in (1, 3)
    return len(shape) == 2 and all(side is not None and side >= 8 for side in shape)


def _said(shapes: list[tuple[int | None, ...]]) -> str:
    return " and ".join(" x ".join(str(side or "any") for side in shape) or "a number" for shape in shapes) + " values"


def _require_names(held: Values, others: Mapping[str, int], name: str) -> None:
    strange = [repr(str(one)[:40]) for one in held if one not in others]
    if strange:
        there = ", ".join(repr(one[:40]) for one in others) or "none"
        raise ValueError(f"Expected values for inputs of {name} beside its picture ({there}), got {', '.join(strange)}")


def _full(picture: Any, shape: tuple[int | None, ...]) -> tuple[int, ...]:
    """The shape of a held input, with the picture's sides where it leaves them open. Raises ValueError."""
    sides = [side or (picture.shape[1 + place] if place < 2 else 1) for place, side in enumerate(shape)]
    if any(side is None for side in sides):
        raise ValueError("Expected a second input of a fixed shape, got one that is open")
    return tuple(int(side) for side in sides if side)


def _fitting(value: npt.ArrayLike, shape: tuple[int, ...], name: str) -> npt.NDArray[np.float32]:
    """The value in the shape of its input. Raises ValueError."""
    try:
        array = np.asarray(value, np.float32)
    except (TypeError, ValueError):
        array = np.full((), np.nan, np.float32)
    count = math.prod(shape)
    if not np.isfinite(array).all() or array.size not in (1, count):
        many = f" or {' x '.join(map(str, shape))} of them" if count > 1 else ""
        got = array.size if np.isfinite(array).all() else "others"
        raise ValueError(f"Expected one finite number{many} for the input {name[:40]!r}, got {got}")
    return np.broadcast_to(array.ravel(), count).reshape(shape)


def _notes(inputs: list[Any], place: int, held: Values) -> list[str]:
    """What is said of the inputs that were changed."""
    notes = []
    if len(inputs[place].shape) == 3:
        notes.append("Its pictures have no channels; they are given to it as grey ones.")
    others = [str(one.name) for index, one in enumerate(inputs) if index != place]
    groups: dict[str, list[str]] = {}
    for one in others:
        groups.setdefault(_in_words(held.get(one, HELD)), []).append(repr(one[:40]))
    said = [
        f"{'inputs' if len(names) > 1 else 'input'} {', '.join(names)} held at {value}"
        for value, names in groups.items()
    ]
    if said:
        notes.append(f"The picture is its input {str(inputs[place].name)[:40]!r}; {'; '.join(said)}.")
    return notes


def _in_words(value: npt.ArrayLike) -> str:
    numbers = np.asarray(value, np.float32).ravel()
    if len(numbers) <= 8:
        return ", ".join(f"{number:g}" for number in numbers)
    return f"{len(numbers)} numbers from {numbers.min():g} to {numbers.max():g}"
