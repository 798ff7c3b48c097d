"""Activations for somebody who looks at one layer after the other: the quickest way to each, without compiling it.

Compiling a function for a layer takes longer than running its network layer by layer (EfficientNet-Lite0: 1.2 seconds,
not 0.15). So ``look`` compiles what is asked for the third time only, and ``prepare`` makes one function for all layers
at once, which takes one compilation and then serves each of them. All ways give the same numbers, to rounding.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from core.networks.classifiers import LOGITS, Classifier

__all__ = ["look", "prepare"]

UNCOMPILED = 2
"""How often the same layers are run one by one, before they get a compiled function of their own."""
MOST_AT_ONCE = 128 * 2**20
"""Bytes of all activations of one picture up to which they are computed at once."""
MOST_COUNTED = 1000


@dataclass(eq=False)
class _Looks:
    """What has been looked at, and whether the function for all layers is compiled."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    times: Counter[tuple[str, ...]] = field(default_factory=Counter)
    together: tuple[str, ...] = ()

    def again(self, names: tuple[str, ...]) -> int:
        """How often these layers were asked for before."""
        with self.lock:
            if len(self.times) > MOST_COUNTED:
                self.times.clear()
            self.times[names] += 1
            return self.times[names] - 1


def look(classifier: Classifier, pictures: npt.NDArray[np.floating], layers: Iterable[str]) -> dict[str, tf.Tensor]:
    """{layer: activation} of pictures (N, H, W, 3). Raises ValueError as ``Classifier.tap`` does."""
    names = tuple(dict.fromkeys(layers))
    looks = classifier.keep("looks", _Looks)
    run = classifier.forward(names)
    if not classifier.has_tap(names):
        if {*names} <= {*looks.together} and pictures.shape[:3] == (1, *classifier.size):
            found = classifier.tap(looks.together)(pictures)
            return {name: found[name] for name in names}
        if looks.again(names) < UNCOMPILED:
            with suppress(tf.errors.OpError, ValueError, TypeError):  # the compiled function says what is wrong
                return run(tf.constant(np.array(pictures, np.float32)))  # of its own: a layer may give back its input
    return classifier.tap(names)(pictures)


def prepare(classifier: Classifier) -> bool:
    """Compile one function for all layers of a picture of the network's own size; ``look`` uses it from then on.

    Returns whether there is one: not for a network whose activations take more than 128 MiB together.
    """
    numbers = sum(int(np.prod(info.shape)) for info in classifier.layers.values())
    together = (*classifier.layers, *([LOGITS] if classifier.labels else []))
    if 4 * numbers > MOST_AT_ONCE:
        return False
    classifier.tap(together)(tf.zeros((1, *classifier.size, 3)))
    classifier.keep("looks", _Looks).together = together
    return True
