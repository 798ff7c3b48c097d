"""Tokens of a vision transformer as the map that they are: (N, tokens, channels) <-> (N, height, width, channels)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import tensorflow as tf

Grid = tuple[int, int]


@dataclass(frozen=True)
class TokenMap:
    """Which map the tokens of a layer are, row by row.

    Attributes:
        height, width: of the map.
        lead: how many tokens stand before it and belong to no place: 1 where there is a class token.
    """

    height: int
    width: int
    lead: int = 0

    def to_map(self, tokens: tf.Tensor) -> tf.Tensor:
        """(N, height, width, channels) of (N, tokens, channels), without the tokens that belong to no place."""
        return tf.reshape(tokens[:, self.lead :], (tf.shape(tokens)[0], self.height, self.width, tokens.shape[-1]))

    def to_tokens(self, maps: tf.Tensor, tokens: tf.Tensor) -> tf.Tensor:
        """(N, tokens, channels) of a map; what stands before it is taken from ``tokens``, of the same layer."""
        flat = tf.reshape(maps, (tf.shape(maps)[0], self.height * self.width, tokens.shape[-1]))
        return tf.concat([tokens[:, : self.lead], flat], axis=1) if self.lead else flat


def token_map(count: int, grids: Iterable[Grid]) -> TokenMap | None:
    """The map of so many tokens: of the sizes that maps before them had, the first that fits; None where none does.

    A class token may stand before them. Sizes with more than one row and column go first.
    """
    known = sorted(grids, key=lambda grid: min(grid) == 1)
    for lead in (0, 1):
        for height, width in known:
            if height * width == count - lead > 1:
                return TokenMap(height, width, lead)
    return None


def grids_of(shape: tuple[int | None, ...]) -> tuple[Grid, ...]:
    """The sizes of map that a tensor (N, ...) may have: of (N, h, w, c), or of patches (N, h, p, w, p, c)."""
    sides = shape[1:]
    places = {3: ((0, 1),), 5: ((0, 2), (0, 1))}.get(len(sides), ())
    pairs = ((sides[row], sides[column]) for row, column in places)
    return tuple((row, column) for row, column in pairs if row and column)
