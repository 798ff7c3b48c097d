"""A dream of 600 pixels on InceptionV3 with random weights, beside two published methods.

    python -m tests.benchmarks.bench_dream 4000 3000

All make 3 octaves of ratio 1.4 with 10 steps each, and raise mixed3 and mixed5. The Keras example compiles its step;
the TensorFlow tutorial's simple method runs all steps of an octave inside one function. Run as a program, it dreams one
step at one octave on a picture of this width and height by a bundled network, and says how much memory that took.
"""

from __future__ import annotations

import sys
import threading
import time

LAYERS = {"mixed3": 1.0, "mixed5": 1.5}
SIDE, STEPS, RATIO, OCTAVES = 600, 10, 1.4, 3


def sizes(side):
    return [int(side / RATIO**power) for power in range(OCTAVES - 1, -1, -1)]


def network():
    import keras

    keras.utils.set_random_seed(0)
    return keras.applications.InceptionV3(weights=None, include_top=False, input_shape=(None, None, 3))


def photograph():
    import numpy as np

    return np.random.default_rng(0).uniform(-1, 1, (1, SIDE, SIDE, 3)).astype(np.float32)


def features(model):
    import keras

    return keras.Model(model.inputs, {name: model.get_layer(name).output for name in LAYERS})


def ours():
    import core

    from .bench_filters import gflops

    net = core.classifier(network(), name="bench", size=(299, 299), preprocess=lambda x: x * 2 - 1)
    photo = (photograph() + 1) / 2
    settings = {"preset": "keras", "octaves": OCTAVES, "ratio": RATIO, "steps": STEPS, "tile": 1024}
    work = gflops(net, "mixed5") * sum(side**2 for side in sizes(SIDE)) / 299**2 * STEPS

    def run():
        core.last(core.dream(net, photo, LAYERS, **settings)).images.numpy()
        return {"gflop": work}

    return run


def keras_example():
    """keras.io, Deep Dream (keras-team/keras-io, Apache-2.0): the loss, the step and lost detail as published."""
    import tensorflow as tf

    extractor, photo = features(network()), photograph()

    def compute_loss(image):
        loss = tf.zeros(())
        for name, activation in extractor(image).items():
            scaling = tf.reduce_prod(tf.cast(tf.shape(activation), tf.float32))
            loss += LAYERS[name] * tf.reduce_sum(tf.square(activation[:, 2:-2, 2:-2, :])) / scaling
        return loss

    @tf.function
    def gradient_ascent_step(image, rate):
        with tf.GradientTape() as tape:
            tape.watch(image)
            loss = compute_loss(image)
        slope = tape.gradient(loss, image)
        slope /= tf.maximum(tf.reduce_mean(tf.abs(slope)), 1e-6)
        return loss, image + rate * slope

    def run():
        image = shrunk = tf.image.resize(photo, [sizes(SIDE)[0]] * 2)
        for side in sizes(SIDE):
            image = tf.image.resize(image, [side, side])
            for _ in range(STEPS):
                _, image = gradient_ascent_step(image, 0.01)
            same = tf.image.resize(photo, [side, side])
            image += same - tf.image.resize(shrunk, [side, side])
            shrunk = same
        image.numpy()

    return run


def tensorflow_tutorial():
    """tensorflow.org, DeepDream (Apache-2.0), the simple method: one function for all steps of an octave."""
    import tensorflow as tf

    extractor, photo = features(network()), photograph()

    @tf.function(input_signature=[tf.TensorSpec([None, None, 3]), tf.TensorSpec([], tf.int32), tf.TensorSpec([])])
    def deepdream(image, count, rate):
        for _ in tf.range(count):
            with tf.GradientTape() as tape:
                tape.watch(image)
                loss = tf.reduce_sum([tf.reduce_mean(one) for one in extractor(image[None]).values()])
            slope = tape.gradient(loss, image)
            slope /= tf.math.reduce_std(slope) + 1e-8
            image = tf.clip_by_value(image + slope * rate, -1, 1)
        return image

    def run():
        image = photo[0]
        for side in sizes(SIDE):
            image = deepdream(tf.image.resize(image, [side, side]), tf.constant(STEPS), tf.constant(0.01))
        image.numpy()

    return run


def memory(width, height):
    """Peak memory of one step on a large picture, above what the process had with the network loaded."""
    import psutil

    import core

    net = core.load("lens5_standard")
    core.last(core.dream(net, core.shrink(core.samples.load("coffee"), max_side=300), steps=1))
    process, peak, done = psutil.Process(), [0], threading.Event()
    before = process.memory_info().rss

    def watch():
        while not done.wait(0.02):
            peak[0] = max(peak[0], process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    photo = core.resize(core.samples.load("coffee"), height=height, width=width)
    since = time.perf_counter()
    picture = core.last(core.dream(net, photo, octaves=1, steps=1)).images
    seconds = time.perf_counter() - since
    done.set()
    watcher.join()
    print(
        f"{width} x {height}: {(peak[0] - before) / 2**20:.0f} MiB above {before / 2**20:.0f} MiB, {seconds:.1f} s a"
        f" step, {seconds / width / height * 1e6:.2f} s a megapixel, out came {picture.shape[2]} x {picture.shape[1]}"
    )


if __name__ == "__main__":
    memory(*map(int, sys.argv[1:3]))
