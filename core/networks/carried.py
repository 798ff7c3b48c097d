"""A classifier packed to travel to another process, and the digest that tells whether it has arrived whole."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from core.networks.classifiers import KEPT, Classifier, classifier
from core.networks.kept import Kept

__all__ = ["CarriedNetwork", "carry", "network_digest", "prepared_probe"]

PROBE_TOLERANCE = 1e-3


def network_digest(net: Classifier) -> str:
    """What tells a network: SHA-256 of its layers, their shapes and weights, its size and its labels, in hexadecimal.

    The same in every process and on every machine. How pictures enter the network is not in it: ``prepared_probe``.
    """
    told = hashlib.sha256(repr((net.size, net.labels, net.scale)).encode())
    for info in net.layers.values():
        told.update(repr((info.name, info.kind, info.shape, info.receptive_field)).encode())
    for step in net.graph.steps:
        told.update(step.name.encode())
        for weight in getattr(step.operation, "get_weights", list)():
            array = np.ascontiguousarray(weight)
            told.update(repr((array.shape, array.dtype.str)).encode() + array.tobytes())
    return told.hexdigest()


def prepared_probe(net: Classifier) -> tuple[float, ...]:
    """What the network's preprocessing makes of a fixed picture of 2 x 2: some numbers, equal within rounding."""
    values = np.linspace(0, 1, 12, dtype=np.float32).reshape(1, 2, 2, 3)
    return tuple(np.ravel(np.asarray(net.preprocess(tf.constant(values)), np.float32))[:12].round(3).tolist())


@dataclass(frozen=True)
class CarriedNetwork:
    """A classifier, packed: made by ``carry``; ``open`` unpacks and checks it.

    Attributes:
        digest: of the network.
        network: a ``.keras`` file.
        preprocess: pickled, with its code: who sends it is trusted as far as the cluster is.
        facts: name, labels, size, card, output and kind.
        probe: what preprocessing makes of a fixed picture.
    """

    digest: str
    network: bytes
    preprocess: bytes
    facts: Mapping[str, Any]
    probe: tuple[float, ...]

    def open(self) -> Classifier:
        """The classifier. Raises ValueError where it is not the one that was packed."""
        import cloudpickle

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.keras"
            path.write_bytes(self.network)
            network = keras.models.load_model(path, compile=False)
        found = classifier(network, **self.facts)
        prepare = tf.autograph.experimental.do_not_convert(cloudpickle.loads(self.preprocess))  # it has no source here
        found = replace(found, preprocess=prepare, kept=Kept(KEPT))
        got = network_digest(found)
        if got != self.digest or not np.allclose(prepared_probe(found), self.probe, atol=PROBE_TOLERANCE, rtol=1e-3):
            raise ValueError(
                f"Expected the network {self.facts['name']} with digest {self.digest[:12]}, got {got[:12]}: one that "
                "was rewritten in memory does not travel"
            )
        return found


def carry(net: Classifier) -> CarriedNetwork:
    """Pack a classifier for other processes. Raises ValueError for a network that Keras cannot save."""
    try:
        import cloudpickle
    except ImportError as error:
        raise ValueError("Expected cloudpickle, which comes with 'convscope[cluster]', got none installed") from error
    facts = {
        "name": net.name, "labels": net.labels or None, "size": net.size, "card": dict(net.card),
        "output": net.output.name, "kind": net.output.kind,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.keras"
        try:
            net.network.save(path)
            return CarriedNetwork(
                network_digest(net), path.read_bytes(), cloudpickle.dumps(net.preprocess), facts, prepared_probe(net)
            )
        except (TypeError, ValueError, NotImplementedError, AttributeError) as error:
            raise ValueError(
                f"Expected a network that Keras can save, to send it to workers, got {net.name}, which it cannot"
            ) from error
