"""Train the bundled networks on Tiny ImageNet, measure them, and write them with their cards.

    python -m core.bundled.train fit scratch --data DATA --run RUN
    python -m core.bundled.train fit augmented --data DATA --run RUN [--start WEIGHTS]
    python -m core.bundled.train fit standard --data DATA --run RUN [--start WEIGHTS]
    python -m core.bundled.train fit robust --data DATA --run RUN [--start WEIGHTS]
    python -m core.bundled.train measure NETWORK.keras --data DATA
    python -m core.bundled.train export standard --data DATA --run RUN

``scratch``, ``augmented``, ``standard`` and ``robust`` are the stages of one recipe (``STAGES``): each starts from the
weights of the one before it, or from ``--start``. Every rate and every crop follows from the count of pictures seen,
so an interrupted stage that is started again goes on where its last checkpoint was, as if it had never stopped.

DATA holds one sheet of 64 x 64 pictures per class: ``train/NNN_name.jpg`` (25 columns, 20 rows), ``val/NNN_name.jpg``
(10 columns, 5 rows), NNN being the class index, and ``classes.tsv`` (index, WordNet id, name).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from PIL import Image

BUNDLED = Path(__file__).resolve().parent
CLASSES = 200
BATCH = 128
SHIFT = 4
GREY = 120.0
SAVE_EVERY = 25_000
LOG_EVERY = 200
STEP_SIGNATURE = [
    tf.TensorSpec((None, 64, 64, 3), tf.uint8),
    tf.TensorSpec((None, 4), tf.float32),
    tf.TensorSpec((), tf.int32),
    tf.TensorSpec((None,), tf.int32),
]


@dataclass(frozen=True)
class Stage:
    """One stretch of training.

    Attributes:
        pictures: how many pictures are shown.
        peak: highest learning rate; reached after ``warmup`` of the stage, then falling linearly to zero.
        crops: ``(from, side, area)`` triples: from this fraction of the stage on, random crops of at least this area
            are resized to this side; where the area is None, the crops have this side and are not resized. Small crops
            first is faster, and unresized ones look like the test pictures, which matters more than the size
            (Touvron et al., "Fixing the train-test resolution discrepancy", arXiv:1906.06423).
        after: the stage whose weights this one starts from.
        radius: L2 radius of the attack of adversarial training, pictures in [0, 1]; 0 trains plainly.
    """

    pictures: int
    peak: float
    crops: tuple[tuple[float, int, float | None], ...]
    after: str | None = None
    radius: float = 0.0
    warmup: float = 0.05


STAGES = {
    "scratch": Stage(790_000, peak=0.2, crops=((0.0, 64, 0.77),)),
    "augmented": Stage(850_000, peak=0.1, crops=((0.0, 48, 0.35), (0.94, 64, 0.7)), after="scratch"),
    "standard": Stage(480_000, peak=0.06, crops=((0.0, 48, None), (0.88, 64, None)), after="augmented"),
    "robust": Stage(120_000, peak=0.05, crops=((0.0, 48, None), (0.7, 64, None)), after="standard", radius=0.5),
}


def build(classes: int = CLASSES) -> keras.Model:
    """The five-stage network: RGB in [0, 255] of any size in, softmax out; the layer ``logits`` comes before it.

    Stages conv1 to conv5 (one 5x5, one 3x3, then two 3x3 convolutions each), every convolution followed by batch
    normalization and ReLU, 2x2 max pooling between stages, global average pooling at the end.
    """
    x = image = keras.Input((None, None, 3), name="image")
    x = layers.Rescaling(1 / 64, offset=-1.875, name="normalize")(x)
    stages = zip((32, 64, 128, 192, 256), (5, 3, 3, 3, 3), (1, 1, 2, 2, 2), strict=True)
    for stage, (width, kernel, repeats) in enumerate(stages, 1):
        for repeat in range(repeats):
            name = f"conv{stage}" + (f"_{repeat + 1}" if repeats > 1 else "")
            x = layers.Conv2D(width, kernel, padding="same", use_bias=False, name=name)(x)
            x = layers.BatchNormalization(momentum=0.95, name=name + "_bn")(x)
            x = layers.ReLU(name=name + "_relu")(x)
        if stage < 5:
            x = layers.MaxPooling2D(2, name=f"pool{stage}")(x)
    x = layers.GlobalAveragePooling2D(name="gap")(x)
    x = layers.Dropout(0.1, name="drop")(x)
    x = layers.Dense(classes, name="logits")(x)
    return keras.Model(image, layers.Activation("softmax", name="predictions")(x), name="lens5")


def sheets(folder: Path, columns: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures ``(N, 64, 64, 3) uint8`` and labels ``(N,) int32`` of a folder with one sheet per class."""
    paths = sorted(folder.glob("*.jpg"))
    if len(paths) != CLASSES:
        raise ValueError(f"Expected {CLASSES} sheets NNN_name.jpg in {folder}, got {len(paths)}")
    pictures, labels = [], []
    for path in paths:
        sheet = np.asarray(Image.open(path).convert("RGB"))
        tiles = sheet.reshape(rows, 64, columns, 64, 3).transpose(0, 2, 1, 3, 4)
        pictures.append(tiles.reshape(-1, 64, 64, 3))
        labels.append(np.full(rows * columns, int(path.name[:3]), np.int32))
    return np.concatenate(pictures), np.concatenate(labels)


