"""What is in the lower layers of a memorizer? Its upper layers are trained anew, on true labels, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from core import checks
from core.pictures.labelled import LabelledSet
from core.techniques.memorization.architecture import compiled, initial
from core.techniques.memorization.conditions import memorization_task
from core.techniques.memorization.training import TrainingFrame, TrainingState, epochs_of

__all__ = ["KEEPABLE", "Retrained", "retrain"]

KEEPABLE = {"": "nothing", "conv1": "conv1", "conv2": "conv1 and conv2", "dense": "all but the logits"}
"""{the last layer that is kept: what is kept, in words}."""


@dataclass(frozen=True)
class Retrained:
    """How right a network became whose lower layers were kept.

    Attributes:
        keep: the last layer that was kept, of ``KEEPABLE``.
        epoch: after how many epochs of training the layers above it.
        total: how many there will be.
        train_accuracy, test_accuracy: on true labels, 0 to 1.
        test_pictures: on how many the second was found.
        done: whether this was the last epoch of this layer.
        progress: of the whole, 0 to 1.
    """

    keep: str
    epoch: int
    total: int
    train_accuracy: float
    test_accuracy: float
    test_pictures: int
    done: bool
    progress: float


def retrain(
    frame: TrainingFrame, data: LabelledSet, *, epochs: int = 15, keep: tuple[str, ...] = tuple(KEEPABLE), seed: int = 0
) -> Iterator[Retrained]:
    """Keep a network's layers up to one, and train those above it from new weights on true labels; for several ones.

    Where nothing is kept this is training from the start, which the others are to be compared with. The pictures are
    those of the frame's condition (shuffled ones stay shuffled), the labels the true ones.

    Args:
        frame: a frame of ``memorize``.
        data: the data that it was trained on.
        epochs: 1 to 1,000 for each layer.
        keep: of ``KEEPABLE``.
        seed: of the new weights and the order.

    Yields:
        After each epoch, layer by layer, how right it is.

    Raises:
        ValueError: no such layer, epochs outside the bounds, data of another size, or weights that are not finite.
    """
    checks.whole("epochs", epochs, 1, 1000)
    for one in keep:
        checks.one_of("layer to keep", one, KEEPABLE)
    run, told = frame.run, memorization_task(data, frame.run.condition, corruption=None, seed=frame.run.seed)
    if (*data.size, told.pictures.shape[-1]) != run.architecture.size or data.names != frame.names:
        raise ValueError("Expected the data that this network was trained on, got others")
    if not frame.finite:
        raise ValueError("Expected finite weights, got others: the step size was too large")
    truly = replace(told, labels=told.true)
    made, fresh = compiled(run.architecture), initial(run.architecture, seed + 1)
    order = [name for name in KEEPABLE if name]

    def layers() -> Iterator[Retrained]:
        for index, one in enumerate(keep):
            kept = set(order[: order.index(one) + 1]) if one else set()
            kept |= {f"{name}_bn" for name in kept}
            stays = [layer in kept for layer in made.layers]
            weights = tuple(
                own if stay else new for stay, own, new in zip(stays, frame.state.trained, fresh, strict=True)
            )
            state = TrainingState(weights, frame.state.kept if one else made.kept, made.memory)
            again = replace(run, seed=seed, epochs=epochs, extra=0, free=tuple(float(not stay) for stay in stays))
            for now in epochs_of(again, truly, title=data.title, start=state, to_the_end=True):
                yield Retrained(one, now.epoch, epochs, now.train_accuracy, now.test_accuracy, now.test_pictures,
                                now.epoch == epochs, (index + now.epoch / epochs) / len(keep))  # fmt: skip

    return layers()
