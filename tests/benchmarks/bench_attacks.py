"""FGSM and PGD-40 beside Foolbox 3.3.4, ART 1.20.1 and CleverHans 4.0.

In Linf on MobileNetV2 with random weights, batch of 16 at 224 x 224, epsilon 8/255, steps of a thirtieth of it.

    PYTHONPATH=. PEERS/bin/python -m tests.benchmarks.bench_attacks [--pictures 100] [--steps 200]

Run as a program in the peers' environment, it compares what attacks reach instead of their time: MobileNet (alpha 0.25)
with its real ImageNet weights, on the photographs of ``../shared/imagenet_samples`` that it classifies correctly: how
many each epsilon fools, and the mean L2 of DeepFool and Carlini & Wagner. A peer that is not installed is said to be.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

EPSILON, STEPS = 8 / 255, 40
SHARED = Path(__file__).resolve().parents[3] / "shared"


def network():
    import keras

    keras.utils.set_random_seed(0)
    return keras.applications.MobileNetV2(weights=None, classifier_activation=None)


def sixteen(attack, go):
    """The attack on the sixteen pictures of the benchmark."""
    import numpy as np

    x = np.random.default_rng(0).random((16, 224, 224, 3), dtype=np.float32)
    y = np.arange(16, dtype=np.int64)
    work = go[attack]

    def run():
        work(x, y, EPSILON)

    return run


def ours(attack):
    return sixteen(attack, convscope_attacks(network()))


def foolbox(attack):
    return sixteen(attack, foolbox_attacks(network()))


def art(attack):
    return sixteen(attack, art_attacks(network()))


def cleverhans(attack):
    return sixteen(attack, cleverhans_attacks(network()))


def logits_only(model):
    """The network for pictures in [0, 1]."""
    import keras

    image = keras.Input((224, 224, 3))
    return keras.Model(image, model(image * 2 - 1))


def convscope_attacks(model):
    import core

    labels = [str(index) for index in range(1000)]
    net = core.classifier(model, name="bench", labels=labels, preprocess=lambda x: x * 2 - 1, size=(224, 224))
    carlini = {"searches": 6, "constant": 0.01, "step_size": 0.001, "on_grid": False}
    return {
        "fgsm": lambda x, y, e: core.last(core.fgsm(net, x, y, epsilon=e, on_grid=False)).images.numpy(),
        "pgd": lambda x, y, e: core.last(core.pgd(net, x, y, epsilon=e, steps=STEPS, on_grid=False)).images.numpy(),
        "deepfool": lambda x, y, e: core.last(core.deepfool(net, x, y, on_grid=False)).images.numpy(),
        "carlini": lambda x, y, e: core.last(core.carlini_wagner(net, x, y, steps=e, **carlini)).images.numpy(),
    }


def foolbox_attacks(model):
    import foolbox as fb
    import tensorflow as tf

    wrapped = fb.TensorFlowModel(logits_only(model), bounds=(0, 1), device="/CPU:0")

    def run(attack):
        def go(x, y, e):
            _, clipped, _ = attack(wrapped, tf.constant(x), tf.constant(y), epsilons=e)
            return clipped.numpy()

        return go

    carlini = {"binary_search_steps": 6, "initial_const": 0.01, "stepsize": 0.001}
    return {
        "fgsm": run(fb.attacks.LinfFastGradientAttack()),
        "pgd": run(fb.attacks.LinfProjectedGradientDescentAttack(steps=STEPS)),
        "deepfool": lambda x, y, e: run(fb.attacks.L2DeepFoolAttack())(x, y, None),
        "carlini": lambda x, y, e: run(fb.attacks.L2CarliniWagnerAttack(steps=e, **carlini))(x, y, None),
    }


def art_attacks(model):
    import tensorflow as tf
    from art.attacks.evasion import FastGradientMethod, ProjectedGradientDescentTensorFlowV2
    from art.estimators.classification import TensorFlowV2Classifier

    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    wrapped = TensorFlowV2Classifier(
        logits_only(model), nb_classes=1000, input_shape=(224, 224, 3), loss_object=loss, clip_values=(0, 1)
    )

    def fgsm(x, y, e):
        return FastGradientMethod(wrapped, eps=e, batch_size=16).generate(x, y)

    def pgd(x, y, e):
        attack = ProjectedGradientDescentTensorFlowV2(
            wrapped, eps=e, eps_step=e / 30, max_iter=STEPS, num_random_init=1, batch_size=16, verbose=False
        )
        return attack.generate(x, y)

    return {"fgsm": fgsm, "pgd": pgd}


def cleverhans_attacks(model):
    import numpy as np
    import tensorflow as tf
    from cleverhans.tf2.attacks.fast_gradient_method import fast_gradient_method
    from cleverhans.tf2.attacks.projected_gradient_descent import projected_gradient_descent

    compiled = tf.function(logits_only(model))
    settings = {"clip_min": 0.0, "clip_max": 1.0}
    return {
        "fgsm": lambda x, y, e: fast_gradient_method(compiled, tf.constant(x), e, np.inf, y=y, **settings).numpy(),
        "pgd": lambda x, y, e: projected_gradient_descent(
            compiled, tf.constant(x), e, e / 30, STEPS, np.inf, sanity_checks=False, y=y, **settings
        ).numpy(),
    }


def peers(model):
    """{name: {attack: function}}, ours first; CleverHans has neither DeepFool nor Carlini & Wagner for TensorFlow."""
    found = {"convscope": convscope_attacks(model)}
    for name, make in (("foolbox", foolbox_attacks), ("art", art_attacks)):
        try:
            found[name] = make(model)
        except ImportError as error:
            print(f"{name} is left out: {error}")
    return found


def photographs(model):
    """Those that the network classifies correctly, cut to 224 x 224, and their classes."""
    import numpy as np

    import core

    if not SHARED.is_dir():
        raise SystemExit(f"{SHARED} is not here: nothing to attack.")
    paths = sorted((SHARED / "imagenet_samples").glob("*.jpg"))
    x = np.concatenate([core.fit(core.open_image(path), height=224, width=224) for path in paths])
    y = np.array([int(path.name.split("_")[0]) for path in paths])
    right = model.predict(x * 2 - 1, verbose=0).argmax(axis=1) == y
    return x[right], y[right]


def success(steps, most):
    """Print how many pictures each attack fools, and how far it goes."""
    os.environ.setdefault("KERAS_HOME", str(SHARED / "weights" / "keras_home"))
    import keras
    import numpy as np

    model = keras.applications.MobileNet(alpha=0.25, classifier_activation=None)
    x, y = photographs(model)
    print(f"{len(x)} photographs are classified correctly; {min(most, len(x))} of them are attacked")
    x, y = x[:most], y[:most]

    def fooled(pictures):
        return int((model.predict(pictures * 2 - 1, verbose=0).argmax(axis=1) != y).sum())

    everyone = peers(model)
    for attack in ("fgsm", "pgd"):
        for levels in (0.05, 0.1, 0.2, 0.5):
            counts = {name: fooled(attacks[attack](x, y, levels / 255)) for name, attacks in everyone.items()}
            print(f"{attack:5} {levels}/255: {counts}", flush=True)
    for attack in ("deepfool", "carlini"):
        for name, attacks in everyone.items():
            if attack in attacks:
                found = attacks[attack](x, y, steps)
                far = np.sqrt(np.square(found - x).sum(axis=(1, 2, 3))).mean()
                print(f"{attack:8} {name:10} fools {fooled(found)}, mean L2 {far:.4f}", flush=True)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    parser = argparse.ArgumentParser(description="What attacks reach, beside Foolbox and ART.")
    parser.add_argument("--pictures", type=int, default=100, help="at most")
    parser.add_argument("--steps", type=int, default=200, help="of Carlini & Wagner, each of 6 searches")
    options = parser.parse_args()
    success(options.steps, options.pictures)
