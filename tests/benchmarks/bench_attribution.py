"""Grad-CAM, occlusion and SmoothGrad beside Xplique 2.0.2, on MobileNetV2 with random weights.

One picture of 224 x 224; occlusion by a square of 16 pixels with stride 8 (729 pictures), SmoothGrad of 50 copies. Both
work on the network's logits. Xplique gets a picture that is preprocessed already.
"""

from __future__ import annotations

TARGET, COPIES, WINDOW, STRIDE = 3, 50, 16, 8
RUNS = {"grad_cam": 10, "occlusion": 1, "smooth": 1}


def network():
    import keras

    keras.utils.set_random_seed(0)
    return keras.applications.MobileNetV2(weights=None, classifier_activation=None)


def photograph():
    import numpy as np

    return np.random.default_rng(0).random((1, 224, 224, 3), dtype=np.float32)


def ours(method):
    import core

    net, photo = core.classifier(network(), name="bench", preprocess=lambda x: x * 2 - 1, size=(224, 224)), photograph()
    work = {
        "grad_cam": lambda: core.attribute(net, photo, TARGET),
        "occlusion": lambda: core.occlusion(net, photo, TARGET, window=WINDOW, stride=STRIDE),
        "smooth": lambda: core.attribute(net, photo, TARGET, method="smooth", count=COPIES),
    }[method]
    return repeated(work, RUNS[method])


def xplique(method):
    import keras
    from xplique.attributions import GradCAM, Occlusion, SmoothGrad

    model, seen = network(), photograph() * 2 - 1
    target = keras.utils.to_categorical([TARGET], 1000)
    explainer = {
        "grad_cam": lambda: GradCAM(model),
        "occlusion": lambda: Occlusion(model, patch_size=WINDOW, patch_stride=STRIDE),
        "smooth": lambda: SmoothGrad(model, nb_samples=COPIES),
    }[method]()
    return repeated(lambda: explainer(seen, target), RUNS[method])


def repeated(work, times):
    def run():
        for _ in range(times):
            work()
        return {"runs": times}

    return run
