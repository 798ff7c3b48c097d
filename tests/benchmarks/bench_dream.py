"""Time a dream of 600 pixels on InceptionV3 with random weights: this engine beside two published methods.

    python -m tests.benchmarks.bench_dream [--side 600] [--steps 20] [--rounds 3]
    python -m tests.benchmarks.bench_dream --memory 4000 3000

All make 3 octaves of ratio 1.4, raise mixed3 and mixed5 and take turns. The Keras example compiles its step; the
TensorFlow tutorial's simple method runs all steps of an octave inside one function. ``--memory`` dreams one step at one
octave on a picture of this width and height by a bundled network, and says how much memory that took at the peak.
"""

import argparse
import os
import statistics
import threading
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import psutil
import tensorflow as tf

import core

LAYERS = {"mixed3": 1.0, "mixed5": 1.5}
RATIO, OCTAVES = 1.4, 3


def sizes(side):
    return [int(side / RATIO**power) for power in range(OCTAVES - 1, -1, -1)]


def features(network):
    return keras.Model(network.inputs, {name: network.get_layer(name).output for name in LAYERS})


def keras_method(network, photo, steps):
    """keras.io, Deep Dream (keras-team/keras-io, Apache-2.0): the loss, the step and lost detail as published."""
    extractor = features(network)

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

    image = shrunk = tf.image.resize(photo, [sizes(photo.shape[1])[0]] * 2)
    for side in sizes(photo.shape[1]):
        image = tf.image.resize(image, [side, side])
        for _ in range(steps):
            _, image = gradient_ascent_step(image, 0.01)
        same = tf.image.resize(photo, [side, side])
        image += same - tf.image.resize(shrunk, [side, side])
        shrunk = same
    return image.numpy()


def tensorflow_method(network, photo, steps):
    """tensorflow.org, DeepDream (Apache-2.0), the simple method: one function for all steps of an octave."""
    extractor = features(network)

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

    image = photo[0]
    for side in sizes(photo.shape[1]):
        image = deepdream(tf.image.resize(image, [side, side]), tf.constant(steps), tf.constant(0.01))
    return image.numpy()


def engine(network, photo, steps):
    net = core.classifier(network, name="bench", size=(299, 299), preprocess=lambda x: x * 2 - 1)
    settings = {"preset": "keras", "octaves": OCTAVES, "ratio": RATIO, "steps": steps, "tile": 1024}
    return core.last(core.dream(net, (photo + 1) / 2, LAYERS, **settings)).images.numpy()


def memory(width, height):
    """Peak memory of one step on a large picture, above what the process had with the network loaded."""
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=600)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", type=int, nargs=2, metavar=("WIDTH", "HEIGHT"))
    options = parser.parse_args()
    if options.memory:
        memory(*options.memory)
        return
    network = keras.applications.InceptionV3(weights=None, include_top=False, input_shape=(None, None, 3))
    photo = np.random.default_rng(0).uniform(-1, 1, (1, options.side, options.side, 3)).astype(np.float32)
    times = {keras_method: [], tensorflow_method: [], engine: []}
    for _ in range(options.rounds):
        for method, seconds in times.items():
            since = time.perf_counter()
            method(network, photo, options.steps)
            seconds.append(time.perf_counter() - since)
    medians = {method: statistics.median(seconds) for method, seconds in times.items()}
    best = min(medians[keras_method], medians[tensorflow_method])
    for method, seconds in medians.items():
        print(f"{method.__name__:18} {seconds:6.1f} s, {seconds / best:.2f} of the faster published one")


if __name__ == "__main__":
    main()
