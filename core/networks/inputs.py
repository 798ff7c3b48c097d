"""Networks whose input is not one picture (height, width, channels), brought into that form where nothing is lost.

A grey picture without its channel, (28, 28), gets one. Of several inputs the first picture stays, and the others are
held at one value, which the card says. The layers are the same ones, under their own names.
"""

from __future__ import annotations

from typing import Any

import keras

HELD = 0.0
"""The value at which inputs beside the picture are held."""


def adapted(network: keras.Model, name: str, *, notes: tuple[str, ...] = ()) -> tuple[keras.Model, tuple[str, ...]]:
    """A network with one picture as its input, and the notes with what was done to it.

    Raises:
        ValueError: a network that takes no picture, in a sentence that says what it takes.
    """
    inputs = keras.tree.flatten(network.inputs) if getattr(network, "inputs", None) else []
    if not inputs:
        return network, notes
    shapes = [tuple(one.shape[1:]) for one in inputs]
    pictures = [place for place, shape in enumerate(shapes) if _is_picture(shape)]
    if not pictures:
        raise ValueError(f"Expected a network for pictures, got {name}, which takes {_said(shapes)}")
    if len(inputs) == 1 and len(shapes[0]) == 3:
        return network, notes
    picture = keras.Input(shapes[pictures[0]] if len(shapes[pictures[0]]) == 3 else (*shapes[pictures[0]], 1))
    values: list[Any] = [_held(picture, shape) for shape in shapes]
    values[pictures[0]] = picture if len(shapes[pictures[0]]) == 3 else keras.ops.squeeze(picture, axis=-1)
    packed = keras.tree.pack_sequence_as(network.inputs, values) if len(inputs) > 1 else values[0]
    made = keras.Model(picture, network.call(packed), name=network.name)
    return made, (*notes, *_notes(inputs, pictures[0]))


def _is_picture(shape: tuple[int | None, ...]) -> bool:
    """Height, width and 1 or 3 channels; or height and width of a grey picture, both not small."""
    if len(shape) == 3:
        return shape[-1] in (1, 3)
    return len(shape) == 2 and all(side is not None and side >= 8 for side in shape)


def _said(shapes: list[tuple[int | None, ...]]) -> str:
    return " and ".join(" x ".join(str(side or "any") for side in shape) or "a number" for shape in shapes) + " values"


def _held(picture: Any, shape: tuple[int | None, ...]) -> Any:
    """A tensor of a held input, as many as there are pictures. Raises ValueError for a shape that is open."""
    nothing = keras.ops.sum(picture, axis=(1, 2, 3)) * 0 + HELD
    sides = [side or (picture.shape[1 + place] if place < 2 else 1) for place, side in enumerate(shape)]
    if any(side is None for side in sides):
        raise ValueError("Expected a second input of a fixed shape, got one that is open")
    flat = keras.ops.reshape(nothing, (-1, *([1] * len(sides))))
    return keras.ops.tile(flat, (1, *sides)) if sides else nothing


def _notes(inputs: list[Any], place: int) -> list[str]:
    """What is said of the inputs that were changed."""
    notes = []
    if len(inputs[place].shape) == 3:
        notes.append("Its pictures have no channels; they are given to it as grey ones.")
    others = [repr(str(one.name)[:40]) for index, one in enumerate(inputs) if index != place]
    if others:
        said = "inputs" if len(others) > 1 else "input"
        notes.append(
            f"The picture is its input {str(inputs[place].name)[:40]!r}; {said} {', '.join(others)} held at {HELD:g}."
        )
    return notes