def validation(data: Path) -> tuple[np.ndarray, np.ndarray]:
    """The 10,000 validation pictures and their labels."""
    return sheets(data / "val", 10, 5)


# ---------------------------------------------------------------------------------------------- one training step


def logits_of(network: keras.Model, x: tf.Tensor, *, training: bool) -> tf.Tensor:
    """The network's logits; in training with TensorFlow's fused batch normalization, 1.3 times as fast on a CPU."""
    for layer in network.layers[1:]:
        if layer.name == "predictions":
            return x
        if training and isinstance(layer, layers.BatchNormalization):
            x, mean, variance = tf.compat.v1.nn.fused_batch_norm(
                x, layer.gamma.value, layer.beta.value, epsilon=layer.epsilon, is_training=True
            )[:3]
            for average, value in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
                average.assign(average * layer.momentum + value * (1 - layer.momentum))
        else:
            x = layer(x, training=training)
    raise ValueError("Expected a network that ends in a layer named 'predictions'")


def cross_entropy(logits: tf.Tensor, labels: tf.Tensor, smoothing: float = 0.1) -> tf.Tensor:
    """Mean cross-entropy with label smoothing."""
    target = tf.one_hot(labels, CLASSES) * (1 - smoothing) + smoothing / CLASSES
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(target, logits))


def l2_attack(
    network: keras.Model, x: tf.Tensor, labels: tf.Tensor, radius: float, *, steps: int = 1, step_size: float = 1.25
) -> tf.Tensor:
    """Pictures in [0, 255] moved up the loss inside an L2 ball, from a random start; the radius is for [0, 1].

    One step of 1.25 radius is fast adversarial training (Wong, Rice and Kolter, arXiv:2001.03994); ten of 0.25 measure.
    """

    def unit(t: tf.Tensor) -> tf.Tensor:
        return t * tf.math.rsqrt(tf.reduce_sum(t * t, axis=(1, 2, 3), keepdims=True) + 1e-12)

    radius *= 255
    delta = unit(tf.random.normal(tf.shape(x))) * radius * 0.5
    for _ in range(steps):
        with tf.GradientTape() as tape:
            tape.watch(delta)
            loss = cross_entropy(logits_of(network, x + delta, training=False), labels)
        delta += step_size * radius * unit(tape.gradient(loss, delta))
        length = tf.sqrt(tf.reduce_sum(delta * delta, axis=(1, 2, 3), keepdims=True) + 1e-12)
        delta = tf.clip_by_value(x + delta * tf.minimum(1.0, radius / length), 0.0, 255.0) - x
    return x + delta


