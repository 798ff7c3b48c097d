"""The network from the map of a layer to its answers: what it says when something in that map is another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from core.networks.classifiers import LOGITS, Classifier
from core.networks.graphs import Graph
from core.networks.requirements import require_answers
from core.networks.segments import Segment, named, segment
from core.networks.tokens import TokenMap

__all__ = ["Begun", "Tail", "require_map", "tail", "way_from"]


class Begun(NamedTuple):
    """What pictures are at a layer.

    Attributes:
        maps: (N, h, w, channels), or (N, channels).
        raw: the same as the layer gives it: tokens where it is a map of tokens.
        beside: what else leads to the answer, as around a skip connection.
    """

    maps: tf.Tensor
    raw: tf.Tensor
    beside: Sequence[tf.Tensor]


@dataclass(frozen=True, eq=False)
class Tail:
    """The calls from a layer on, run one by one without compiling.

    Attributes:
        classifier: the network.
        segment: the calls.
        graph: the network's, in which what the segment begins with has the names ``needs``.
        needs: the names of the layer's output, and of what stands beside it.
        tokens: which map the layer's tokens are, where it has some.
    """

    classifier: Classifier
    segment: Segment
    graph: Graph
    needs: tuple[str, ...]
    tokens: TokenMap | None

    def begin(self, pictures: tf.Tensor) -> Begun:
        """Pictures (N, H, W, 3) at the layer."""
        found = self.graph.run(self.classifier.preprocess(pictures), self.needs)
        raw, *beside = (found[name] for name in self.needs)
        return Begun(self.tokens.to_map(raw) if self.tokens else raw, raw, beside)

    def logits(self, begun: Begun, maps: tf.Tensor) -> tf.Tensor:
        """The logits (n, classes) of other maps, shaped as those of ``begun``, which holds one picture, or n of them.

        What belongs to no place, such as a class token, stays as it is.
        """
        start = maps
        if self.tokens:
            repeats = tf.where(tf.shape(begun.raw)[0] == 1, tf.shape(maps)[0], 1)
            start = self.tokens.to_tokens(maps, tf.repeat(begun.raw, repeats, axis=0))
        return tf.cast(self.segment.run(start, begun.beside)[LOGITS], tf.float32)


def tail(classifier: Classifier, layer: str) -> Tail:
    """From a layer with a map to the answers. Raises ValueError for another layer, and where there is no way."""
    require_map(classifier, layer)
    require_answers(classifier)
    return way_from(classifier, layer)


def way_from(classifier: Classifier, layer: str) -> Tail:
    """From any layer to the answers of a network that has some. Raises ValueError where there is no way."""

    def make() -> Tail:
        part = segment(classifier.graph, classifier.graph.tensors[layer], [LOGITS])
        graph, names = named(classifier.graph, [part.start, *part.beside], "from here")
        return Tail(classifier, part, graph, tuple(names), classifier.graph.token_map(layer))

    found: Tail = classifier.keep_aside(("way from", layer), make)
    return found


def require_map(classifier: Classifier, layer: str) -> None:
    """The layer exists, and has height and width. Raises ValueError otherwise."""
    if not classifier.layer(layer).spatial:
        raise ValueError(f"Expected a layer with height and width, got {layer!r}, which has none")
