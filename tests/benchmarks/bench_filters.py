"""Time 64 filters, 128 x 128, 30 steps: this engine beside the method of the Keras example as published.

    python tests/benchmarks/bench_filters.py [--filters 64] [--rounds 3] [--networks vgg16 resnet50v2 mobilenet_v2]

Both raise the mean of a channel, without a border of 2, on pixels by L2-normalized gradients, in float32 with
random weights, and take turns. Keras traces its step anew for every filter (it passes the index as a Python number);
the engine's tracing is counted too: each round begins with a classifier that has compiled nothing.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import keras
import numpy as np
import tensorflow as tf

from core.networks.classifiers import classifier
from core.optimize import ascent
from core.optimize.objectives import Channel
from core.optimize.parameterizations import Pixels
from core.optimize.updates import GradientAscent
from core.techniques import filters

NETWORKS = {
    "mobilenet_v2": (keras.applications.MobileNetV2, "block_6_expand_relu"),
    "resnet50v2": (keras.applications.ResNet50V2, "conv3_block4_out"),
    "vgg16": (keras.applications.VGG16, "block3_conv1"),
}
SIDE, STEPS, BORDER = 128, 30, 2


def with_keras(network, layer, count):
    """keras.io, "Visualizing what convnets learn" (keras-team/keras-io, Apache-2.0), at this size and layer."""
    extractor = keras.Model(network.inputs, network.get_layer(layer).output)

    def compute_loss(input_image, filter_index):
        activation = extractor(input_image)
        return tf.reduce_mean(activation[:, 2:-2, 2:-2, filter_index])

    @tf.function
    def gradient_ascent_step(img, filter_index, learning_rate):
        with tf.GradientTape() as tape:
            tape.watch(img)
            loss = compute_loss(img, filter_index)
        grads = tf.math.l2_normalize(tape.gradient(loss, img))
        return loss, img + learning_rate * grads

    def visualize_filter(filter_index):
        img = (tf.random.uniform((1, SIDE, SIDE, 3)) - 0.5) * 0.25
        for _ in range(STEPS):
            _, img = gradient_ascent_step(img, filter_index, 10.0)
        return img[0].numpy()

    return [visualize_filter(index) for index in range(count)]


def with_engine(network, layer, count):
    net = classifier(network, name="bench", size=(SIDE, SIDE))
    preset = filters.Preset("", "", Pixels(), GradientAscent(5.0, "l2"), STEPS)
    frames = filters.maximize(
        net, layer, range(count), size=SIDE, preset=preset, objective=Channel(layer, border=BORDER)
    )
    return ascent.last(frames).images.numpy()


def timed(make, *args):
    since = time.perf_counter()
    make(*args)
    return time.perf_counter() - since


def roofline():
    """The best of a few float32 products of 2048 x 2048 matrices, in GFLOP/s."""
    a = tf.random.normal((2048, 2048))
    product = tf.function(lambda x: tf.reduce_sum(tf.matmul(x, x)))
    product(a).numpy()
    return max(2 * 2048**3 / 1e9 / timed(lambda: product(a).numpy()) for _ in range(8))


def work(network, layer):
    """GFLOP of the convolutions, forward and back to the picture, for one filter and all its steps."""
    net = classifier(network, name="bench", size=(SIDE, SIDE))
    total = 0.0
    for step in net.graph.needed([layer]):
        kernel = getattr(step.operation, "kernel", None)
        if kernel is not None and len(kernel.shape) == 4:
            total += 2 * np.prod(kernel.shape) * np.prod(step.outputs[0].shape[1:3])
    return 2 * total * STEPS / 1e9


def compare(name, count, rounds):
    make, layer = NETWORKS[name]
    network = make(weights=None, include_top=False, input_shape=(SIDE, SIDE, 3))
    times = {with_keras: [], with_engine: []}
    for _ in range(rounds):
        for method, seconds in times.items():
            seconds.append(timed(method, network, layer, count))
    published, engine = (statistics.median(seconds) for seconds in times.values())
    speed = work(network, layer) * count / engine
    print(
        f"{name:14} {layer:22} keras {published:7.1f} s   engine {engine:7.1f} s   {published / engine:5.2f} times"
        f" faster   {speed:5.0f} GFLOP/s of {roofline():.0f}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--filters", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    options = parser.parse_args()
    for name in options.networks:
        compare(name, options.filters, options.rounds)


if __name__ == "__main__":
    main()
