"""Attacks beside Foolbox 3.3.4, ART 1.20.1 and CleverHans 4.0, in an environment of their own.

    python3 -m venv PEERS
    PEERS/bin/pip install "tensorflow==2.21.*" "numpy==1.26.*" foolbox==3.3.4 adversarial-robustness-toolbox==1.20.1
    PEERS/bin/pip install scikit-image scikit-learn av pillow easydict absl-py mnist
    PEERS/bin/pip install --no-deps cleverhans==4.0.0
    PYTHONPATH=. PEERS/bin/python -m tests.benchmarks.bench_attacks speed [--rounds 3]
    PYTHONPATH=. PEERS/bin/python -m tests.benchmarks.bench_attacks success

``speed``: FGSM and PGD-40 in Linf on MobileNetV2 with random weights, batch of 16 at 224 x 224, all taking turns, the
first (compiling) round not counted. ``success``: MobileNet (alpha 0.25) with its real ImageNet weights, on the
photographs of ``../shared/imagenet_samples`` that it classifies correctly: how many each epsilon fools, and the mean L2
of DeepFool and Carlini & Wagner. A peer that is not installed is left out, and said to be.
"""

import argparse
import os
import statistics
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_HOME", str(Path(__file__).resolve().parents[3] / "shared" / "weights" / "keras_home"))

import keras
import numpy as np
import tensorflow as tf

import core

EPSILON = 8 / 255
SHARED = Path(__file__).resolve().parents[3] / "shared"


def logits_only(network):
    """The network without its softmax, for pictures in [0, 1]."""
    image = keras.Input((224, 224, 3))
    return keras.Model(image, network(image * 2 - 1))


def ours(network):
    net = core.classifier(
        network, name="bench", labels=[str(i) for i in range(1000)], preprocess=lambda x: x * 2 - 1, size=(224, 224)
    )
    return {
        "fgsm": lambda x, y, e: core.last(core.fgsm(net, x, y, epsilon=e, on_grid=False)).images.numpy(),
        "pgd": lambda x, y, e: core.last(core.pgd(net, x, y, epsilon=e, on_grid=False)).images.numpy(),
        "deepfool": lambda x, y, e: core.last(core.deepfool(net, x, y, on_grid=False)).images.numpy(),
        "carlini": lambda x, y, e: core.last(
            core.carlini_wagner(net, x, y, steps=e, searches=6, constant=0.01, step_size=0.001, on_grid=False)
        ).images.numpy(),
    }


def foolbox(network):
    import foolbox as fb

    model = fb.TensorFlowModel(logits_only(network), bounds=(0, 1), device="/CPU:0")

    def run(attack):
        def go(x, y, e):
            _, clipped, _ = attack(model, tf.constant(x), tf.constant(y), epsilons=e)
            return clipped.numpy()

        return go

    carlini = lambda steps: fb.attacks.L2CarliniWagnerAttack(  # noqa: E731
        steps=steps, binary_search_steps=6, initial_const=0.01, stepsize=0.001
    )
    return {
        "fgsm": run(fb.attacks.LinfFastGradientAttack()),
        "pgd": run(fb.attacks.LinfProjectedGradientDescentAttack()),
        "deepfool": lambda x, y, e: run(fb.attacks.L2DeepFoolAttack())(x, y, None),
        "carlini": lambda x, y, e: run(carlini(e))(x, y, None),
    }


def art(network):
    from art.attacks.evasion import FastGradientMethod, ProjectedGradientDescentTensorFlowV2
    from art.estimators.classification import TensorFlowV2Classifier

    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = TensorFlowV2Classifier(
        logits_only(network), nb_classes=1000, input_shape=(224, 224, 3), loss_object=loss, clip_values=(0, 1)
    )

    def fgsm(x, y, e):
        return FastGradientMethod(model, eps=e, batch_size=16).generate(x, y)

    def pgd(x, y, e):
        attack = ProjectedGradientDescentTensorFlowV2(
            model, eps=e, eps_step=e / 30, max_iter=40, num_random_init=1, batch_size=16, verbose=False
        )
        return attack.generate(x, y)

    return {"fgsm": fgsm, "pgd": pgd}


def cleverhans(network):
    from cleverhans.tf2.attacks.fast_gradient_method import fast_gradient_method
    from cleverhans.tf2.attacks.projected_gradient_descent import projected_gradient_descent

    model = tf.function(logits_only(network))
    settings = {"clip_min": 0.0, "clip_max": 1.0, "y": None}
    return {
        "fgsm": lambda x, y, e: fast_gradient_method(model, tf.constant(x), e, np.inf, **{**settings, "y": y}).numpy(),
        "pgd": lambda x, y, e: projected_gradient_descent(
            model, tf.constant(x), e, e / 30, 40, np.inf, sanity_checks=False, **{**settings, "y": y}
        ).numpy(),
    }


def peers(network):
    """{name: {attack: function}}, ours first."""
    found = {"convscope": ours(network)}
    for make in (foolbox, art, cleverhans):
        try:
            found[make.__name__] = make(network)
        except ImportError as error:
            print(f"{make.__name__} is left out: {error}")
    return found


def speed(rounds):
    network = keras.applications.MobileNetV2(weights=None, classifier_activation=None)
    x = np.random.default_rng(0).random((16, 224, 224, 3), dtype=np.float32)
    y = np.arange(16, dtype=np.int64)
    everyone = peers(network)
    for attack in ("fgsm", "pgd"):
        times = {name: [] for name in everyone}
        for _ in range(rounds + 1):
            for name, attacks in everyone.items():
                since = time.perf_counter()
                attacks[attack](x, y, EPSILON)
                times[name].append(time.perf_counter() - since)
        medians = {name: statistics.median(seconds[1:]) for name, seconds in times.items()}
        for name, seconds in medians.items():
            print(f"{attack:5} {name:11} {seconds:7.3f} s, {seconds / medians['convscope']:.2f} times ours", flush=True)


def photographs(network):
    """Those that the network classifies correctly, cut to 224 x 224, and their classes."""
    if not SHARED.is_dir():
        raise SystemExit(f"{SHARED} is not here: nothing to attack.")
    paths = sorted((SHARED / "imagenet_samples").glob("*.jpg"))
    x = np.concatenate([core.fit(core.open_image(path), height=224, width=224) for path in paths])
    y = np.array([int(path.name.split("_")[0]) for path in paths])
    right = network.predict(x * 2 - 1, verbose=0).argmax(axis=1) == y
    return x[right], y[right]


def success(steps, most):
    network = keras.applications.MobileNet(alpha=0.25, classifier_activation=None)
    x, y = photographs(network)
    print(f"{len(x)} photographs are classified correctly; {min(most, len(x))} of them are attacked")
    x, y = x[:most], y[:most]

    def fooled(pictures):
        return int((network.predict(pictures * 2 - 1, verbose=0).argmax(axis=1) != y).sum())

    everyone = {name: attacks for name, attacks in peers(network).items() if name != "cleverhans"}
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


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("speed", "success"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=100, help="at most")
    parser.add_argument("--steps", type=int, default=200, help="of Carlini & Wagner, each of 6 searches")
    options = parser.parse_args()
    if options.what == "speed":
        speed(options.rounds)
    else:
        success(options.steps, options.pictures)


if __name__ == "__main__":
    main()
