"""All layers of a network for one picture of 224 x 224, beside ``keras.Model.predict`` with all outputs."""

from __future__ import annotations

NETWORKS = {"mobilenet_v2": "MobileNetV2", "vgg16": "VGG16"}


def network(name):
    import keras

    if name in NETWORKS:
        return getattr(keras.applications, NETWORKS[name])(weights=None)
    from core.networks import efficientnet_lite

    return efficientnet_lite.build()


def picture():
    import numpy as np

    return np.random.default_rng(0).random((1, 224, 224, 3), dtype=np.float32)


def ours(name, times=5):
    import core

    classifier = core.classifier(network(name), name=name, size=(224, 224))
    layers = [layer for layer in classifier.layers if classifier.layers[layer].kind != "InputLayer"]
    photo = picture()

    def run():
        for _ in range(times):
            core.activations(classifier, photo, layers)
        return {"runs": times}

    return run


def predict(name, times=5):
    import keras

    model, photo = network(name), picture()
    every = keras.Model(model.inputs, [layer.output for layer in model.layers[1:]])

    def run():
        for _ in range(times):
            every.predict(photo, verbose=0)
        return {"runs": times}

    return run