def training_step(
    network: keras.Model, optimizer: keras.optimizers.Optimizer, radius: float
) -> Callable[..., tf.Tensor]:
    """The compiled step: (pictures uint8, crop boxes, side, labels) -> loss; weight decay 2e-4 on kernels."""
    weights = network.trainable_variables
    kernels = [w for w in weights if "kernel" in w.path]

    @tf.function(input_signature=STEP_SIGNATURE)
    def step(pictures: tf.Tensor, boxes: tf.Tensor, side: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        rows = tf.range(tf.shape(pictures)[0])
        sides = tf.stack([side, side])
        x = tf.image.crop_and_resize(tf.cast(pictures, tf.float32), boxes, rows, sides, extrapolation_value=GREY)
        x = l2_attack(network, x, labels, radius) if radius else x
        with tf.GradientTape() as tape:
            loss = cross_entropy(logits_of(network, x, training=True), labels)
            total = loss + 1e-4 * tf.add_n([tf.reduce_sum(k * k) for k in kernels])
        optimizer.apply(tape.gradient(total, weights), weights)
        return loss

    return step


# ------------------------------------------------------------------------------------------------- one stage


def crop_boxes(rng: np.random.Generator, count: int, side: int, area: float | None) -> np.ndarray:
    """Random square crops ``(N, 4)``: top, left, bottom, right, 0 and 1 being the first and last pixel; half mirrored.

    With an ``area`` they cover at least that fraction of the picture; without, they are ``side`` pixels wide, may hang
    over the edge by four, and fall on whole pixels.
    """
    if area is None:
        top, left = rng.integers(-SHIFT, 64 - side + SHIFT + 1, (2, count)) / 63
        width = np.full(count, (side - 1) / 63)
    else:
        width = np.sqrt(rng.uniform(area, 1, count))
        top, left = rng.uniform(0, 1, (2, count)) * (1 - width)
    boxes = np.stack([top, left, top + width, left + width], axis=1)
    mirrored = rng.random(count) < 0.5
    boxes[mirrored] = boxes[mirrored][:, [0, 3, 2, 1]]
    return boxes.astype(np.float32)


def learning_rate(stage: Stage, seen: int) -> float:
    """Linear rise, then linear fall to zero."""
    done = seen / stage.pictures
    return stage.peak * min(done / stage.warmup, (1 - done) / (1 - stage.warmup)) + 1e-4


def batches(stage: Stage, seen: int, count: int) -> Iterator[tuple[int, np.ndarray, np.ndarray, int]]:
    """(seen, indices, crop boxes, side) from ``seen`` pictures to the stage's end; a function of ``seen`` alone."""
    per_epoch = count // BATCH
    order, of_epoch = np.empty(0, int), -1
    while seen < stage.pictures:
        epoch, position = divmod(seen // BATCH, per_epoch)
        if epoch != of_epoch:
            order, of_epoch = np.random.default_rng([1, epoch]).permutation(count), epoch
        _, side, area = [crop for crop in stage.crops if crop[0] <= seen / stage.pictures][-1]
        boxes = crop_boxes(np.random.default_rng([2, seen]), BATCH, side, area)
        yield seen, order[position * BATCH : (position + 1) * BATCH], boxes, side
        seen += BATCH


def fit(name: str, data: Path, run: Path, start: Path | None) -> None:
    """Train one stage, going on from its checkpoint in ``run`` where there is one; writes ``run/NAME.weights.h5``."""
    stage = STAGES[name]
    keras.utils.set_random_seed(1)
    network = build()
    if stage.after:
        network.load_weights(start or run / f"{stage.after}.weights.h5")
    optimizer = keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True)
    optimizer.build(network.trainable_variables)
    counter = tf.Variable(0, dtype=tf.int64)
    checkpoint = tf.train.Checkpoint(network=network, optimizer=optimizer, seen=counter)
    manager = tf.train.CheckpointManager(checkpoint, run / name, max_to_keep=1)
    manager.restore_or_initialize()
    pictures, labels = sheets(data / "train", 25, 20)
    step = training_step(network, optimizer, stage.radius)
    began, first = time.time(), int(counter)
    for seen, index, boxes, side in batches(stage, first, len(pictures)):
        optimizer.learning_rate.assign(learning_rate(stage, seen))
        loss = step(pictures[index], boxes, side, labels[index])
        if seen // BATCH % LOG_EVERY == 0:
            rate = (seen - first) / (time.time() - began)
            print(f"{name} {seen}/{stage.pictures} {rate:.0f}/s side {side} loss {float(loss):.3f}", flush=True)
        if seen // SAVE_EVERY != (seen + BATCH) // SAVE_EVERY:
            counter.assign(seen + BATCH)
            manager.save()
    network.save_weights(run / f"{name}.weights.h5")
    print(json.dumps(measure(network, data)), flush=True)


# --------------------------------------------------------------------------------------------- measure and export


def predict_logits(network: keras.Model, pictures: np.ndarray) -> np.ndarray:
    """Logits ``(N, classes)`` of uint8 pictures, 250 at a time."""
    forward = tf.function(
        lambda x: logits_of(network, x, training=False),
        input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32)],
    )
    chunks = [pictures[i : i + 250].astype(np.float32) for i in range(0, len(pictures), 250)]
    return np.concatenate([forward(chunk).numpy() for chunk in chunks])


