"""Attribution beside Xplique 2.0.2, in an environment of its own.

    python3 -m venv XPLIQUE
    XPLIQUE/bin/pip install "tensorflow==2.21.*" "tf_keras==2.21.*" tensorflow-probability scipy==1.15.3 \\
        scikit-learn==1.7.2 scikit-image==0.25.2 av pillow attrs deprecated easydict einops matplotlib \\
        opencv-python-headless
    XPLIQUE/bin/pip install --no-deps xplique==2.0.2
    PYTHONPATH=. XPLIQUE/bin/python -m tests.benchmarks.bench_attribution [--rounds 5]

MobileNetV2 with random weights, one picture of 224 x 224: Grad-CAM, occlusion (square of 16 pixels, stride 8: 729
pictures), SmoothGrad (50 copies). Both work on the same network's logits and take turns; the first (compiling) round is
not counted. Xplique gets pictures that are preprocessed already. Where it is not installed, ours run alone.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import core

GOALS = {"grad_cam": 3.0, "occlusion": 2.5, "smooth": 1.8}
TARGET, COPIES, WINDOW, STRIDE = 3, 50, 16, 8


def ours(network, picture):
    net = core.classifier(
        network, name="bench", labels=[str(i) for i in range(1000)], preprocess=lambda x: x * 2 - 1, size=(224, 224)
    )
    return {
        "grad_cam": lambda: core.attribute(net, picture, TARGET),
        "occlusion": lambda: core.occlusion(net, picture, TARGET, window=WINDOW, stride=STRIDE),
        "smooth": lambda: core.attribute(net, picture, TARGET, method="smooth", count=COPIES),
    }


def xplique(network, picture):
    from xplique.attributions import GradCAM, Occlusion, SmoothGrad

    seen, target = picture * 2 - 1, keras.utils.to_categorical([TARGET], 1000)
    explainers = {
        "grad_cam": GradCAM(network),
        "occlusion": Occlusion(network, patch_size=WINDOW, patch_stride=STRIDE),
        "smooth": SmoothGrad(network, nb_samples=COPIES),
    }
    return {name: lambda explainer=explainer: explainer(seen, target) for name, explainer in explainers.items()}


def peers(network, picture):
    """{name: {method: function}}, ours first."""
    found = {"convscope": ours(network, picture)}
    try:
        found["xplique"] = xplique(network, picture)
    except ImportError as error:
        print(f"xplique is left out: {error}")
    return found


def medians(everyone, method, rounds):
    """Median seconds of each, in turns, after one round that does not count."""
    times = {name: [] for name in everyone}
    for _ in range(rounds + 1):
        for name, methods in everyone.items():
            since = time.perf_counter()
            methods[method]()
            times[name].append(time.perf_counter() - since)
    return {name: statistics.median(seconds[1:]) for name, seconds in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    network = keras.applications.MobileNetV2(weights=None, classifier_activation=None)
    picture = np.random.default_rng(0).random((1, 224, 224, 3), dtype=np.float32)
    everyone = peers(network, picture)
    for method, goal in GOALS.items():
        found = medians(everyone, method, rounds * 4 if method == "grad_cam" else rounds)
        for name, seconds in found.items():
            ratio = seconds / found["convscope"]
            print(f"{method:9} {name:10} {seconds:7.4f} s, {ratio:.2f} times ours (goal {goal})", flush=True)


if __name__ == "__main__":
    main()
