"""Robust accuracy beside Foolbox 3.3.4 and ART 1.20.1: the same network, pictures, epsilons and numbers of steps.

    PYTHONPATH=. PEERS/bin/python tests/benchmarks/agree_attacks.py [--pictures 16] [--network lens5_standard]

FGSM and PGD beside Foolbox, Auto-PGD (cross-entropy and DLR) and Square beside ART: in Linf, on tiles of the sample
photographs, of which the network's own answers are the labels. Prints the accuracy that each leaves at every epsilon.
On lens5_standard (64 pixels) and 16 pictures it takes some seven minutes on two busy cores, most of them in Square.
"""

from __future__ import annotations

import argparse
import os
import time

EPSILONS, STEPS, QUESTIONS = (0.25, 0.5, 1.0, 2.0), 20, 200


def network(name):
    """Our network, the same as a Keras network of pictures in [0, 1], pictures and labels."""
    import keras
    import numpy as np

    import core

    net = core.load(name)
    tap = net.tap([core.LOGITS])

    class Logits(keras.Model):
        def call(self, x):
            return tap(x)[core.LOGITS]

    pixels = core.sample_tiles(size=net.size).pixels
    return net, Logits(), core.to_float(pixels), np.random.default_rng(0).permutation(len(pixels))


def foolbox_left(model, x, y):
    """{attack: accuracy left at each epsilon} by Foolbox."""
    import foolbox as fb
    import numpy as np
    import tensorflow as tf

    wrapped = fb.TensorFlowModel(model, bounds=(0, 1), device="/CPU:0")
    rows = {
        "fgsm": fb.attacks.LinfFastGradientAttack(),
        "pgd": fb.attacks.LinfProjectedGradientDescentAttack(steps=STEPS, rel_stepsize=2.5 / STEPS),
    }

    def left(attack, epsilon):
        fooled = attack(wrapped, tf.constant(x), tf.constant(y), epsilons=epsilon / 255)[2]
        return 1 - float(np.mean(fooled))

    return {name: [left(attack, one) for one in EPSILONS] for name, attack in rows.items()}


def art_left(model, x, y, classes):
    """The same by ART."""
    import numpy as np
    import tensorflow as tf
    from art.attacks.evasion import AutoProjectedGradientDescent, SquareAttack
    from art.estimators.classification import TensorFlowV2Classifier

    tf.random.set_seed(0)
    np.random.seed(0)  # noqa: NPY002 - ART draws from it
    loss = tf.keras.losses.CategoricalCrossentropy(from_logits=True)
    wrapped = TensorFlowV2Classifier(
        model, nb_classes=classes, input_shape=x.shape[1:], loss_object=loss, clip_values=(0, 1)
    )
    hot = np.eye(classes, dtype=np.float32)[y]

    def attack(name, epsilon):
        if name == "square":
            return SquareAttack(wrapped, eps=epsilon, max_iter=QUESTIONS, p_init=0.3, nb_restarts=1, verbose=False)
        kind = {"apgd_ce": "cross_entropy", "apgd_dlr": "difference_logits_ratio"}[name]
        return AutoProjectedGradientDescent(
            wrapped, eps=epsilon, eps_step=2 * epsilon, max_iter=STEPS, nb_random_init=1, batch_size=16,
            loss_type=kind, verbose=False,
        )  # fmt: skip

    found, since = {}, time.perf_counter()
    for name in ("apgd_ce", "apgd_dlr", "square"):
        left = []
        for one in EPSILONS:
            made = attack(name, one / 255).generate(x, hot)
            left.append(float((np.asarray(model(tf.constant(made))).argmax(axis=1) == y).mean()))
            print(f"  ART {name} {one:g}/255: {left[-1]:.3f} after {time.perf_counter() - since:.0f} s", flush=True)
        found[name] = left
    return found


def ours_left(net, x, y):
    """The same by ``core.robust_accuracy``, point by point: nothing is carried over that the peers do not carry."""
    import numpy as np

    import core

    found = {}
    for name, settings in core.ROBUSTNESS.items():
        given = {**settings, **({"steps": QUESTIONS if name == "square" else STEPS} if "steps" in settings else {})}
        left = []
        for one in EPSILONS:
            own_step = {"step_size": 2.5 * one / 255 / STEPS} if name == "pgd" else {}
            made = core.last(core.ATTACKS[name].run(net, x, y, epsilon=one / 255, **given, **own_step)).images
            left.append(float((~core.fools(net, np.asarray(made), y)).mean()))
        found[name] = left
    carried = core.last(core.robust_accuracy(net, x, y, [one / 255 for one in EPSILONS]))
    return found, {name: carried.accuracy(name)[1:].tolist() for name in carried.right}, carried.together[1:].tolist()


def main() -> None:
    """Print all of them."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    parser = argparse.ArgumentParser(prog="agree_attacks.py", description=__doc__)
    parser.add_argument("--pictures", type=int, default=16)
    parser.add_argument("--network", default="lens5_standard")
    options = parser.parse_args()
    import core

    net, model, pictures, order = network(options.network)
    x = pictures[order[: options.pictures]]
    y = core.logits_of(net, x).argmax(axis=1)
    print(f"{net.name}, {len(x)} pictures, accuracy left at {', '.join(f'{one:g}/255' for one in EPSILONS)}")
    since = time.perf_counter()
    own, carried, together = ours_left(net, x, y)
    print(f"ours in {time.perf_counter() - since:.0f} s", flush=True)
    peers: dict[str, tuple[str, list[float]]] = {}
    for title, make in (
        ("Foolbox", lambda: foolbox_left(model, x, y)),
        ("ART", lambda: art_left(model, x, y, len(net.labels))),
    ):
        try:
            peers |= {name: (title, left) for name, left in make().items()}
        except ImportError as error:
            print(f"{title} is left out: {error}")
    for name, left in own.items():
        told = "  ".join(f"{one:.3f}" for one in left)
        theirs = f"{peers[name][0]:8} {'  '.join(f'{one:.3f}' for one in peers[name][1])}" if name in peers else ""
        print(f"{name:9} ours {told}   {theirs}   carried {'  '.join(f'{one:.3f}' for one in carried[name])}")
    print(f"together  {'  '.join(f'{one:.3f}' for one in together)}")


if __name__ == "__main__":
    main()