def measure(network: keras.Model, data: Path) -> dict[str, float]:
    """Top-1 and top-5 accuracy on the 10,000 validation pictures, as they are (64 x 64)."""
    pictures, labels = validation(data)
    logits = predict_logits(network, pictures)
    rank = (logits > np.take_along_axis(logits, labels[:, None], axis=1)).sum(axis=1)
    return {"top1": round(float((rank < 1).mean()), 4), "top5": round(float((rank < 5).mean()), 4)}


def measure_robust(network: keras.Model, data: Path, radii: tuple[float, ...] = (0.5, 1.0)) -> dict[str, float]:
    """Top-1 accuracy on every fifth validation picture under a ten-step L2 attack of each radius."""
    pictures, labels = (array[::5] for array in validation(data))
    results = {}
    for radius in radii:

        @tf.function
        def hits(x: tf.Tensor, y: tf.Tensor, radius: float = radius) -> tf.Tensor:
            moved = l2_attack(network, tf.cast(x, tf.float32), y, radius, steps=10, step_size=0.25)
            top = tf.argmax(logits_of(network, moved, training=False), axis=1, output_type=tf.int32)
            return tf.reduce_sum(tf.cast(top == y, tf.int32))

        right = sum(int(hits(pictures[i : i + 250], labels[i : i + 250])) for i in range(0, len(labels), 250))
        results[f"top1_l2_{radius}"] = round(right / len(labels), 4)
    return results


def _stages_before(name: str) -> list[str]:
    """The stages that come before one, first to last."""
    after = STAGES[name].after
    return [*_stages_before(after), after] if after else []


def export(name: str, data: Path, run: Path) -> None:
    """Write ``bundled/lens5_NAME.keras``, its card and the label file."""
    network = build()
    network.load_weights(run / f"{name}.weights.h5")
    network.save(BUNDLED / f"lens5_{name}.keras")
    rows = (data / "classes.tsv").read_text().splitlines()
    (BUNDLED / "tiny_imagenet_labels.txt").write_text("".join(row.split("\t")[2] + "\n" for row in rows))
    path = BUNDLED / f"lens5_{name}.json"
    card = json.loads(path.read_text()) if path.exists() else {}
    card["recipe"] = {"stage": name, **asdict(STAGES[name])}
    card["before"] = [{"stage": stage, **asdict(STAGES[stage])} for stage in _stages_before(name)]
    card["accuracy"] = measure(network, data) | measure_robust(network, data)
    path.write_text(json.dumps(card, indent=2) + "\n")


def main() -> None:
    """Parse the command line; the module's docstring shows it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for command in ("fit", "measure", "export"):
        sub = commands.add_parser(command)
        sub.add_argument("name", choices=None if command == "measure" else STAGES)
        sub.add_argument("--data", type=Path, required=True)
        if command != "measure":
            sub.add_argument("--run", type=Path, required=True)
        if command == "fit":
            sub.add_argument("--start", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "measure":
        network = keras.models.load_model(arguments.name)
        print(json.dumps(measure(network, arguments.data) | measure_robust(network, arguments.data)))
    elif arguments.command == "export":
        export(arguments.name, arguments.data, arguments.run)
    else:
        arguments.run.mkdir(parents=True, exist_ok=True)
        fit(arguments.name, arguments.data, arguments.run, arguments.start)


if __name__ == "__main__":
    main()
